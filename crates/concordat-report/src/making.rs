//! Making a report: which records are read, in which order, and what is written.
//!
//! The records come from a [`Source`]: a database without a server, or the server's own store. Everything is read in
//! one pass, and a pack reads the records a second time when it writes them. The records must have the root that the
//! checkpoint says, or nothing is made: a report of other records than those that were signed is worth nothing.

mod gather;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::io::{self, Write};
use std::ops::Range;

use concordat_ledger::note::CheckpointError;
use concordat_ledger::tree::{Consistency, FrontierError, Hash, Node, ProofError};
use concordat_ledger::{Checkpoint, Frontier, Record, Verifier};
use concordat_model::digest::Digest;

use crate::entry::{Entry, UnreadableRecord};
use crate::facts::{Facts, Input};
use crate::pack::{self, About, Content, Measured, Pack};
use crate::report::{Report, Signed};
use crate::rows::Rows;
use crate::template::{BadTemplate, Template};
use gather::Gathered;

/// Where records come from.
#[expect(
    async_fn_in_trait,
    reason = "each caller knows its source, and none is handed around as a trait object"
)]
pub trait Source {
    /// What goes wrong when it is read.
    type Error: Display;

    /// The smallest range of records that holds every one whose time is at or after `from` and before `to`.
    async fn within(
        &mut self,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<Option<Range<u64>>, Self::Error>;

    /// The smallest checkpoint of at least so many records.
    async fn checkpoint_from(&mut self, size: u64) -> Result<Option<String>, Self::Error>;

    /// Records from this index on: at least one, and none at or after `until`.
    async fn records(&mut self, from: u64, until: u64) -> Result<Vec<Record>, Self::Error>;

    /// Which of these payloads are stored.
    async fn stored(&mut self, digests: &BTreeSet<Digest>) -> Result<BTreeSet<Digest>, Self::Error>;

    /// A payload.
    async fn payload(&mut self, digest: &Digest) -> Result<Option<Vec<u8>>, Self::Error>;

    /// The hashes of these nodes of the tree over the first `size` records.
    async fn nodes(&mut self, nodes: &[Node], size: u64) -> Result<Vec<Hash>, Self::Error>;
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Order {
    /// The template.
    pub template: Template,
    /// From when, as RFC 3339 in UTC with microseconds; none for the beginning.
    pub from: Option<String>,
    /// Until when, that moment excluded; none for the end.
    pub to: Option<String>,
    /// What is written.
    pub form: Form,
    /// The log's public keys.
    pub keys: Vec<Verifier>,
    /// Whether a pack has the payloads that its records name.
    pub payloads: bool,
    /// A checkpoint that was kept: a pack proves that the log continues it.
    pub earlier: Option<String>,
}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The report, for people.
    Html,
    /// The report, on paper.
    Pdf,
    /// The report, for programs.
    Json,
    /// The report, for spreadsheets.
    Csv,
    /// The records as they are stored, one a line.
    JsonLines,
    /// The records, for spreadsheets.
    RecordsCsv,
    /// The evidence pack, with the report in every form.
    Pack,
}

impl Form {
    /// The form that a file of this name has.
    #[must_use]
    pub fn of_file(name: &str) -> Option<Form> {
        let name = name.to_ascii_lowercase();
        let ends = |ending: &str| name.ends_with(ending);
        Some(match () {
            () if ends(".records.csv") => Form::RecordsCsv,
            () if ends(".html") || ends(".htm") => Form::Html,
            () if ends(".pdf") => Form::Pdf,
            () if ends(".json") => Form::Json,
            () if ends(".csv") => Form::Csv,
            () if ends(".jsonl") => Form::JsonLines,
            () if ends(".tar") => Form::Pack,
            () => return None,
        })
    }

    /// The media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Form::Html => "text/html; charset=utf-8",
            Form::Pdf => "application/pdf",
            Form::Json => "application/json",
            Form::Csv | Form::RecordsCsv => "text/csv; charset=utf-8",
            Form::JsonLines => "application/jsonl",
            Form::Pack => "application/x-tar",
        }
    }
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The index of the first record.
    pub first: u64,
    /// The index after the last record.
    pub end: u64,
    /// The root of the checkpoint, if there is one.
    pub root: Option<String>,
}

/// Why nothing was made.
#[derive(Debug, thiserror::Error)]
pub enum NotMade {
    /// The records cannot be read.
    #[error("the log cannot be read: {0}")]
    Source(String),
    /// The template cannot be used.
    #[error(transparent)]
    Template(#[from] BadTemplate),
    /// A record cannot be read.
    #[error(transparent)]
    Record(#[from] UnreadableRecord),
    /// The checkpoint is not one of these keys.
    #[error("the checkpoint of the log cannot be trusted: {0}; hint: is this the right public key?")]
    Checkpoint(CheckpointError),
    /// The kept checkpoint is not one of these keys.
    #[error("the earlier checkpoint cannot be trusted: {0}; hint: is it of this log?")]
    Earlier(CheckpointError),
    /// The log does not continue the kept checkpoint.
    #[error(
        "the log does not continue the earlier checkpoint ({0}); hint: run `audit verify --checkpoint` with it"
    )]
    Forked(ProofError),
    /// The records are not those that were signed.
    #[error("the records {first} to {end} do not have the root that was signed; hint: run `audit verify`")]
    Root {
        /// The first record.
        first: u64,
        /// The size of the checkpoint.
        end: u64,
    },
    /// The stored tree is none.
    #[error(transparent)]
    Frontier(#[from] FrontierError),
    /// There is nothing to prove.
    #[error(
        "there is no signed record in this period, so there is nothing to pack; hint: choose another period"
    )]
    Nothing,
    /// It cannot be written.
    #[error("the report cannot be written: {0}")]
    Write(#[from] io::Error),
    /// It cannot be drawn.
    #[error("the report cannot be drawn: {0}")]
    Draw(String),
}

/// Makes what was ordered, and tells how many of how many records were read.
///
/// # Errors
/// Why nothing was made; what was written until then is worth nothing.
pub async fn make<S: Source>(
    source: &mut S,
    order: &Order,
    out: &mut (impl Write + Send),
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<Made, NotMade> {
    let found = failed(source.within(order.from.as_deref(), order.to.as_deref()).await)?;
    let range = found.unwrap_or(0..0);
    let signed = signed(source, order, &range).await?;
    let end = signed.as_ref().map_or(range.end, Checkpoint::size);
    let period = Period { range: range.start..end, signed };
    let mut making = Making { source, order, period, progress };
    match order.form {
        Form::JsonLines | Form::RecordsCsv => making.rows(out).await?,
        Form::Pack => making.pack(out).await?,
        Form::Html | Form::Pdf | Form::Json | Form::Csv => {
            let (report, _) = making.report().await?;
            out.write_all(&rendered(&report, order.form)?)?;
        }
    }
    let Period { range, signed } = making.period;
    Ok(Made { first: range.start, end: range.end, root: signed.map(|signed| signed.root().to_string()) })
}

/// The records that the report is about.
struct Period {
    range: Range<u64>,
    signed: Option<Checkpoint>,
}

/// The smallest checkpoint that covers the period.
async fn signed<S: Source>(
    source: &mut S,
    order: &Order,
    range: &Range<u64>,
) -> Result<Option<Checkpoint>, NotMade> {
    if range.is_empty() {
        return Ok(None);
    }
    let note = failed(source.checkpoint_from(range.end).await)?;
    let open = |note: String| Checkpoint::open(note.as_bytes(), &order.keys).map_err(NotMade::Checkpoint);
    note.map(open).transpose()
}

fn failed<T, E: Display>(read: Result<T, E>) -> Result<T, NotMade> {
    read.map_err(|error| NotMade::Source(error.to_string()))
}

fn rendered(report: &Report, form: Form) -> Result<Vec<u8>, NotMade> {
    let json = || {
        let mut text = serde_json::to_vec_pretty(report).map_err(io::Error::from)?;
        text.push(b'\n');
        Ok(text)
    };
    match form {
        Form::Html => Ok(crate::html::page(report).into_bytes()),
        Form::Csv => crate::csv::report(report).map_err(|error| io::Error::other(error).into()),
        Form::Pdf => crate::pdf::paper(report).map_err(NotMade::Draw),
        Form::Json | Form::JsonLines | Form::RecordsCsv | Form::Pack => json(),
    }
}

struct Making<'a, S> {
    source: &'a mut S,
    order: &'a Order,
    period: Period,
    progress: &'a mut (dyn FnMut(u64, u64) + Send),
}

impl<S: Source> Making<'_, S> {
    /// Reads the records once, and makes the report of them.
    async fn report(&mut self) -> Result<(Report, Gathered), NotMade> {
        let mut facts = self.order.template.facts()?;
        let mut gathered = Gathered::new(self.order.payloads);
        let mut tree = self.edge().await?;
        let Range { start, end } = self.period.range;
        let mut at = start;
        while at < end {
            let records = failed(self.source.records(at, end).await)?;
            if records.is_empty() {
                return Err(NotMade::Root { first: start, end });
            }
            let entries: Vec<Entry<'_>> = (at..)
                .zip(&records)
                .map(|(index, record)| Entry::read(index, record))
                .collect::<Result<_, _>>()?;
            self.fold(&mut facts, &entries).await?;
            for entry in &entries {
                tree.append(entry.record.leaf());
                gathered.note(entry);
            }
            at += records.len() as u64;
            (self.progress)(at - start, end - start);
        }
        self.compare(&tree)?;
        let mut scope = facts.scope();
        (scope.from, scope.to) = (self.order.from.clone(), self.order.to.clone());
        scope.checkpoint = self.period.signed.as_ref().map(|signed| Signed {
            origin: signed.origin().to_owned(),
            size: signed.size(),
            root: signed.root().to_string(),
            keys: self.order.keys.iter().map(ToString::to_string).collect(),
            note: signed.note().to_owned(),
        });
        Ok((self.order.template.report(&facts, scope), gathered))
    }

    async fn fold(&mut self, facts: &mut Facts, entries: &[Entry<'_>]) -> Result<(), NotMade> {
        let input = |entry: &Entry<'_>| -> Option<Digest> {
            (entry.record.kind() == "gate.decided")
                .then(|| entry.text("/decision/provenance/input")?.parse().ok())
                .flatten()
        };
        let wanted: BTreeSet<Digest> = entries.iter().filter_map(input).collect();
        let stored =
            if wanted.is_empty() { BTreeSet::new() } else { failed(self.source.stored(&wanted).await)? };
        for entry in entries {
            let input = match input(entry) {
                Some(digest) if stored.contains(&digest) => Input::Stored,
                Some(_) => Input::Missing,
                None => Input::Unknown,
            };
            facts.add(entry, input);
        }
        Ok(())
    }

    /// The tree before the first record.
    async fn edge(&mut self) -> Result<Frontier, NotMade> {
        let first = self.period.range.start;
        if first == 0 {
            return Ok(Frontier::new());
        }
        let peaks = failed(self.source.nodes(&Frontier::nodes(first), first).await)?;
        Ok(Frontier::resume(first, peaks)?)
    }

    /// Whether the records are those that were signed.
    fn compare(&self, tree: &Frontier) -> Result<(), NotMade> {
        let Range { start, end } = self.period.range;
        match &self.period.signed {
            Some(signed) if signed.root() != tree.root() => Err(NotMade::Root { first: start, end }),
            _ => Ok(()),
        }
    }

    /// Writes the records one by one.
    async fn rows(&mut self, out: &mut (impl Write + Send)) -> Result<(), NotMade> {
        let mut tree = self.edge().await?;
        let mut rows = Rows::begin(out, self.order.form == Form::RecordsCsv)?;
        let Range { start, end } = self.period.range;
        let mut at = start;
        while at < end {
            let records = failed(self.source.records(at, end).await)?;
            if records.is_empty() {
                return Err(NotMade::Root { first: start, end });
            }
            for (index, record) in (at..).zip(&records) {
                rows.write(index, record)?;
                tree.append(record.leaf());
            }
            at += records.len() as u64;
            (self.progress)(at - start, end - start);
        }
        rows.finish()?;
        self.compare(&tree)
    }

    async fn pack(&mut self, out: &mut (impl Write + Send)) -> Result<(), NotMade> {
        let Some(signed) = self.period.signed.clone() else { return Err(NotMade::Nothing) };
        let (report, gathered) = self.report().await?;
        let mut files = self.proofs(&signed).await?;
        for form in [Form::Html, Form::Pdf, Form::Json, Form::Csv] {
            let ending = match form {
                Form::Html => "html",
                Form::Pdf => "pdf",
                Form::Csv => "csv",
                _ => "json",
            };
            files.insert(format!("report.{ending}"), Content::Here(rendered(&report, form)?));
        }
        files.insert(
            "VERIFY.md".to_owned(),
            Content::Here(concordat_ledger::HOW_TO_VERIFY.as_bytes().to_vec()),
        );
        files.insert(pack::RECORDS.to_owned(), Content::Later(gathered.records()));
        self.content(&gathered, &mut files).await?;
        let Range { start, end } = self.period.range;
        let about = About {
            origin: signed.origin().to_owned(),
            first: start,
            size: end,
            root: signed.root().to_string(),
        };
        let mut pack = Pack::begin(out, &about, files)?;
        while let Some(path) = pack.advance()? {
            if path == pack::RECORDS {
                self.copy(&mut pack).await?;
            } else if let Some(digest) = gathered.digest_of(&path) {
                let body = failed(self.source.payload(&digest).await)?.unwrap_or_default();
                pack.piece(&body)?;
            }
        }
        Ok(())
    }

    /// Reads the records again, and copies them into the pack.
    async fn copy(&mut self, pack: &mut Pack<impl Write>) -> Result<(), NotMade> {
        let Range { start, end } = self.period.range;
        let mut at = start;
        while at < end {
            let records = failed(self.source.records(at, end).await)?;
            if records.is_empty() {
                return Err(NotMade::Root { first: start, end });
            }
            for record in &records {
                pack.piece(record.bytes())?;
                pack.piece(b"\n")?;
            }
            at += records.len() as u64;
        }
        Ok(())
    }

    /// What proves the records.
    async fn proofs(&mut self, signed: &Checkpoint) -> Result<BTreeMap<String, Content>, NotMade> {
        let text = |text: String| Content::Here(text.into_bytes());
        let mut files = BTreeMap::new();
        let keys: String = self.order.keys.iter().map(|key| format!("{key}\n")).collect();
        files.insert("log.vkey".to_owned(), text(keys));
        files.insert("checkpoint".to_owned(), text(signed.note().to_owned()));
        let first = self.period.range.start;
        if first > 0 {
            let edge = self.edge().await?;
            let peaks: String = edge.peaks().iter().map(|hash| format!("{hash}\n")).collect();
            files.insert("before".to_owned(), text(format!("{first}\n{peaks}")));
        }
        if let Some(note) = &self.order.earlier {
            let earlier = Checkpoint::open(note.as_bytes(), &self.order.keys).map_err(NotMade::Earlier)?;
            let proof = self.continues(&earlier, signed).await?;
            files.insert("consistency".to_owned(), text(proof));
            files.insert("earlier".to_owned(), text(note.clone()));
        }
        Ok(files)
    }

    async fn continues(&mut self, earlier: &Checkpoint, signed: &Checkpoint) -> Result<String, NotMade> {
        let (old, new) = (earlier.size(), signed.size());
        let wanted = Consistency::nodes(old, new).map_err(NotMade::Forked)?;
        let hashes = failed(self.source.nodes(&wanted, new).await)?;
        let known: BTreeMap<_, _> =
            wanted.iter().zip(hashes).map(|(node, hash)| ((node.level, node.index), hash)).collect();
        let proof = Consistency::prove(old, new, |node| known.get(&(node.level, node.index)).copied());
        let proof = proof.map_err(NotMade::Forked)?;
        proof.verify(earlier.root(), signed.root()).map_err(NotMade::Forked)?;
        let path: String = proof.path().iter().map(|hash| format!("{hash}\n")).collect();
        Ok(format!("old {old}\n{path}"))
    }

    /// The policies, and the payloads if they are wanted: those that are stored.
    async fn content(
        &mut self,
        gathered: &Gathered,
        files: &mut BTreeMap<String, Content>,
    ) -> Result<(), NotMade> {
        for digest in gathered.named() {
            let Some(body) = failed(self.source.payload(digest).await)? else { continue };
            files.insert(gathered.path(digest), Content::Later(Measured::of(&body)));
        }
        Ok(())
    }
}

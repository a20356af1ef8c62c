//! The evidence pack: the records with what proves them, the policies that decided, and the report in every form.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;

use concordat_ledger::Checkpoint;
use concordat_ledger::tree::Consistency;

use super::gather::Gathered;
use super::{Form, Making, NotMade, Source, failed, rendered};
use crate::pack::{self, About, Content, Measured, Pack};

impl<S: Source> Making<'_, S> {
    /// Writes the pack. The records are read twice: once for the report, and once as they are written.
    pub(super) async fn pack(&mut self, out: &mut (impl Write + Send)) -> Result<(), NotMade> {
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
        let mut at = self.period.range.start;
        while let Some(records) = self.batch(&mut at).await? {
            for record in &records {
                pack.piece(record.bytes())?;
                pack.piece(b"\n")?;
            }
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

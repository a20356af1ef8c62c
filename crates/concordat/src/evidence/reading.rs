//! Evidence under verification: takes each file once, in order, and knows at the end whether it all fits.

use std::io::Read;

use concordat_ledger::tree::Hash;
use concordat_ledger::verify::{CannotVerify, Verified};
use concordat_ledger::{Checkpoint, Consistency, Frontier, Verifier, Verify};
use serde::Serialize;

use super::manifest::{Manifest, Seen};
use super::names::{Name, Part};
use super::records::Watch;
use super::small::{self, Hashed};
use super::wrong::Wrong;
use super::{Brought, kept, records};

/// Most bytes of a file with keys, a checkpoint or hashes.
const MOST_SMALL: u64 = 1 << 20;

/// Most bytes of a manifest: some 400,000 files.
const MOST_MANIFEST: u64 = 1 << 26;

/// What was proven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proven {
    /// The log's name.
    pub origin: String,
    /// Index of the first record.
    pub first: u64,
    /// Size of the log under the checkpoint.
    pub size: u64,
    /// Number of records in the evidence.
    pub records: u64,
    /// Root of the log under the checkpoint.
    pub root: String,
    /// Number of different subjects.
    pub subjects: u64,
    /// Policies and payloads, each with the content that its name says.
    pub addressed: u64,
    /// Size of the checkpoint, kept elsewhere, that the log continues.
    pub continues: Option<u64>,
    /// Whether the keys came with the evidence, so that they prove nothing by themselves.
    pub own_keys: bool,
}

/// Evidence of which some files were read.
pub(super) struct Reading<'w> {
    brought: Brought,
    watch: Watch<'w>,
    needs_manifest: bool,
    manifest: Option<Manifest>,
    /// Files that came before the manifest.
    early: Vec<(Name, Seen)>,
    before: Option<Frontier>,
    note: Option<String>,
    consistency: Option<(u64, Vec<Hash>)>,
    earlier: Option<String>,
    keys: Vec<Verifier>,
    addressed: u64,
    log: Option<Log>,
}

/// The log, after its records were read.
struct Log {
    checkpoint: Checkpoint,
    verified: Verified,
    continues: Option<u64>,
}

impl<'w> Reading<'w> {
    pub(super) fn new(brought: Brought, watch: Watch<'w>) -> Reading<'w> {
        Reading {
            brought,
            watch,
            needs_manifest: true,
            manifest: None,
            early: Vec::new(),
            before: None,
            note: None,
            consistency: None,
            earlier: None,
            keys: Vec::new(),
            addressed: 0,
            log: None,
        }
    }

    /// For bare records: nothing lists them.
    pub(super) fn without_manifest(&mut self) {
        self.needs_manifest = false;
    }

    /// Takes the next file.
    pub(super) fn file(&mut self, name: &Name, bytes: u64, content: &mut dyn Read) -> Result<(), Wrong> {
        let mut content = Hashed::new(content, bytes);
        let mut text = |most| small::text(name.as_str(), &mut content, most);
        match name.part() {
            Part::Before => self.before = Some(small::edge(&text(MOST_SMALL)?)?),
            Part::Checkpoint => self.note = Some(text(MOST_SMALL)?),
            Part::Consistency => self.consistency = Some(small::consistency(&text(MOST_SMALL)?)?),
            Part::Earlier => self.earlier = Some(text(MOST_SMALL)?),
            Part::Keys => self.keys = small::keys(name.as_str(), &text(MOST_SMALL)?)?,
            Part::Manifest => self.manifest = Some(Manifest::parse(&text(MOST_MANIFEST)?)?),
            Part::Records => self.log = Some(self.records(&mut content)?),
            Part::Addressed | Part::Paper => {}
        }
        let seen = content.end().map_err(|why| Wrong::Unreadable { file: name.to_string(), why })?;
        if seen.bytes != bytes {
            return Err(Wrong::refused(format!("`{name}` has {} bytes instead of {bytes}", seen.bytes)));
        }
        if let Some(digits) = name.digest() {
            let computed: String = seen.digest.iter().map(|byte| format!("{byte:02x}")).collect();
            if digits != computed {
                return Err(Wrong::Exchanged { file: name.to_string(), computed });
            }
            self.addressed += 1;
        }
        self.account(name, seen)
    }

    /// Says that there are no more files.
    pub(super) fn finish(self) -> Result<Proven, Wrong> {
        let missing = |file: &str| Wrong::Missing { file: file.to_owned() };
        let own_keys = self.brought.keys.is_empty();
        let log = self.log.ok_or_else(|| missing("records.jsonl"))?;
        let Log { checkpoint, verified, continues } = log;
        match &self.manifest {
            None if self.needs_manifest => return Err(missing("manifest.json")),
            None => {}
            Some(manifest) => {
                if let Some(file) = manifest.missing() {
                    return Err(missing(file.as_str()));
                }
            }
        }
        Ok(Proven {
            origin: checkpoint.origin().to_owned(),
            first: verified.first,
            size: verified.size,
            records: verified.size - verified.first,
            root: verified.root.to_string(),
            subjects: verified.subjects,
            addressed: self.addressed,
            continues,
            own_keys,
        })
    }

    /// Compares a file with the manifest; those that came before it wait for it.
    fn account(&mut self, name: &Name, seen: Seen) -> Result<(), Wrong> {
        match &mut self.manifest {
            None => self.early.push((name.clone(), seen)),
            Some(manifest) if name.part() == Part::Manifest => {
                self.early.drain(..).try_for_each(|(name, seen)| manifest.tick(&name, seen))?;
            }
            Some(manifest) => manifest.tick(name, seen)?,
        }
        Ok(())
    }

    /// Verifies the records: everything that they are compared with was read before them.
    fn records(&mut self, content: &mut dyn Read) -> Result<Log, Wrong> {
        if self.needs_manifest && self.manifest.is_none() {
            return Err(Wrong::Missing { file: "manifest.json".to_owned() });
        }
        let own = std::mem::take(&mut self.keys);
        let keys = if self.brought.keys.is_empty() { own } else { self.brought.keys.clone() };
        if keys.is_empty() {
            return Err(CannotVerify::NoKey.into());
        }
        let note =
            self.note.take().or_else(|| self.brought.checkpoint.clone().filter(|_| !self.needs_manifest));
        let note = note.ok_or_else(|| Wrong::Missing { file: "checkpoint".to_owned() })?;
        let before = self.before.take().unwrap_or_default();
        let first = before.size();
        let mut verify = Verify::resumed(keys.clone(), before.clone())?;
        let checkpoint = Checkpoint::open(note.as_bytes(), &keys).map_err(|reason| Wrong::Fault {
            fault: concordat_ledger::verify::Fault::CheckpointSignature { number: 0, reason },
        })?;
        self.agree(&checkpoint, first)?;
        let mut continues = None;
        if let Some(note) = &self.brought.checkpoint {
            let kept = kept(note, &keys)?;
            continues = Some(kept.size());
            verify = self.continued(verify, &kept, &checkpoint, first)?;
        }
        self.earlier_is_continued(&keys, &checkpoint)?;
        verify = verify.checkpoint(note.as_bytes())?;
        let size = checkpoint.size();
        let verified = records::verify(content, verify, first, size, self.watch)?.finish()?;
        Ok(Log { checkpoint, verified, continues })
    }

    /// What the manifest says of the log must be what was signed.
    fn agree(&self, checkpoint: &Checkpoint, first: u64) -> Result<(), Wrong> {
        let Some(manifest) = &self.manifest else { return Ok(()) };
        let values = [
            ("the origin", manifest.origin.clone(), checkpoint.origin().to_owned()),
            ("the size", manifest.size.to_string(), checkpoint.size().to_string()),
            ("the root", manifest.root.clone(), checkpoint.root().to_string()),
        ];
        if let Some((what, said, signed)) = values.into_iter().find(|(_, said, signed)| said != signed) {
            return Err(Wrong::Contradiction { what, said: said.chars().take(100).collect(), signed });
        }
        if manifest.first == first {
            return Ok(());
        }
        Err(Wrong::Unusable {
            file: "before".to_owned(),
            why: format!("the first record is {}, but this is the edge of {first}", manifest.first),
        })
    }

    /// Demands that the log continues the checkpoint that the verifier kept.
    fn continued(
        &self,
        verify: Verify,
        kept: &Checkpoint,
        checkpoint: &Checkpoint,
        first: u64,
    ) -> Result<Verify, Wrong> {
        let (old, new) = (kept.size(), checkpoint.size());
        if (first..=new).contains(&old) {
            return Ok(verify.trusting(kept.clone())?);
        }
        match &self.consistency {
            Some((proven, path)) if *proven == old => {
                consistent(kept, checkpoint, path.clone())?;
                Ok(verify)
            }
            Some((proven, _)) => Err(Wrong::OutOfReach {
                kept: old,
                reach: format!("but this evidence continues one of {proven}, or of {first} to {new}"),
            }),
            None => Err(Wrong::OutOfReach {
                kept: old,
                reach: format!("but this evidence is of records {first} to {new} and proves nothing before"),
            }),
        }
    }

    /// The earlier checkpoint that the evidence names itself must be continued, too.
    fn earlier_is_continued(&self, keys: &[Verifier], checkpoint: &Checkpoint) -> Result<(), Wrong> {
        let missing = |file: &str| Wrong::Missing { file: file.to_owned() };
        match (&self.earlier, &self.consistency) {
            (None, None) => Ok(()),
            (Some(_), None) => Err(missing("consistency")),
            (None, Some(_)) => Err(missing("earlier")),
            (Some(note), Some((old, path))) => {
                let forked = |why: String| Wrong::Forked { old: *old, why };
                let earlier =
                    Checkpoint::open(note.as_bytes(), keys).map_err(|why| forked(why.to_string()))?;
                if earlier.size() != *old {
                    return Err(forked(format!("the one named has {} records", earlier.size())));
                }
                consistent(&earlier, checkpoint, path.clone())
            }
        }
    }
}

fn consistent(earlier: &Checkpoint, checkpoint: &Checkpoint, path: Vec<Hash>) -> Result<(), Wrong> {
    let old = earlier.size();
    let proof = Consistency::claimed(old, checkpoint.size(), path);
    proof
        .and_then(|proof| proof.verify(earlier.root(), checkpoint.root()))
        .map_err(|why| Wrong::Forked { old, why: why.to_string() })
}

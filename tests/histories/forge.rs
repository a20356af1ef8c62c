//! A log written anew: as an engine with a mistake would have written and signed it.

use std::collections::BTreeMap;

use concordat_ledger::{Draft, Frontier, Record, SubjectSeq};
use concordat_tests::history::{Exported, History};
use concordat_tests::signer;
use serde_json::Value;

/// A record, taken apart.
#[derive(Debug, Clone)]
pub(super) struct Leaf {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) subject: String,
    pub(super) time: String,
    pub(super) data: Value,
}

impl Leaf {
    /// Whether it is of this type and about this step.
    pub(super) fn is(&self, kind: &str, step: &str) -> bool {
        let about = self.data["attempt"]["step"].as_str().or(self.data["step"].as_str()).unwrap_or("");
        self.kind == kind && about == step
    }

    /// A copy under an id of its own.
    pub(super) fn again(&self) -> Leaf {
        let mut copy = self.clone();
        let last = if copy.id.ends_with('0') { '1' } else { '0' };
        copy.id.pop();
        copy.id.push(last);
        copy
    }
}

/// Takes the log apart, changes it, and writes, numbers and signs it anew. Receipts forget where records stood, so
/// that the mistake itself has to be noticed, and not only that it moved what came after it.
pub(super) fn forge(history: &mut History, change: impl FnOnce(&mut Vec<Leaf>)) {
    let mut leaves: Vec<Leaf> = history.log.records.iter().map(|one| apart(&one.bytes)).collect();
    change(&mut leaves);
    history.receipts.iter_mut().for_each(|receipt| receipt.leaf = None);
    let mut tree = Frontier::new();
    let mut subjects: BTreeMap<String, u64> = BTreeMap::new();
    history.log.records.clear();
    for leaf in leaves {
        let seq = subjects.entry(leaf.subject.clone()).or_default();
        let draft = Draft {
            id: &leaf.id,
            source: "concordat/test",
            kind: &leaf.kind,
            subject: &leaf.subject,
            subject_seq: SubjectSeq::new(*seq).unwrap(),
            time: &leaf.time,
            data: &leaf.data,
        };
        *seq += 1;
        let record = draft.seal().unwrap();
        let index = tree.append(record.leaf());
        history.log.records.push(Exported { index, bytes: record.bytes().to_vec() });
    }
    history.log.checkpoints = vec![signer().checkpoint(&tree).note().to_owned()];
}

fn apart(bytes: &[u8]) -> Leaf {
    let record = Record::read(bytes).unwrap();
    Leaf {
        id: record.id().to_owned(),
        kind: record.kind().to_owned(),
        subject: record.subject().to_owned(),
        time: record.time().to_owned(),
        data: record.data().unwrap(),
    }
}

/// The place of the first record that is so.
pub(super) fn place(leaves: &[Leaf], is: impl Fn(&Leaf) -> bool) -> usize {
    leaves.iter().position(is).expect("the recorded history has such a record")
}

/// The run of a receipt.
pub(super) fn run(history: &History, key: &str) -> String {
    history.receipts.iter().find(|one| one.key == key).unwrap().run.clone()
}

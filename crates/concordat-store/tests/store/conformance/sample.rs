//! Changes to try a store with.

use concordat_engine::ports::{Change, RunRow, SavedReply};
use concordat_ledger::{Draft, Record, SubjectSeq};
use concordat_model::digest::Digest;
use concordat_model::id::RunId;
use serde_json::{Value, json};

pub(crate) fn id(kind: &str, number: u64) -> String {
    format!("{kind}_01{number:024}")
}

pub(crate) fn run_id(run: u64) -> RunId {
    id("run", run).parse().unwrap()
}

/// The record number `seq` of a subject; its id follows from both.
pub(crate) fn record(kind: &str, subject: &str, seq: u64, data: &Value) -> Record {
    record_at(kind, subject, seq, "2026-01-31T23:59:59.000001Z", data)
}

/// A record that claims another time.
pub(crate) fn record_at(kind: &str, subject: &str, seq: u64, time: &str, data: &Value) -> Record {
    let draft = Draft {
        id: &format!("rec-{subject}-{seq}"),
        source: "concordat/test",
        kind,
        subject,
        subject_seq: SubjectSeq::new(seq).unwrap(),
        time,
        data,
    };
    draft.seal().unwrap()
}

/// A change of so many records of one subject.
pub(crate) fn records(subject: &str, seqs: std::ops::Range<u64>) -> Change {
    let records = seqs.map(|seq| record("step.released", subject, seq, &json!({"n": seq}))).collect();
    Change { records, ..Change::default() }
}

pub(crate) fn payload(text: &str) -> (Digest, Vec<u8>) {
    (Digest::of(text.as_bytes()), text.into())
}

pub(crate) fn row(run: u64) -> RunRow {
    RunRow {
        id: run_id(run),
        tenant: "acme".parse().unwrap(),
        submission: id("sub", run / 10).parse().unwrap(),
        label: "main".parse().unwrap(),
        contract: "loan-approval".parse().unwrap(),
        digest: Digest::of(b"contract"),
        submitter: "ada".parse().unwrap(),
        domain: None,
        status: "received".into(),
        settled: 0,
        steps: 3,
        received: "2026-01-31T23:59:59.000001Z".parse().unwrap(),
        ended: None,
    }
}

/// A run that has just been received, with its contract.
pub(crate) fn received(run: u64) -> Change {
    let contract = payload(&format!("contract \"{run}\" \n é"));
    let data = json!({"event": "received", "contract": contract.0, "label": "main"});
    Change {
        records: vec![record("contract.received", &id("run", run), 0, &data)],
        payloads: vec![contract],
        runs: vec![row(run)],
        ..Change::default()
    }
}

pub(crate) fn reply(key: &str, body: &str) -> SavedReply {
    SavedReply {
        caller: "acme/ada".to_owned(),
        key: key.into(),
        fingerprint: Digest::of(key.as_bytes()),
        body: body.into(),
    }
}

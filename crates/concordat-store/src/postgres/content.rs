//! A batch as the arrays of one statement: one for each column of each table.

use std::collections::HashMap;

use concordat_engine::ports::{Forgotten, RunRow, SavedReply, Whose};
use concordat_ledger::Record;
use concordat_ledger::tree::Hash;
use concordat_model::digest::Digest;
use concordat_model::id::RunId;
use concordat_model::payload::Secret;
use sqlx::PgConnection;

use crate::batch::{self, Batch, number};

/// The arrays.
#[derive(Debug, Default)]
pub(super) struct Content {
    records: Records,
    payloads: Payloads,
    secrets: Secrets,
    sealed: Sealed,
    forgotten: Forgettings,
    runs: Runs,
    replies: Replies,
}

#[derive(Debug, Default)]
struct Records {
    ids: Vec<String>,
    kinds: Vec<String>,
    subjects: Vec<String>,
    seqs: Vec<i64>,
    times: Vec<String>,
    leaves: Vec<[u8; 32]>,
    bodies: Vec<Vec<u8>>,
}

#[derive(Debug, Default)]
struct Payloads {
    digests: Vec<[u8; 32]>,
    contents: Vec<Vec<u8>>,
}

#[derive(Debug, Default)]
struct Secrets {
    owners: Vec<String>,
    tenants: Vec<String>,
    subjects: Vec<Option<Vec<u8>>>,
    secrets: Vec<[u8; 32]>,
}

#[derive(Debug, Default)]
struct Sealed {
    digests: Vec<[u8; 32]>,
    owners: Vec<String>,
    bodies: Vec<Vec<u8>>,
}

#[derive(Debug, Default)]
struct Forgettings {
    owners: Vec<String>,
    records: Vec<String>,
    digests: Vec<[u8; 32]>,
}

/// A statement may write a row once, so a run that changed several times is here as it became.
#[derive(Debug, Default)]
struct Runs {
    places: HashMap<RunId, usize>,
    rows: Vec<RunRow>,
}

#[derive(Debug, Default)]
struct Replies {
    callers: Vec<Vec<u8>>,
    keys: Vec<Vec<u8>>,
    fingerprints: Vec<String>,
    bodies: Vec<Vec<u8>>,
}

impl batch::Content for Content {
    fn add_record(&mut self, record: &Record) -> &[u8] {
        let records = &mut self.records;
        records.ids.push(record.id().to_owned());
        records.kinds.push(record.kind().to_owned());
        records.subjects.push(record.subject().to_owned());
        records.seqs.push(number(record.subject_seq().get()));
        records.times.push(record.time().to_owned());
        records.bodies.push(record.bytes().to_vec());
        records.bodies.last().map(Vec::as_slice).unwrap_or_default()
    }

    fn add_leaf(&mut self, leaf: &Hash) {
        self.records.leaves.push(*leaf.as_bytes());
    }

    fn add_payload(&mut self, digest: &Digest, content: &[u8]) {
        self.payloads.digests.push(*digest.bytes());
        self.payloads.contents.push(content.to_vec());
    }

    fn add_secret(&mut self, owner: &str, secret: &Secret, whose: &Whose) {
        self.secrets.owners.push(owner.to_owned());
        self.secrets.tenants.push(whose.tenant.to_string());
        self.secrets.subjects.push(whose.subject.as_ref().map(|subject| subject.clone().into_bytes()));
        self.secrets.secrets.push(*secret.bytes());
    }

    fn add_sealed(&mut self, owner: &str, digest: &Digest, body: Vec<u8>) {
        self.sealed.digests.push(*digest.bytes());
        self.sealed.owners.push(owner.to_owned());
        self.sealed.bodies.push(body);
    }

    fn forget(&mut self, forgotten: &Forgotten) {
        self.forgotten.owners.push(forgotten.owner.clone());
        self.forgotten.records.push(forgotten.record.clone());
        self.forgotten.digests.extend(forgotten.payloads.iter().map(|digest| *digest.bytes()));
    }

    fn add_run(&mut self, run: &RunRow) {
        let Runs { places, rows } = &mut self.runs;
        match places.get(&run.id).and_then(|place| rows.get_mut(*place)) {
            Some(row) => {
                // The columns that the statement would change in a row that is stored already.
                row.domain.clone_from(&run.domain);
                row.status.clone_from(&run.status);
                row.settled = run.settled;
                row.steps = run.steps;
                row.ended = run.ended;
            }
            None => {
                places.insert(run.id, rows.len());
                rows.push(run.clone());
            }
        }
    }

    fn add_reply(&mut self, reply: &SavedReply) {
        self.replies.callers.push(reply.caller.clone().into_bytes());
        self.replies.keys.push(reply.key.clone().into_bytes());
        self.replies.fingerprints.push(reply.fingerprint.to_string());
        self.replies.bodies.push(reply.body.clone().into_bytes());
    }
}

/// Stores a batch within the transaction.
pub(super) async fn store(batch: &Batch<Content>, connection: &mut PgConnection) -> sqlx::Result<()> {
    let Content { records, payloads, secrets, sealed, forgotten, runs, replies } = &batch.content;
    let texts = |cell: &dyn Fn(&RunRow) -> String| runs.rows.iter().map(cell).collect::<Vec<_>>();
    let optional = |cell: &dyn Fn(&RunRow) -> Option<String>| runs.rows.iter().map(cell).collect::<Vec<_>>();
    let numbers =
        |cell: &dyn Fn(&RunRow) -> u32| runs.rows.iter().map(|row| i64::from(cell(row))).collect::<Vec<_>>();
    let insert = sqlx::query(include_str!("batch.sql"))
        .bind(number(batch.first))
        .bind(records.ids.as_slice())
        .bind(records.kinds.as_slice())
        .bind(records.subjects.as_slice())
        .bind(records.seqs.as_slice())
        .bind(records.times.as_slice())
        .bind(records.leaves.as_slice())
        .bind(records.bodies.as_slice())
        .bind(payloads.digests.as_slice())
        .bind(payloads.contents.as_slice())
        .bind(texts(&|row| row.id.to_string()))
        .bind(texts(&|row| row.tenant.to_string()))
        .bind(texts(&|row| row.submission.to_string()))
        .bind(texts(&|row| row.label.to_string()))
        .bind(texts(&|row| row.contract.to_string()))
        .bind(texts(&|row| row.digest.to_string()))
        .bind(texts(&|row| row.submitter.to_string()))
        .bind(optional(&|row| row.domain.as_ref().map(ToString::to_string)))
        .bind(texts(&|row| row.status.clone()))
        .bind(numbers(&|row| row.settled))
        .bind(numbers(&|row| row.steps))
        .bind(texts(&|row| row.received.to_string()))
        .bind(optional(&|row| row.ended.map(|ended| ended.to_string())))
        .bind(replies.callers.as_slice())
        .bind(replies.keys.as_slice())
        .bind(replies.fingerprints.as_slice())
        .bind(replies.bodies.as_slice())
        .bind(number(batch.tree.size()))
        .bind(batch.note.as_deref())
        .bind(secrets.owners.as_slice())
        .bind(secrets.tenants.as_slice())
        .bind(secrets.subjects.as_slice())
        .bind(secrets.secrets.as_slice())
        .bind(sealed.digests.as_slice())
        .bind(sealed.owners.as_slice())
        .bind(sealed.bodies.as_slice())
        .bind(forgotten.owners.as_slice())
        .bind(forgotten.records.as_slice())
        .bind(forgotten.digests.as_slice());
    insert.execute(connection).await.map(drop)
}

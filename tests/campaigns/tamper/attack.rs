//! Every kind of change. Each is made in a copy, and says what must be said of it.
//!
//! `Near` is what covered tracks leave: leaves, columns and indices fit again, so that only the root, which the next
//! checkpoint signed, or the numbers of a subject's records still tell.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "these are tests: an attack that cannot be made is a mistake of the campaign"
)]

use std::path::Path;
use std::pin::Pin;

use concordat_ledger::{Draft, Record, Signer, SubjectSeq};
use concordat_tests::intruder::{Intruder, Stored};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::Written;
use super::judge::Expected;

type Done<'a> = Pin<Box<dyn Future<Output = Expected> + 'a>>;
type Attack = for<'a> fn(&'a Written, &'a Path, &'a mut ChaCha8Rng) -> Done<'a>;

/// A statement against some record, and what must be said of it.
macro_rules! at_a_record {
    ($statement:literal) => {
        |written, copy, rng| {
            Box::pin(async move {
                let index = some_record(written, rng);
                run(copy, &$statement.replace("?", &index.to_string())).await;
                Expected::Record(index)
            })
        }
    };
}

/// Another log in the place of this one, and what must be said of it.
macro_rules! another_log {
    ($change:expr) => {
        |written, copy, rng| {
            Box::pin(async move {
                let mut log = written.log.clone();
                let change: fn(&Written, &mut Stored, &mut ChaCha8Rng) -> Expected = $change;
                let expected = change(written, &mut log, rng);
                put(copy, &log).await;
                expected
            })
        }
    };
}

/// Every kind, by name.
pub(crate) const KINDS: [(&str, Attack); 31] = [
    ("a byte of a body", |written, copy, rng| Box::pin(byte_of_a_body(written, copy, rng))),
    ("a word of a body", |written, copy, rng| Box::pin(word_of_a_body(written, copy, rng))),
    ("a byte of a leaf", |written, copy, rng| Box::pin(byte_of_a_leaf(written, copy, rng))),
    ("an empty body", at_a_record!("UPDATE record SET body = x'' WHERE idx = ?")),
    ("column id", at_a_record!("UPDATE record SET id = id || 'x' WHERE idx = ?")),
    ("column type", at_a_record!("UPDATE record SET type = 'gate.permitted' WHERE idx = ?")),
    ("column subject", at_a_record!("UPDATE record SET subject = subject || 'x' WHERE idx = ?")),
    ("column subject_seq", at_a_record!("UPDATE record SET subject_seq = subject_seq + 1000 WHERE idx = ?")),
    ("column time", at_a_record!("UPDATE record SET time = '2020-01-01T00:00:00.000000Z' WHERE idx = ?")),
    ("a record gone", at_a_record!("DELETE FROM record WHERE idx = ?")),
    ("a record with another index", at_a_record!("UPDATE record SET idx = idx + 1000000 WHERE idx = ?")),
    ("the tail cut", at_a_record!("DELETE FROM record WHERE idx >= ?")),
    ("the tail and its checkpoints cut", |written, copy, rng| Box::pin(cut(written, copy, rng))),
    ("a word, tracks covered", another_log!(word_covered)),
    ("a record gone, tracks covered", another_log!(gone_covered)),
    ("two records swapped, tracks covered", another_log!(swapped_covered)),
    ("a record added, tracks covered", another_log!(added_covered)),
    ("a record after the last", another_log!(added_at_the_end)),
    ("the log replaced, by its own key", another_log!(replaced)),
    ("the log replaced, by another key", another_log!(replaced_by_another)),
    ("a fork, by its own key", another_log!(forked)),
    ("all checkpoints by another key", another_log!(all_by_another)),
    ("one checkpoint by another key", another_log!(one_by_another)),
    ("a byte of a checkpoint", |written, copy, rng| Box::pin(byte_of_a_checkpoint(written, copy, rng))),
    ("the last checkpoint gone", |written, copy, _| Box::pin(last_checkpoint_gone(written, copy))),
    ("a byte of a payload", |written, copy, rng| Box::pin(payload(written, copy, rng, "body"))),
    ("a byte of a payload's digest", |written, copy, rng| Box::pin(payload(written, copy, rng, "digest"))),
    ("an older copy", |written, copy, _| Box::pin(older(written, copy))),
    ("replace by SQL", |written, copy, rng| Box::pin(replace(written, copy, rng))),
    ("the schema", |_, copy, rng| Box::pin(schema(copy, rng))),
    ("a byte of the file", |written, copy, rng| Box::pin(byte_of_the_file(written, copy, rng))),
];

fn some_record(written: &Written, rng: &mut ChaCha8Rng) -> u64 {
    rng.random_range(0..written.log.records.len() as u64)
}

/// Runs statements without triggers and checks in the way.
async fn run(copy: &Path, statements: &str) {
    let mut intruder = Intruder::open(copy).await.expect("a copy opens");
    intruder.free().await;
    intruder.run(statements).await.expect(statements);
    intruder.close().await;
}

async fn put(copy: &Path, log: &Stored) {
    let mut intruder = Intruder::open(copy).await.expect("a copy opens");
    intruder.free().await;
    intruder.put(log).await;
    intruder.close().await;
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes with one bit changed.
fn flipped(bytes: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let place = rng.random_range(0..bytes.len());
    bytes[place] ^= 1 << rng.random_range(0..8);
    bytes
}

/// A record with one letter or digit of its data changed, so that it is canonical still.
fn reworded(body: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    loop {
        let mut changed = body.to_vec();
        let place = rng.random_range(0..changed.len());
        if changed[place].is_ascii_alphanumeric() {
            changed[place] = if changed[place].is_ascii_digit() { b'1' + changed[place] % 9 } else { b'x' };
            let same = |read: &Record, was: &Record| {
                read.id() == was.id()
                    && read.subject() == was.subject()
                    && read.subject_seq() == was.subject_seq()
            };
            let sound = Record::read(&changed)
                .is_ok_and(|read| Record::read(body).is_ok_and(|was| same(&read, &was)));
            if sound && changed != body {
                return changed;
            }
        }
    }
}

/// A record of a subject that nobody has heard of.
fn invented(rng: &mut ChaCha8Rng) -> Vec<u8> {
    let draft = Draft {
        id: &format!("rec_invented_{}", rng.random::<u64>()),
        source: "concordat/campaign",
        kind: "gate.decided",
        subject: &format!("run_invented_{}", rng.random::<u64>()),
        subject_seq: SubjectSeq::FIRST,
        time: "2026-01-31T23:59:59.000001Z",
        data: &json!({"decision": "permit"}),
    };
    draft.seal().expect("a record").bytes().to_vec()
}

async fn byte_of_a_body(written: &Written, copy: &Path, rng: &mut ChaCha8Rng) -> Expected {
    let index = some_record(written, rng);
    let body = flipped(&written.log.records[usize::try_from(index).expect("small")], rng);
    run(copy, &format!("UPDATE record SET body = x'{}' WHERE idx = {index}", hex(&body))).await;
    Expected::Record(index)
}

async fn word_of_a_body(written: &Written, copy: &Path, rng: &mut ChaCha8Rng) -> Expected {
    let index = some_record(written, rng);
    let body = reworded(&written.log.records[usize::try_from(index).expect("small")], rng);
    run(copy, &format!("UPDATE record SET body = x'{}' WHERE idx = {index}", hex(&body))).await;
    Expected::Record(index)
}

async fn byte_of_a_leaf(written: &Written, copy: &Path, rng: &mut ChaCha8Rng) -> Expected {
    let index = some_record(written, rng);
    let body = &written.log.records[usize::try_from(index).expect("small")];
    let leaf = flipped(concordat_ledger::tree::leaf_hash(body).as_bytes(), rng);
    run(copy, &format!("UPDATE record SET leaf = x'{}' WHERE idx = {index}", hex(&leaf))).await;
    Expected::Record(index)
}

async fn cut(written: &Written, copy: &Path, rng: &mut ChaCha8Rng) -> Expected {
    let left = rng.random_range(1..written.kept.size());
    run(copy, &format!("DELETE FROM record WHERE idx >= {left}; DELETE FROM checkpoint WHERE size > {left}"))
        .await;
    Expected::Record(left)
}

fn word_covered(_: &Written, log: &mut Stored, rng: &mut ChaCha8Rng) -> Expected {
    let index = rng.random_range(0..log.records.len());
    log.records[index] = reworded(&log.records[index], rng);
    Expected::Near(index as u64)
}

fn gone_covered(_: &Written, log: &mut Stored, rng: &mut ChaCha8Rng) -> Expected {
    let index = rng.random_range(0..log.records.len());
    log.records.remove(index);
    Expected::Near(index as u64)
}

fn swapped_covered(_: &Written, log: &mut Stored, rng: &mut ChaCha8Rng) -> Expected {
    let first = rng.random_range(0..log.records.len() - 1);
    let second = rng.random_range(first + 1..log.records.len());
    log.records.swap(first, second);
    Expected::Near(first as u64)
}

fn added_covered(_: &Written, log: &mut Stored, rng: &mut ChaCha8Rng) -> Expected {
    let index = rng.random_range(0..log.records.len());
    log.records.insert(index, invented(rng));
    Expected::Near(index as u64)
}

fn added_at_the_end(_: &Written, log: &mut Stored, rng: &mut ChaCha8Rng) -> Expected {
    log.records.push(invented(rng));
    Expected::Record(log.records.len() as u64 - 1)
}

fn replaced(written: &Written, log: &mut Stored, rng: &mut ChaCha8Rng) -> Expected {
    log.records.iter_mut().for_each(|record| *record = invented(rng));
    log.sign(0, &written.signer);
    Expected::Named("history_rewritten")
}

fn replaced_by_another(written: &Written, log: &mut Stored, rng: &mut ChaCha8Rng) -> Expected {
    log.records.iter_mut().for_each(|record| *record = invented(rng));
    log.sign(0, &another(written, rng));
    Expected::Checkpoint(0, 0)
}

/// Another history from some record before the kept checkpoint on, signed with the log's own key.
fn forked(written: &Written, log: &mut Stored, rng: &mut ChaCha8Rng) -> Expected {
    let from = rng.random_range(0..written.kept.size());
    let place = usize::try_from(from).expect("small");
    log.records[place] = reworded(&log.records[place], rng);
    log.sign(from, &written.signer);
    Expected::Named("history_rewritten")
}

fn all_by_another(written: &Written, log: &mut Stored, rng: &mut ChaCha8Rng) -> Expected {
    log.sign(0, &another(written, rng));
    Expected::Checkpoint(0, 0)
}

fn one_by_another(written: &Written, log: &mut Stored, rng: &mut ChaCha8Rng) -> Expected {
    let place = rng.random_range(0..log.checkpoints.len());
    let mut other = log.clone();
    other.sign(0, &another(written, rng));
    let size = log.checkpoints[place].0;
    log.checkpoints[place] = other.checkpoints[place].clone();
    Expected::Checkpoint(place as u64, size)
}

/// Somebody else's key, under the log's name.
fn another(written: &Written, rng: &mut ChaCha8Rng) -> Signer {
    Signer::from_seed(written.signer.verifier().name(), &rng.random::<[u8; 32]>()).expect("the log's name")
}

async fn byte_of_a_checkpoint(written: &Written, copy: &Path, rng: &mut ChaCha8Rng) -> Expected {
    let place = rng.random_range(0..written.log.checkpoints.len());
    let (size, note) = &written.log.checkpoints[place];
    let note = flipped(note.as_bytes(), rng);
    run(copy, &format!("UPDATE checkpoint SET note = CAST(x'{}' AS TEXT) WHERE size = {size}", hex(&note)))
        .await;
    Expected::Checkpoint(place as u64, *size)
}

async fn last_checkpoint_gone(written: &Written, copy: &Path) -> Expected {
    let mut sizes = written.log.checkpoints.iter().rev().map(|(size, _)| size);
    let last = sizes.next().expect("a checkpoint");
    run(copy, &format!("DELETE FROM checkpoint WHERE size = {last}")).await;
    Expected::Record(*sizes.next().expect("another checkpoint"))
}

async fn payload(written: &Written, copy: &Path, rng: &mut ChaCha8Rng, column: &str) -> Expected {
    let payloads = written.payloads();
    let (digest, body) = &payloads[rng.random_range(0..payloads.len())];
    let value = if column == "body" { body } else { digest };
    let bytes: Vec<u8> = value
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16).expect("digits"))
        .collect();
    let other = hex(&flipped(&bytes, rng));
    run(copy, &format!("UPDATE payload SET {column} = x'{other}' WHERE digest = x'{digest}'")).await;
    Expected::Payload
}

async fn older(written: &Written, copy: &Path) -> Expected {
    let (older, size) = &written.older;
    std::fs::copy(older, copy).expect("a copy");
    Expected::Record(*size)
}

/// `REPLACE` with the triggers in place is refused; without them it puts another record there.
async fn replace(written: &Written, copy: &Path, rng: &mut ChaCha8Rng) -> Expected {
    let index = some_record(written, rng);
    let body = invented(rng);
    let read = Record::read(&body).expect("a record");
    let statement = format!(
        "INSERT OR REPLACE INTO record VALUES ({index}, '{}', '{}', '{}', 0, '{}', x'{}', x'{}')",
        read.id(),
        read.kind(),
        read.subject(),
        read.time(),
        hex(read.leaf().as_bytes()),
        hex(&body)
    );
    if rng.random() {
        run(copy, &statement).await;
        return Expected::Near(index);
    }
    let mut intruder = Intruder::open(copy).await.expect("a copy opens");
    let outcome = intruder.run(&statement).await;
    intruder.close().await;
    assert!(outcome.is_err(), "REPLACE was not refused");
    Expected::Refused
}

/// The log stays as it is, and what protects it goes.
async fn schema(copy: &Path, rng: &mut ChaCha8Rng) -> Expected {
    let statements = [
        "DROP TRIGGER record_is_not_deleted",
        "DROP TRIGGER checkpoint_is_appended",
        "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'record_is_not_changed'",
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'never changed', 'never altered') WHERE name = 'payload_is_not_changed'",
    ];
    let mut intruder = Intruder::open(copy).await.expect("a copy opens");
    intruder.run(statements[rng.random_range(0..statements.len())]).await.expect("the owner may");
    intruder.close().await;
    Expected::Schema
}

async fn byte_of_the_file(written: &Written, copy: &Path, rng: &mut ChaCha8Rng) -> Expected {
    let bytes = std::fs::read(&written.file).expect("the database");
    std::fs::write(copy, flipped(&bytes, rng)).expect("a copy");
    Expected::Anything
}

//! Every way to change a log that we could think of, and that each one is found.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::note::{CheckpointError, NoteError, Signer};
use crate::record::{Draft, Record};
use crate::tree::leaf_hash;

const ORIGIN: &str = "log.example/a";

/// A log as a database keeps it, and as somebody with write access may change it.
#[derive(Clone)]
struct Log {
    rows: Vec<Row>,
    notes: Vec<String>,
}

#[derive(Clone)]
struct Row {
    index: u64,
    bytes: Vec<u8>,
    /// What the leaf hash and the columns were computed from; the same record until somebody tampers.
    beside: Record,
}

fn signer(seed: u8) -> Signer {
    Signer::from_seed(ORIGIN, &[seed; 32]).expect("name")
}

fn sealed(index: u64) -> Record {
    let draft = Draft {
        id: &format!("rec_{index}"),
        source: "concordat/test",
        kind: "contract.decision.v1",
        subject: &format!("ctr_{}", index % 3),
        subject_seq: SubjectSeq::new(index / 3).expect("small"),
        time: "2026-01-31T23:59:59.000001Z",
        data: &json!({"decision": "permit", "index": index, "reasons": ["a", "b"]}),
    };
    draft.seal().expect("record")
}

/// A log of `size` records with a checkpoint at the start, after every `batch` records, and at the end.
fn log(size: u64, batch: u64) -> Log {
    let rows: Vec<Row> = (0..size)
        .map(|index| Row { index, bytes: sealed(index).bytes().to_vec(), beside: sealed(index) })
        .collect();
    let mut log = Log { rows, notes: Vec::new() };
    log.sign(&signer(1), batch);
    log
}

impl Log {
    fn sign(&mut self, signer: &Signer, batch: u64) {
        let mut tree = Frontier::new();
        self.notes = vec![signer.checkpoint(&tree).note().to_owned()];
        for row in &self.rows {
            tree.append(leaf_hash(&row.bytes));
            if tree.size().is_multiple_of(batch) || tree.size() == self.rows.len() as u64 {
                self.notes.push(signer.checkpoint(&tree).note().to_owned());
            }
        }
    }

    /// Makes index, leaf hash and columns fit the bytes again, as a careful attacker would.
    fn cover_up(&mut self) {
        for (index, row) in self.rows.iter_mut().enumerate() {
            row.index = index as u64;
            if let Ok(record) = Record::read(&row.bytes) {
                row.beside = record;
            }
        }
    }

    fn head(&self) -> Checkpoint {
        let note = self.notes.last().expect("a checkpoint");
        Checkpoint::open(note.as_bytes(), &[signer(1).verifier().clone()]).expect("signed")
    }

    /// Verifies in order, and demands that chunks say the same.
    fn verify(&self, trusted: Option<Checkpoint>) -> Result<Verified, Stop> {
        let mut verify = Verify::with_keys(vec![signer(1).verifier().clone()])?;
        if let Some(trusted) = trusted {
            verify = verify.trusting(trusted)?;
        }
        let said = self.verify_in_order(verify.clone());
        for records in [1, 3, 1000] {
            assert_eq!(self.verify_in_chunks(verify.clone(), records), said, "chunks of {records}");
        }
        said
    }

    fn verify_in_chunks(&self, mut verify: Verify, records: usize) -> Result<Verified, Stop> {
        let chunks = verify.chunks();
        let mut notes = chunks.begin(0);
        self.notes.iter().for_each(|note| notes.checkpoint(note.as_bytes()));
        verify = verify.take(notes)?;
        for (first, rows) in (0..).step_by(records).zip(self.rows.chunks(records)) {
            let mut chunk = chunks.begin(first);
            assert!(chunk.is_empty());
            for row in rows {
                let stored = Some(Stored::from(&row.beside));
                chunk.record(&Entry { index: row.index, bytes: &row.bytes, stored });
            }
            assert!(chunk.len() <= rows.len());
            verify = verify.take(chunk)?;
        }
        verify.finish()
    }

    fn verify_in_order(&self, mut verify: Verify) -> Result<Verified, Stop> {
        for note in &self.notes {
            verify = verify.checkpoint(note.as_bytes())?;
        }
        for row in &self.rows {
            let stored = Some(Stored::from(&row.beside));
            verify = verify.record(&Entry { index: row.index, bytes: &row.bytes, stored })?;
        }
        verify.finish()
    }

    fn replace(&mut self, index: usize, from: &str, to: &str) {
        let text = String::from_utf8(self.rows[index].bytes.clone()).expect("UTF-8");
        assert!(text.contains(from));
        self.rows[index].bytes = text.replacen(from, to, 1).into_bytes();
    }
}

fn check_fault(change: impl FnOnce(&mut Log), expected: &str) {
    let mut log = log(10, 4);
    change(&mut log);
    match log.verify(None) {
        Err(Stop::Fault(fault)) => {
            assert_eq!(
                format!("{} {:?}: {fault}", fault.code(), fault.index()).get(..expected.len()),
                Some(expected),
                "{fault}"
            );
            assert!(!fault.meaning().is_empty());
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_untouched_log_verifies() {
    for (size, batch) in [(0, 1), (1, 1), (10, 1), (10, 3), (130, 64)] {
        let log = log(size, batch);
        let head = log.head();
        let verified = log.verify(Some(head.clone())).expect("untouched");
        let subjects = size.min(3);
        let checkpoints = log.notes.len() as u64;
        assert_eq!(verified, Verified { size, root: head.root(), checkpoints, subjects, first: 0 });
    }
}

#[test]
fn checkpoints_may_be_fed_between_records() {
    let log = log(10, 4);
    let mut verify = Verify::with_keys(vec![signer(1).verifier().clone()]).expect("key");
    let mut notes = log.notes.iter().peekable();
    for index in 0..=10_u64 {
        while let Some(note) = notes.next_if(|note| note.lines().nth(1) == Some(&index.to_string())) {
            verify = verify.checkpoint(note.as_bytes()).expect("untouched");
        }
        if let Some(row) = log.rows.get(index as usize) {
            // An export holds bytes alone.
            verify = verify.record(&Entry { index, bytes: &row.bytes, stored: None }).expect("untouched");
        }
    }
    assert_eq!(verify.finish().map(|verified| verified.checkpoints), Ok(4));
}

#[test]
fn changed_records_are_located() {
    check_fault(|log| log.replace(3, "permit", "deny"), "leaf_hash_differs Some(3): record 3: its hash is");
    check_fault(
        |log| log.replace(3, "\"index\":3", "\"index\":3.0"),
        "not_canonical Some(3): record 3: record at `/data/index`",
    );
    check_fault(|log| log.rows[3].bytes.clear(), "not_canonical Some(3)");
    check_fault(|log| log.rows[3].beside = sealed(4), "leaf_hash_differs Some(3)");
    check_fault(
        |log| {
            log.replace(3, "permit", "deny");
            log.cover_up();
        },
        "checkpoint_root None: checkpoint 1: the first 4 records make root",
    );
}

#[test]
fn changed_columns_are_located() {
    let record = sealed(0);
    let right = Stored::from(&record).columns;
    let wrong = [
        ("id", Columns { id: "rec_9", ..right }),
        ("source", Columns { source: Some("concordat/other"), ..right }),
        ("type", Columns { kind: "contract.outcome.v1", ..right }),
        ("subject", Columns { subject: "ctr_9", ..right }),
        ("time", Columns { time: "2026-01-31T23:59:59.000002Z", ..right }),
        ("subjectseq", Columns { subject_seq: 9, ..right }),
    ];
    for (name, columns) in wrong {
        let verify = Verify::with_keys(vec![signer(1).verifier().clone()]).expect("key");
        let stored = Some(Stored { leaf: record.leaf(), columns });
        let refused = verify.record(&Entry { index: 0, bytes: record.bytes(), stored });
        assert!(
            matches!(refused, Err(Stop::Fault(Fault::ColumnDiffers { index: 0, column, .. })) if column == name)
        );
    }
}

#[test]
fn moved_and_missing_records_are_located() {
    check_fault(
        |log| log.rows.swap(2, 6),
        "gap_in_index Some(2): record 2 should come next, but record 6 does",
    );
    check_fault(|log| drop(log.rows.remove(5)), "gap_in_index Some(5)");
    check_fault(|log| log.rows.insert(5, log.rows[4].clone()), "gap_in_index Some(5)");
    check_fault(
        |log| {
            log.rows.remove(5);
            log.cover_up();
        },
        "subject_seq_gap Some(7): record 7: it is number 2 of `ctr_2`, but 1 should come next",
    );
    check_fault(
        |log| {
            log.rows.truncate(9);
        },
        "checkpoint_beyond_log Some(9): checkpoint 3: it was signed for 10 records, but the log has 9",
    );
    check_fault(
        |log| {
            log.rows.swap(0, 1);
            log.cover_up();
        },
        "checkpoint_root None: checkpoint 1",
    );
}

#[test]
fn changed_checkpoints_are_located() {
    let other = || log(10, 4);
    check_fault(
        |log| {
            let mut other = other();
            other.sign(&signer(2), 4);
            log.notes[2] = other.notes[2].clone();
        },
        "checkpoint_signature None: checkpoint 2: checkpoint: no signature is by a known key",
    );
    check_fault(
        |log| log.notes.swap(1, 2),
        "checkpoint_shrinks None: checkpoint 2: it has 4 records, but the one before had 8",
    );
    check_fault(
        |log| drop(log.notes.pop()),
        "uncovered_tail Some(8): the log has 10 records, but checkpoints cover only the first 8",
    );
    check_fault(
        |log| log.notes[1] = log.notes[1].replace("\n4\n", "\n5\n"),
        "checkpoint_signature None: checkpoint 1",
    );
    check_fault(|log| log.notes[0].clear(), "checkpoint_signature None: checkpoint 0");
}

#[test]
fn a_log_that_is_only_cut_off_or_replaced_shows_against_a_kept_checkpoint() {
    let whole = log(10, 4);
    let kept = Some(whole.head());

    let mut cut = whole.clone();
    cut.rows.truncate(8);
    cut.notes.pop();
    assert!(cut.verify(None).is_ok(), "by itself a shorter log is a correct log");
    assert_eq!(cut.verify(kept.clone()), Err(Fault::LogShorterThan { trusted: 10, log: 8 }.into()));

    let mut replaced = whole;
    replaced.replace(3, "permit", "deny");
    replaced.cover_up();
    replaced.sign(&signer(1), 4);
    assert!(replaced.verify(None).is_ok(), "whoever holds the key can sign another history");
    assert!(matches!(replaced.verify(kept), Err(Stop::Fault(Fault::HistoryRewritten { size: 10, .. }))));
}

#[test]
fn checkpoints_of_another_log_are_refused() {
    let stranger = Signer::from_seed("log.example/b", &[1; 32]).expect("name");
    let known = vec![signer(1).verifier().clone(), stranger.verifier().clone()];
    let verify = Verify::with_keys(known).and_then(|verify| verify.trusting(log(0, 1).head())).expect("key");
    let refused = verify.checkpoint(stranger.checkpoint(&Frontier::new()).note().as_bytes());
    assert!(matches!(refused, Err(Stop::Fault(Fault::OtherLog { number: 0, .. }))));
}

#[test]
fn missing_evidence_is_not_a_fault() {
    let cannot = |stopped: Result<Verified, Stop>| match stopped {
        Err(Stop::CannotVerify(missing)) => missing,
        other => panic!("{other:?}"),
    };
    let mut unsigned = log(10, 4);
    unsigned.notes.clear();
    assert_eq!(cannot(unsigned.verify(None)), CannotVerify::NoCheckpoint);
    assert_eq!(cannot(Verify::with_keys(vec![]).and_then(Verify::finish)), CannotVerify::NoKey);

    let log = log(2, 1);
    let late = Verify::with_keys(vec![signer(1).verifier().clone()]).and_then(|verify| {
        let verify = verify.record(&Entry { index: 0, bytes: &log.rows[0].bytes, stored: None })?;
        verify.checkpoint(log.notes[0].as_bytes())?.finish()
    });
    assert_eq!(cannot(late), CannotVerify::Late { size: 0, fed: 1 });
}

#[test]
fn a_key_that_nobody_announced_is_a_fault_and_not_missing_evidence() {
    let mut log = log(4, 2);
    log.sign(&signer(2), 2);
    let reason = CheckpointError::Note(NoteError::UnknownKeys);
    assert_eq!(log.verify(None), Err(Fault::CheckpointSignature { number: 0, reason }.into()));
}

proptest! {
    // Signatures are slow without optimisation, so fewer cases than usual.
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_changed_byte_is_found(size in 1_u64..24, batch in 3_u64..9, at: prop::sample::Index, place: prop::sample::Index, flip in 1_u8.., careful: bool) {
        let mut log = log(size, batch);
        let bytes = &mut log.rows[at.index(size as usize)].bytes;
        let place = place.index(bytes.len());
        bytes[place] ^= flip;
        if careful {
            log.cover_up();
        }
        prop_assert!(matches!(log.verify(None), Err(Stop::Fault(_))));
    }

    #[test]
    fn any_two_swapped_are_found(size in 2_u64..24, batch in 3_u64..9, one: prop::sample::Index, other: prop::sample::Index, careful: bool) {
        let mut log = log(size, batch);
        let (one, other) = (one.index(size as usize), other.index(size as usize));
        prop_assume!(one != other);
        log.rows.swap(one, other);
        if careful {
            log.cover_up();
        }
        prop_assert!(matches!(log.verify(None), Err(Stop::Fault(_))));
    }

    #[test]
    fn any_deleted_or_doubled_is_found(size in 1_u64..24, batch in 3_u64..9, at: prop::sample::Index, doubled: bool, careful: bool) {
        let mut log = log(size, batch);
        let at = at.index(size as usize);
        if doubled {
            log.rows.insert(at, log.rows[at].clone());
        } else {
            log.rows.remove(at);
        }
        if careful {
            log.cover_up();
        }
        prop_assert!(matches!(log.verify(None), Err(Stop::Fault(_))));
    }

    #[test]
    fn any_cut_is_found_against_a_kept_checkpoint(size in 1_u64..24, batch in 3_u64..9, keep: prop::sample::Index) {
        let mut log = log(size, batch);
        let kept = log.head();
        log.rows.truncate(keep.index(size as usize));
        log.sign(&signer(1), batch);
        prop_assert!(log.verify(None).is_ok());
        let found = matches!(log.verify(Some(kept)), Err(Stop::Fault(Fault::LogShorterThan { .. })));
        prop_assert!(found);
    }

    #[test]
    fn any_checkpoint_of_another_key_is_found(size in 1_u64..24, batch in 3_u64..9, at: prop::sample::Index) {
        let mut log = log(size, batch);
        let mut forged = log.clone();
        forged.sign(&signer(2), batch);
        let at = at.index(log.notes.len());
        log.notes[at] = forged.notes[at].clone();
        let found = matches!(log.verify(None), Err(Stop::Fault(Fault::CheckpointSignature { number, .. })) if number == at as u64);
        prop_assert!(found);
    }

    #[test]
    fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Record::read(&bytes);
        let _ = crate::Receipt::read(&bytes);
        let _ = Checkpoint::open(&bytes, &[signer(1).verifier().clone()]);
        let _ = String::from_utf8_lossy(&bytes).parse::<Verifier>();
    }
}

#[test]
fn a_part_of_a_log_verifies_from_the_edge_of_the_tree_before_it() {
    let log = log(40, 40);
    for first in 0..=40_usize {
        let mut before = Frontier::new();
        log.rows.iter().take(first).for_each(|row| {
            before.append(leaf_hash(&row.bytes));
        });
        let verify = |before: Frontier, rows: &[Row]| {
            let mut verify = Verify::resumed(vec![signer(1).verifier().clone()], before)?;
            verify = verify.checkpoint(log.notes[1].as_bytes())?;
            for row in rows {
                verify = verify.record(&Entry { index: row.index, bytes: &row.bytes, stored: None })?;
            }
            verify.finish()
        };
        let right = verify(before.clone(), &log.rows[first..]);
        assert_eq!(right.map(|verified| (verified.first, verified.size)), Ok((first as u64, 40)));
        // Another edge, or other records after it, do not make the signed root.
        if let [_, rest @ ..] = before.peaks() {
            let forged = [&[leaf_hash(b"forged")], rest].concat();
            let forged = Frontier::resume(first as u64, forged).expect("as many");
            let found = verify(forged, &log.rows[first..]);
            let Err(Stop::Fault(fault)) = found else { panic!("{found:?}") };
            assert_eq!((fault.code(), fault.stretch()), ("checkpoint_root", first as u64..40));
        }
    }
}

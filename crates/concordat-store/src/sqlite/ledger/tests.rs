use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use concordat_engine::ports::{Change, Page, RecordFilter, Store as _, StoreError};
use concordat_ledger::{Draft, Signer, SubjectSeq};
use concordat_model::digest::Digest;
use serde_json::json;

use super::super::{connection, schema};
use super::*;
use crate::search::Index;
use crate::writer::Writer;
use crate::{Ask, Hand, Signing, Sqlite, log};

fn signing() -> Signing {
    Signing::by(Signer::from_seed("log.example/test", &[1; 32]).unwrap())
}

/// A change of one record with so many bytes of payload.
fn change(subject: &str, seq: u64, bytes: usize) -> Change {
    let draft = Draft {
        id: &format!("rec-{subject}-{seq}"),
        source: "concordat/test",
        kind: "agent.changed",
        subject,
        subject_seq: SubjectSeq::new(seq).unwrap(),
        time: "2026-01-31T23:59:59.000001Z",
        data: &json!({}),
    };
    let content = vec![u8::try_from(seq % 256).unwrap(); bytes];
    Change {
        records: vec![draft.seal().unwrap()],
        payloads: vec![(Digest::of(&content), content)],
        ..Change::default()
    }
}

/// A store whose disk has room for so many pages more than an empty database needs.
async fn on_a_small_disk(path: &std::path::Path, pages: i64) -> Sqlite {
    let place = Place::claim(path).unwrap();
    let mut connection = connection::writing(&place.path).await.unwrap();
    schema::migrate(&mut connection).await.unwrap();
    content::prepare(&mut connection).await.unwrap();
    let head = log::read(&mut connection, &signing()).await.unwrap();
    let used: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut connection).await.unwrap();
    let limit: &'static str = format!("PRAGMA max_page_count = {}", used + pages).leak();
    sqlx::query(limit).execute(&mut connection).await.unwrap();
    let readers = connection::reading(&place.path);
    let ledger = Ledger { connection, place };
    let writer = Writer::start(ledger, head.tree, head.kept.clone(), signing());
    Sqlite { readers, writer, kept: head.kept, index: Index::default() }
}

/// Signs with the key of [`signing`], but not when it is asked the nth time.
fn failing(nth: usize) -> Signing {
    let asked = Arc::new(AtomicUsize::new(0));
    let ask: Ask = Arc::new(move |tree| {
        let fails = asked.fetch_add(1, Ordering::SeqCst) + 1 == nth;
        Box::pin(async move {
            let signer = Signer::from_seed("log.example/test", &[1; 32]).unwrap();
            if fails { Err("it is out for lunch".to_owned()) } else { Ok(signer.checkpoint(&tree)) }
        })
    });
    Signing::by(Hand::Other { verifier: Box::new(signing().signer.verifier().clone()), ask })
}

#[tokio::test]
async fn what_nobody_signs_is_not_stored() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("concordat.db");
    let store = Sqlite::open(&path, failing(2)).await.unwrap();
    store.commit(change("a", 0, 1)).await.unwrap();
    let refused = store.commit(change("a", 1, 1)).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Unavailable(why) if why.contains("out for lunch")), "{refused}");
    assert_eq!(store.checkpoint().await.unwrap().unwrap().size, 1);
    store.commit(change("a", 1, 1)).await.unwrap();
    store.close().await;

    // Two that are stored together, of which one conflicts: the other waits for the same signature.
    let store = Sqlite::open(&path, failing(2)).await.unwrap();
    let (same, new) = (store.commit(change("a", 1, 1)), store.commit(change("b", 0, 1)));
    let (same, new) = tokio::join!(same, new);
    assert!(matches!(same, Err(StoreError::Conflict(_))), "{same:?}");
    assert!(matches!(new, Err(StoreError::Unavailable(_))), "{new:?}");
    assert_eq!(store.commit(change("b", 0, 1)).await.unwrap().first, 2);
    store.close().await;
    let store = Sqlite::open(&path, signing()).await.unwrap();
    assert_eq!(store.checkpoint().await.unwrap().unwrap().size, 3);
}

#[tokio::test]
async fn a_full_disk_stops_writing_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("concordat.db");
    let store = on_a_small_disk(&path, 30).await;
    let mut stored = 0;
    let full = loop {
        match store.commit(change("a", stored, 8000)).await {
            Ok(committed) => assert_eq!(committed.first, stored),
            Err(error) => break error,
        }
        stored += 1;
    };
    assert!(stored > 3, "{stored}");
    assert!(
        matches!(&full, StoreError::ReadOnly(why) if why.contains("full") && why.contains("start")),
        "{full}"
    );
    let later = store.commit(change("b", 0, 0)).await;
    assert!(matches!(later, Err(StoreError::ReadOnly(_))), "read-only until somebody looked");
    assert_eq!(store.checkpoint().await.unwrap().unwrap().size, stored, "reading goes on");
    store.close().await;

    let store = Sqlite::open(&path, signing()).await.unwrap();
    let records = store.records(&RecordFilter::default(), Page::LARGEST).await.unwrap();
    assert_eq!(records.len() as u64, stored, "exactly what was acknowledged");
    assert!(store.commit(change("a", stored, 8000)).await.is_ok(), "there is room again");
}

#[tokio::test]
async fn a_disk_that_fills_while_conflicts_are_sorted_out_loses_the_whole_batch() {
    let folder = tempfile::tempdir().unwrap();
    let store = on_a_small_disk(&folder.path().join("concordat.db"), 30).await;
    let waiting: Vec<_> = [("a", 0, 100), ("a", 7, 100), ("b", 0, 900_000), ("c", 0, 100)]
        .map(|(subject, seq, bytes)| store.commit(change(subject, seq, bytes)))
        .into();
    let mut answers = Vec::new();
    for commit in waiting {
        answers.push(commit.await.unwrap_err());
    }
    let conflicts = answers.iter().filter(|error| matches!(error, StoreError::Conflict(_))).count();
    assert_eq!(conflicts, 1, "{answers:?}");
    assert!(answers.iter().all(|error| !matches!(error, StoreError::Unknown(_))), "{answers:?}");
    assert_eq!(store.checkpoint().await, Ok(None));
}

#[tokio::test]
async fn every_error_has_its_meaning() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::claim(&folder.path().join("concordat.db")).unwrap();
    let connection = connection::writing(&place.path).await.unwrap();
    let mut other = connection::writing(&place.path).await.unwrap();
    let mut ledger = Ledger { connection, place };
    for conflict in ["INSERT INTO t VALUES (1, 1), (1, 1)", "INSERT INTO t VALUES (2, NULL)"] {
        ledger.run("CREATE TABLE IF NOT EXISTS t (a PRIMARY KEY, b NOT NULL)").await.unwrap();
        assert!(matches!(ledger.run(conflict).await, Err(Failure::Refused(_))), "{conflict}");
    }
    sqlx::raw_sql("PRAGMA busy_timeout = 0").execute(&mut ledger.connection).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let locked = ledger.run("INSERT INTO t VALUES (3, 3)").await.unwrap_err();
    assert!(matches!(locked, Failure::Busy(_)), "a lock goes away");
    assert!(matches!(within(locked), Failure::Over(_)), "but not from a transaction that has begun");
    assert!(matches!(judge(&sqlx::Error::WorkerCrashed), Failure::Unknown(_)));
}

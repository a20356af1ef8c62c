//! Stopping, starting, and two at once.

use std::os::unix::fs::PermissionsExt as _;

use concordat_engine::ports::{Change, Page, RecordFilter, RunFilter, Store as _};
use concordat_store::{BadLog, OpenError, Signing, Sqlite};

use crate::conformance::sample::{id, received, records, reply};
use crate::files::{Place, key, signer};

#[tokio::test]
async fn a_store_starts_with_what_it_stopped_with() {
    let place = Place::new();
    for round in 0..4 {
        let store = place.open().await;
        for number in 0..3 {
            let run = round * 10 + number;
            store.commit(Change { reply: Some(reply(&id("key", run), "x")), ..received(run) }).await.unwrap();
            store.commit(records(&id("run", run), 1..40)).await.unwrap();
        }
        let (all, open) = (RecordFilter::default(), RunFilter::default());
        let before = (
            store.records(&all, Page::LARGEST).await.unwrap().len(),
            store.runs(&open, Page::LARGEST).await.unwrap(),
            store.checkpoint().await.unwrap(),
            store.open_runs().await.unwrap().len(),
        );
        // In turn: closed in order, or dropped without a word.
        if round % 2 == 0 {
            store.close().await;
        }
        drop(store);
        let store = reopened(&place).await;
        let after = (
            store.records(&all, Page::LARGEST).await.unwrap().len(),
            store.runs(&open, Page::LARGEST).await.unwrap(),
            store.checkpoint().await.unwrap(),
            store.open_runs().await.unwrap().len(),
        );
        assert_eq!(before, after);
        store.close().await;
        place.verify().await.unwrap();
    }
}

/// The writer lets go of the file a moment after the store was dropped.
async fn reopened(place: &Place) -> Sqlite {
    loop {
        match place.try_open().await {
            Err(OpenError::InUse { .. }) => tokio::task::yield_now().await,
            opened => return opened.unwrap(),
        }
    }
}

#[tokio::test]
async fn one_process_writes() {
    let place = Place::new();
    let store = place.open().await;
    assert!(matches!(place.try_open().await, Err(OpenError::InUse { .. })));
    store.commit(records("a", 0..3)).await.unwrap();
    assert_eq!(place.verify().await.unwrap().log.size, 3, "anybody may look meanwhile");
    store.close().await;
    assert!(place.try_open().await.is_ok());
}

#[tokio::test]
async fn files_are_private() {
    let place = Place::new();
    let store = place.open().await;
    store.commit(records("a", 0..1)).await.unwrap();
    let files: Vec<_> =
        std::fs::read_dir(place.path().parent().unwrap()).unwrap().map(Result::unwrap).collect();
    assert!(files.len() >= 4, "database, WAL, its index and the lock");
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
}

#[tokio::test]
async fn the_key_may_change_and_the_log_may_not() {
    let place = Place::new();
    let store = place.open().await;
    store.commit(records("a", 0..3)).await.unwrap();
    store.close().await;
    let with =
        |signer, earlier| async { Sqlite::open(&place.path(), Signing { signer, earlier }).await.map(drop) };
    let unknown = with(signer(2), Vec::new()).await;
    assert!(matches!(unknown, Err(OpenError::Log(BadLog::Checkpoint(_)))), "{unknown:?}");
    let other = concordat_ledger::Signer::from_seed("log.example/other", &[2; 32]).unwrap();
    let renamed = with(other, vec![key()]).await;
    assert!(matches!(renamed, Err(OpenError::Log(BadLog::Origin { .. }))), "{renamed:?}");
    assert!(with(signer(2), vec![key()]).await.is_ok());
}

#[tokio::test]
async fn what_is_no_database_of_ours_is_refused_unchanged() {
    for (content, wanted) in [
        ("CREATE TABLE customer (name TEXT)", "Foreign"),
        (
            "CREATE TABLE schema_version (version INTEGER PRIMARY KEY) STRICT; INSERT INTO schema_version VALUES (99)",
            "Newer",
        ),
    ] {
        let place = Place::new();
        std::fs::write(place.path(), "").unwrap();
        std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
        place.attack(content).await.unwrap();
        let refused = format!("{:?}", place.try_open().await.unwrap_err());
        assert!(refused.starts_with(wanted), "{refused}");
        place.attack("CREATE TABLE record (a)").await.unwrap();
    }
    let place = Place::new();
    std::fs::write(place.path(), "x".repeat(5000)).unwrap();
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(place.try_open().await, Err(OpenError::Database(_))));
}

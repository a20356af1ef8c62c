//! Stopping, starting, and two at once.

use std::os::unix::fs::PermissionsExt as _;

use std::sync::Arc;

use concordat_engine::ports::{Change, Page, RecordFilter, RunFilter, Store};
use concordat_store::{BadLog, OpenError, Signing};
use concordat_tests_postgres::Server;

use crate::conformance::sample::{id, received, records, reply};
use crate::place::{Kind, Place, key, on_both, signer, signing};

on_both! {
    a_store_starts_with_what_it_stopped_with,
    one_process_writes,
    the_key_may_change_and_the_log_may_not,
    what_is_no_database_of_ours_is_refused_unchanged,
}

async fn a_store_starts_with_what_it_stopped_with(kind: Kind) {
    let place = Place::new(kind);
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

/// The writer lets go of the database a moment after the store was dropped.
async fn reopened(place: &Place) -> Arc<dyn Store> {
    loop {
        match place.try_open().await {
            Err(OpenError::InUse { .. }) => tokio::task::yield_now().await,
            opened => return opened.unwrap(),
        }
    }
}

#[tokio::test]
async fn what_a_killed_process_left_is_brought_to_disk_before_it_is_told() {
    let (killed, fresh) = (Place::new(Kind::Sqlite), Place::new(Kind::Sqlite));
    let store = killed.open().await;
    store.commit(records("a", 0..3)).await.unwrap();
    let wal = |place: &Place| place.path().with_extension("db-wal");
    std::fs::copy(killed.path(), fresh.path()).unwrap();
    std::fs::copy(wal(&killed), wal(&fresh)).unwrap();
    std::fs::set_permissions(fresh.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
    let left = std::fs::metadata(wal(&fresh)).unwrap().len();
    assert!(left > 0, "the records are in the WAL and nowhere else");
    let again = fresh.open().await;
    assert_eq!(again.records(&RecordFilter::default(), Page::LARGEST).await.unwrap().len(), 3);
    // SQLite empties it only when all of it is in the database file, and that is synced.
    assert_eq!(std::fs::metadata(wal(&fresh)).unwrap().len(), 0, "of {left} bytes");
    again.close().await;
    store.close().await;
}

async fn one_process_writes(kind: Kind) {
    let place = Place::new(kind);
    let store = place.open().await;
    assert!(matches!(place.refusal().await, OpenError::InUse { .. }));
    store.commit(records("a", 0..3)).await.unwrap();
    assert_eq!(place.verify().await.unwrap().log.size, 3, "anybody may look meanwhile");
    store.close().await;
    assert!(place.try_open().await.is_ok());
}

#[tokio::test]
async fn files_are_private() {
    let place = Place::new(Kind::Sqlite);
    let store = place.open().await;
    store.commit(records("a", 0..1)).await.unwrap();
    let files: Vec<_> =
        std::fs::read_dir(place.path().parent().unwrap()).unwrap().map(Result::unwrap).collect();
    assert!(files.len() >= 4, "database, WAL, its index and the lock");
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
}

async fn the_key_may_change_and_the_log_may_not(kind: Kind) {
    let place = Place::new(kind);
    let store = place.open().await;
    store.commit(records("a", 0..3)).await.unwrap();
    store.close().await;
    let with = |signer, earlier| async {
        let store = place.database.open(Signing { earlier, ..Signing::by(signer) }).await?;
        store.close().await;
        Ok(())
    };
    let unknown = with(signer(2), Vec::new()).await;
    assert!(matches!(unknown, Err(OpenError::Log(BadLog::Checkpoint(_)))), "{unknown:?}");
    let other = concordat_ledger::Signer::from_seed("log.example/other", &[2; 32]).unwrap();
    let renamed = with(other, vec![key()]).await;
    assert!(matches!(renamed, Err(OpenError::Log(BadLog::Origin { .. }))), "{renamed:?}");
    assert!(with(signer(2), vec![key()]).await.is_ok());
}

async fn what_is_no_database_of_ours_is_refused_unchanged(kind: Kind) {
    for (content, wanted) in [
        ("CREATE TABLE customer (name TEXT)", "Foreign"),
        (
            "CREATE TABLE schema_version (version INTEGER PRIMARY KEY); INSERT INTO schema_version VALUES (99)",
            "Newer",
        ),
    ] {
        let place = Place::new(kind);
        match kind {
            Kind::Sqlite => private_file(&place, ""),
            Kind::Postgres => place.attack("CREATE SCHEMA concordat").await.unwrap(),
        }
        place.attack(content).await.unwrap();
        let refused = format!("{:?}", place.refusal().await);
        assert!(refused.starts_with(wanted), "{refused}");
        place.attack("CREATE TABLE record (a TEXT)").await.unwrap();
    }
}

fn private_file(place: &Place, content: &str) {
    std::fs::write(place.path(), content).unwrap();
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let place = Place::new(Kind::Sqlite);
    private_file(&place, &"x".repeat(5000));
    assert!(matches!(place.refusal().await, OpenError::Database(_)));
}

#[tokio::test]
async fn a_server_that_may_lose_what_was_acknowledged_is_refused() {
    let server = Server::start(&std::env::temp_dir(), &["fsync = off"]).unwrap();
    let database: concordat_store::Database = server.database().unwrap().parse().unwrap();
    let refused = database.open(signing()).await.err().unwrap();
    assert!(
        refused.to_string().starts_with("PostgreSQL runs with fsync = `off`, but `on` is needed; hint: "),
        "{refused}"
    );
}

#[tokio::test]
async fn settings_of_the_database_do_not_weaken_ours() {
    let name = "SELECT current_database()";
    for (setting, wanted) in [
        ("synchronous_commit = off", None),
        ("default_transaction_read_only = on", None),
        ("default_transaction_isolation = 'serializable'", None),
        ("search_path = public", None),
        ("statement_timeout = 1", None),
        ("session_replication_role = replica", Some("session_replication_role = `replica`")),
    ] {
        let place = Place::new(Kind::Postgres);
        let alter = format!(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET {}', ({name})); END $$",
            setting.replace('\'', "''")
        );
        place.attack(&alter).await.unwrap();
        match (wanted, place.try_open().await) {
            (None, opened) => {
                let store = opened.unwrap_or_else(|error| panic!("{setting}: {error}"));
                store.commit(received(1)).await.unwrap();
                assert_eq!(store.open_runs().await.unwrap().len(), 1, "{setting}");
                store.close().await;
            }
            (Some(wanted), opened) => {
                let refused = opened.err().unwrap().to_string();
                assert!(refused.contains(wanted), "{refused}");
            }
        }
    }
}

//! What somebody who reaches the file can do: little through SQL, nothing without being found.

use concordat_engine::ports::{Change, Page, RunFilter, Store as _, StoreError};
use concordat_ledger::Checkpoint;
use concordat_store::OpenError;

use crate::conformance::sample::{payload, received, records};
use crate::files::{Place, key};

/// Two runs, ten records, three checkpoints, three payloads.
async fn filled() -> Place {
    let place = Place::new();
    let store = place.open().await;
    store.commit(received(1)).await.unwrap();
    store.commit(received(2)).await.unwrap();
    store.commit(Change { payloads: vec![payload("more")], ..records("agt", 0..8) }).await.unwrap();
    store.close().await;
    place
}

#[tokio::test]
async fn history_is_refused_to_sql() {
    let place = filled().await;
    for attack in [
        "UPDATE record SET body = x'00' WHERE idx = 3",
        "UPDATE record SET idx = 100 WHERE idx = 9",
        "UPDATE OR REPLACE record SET idx = 3 WHERE idx = 4",
        "UPDATE OR IGNORE record SET type = 'x'",
        "DELETE FROM record WHERE idx = 9",
        "DELETE FROM record",
        "INSERT OR REPLACE INTO record SELECT 10, id, type, subject, subject_seq, time, leaf, body FROM record WHERE idx = 5",
        "INSERT OR REPLACE INTO record SELECT idx, 'new', type, 'new', 0, time, leaf, body FROM record WHERE idx = 5",
        "INSERT OR REPLACE INTO record SELECT 10, 'new', type, subject, subject_seq, time, leaf, body FROM record WHERE idx = 5",
        "REPLACE INTO record SELECT * FROM record WHERE idx = 5",
        "INSERT INTO record SELECT 11, 'new', type, 'new', 0, time, leaf, body FROM record WHERE idx = 5",
        "INSERT INTO record SELECT -1, 'new', type, 'new', 0, time, leaf, body FROM record WHERE idx = 5",
        "INSERT INTO record (id, type, subject, subject_seq, time, leaf, body) VALUES ('new', 't', 'new', 0, 't', zeroblob(32), x'')",
        "INSERT INTO record SELECT 10, 'new', type, 'agt', 9, time, leaf, body FROM record WHERE idx = 5",
        "INSERT INTO record SELECT 10, 'new', type, 'new', 1, time, leaf, body FROM record WHERE idx = 5",
        "INSERT INTO record SELECT idx, id, type, subject, subject_seq, time, leaf, body FROM record WHERE idx = 5 ON CONFLICT DO UPDATE SET body = x''",
        "UPDATE payload SET body = x'00'",
        "DELETE FROM payload",
        "INSERT OR REPLACE INTO payload (rowid, digest, body) VALUES (1, zeroblob(32), x'00')",
        "UPDATE checkpoint SET note = 'x'",
        "UPDATE checkpoint SET size = 11 WHERE size = 10",
        "DELETE FROM checkpoint WHERE size = 10",
        "INSERT OR REPLACE INTO checkpoint VALUES (10, 'x')",
        "INSERT INTO checkpoint VALUES (5, 'x')",
        "INSERT INTO checkpoint VALUES (11, 'x')",
    ] {
        let refused = place.attack(attack).await.expect_err(attack);
        let code = refused.as_database_error().and_then(sqlx::error::DatabaseError::code).unwrap_or_default();
        assert_eq!(code, "1811", "{attack}: {refused}");
    }
    // Content that is stored already is kept, whatever is said about it.
    place
        .attack("INSERT OR REPLACE INTO payload (digest, body) SELECT digest, x'00' FROM payload")
        .await
        .unwrap();
    assert_eq!(place.verify().await.unwrap().payloads, 3);
    assert_eq!(place.verify().await.unwrap().log.size, 10);
}

/// What an owner of the file can always do: take the triggers away.
const FREE: &str = "
    DROP TRIGGER record_is_appended; DROP TRIGGER record_is_not_changed; DROP TRIGGER record_is_not_deleted;
    DROP TRIGGER payload_is_not_changed; DROP TRIGGER checkpoint_is_appended;
    DROP TRIGGER checkpoint_is_not_changed; DROP TRIGGER checkpoint_is_not_deleted;
";

#[tokio::test]
async fn verification_finds_every_change() {
    for (attack, found) in [
        ("UPDATE record SET id = 'x' WHERE idx = 3", "record 3: column `id` is `x`"),
        ("UPDATE record SET type = 'x' WHERE idx = 3", "record 3: column `type`"),
        ("UPDATE record SET subject = 'x' WHERE idx = 3", "record 3: column `subject`"),
        ("UPDATE record SET subject_seq = 99 WHERE idx = 3", "record 3: column `subjectseq`"),
        ("UPDATE record SET subject_seq = -9 WHERE idx = 3", "(`3`)"),
        ("UPDATE record SET time = 'x' WHERE idx = 3", "record 3: column `time`"),
        ("UPDATE record SET leaf = zeroblob(32) WHERE idx = 3", "record 3: its hash"),
        ("UPDATE record SET body = x'7b7d' WHERE idx = 3", "record 3:"),
        (
            "UPDATE record SET body = CAST(replace(CAST(body AS TEXT), '2026', '2025') AS BLOB) WHERE idx = 3",
            "record 3:",
        ),
        ("UPDATE record SET body = x'' WHERE idx = 3", "record 3:"),
        ("UPDATE record SET idx = -3 WHERE idx = 3", "(`-3`)"),
        ("UPDATE record SET idx = 30 WHERE idx = 3", "record 3 should come next, but record 4 does"),
        ("DELETE FROM record WHERE idx = 0", "record 0 should come next"),
        ("DELETE FROM record WHERE idx = 9", "signed for 10 records, but the log has 9"),
        ("DELETE FROM record WHERE idx > 3", "signed for 10 records, but the log has 4"),
        ("DELETE FROM record", "signed for 1 records, but the log has 0"),
        ("DELETE FROM checkpoint WHERE size = 10", "checkpoints cover only the first 2"),
        ("DELETE FROM checkpoint", "no checkpoint"),
        ("UPDATE checkpoint SET note = 'x' WHERE size = 2", "stored for 2 records"),
        ("UPDATE checkpoint SET size = 3 WHERE size = 2", "stored for 3 records"),
        (
            "UPDATE checkpoint SET note = replace(note, 'log.example/test', 'log.example/text') WHERE size = 2",
            "checkpoint 1:",
        ),
        ("UPDATE payload SET body = x'00' WHERE rowid = 2", "the payload stored as"),
        ("UPDATE payload SET digest = zeroblob(32) WHERE rowid = 2", "the payload stored as"),
    ] {
        let place = filled().await;
        assert!(place.verify().await.is_ok());
        place.attack(FREE).await.unwrap();
        place.attack(attack).await.unwrap();
        let unsound = place.verify().await.expect_err(attack);
        assert!(unsound.to_string().contains(found), "{attack}: {unsound}");
        assert_eq!(unsound.is_fault(), found != "no checkpoint", "{attack}");
        assert!(matches!(place.try_open().await, Err(OpenError::Schema { .. })), "{attack}");
    }
}

#[tokio::test]
async fn a_cut_tail_shows_against_a_checkpoint_kept_elsewhere() {
    let place = filled().await;
    let store = place.open().await;
    let newest = store.checkpoint().await.unwrap().unwrap();
    store.close().await;
    let kept = Checkpoint::open(newest.note.as_bytes(), &[key()]).unwrap();
    let against = || place.verify_against(kept.clone());
    assert!(against().await.is_ok());
    place.attack(FREE).await.unwrap();
    place.attack("DELETE FROM checkpoint WHERE size > 2; DELETE FROM record WHERE idx >= 2").await.unwrap();
    assert_eq!(place.verify().await.unwrap().log.size, 2, "in itself it is a correct log");
    assert!(against().await.unwrap_err().to_string().contains("the trusted checkpoint has 10"));
}

#[tokio::test]
async fn a_damaged_log_is_not_continued() {
    for (attack, found) in [
        ("DELETE FROM record WHERE idx = 9", "has 9 records, its newest checkpoint is of 10"),
        ("DELETE FROM record WHERE idx = 4", "from 0 on some are missing"),
        ("DELETE FROM record WHERE idx = 0", "from 0 on some are missing"),
        ("DELETE FROM checkpoint", "10 records and no checkpoint"),
        ("DELETE FROM checkpoint WHERE size > 1", "newest checkpoint is of 1"),
        ("UPDATE record SET leaf = zeroblob(32) WHERE idx = 0", "do not have the root that was signed"),
        ("UPDATE record SET body = x'7b7d' WHERE idx = 5", "record 5 is damaged"),
        ("UPDATE checkpoint SET note = 'x' WHERE size = 10", "cannot be trusted"),
    ] {
        let place = filled().await;
        let mut intruder = place.intruder().await;
        // The triggers come back afterwards, so that only the data are wrong.
        let restore = sqlx::query_scalar::<_, String>(
            "SELECT group_concat(sql, ';') FROM sqlite_schema WHERE type = 'trigger'",
        );
        let triggers: String = restore.fetch_one(&mut intruder).await.unwrap();
        drop(intruder);
        place.attack(FREE).await.unwrap();
        place.attack(attack).await.unwrap();
        place.restore(triggers).await;
        let refused = place.try_open().await.expect_err(attack);
        assert!(refused.to_string().contains(found), "{attack}: {refused}");
    }
}

#[tokio::test]
async fn missing_and_foreign_triggers_are_noticed_at_start() {
    for attack in [
        "DROP TRIGGER record_is_not_deleted",
        "CREATE TRIGGER helpful AFTER INSERT ON run BEGIN DELETE FROM reply; END",
        "DROP TRIGGER payload_is_not_changed; CREATE TRIGGER payload_is_not_changed BEFORE UPDATE ON payload BEGIN SELECT 1; END",
        "CREATE TABLE more (a)",
        "DROP INDEX run_open",
    ] {
        let place = filled().await;
        place.attack(attack).await.unwrap();
        assert!(matches!(place.try_open().await, Err(OpenError::Schema { .. })), "{attack}");
    }
}

#[tokio::test]
async fn a_bad_row_is_named() {
    let place = filled().await;
    let store = place.open().await;
    place.attack("UPDATE run SET tenant = 'NO NAME' WHERE submission LIKE 'sub%'").await.unwrap();
    let odd = store.runs(&RunFilter::default(), Page::LARGEST).await.unwrap_err();
    assert!(matches!(odd, StoreError::Inconsistent { table: "run", column: "tenant", .. }), "{odd}");
}

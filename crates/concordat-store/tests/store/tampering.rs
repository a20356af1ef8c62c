//! What somebody who reaches the database can do: little through SQL, nothing without being found.

use concordat_engine::ports::{Change, Page, RunFilter, Sealed, StoreError, Whose};
use concordat_ledger::Checkpoint;
use concordat_model::payload::Secret;
use concordat_store::OpenError;
use concordat_store::fsck::{self, CannotExamine};

use crate::conformance::sample::{payload, received, records};
use crate::place::{Kind, Place, key, on_both};

on_both! {
    history_is_refused_to_sql,
    verification_finds_every_change,
    a_cut_tail_shows_against_a_checkpoint_kept_elsewhere,
    a_damaged_log_is_not_continued,
    missing_and_foreign_parts_are_noticed_at_start,
    a_bad_row_is_named,
    an_examination_names_every_row_that_differs,
}

/// Two runs, ten records, three checkpoints, three payloads, and another one that can be forgotten.
async fn filled(kind: Kind) -> Place {
    let place = Place::new(kind);
    let store = place.open().await;
    let sealed = Sealed {
        owner: "run_1".to_owned(),
        secret: Secret::new([1; 32]),
        whose: Some(Whose { tenant: "acme".parse().unwrap(), subject: None }),
        payloads: vec![payload("personal")],
    };
    store.commit(Change { sealed: vec![sealed], ..received(1) }).await.unwrap();
    store.commit(received(2)).await.unwrap();
    store.commit(Change { payloads: vec![payload("more")], ..records("agt", 0..8) }).await.unwrap();
    store.close().await;
    place
}

/// What both refuse.
const REFUSED: &[&str] = &[
    "UPDATE record SET body = x'00' WHERE idx = 3",
    "UPDATE record SET idx = 100 WHERE idx = 9",
    "DELETE FROM record WHERE idx = 9",
    "DELETE FROM record",
    "INSERT INTO record SELECT 11, 'new', type, 'new', 0, time, leaf, body FROM record WHERE idx = 5",
    "INSERT INTO record SELECT -1, 'new', type, 'new', 0, time, leaf, body FROM record WHERE idx = 5",
    "INSERT INTO record SELECT 10, 'new', type, 'agt', 9, time, leaf, body FROM record WHERE idx = 5",
    "INSERT INTO record SELECT 10, 'new', type, 'new', 1, time, leaf, body FROM record WHERE idx = 5",
    "UPDATE payload SET body = x'00'",
    "DELETE FROM payload",
    "UPDATE checkpoint SET note = 'x'",
    "UPDATE checkpoint SET size = 11 WHERE size = 10",
    "DELETE FROM checkpoint WHERE size = 10",
    "INSERT INTO checkpoint VALUES (5, 'x')",
    "INSERT INTO checkpoint VALUES (11, 'x')",
    "UPDATE vault SET secret = secret",
    "DELETE FROM vault",
    "UPDATE sealed SET body = body",
    "DELETE FROM sealed",
    "INSERT INTO forgotten VALUES ('run_1', 'nothing')",
    "INSERT INTO forgotten SELECT 'run_1', id FROM record WHERE idx = 3",
];

const REFUSED_BY_SQLITE: &[&str] = &[
    "UPDATE OR REPLACE record SET idx = 3 WHERE idx = 4",
    "UPDATE OR IGNORE record SET type = 'x'",
    "INSERT OR REPLACE INTO record SELECT 10, id, type, subject, subject_seq, time, leaf, body FROM record WHERE idx = 5",
    "INSERT OR REPLACE INTO record SELECT idx, 'new', type, 'new', 0, time, leaf, body FROM record WHERE idx = 5",
    "INSERT OR REPLACE INTO record SELECT 10, 'new', type, subject, subject_seq, time, leaf, body FROM record WHERE idx = 5",
    "REPLACE INTO record SELECT * FROM record WHERE idx = 5",
    "INSERT INTO record (id, type, subject, subject_seq, time, leaf, body) VALUES ('new', 't', 'new', 0, 't', zeroblob(32), x'')",
    "INSERT INTO record SELECT idx, id, type, subject, subject_seq, time, leaf, body FROM record WHERE idx = 5 ON CONFLICT DO UPDATE SET body = x''",
    "INSERT OR REPLACE INTO payload (rowid, digest, body) VALUES (1, zeroblob(32), x'00')",
    "INSERT OR REPLACE INTO checkpoint VALUES (10, 'x')",
    "INSERT OR REPLACE INTO vault VALUES ('run_1', 'acme', NULL, zeroblob(32))",
    "INSERT OR REPLACE INTO vault (rowid, owner, tenant, secret) VALUES (1, 'run_2', 'acme', zeroblob(32))",
    "INSERT OR REPLACE INTO sealed (rowid, digest, owner, body) VALUES (1, zeroblob(32), 'run_1', x'00')",
];

const REFUSED_BY_POSTGRES: &[&str] = &[
    "TRUNCATE record",
    "TRUNCATE payload",
    "TRUNCATE checkpoint",
    "TRUNCATE vault",
    "TRUNCATE sealed",
    "TRUNCATE forgotten",
    "TRUNCATE record, payload, checkpoint RESTART IDENTITY CASCADE",
    "UPDATE record SET type = 'x' WHERE false",
    "UPDATE ONLY record SET type = 'x'",
    "MERGE INTO record USING (SELECT 3 AS n) AS new ON idx = n WHEN MATCHED THEN DELETE",
    "INSERT INTO record SELECT * FROM record WHERE idx = 5 ON CONFLICT (idx) DO UPDATE SET body = ''",
    "INSERT INTO record SELECT idx, 'new', type, 'new', 0, time, leaf, body FROM record WHERE idx = 5",
    "INSERT INTO record SELECT 10, 'new', type, 'new', 0, time, leaf, 'x' FROM record WHERE idx = 5",
    "INSERT INTO record SELECT 20 - idx, 'n' || idx, type, 'agt', 6 + idx, time, leaf, body FROM record WHERE idx IN (9, 10)",
    "INSERT INTO payload SELECT digest, 'x' FROM payload ON CONFLICT (digest) DO UPDATE SET body = 'x'",
    "INSERT INTO payload VALUES (zeroblob(32), 'x')",
    "INSERT INTO checkpoint VALUES (10, 'x') ON CONFLICT (size) DO UPDATE SET note = 'x'",
    "SET search_path = pg_temp; CREATE TABLE record (idx int, subject text, subject_seq int); INSERT INTO record VALUES (19, 'new', 0); INSERT INTO concordat.record SELECT 20, 'new', type, 'new', 1, time, leaf, body FROM concordat.record WHERE idx = 5",
];

async fn history_is_refused_to_sql(kind: Kind) {
    let place = filled(kind).await;
    let own = match kind {
        Kind::Sqlite => REFUSED_BY_SQLITE,
        Kind::Postgres => REFUSED_BY_POSTGRES,
    };
    for attack in REFUSED.iter().chain(own) {
        let refused = place.attack(attack).await.expect_err(attack);
        let code = refused.as_database_error().and_then(sqlx::error::DatabaseError::code).unwrap_or_default();
        let by_a_rule = match kind {
            Kind::Sqlite => code == "1811",
            Kind::Postgres => code.starts_with("LG") || code == "23505" || code == "23514",
        };
        assert!(by_a_rule, "{attack}: {code} {refused}");
    }
    // Content that is stored already is kept, whatever is said about it.
    let again = match kind {
        Kind::Sqlite => "INSERT OR REPLACE INTO payload (digest, body) SELECT digest, x'00' FROM payload",
        Kind::Postgres => "INSERT INTO payload SELECT * FROM payload ON CONFLICT DO NOTHING",
    };
    place.attack(again).await.unwrap();
    assert_eq!(place.verify().await.unwrap().payloads, 4);
    assert_eq!(place.verify().await.unwrap().log.size, 10);
}

async fn verification_finds_every_change(kind: Kind) {
    let changed_body = match kind {
        Kind::Sqlite => {
            "UPDATE record SET body = CAST(replace(CAST(body AS TEXT), '2026', '2025') AS BLOB) WHERE idx = 3"
        }
        Kind::Postgres => {
            "UPDATE record SET body = convert_to(replace(convert_from(body, 'UTF8'), '2026', '2025'), 'UTF8') WHERE idx = 3"
        }
    };
    for (attack, found) in [
        ("UPDATE record SET id = 'x' WHERE idx = 3", "record 3: column `id` is `x`"),
        ("UPDATE record SET type = 'x' WHERE idx = 3", "record 3: column `type`"),
        ("UPDATE record SET subject = 'x' WHERE idx = 3", "record 3: column `subject`"),
        ("UPDATE record SET subject_seq = 99 WHERE idx = 3", "record 3: column `subjectseq`"),
        ("UPDATE record SET subject_seq = -9 WHERE idx = 3", "(`3`)"),
        ("UPDATE record SET time = 'x' WHERE idx = 3", "record 3: column `time`"),
        ("UPDATE record SET leaf = zeroblob(32) WHERE idx = 3", "record 3: its hash"),
        ("UPDATE record SET body = x'7b7d' WHERE idx = 3", "record 3:"),
        (changed_body, "record 3:"),
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
        (
            "UPDATE payload SET body = x'00' WHERE digest IN (SELECT digest FROM payload LIMIT 1)",
            "the payload stored as",
        ),
        (
            "UPDATE payload SET digest = zeroblob(32) WHERE digest IN (SELECT digest FROM payload LIMIT 1)",
            "the payload stored as",
        ),
    ] {
        let place = filled(kind).await;
        assert!(place.verify().await.is_ok());
        place.free().await;
        place.attack(attack).await.unwrap();
        let unsound = place.verify().await.expect_err(attack);
        assert!(unsound.to_string().contains(found), "{attack}: {unsound}");
        assert_eq!(unsound.is_fault(), found != "no checkpoint", "{attack}");
        let refused = place.refusal().await;
        assert!(matches!(refused, OpenError::Schema { .. }), "{attack}: {refused}");
    }
}

async fn a_cut_tail_shows_against_a_checkpoint_kept_elsewhere(kind: Kind) {
    let place = filled(kind).await;
    let store = place.open().await;
    let newest = store.checkpoint().await.unwrap().unwrap();
    store.close().await;
    let kept = Checkpoint::open(newest.note.as_bytes(), &[key()]).unwrap();
    let against = || place.verify_against(kept.clone());
    assert!(against().await.is_ok());
    place.free().await;
    place.attack("DELETE FROM checkpoint WHERE size > 2; DELETE FROM record WHERE idx >= 2").await.unwrap();
    assert_eq!(place.verify().await.unwrap().log.size, 2, "in itself it is a correct log");
    assert!(against().await.unwrap_err().to_string().contains("the trusted checkpoint has 10"));
}

async fn a_damaged_log_is_not_continued(kind: Kind) {
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
        let place = filled(kind).await;
        place.damage(attack).await;
        let refused = place.refusal().await;
        assert!(refused.to_string().contains(found), "{attack}: {refused}");
    }
}

async fn missing_and_foreign_parts_are_noticed_at_start(kind: Kind) {
    let attacks: &[&str] = match kind {
        Kind::Sqlite => &[
            "DROP TRIGGER record_is_not_deleted",
            "CREATE TRIGGER helpful AFTER INSERT ON run BEGIN DELETE FROM reply; END",
            "DROP TRIGGER payload_is_not_changed; CREATE TRIGGER payload_is_not_changed BEFORE UPDATE ON payload BEGIN SELECT 1; END",
            "CREATE TABLE more (a)",
            "DROP INDEX run_open",
        ],
        Kind::Postgres => &[
            "DROP TRIGGER record_is_not_changed ON record",
            "ALTER TABLE record DISABLE TRIGGER record_is_not_changed",
            "ALTER TABLE record DISABLE TRIGGER ALL",
            "CREATE OR REPLACE FUNCTION is_never_changed() RETURNS trigger LANGUAGE plpgsql SET search_path = concordat AS 'BEGIN RETURN NEW; END'",
            "ALTER FUNCTION record_is_appended() RESET search_path",
            "CREATE FUNCTION help() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
            "CREATE TRIGGER helpful AFTER INSERT ON run EXECUTE FUNCTION is_never_changed()",
            "CREATE RULE helpful AS ON INSERT TO payload DO INSTEAD NOTHING",
            "CREATE TABLE more (a text)",
            "CREATE VIEW more AS SELECT 1",
            "CREATE TABLE public.more () INHERITS (record)",
            "DROP INDEX run_open",
            "ALTER TABLE record DROP CONSTRAINT record_has_its_hash",
            "ALTER TABLE record ALTER COLUMN type TYPE varchar",
            "ALTER TABLE run ADD COLUMN more text",
            "ALTER TABLE record ENABLE ROW LEVEL SECURITY",
            "ALTER TABLE record SET UNLOGGED",
        ],
    };
    for attack in attacks {
        let place = filled(kind).await;
        place.attack(attack).await.unwrap();
        let refused = place.refusal().await;
        assert!(matches!(refused, OpenError::Schema { .. }), "{attack}: {refused}");
    }
}

async fn a_bad_row_is_named(kind: Kind) {
    let place = filled(kind).await;
    let store = place.open().await;
    place.attack("UPDATE run SET tenant = 'NO NAME' WHERE submission LIKE 'sub%'").await.unwrap();
    let odd = store.runs(&RunFilter::default(), Page::LARGEST).await.unwrap_err();
    assert!(matches!(odd, StoreError::Inconsistent { table: "run", column: "tenant", .. }), "{odd}");
}

/// The table, row and column of everything that differs, apart from runs: these here have no story to fold.
async fn differing(place: &Place) -> Vec<String> {
    let examined = fsck::examine(place.database()).await.unwrap();
    assert_eq!((examined.records, examined.checkpoints, examined.payloads), (10, 3, 4));
    let all = examined.differences.iter().filter(|one| one.table != "run");
    let mut named: Vec<String> = all
        .map(|one| match one.table {
            "payload" => "payload".to_owned(),
            table => format!("{table} {} {}", one.row, one.column),
        })
        .collect();
    named.sort();
    named
}

async fn an_examination_names_every_row_that_differs(kind: Kind) {
    let place = filled(kind).await;
    assert_eq!(differing(&place).await, Vec::<String>::new());
    place.free().await;
    for change in [
        "UPDATE record SET type = 'x', time = 'y' WHERE idx = 3",
        "UPDATE record SET id = 'z', leaf = zeroblob(32) WHERE idx = 5",
        "UPDATE record SET subject = 'x', subject_seq = 99 WHERE idx = 7",
        "UPDATE record SET body = x'7b7d' WHERE idx = 0",
        "UPDATE record SET idx = -9 WHERE idx = 9",
        "UPDATE checkpoint SET size = 7 WHERE size = 2",
        "UPDATE payload SET body = x'00' WHERE digest IN (SELECT digest FROM payload LIMIT 1)",
    ] {
        place.attack(change).await.unwrap();
    }
    assert_eq!(
        differing(&place).await,
        [
            "checkpoint 7 size",
            "payload",
            "record 0 body",
            "record 3 time",
            "record 3 type",
            "record 5 id",
            "record 5 leaf",
            "record 7 subject",
            "record 7 subject_seq",
        ]
    );
    // What cannot be made anew is left as it is, and so is everything in a schema that is not ours any more.
    assert!(matches!(
        fsck::repair(place.database()).await,
        Err(CannotExamine::Open(OpenError::Schema { .. }))
    ));
}

//! `audit fsck` on the database of a real house: what it finds, and what it can repair.

use std::path::{Path, PathBuf};

use concordat_store::fsck::{self, Examined};
use concordat_store::{Database, verify};
use concordat_tests::intruder::Intruder;
use concordat_tests::{House, Storage, verifier};
use serde_json::json;

/// A copy of the database of a house that carried contracts out, in a folder of its own.
async fn copy(folder: &Path) -> PathBuf {
    let house = House::open_on(Storage::Sqlite).await;
    let contract = |name: &str| {
        json!({
            "apiVersion": "concordat/v1", "kind": "Contract", "metadata": {"name": name},
            "spec": {
                "objective": "Check the credit of a loan applicant and assess the lending risk",
                "requirements": ["Check credit"],
                "governance": {"risk": "low"}, "inputs": {"type": "object"},
                "steps": [{"id": "a", "skill": "check_credit", "with": {"applicant_id": "ap-1000"}}],
            },
        })
    };
    for name in ["first", "second", "third"] {
        house.carry_out(contract(name), json!({})).await;
    }
    let Database::File(file) = house.database().clone() else { panic!("a file") };
    let path = folder.join("concordat.db");
    // The writer has it open, so what is in the WAL comes along.
    let mut reader = Intruder::open(&file).await.unwrap();
    reader.run(&format!("VACUUM INTO '{}'", path.display())).await.unwrap();
    reader.close().await;
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    path
}

async fn damage(path: &Path, statements: &str) {
    let mut intruder = Intruder::open(path).await.unwrap();
    let triggers = intruder.triggers().await;
    intruder.free().await;
    intruder.run(statements).await.unwrap();
    intruder.run(&triggers).await.unwrap();
    intruder.close().await;
}

fn told(examined: &Examined) -> Vec<String> {
    let line = |one: &fsck::Difference| format!("{}.{}", one.table, one.column);
    let mut told: Vec<String> = examined.differences.iter().map(line).collect();
    told.sort();
    told
}

#[tokio::test]
async fn rows_of_runs_that_differ_are_named_and_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = copy(folder.path()).await;
    let database = Database::File(path.clone());
    let sound = fsck::examine(&database).await.unwrap();
    assert_eq!(told(&sound), Vec::<String>::new());
    assert_eq!((sound.runs, sound.absent), (3, 0));
    assert!(sound.records > 20 && sound.checkpoints > 5 && sound.payloads > 5, "{sound:?}");

    for (statements, wanted, of_runs) in [
        ("UPDATE run SET status = 'odd'", vec!["run.status"; 3], 3),
        (
            "UPDATE run SET settled = 9, ended = NULL, domain = 'x' WHERE contract = 'first'",
            vec!["run.domain", "run.ended", "run.settled"],
            3,
        ),
        (
            "UPDATE run SET tenant = 'other', submitter = 'eve' WHERE contract = 'second'",
            vec!["run.submitter", "run.tenant"],
            2,
        ),
        ("DELETE FROM run WHERE contract = 'third'", vec!["run.(row)"], 1),
        (
            "INSERT INTO run SELECT 'run_01h455vb4pex5vsknk084sn02q', tenant, submission, label, contract, digest, submitter, domain, status, settled, steps, received, ended FROM run LIMIT 1",
            vec!["run.(row)"],
            1,
        ),
    ] {
        damage(&path, statements).await;
        let found = fsck::examine(&database).await.unwrap();
        assert_eq!(
            (told(&found), found.of_runs),
            (wanted.into_iter().map(str::to_owned).collect(), of_runs),
            "{statements}"
        );
        assert!(fsck::repair(&database).await.unwrap().repaired > 0);
        assert_eq!(fsck::examine(&database).await.unwrap(), sound, "{statements}");
    }
    verify::database(&database, vec![verifier()], None).await.unwrap();
}

#[tokio::test]
async fn an_index_that_hides_a_record_is_found_and_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = copy(folder.path()).await;
    let database = Database::File(path.clone());
    let sound = fsck::examine(&database).await.unwrap();
    // The index is told to hold other rows than it does; then the schema is as it was again.
    damage(
        &path,
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, 'WHERE type', 'WHERE idx > 5 AND type') WHERE name = 'record_of_rare_type'",
    )
    .await;
    damage(
        &path,
        "REINDEX; PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, 'WHERE idx > 5 AND type', 'WHERE type') WHERE name = 'record_of_rare_type'",
    )
    .await;
    verify::database(&database, vec![verifier()], None).await.unwrap();
    let found = fsck::examine(&database).await.unwrap();
    assert!(found.different > 0 && found.differences[0].written.contains("record_of_rare_type"), "{found:?}");
    assert_eq!(fsck::repair(&database).await.unwrap().repaired, 1);
    assert_eq!(fsck::examine(&database).await.unwrap(), sound);
}

#[tokio::test]
async fn the_log_is_never_repaired() {
    let folder = tempfile::tempdir().unwrap();
    let path = copy(folder.path()).await;
    let database = Database::File(path.clone());
    damage(
        &path,
        "UPDATE record SET type = 'x', time = 'y' WHERE idx = 3; UPDATE record SET id = 'z', leaf = zeroblob(32) WHERE idx = 5;
         UPDATE record SET subject_seq = 99 WHERE idx = 7; UPDATE record SET body = x'7b7d' WHERE idx = 0;
         UPDATE checkpoint SET size = size + 1000 WHERE size = (SELECT max(size) FROM checkpoint);
         UPDATE payload SET body = x'00' WHERE rowid = 1; DELETE FROM payload WHERE rowid = 2",
    )
    .await;
    let found = fsck::examine(&database).await.unwrap();
    let wanted = [
        "checkpoint.size",
        "payload.digest",
        "record.body",
        "record.id",
        "record.leaf",
        "record.subject_seq",
        "record.time",
        "record.type",
    ];
    let told = told(&found);
    assert!(wanted.iter().all(|one| told.contains(&(*one).to_owned())), "{told:?}");
    assert_eq!(fsck::repair(&database).await.unwrap().different, found.different);
    assert_eq!(
        fsck::examine(&database).await.unwrap().different,
        found.different,
        "the log is never repaired"
    );
}

#[tokio::test]
async fn a_database_in_use_is_examined_and_not_repaired() {
    for storage in [Storage::Sqlite, Storage::Postgres] {
        let house = House::open_on(storage).await;
        let contract = json!({
            "apiVersion": "concordat/v1", "kind": "Contract", "metadata": {"name": "c"},
            "spec": {
                "objective": "Check the credit of a loan applicant and assess the lending risk",
                "requirements": ["Check credit"], "governance": {"risk": "low"}, "inputs": {"type": "object"},
                "steps": [{"id": "a", "skill": "check_credit", "with": {"applicant_id": "ap-1000"}}],
            },
        });
        house.carry_out(contract, json!({})).await;
        let examined = fsck::examine(house.database()).await.unwrap();
        assert_eq!(
            (examined.different, examined.runs, examined.absent),
            (0, 1, 0),
            "{:?}",
            examined.differences
        );
        let refused = fsck::repair(house.database()).await.unwrap_err().to_string();
        assert!(refused.contains("is in use by another process"), "{refused}");
    }
}

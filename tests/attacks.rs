//! Eight defects that were measured in a widely used governance toolkit, each as an attack on our log. There the
//! changed log verified; here each is found, and where it is.

use std::path::{Path, PathBuf};

use concordat::evidence::{self, Brought};
use concordat_engine::ports::Change;
use concordat_ledger::{Checkpoint, Record, Signer};
use concordat_store::{Database, Signing, verify};
use concordat_tests::intruder::Intruder;
use concordat_tests::pack::{Log, Pack};
use concordat_tests::{signer, verifier};

fn signing() -> Signing {
    Signing::by(signer())
}

/// The log as a database file, five records a transaction.
async fn database(folder: &Path, log: &Log) -> PathBuf {
    let path = folder.join("concordat.db");
    let store = Database::File(path.clone()).open(signing()).await.unwrap();
    for records in log.records.chunks(5) {
        let records = records.iter().map(|bytes| Record::read(bytes).unwrap()).collect();
        store.commit(Change { records, ..Change::default() }).await.unwrap();
    }
    store.close().await;
    path
}

/// What verification says of a database, given a checkpoint that was kept.
async fn of_database(path: &Path, kept: Option<&str>) -> String {
    let kept = kept.map(|note| Checkpoint::open(note.as_bytes(), &[verifier()]).unwrap());
    match verify::database(&Database::File(path.to_owned()), vec![verifier()], kept).await {
        Ok(sound) => format!("sound: {} records", sound.log.size),
        Err(unsound) if unsound.is_fault() => format!("tampered: {unsound}"),
        Err(unsound) => format!("unverifiable: {unsound}"),
    }
}

/// What verification says of a pack, given a checkpoint that was kept.
fn of_pack(pack: &Pack, kept: Option<&str>) -> String {
    let folder = tempfile::tempdir().unwrap();
    pack.unpack(folder.path());
    of_path(folder.path(), kept)
}

fn of_path(path: &Path, kept: Option<&str>) -> String {
    let brought = Brought { keys: vec![verifier()], checkpoint: kept.map(str::to_owned) };
    match evidence::verify(path, evidence::form(path).unwrap(), brought, &|_, _| {}) {
        Ok(proven) => format!("sound: {} records", proven.records),
        Err(wrong) if wrong.is_fault() => format!("tampered: {wrong}"),
        Err(wrong) => format!("unverifiable: {wrong}"),
    }
}

fn check(said: &str, wanted: &str) {
    assert!(said.contains(wanted), "{said}\nwanted {wanted}");
}

/// Attack 1: decision, rule, policy version and approver were outside the hash.
#[tokio::test]
async fn attack_1_what_a_verdict_rests_on_is_changed() {
    let log = Log::of(20);
    for (from, to) in [
        ("\"decision\":\"permit\"", "\"decision\":\"denied\""),
        ("\"matched_rule\":\"concordat.admit\"", "\"matched_rule\":\"concordat.other\""),
        ("\"policy_version\":\"1.2.0\"", "\"policy_version\":\"9.9.9\""),
        ("\"approver_did\":\"did:example:ada\"", "\"approver_did\":\"did:example:eve\""),
    ] {
        let mut changed = log.clone();
        let text = String::from_utf8(log.records[7].clone()).unwrap();
        assert!(text.contains(from));
        changed.records[7] = text.replace(from, to).into_bytes();

        let folder = tempfile::tempdir().unwrap();
        let path = database(folder.path(), &log).await;
        let mut intruder = Intruder::open(&path).await.unwrap();
        intruder.free().await;
        let set = format!(
            "UPDATE record SET body = CAST(replace(CAST(body AS TEXT), '{from}', '{to}') AS BLOB) WHERE idx = 7"
        );
        intruder.run(&set).await.unwrap();
        check(
            &of_database(&path, None).await,
            "tampered: the log is not what was signed: record 7: its hash is",
        );
        // With hash and columns made to fit, the root tells, and between which checkpoints.
        let mut stored = intruder.log().await.unwrap();
        stored.records.clone_from(&changed.records);
        intruder.put(&stored).await;
        intruder.close().await;
        check(&of_database(&path, None).await, "checkpoint 1: the first 10 records make root");

        let mut pack = changed.pack(0, None, &signer());
        let of_log = log.pack(0, None, &signer());
        pack.put("checkpoint", &of_log.files["checkpoint"]);
        pack.list(0, 20, &log.tree(20).root().to_string());
        check(&of_pack(&pack, None), "tampered: checkpoint 0: the first 20 records make root");
    }
}

/// Attack 2: the last entries were deleted.
#[tokio::test]
async fn attack_2_the_last_records_are_deleted() {
    let log = Log::of(20);
    let kept = log.checkpoint(15, &signer());
    for (statements, alone, with_kept) in [
        ("DELETE FROM record WHERE idx >= 17", "signed for 20 records, but the log has 17", "the log has 17"),
        (
            "DELETE FROM record WHERE idx >= 17; DELETE FROM checkpoint WHERE size > 17",
            "the log has 17 records, but checkpoints cover only the first 15",
            "checkpoints cover only the first 15",
        ),
        (
            "DELETE FROM record WHERE idx >= 10; DELETE FROM checkpoint WHERE size > 10",
            // In itself this is a correct log of ten records: that is why checkpoints are to be kept elsewhere.
            "sound: 10 records",
            "tampered: the log is not what was signed: the log has 10 records, but the trusted checkpoint has 15",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = database(folder.path(), &log).await;
        let mut intruder = Intruder::open(&path).await.unwrap();
        intruder.free().await;
        intruder.run(statements).await.unwrap();
        intruder.close().await;
        check(&of_database(&path, None).await, alone);
        check(&of_database(&path, Some(&kept)).await, with_kept);
    }
}

/// Attack 3: the whole log was replaced.
#[tokio::test]
async fn attack_3_the_whole_log_is_replaced() {
    let (log, mut other) = (Log::of(20), Log::of(20));
    let kept = log.checkpoint(10, &signer());
    for bytes in &mut other.records {
        *bytes = String::from_utf8(bytes.clone()).unwrap().replace("permit", "refuse").into_bytes();
    }
    let stranger = Signer::from_seed(signer().verifier().name(), &[9; 32]).unwrap();
    for (by, found) in [(&stranger, "checkpoint 0: "), (&signer(), "the first 10 records make root")] {
        let folder = tempfile::tempdir().unwrap();
        let path = database(folder.path(), &log).await;
        let mut intruder = Intruder::open(&path).await.unwrap();
        intruder.free().await;
        let mut stored = intruder.log().await.unwrap();
        stored.records.clone_from(&other.records);
        stored.sign(0, by);
        intruder.put(&stored).await;
        intruder.close().await;
        check(&of_database(&path, Some(&kept)).await, found);
        check(&of_pack(&other.pack(0, None, by), Some(&kept)), found);
    }
}

/// Attack 4: a file was cut from ten records to four.
#[test]
fn attack_4_a_file_is_cut_from_ten_to_four() {
    let folder = tempfile::tempdir().unwrap();
    let pack = Log::of(10).pack(0, None, &signer());
    pack.unpack(folder.path());
    let records = folder.path().join("records.jsonl");
    assert_eq!(of_path(&records, None), "sound: 10 records");
    let text = std::fs::read_to_string(&records).unwrap();
    std::fs::write(&records, text.split_inclusive('\n').take(4).collect::<String>()).unwrap();
    let wanted = "tampered: checkpoint 0: it was signed for 10 records, but the log has 4";
    check(&of_path(&records, None), wanted);
    check(&of_path(folder.path(), None), wanted);
}

/// Attack 5: a rotated file was deleted, and the chain began anew.
#[tokio::test]
async fn attack_5_a_rotated_part_is_deleted() {
    let log = Log::of(30);
    let part =
        |first, size, earlier| Log { records: log.records[..size].to_vec() }.pack(first, earlier, &signer());
    let ends = |size| log.checkpoint(size, &signer());
    assert_eq!(of_pack(&part(0, 10, None), None), "sound: 10 records");
    assert_eq!(of_pack(&part(10, 20, None), Some(&ends(10))), "sound: 10 records");
    assert_eq!(of_pack(&part(20, 30, Some(10)), Some(&ends(10))), "sound: 10 records");
    // Whoever saw the first part and never the second is told so.
    check(
        &of_pack(&part(20, 30, None), Some(&ends(10))),
        "unverifiable: the checkpoint that you kept has 10 records",
    );
    // A part that says that nothing was before it is not what was signed.
    let mut alone = part(20, 30, None);
    alone.files.remove("before");
    alone.list(0, 30, &log.tree(30).root().to_string());
    check(&of_pack(&alone, None), "tampered: record 0: it is number 6 of `run_2`, but 0 should come next");
    // In a database it is the beginning that is gone.
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path(), &log).await;
    let mut intruder = Intruder::open(&path).await.unwrap();
    intruder.free().await;
    intruder.run("DELETE FROM record WHERE idx < 10").await.unwrap();
    intruder.close().await;
    check(&of_database(&path, None).await, "record 0 should come next, but record 10 does");
}

/// Attack 6: a torn last line failed verification for good, and nothing could be opened any more.
#[tokio::test]
async fn attack_6_the_last_line_is_torn() {
    let log = Log::of(10);
    let pack = log.pack(0, None, &signer());
    let folder = tempfile::tempdir().unwrap();
    pack.unpack(folder.path());
    let records = folder.path().join("records.jsonl");
    let whole = std::fs::read(&records).unwrap();
    std::fs::write(&records, &whole[..whole.len() - 30]).unwrap();
    check(&of_path(&records, None), "tampered: record 9: ");

    // A database whose machine lost power: what was not acknowledged may be gone, all else is there and goes on.
    let live = folder.path().join("live.db");
    let store = Database::File(live.clone()).open(signing()).await.unwrap();
    let change = |range: std::ops::Range<usize>| {
        let records = log.records[range].iter().map(|bytes| Record::read(bytes).unwrap()).collect();
        Change { records, ..Change::default() }
    };
    store.commit(change(0..5)).await.unwrap();
    let beside = |name: &str| folder.path().join(name);
    let acknowledged = std::fs::metadata(beside("live.db-wal")).unwrap().len();
    store.commit(change(5..10)).await.unwrap();
    for torn in [1, 100, 4000] {
        let lost = beside("lost.db");
        std::fs::copy(&live, &lost).unwrap();
        let wal = std::fs::read(beside("live.db-wal")).unwrap();
        let left = wal.len().saturating_sub(torn).max(usize::try_from(acknowledged).unwrap());
        std::fs::write(beside("lost.db-wal"), &wal[..left]).unwrap();
        let reopened = Database::File(lost.clone()).open(signing()).await.unwrap();
        let size = reopened.checkpoint().await.unwrap().unwrap().size;
        assert_eq!(size, 5, "what is torn is not half there");
        reopened.commit(change(5..10)).await.unwrap();
        reopened.close().await;
        assert_eq!(of_database(&lost, Some(&log.checkpoint(5, &signer()))).await, "sound: 10 records");
        for name in ["lost.db", "lost.db-wal", "lost.db-shm"] {
            let _ = std::fs::remove_file(beside(name));
        }
    }
    store.close().await;
}

/// Attack 7: of 12,000 entries 10,000 were exported, and nothing said so.
#[test]
fn attack_7_an_export_leaves_records_out() {
    let log = Log::of(12_000);
    let mut pack = log.pack(0, None, &signer());
    assert_eq!(of_pack(&pack, None), "sound: 12000 records");
    let capped = Log { records: log.records[..10_000].to_vec() }.pack(0, None, &signer());
    pack.put("records.jsonl", &capped.files["records.jsonl"]);
    pack.list_again();
    check(
        &of_pack(&pack, None),
        "tampered: checkpoint 0: it was signed for 12000 records, but the log has 10000",
    );
}

/// Attack 8: where there was no data, everything was well.
#[tokio::test]
async fn attack_8_no_data_is_no_proof() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    check(&of_path(&empty, None), "unverifiable: `records.jsonl` is missing");
    std::fs::write(empty.join("records.jsonl"), "").unwrap();
    check(&of_path(&empty.join("records.jsonl"), None), "unverifiable: `checkpoint` is missing");
    let nothing = database(folder.path(), &Log::of(0)).await;
    check(&of_database(&nothing, None).await, "unverifiable: no checkpoint to verify against");
    let gone = folder.path().join("none.db");
    check(&of_database(&gone, None).await, "unverifiable: the database cannot be read");
}

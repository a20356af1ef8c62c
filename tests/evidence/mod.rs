//! Evidence that somebody hands over, whole and tampered with, to our verifier and to programs that are not ours.

mod by_hand;
mod hostile;
mod tampered;

use std::path::Path;

use concordat::evidence::{self, Brought, Form, Proven, Wrong};
use concordat_ledger::Verifier;
use concordat_tests::pack::{Log, Pack};
use concordat_tests::{signer, verifier};

/// Verifies a pack as an archive and as a folder, which must come to the same, with keys that were got elsewhere.
fn verified(pack: &Pack, kept: Option<&str>) -> Result<Proven, Wrong> {
    let folder = tempfile::tempdir().unwrap();
    let (archive, unpacked) = (folder.path().join("pack.tar"), folder.path().join("pack"));
    std::fs::write(&archive, pack.archive()).unwrap();
    std::fs::create_dir(&unpacked).unwrap();
    pack.unpack(&unpacked);
    assert_eq!(evidence::form(&archive), Some(Form::Archive));
    assert_eq!(evidence::form(&unpacked), Some(Form::Folder));
    let of_archive = at(&archive, vec![verifier()], kept);
    let of_folder = at(&unpacked, vec![verifier()], kept);
    assert_eq!(format!("{of_archive:?}"), format!("{of_folder:?}"));
    of_archive
}

fn at(path: &Path, keys: Vec<Verifier>, kept: Option<&str>) -> Result<Proven, Wrong> {
    let brought = Brought { keys, checkpoint: kept.map(str::to_owned) };
    evidence::verify(path, evidence::form(path).expect("evidence"), brought, &|_, _| {})
}

/// What is said of evidence that is wrong: `tampered` (exit code 9) or `unverifiable` (10), and the words.
fn said(result: Result<Proven, Wrong>) -> String {
    match result {
        Ok(proven) => format!("sound: {} records", proven.records),
        Err(wrong) if wrong.is_fault() => format!("tampered: {wrong}"),
        Err(wrong) => format!("unverifiable: {wrong}"),
    }
}

#[test]
fn packs_verify_from_every_place_and_against_every_kept_checkpoint() {
    let log = Log::of(40);
    for first in [0, 1, 2, 3, 7, 8, 31, 32, 39, 40] {
        let pack = log.pack(first, None, &signer());
        for kept in [None, Some(first), Some(40), Some((first + 40) / 2)] {
            let note = kept.map(|size| log.checkpoint(size, &signer()));
            let proven = verified(&pack, note.as_deref()).unwrap();
            assert_eq!((proven.first, proven.size, proven.records), (first as u64, 40, 40 - first as u64));
            assert_eq!(proven.continues, kept.map(|size| size as u64));
            assert_eq!((proven.addressed, proven.own_keys), (2, false));
        }
    }
}

#[test]
fn a_proof_reaches_a_checkpoint_before_the_pack() {
    let log = Log::of(40);
    for first in [8, 20, 39] {
        for earlier in 0..first {
            let pack = log.pack(first, Some(earlier), &signer());
            let proven = verified(&pack, Some(&log.checkpoint(earlier, &signer()))).unwrap();
            assert_eq!(proven.continues, Some(earlier as u64));
            let other = log.checkpoint((earlier + 1) % first, &signer());
            let said = said(verified(&pack, Some(&other)));
            assert!(said.starts_with("unverifiable: the checkpoint that you kept has"), "{said}");
        }
    }
}

/// What the command says to the shell.
async fn exit_code(arguments: &[&str]) -> String {
    let words = ["concordat", "audit", "verify"].iter().chain(arguments).map(std::ffi::OsString::from);
    format!("{:?}", concordat::cli::run(words).await)
}

#[tokio::test]
async fn the_command_keeps_tampered_and_unverifiable_apart() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).display().to_string();
    let log = Log::of(20);
    let pack = log.pack(4, None, &signer());
    std::fs::write(place("keys"), format!("{}\n", verifier())).unwrap();
    std::fs::write(place("kept"), log.checkpoint(9, &signer())).unwrap();
    std::fs::write(place("before"), log.checkpoint(2, &signer())).unwrap();
    let mut tampered = pack.clone();
    let records = String::from_utf8(pack.files["records.jsonl"].clone()).unwrap();
    tampered.put("records.jsonl", records.replacen("permit", "denied", 1).as_bytes());
    for (name, pack) in [("pack.tar", &pack), ("tampered.tar", &tampered)] {
        std::fs::write(place(name), pack.archive()).unwrap();
    }
    std::fs::write(place("short.tar"), &pack.archive()[..2000]).unwrap();
    for (name, kept, wanted) in [
        ("pack.tar", None, 0_u8),
        ("pack.tar", Some("kept"), 0),
        ("tampered.tar", Some("kept"), 9),
        ("pack.tar", Some("before"), 10),
        ("pack.tar", Some("keys"), 10),
        ("short.tar", None, 10),
        ("none.tar", None, 10),
    ] {
        let (path, keys, kept) = (place(name), place("keys"), kept.map(place));
        let mut words = vec![path.as_str(), "--verifier-keys", &keys];
        words.extend(kept.iter().flat_map(|kept| ["--checkpoint", kept]));
        let wanted = format!("{:?}", std::process::ExitCode::from(wanted));
        assert_eq!(exit_code(&words).await, wanted, "{words:?}");
    }
}

#[test]
fn bare_records_verify_beside_their_checkpoint() {
    let log = Log::of(10);
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join("export.jsonl");
    let pack = log.pack(0, None, &signer());
    std::fs::write(&records, &pack.files["records.jsonl"]).unwrap();
    assert_eq!(evidence::form(&records), Some(Form::Records));
    let missing = said(at(&records, vec![verifier()], None));
    assert_eq!(missing, "unverifiable: `checkpoint` is missing, so nothing can be said");
    // A checkpoint that was kept will do; and what it does not cover is not believed.
    let of = |size| said(at(&records, vec![verifier()], Some(&log.checkpoint(size, &signer()))));
    assert_eq!(of(10), "sound: 10 records");
    assert!(of(9).starts_with("tampered: the log has 10 records, but checkpoints cover only the first 9"));
    std::fs::write(folder.path().join("checkpoint"), &pack.files["checkpoint"]).unwrap();
    assert_eq!(of(9), "sound: 10 records");
    assert_eq!(
        said(at(&records, Vec::new(), None)),
        "unverifiable: no key to verify with; hint: give the verifier key that the log's operator published"
    );
    std::fs::write(folder.path().join("log.vkey"), &pack.files["log.vkey"]).unwrap();
    assert!(at(&records, Vec::new(), None).unwrap().own_keys);
}

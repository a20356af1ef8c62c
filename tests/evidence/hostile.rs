//! Archives and folders that try to hurt whoever reads them. None is unpacked; each is refused by what it holds.

use std::os::unix::fs::symlink;

use concordat_tests::pack::add;
use tar::{Builder, EntryType};

use super::*;

/// An archive of the first files of a sound pack, and then one entry.
fn with(name: &[u8], kind: EntryType, content: &[u8]) -> Vec<u8> {
    let pack = Log::of(3).pack(0, None, &signer());
    let mut archive = Builder::new(Vec::new());
    add(&mut archive, b"VERIFY.md", EntryType::Regular, &pack.files["VERIFY.md"]);
    add(&mut archive, name, kind, content);
    archive.into_inner().unwrap()
}

fn check(archive: &[u8], wanted: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pack.tar");
    std::fs::write(&path, archive).unwrap();
    let said = said(at(&path, vec![verifier()], None));
    assert!(said.starts_with(&format!("unverifiable: {wanted}")), "{said}\nwanted {wanted}");
}

#[test]
fn hostile_archives_are_refused() {
    for name in
        ["../../etc/passwd", "/etc/passwd", "./checkpoint", "payloads/../checkpoint", "x", "payloads/", ""]
    {
        check(
            &with(name.as_bytes(), EntryType::Regular, b"x"),
            "this is not evidence as Concordat writes it: it holds",
        );
    }
    for kind in [
        EntryType::Link,
        EntryType::Symlink,
        EntryType::Char,
        EntryType::Block,
        EntryType::Directory,
        EntryType::Fifo,
        EntryType::Continuous,
        EntryType::GNULongName,
        EntryType::GNULongLink,
        EntryType::GNUSparse,
        EntryType::XGlobalHeader,
        EntryType::XHeader,
    ] {
        check(
            &with(b"checkpoint", kind, b""),
            "this is not evidence as Concordat writes it: `checkpoint` is no plain file",
        );
    }
    for doubled in ["VERIFY.md", "ARCHIVE"] {
        let said = if doubled == "ARCHIVE" { "it holds" } else { "`VERIFY.md` stands twice or out of order" };
        check(
            &with(doubled.as_bytes(), EntryType::Regular, b""),
            &format!("this is not evidence as Concordat writes it: {said}"),
        );
    }
    let long = "a".repeat(2 << 20);
    check(
        &with(b"checkpoint", EntryType::Regular, long.as_bytes()),
        "`checkpoint` cannot be used: it is longer than",
    );
    check(&with(b"log.vkey", EntryType::Regular, b"\xff"), "`log.vkey` cannot be used");
    check(&with(b"log.vkey", EntryType::Regular, b"a+b"), "`log.vkey` cannot be used");
    check(&with(b"before", EntryType::Regular, b"18446744073709551615\n"), "`before` cannot be used");
    check(&with(b"before", EntryType::Regular, b"-1\n"), "`before` cannot be used");
    check(&with(b"consistency", EntryType::Regular, b"x\n"), "`consistency` cannot be used");
    let deep = "[".repeat(100_000);
    check(&with(b"manifest.json", EntryType::Regular, deep.as_bytes()), "`manifest.json` cannot be used");
}

#[test]
fn archives_that_end_early_or_late_are_refused() {
    let pack = Log::of(3).pack(0, None, &signer());
    let whole = pack.archive();
    for length in (0..whole.len() - 1024).step_by(97) {
        check(&whole[..length], "");
    }
    let mut announced = with(b"records.jsonl", EntryType::Regular, b"x");
    // The header of the second entry says that it is longer than anything.
    let at = announced.len() - 4 * 512;
    announced[at + 124..at + 136].copy_from_slice(b"77777777777\0");
    check(&announced, "");
    let mut more = whole.clone();
    more.extend_from_slice(b"more");
    check(&more, "this is not evidence as Concordat writes it: something stands after the end");
    check(&[], "`records.jsonl` is missing");
    check(b"hello", "this is not evidence");
    check(&[0; 10_240], "`records.jsonl` is missing");
}

#[test]
fn any_changed_byte_of_an_archive_is_found_or_is_padding() {
    let log = Log::of(5);
    let whole = log.pack(2, Some(1), &signer()).archive();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pack.tar");
    let kept = log.checkpoint(1, &signer());
    let sound = at_bytes(&path, &whole, &kept);
    assert_eq!(sound, "sound: 3 records");
    for place in (0..whole.len()).step_by(23) {
        let mut altered = whole.clone();
        altered[place] ^= 1;
        let said = at_bytes(&path, &altered, &kept);
        let padding = whole[place] == 0;
        assert!(padding || said != sound, "byte {place} of {}", whole.len());
    }
}

fn at_bytes(path: &std::path::Path, bytes: &[u8], kept: &str) -> String {
    std::fs::write(path, bytes).unwrap();
    said(at(path, vec![verifier()], Some(kept)))
}

#[test]
fn folders_with_links_pipes_and_strangers_are_refused() {
    type Spoil = fn(&Path);
    let hostile: [(&str, Spoil); 5] = [
        ("`checkpoint` is no plain file", |folder| {
            std::fs::remove_file(folder.join("checkpoint")).unwrap();
            symlink("/etc/passwd", folder.join("checkpoint")).unwrap();
        }),
        ("`policies` is no plain file", |folder| {
            std::fs::remove_dir_all(folder.join("policies")).unwrap();
            symlink("/etc", folder.join("policies")).unwrap();
        }),
        ("the folder holds `concordat.db`", |folder| {
            std::fs::write(folder.join("concordat.db"), "x").unwrap();
        }),
        ("`more` is no plain file", |folder| std::fs::create_dir(folder.join("more")).unwrap()),
        ("the folder holds `payloads/x`", |folder| std::fs::write(folder.join("payloads/x"), "x").unwrap()),
    ];
    for (wanted, spoil) in hostile {
        let folder = tempfile::tempdir().unwrap();
        Log::of(3).pack(0, None, &signer()).unpack(folder.path());
        assert_eq!(said(at(folder.path(), vec![verifier()], None)), "sound: 3 records");
        spoil(folder.path());
        let said = said(at(folder.path(), vec![verifier()], None));
        assert!(
            said.starts_with(&format!("unverifiable: this is not evidence as Concordat writes it: {wanted}")),
            "{said}"
        );
    }
}

//! Packs that were changed after they were written, by somebody who covers up as well as he can.

use super::*;
use concordat_ledger::Signer;

/// Changes a pack of the records 8 to 39, which continues the checkpoint of 5, and says what is found.
fn check(change: impl FnOnce(&mut Pack), wanted: &str) {
    let log = Log::of(40);
    let mut pack = log.pack(8, Some(5), &signer());
    change(&mut pack);
    let said = said(verified(&pack, Some(&log.checkpoint(5, &signer()))));
    assert!(said.starts_with(wanted), "{said}\nwanted {wanted}");
}

/// Replaces a text in the records.
fn replace(pack: &mut Pack, from: &str, to: &str) {
    let text = String::from_utf8(pack.files["records.jsonl"].clone()).unwrap();
    assert!(text.contains(from), "{from}");
    pack.put("records.jsonl", text.replacen(from, to, 1).as_bytes());
    pack.list_again();
}

/// Puts other lines in the place of the records.
fn lines(pack: &mut Pack, change: impl FnOnce(&mut Vec<String>)) {
    let text = String::from_utf8(pack.files["records.jsonl"].clone()).unwrap();
    let mut lines: Vec<String> = text.lines().map(|line| format!("{line}\n")).collect();
    change(&mut lines);
    pack.put("records.jsonl", lines.concat().as_bytes());
    pack.list_again();
}

const ROOT: &str = "tampered: checkpoint 0: the first 40 records make root";

#[test]
fn a_changed_record_is_found() {
    check(|pack| replace(pack, "\"n\":20", "\"n\":21"), ROOT);
    check(|pack| replace(pack, "permit", "deny"), ROOT);
    check(|pack| replace(pack, "\"n\":20", "\"n\": 20"), "tampered: record 20: ");
    check(|pack| replace(pack, "rec_000011", "rec\u{7f}00011"), "tampered: record 11: ");
    check(|pack| lines(pack, |lines| lines.swap(3, 6)), "tampered: record 11: it is number");
    check(
        |pack| lines(pack, |lines| drop(lines.remove(0))),
        "tampered: checkpoint 0: it was signed for 40 records, but the log has 39",
    );
    check(|pack| lines(pack, |lines| drop(lines.remove(9))), "tampered: record 19: it is number 6");
    check(|pack| lines(pack, |lines| lines.insert(4, "\n".to_owned())), "tampered: record 12: ");
    check(|pack| lines(pack, |lines| lines.push(lines[0].clone())), "tampered: record 40: it is number");
    check(
        |pack| lines(pack, |lines| drop(lines.pop())),
        "tampered: checkpoint 0: it was signed for 40 records, but the log has 39: the end of the log was cut off",
    );
    check(
        |pack| {
            // The machine died in the middle of the last line.
            let torn = pack.files["records.jsonl"].len() - 40;
            pack.files.get_mut("records.jsonl").unwrap().truncate(torn);
            pack.list_again();
        },
        "tampered: record 39: ",
    );
    check(|pack| lines(pack, |lines| lines[31] = "x".repeat(3 << 20)), "tampered: record 39: ");
    check(
        |pack| lines(pack, Vec::clear),
        "tampered: checkpoint 0: it was signed for 40 records, but the log has 8",
    );
}

#[test]
fn a_changed_proof_is_found() {
    check(
        |pack| pack.put("checkpoint", b"x"),
        "tampered: `checkpoint` is not the file that the manifest lists",
    );
    check(
        |pack| {
            pack.put("checkpoint", b"x");
            pack.list_again();
        },
        "tampered: checkpoint 0: ",
    );
    let other = Signer::from_seed(signer().verifier().name(), &[9; 32]).unwrap();
    check(
        |pack| {
            *pack = Log::of(40).pack(8, Some(5), &other);
        },
        "tampered: checkpoint 0: ",
    );
    let swap_hashes = |name: &'static str| {
        move |pack: &mut Pack| {
            let text = String::from_utf8(pack.files[name].clone()).unwrap();
            let mut lines: Vec<&str> = text.lines().collect();
            let last = lines.len() - 1;
            lines[last] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
            pack.put(name, format!("{}\n", lines.join("\n")).as_bytes());
            pack.list_again();
        }
    };
    check(swap_hashes("before"), ROOT);
    check(swap_hashes("consistency"), "tampered: the log does not continue the checkpoint of 5 records");
    check(
        |pack| {
            pack.put("earlier", Log::of(40).checkpoint(6, &signer()).as_bytes());
            pack.list_again();
        },
        "tampered: the log does not continue the checkpoint of 5 records: the one named has 6 records",
    );
    check(
        |pack| {
            pack.put("before", b"9\n");
            pack.list_again();
        },
        "unverifiable: `before` cannot be used",
    );
}

#[test]
fn a_history_that_was_written_anew_is_found_with_the_kept_checkpoint_only() {
    // The operator's own key signed another history: in itself it is sound.
    let mut log = Log::of(40);
    let kept = log.checkpoint(20, &signer());
    log.records.swap(3, 4);
    let text = String::from_utf8(log.records[0].clone()).unwrap();
    log = Log::of(40);
    log.records[0] = text.replacen("permit", "deny", 1).into_bytes();
    let pack = log.pack(0, None, &signer());
    assert_eq!(said(verified(&pack, None)), "sound: 40 records");
    let found = said(verified(&pack, Some(&kept)));
    assert!(found.starts_with("tampered: the first 20 records make root"), "{found}");
    assert!(found.ends_with("the log was rewritten since the trusted checkpoint"), "{found}");
    // Set back to an older copy: the pack ends before the kept checkpoint, which it cannot reach.
    let older = Log::of(15).pack(0, None, &signer());
    let found = said(verified(&older, Some(&kept)));
    assert!(found.starts_with("unverifiable: the checkpoint that you kept has 20 records"), "{found}");
}

#[test]
fn other_files_are_as_listed_and_as_named() {
    check(
        |pack| pack.put("VERIFY.md", b"believe us"),
        "tampered: `VERIFY.md` is not the file that the manifest lists",
    );
    check(
        |pack| pack.put("report.html", b"all is well"),
        "tampered: `report.html` is not the file that the manifest lists: it is not listed",
    );
    check(
        |pack| {
            let policy = pack.files.keys().find(|name| name.starts_with("policies/")).unwrap().clone();
            pack.put(&policy, b"{\"other\":1}");
            pack.list_again();
        },
        "tampered: `policies/44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a.json` has the SHA-256",
    );
    for (name, wanted) in [
        ("VERIFY.md", "unverifiable: `VERIFY.md` is missing"),
        ("manifest.json", "unverifiable: `manifest.json` is missing"),
        ("records.jsonl", "unverifiable: `records.jsonl` is missing"),
        ("checkpoint", "unverifiable: `checkpoint` is missing"),
        ("before", "unverifiable: `before` cannot be used"),
        ("earlier", "unverifiable: `earlier` is missing"),
    ] {
        check(|pack| drop(pack.files.remove(name)), wanted);
    }
    let manifest = |from: &'static str, to: &'static str| {
        move |pack: &mut Pack| {
            let text = String::from_utf8(pack.files["manifest.json"].clone()).unwrap();
            assert!(text.contains(from), "{text}");
            pack.put("manifest.json", text.replacen(from, to, 1).as_bytes());
        }
    };
    check(
        manifest("\"size\":40", "\"size\":41"),
        "tampered: the manifest says the size `41`, but the checkpoint says `40`",
    );
    check(manifest("test.example/log", "other.example"), "tampered: the manifest says the origin");
    check(manifest("\"first\":8", "\"first\":9"), "unverifiable: `before` cannot be used");
    check(
        manifest("evidence/1", "evidence/2"),
        "unverifiable: `manifest.json` cannot be used: its format is",
    );
    check(manifest("{\"bytes\"", "{\"more\":1,\"bytes\""), "unverifiable: `manifest.json` cannot be used");
}

//! The log as programs see it that we did not write: what they must accept, and what they must refuse.

use concordat_tests::foreign::{Foreign, compare_canonical, compare_trees};
use concordat_tests::pack::{Log, Pack};
use concordat_tests::signer;
use serde_json::json;

#[test]
fn every_tree_up_to_1025_leaves_is_theirs_byte_for_byte() {
    assert_eq!(compare_trees(1025), 1025 * 1026);
}

#[test]
fn canonical_bytes_are_theirs() {
    compare_canonical(10_000, 1);
}

/// A change to a log, and whether it leaves one that is to be believed.
type Change = (&'static str, bool, fn(&mut Pack));

const CHANGES: [Change; 12] = [
    ("nothing", true, |_| {}),
    ("a word of a record", false, |pack| replace(pack, "records.jsonl", "permit", "deny")),
    ("a rule's name", false, |pack| replace(pack, "records.jsonl", "concordat.admit", "concordat.Admit")),
    ("a blank in a record", false, |pack| replace(pack, "records.jsonl", "\"n\":3", "\"n\": 3")),
    ("the first record gone", false, |pack| lines(pack, |lines| drop(lines.remove(0)))),
    ("the last record gone", false, |pack| lines(pack, |lines| drop(lines.pop()))),
    ("a record twice", false, |pack| lines(pack, |lines| lines.push(lines[0].clone()))),
    ("two records swapped", false, |pack| lines(pack, |lines| lines.swap(4, 5))),
    ("the size in the checkpoint", false, |pack| replace(pack, "checkpoint", "\n21\n", "\n20\n")),
    ("the checkpoint of fewer records", false, |pack| {
        pack.put("checkpoint", Log::of(21).checkpoint(20, &signer()).as_bytes());
    }),
    ("another key's signature", false, |pack| {
        let other = concordat_ledger::Signer::from_seed(signer().verifier().name(), &[9; 32]).unwrap();
        pack.put("checkpoint", Log::of(21).checkpoint(21, &other).as_bytes());
    }),
    ("the root in the checkpoint", false, |pack| {
        let root = Log::of(21).tree(21).root().to_string();
        replace(pack, "checkpoint", &root, &Log::of(21).tree(20).root().to_string());
    }),
];

fn replace(pack: &mut Pack, name: &str, from: &str, to: &str) {
    let text = String::from_utf8(pack.files[name].clone()).unwrap();
    assert!(text.contains(from), "{from}");
    pack.put(name, text.replacen(from, to, 1).as_bytes());
}

fn lines(pack: &mut Pack, change: impl FnOnce(&mut Vec<String>)) {
    let text = String::from_utf8(pack.files["records.jsonl"].clone()).unwrap();
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    change(&mut lines);
    pack.put("records.jsonl", lines.concat().as_bytes());
}

#[test]
fn foreign_verifiers_believe_what_is_sound_and_nothing_else() {
    let log = Log::of(21);
    let leaves = log.leaves();
    let path = |index| {
        let proof = concordat_ledger::Inclusion::prove(index, 21, |node| {
            concordat_ledger::tree::node_of_leaves(&leaves, node)
        });
        proof.unwrap().path().to_vec()
    };
    let proofs = json!((0..21).map(path).collect::<Vec<_>>()).to_string();
    let folder = tempfile::tempdir().unwrap();
    let mut words = vec!["logs".to_owned()];
    for (number, (_, _, change)) in CHANGES.iter().enumerate() {
        let mut pack = log.pack(0, None, &signer());
        pack.put("proofs.json", proofs.as_bytes());
        change(&mut pack);
        let place = folder.path().join(number.to_string());
        pack.unpack(&place);
        words.push(place.display().to_string());
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    for foreign in Foreign::ALL {
        let said = foreign.asked(&words, b"");
        assert_eq!(said.lines().count(), CHANGES.len(), "{said}");
        for (said, (what, good, _)) in said.lines().zip(CHANGES) {
            assert_eq!(said == "good", good, "{foreign:?} on {what}: {said}");
        }
    }
}

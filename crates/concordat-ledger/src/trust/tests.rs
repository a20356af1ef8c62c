use super::*;
use crate::note::{Cosigner, Signer};
use crate::tree::{Frontier, leaf_hash};

fn signer(seed: u8) -> Signer {
    Signer::from_seed("log.example/a", &[seed; 32]).expect("name")
}

fn cosigner(seed: u8) -> Cosigner {
    Cosigner::from_seed(&format!("witness.example/{seed}"), &[seed; 32]).expect("name")
}

/// A checkpoint that these witnesses cosigned.
fn note(by: &[u8]) -> String {
    let mut tree = Frontier::new();
    tree.append(leaf_hash(b"x"));
    let add = |note: Checkpoint, seed: &u8| {
        let line = cosigner(*seed).cosign(&note, u64::from(*seed));
        note.with_lines(&line).expect("a line")
    };
    by.iter().fold(signer(1).checkpoint(&tree), add).note().to_owned()
}

/// A policy whose line 9 is the first of `rest`.
fn read(rest: &str) -> Result<TrustPolicy, BadPolicy> {
    let line = |seed: u8| format!("witness w{seed} {} https://w.example\n", cosigner(seed).witness());
    let witnesses: String = (11..=15).map(line).collect();
    let file = format!("# whom we trust\n\n\tlog  {}\n{witnesses}{rest}", signer(1).verifier());
    TrustPolicy::read(file.as_bytes())
}

#[test]
fn a_quorum_is_reached_or_not() {
    let groups = "group x 2 w11 w12 w13\ngroup y any w14 w15\ngroup both all x y\n";
    for (rest, by, fine) in [
        ("quorum none", &[][..], true),
        ("quorum w11\n", &[11], true),
        ("quorum w11\n", &[12, 13], false),
        ("group g any w11 w12\nquorum g", &[12], true),
        ("group g all w11 w12\nquorum g", &[12], false),
        ("group g all w11 w12\nquorum g", &[11, 12], true),
        (&format!("{groups}quorum both"), &[11, 13, 15], true),
        (&format!("{groups}quorum both"), &[11, 12, 13], false),
        (&format!("{groups}quorum both"), &[11, 14, 15], false),
        (&format!("{groups}quorum x"), &[11, 11, 14], false),
        (&format!("{groups}quorum y"), &[14], true),
    ] {
        let policy = read(rest).expect("policy");
        assert_eq!(policy.satisfied(note(by).as_bytes()), fine, "{rest} {by:?}");
    }
    let accepted = read("quorum w11").expect("policy").open(note(&[11, 12, 99]).as_bytes());
    let accepted = accepted.expect("accepted");
    assert_eq!(accepted.seen_by, [("w11".to_owned(), 11), ("w12".to_owned(), 12)]);
    assert_eq!(accepted.checkpoint.size(), 1);
}

#[test]
fn what_is_not_trusted_is_told_with_what_is_missing() {
    let policy = read("group g 2 w11 w12 w13\nquorum g").expect("policy");
    let told = |note: &str| policy.open(note.as_bytes()).expect_err("not trusted").to_string();
    assert_eq!(told(&note(&[12])), "the quorum `g` has not seen this checkpoint: only w12 cosigned it");
    assert!(told(&note(&[])).ends_with("no witness of the policy cosigned it"));
    let forged = note(&[11, 12]).replace("witness.example/12", "witness.example/13");
    assert!(told(&forged).contains("only w11"), "another name makes another key id: an unknown key");
    assert!(!policy.satisfied(note(&[11, 12]).replacen("log.example/a", "log.example/b", 1).as_bytes()));
    let stranger = signer(2).checkpoint(&Frontier::new());
    assert!(matches!(policy.open(stranger.note().as_bytes()), Err(NotTrusted::Checkpoint(_))));
    // The cosignature of another head, moved over.
    let other = signer(1).checkpoint(&Frontier::new());
    let line = cosigner(11).cosign(&other, 5);
    let moved = format!("{}{line}", note(&[12, 13]));
    assert!(matches!(policy.open(moved.as_bytes()), Err(NotTrusted::Note(_))));
    let no_logs = TrustPolicy::read(b"quorum none\n").expect("policy");
    assert!(!no_logs.satisfied(note(&[]).as_bytes()));
    assert!(no_logs.open_with(note(&[]).as_bytes(), &[signer(1).verifier().clone()]).is_ok());
}

#[test]
fn odd_files_are_refused_with_their_line() {
    let log = format!("log {}\n", signer(1).verifier());
    let same = format!("witness other {}\nquorum none", cosigner(11).witness());
    let chain = |nth: u32| {
        format!("group g{nth} all {}\n", if nth == 0 { "w11".into() } else { format!("g{}", nth - 1) })
    };
    let many: String = (0..260).map(chain).collect();
    for (rest, line, why) in [
        ("", 9, "no `quorum`"),
        ("quorum none\nquorum none", 10, "already"),
        ("quorum w16", 9, "`w16` is no witness"),
        ("quorum g\ngroup g any w11", 9, "`g` is no witness"),
        ("group g any\nquorum g", 9, "0 members"),
        ("group g 0 w11", 9, "from 1 to 1"),
        ("group g 2 w11", 9, "from 1 to 1"),
        ("group g 01 w11 w12", 9, "from 1 to 2"),
        ("group g some w11", 9, "from 1 to 1"),
        ("group g any w11 w11", 9, "count twice"),
        ("group g any w11\ngroup h any w11", 10, "count twice"),
        ("group g any g", 9, "line before"),
        ("group g any none", 9, "line before"),
        ("group none any w11", 9, "nothing else"),
        ("group w11 any w12", 9, "already"),
        ("group g", 9, "a line is"),
        ("quorum", 9, "a line is"),
        ("quorum none extra", 9, "a line is"),
        ("witness x", 9, "a line is"),
        ("witness x y", 9, "verifier key"),
        ("Quorum none", 9, "a line is"),
        ("quorum none\r\n", 9, "control"),
        (&log, 9, "already"),
        (&same, 9, "already"),
        (&many, 265, "more than 256"),
    ] {
        let bad = read(rest).expect_err(rest);
        assert!(bad.line == line && bad.why.contains(why), "{rest:?}: {bad}");
    }
    assert!(TrustPolicy::read(b"\xff").is_err());
    assert!(TrustPolicy::read(&vec![b'\n'; 1 << 20]).is_err());
    let log_as_witness = format!("witness w {}\nquorum w", signer(1).verifier());
    assert!(TrustPolicy::read(log_as_witness.as_bytes()).expect_err("kind").why.contains("type 0x01"));
}

/// A witness of ML-DSA-44, as a policy names it and as it cosigns: nobody here can read either.
fn of_tomorrow() -> (String, String) {
    use base64::Engine as _;
    let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let key = format!("witness.example/pq+0a0b0c0d+{}", encode(&[&[6][..], &[7; 1312]].concat()));
    let line =
        format!("\u{2014} witness.example/pq {}\n", encode(&[&[10, 11, 12, 13][..], &[9; 2428]].concat()));
    (key, line)
}

#[test]
fn signatures_of_a_kind_that_nobody_knows_are_passed_over_and_its_keys_are_refused_by_name() {
    let (key, line) = of_tomorrow();
    let note = format!("{}{line}", note(&[11]));
    assert!(read("quorum w11").expect("policy").satisfied(note.as_bytes()));
    let refused = read(&format!("witness pq {key}\nquorum w11")).expect_err("not supported").to_string();
    assert!(refused.contains("line 9") && refused.contains("0x06, ML-DSA-44, is not supported"), "{refused}");
}

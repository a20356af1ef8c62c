//! Every command of VERIFY.md, run as it stands there: with `sh`, `openssl` and `python3` and nothing of ours.

use std::process::Command;

use super::*;

/// The commands of the page, in order.
fn commands() -> Vec<&'static str> {
    let blocks = concordat_ledger::HOW_TO_VERIFY.split("```sh\n").skip(1);
    blocks.map(|block| block.split("\n```").next().unwrap()).collect()
}

/// Runs every command on a pack; the number of the first that fails, with what it said.
fn by_hand(pack: &Pack) -> Result<usize, (usize, String)> {
    let folder = tempfile::tempdir().unwrap();
    pack.unpack(folder.path());
    let mut told = 0;
    for (number, command) in (1..).zip(commands()) {
        let shell = Command::new("sh").arg("-c").arg(command).current_dir(folder.path()).output().unwrap();
        let out = String::from_utf8_lossy(&shell.stdout);
        if !shell.status.success() {
            return Err((number, String::from_utf8_lossy(&shell.stderr).into_owned()));
        }
        told += out.lines().filter(|line| line.starts_with("OK: ")).count();
    }
    Ok(told)
}

fn check(change: impl FnOnce(&mut Pack), wanted: Result<usize, (usize, &str)>) {
    let mut pack = Log::of(40).pack(8, Some(5), &signer());
    change(&mut pack);
    match (by_hand(&pack), wanted) {
        (Ok(told), Ok(wanted)) => assert_eq!(told, wanted),
        (Err((number, said)), Err((wanted, words))) => {
            assert_eq!(number, wanted, "{said}");
            assert!(said.contains(words), "{said}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_page_proves_what_is_sound() {
    assert_eq!(commands().len(), 4);
    check(|_| {}, Ok(4));
    for (size, first, earlier) in
        [(1, 0, None), (7, 0, Some(4)), (64, 0, Some(0)), (65, 64, Some(64)), (9, 8, Some(9))]
    {
        let told = by_hand(&Log::of(size).pack(first, earlier, &signer()));
        assert_eq!(told, Ok(if earlier.is_some() { 4 } else { 3 }), "{size} {first} {earlier:?}");
    }
}

#[test]
fn the_page_finds_what_is_not() {
    let text = |pack: &Pack, name: &str| String::from_utf8(pack.files[name].clone()).unwrap();
    check(
        |pack| pack.put("checkpoint", text(pack, "checkpoint").replacen("\n40\n", "\n39\n", 1).as_bytes()),
        Err((1, "")),
    );
    check(
        |pack| {
            let other = concordat_ledger::Signer::from_seed(signer().verifier().name(), &[9; 32]).unwrap();
            pack.put("log.vkey", other.verifier().to_string().as_bytes());
        },
        Err((1, "no key of log.vkey signed this checkpoint")),
    );
    check(
        |pack| {
            pack.put("records.jsonl", text(pack, "records.jsonl").replacen("permit", "deny", 1).as_bytes());
        },
        Err((2, "the records are not those that were signed")),
    );
    check(
        |pack| {
            let all = text(pack, "records.jsonl");
            pack.put("records.jsonl", all.split_inclusive('\n').take(31).collect::<String>().as_bytes());
        },
        Err((2, "there are records up to 39, but 40 were signed")),
    );
    check(
        |pack| {
            let proof = text(pack, "consistency");
            let mut lines: Vec<&str> = proof.lines().collect();
            lines.swap(1, 2);
            pack.put("consistency", lines.join("\n").as_bytes());
        },
        Err((3, "the log was forked or rewritten")),
    );
    check(|pack| pack.put("report.html", b"all is well"), Err((4, "not as listed: ['report.html']")));
    check(|pack| pack.put("VERIFY.md", b"believe us"), Err((4, "VERIFY.md was changed")));
}

use super::*;
use crate::note::Signer;
use crate::tree::{Frontier, leaf_hash, node_of_leaves};

const LOG: &str = "log.example/a";

fn signer(seed: u8) -> Signer {
    Signer::from_seed(LOG, &[seed; 32]).expect("name")
}

fn leaves(size: u64, salt: u8) -> Vec<Hash> {
    (0..size).map(|index| leaf_hash(&[index as u8, salt])).collect()
}

fn head(size: u64, salt: u8) -> (Checkpoint, Head) {
    let mut tree = Frontier::new();
    for leaf in leaves(size, salt) {
        tree.append(leaf);
    }
    (signer(1).checkpoint(&tree), Head { size, root: tree.root() })
}

fn proof(old: u64, new: u64) -> Vec<Hash> {
    let leaves = leaves(new, 0);
    Consistency::prove(old, new, |node| node_of_leaves(&leaves, node)).expect("known nodes").path().to_vec()
}

fn judged(body: &str, latest: Head) -> Result<Head, NotCosigned> {
    Proposal::open(body.as_bytes(), &[signer(1).verifier().clone()])?.judge(latest)
}

#[test]
fn a_log_that_only_grows_is_cosigned() {
    let mut latest = Head::none();
    for size in [0, 1, 1, 2, 7, 7, 8, 64, 200] {
        let (checkpoint, wanted) = head(size, 0);
        let body = request(latest.size, &proof(latest.size, size), &checkpoint);
        latest = judged(&body, latest).expect("cosigned");
        assert_eq!(latest, wanted);
    }
}

#[test]
fn every_other_request_has_its_status() {
    let seven = head(7, 0).1;
    let (nine, nine_head) = head(9, 0);
    let good = request(7, &proof(7, 9), &nine);
    assert_eq!(judged(&good, seven), Ok(nine_head));
    let fork = request(7, &proof(7, 9), &head(9, 1).0);
    let stranger = Signer::from_seed("log.example/b", &[1; 32]).expect("name").checkpoint(&Frontier::new());
    let unsigned = signer(2).checkpoint(&Frontier::new());
    for (what, body, status) in [
        ("not the last size", request(6, &proof(6, 9), &nine), 409),
        ("from nothing", request(0, &[], &nine), 409),
        ("another root of the same size", request(7, &[], &head(7, 1).0), 409),
        ("another history", fork, 422),
        ("no proof", request(7, &[], &nine), 422),
        ("too much of a proof", request(7, &[proof(7, 9), proof(7, 9)].concat(), &nine), 422),
        ("a proof where none is needed", request(7, &proof(7, 9), &head(7, 0).0), 422),
        ("shrinks", request(7, &[], &head(6, 0).0), 400),
        ("unknown log", request(0, &[], &stranger), 404),
        ("unknown key", request(0, &[], &unsigned), 403),
        ("changed after it was signed", good.replace("\n9\n", "\n10\n"), 403),
        ("64 hashes", request(7, &leaves(64, 0), &nine), 400),
        ("empty", String::new(), 400),
        ("no old size", good.replacen("old ", "new ", 1), 400),
        ("a zero in front", good.replacen("old 7", "old 07", 1), 400),
        ("no hash", good.replacen('=', "", 1), 400),
        ("no note", "old 7\n\n".to_owned(), 400),
        ("a huge size", good.replacen("old 7", "old 99999999999999999999", 1), 400),
        ("line ends of another world", good.replace('\n', "\r\n"), 400),
        ("too long", format!("{good}{}", "\u{2014} a AAAAAAA=\n".repeat(MAX_REQUEST / 16)), 400),
        ("an odd signature line", format!("{good}x\n"), 400),
    ] {
        let refused = judged(&body, seven).expect_err(what);
        assert_eq!(refused.status(), status, "{what}: {refused}");
    }
    let refused = judged(&request(6, &proof(6, 9), &nine), seven);
    assert_eq!(refused, Err(NotCosigned::Conflict { latest: 7, forked: false }));
    let refused = judged(&request(7, &[], &head(7, 1).0), seven);
    assert_eq!(refused, Err(NotCosigned::Conflict { latest: 7, forked: true }));
    assert!(Proposal::open(b"old 0\n\n\xff", &[]).is_err());
    let hostile = judged(&request(u64::MAX, &[], &nine), seven);
    assert_eq!(hostile, Err(NotCosigned::Shrinks { old: u64::MAX, size: 9 }));
    // Of a log of which nothing was seen, the first head needs no proof.
    assert!(judged(&request(0, &[], &nine), Head::none()).is_ok());
    assert_eq!(judged(&request(0, &proof(7, 9), &nine), Head::none()), Err(NotCosigned::Proof));
}

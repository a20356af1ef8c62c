//! Receipts, consistency proofs and tiles, checked with nothing but the log's public key.

use concordat_ledger::tree::{Consistency, Frontier, Hash, Tile, leaf_hash};
use concordat_ledger::{Checkpoint, Receipt, Verifier};

use super::*;

fn keys() -> [Verifier; 1] {
    [Signer::from_seed("concordat.test/log", &[7; 32]).unwrap().verifier().clone()]
}

async fn bytes(server: &Server, key: &str, path: &str) -> (http::HeaderMap, Vec<u8>) {
    let response = server.raw(request("GET", path, Some(key)).body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), 200, "{path}");
    let (parts, body) = response.into_parts();
    (parts.headers, to_bytes(body, usize::MAX).await.unwrap().to_vec())
}

/// A server with a few finished runs, and its newest checkpoint.
async fn grown() -> (Server, String, Checkpoint) {
    let server = Server::start().await;
    let mut run = String::new();
    for number in 0..3 {
        let lend = contract("lend", &json!([{"id": "a", "skill": "work"}]));
        run = server.submit(&server.admin, &format!("key-{number}"), &lend).await;
        server.settled(&server.admin, &run, &["completed"]).await;
    }
    let note = server.get(&server.admin, "/checkpoint").await.text;
    let checkpoint = Checkpoint::open(note.as_bytes(), &keys()).unwrap();
    (server, run, checkpoint)
}

#[tokio::test]
async fn every_record_has_a_receipt_that_strangers_verify() {
    let (server, run, newest) = grown().await;
    let records = server.get(&server.admin, "/v1/audit/records?limit=1000").await.body;
    for entry in records["items"].as_array().unwrap() {
        let record = entry["record"].to_string();
        let index = entry["index"].as_u64().unwrap();
        let path = format!("/v1/audit/receipts/{}", entry["record"]["id"].as_str().unwrap());
        let answer = server.get(&server.admin, &path).await;
        assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
        let receipt = Receipt::read(answer.text.as_bytes()).unwrap();
        let proven = receipt.verify(record.as_bytes(), &keys()).unwrap();
        assert_eq!(proven.index, index);
        assert!(receipt.verify(b"{}", &keys()).is_err());
        if index < newest.size() {
            let path = format!("{path}?size={}", newest.size());
            let receipt = Receipt::read(server.get(&server.admin, &path).await.text.as_bytes()).unwrap();
            assert_eq!(receipt.verify(record.as_bytes(), &keys()).unwrap().checkpoint, newest);
        }
    }
    // A run's first record, and a decision with its record: for whoever may see them.
    let receipt = server.get(&server.admin, &format!("/v1/audit/receipts/{run}")).await.text;
    let detail = records["items"].as_array().unwrap().iter();
    let first = detail.clone().find(|entry| entry["record"]["subject"] == run.as_str()).unwrap();
    let receipt = Receipt::read(receipt.as_bytes()).unwrap();
    assert_eq!(receipt.index(), first["index"].as_u64().unwrap());
    let mut decided = detail.filter(|entry| entry["record"]["type"] == "gate.decided");
    let decision = decided.next().unwrap()["record"]["data"]["decision"]["id"].as_str().unwrap().to_owned();
    let answer = server.get(&server.admin, &format!("/v1/decisions/{decision}?receipt=true")).await.body;
    let receipt = Receipt::read(answer["receipt"].as_str().unwrap().as_bytes()).unwrap();
    assert!(receipt.verify(answer["record"].as_str().unwrap().as_bytes(), &keys()).is_ok());
    let same = server.get(&server.admin, &format!("/v1/audit/receipts/{decision}")).await.text;
    assert_eq!(answer["receipt"], same);
    let plain = server.get(&server.admin, &format!("/v1/decisions/{decision}")).await.body;
    assert!(plain.get("receipt").is_none() && plain.get("record").is_none());
}

#[tokio::test]
async fn the_log_grows_only() {
    let (server, _, newest) = grown().await;
    let mut tree = Frontier::new();
    let mut roots = vec![tree.root()];
    for entry in
        server.get(&server.admin, "/v1/audit/records?limit=1000").await.body["items"].as_array().unwrap()
    {
        tree.append(entry["leaf"].as_str().unwrap().parse().unwrap());
        roots.push(tree.root());
    }
    for old in [0, 1, 7, newest.size() - 1, newest.size()] {
        let path = format!("/v1/audit/consistency?old={old}&new={}", newest.size());
        let path: Vec<Hash> =
            server.get(&server.admin, &path).await.text.lines().map(|line| line.parse().unwrap()).collect();
        let proof = Consistency::claimed(old, newest.size(), path).unwrap();
        assert_eq!(proof.verify(roots[old as usize], newest.root()), Ok(()), "{old}");
    }
    for (query, status) in [
        ("old=2&new=1", 400),
        ("old=1&new=99999999", 404),
        ("old=1&new=18446744073709551615", 404),
        ("old=-1&new=1", 400),
        ("old=1", 400),
        ("old=1&new=2&more=3", 400),
    ] {
        let answer = server.get(&server.admin, &format!("/v1/audit/consistency?{query}")).await;
        assert_eq!(answer.status, status, "{query}: {}", answer.text);
    }
}

#[tokio::test]
async fn tiles_hold_the_hashes_and_the_records() {
    let (server, _, newest) = grown().await;
    let tile = Tile::of_tree(newest.size()).next().unwrap();
    let (headers, hashes) = bytes(&server, &server.admin, &format!("/tile/{tile}")).await;
    assert_eq!(headers["cache-control"], "private, max-age=31536000, immutable");
    assert_eq!(headers["content-type"], "application/octet-stream");
    let path = format!("/tile/entries/{}", tile.within_level());
    let (headers, mut bundle) = bytes(&server, &server.admin, &path).await;
    assert_eq!(headers["cache-control"], "no-store");
    for hash in hashes.as_chunks::<32>().0 {
        let length = usize::from(u16::from_be_bytes([bundle[0], bundle[1]]));
        let rest = bundle.split_off(2 + length);
        assert_eq!(*leaf_hash(&bundle[2..]).as_bytes(), *hash);
        bundle = rest;
    }
    assert!(bundle.is_empty());
    // The same tile when it was narrower, for whoever holds an older checkpoint.
    let (_, narrow) = bytes(&server, &server.admin, "/tile/0/000.p/3").await;
    assert_eq!(narrow, hashes[..96]);
    for path in [
        "/tile/0/000",
        "/tile/0/000.p/255",
        "/tile/0/001.p/1",
        "/tile/1/000.p/1",
        "/tile/63/x999/x999/999",
        "/tile/64/000",
        "/tile/0/0",
        "/tile/0/x018/x446/x744/x073/x709/x551/616",
        "/tile/entries/000",
        "/tile/entries/x000/000.p/1",
        "/tile/other/000.p/1",
        "/tile/0/..%2f..%2fetc",
    ] {
        let answer = server.get(&server.admin, path).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text);
    }
    assert_eq!(server.get(&server.admin, "/tile/0/000.p/1?x=1").await.status, 400);
}

#[tokio::test]
async fn only_who_may_read_the_log_gets_proofs_of_it() {
    let (server, run, newest) = grown().await;
    let auditor = server.key("ann", "acme", &[Role::Auditor]).await;
    let submitter = server.key("sue", "acme", &[Role::Submitter]).await;
    let stranger = server.key("eve", "other", &[Role::Submitter]).await;
    let record = server.get(&server.admin, "/v1/audit/records?limit=1").await.body;
    let record = record["items"][0]["record"]["id"].as_str().unwrap().to_owned();
    for path in [
        format!("/v1/audit/receipts/{record}"),
        format!("/v1/audit/consistency?old=1&new={}", newest.size()),
        "/checkpoint".to_owned(),
        "/tile/0/000.p/1".to_owned(),
        "/tile/entries/000.p/1".to_owned(),
    ] {
        assert!(!bytes(&server, &auditor, &path).await.1.is_empty(), "{path}");
        assert_eq!(server.get(&submitter, &path).await.status, 403, "{path}");
        assert_eq!(server.get("", &path).await.status, 401, "{path}");
    }
    let receipt = format!("/v1/audit/receipts/{run}");
    assert_eq!(server.get(&submitter, &receipt).await.status, 200, "{receipt}");
    assert_eq!(server.get(&stranger, &receipt).await.status, 404);
    for odd in ["rec_0", "x", "rec_7zzzzzzzzzzzzzzzzzzzzzzzzz", "run_7zzzzzzzzzzzzzzzzzzzzzzzzz", "%00"] {
        assert_eq!(server.get(&auditor, &format!("/v1/audit/receipts/{odd}")).await.status, 404, "{odd}");
    }
    for size in [0, 1, u64::MAX] {
        let answer = server.get(&auditor, &format!("/v1/audit/receipts/{record}?size={size}")).await;
        assert_eq!(answer.status, if size == 1 { 200 } else { 404 }, "{size}: {}", answer.text);
    }
}

use std::sync::atomic::{AtomicU64, Ordering};

use concordat_engine::ports::SystemClock;
use concordat_ledger::tree::{Consistency, Frontier, leaf_hash, node_of_leaves};
use concordat_ledger::witness::request;
use concordat_ledger::{Checkpoint, Signer, Witness};
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::*;

fn signer(seed: u8) -> Signer {
    Signer::from_seed("log.example/a", &[seed; 32]).unwrap()
}

fn cosigner() -> Cosigner {
    Cosigner::from_seed("witness.example/w", &[9; 32]).unwrap()
}

fn open(place: &TempDir, fresh: bool) -> Result<Witnessing, HeadsError> {
    let logs = vec![signer(1).verifier().clone()];
    Witnessing::open(cosigner(), fresh, logs, &place.path().join("heads.json"), Arc::new(SystemClock))
}

fn leaves(size: u64, salt: u8) -> Vec<Hash> {
    (0..size).map(|index| leaf_hash(&[&index.to_be_bytes()[..], &[salt]].concat())).collect()
}

fn checkpoint(size: u64, salt: u8) -> Checkpoint {
    let mut tree = Frontier::new();
    for leaf in leaves(size, salt) {
        tree.append(leaf);
    }
    signer(1).checkpoint(&tree)
}

fn asked(old: u64, new: u64) -> String {
    let leaves = leaves(new, 0);
    let proof = Consistency::prove(old, new, |node| node_of_leaves(&leaves, node)).unwrap();
    request(old, proof.path(), &checkpoint(new, 0))
}

#[test]
fn what_was_cosigned_is_kept_over_restarts() {
    let place = tempfile::tempdir().unwrap();
    let witness = open(&place, true).unwrap();
    let line = witness.add_checkpoint(asked(0, 5).as_bytes()).unwrap();
    let cosigned = checkpoint(5, 0).with_lines(&line).unwrap();
    let known: Witness = cosigner().witness().clone();
    assert!(known.time_of(cosigned.note().as_bytes()).unwrap().unwrap() > 1_700_000_000);
    assert!(matches!(open(&place, false), Err(HeadsError::InUse { .. })));
    drop(witness);
    let witness = open(&place, false).unwrap();
    let conflict = witness.add_checkpoint(asked(0, 7).as_bytes());
    assert!(matches!(conflict, Err(Refused::Request(NotCosigned::Conflict { latest: 5, forked: false }))));
    assert!(witness.add_checkpoint(asked(5, 7).as_bytes()).is_ok());
    drop(witness);
    // Whoever forgot could contradict himself, and whoever reads nonsense has forgotten.
    let heads = place.path().join("heads.json");
    fs::write(&heads, r#"{"log.example/a": {"size": -1}}"#).unwrap();
    assert!(matches!(open(&place, false), Err(HeadsError::Odd { .. })));
    fs::remove_file(&heads).unwrap();
    assert!(matches!(open(&place, false), Err(HeadsError::Forgotten { .. })));
}

#[test]
fn what_cannot_be_kept_is_not_cosigned() {
    let place = tempfile::tempdir().unwrap();
    let witness = open(&place, true).unwrap();
    assert!(witness.add_checkpoint(asked(0, 5).as_bytes()).is_ok());
    let heads = place.path().join("heads.json");
    let kept = fs::read(&heads).unwrap();
    // No file can take the place of a folder.
    fs::remove_file(&heads).unwrap();
    fs::create_dir(&heads).unwrap();
    assert!(matches!(witness.add_checkpoint(asked(5, 7).as_bytes()), Err(Refused::Unkept(_))));
    fs::remove_dir(&heads).unwrap();
    fs::write(&heads, kept).unwrap();
    assert!(witness.add_checkpoint(asked(5, 7).as_bytes()).is_ok(), "the old head still counted");
}

#[test]
fn requests_at_the_same_time_never_lead_back() {
    let place = tempfile::tempdir().unwrap();
    let witness = open(&place, true).unwrap();
    let next = AtomicU64::new(1);
    let cosigned: Vec<(u64, u64)> = std::thread::scope(|scope| {
        let asking = || {
            let mut cosigned = Vec::new();
            let mut old = 0;
            loop {
                let new = next.fetch_add(1, Ordering::Relaxed);
                if new > 120 {
                    return cosigned;
                }
                while old <= new {
                    match witness.add_checkpoint(asked(old, new).as_bytes()) {
                        Ok(_) => {
                            cosigned.push((old, new));
                            old = new;
                            break;
                        }
                        Err(Refused::Request(NotCosigned::Conflict { latest, forked: false })) => {
                            old = latest;
                        }
                        Err(other) => panic!("{other}"),
                    }
                }
            }
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(asking)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let mut steps: Vec<_> = cosigned.into_iter().filter(|(old, new)| old != new).collect();
    steps.sort_unstable();
    // Each head was continued once: otherwise one of two answers had led back.
    assert_eq!(steps.first().map(|step| step.0), Some(0));
    assert!(steps.windows(2).all(|pair| pair[0].1 == pair[1].0), "{steps:?}");
    let last = steps.last().unwrap().1;
    drop(witness);
    let witness = open(&place, false).unwrap();
    assert!(witness.add_checkpoint(asked(last, 121).as_bytes()).is_ok());
}

#[tokio::test]
async fn every_answer_has_its_status_over_the_wire() {
    let place = tempfile::tempdir().unwrap();
    let witness = open(&place, true).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/add-checkpoint", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move { axum::serve(listener, router(Arc::new(witness))).await });
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let post = |body: Vec<u8>| http.post(&url).body(body).send();
    let stranger = Signer::from_seed("log.example/b", &[1; 32]).unwrap().checkpoint(&Frontier::new());
    for (body, status) in [
        (asked(0, 5).into_bytes(), 200),
        (asked(5, 5).into_bytes(), 200),
        (asked(4, 7).into_bytes(), 409),
        (request(5, &[], &checkpoint(5, 1)).into_bytes(), 409),
        (request(5, &[], &checkpoint(7, 0)).into_bytes(), 422),
        (request(5, &[], &checkpoint(4, 0)).into_bytes(), 400),
        (request(0, &[], &stranger).into_bytes(), 404),
        (request(0, &[], &signer(2).checkpoint(&Frontier::new())).into_bytes(), 403),
        (b"\xff".to_vec(), 400),
        (Vec::new(), 400),
        (vec![b'x'; MAX_REQUEST + 1], 413),
        (asked(5, 9).into_bytes(), 200),
    ] {
        let answer = post(body).await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
        let media = answer.headers().get("content-type").map(|media| media.to_str().unwrap().to_owned());
        let text = answer.text().await.unwrap();
        match status {
            200 => assert!(text.starts_with("\u{2014} witness.example/w ") && text.ends_with('\n'), "{text}"),
            409 => assert_eq!((media.as_deref(), text.as_str()), (Some("text/x.tlog.size"), "5\n")),
            _ => {}
        }
    }
    assert_eq!(http.get(&url).send().await.unwrap().status().as_u16(), 405);
    serving.abort();
}

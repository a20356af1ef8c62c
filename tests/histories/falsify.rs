//! Ways of falsifying a history, by the rule that must notice.

use concordat_ledger::{Frontier, Record, Signer};
use concordat_tests::history::{History, Rule};
use serde_json::json;

use super::forge::{Leaf, forge, place, run};

/// What is done to a history, and the rule that must notice.
pub(super) type Corruption = (&'static str, Rule, fn(&mut History));

/// Where the first record of a run stands, and its hash.
pub(super) fn first_leaf(history: &History, run: &str) -> Option<(u64, String)> {
    history.log.records.iter().find_map(|one| {
        let record = Record::read(&one.bytes).unwrap();
        (record.subject() == run).then(|| (one.index, record.leaf().to_string()))
    })
}

pub(super) fn corruptions() -> Vec<Corruption> {
    [of_the_log(), of_receipts(), of_decisions(), of_attempts(), of_calls(), of_runs()].concat()
}

fn of_the_log() -> Vec<Corruption> {
    vec![
        ("a record is missing", Rule::Log, |history| drop(history.log.records.remove(9))),
        ("a record is missing, and those after it have moved up", Rule::Log, |history| {
            history.log.records.remove(9);
            (0u64..).zip(&mut history.log.records).for_each(|(place, one)| one.index = place);
        }),
        ("a byte of a record is another", Rule::Log, |history| {
            let bytes = &mut history.log.records[9].bytes;
            let place = bytes.windows(8).position(|part| part == b"\"time\":\"").unwrap() + 8;
            bytes[place + 3] = if bytes[place + 3] == b'1' { b'2' } else { b'1' };
        }),
        ("two records have changed places", Rule::Log, |history| {
            let records = &mut history.log.records;
            let bytes = records[9].bytes.clone();
            records[9].bytes = std::mem::replace(&mut records[20].bytes, bytes);
        }),
        ("somebody else signed", Rule::Log, |history| {
            let mut tree = Frontier::new();
            for one in &history.log.records {
                tree.append(Record::read(&one.bytes).unwrap().leaf());
            }
            let other = Signer::from_seed("test.example/log", &[8; 32]).unwrap();
            history.log.checkpoints = vec![other.checkpoint(&tree).note().to_owned()];
        }),
        ("the end is cut off, and a longer log was shown before", Rule::Log, |history| {
            let shown = history.log.checkpoints.clone();
            forge(history, |leaves| leaves.truncate(leaves.len() - 4));
            history.log.checkpoints.extend(shown);
        }),
        ("another log was shown before", Rule::Log, |history| {
            let shown = history.log.checkpoints.clone();
            forge(history, |leaves| {
                let place = place(leaves, |one| one.kind == "contract.classified");
                leaves[place].time = "2026-01-01T00:00:00.000000Z".to_owned();
            });
            history.log.checkpoints.extend(shown);
        }),
        ("a payload is another", Rule::Log, |history| {
            history.log.payloads.values_mut().next().unwrap().push(b' ');
        }),
        ("an id stands twice", Rule::Unique, |history| {
            forge(history, |leaves| leaves[9].id = leaves[20].id.clone());
        }),
    ]
}

fn of_receipts() -> Vec<Corruption> {
    vec![
        ("a receipt for a run that is not there", Rule::Receipts, |history| {
            history.receipts[0].run = "run_01890a5d-ac96-774b-bcce-b302099a8057".to_owned();
        }),
        ("a receipt for a record that is not there", Rule::Receipts, |history| {
            history.receipts[0].leaf = Some((1 << 40, "x".to_owned()));
        }),
        ("a receipt for another record", Rule::Receipts, |history| {
            history.receipts[0].leaf = history.receipts[1].leaf.clone();
        }),
        ("a receipt for another contract", Rule::Receipts, |history| {
            history.receipts[0].digest = history.receipts[2].digest.clone();
        }),
        ("an acknowledged run is lost", Rule::Receipts, |history| {
            let lost = run(history, "key-2");
            forge(history, |leaves| leaves.retain(|one| one.subject != lost));
        }),
        ("one key has two runs", Rule::Receipts, |history| {
            forge(history, |leaves| {
                let second = place(leaves, |one| one.data["label"] == "key-1");
                leaves[second].data["label"] = json!("key-0");
            });
        }),
    ]
}

fn of_decisions() -> Vec<Corruption> {
    vec![
        ("a permit turned into a denial", Rule::Permitted, |history| {
            forge(history, |leaves| {
                let place = place(leaves, permit);
                leaves[place].data["decision"]["answer"] =
                    json!({"kind": "deny", "reasons": [{"code": "no", "message": "no"}]});
            });
        }),
        ("a denial turned into a permit", Rule::Again, |history| {
            forge(history, |leaves| {
                let place = place(leaves, |one| one.data["decision"]["answer"]["kind"] == "deny");
                leaves[place].data["decision"]["answer"] = json!({"kind": "permit"});
            });
        }),
        ("an agent that was not permitted is called", Rule::Permitted, |history| {
            forge(history, |leaves| {
                let place = place(leaves, permit);
                leaves[place].data["decision"]["permitted"] = json!([]);
            });
        }),
        ("permitted only after the dispatch", Rule::Permitted, |history| {
            forge(history, |leaves| {
                let sent = place(leaves, |one| one.kind == "step.dispatched");
                let id = leaves[sent].data["decision"].clone();
                let permit = place(leaves, |one| one.data["decision"]["id"] == id);
                leaves[permit..=sent].rotate_left(1);
            });
        }),
        ("two policies were in force", Rule::Same, |history| {
            let other = history.log.payloads.keys().next().unwrap().to_string();
            forge(history, |leaves| {
                let place = place(leaves, permit);
                leaves[place].data["decision"]["provenance"]["policy"] = json!(other);
            });
        }),
        ("work for a suspended agent", Rule::Stopped, |history| {
            forge(history, |leaves| {
                let sent = place(leaves, |one| one.kind == "step.dispatched");
                let agent = leaves[sent].data["agent"].clone();
                let known = place(leaves, |one| one.subject == agent && one.kind == "agent.registered");
                let mut suspended = leaves[known].again();
                suspended.kind = "agent.suspended".to_owned();
                suspended.data = json!({"event": "suspended", "by": "ada", "reason": "it lies"});
                if let Some(access) = leaves[known].data.get("access") {
                    suspended.data["access"] = access.clone();
                }
                leaves.insert(known + 1, suspended);
            });
        }),
    ]
}

/// A yes of the dispatch gate.
fn permit(leaf: &Leaf) -> bool {
    leaf.data["decision"]["gate"] == "dispatch" && leaf.data["decision"]["answer"]["kind"] == "permit"
}

/// Doubles the first record that is so.
fn double(history: &mut History, is: fn(&Leaf) -> bool) {
    forge(history, |leaves| {
        let place = place(leaves, is);
        leaves.insert(place + 1, leaves[place].again());
    });
}

/// Removes every record that is so, of the run of this key.
fn remove(history: &mut History, key: &str, is: fn(&Leaf) -> bool) {
    let run = run(history, key);
    forge(history, |leaves| leaves.retain(|one| one.subject != run || !is(one)));
}

fn of_attempts() -> Vec<Corruption> {
    vec![
        ("a dispatch stands twice", Rule::Unique, |history| {
            double(history, |one| one.kind == "step.dispatched");
        }),
        ("an answer stands twice", Rule::Unique, |history| {
            double(history, |one| one.kind == "step.answered");
        }),
        ("an answer to what was not sent", Rule::Unique, |history| {
            remove(history, "key-0", |one| one.is("step.dispatched", "risk"));
        }),
        ("a dispatch without an outcome", Rule::Settled, |history| {
            remove(history, "key-0", |one| one.is("step.answered", "risk"));
        }),
        ("attempts 1, 3", Rule::Keys, |history| {
            forge(history, |leaves| {
                for one in leaves.iter_mut().filter(|one| one.data["attempt"]["number"] == 2) {
                    one.data["attempt"]["number"] = json!(3);
                }
            });
        }),
        ("an unsafe step went out again by itself", Rule::Keys, |history| {
            remove(history, "key-3", |one| one.kind == "review.answered");
        }),
        ("more tries than the contract says", Rule::Bounds, |history| {
            let run = run(history, "key-0");
            forge(history, |leaves| {
                let answered = place(leaves, |one| one.subject == run && one.is("step.answered", "credit"));
                let mut failed = leaves[answered].clone();
                failed.data["reply"] = json!({"kind": "unknown", "failure": "timeout", "message": "-"});
                for _ in 0..12 {
                    leaves.insert(answered, failed.clone());
                }
            });
        }),
        ("too many items at once", Rule::Bounds, |history| {
            let run = run(history, "key-2");
            forge(history, |leaves| {
                let first = place(leaves, |one| one.subject == run && one.kind == "step.answered");
                let answered = leaves.remove(first);
                let last = leaves.iter().rposition(|one| one.subject == run && one.kind == "step.dispatched");
                leaves.insert(last.unwrap() + 1, answered);
            });
        }),
    ]
}

fn of_calls() -> Vec<Corruption> {
    vec![
        ("a call that no decision covers", Rule::Permitted, |history| {
            history.calls[0].decision_id = "dec_01890a5d-ac96-774b-bcce-b302099a8057".to_owned();
        }),
        ("a call with an earlier log size", Rule::Permitted, |history| {
            history.calls[0].log_size = "3".to_owned();
        }),
        ("a call with a size that the log never had", Rule::Permitted, |history| {
            history.calls[0].log_size = "99999999".to_owned();
        }),
        ("a call to another agent", Rule::Same, |history| history.calls[0].agent = "loan-office"),
        ("a call for another skill", Rule::Same, |history| history.calls[0].skill = "cancel_loan".to_owned()),
        ("a call with another body", Rule::Same, |history| {
            history.calls[0].body_sha256 = history.calls[1].body_sha256.clone();
        }),
        ("a call after the cancellation", Rule::Stopped, |history| {
            let (run, size) = (run(history, "key-4"), history.log.records.len().to_string());
            let call = history
                .calls
                .iter_mut()
                .find(|call| call.run == run && call.idempotency_key.ends_with("/do"));
            call.unwrap().log_size = size;
        }),
        ("a result from an agent that was never called", Rule::Settled, |history| {
            let run = run(history, "key-0");
            history.calls.retain(|call| call.run != run || call.step != "risk");
        }),
        ("a result that the agent did not give", Rule::Settled, |history| {
            let (run, other) = (run(history, "key-0"), history.calls[0].output_sha256.clone());
            let call = history.calls.iter_mut().find(|call| call.run == run && call.step == "risk");
            call.unwrap().output_sha256 = other.map(|digest| digest.replace('a', "b"));
        }),
        ("the key changes between attempts", Rule::Keys, |history| {
            let call = history.calls.iter_mut().find(|call| call.attempt == "2").unwrap();
            call.idempotency_key.push_str("/2");
        }),
        ("two steps share a key", Rule::Keys, |history| {
            let run = run(history, "key-0");
            let key = |step| format!("{run}/{step}/do");
            let call = history.calls.iter_mut().find(|call| call.idempotency_key == key("other")).unwrap();
            call.idempotency_key = key("credit");
        }),
        ("a request is sent twice by the HTTP client", Rule::Keys, |history| {
            let again = history.calls[0].clone();
            history.calls.push(again);
        }),
        ("an agent applies a key twice", Rule::Once, |history| {
            let applied = history.calls.iter().find(|call| call.applied).unwrap().clone();
            history.calls.push(applied);
        }),
        ("a secret in a ledger", Rule::Secrets, |history| {
            history.calls[0].skill = "cdt_live_secret".to_owned();
        }),
    ]
}

fn of_runs() -> Vec<Corruption> {
    vec![
        ("two ends", Rule::Path, |history| double(history, |one| one.kind == "contract.ended")),
        ("a record after the end", Rule::Path, |history| {
            forge(history, |leaves| {
                let end = place(leaves, |one| one.kind == "contract.ended");
                let run = leaves[end].subject.clone();
                let started = place(leaves, |one| one.subject == run && one.kind == "contract.started");
                leaves.insert(end + 1, leaves[started].again());
            });
        }),
        ("a run without a beginning", Rule::Path, |history| {
            remove(history, "key-0", |one| one.kind == "contract.received");
        }),
        ("released without an answer", Rule::Path, |history| {
            remove(history, "key-0", |one| one.is("step.answered", "credit"));
        }),
        ("a step before what it needs", Rule::Order, |history| {
            let run = run(history, "key-0");
            forge(history, |leaves| {
                let of_run = |leaf: &Leaf, kind, step| leaf.subject == run && leaf.is(kind, step);
                let sent = place(leaves, |one| of_run(one, "step.dispatched", "risk"));
                let early = leaves.remove(sent);
                let needed = place(leaves, |one| of_run(one, "step.released", "credit"));
                leaves.insert(needed, early);
            });
        }),
        ("a run that nobody ends", Rule::Rest, |history| {
            remove(history, "key-0", |one| one.kind == "contract.ended");
        }),
        ("somebody of another organisation answers", Rule::Tenant, |history| {
            forge(history, |leaves| {
                let place = place(leaves, |one| one.kind == "review.answered");
                leaves[place].data["by"]["tenant"] = json!("other");
            });
        }),
        ("a row that its records do not give", Rule::Again, |history| history.log.rows[0].settled += 1),
        ("a run without a row", Rule::Again, |history| drop(history.log.rows.pop())),
        ("a secret in a payload", Rule::Secrets, |history| {
            let payload = history.log.payloads.values_mut().next().unwrap();
            payload.extend_from_slice(b"cdt_live_secret");
        }),
    ]
}

//! Which payloads a run needs to go on.
//!
//! Contract, parameters and outputs are what a run's state names by digest. The inputs of decisions are payloads
//! too, and most of the bytes; they are read one at a time, when somebody asks why.

use std::collections::HashSet;

use concordat_engine::ports::{StoreError, StoredRun};
use concordat_ledger::Record;
use concordat_ledger::record::RecordError;
use concordat_model::digest::Digest;
use serde::Deserialize;

use crate::row::Unsealed;

/// Payloads that are asked for in one statement.
const AT_ONCE: usize = 4096;

/// The payloads that some runs want, in the order of the runs.
pub(crate) struct Wanted {
    /// What to ask for; the rows must come in this order.
    pub(crate) digests: Vec<Digest>,
    /// How many of them are wanted up to each run.
    ends: Vec<usize>,
}

impl Wanted {
    /// What the first of these runs want, as far as one statement reaches; `None` when there are no runs.
    pub(crate) fn by(runs: &[StoredRun]) -> Result<Option<Wanted>, StoreError> {
        let mut wanted = Wanted { digests: Vec::new(), ends: Vec::new() };
        for run in runs {
            wanted.digests.extend(named_by(run)?);
            wanted.ends.push(wanted.digests.len());
            if wanted.digests.len() >= AT_ONCE {
                break;
            }
        }
        Ok(if wanted.ends.is_empty() { None } else { Some(wanted) })
    }

    /// How many runs it is about.
    pub(crate) fn runs(&self) -> usize {
        self.ends.len()
    }

    /// Gives each run what it wanted. One that was erased is missing among the payloads.
    pub(crate) fn hand_out(&self, payloads: impl IntoIterator<Item = Unsealed>, runs: &mut [StoredRun]) {
        let mut waiting = self.digests.iter().enumerate();
        let mut takers = self.ends.iter().zip(runs).peekable();
        for Unsealed { payload, secret } in payloads {
            let Some((place, _)) = waiting.find(|(_, wanted)| **wanted == payload.0) else { break };
            while takers.peek().is_some_and(|(end, _)| place >= **end) {
                takers.next();
            }
            let Some((_, run)) = takers.peek_mut() else { break };
            // All of a run's payloads that can be forgotten lie under the run's own secret.
            run.secret = run.secret.take().or(secret);
            run.payloads.push(payload);
        }
    }
}

fn named_by(run: &StoredRun) -> Result<HashSet<Digest>, StoreError> {
    let mut all = HashSet::new();
    for stored in &run.records {
        all.extend(named(&stored.record).map_err(|error| StoreError::Inconsistent {
            table: "record",
            column: "body",
            row: stored.index.to_string(),
            why: error.to_string(),
        })?);
    }
    Ok(all)
}

/// What an agent asks.
#[derive(Deserialize)]
struct Asked {
    question: Digest,
}

/// What an agent is told, if anything is told it.
#[derive(Deserialize)]
struct Told {
    answer: Option<Digest>,
}

/// The payloads that a record of a run names, apart from inputs of decisions.
///
/// # Errors
/// A record of one of these types whose data name something that is not a digest.
fn named(record: &Record) -> Result<Vec<Digest>, RecordError> {
    /// What is not asked for is passed over without being built.
    #[derive(Deserialize)]
    struct Received {
        contract: Digest,
    }
    #[derive(Deserialize)]
    struct Dispatched {
        params: Digest,
    }
    #[derive(Deserialize)]
    struct Recalled {
        params: Digest,
        output: Digest,
    }
    #[derive(Deserialize)]
    struct Spread {
        items: Digest,
    }
    #[derive(Deserialize)]
    struct Listening {
        expectation: Digest,
    }
    #[derive(Deserialize)]
    struct Heard {
        content: Digest,
    }
    #[derive(Deserialize)]
    struct Answered {
        reply: Output,
    }
    #[derive(Deserialize)]
    struct Ended {
        ending: Output,
    }
    #[derive(Deserialize)]
    struct Output {
        output: Option<Digest>,
    }
    Ok(match record.kind() {
        "contract.received" => vec![record.data::<Received>()?.contract],
        "step.dispatched" => vec![record.data::<Dispatched>()?.params],
        "step.recalled" => {
            let Recalled { params, output } = record.data()?;
            vec![params, output]
        }
        "step.spread" => vec![record.data::<Spread>()?.items],
        "step.listening" => vec![record.data::<Listening>()?.expectation],
        "step.heard" => vec![record.data::<Heard>()?.content],
        "step.asked" => vec![record.data::<Asked>()?.question],
        "step.told" | "review.answered" => record.data::<Told>()?.answer.into_iter().collect(),
        "step.concluded" | "step.reused" => record.data::<Output>()?.output.into_iter().collect(),
        "step.answered" => record.data::<Answered>()?.reply.output.into_iter().collect(),
        "contract.ended" => record.data::<Ended>()?.ending.output.into_iter().collect(),
        _ => Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use concordat_ledger::{Draft, SubjectSeq};
    use concordat_model::run::Event;
    use serde_json::{Value, json};

    use super::*;

    /// An event as a record, and what the model says that it names.
    fn check(mut event: Value) {
        let text = serde_json::to_string(&event).unwrap();
        let read: Event =
            serde_json::from_value(event.take()).unwrap_or_else(|error| panic!("{text}: {error}"));
        let draft = Draft {
            id: "rec_1",
            source: "concordat/test",
            kind: read.record_type(),
            subject: "run_1",
            subject_seq: SubjectSeq::FIRST,
            time: "2026-01-31T23:59:59.000001Z",
            data: &read,
        };
        assert_eq!(named(&draft.seal().unwrap()).unwrap(), read.payloads(), "{text}");
    }

    #[test]
    fn what_is_named_is_what_the_model_says() {
        let (one, id) = (Digest::of(b"one"), |kind| format!("{kind}_01h455vb4pex5vsknk084sn02q"));
        let attempt = json!({"step": "a", "leg": "do", "number": 1});
        let answered =
            |reply| json!({"event": "answered", "attempt": attempt, "reply": reply, "latency_ms": 1});
        check(json!({
            "event": "received", "submission": id("sub"), "label": "main", "name": "c", "contract": one,
            "submitter": {"name": "ada", "tenant": "acme", "roles": []}, "access": id("dec")
        }));
        check(json!({
            "event": "dispatched", "attempt": attempt, "agent": id("agt"), "agent_name": "a", "revision": Digest::of(b"r"),
            "skill": "s", "decision": id("dec"), "params": one, "draws": []
        }));
        check(answered(json!({"kind": "output", "output": one, "bytes": 3, "checked": true})));
        check(answered(json!({"kind": "failure", "failure": "timeout", "code": "c", "message": "m"})));
        check(answered(json!({"kind": "interrupted"})));
        check(json!({"event": "released", "attempt": attempt, "decision": id("dec")}));
        check(json!({"event": "ended", "ending": {"kind": "completed", "output": one}}));
        check(json!({"event": "ended", "ending": {"kind": "stopped", "undone": [], "not_undone": []}}));
        check(json!({"event": "started"}));
        check(json!({"event": "reused", "step": "a", "output": one}));
        check(json!({
            "event": "recalled", "attempt": attempt, "agent": id("agt"), "decision": id("dec"), "params": one,
            "output": Digest::of(b"two"), "from": id("run")
        }));
        check(json!({"event": "spread", "step": "a", "items": one, "count": 3}));
        check(json!({"event": "listening", "attempt": attempt, "expectation": one}));
        check(json!({
            "event": "heard", "attempt": attempt, "heard": id("evt"), "content": one, "at": "2026-01-31T23:59:59Z"
        }));
        check(json!({"event": "concluded", "attempt": attempt, "output": one}));
        check(json!({"event": "delegated", "attempt": attempt, "run": id("run"), "allotted": {}}));
        check(json!({"event": "fell_back", "run": id("run"), "allotted": {}}));
        check(json!({"event": "returned", "run": id("run"), "used": {"calls": 1}}));
        check(json!({"event": "paused", "by": "ada", "reason": "r", "access": id("dec")}));
    }
}

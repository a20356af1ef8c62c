//! Planted faults, each of which a report must name; and logs without them, of which it must name none.

use std::collections::BTreeMap;

use concordat_ledger::{Draft, Record, SubjectSeq};
use serde_json::{Value as Json, json};

use super::*;
use crate::words;

/// A log that grows record by record, a second each unless time is let pass.
struct Log {
    records: Vec<Record>,
    second: i64,
    following: BTreeMap<String, u64>,
}

const RUN: &str = "run_00000000000000000000000001";
const OTHER: &str = "run_00000000000000000000000002";
const AGENT: &str = "agt_00000000000000000000000001";

fn dec(number: u64) -> String {
    format!("dec_{number:026}")
}

fn rev(number: u64) -> String {
    format!("rev_{number:026}")
}

fn digest(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

impl Log {
    fn new() -> Log {
        Log { records: Vec::new(), second: 1_767_225_600, following: BTreeMap::new() }
    }

    fn pass(mut self, seconds: i64) -> Log {
        self.second += seconds;
        self
    }

    /// Leaves out a number of a subject, as if a record had been taken away.
    fn skip(mut self, subject: &str) -> Log {
        *self.following.entry(subject.to_owned()).or_default() += 1;
        self
    }

    fn add(mut self, kind: &str, subject: &str, data: &Json) -> Log {
        let seq = self.following.entry(subject.to_owned()).or_default();
        let time = Timestamp::from_second(self.second).unwrap();
        let draft = Draft {
            id: &format!("rec-{}", self.records.len()),
            source: "concordat/test",
            kind,
            subject,
            subject_seq: SubjectSeq::new(*seq).unwrap(),
            time: &format!("{time:.6}"),
            data,
        };
        self.records.push(draft.seal().unwrap());
        *seq += 1;
        self.second += 1;
        self
    }

    fn received(self, run: &str, submitter: &str, contract: char) -> Log {
        let data = json!({
            "event": "received", "submission": "sub_00000000000000000000000001", "label": "a", "name": "lend",
            "contract": digest(contract), "access": dec(900),
            "submitter": {"name": submitter, "tenant": "acme", "roles": ["submitter"]},
        });
        self.add("contract.received", run, &data)
    }

    fn decided(self, run: &str, id: u64, gate: &str, answer: &str) -> Log {
        let reasons = json!([{"code": "trust_too_low", "message": "nobody is trusted"}]);
        let answer = match answer {
            "permit" => json!({"kind": "permit"}),
            other => json!({"kind": other, "reasons": reasons}),
        };
        let provenance = json!({"policy": digest('a'), "input": digest('b'), "evaluator": "regorus/1"});
        let decision = json!({"id": dec(id), "gate": gate, "answer": answer, "provenance": provenance});
        let attempt = (gate != "admit").then(|| json!({"step": "s", "leg": "do", "number": 1}));
        let mut data = json!({"event": "decided", "decision": decision});
        if let Some(attempt) = attempt {
            data["attempt"] = attempt;
        }
        self.add("gate.decided", run, &data)
    }

    fn dispatched(self, run: &str, decision: u64) -> Log {
        let data = json!({
            "event": "dispatched", "attempt": {"step": "s", "leg": "do", "number": 1}, "agent": AGENT,
            "agent_name": "clerk", "revision": digest('c'), "skill": "work", "decision": dec(decision),
            "params": digest('d'), "draws": [], "cost": "0.25 USD",
        });
        self.add("step.dispatched", run, &data)
    }

    fn answered(self, run: &str) -> Log {
        let reply = json!({"kind": "output", "output": digest('e'), "bytes": 2, "checked": true});
        let attempt = json!({"step": "s", "leg": "do", "number": 1});
        self.add(
            "step.answered",
            run,
            &json!({"event": "answered", "attempt": attempt, "reply": reply, "latency_ms": 12}),
        )
    }

    fn released(self, run: &str, decision: u64) -> Log {
        let attempt = json!({"step": "s", "leg": "do", "number": 1});
        self.add(
            "step.released",
            run,
            &json!({"event": "released", "attempt": attempt, "decision": dec(decision)}),
        )
    }

    fn ended(self, run: &str) -> Log {
        let ending = json!({"kind": "completed", "output": digest('e')});
        self.add("contract.ended", run, &json!({"event": "ended", "ending": ending}))
    }

    /// A whole contract of one step.
    fn whole(self, run: &str) -> Log {
        self.received(run, "sam", '1')
            .decided(run, 1, "admit", "permit")
            .decided(run, 2, "dispatch", "permit")
            .dispatched(run, 2)
            .answered(run)
            .decided(run, 3, "release", "permit")
            .released(run, 3)
            .ended(run)
    }

    fn opened(self, run: &str, review: u64) -> Log {
        let data = json!({
            "event": "review_opened", "review": rev(review), "about": {"kind": "admission"},
            "payload": digest('f'), "expires": "2027-01-01T00:00:00Z",
        });
        self.add("review.opened", run, &data)
    }

    fn reviewed(self, run: &str, review: u64, by: &str, verdict: &str) -> Log {
        let data = json!({
            "event": "review_answered", "review": rev(review), "verdict": verdict, "reason": "fine",
            "by": {"name": by, "tenant": "acme", "roles": ["reviewer"]}, "payload": digest('f'), "access": dec(901),
        });
        self.add("review.answered", run, &data)
    }

    fn published(self, author: &str, revision: char) -> Log {
        let data = json!({
            "event": "published", "revision": digest(revision), "author": author, "tests": 3, "warnings": 0,
            "access": dec(902),
        });
        self.add("policy.published", "policy", &data)
    }

    fn promoted(self, by: &str, revision: char, until: Option<&str>) -> Log {
        let mut data = json!({
            "event": "promoted", "revision": digest(revision), "to": {"stage": "enforced"}, "by": by,
            "reason": "needed now", "decision": dec(903),
        });
        if let Some(until) = until {
            data["break_glass"] = json!(until);
        }
        self.add("policy.promoted", "policy", &data)
    }

    fn sections(&self) -> Vec<Section> {
        let mut facts = Facts::new([], Measures::default()).unwrap();
        for (index, record) in (0..).zip(&self.records) {
            facts.add(&Entry::read(index, record).unwrap(), Input::Unknown);
        }
        facts.sections()
    }

    /// A figure in words, with what is missing.
    fn figure(&self, id: &str) -> String {
        let sections = self.sections();
        let figure = sections.iter().flat_map(|section| &section.figures).find(|figure| figure.id == id);
        let figure = figure.unwrap_or_else(|| panic!("there is no figure {id}"));
        let missing = if figure.missing.is_empty() {
            String::new()
        } else {
            format!(", missing {}", figure.missing.join("; "))
        };
        format!("{}{missing}", words::brief(&figure.value))
    }

    /// The rows of a table without leaf and time.
    fn table(&self, id: &str) -> Vec<String> {
        let sections = self.sections();
        let table = sections.iter().flat_map(|section| &section.tables).find(|table| table.id == id);
        let rows = &table.unwrap_or_else(|| panic!("there is no table {id}")).rows;
        rows.iter().map(|row| row.cells.join(" | ")).collect()
    }
}

#[test]
fn a_sound_log_has_no_fault() {
    let log = Log::new().whole(RUN);
    for (id, says) in [
        ("contracts.completed", "1 of 1"),
        ("contracts.open", "0"),
        ("contracts.latency", "7.0 s"),
        ("contracts.cost.USD", "0.25 USD"),
        ("completeness.contracts", "1 of 1"),
        ("completeness.dispatches", "1 of 1"),
        ("completeness.permits", "1 of 1"),
        ("completeness.outcomes", "1 of 1"),
        ("completeness.unknown", "0 of 1"),
        ("completeness.releases", "1 of 1"),
        ("completeness.subjects", "8 of 8"),
        ("completeness.reviews", "no evidence"),
        ("completeness.inputs", "no evidence"),
        ("completeness.heartbeats", "no evidence"),
        ("metrics.users", "no evidence"),
        ("work.fitting", "1 of 1"),
        ("duties.reviewer", "no evidence"),
    ] {
        assert_eq!(log.figure(id), says, "{id}");
    }
}

#[test]
fn what_has_no_partner_is_named() {
    let unpermitted = Log::new().received(RUN, "sam", '1').dispatched(RUN, 7).answered(RUN).ended(RUN);
    assert_eq!(unpermitted.figure("completeness.dispatches"), format!("0 of 1, missing {RUN} s #1"));
    let borrowed = Log::new().received(OTHER, "sam", '1').decided(OTHER, 7, "dispatch", "permit");
    let borrowed = borrowed.received(RUN, "sam", '1').dispatched(RUN, 7);
    assert_eq!(borrowed.figure("completeness.dispatches"), format!("0 of 1, missing {RUN} s #1"));
    let denied = Log::new().received(RUN, "sam", '1').decided(RUN, 7, "dispatch", "deny").dispatched(RUN, 7);
    assert_eq!(denied.figure("completeness.dispatches"), format!("0 of 1, missing {RUN} s #1"));
    let lost = Log::new().received(RUN, "sam", '1').decided(RUN, 2, "dispatch", "permit").dispatched(RUN, 2);
    assert_eq!(lost.figure("completeness.outcomes"), "no evidence");
    assert_eq!(lost.figure("completeness.contracts"), format!("0 of 1, missing {RUN}"));
    let lost = lost.ended(RUN);
    assert_eq!(lost.figure("completeness.outcomes"), format!("0 of 1, missing {RUN} s #1"));
    let used = Log::new().received(RUN, "sam", '1').released(RUN, 3);
    assert_eq!(used.figure("completeness.releases"), format!("0 of 1, missing {RUN} s #1"));
    let unused = Log::new().received(RUN, "sam", '1').decided(RUN, 2, "dispatch", "permit").ended(RUN);
    assert_eq!(unused.figure("completeness.permits"), format!("0 of 1, missing {}", dec(2)));
    let gap = Log::new().received(RUN, "sam", '1').skip(RUN).ended(RUN);
    assert_eq!(gap.figure("completeness.subjects"), format!("1 of 2, missing {RUN} 1 to 1"));
    let odd = Log::new().received(RUN, "sam", '1').add("step.dreamt", RUN, &json!({"event": "dreamt"}));
    assert_eq!(odd.figure("completeness.understood"), "1 of 2, missing rec-1");
    let waiting = Log::new().received(RUN, "sam", '1').opened(RUN, 1);
    assert_eq!(waiting.figure("completeness.reviews"), format!("0 of 1, missing {}", rev(1)));
}

#[test]
fn what_began_before_the_period_is_not_judged() {
    let carried = Log::new().dispatched(RUN, 7).answered(RUN).released(RUN, 8).ended(RUN);
    for id in
        ["completeness.dispatches", "completeness.releases", "contracts.latency", "completeness.permits"]
    {
        assert_eq!(carried.figure(id), "no evidence", "{id}");
    }
    assert_eq!(carried.figure("completeness.contracts"), "1 of 1");
}

#[test]
fn one_person_in_two_parts_is_named() {
    let approved = Log::new().received(RUN, "sam", '1').opened(RUN, 1).reviewed(RUN, 1, "sam", "approve");
    assert_eq!(approved.figure("duties.reviewer"), "1 of 1");
    assert!(
        approved.table("duties.conflicts")[0]
            .ends_with(&format!("sam | answered a review of their own contract | {}", rev(1)))
    );
    let other = Log::new().received(RUN, "sam", '1').opened(RUN, 1).reviewed(RUN, 1, "rita", "approve");
    assert_eq!(other.figure("duties.reviewer"), "0 of 1");
    let promoted = Log::new().published("ann", '5').promoted("ann", '5', None);
    assert_eq!(promoted.figure("duties.promoter"), "1 of 1");
    let unknown = Log::new().promoted("ann", '5', None);
    assert_eq!(unknown.figure("duties.promoter"), "no evidence");
    let registered = json!({"event": "registered", "name": "clerk", "revision": digest('c'), "by": "sam", "access": dec(904)});
    let own = Log::new().add("agent.registered", AGENT, &registered).whole(RUN).whole(OTHER);
    assert_eq!(own.figure("duties.agents"), "2 of 2");
    assert_eq!(own.table("duties.conflicts").len(), 1);
    let key = json!({
        "event": "created", "principal": {"name": "eve", "tenant": "acme", "roles": ["admin"]}, "verifier": digest('6'),
        "by": "eve", "access": dec(905),
    });
    assert_eq!(Log::new().add("key.created", "key_1", &key).figure("duties.keys"), "1 of 1");
}

#[test]
fn exceptions_are_followed_to_their_end() {
    let until = "2026-01-01T00:01:00Z";
    let broken = || Log::new().published("ann", '5').promoted("otto", '5', Some(until));
    assert_eq!(broken().figure("exceptions.overdue"), "0 of 1");
    assert!(broken().table("exceptions.list")[0].contains(" | runs | needed now"));
    let late = broken().pass(3600).whole(RUN);
    assert_eq!(late.figure("exceptions.overdue"), "1 of 1");
    assert!(late.table("exceptions.list")[0].contains("EXPIRED AND STILL IN FORCE"));
    let confirmed = broken().promoted("rita", '5', None).pass(3600).whole(RUN);
    assert_eq!(confirmed.figure("exceptions.overdue"), "0 of 1");
    assert!(confirmed.table("exceptions.list")[0].contains("confirmed by rita at leaf 2"));
    let back = json!({"event": "rolled_back", "revision": digest('5'), "to": digest('a'), "cause": {"cause": "expired"}});
    let back = broken().pass(60).add("policy.rolled_back", "policy", &back).pass(3600).whole(RUN);
    assert_eq!(back.figure("exceptions.overdue"), "0 of 1");
    assert!(back.table("exceptions.list")[0].contains("ended on time at leaf 2"));
}

#[test]
fn signs_of_rubber_stamping_need_enough_answers() {
    let mut log = Log::new().received(RUN, "sam", '1');
    for review in 0..5 {
        log = log.opened(RUN, review).reviewed(RUN, review, "rita", "approve");
    }
    log = log.opened(RUN, 9).pass(600).reviewed(RUN, 9, "otto", "reject");
    assert_eq!(log.figure("reviews.approved"), "5 of 6");
    assert_eq!(log.figure("reviews.quick"), "5 of 5");
    let people = log.table("reviews.by_person");
    assert_eq!(people[0], "otto | 1 | 0 | 1 | 0 | 601000 | too few answers to say (under 5)");
    assert_eq!(
        people[1],
        "rita | 5 | 5 | 0 | 5 | 1000 | approved everything (5 of 5); approved quickly (5 of 5)"
    );
}

#[test]
fn denied_first_and_permitted_later_is_shown() {
    let again = Log::new().received(RUN, "sam", '1').decided(RUN, 1, "admit", "deny").ended(RUN);
    let again = again.received(OTHER, "sam", '1').decided(OTHER, 2, "admit", "permit");
    assert_eq!(again.table("decisions.reversed").len(), 1);
    assert!(again.table("decisions.reversed")[0].ends_with(&format!("admit | {OTHER} |  | 1 | {RUN}")));
    let step = Log::new().received(RUN, "sam", '1').decided(RUN, 1, "dispatch", "deny");
    let step = step.decided(RUN, 2, "dispatch", "permit");
    assert!(step.table("decisions.reversed")[0].ends_with(&format!("dispatch | {RUN} | s | 1 | {RUN}")));
    assert_eq!(step.table("decisions.by_reason"), ["dispatch | deny | trust_too_low | 1"]);
    let other = Log::new().received(RUN, "sam", '1').decided(RUN, 1, "admit", "deny").ended(RUN);
    let other = other.received(OTHER, "sam", '2').decided(OTHER, 2, "admit", "permit");
    assert!(other.table("decisions.reversed").is_empty());
}

#[test]
fn missing_heartbeats_crashes_and_clocks_are_told() {
    let log_kind = |log: Log, kind: &str| log.add(kind, "log", &json!({"boot": "b"}));
    let mut log = log_kind(Log::new(), "log.started");
    for _ in 0..3 {
        log = log_kind(log.pass(59), "log.heartbeat");
    }
    assert_eq!(log.figure("completeness.heartbeats"), "3 of 3");
    let log = log_kind(log.pass(179), "log.heartbeat");
    let silent = "missing 2 between 2026-01-01T00:03:00Z and 2026-01-01T00:06:00Z";
    assert_eq!(log.figure("completeness.heartbeats"), format!("4 of 6, {silent}"));
    let log = log_kind(log.pass(600), "log.started");
    assert_eq!(log.figure("health.unclean"), "1 of 2, missing started at leaf 0");
    assert_eq!(log.table("health.gaps").len(), 1);
    let log = log_kind(log, "log.stopped");
    assert_eq!(log.figure("health.unclean"), "1 of 2, missing started at leaf 0");
    let log = log_kind(log.pass(-60), "log.started");
    assert_eq!(log.figure("health.back"), "1");
}

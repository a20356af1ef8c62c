//! Runs under random agents, policies and people, against what must always hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::due::{Ask, Due, Next};
use super::event::*;
use super::leg::LegState;
use super::*;
use crate::agree::{ContractForm, Kind};
use crate::contract::FailureKind;
use crate::decision::{Answer, Decision, Gate, Provenance};
use crate::id::{AgentId, DecisionId, ReviewId, SubmissionId};
use crate::principal::Principal;
use crate::work::Leg;

const EFFECTS: [&str; 3] = ["none", "idempotent", "unsafe"];

/// A contract of so many steps whose shape, effects and undoing come from random numbers.
fn contract(steps: &[(u8, u8, u8)], compensate: bool) -> Arc<Contract> {
    let count = steps.len();
    let step = |nth: usize, (needs, effect, rest): (u8, u8, u8)| {
        let needs: Vec<String> =
            (0..nth.min(8)).filter(|bit| needs & (1 << bit) != 0).map(|bit| format!("s{bit}")).collect();
        let mut step =
            json!({"id": format!("s{nth}"), "needs": needs, "effect": EFFECTS[usize::from(effect % 3)]});
        let kind = effect / 3 % 12;
        match kind {
            0 => step["review"] = json!({"question": "Shall we?"}),
            1 => step["wait"] = json!({"for": "1m"}),
            2 => step["wait"] = json!({"event": "paid", "within": "1m"}),
            3 => step["emit"] = json!({"event": "done"}),
            4 => step["contract"] = json!({"contract": inner()}),
            // It leads to the step after it, or to nothing.
            5 if nth + 1 < count => {
                let when = json!({"path": "${input.yes}", "eq": rest & 32 != 0});
                step["oneOf"] = json!([{"when": when, "then": format!("s{}", nth + 1)}]);
            }
            _ => step["skill"] = json!("work"),
        }
        let asks_agents = step.get("skill").is_some();
        if rest & 1 != 0 && (asks_agents || kind == 4) {
            step["compensate"] = json!({"skill": "undo"});
        }
        if rest & 2 != 0 && effect % 3 != 2 && asks_agents {
            step["retry"] = json!({"max": 2, "on": ["unavailable", "timeout", "failed"]});
        }
        match rest & 4 {
            0 if rest & 192 == 192 => step["onError"] = json!("review"),
            0 => {}
            _ => step["onError"] = json!("skip"),
        }
        if (kind == 6 || kind == 4) && rest & 32 != 0 {
            step["forEach"] = json!("${input.list}");
            step["maxParallel"] = json!(2);
            step["tolerate"] = json!(rest / 64);
        }
        if rest & 24 == 24 {
            step["when"] = json!({"path": "${input.yes}", "eq": false});
        }
        step
    };
    let steps: Vec<Value> = steps.iter().enumerate().map(|(nth, one)| step(nth, *one)).collect();
    let document = json!({
        "apiVersion": "concordat/v1", "kind": "Contract", "metadata": {"name": "random"},
        "spec": {"objective": "x", "onFailure": if compensate { "compensate" } else { "fail" }, "steps": steps},
    });
    let contract = serde_json::from_value(document).unwrap();
    Arc::new(
        Contract::agree(ContractForm { contract, input: json!({"yes": true, "list": [1, 2, 3, 4, 5]}) })
            .unwrap(),
    )
}

/// A contract to be carried out within another one.
fn inner() -> Value {
    json!({
        "apiVersion": "concordat/v1", "kind": "Contract", "metadata": {"name": "inner"},
        "spec": {"objective": "y", "steps": [{"id": "a", "skill": "work"}]},
    })
}

/// A run with a world that answers as the dice fall.
struct Game {
    run: Run,
    log: Vec<(Event, Timestamp)>,
    now: Timestamp,
    dice: Vec<u8>,
    rolled: usize,
}

impl Game {
    fn new(contract: Arc<Contract>, dice: Vec<u8>) -> Game {
        let submitter: Principal =
            serde_json::from_value(json!({"name": "ann", "tenant": "acme", "roles": ["submitter"]})).unwrap();
        let received = Event::Received {
            submission: SubmissionId::new(Uuid::from_u128(1)),
            label: "random".parse().unwrap(),
            name: "random".parse().unwrap(),
            contract: contract.digest(),
            submitter,
            depends_on: Vec::new(),
            access: DecisionId::new(Uuid::from_u128(2)),
            origin: Origin::Submitted,
        };
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let run = Run::open(RunId::new(Uuid::from_u128(3)), contract, &received, now).unwrap();
        Game { run, log: vec![(received, now)], now, dice, rolled: 0 }
    }

    /// The next die: 0 to 99.
    fn roll(&mut self) -> u8 {
        self.rolled += 1;
        let die = self.dice[self.rolled % self.dice.len()];
        u8::try_from((usize::from(die) + self.rolled * 37) % 100).unwrap()
    }

    fn tell(&mut self, event: Event) {
        self.run.apply(&event, self.now).unwrap();
        self.log.push((event, self.now));
    }

    fn decision(&mut self, gate: Gate) -> Decision {
        let answer = Answer::Permit;
        let provenance = Provenance {
            policy: Digest::of(b"p"),
            input: Digest::of(b"i"),
            explanation: None,
            evaluator: "none".into(),
        };
        let id = DecisionId::new(Uuid::from_u128(self.rolled as u128));
        Decision {
            id,
            gate,
            answer,
            checks: vec![],
            permitted: vec![],
            strategy: None,
            regions: Vec::new(),
            excluded: Default::default(),
            compared: None,
            provenance,
        }
    }

    fn ask_people(&mut self, about: About) {
        let review = ReviewId::new(Uuid::from_u128(1000 + self.log.len() as u128));
        let expires = self.now + SignedDuration::from_hours(1);
        self.tell(Event::ReviewOpened { review, about, decision: None, payload: Digest::of(b"x"), expires });
    }

    fn fail(&mut self, attempt: Attempt, error: Failure, tolerated: bool) {
        let (step, undo) = (attempt.step.clone(), attempt.leg == Leg::Undo);
        self.tell(Event::Failed { attempt, error, tolerated });
        if !undo && !tolerated && self.run.state.phase == Phase::Running {
            let compensate = self.run.compensates(&Cause::Deadline);
            self.tell(Event::Closing { cause: Cause::StepFailed { step, compensate } });
        }
    }

    fn refuse(&mut self, about: About) {
        match about {
            About::Admission => self.tell(Event::Closing { cause: Cause::Deadline }),
            About::Step { attempt, .. }
            | About::Reconciliation { attempt }
            | About::Question { attempt }
            | About::Asked { attempt } => {
                let error = Failure { code: "no".into(), message: "no".into(), decision: None };
                let tolerated = self.run.place(&attempt.step).is_some_and(|place| self.run.tolerates(place));
                self.fail(attempt.clone(), error, tolerated && attempt.leg == Leg::Do);
            }
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each thing that can be due")]
    fn perform(&mut self, due: Due) {
        let die = self.roll();
        match due {
            Due::Admit if die < 80 => self.tell(Event::Started),
            Due::Admit if die < 90 => self.ask_people(About::Admission),
            Due::Admit => self.tell(Event::Closing { cause: Cause::Deadline }),
            Due::StartAfter => self.tell(Event::Started),
            Due::Skip { step, because } => {
                let step = self.run.step_id(step).unwrap();
                self.tell(Event::Skipped { step, because });
            }
            Due::Begin(ask) if self.begins_otherwise(&ask, die) => {}
            Due::Begin(Ask { attempt, .. }) if die < 90 || attempt.leg == Leg::Undo => {
                let decision = self.decision(Gate::Dispatch);
                let id = decision.id;
                self.tell(Event::Decided { decision: Box::new(decision), attempt: Some(attempt.clone()) });
                self.tell(Event::Dispatched {
                    attempt,
                    agent: AgentId::new(Uuid::from_u128(u128::from(die % 3))),
                    agent_name: "one".parse().unwrap(),
                    revision: Digest::of(b"r"),
                    skill: "work".parse().unwrap(),
                    decision: id,
                    params: Digest::of(b"{}"),
                    draws: vec![],
                    cost: None,
                    instance: None,
                });
            }
            Due::Begin(Ask { attempt, .. }) => self.ask_people(About::Step { gate: Gate::Dispatch, attempt }),
            Due::Release(Ask { attempt, .. }) if die < 92 => {
                self.tell(Event::Released { attempt, decision: DecisionId::new(Uuid::nil()) });
            }
            Due::Release(Ask { attempt, .. }) => self.refuse(About::Step { gate: Gate::Release, attempt }),
            Due::Settle(ask) => {
                let Some(LegState::Lost { reply, .. }) = self.run.state.leg(ask.step, ask.attempt.leg) else {
                    panic!()
                };
                match self.run.after_loss(&ask, reply, self.now) {
                    Next::Retry { attempt, at } => self.tell(Event::Retrying { attempt, at }),
                    Next::Park => self.tell(Event::Parked { attempt: ask.attempt }),
                    Next::Fail { error, tolerated } => self.fail(ask.attempt, error, tolerated),
                }
            }
            Due::Reconcile(Ask { attempt, .. }) => self.ask_people(About::Reconciliation { attempt }),
            Due::Inquire(Ask { attempt, .. }) => self.ask_people(About::Asked { attempt }),
            Due::Tell(Ask { attempt, .. }) if die < 10 => {
                self.ask_people(About::Step { gate: Gate::Dispatch, attempt });
            }
            Due::Tell(Ask { attempt, .. }) if die < 20 => {
                self.refuse(About::Step { gate: Gate::Dispatch, attempt });
            }
            Due::Tell(Ask { attempt, .. }) if die < 25 => {
                self.tell(Event::Retrying { attempt, at: self.now + SignedDuration::from_mins(1) });
            }
            Due::Tell(Ask { attempt, .. }) => {
                let (agent, answer) = (AgentId::new(Uuid::nil()), Digest::of(b"a"));
                self.tell(Event::Told { attempt, agent, decision: DecisionId::new(Uuid::nil()), answer });
            }
            Due::Lapse(review) => {
                let about = self.run.state.reviews[&review].about.clone();
                self.tell(Event::ReviewLapsed { review });
                self.refuse(about);
            }
            Due::Gather(ask) => self.conclude(ask.attempt),
            Due::Elapse(Ask { attempt, .. }) if die < 50 => self.conclude(attempt),
            Due::Elapse(Ask { attempt, .. }) => self.refuse(About::Question { attempt }),
            Due::FallBack => panic!("these contracts have no fallback"),
            Due::Close(cause) => self.tell(Event::Closing { cause }),
            Due::Undo(steps) => self.tell(Event::Undoing { steps }),
            Due::Finish => self.tell(Event::Ended { ending: Ending::Completed { output: Digest::of(b"o") } }),
            Due::Stop => {
                let (Phase::Closing(cause) | Phase::Undoing(cause)) = self.run.state.phase.clone() else {
                    panic!()
                };
                let (undone, not_undone) = self.run.undone(&cause);
                self.tell(Event::Ended { ending: Ending::Stopped { undone, not_undone } });
            }
        }
    }

    fn conclude(&mut self, attempt: Attempt) {
        self.tell(Event::Concluded { attempt, output: Digest::of(b"o") });
    }

    /// The beginning of a step that asks no agent, or that is spread over items first.
    fn begins_otherwise(&mut self, ask: &Ask, die: u8) -> bool {
        let step = self.run.step(ask.step).unwrap().clone();
        let attempt = ask.attempt.clone();
        if attempt.leg == Leg::Undo {
            return false;
        }
        if step.document.for_each.is_some() && attempt.step.item.is_none() {
            self.tell(Event::Spread {
                step: attempt.step.name,
                items: Digest::of(b"l"),
                count: u32::from(die % 6),
            });
            return true;
        }
        match step.kind {
            Kind::Skill(_) => return false,
            Kind::Review(_) => self.ask_people(About::Question { attempt }),
            Kind::Wait(_) => {
                let until = Some(self.now + SignedDuration::from_mins(1));
                self.tell(Event::Listening { attempt, expectation: Digest::of(b"e"), until });
            }
            Kind::Contract(_) => {
                let run = RunId::new(Uuid::from_u128(5000 + self.log.len() as u128));
                let allotted = Allotment { calls: Some(1), cost: BTreeMap::new() };
                self.tell(Event::Delegated { attempt, run, allotted, decision: None });
            }
            Kind::OneOf(_) if die < 30 => self.refuse(About::Question { attempt }),
            Kind::OneOf(ways) => {
                let chosen = json!({"chosen": ways[0].then});
                let output = Digest::of_json(&chosen).unwrap();
                self.run.keep(output, Arc::new(chosen), 1);
                self.tell(Event::Concluded { attempt, output });
            }
            Kind::Emit(_) => self.conclude(attempt),
        }
        true
    }

    /// A contract within this one ends, well or badly.
    fn returns(&mut self, run: RunId, die: u8) {
        let loan = self.run.state.lent[&run].clone();
        self.tell(Event::Returned { run, used: Allotment::default() });
        let attempt = loan.step.unwrap();
        if die < 70 {
            self.conclude(attempt);
        } else {
            self.refuse(About::Question { attempt });
        }
    }

    /// Somebody holds the run, lets it go on, or ends it at once.
    fn is_ordered(&mut self, die: u8) -> bool {
        let (by, reason, access) = ("ann".parse().unwrap(), "r".to_owned(), DecisionId::new(Uuid::nil()));
        if self.run.state.paused.is_some() {
            self.tell(Event::Resumed { by, reason, access });
        } else if die < 3 {
            self.tell(Event::Closing { cause: Cause::Killed { by, reason, access } });
        } else if die < 12 {
            self.tell(Event::Paused { by, reason, access });
        } else {
            return false;
        }
        true
    }

    fn settle(&mut self) {
        loop {
            let phase = std::mem::discriminant(&self.run.state.phase);
            let due = self.run.due(self.now);
            if due.is_empty() {
                return;
            }
            for one in due {
                self.perform(one);
                if std::mem::discriminant(&self.run.state.phase) != phase {
                    break;
                }
            }
        }
    }

    /// An agent answers, a person answers, or time passes.
    fn something_happens(&mut self) {
        let out = (0..self.run.state.steps().len())
            .flat_map(|step| [(step, Leg::Do), (step, Leg::Undo)])
            .filter_map(|(step, leg)| match self.run.state.leg(step, leg) {
                Some(LegState::Dispatched { number, .. }) => {
                    Some(Attempt { step: self.run.step_id(step).unwrap(), leg, number: *number })
                }
                _ => None,
            })
            .collect::<Vec<_>>();
        let die = self.roll();
        let pick = usize::from(self.roll());
        if self.is_ordered(die) {
            return;
        }
        let die = self.roll();
        let lent = self.run.state.lent.keys().next().copied();
        if let Some(run) = lent.filter(|_| die.is_multiple_of(2) || out.is_empty()) {
            self.returns(run, die);
        } else if !out.is_empty() {
            self.answers(out[pick % out.len()].clone(), die);
        } else if !self.run.state.reviews.is_empty() && die < 90 {
            self.decides(die);
        } else if let Some(wake) = self.run.wake_at() {
            self.now = wake.max(self.now);
        } else {
            let state = &self.run.state;
            assert!(state.paused.is_some(), "the run waits for nothing: {state:#?}");
        }
    }

    /// An agent answers, well or badly.
    fn answers(&mut self, attempt: Attempt, die: u8) {
        if (50..60).contains(&die) && self.run.state.offers(attempt.leg) {
            let task = RemoteTask { id: "t".into(), context: "c".into(), asked: None };
            return self.tell(Event::Asked { attempt, question: Digest::of(b"x"), task, latency_ms: 1 });
        }
        let failure =
            |failure| Reply::Failure { failure, code: "x".into(), message: "x".into(), retry_after_ms: None };
        let output = |misfits| Reply::Output { output: Digest::of(b"o"), bytes: 2, misfits, checked: true };
        let reply = match die {
            0..60 => output(vec![]),
            60..65 => output(vec!["odd".into()]),
            65..75 => failure(FailureKind::Unavailable),
            75..80 => failure(FailureKind::Failed),
            80..85 => failure(FailureKind::Malformed),
            85..95 => Reply::Unknown { failure: FailureKind::Timeout, message: "late".into() },
            _ => Reply::Interrupted,
        };
        self.tell(Event::Answered { attempt, reply, latency_ms: 1 });
    }

    /// A person answers the first open review.
    fn decides(&mut self, die: u8) {
        let (review, open) =
            self.run.state.reviews.iter().next().map(|(id, open)| (*id, open.clone())).unwrap();
        let verdict = if die < 60 { Verdict::Approve } else { Verdict::Reject };
        let (by, access) = (self.run.state.submitter.clone(), DecisionId::new(Uuid::nil()));
        let (payload, reason) = (open.payload, "r".into());
        let asked = matches!(open.about, About::Asked { .. }) && verdict == Verdict::Approve;
        let answer = asked.then(|| Digest::of(b"a"));
        self.tell(Event::ReviewAnswered { review, verdict, by, reason, payload, access, answer });
        match (verdict, open.about) {
            (Verdict::Reject, about) => self.refuse(about),
            (Verdict::Approve, About::Question { attempt }) => self.conclude(attempt),
            (Verdict::Approve, _) => {}
        }
    }

    fn begins(&self) -> bool {
        self.run.due(self.now).iter().any(|due| matches!(due, Due::Begin(_)))
    }

    fn check(&self) {
        let state = &self.run.state;
        assert!(state.paused.is_none() || !self.begins(), "nothing begins during a pause");
        for (at, step) in state.steps().iter().enumerate() {
            let begun = !matches!(step.doing, LegState::Waiting | LegState::Skipped { .. });
            // The items of a step begin when the step was spread over them.
            let needs = if step.item.is_some() { &[] } else { self.run.contract.plan().needs(at) };
            for need in needs {
                assert!(
                    !begun || state.steps()[*need].doing.is_settled(),
                    "step {at} began before step {need} was settled"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn every_run_comes_to_an_end_and_folds_again_to_the_same(
        steps in proptest::collection::vec((any::<u8>(), any::<u8>(), any::<u8>()), 1..12),
        dice in proptest::collection::vec(any::<u8>(), 8..64),
        compensate in any::<bool>(),
    ) {
        let contract = contract(&steps, compensate);
        let mut game = Game::new(contract.clone(), dice);
        game.tell(Event::Classified { classification: serde_json::from_value(json!({
            "verdict": {"kind": "abstained", "because": "x"}, "alternatives": [], "evidence": [], "classifier": "none"
        })).unwrap() });
        let mut rounds = 0;
        game.settle();
        while !game.run.state.is_ended() {
            game.something_happens();
            game.settle();
            game.check();
            rounds += 1;
            prop_assert!(rounds < 2000, "the run goes round in circles");
        }
        let killed = matches!(&game.run.state.phase, Phase::Ended { cause: Some(cause), .. } if cause.is_at_once());
        prop_assert!(killed || (game.run.state.in_flight() == 0 && game.run.state.lent.is_empty()));
        prop_assert_eq!(game.run.wake_at(), None);

        // Undone in the reverse order of completion, and nothing twice.
        if let Phase::Ended { ending: Ending::Stopped { undone, not_undone }, .. } = &game.run.state.phase {
            let mut reverse: Vec<_> = game.run.state.completed().iter().rev()
                .map(|step| game.run.step_id(*step).unwrap()).collect();
            reverse.retain(|step| undone.contains(step));
            prop_assert_eq!(undone, &reverse);
            prop_assert!(undone.iter().all(|step| !not_undone.contains(step)));
        }

        // Through JSON and folded again, the log gives the same state.
        let (first, at) = &game.log[0];
        let mut again = Run::open(game.run.id, contract, first, *at).unwrap();
        for (event, at) in &game.log[1..] {
            let text = serde_json::to_string(event).unwrap();
            again.apply(&serde_json::from_str(&text).unwrap(), *at).unwrap();
        }
        prop_assert_eq!(again.state, game.run.state);
    }
}

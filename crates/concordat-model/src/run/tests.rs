//! Runs under random agents, policies and people, against what must always hold.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::due::{Ask, Due, Next};
use super::event::*;
use super::leg::LegState;
use super::*;
use crate::agree::ContractForm;
use crate::decision::{Answer, Decision, Gate, Provenance};
use crate::id::{AgentId, DecisionId, ReviewId, SubmissionId};
use crate::principal::Principal;

const EFFECTS: [&str; 3] = ["none", "idempotent", "unsafe"];

/// A contract of so many steps whose shape, effects and undoing come from random numbers.
fn contract(steps: &[(u8, u8, u8)], compensate: bool) -> Arc<Contract> {
    let step = |nth: usize, (needs, effect, rest): (u8, u8, u8)| {
        let needs: Vec<String> =
            (0..nth.min(8)).filter(|bit| needs & (1 << bit) != 0).map(|bit| format!("s{bit}")).collect();
        let mut step = json!({
            "id": format!("s{nth}"), "skill": "work", "needs": needs,
            "effect": EFFECTS[usize::from(effect % 3)],
        });
        if rest & 1 != 0 {
            step["compensate"] = json!({"skill": "undo"});
        }
        if rest & 2 != 0 && effect % 3 != 2 {
            step["retry"] = json!({"max": 2, "on": ["unavailable", "timeout", "failed"]});
        }
        if rest & 4 != 0 {
            step["onError"] = json!("skip");
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
    Arc::new(Contract::agree(ContractForm { contract, input: json!({"yes": true}) }).unwrap())
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
        let provenance =
            Provenance { policy: Digest::of(b"p"), input: Digest::of(b"i"), evaluator: "none".into() };
        let id = DecisionId::new(Uuid::from_u128(self.rolled as u128));
        Decision {
            id,
            gate,
            answer,
            checks: vec![],
            permitted: vec![],
            excluded: Default::default(),
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
            About::Step { attempt, .. } | About::Reconciliation { attempt } => {
                let error = Failure { code: "no".into(), message: "no".into(), decision: None };
                self.fail(attempt, error, false);
            }
        }
    }

    fn perform(&mut self, due: Due) {
        let die = self.roll();
        match due {
            Due::Admit if die < 80 => self.tell(Event::Started),
            Due::Admit if die < 90 => self.ask_people(About::Admission),
            Due::Admit => self.tell(Event::Closing { cause: Cause::Deadline }),
            Due::StartAfter => self.tell(Event::Started),
            Due::Skip { step, because } => {
                let step = self.run.contract.steps()[step].document.id.clone();
                self.tell(Event::Skipped { step, because });
            }
            Due::Offer(Ask { attempt, .. }) if die < 90 || attempt.leg == Leg::Undo => {
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
                });
            }
            Due::Offer(Ask { attempt, .. }) => self.ask_people(About::Step { gate: Gate::Dispatch, attempt }),
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
            Due::Lapse(review) => {
                let about = self.run.state.reviews[&review].about.clone();
                self.tell(Event::ReviewLapsed { review });
                self.refuse(about);
            }
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
        let out = (0..self.run.contract.steps().len())
            .flat_map(|step| [(step, Leg::Do), (step, Leg::Undo)])
            .filter_map(|(step, leg)| match self.run.state.leg(step, leg) {
                Some(LegState::Dispatched { number, .. }) => Some(Attempt {
                    step: self.run.contract.steps()[step].document.id.clone(),
                    leg,
                    number: *number,
                }),
                _ => None,
            })
            .collect::<Vec<_>>();
        let die = self.roll();
        let pick = usize::from(self.roll());
        if !out.is_empty() {
            let attempt = out[pick % out.len()].clone();
            let failure = |failure| Reply::Failure {
                failure,
                code: "x".into(),
                message: "x".into(),
                retry_after_ms: None,
            };
            let reply = match die {
                0..60 => Reply::Output { output: Digest::of(b"o"), bytes: 2, misfits: vec![], checked: true },
                60..65 => Reply::Output {
                    output: Digest::of(b"o"),
                    bytes: 2,
                    misfits: vec!["odd".into()],
                    checked: true,
                },
                65..75 => failure(crate::contract::FailureKind::Unavailable),
                75..80 => failure(crate::contract::FailureKind::Failed),
                80..85 => failure(crate::contract::FailureKind::Malformed),
                85..95 => {
                    Reply::Unknown { failure: crate::contract::FailureKind::Timeout, message: "late".into() }
                }
                _ => Reply::Interrupted,
            };
            self.tell(Event::Answered { attempt, reply, latency_ms: 1 });
        } else if let Some((review, open)) =
            self.run.state.reviews.iter().next().map(|(id, open)| (*id, open.clone()))
            && die < 90
        {
            let verdict = if die < 60 { Verdict::Approve } else { Verdict::Reject };
            let by = self.run.state.submitter.clone();
            let access = DecisionId::new(Uuid::nil());
            self.tell(Event::ReviewAnswered {
                review,
                verdict,
                by,
                reason: "r".into(),
                payload: open.payload,
                access,
            });
            if verdict == Verdict::Reject {
                self.refuse(open.about);
            }
        } else {
            let wake = self.run.wake_at().expect("a run that is not over waits for something");
            self.now = wake.max(self.now);
        }
    }

    fn check(&self) {
        let state = &self.run.state;
        for (at, step) in state.steps().iter().enumerate() {
            let begun = !matches!(step.doing, LegState::Waiting | LegState::Skipped { .. });
            for need in self.run.contract.plan().needs(at) {
                assert!(
                    !begun || state.steps()[*need].doing.is_settled(),
                    "step {at} began before step {need} was settled"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

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
        prop_assert_eq!(game.run.state.in_flight(), 0);
        prop_assert_eq!(game.run.wake_at(), None);

        // Undone in the reverse order of completion, and nothing twice.
        if let Phase::Ended { ending: Ending::Stopped { undone, not_undone }, .. } = &game.run.state.phase {
            let mut reverse: Vec<_> = game.run.state.completed().iter().rev()
                .map(|step| contract.steps()[*step].document.id.clone()).collect();
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

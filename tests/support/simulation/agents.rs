//! Agents that do what chance tells them, and that live on when the engine crashes.
//!
//! Those that honour the idempotency key do a thing once, however often they are asked; those that are asked to do
//! something `unsafe` do it each time. What was applied is told to the checker at once, as an agent's own ledger.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use concordat_engine::ports::{AgentTransport, Arrival, Dispatch, Fault, Found, Lost};
use concordat_model::contract::FailureKind;
use concordat_model::work::Assignment;
use concordat_store::memory::Disk;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::chance::Chance;
use super::checker::Checker;
use super::contracts;
use super::story::Story;

/// All agents there are.
#[derive(Clone)]
pub(super) struct Agents(Arc<Inner>);

struct Inner {
    chance: Mutex<Chance>,
    story: Story,
    checker: Checker,
    disk: Disk,
    calm: AtomicBool,
    /// What was done under which key.
    done: Mutex<BTreeMap<String, Value>>,
}

/// How an agent treats one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Do,
    Fail,
    Unreachable,
    Busy,
    Malformed,
    Misfit,
    LoseRequest,
    LoseAnswer,
    Hang,
}

impl Agents {
    pub(super) fn new(chance: Chance, story: Story, checker: Checker, disk: Disk) -> Agents {
        let (calm, done) = (AtomicBool::new(false), Mutex::default());
        Agents(Arc::new(Inner { chance: Mutex::new(chance), story, checker, disk, calm, done }))
    }

    /// From now on every agent does what it is asked.
    pub(super) fn calm_down(&self) {
        self.0.calm.store(true, Ordering::Relaxed);
    }

    fn manner(&self) -> Manner {
        if self.0.calm.load(Ordering::Relaxed) {
            return Manner::Do;
        }
        match self.0.chance.lock().between(1, 100) {
            1..=6 => Manner::Fail,
            7..=11 => Manner::Unreachable,
            12..=14 => Manner::Busy,
            15..=17 => Manner::Malformed,
            18..=20 => Manner::Misfit,
            21..=23 => Manner::LoseRequest,
            24..=27 => Manner::LoseAnswer,
            28..=29 => Manner::Hang,
            _ => Manner::Do,
        }
    }

    /// Does what is asked, or gives what was answered before under the same key.
    fn apply(&self, work: &Assignment, once: bool) -> Value {
        let key = work.work.idempotency_key();
        if once && let Some(done) = self.0.done.lock().get(&key) {
            return done.clone();
        }
        self.0.checker.applied(&key);
        let mut chance = self.0.chance.lock();
        let answer = match work.work.skill.as_str() {
            "break_down" if chance.in_thousand(700) => contracts::decomposition(&mut chance),
            _ => json!({"n": chance.between(0, 9)}),
        };
        self.0.done.lock().insert(key, answer.clone());
        answer
    }

    async fn answer(&self, work: &Assignment, manner: Manner) -> Arrival {
        let patience = work.work.timeout.duration();
        let once = !self.0.checker.is_unsafe(&work.work);
        let latency = self.0.chance.lock().span(Duration::from_millis(20));
        let failed = |kind, fault, code, retry_after_ms| {
            let message = format!("the agent is {manner:?}");
            Arrival::Failed { kind, fault, code, message, retry_after_ms }
        };
        let unknown = || Arrival::Unknown { message: "no answer came".to_owned() };
        let arrival = match manner {
            Manner::Fail => failed(FailureKind::Failed, Fault::Agent, "agent-error", None),
            Manner::Unreachable => {
                failed(FailureKind::Unavailable, Fault::Unreachable, "agent-unreachable", None)
            }
            Manner::Busy => failed(FailureKind::Unavailable, Fault::Nobody, "agent-busy", Some(2000)),
            Manner::LoseRequest => unknown(),
            Manner::Hang => {
                tokio::time::sleep(patience).await;
                return unknown();
            }
            Manner::LoseAnswer => {
                drop(self.apply(work, once));
                unknown()
            }
            Manner::Malformed => {
                drop(self.apply(work, once));
                failed(FailureKind::Malformed, Fault::Agent, "agent-malformed", None)
            }
            Manner::Misfit => {
                drop(self.apply(work, once));
                Arrival::Completed(json!("nothing that fits"))
            }
            Manner::Do => Arrival::Completed(self.apply(work, once)),
        };
        if tokio::time::timeout(patience, tokio::time::sleep(latency)).await.is_err() {
            return unknown();
        }
        arrival
    }
}

#[async_trait]
impl AgentTransport for Agents {
    async fn dispatch(&self, Dispatch { work, log_size, .. }: Dispatch) -> Arrival {
        let Inner { story, checker, disk, .. } = &*self.0;
        let decision = work.decision();
        let work = work.into_inner();
        let manner = self.manner();
        let key = format!("{} {}", work.work.idempotency_key(), work.work.attempt.number);
        story.step("call", || format!("call {key} of {} under {decision}: {manner:?}", work.agent_name));
        if manner != Manner::Do {
            story.count(manner.name());
        }
        checker.called(&work, log_size, disk.log_size());
        let arrival = self.answer(&work, manner).await;
        if let Arrival::Completed(answer) = &arrival {
            checker.answered(&work.work.idempotency_key(), answer);
        }
        story.step("answer", || format!("answer {key}"));
        arrival
    }

    async fn reconcile(&self, Lost { work, .. }: Lost) -> Found {
        let known = self.0.done.lock().get(&work.idempotency_key).cloned();
        let silent = !self.0.calm.load(Ordering::Relaxed) && self.0.chance.lock().in_thousand(300);
        self.0.story.step("question", || format!("question {}", work.idempotency_key));
        tokio::time::sleep(Duration::from_millis(20)).await;
        if let Some(answer) = &known {
            self.0.checker.answered(&work.idempotency_key, answer);
        }
        match known {
            _ if silent => Found::Unknown { message: "the agent did not answer".to_owned() },
            Some(answer) => Found::Done(answer),
            None => Found::NotDone,
        }
    }

    fn accepts(&self, _: &str) -> Result<(), String> {
        Ok(())
    }
}

impl Manner {
    /// The name for figures.
    fn name(self) -> &'static str {
        match self {
            Manner::Do => "agent: done",
            Manner::Fail => "agent: failed",
            Manner::Unreachable => "agent: unreachable",
            Manner::Busy => "agent: busy",
            Manner::Malformed => "agent: malformed",
            Manner::Misfit => "agent: misfit",
            Manner::LoseRequest => "agent: request lost",
            Manner::LoseAnswer => "agent: answer lost",
            Manner::Hang => "agent: hanging",
        }
    }
}

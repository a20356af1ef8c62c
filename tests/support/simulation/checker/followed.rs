//! One run, folded from its records, with what the checker has to know about its past.

use std::collections::BTreeMap;

use concordat_engine::fold;
use concordat_engine::ports::{StoredRecord, StoredRun};
use concordat_model::contract::EffectKind;
use concordat_model::decision::{Answer, Decision, Gate};
use concordat_model::digest::Digest;
use concordat_model::id::{AgentId, DecisionId, RunId};
use concordat_model::run::event::{About, Event, Verdict};
use concordat_model::run::{Phase, Run};
use concordat_model::step_id::StepId;
use concordat_model::work::{Attempt, Leg};
use concordat_store::memory::Disk;

/// A run.
pub(super) struct Followed {
    run: Run,
    decisions: BTreeMap<DecisionId, Decided>,
    dispatched: BTreeMap<Attempt, Dispatched>,
    /// When people said that a step may be done again.
    approvals: Vec<(StepId, u64)>,
    kinds: BTreeMap<&'static str, u64>,
}

struct Decided {
    index: u64,
    decision: Decision,
    attempt: Option<Attempt>,
}

struct Dispatched {
    index: u64,
    agent: AgentId,
    decision: DecisionId,
    params: Digest,
}

impl Followed {
    /// The first record of a run.
    pub(super) fn begin(
        id: RunId,
        event: &Event,
        stored: StoredRecord,
        disk: &Disk,
    ) -> Result<Followed, String> {
        let Event::Received { contract, .. } = event else {
            return Err(format!("{id} does not begin with its receipt"));
        };
        let body = disk.payload(contract).ok_or("the contract is not stored with its receipt")?;
        let stored = StoredRun { id, records: vec![stored], payloads: vec![(*contract, body)], secret: None };
        let run = fold(&stored).map_err(|error| error.to_string())?;
        Ok(Followed {
            run,
            decisions: BTreeMap::new(),
            dispatched: BTreeMap::new(),
            approvals: Vec::new(),
            kinds: BTreeMap::new(),
        })
    }

    /// The next record of the run.
    pub(super) fn apply(&mut self, event: &Event, stored: &StoredRecord) -> Result<(), String> {
        if self.is_over() {
            return Err("the run is over already".to_owned());
        }
        match event {
            Event::Decided { decision, attempt } => {
                let (decision, attempt) = (Decision::clone(decision), attempt.clone());
                let decided = Decided { index: stored.index, decision, attempt };
                if self.decisions.insert(decided.decision.id, decided).is_some() {
                    return Err("a decision of this id was made before".to_owned());
                }
            }
            Event::Dispatched { attempt, agent, decision, params, .. } => {
                let (agent, decision, params) = (*agent, *decision, *params);
                self.may_dispatch(attempt, agent, decision)?;
                let dispatched = Dispatched { index: stored.index, agent, decision, params };
                if self.dispatched.insert(attempt.clone(), dispatched).is_some() {
                    return Err(format!("attempt {} of {} was sent before", attempt.number, attempt.step));
                }
            }
            Event::Released { attempt, decision } => {
                self.permit(*decision, Gate::Release, attempt)?;
            }
            Event::ReviewAnswered { review, verdict: Verdict::Approve, .. } => {
                if let Some(About::Reconciliation { attempt }) =
                    self.run.state.reviews.get(review).map(|open| &open.about)
                {
                    self.approvals.push((attempt.step.clone(), stored.index));
                }
            }
            _ => {}
        }
        *self.kinds.entry(event.record_type()).or_default() += 1;
        let at = stored.record.time().parse().map_err(|error| format!("a time that is none: {error}"))?;
        self.run.apply(event, at).map_err(|error| error.to_string())
    }

    /// Whether a step may be sent to an agent in the present state.
    fn may_dispatch(&self, attempt: &Attempt, agent: AgentId, decision: DecisionId) -> Result<(), String> {
        let state = &self.run.state;
        let fits = match attempt.leg {
            Leg::Do => state.phase == Phase::Running && state.paused.is_none(),
            Leg::Undo => matches!(state.phase, Phase::Undoing(_)),
        };
        if !fits {
            return Err(format!("{} must not be sent now: {}", attempt.step, self.stands()));
        }
        let decided = self.permit(decision, Gate::Dispatch, attempt)?;
        if !decided.decision.permitted.contains(&agent) {
            return Err(format!("policy did not permit the agent {agent} for {}", attempt.step));
        }
        let last = self.dispatched.keys().filter(|one| one.step == attempt.step && one.leg == attempt.leg);
        if let Some(last) = last.map(|one| one.number).max().filter(|last| *last >= attempt.number) {
            return Err(format!("attempt {} of {} comes after attempt {last}", attempt.number, attempt.step));
        }
        let Some(place) = self.run.place(&attempt.step) else {
            return Err(format!("there is no step {}", attempt.step));
        };
        let written = state.steps().get(place).map_or(place, |step| step.written);
        let open = |need: &&usize| state.steps().get(**need).is_none_or(|step| !step.doing.is_settled());
        match self.run.contract.plan().needs(written).iter().find(open) {
            Some(need) if attempt.leg == Leg::Do => {
                Err(format!("{} is sent before step {need}, which it needs, is settled", attempt.step))
            }
            _ => Ok(()),
        }
    }

    /// The decision by which a gate said yes to an attempt.
    fn permit(&self, id: DecisionId, gate: Gate, attempt: &Attempt) -> Result<&Decided, String> {
        let decided = self.decisions.get(&id).ok_or_else(|| format!("there is no decision {id} before"))?;
        let right = decided.decision.gate == gate && decided.attempt.as_ref() == Some(attempt);
        if right && matches!(decided.decision.answer, Answer::Permit) {
            return Ok(decided);
        }
        Err(format!("the decision {id} does not permit this"))
    }

    /// Whether a call was recorded and permitted within so many records of the log.
    pub(super) fn permits(
        &self,
        attempt: &Attempt,
        agent: AgentId,
        decision: DecisionId,
        params: Digest,
        log_size: u64,
    ) -> Result<(), String> {
        let sent = self.dispatched.get(attempt).ok_or("it was not recorded before it was sent")?;
        let decided = self.permit(decision, Gate::Dispatch, attempt)?;
        if sent.index >= log_size || decided.index >= sent.index {
            return Err("it was sent before its permission was durable".to_owned());
        }
        if (sent.agent, sent.decision, sent.params) != (agent, decision, params) {
            return Err("it is not what was recorded".to_owned());
        }
        Ok(())
    }

    /// What doing the step of an attempt twice would do.
    pub(super) fn effect(&self, attempt: &Attempt) -> Option<EffectKind> {
        let place = self.run.place(&attempt.step)?;
        Some(self.run.step(place)?.document.effect)
    }

    /// Whether a person said, after so many records, that a step may be done again.
    pub(super) fn approved_since(&self, step: &StepId, records: u64) -> bool {
        self.approvals.iter().any(|(approved, index)| approved == step && *index >= records)
    }

    /// How many records there are of a type.
    pub(super) fn times(&self, kind: &str) -> u64 {
        self.kinds.get(kind).copied().unwrap_or(0)
    }

    pub(super) fn is_paused(&self) -> bool {
        !self.is_over() && self.run.state.paused.is_some()
    }

    pub(super) fn is_over(&self) -> bool {
        self.run.state.is_ended()
    }

    /// How the run stands, in a line.
    pub(super) fn stands(&self) -> String {
        let steps = self.run.state.steps().iter();
        let steps: Vec<&str> = steps.map(|step| step.doing.as_str()).collect();
        format!("{:?}; steps: {}", self.run.state.phase, steps.join(", "))
    }
}

//! Trying skills: an agent is given a skill's own examples, and what comes back is looked at.
//!
//! ```text
//! room at the agent ─► enroll gate ──permit──► agent.trying durable ──► example to the agent ──► agent.probed
//!                        └ the key for exactly this work                     answer looked at ◄──┘
//! ```
//!
//! It is not work of any contract: its run is named nowhere else. A try shows what an agent claims falsely; it is little
//! evidence that it does well, because an agent can know its own examples. Where the agent has several instances, each of
//! them is given each example: they are one claim, which holds where it holds everywhere. A try needs room at the agent
//! as any call does, and does not wait for it. One that nothing is known of is not repeated by itself: the example may
//! have done something.

mod shown;

use std::sync::Arc;
use std::time::Duration;

use concordat_ledger::record::Record;
use concordat_model::agent::{Agent, ProbeResult, Skill};
use concordat_model::digest::Digest;
use concordat_model::id::{AgentId, DecisionId, RunId};
use concordat_model::name::{SkillName, StepName, TenantName};
use concordat_model::principal::Principal;
use concordat_model::registry::AgentEvent;
use concordat_model::span::Span;
use concordat_model::work::{Attempt, Leg, Work};
use concordat_policy::input::{Action, EnrollAgent, EnrollChange, EnrollInput, EnrollTry};
use concordat_policy::{Asked, Probing, Refusal};

use self::shown::{Came, Given, Tried};
use super::{conflict, resource};
use crate::core::Core;
use crate::engine::{Caller, Engine, decided};
use crate::error::EngineError;
use crate::limits::Slot;
use crate::ports::{Change, Out};
use crate::reconcile;
use crate::scribe::Place;

/// How long an agent may take for an example.
const PATIENCE: Span = Span::seconds(10);

/// Who has a skill tried; nobody, where Concordat does so by itself.
#[derive(Clone, Copy)]
struct Order<'p> {
    skill: &'p SkillName,
    by: Option<&'p Principal>,
}

impl Engine {
    /// Tries an agent's skills with their examples: the named one, or every one that has an example.
    ///
    /// # Errors
    /// There is no such agent or skill, there is nothing to try it with, the agent has no room, or policy does not
    /// permit it.
    pub async fn probe_agent(
        &self,
        caller: &Caller,
        agent: &str,
        skill: Option<&SkillName>,
    ) -> Result<Arc<Agent>, EngineError> {
        self.core.taking_in()?;
        let access = self.permit(caller, Action::AgentsProbe, resource(Some(agent))).await?;
        let found = self.agent(agent)?;
        let skills = found.registration.skills.iter();
        let wanted = skills.filter(|one| skill.is_none_or(|named| one.name == *named));
        let tried: Vec<SkillName> =
            wanted.filter(|one| one.can_be_tried()).map(|one| one.name.clone()).collect();
        let name = &found.registration.name;
        match skill {
            Some(named) if found.registration.skill(named).is_none() => {
                return Err(EngineError::NotFound { what: "skill", id: named.to_string() });
            }
            _ if tried.is_empty() => {
                return Err(conflict(format!(
                    "there is no example to try `{name}` with: register one with the skill"
                )));
            }
            _ => {}
        }
        let mut access = Some(access);
        for skill in &tried {
            let order = Order { skill, by: Some(&caller.principal) };
            if !self.core.probe(found.id, order, &mut access).await? {
                return Err(conflict(format!(
                    "`{skill}` was not tried: `{name}` has no room for a call now, which `concordat agent get {name}` \
                     explains; try it again later"
                )));
            }
        }
        self.agent(agent)
    }

    /// Tries the skills of agents that work, again and again, as long as the engine runs.
    pub async fn keep_probing(&self, every: Duration) {
        let mut halted = self.core.halted.subscribe();
        loop {
            tokio::select! {
                biased;
                _ = halted.wait_for(Option::is_some) => return,
                () = tokio::time::sleep(every) => {}
            }
            self.probe_all().await;
        }
    }

    /// Tries every skill with an example, of every agent that works. What waits for a person, because nobody knows what
    /// became of the last try, is left alone; what finds no room is put off until the next time.
    pub async fn probe_all(&self) {
        for agent in self.agents().into_iter().filter(|agent| agent.standing.works()) {
            let open = |skill: &SkillName| {
                let last = agent.probed.get(skill).filter(|last| last.revision == agent.revision);
                last.is_some_and(|last| last.result == ProbeResult::Unknown)
            };
            let skills = agent.registration.skills.iter().filter(|one| one.can_be_tried());
            for skill in skills.map(|one| &one.name).filter(|skill| !open(skill)) {
                if self.core.taking_in().is_err() {
                    return;
                }
                let name = &agent.registration.name;
                match self.core.probe(agent.id, Order { skill, by: None }, &mut None).await {
                    Ok(true) => {}
                    Ok(false) => tracing::debug!(%name, %skill, "no room to try `{skill}` of `{name}` now"),
                    Err(error) => {
                        tracing::warn!(%name, %skill, %error, "`{skill}` of `{name}` cannot be tried: {error}");
                    }
                }
            }
        }
    }
}

impl Core {
    /// Goes through a skill's examples at each instance, and records what came of them; tells whether there was room for
    /// any.
    async fn probe(
        self: &Arc<Core>,
        id: AgentId,
        order: Order<'_>,
        access: &mut Option<Asked>,
    ) -> Result<bool, EngineError> {
        let none = || EngineError::NotFound { what: "agent", id: id.to_string() };
        let agent = self.world.read().registry.agent(id).cloned().ok_or_else(none)?;
        let examples = agent.registration.skill(order.skill).map(Skill::tries).unwrap_or_default();
        let places = agent.registration.places();
        let mut tried = Tried::new(agent.clone(), order.skill.clone(), (examples.len(), places.len()));
        let (mut slots, mut error) = (Vec::new(), None);
        for instance in places {
            for (nth, example) in (1..).zip(&examples) {
                let given = Given { nth, example, instance };
                let Some(mut slot) = self.room_for_a_try(&agent, given, order) else { break };
                match self.give(&agent, order, given, access, &mut slot).await {
                    Ok(came) => tried.came.push(came),
                    Err(why) => error = Some(why),
                }
                slots.push(slot);
                // An instance that is silent gets no more of them.
                if error.is_some() || tried.is_unknown() {
                    break;
                }
            }
            // Nor does an agent that policy keeps away.
            if error.is_some() {
                break;
            }
        }
        let any = !tried.came.is_empty();
        if any {
            self.record_probe(tried, order.by).await?;
        }
        error.map_or(Ok(any), Err)
    }

    /// What a call needs, if all of it is free: whoever stands in the line goes first.
    fn room_for_a_try(&self, agent: &Arc<Agent>, given: Given<'_>, order: Order<'_>) -> Option<Slot> {
        let Order { skill, by } = order;
        let tenant = by.map(|by| by.tenant.clone()).or_else(|| agent.tenant.clone());
        let tenant: TenantName = tenant.or_else(|| "default".parse().ok())?;
        let run = RunId::new(self.clock.uuid());
        self.limits.take_for_a_try(agent, given.instance, skill, tenant, run)
    }

    /// Gives one instance of the agent one example, once that is permitted and durable.
    async fn give(
        self: &Arc<Core>,
        agent: &Arc<Agent>,
        order: Order<'_>,
        given: Given<'_>,
        access: &mut Option<Asked>,
        slot: &mut Slot,
    ) -> Result<Came, EngineError> {
        let (params, probing) = self.may_probe(agent, order, given).await?;
        let Probing { assignment, asked } = probing;
        let enroll = asked.decision.id;
        let trying = AgentEvent::Trying {
            skill: order.skill.clone(),
            revision: agent.revision,
            params,
            instance: given.instance.map(str::to_owned),
            enroll,
        };
        let asked: Vec<Asked> = access.take().into_iter().chain([asked]).collect();
        let log_size = self.record_trying(agent.id, &asked, &trying).await?;
        let began = self.clock.now();
        let witness = reconcile::witness(assignment.get());
        // A try belongs to no run that could be stopped.
        let withdrawal = Out::default().withdrawal();
        let arrival = self.dispatch(assignment, log_size, withdrawal).await;
        slot.came_back(&arrival, began);
        let latency = self.clock.now().duration_since(began);
        let arrival = reconcile::settled(self, witness, arrival).await;
        let (result, problems) = self.shown(agent, order.skill, given, arrival);
        let latency_ms = u64::try_from(latency.as_millis()).unwrap_or(0);
        let Given { nth, example, instance } = given;
        let (name, instance) = (example.name.clone(), instance.map(str::to_owned));
        Ok(Came { nth, name, instance, params, enroll, result, problems, latency_ms })
    }

    async fn record_trying(
        &self,
        id: AgentId,
        asked: &[Asked],
        trying: &AgentEvent,
    ) -> Result<u64, EngineError> {
        let commit = {
            let mut world = self.world.write();
            let (subject, at) = (id.to_string(), self.clock.now());
            world.apply_agent(id, trying, None, at)?;
            let mut place = || Place { subject: &subject, seq: world.take_seq(&subject), at };
            let mut records: Vec<Record> = Vec::new();
            for asked in asked {
                records.push(decided(self, asked, place())?);
            }
            records.push(self.scribe.seal(&*self.clock, trying.record_type(), place(), trying)?);
            let payloads = asked.iter().flat_map(Asked::payloads).collect();
            self.store.commit(Change { records, payloads, ..Change::default() })
        };
        Ok(self.durable(commit).await?.size)
    }

    /// Asks the enroll gate; a refusal is recorded.
    async fn may_probe(
        &self,
        agent: &Arc<Agent>,
        Order { skill, by }: Order<'_>,
        Given { example, instance, .. }: Given<'_>,
    ) -> Result<(Digest, Probing), EngineError> {
        let params = Digest::of_json(&example.input).map_err(|error| conflict(error.to_string()))?;
        let step: StepName = "probe".parse().map_err(|_| conflict("a try has no name".to_owned()))?;
        let work = Work {
            run: RunId::new(self.clock.uuid()),
            attempt: Attempt { step: step.into(), leg: Leg::Do, number: 1 },
            skill: skill.clone(),
            params: Arc::new(example.input.clone()),
            params_digest: params,
            timeout: PATIENCE,
            telling: None,
        };
        let input = EnrollInput {
            now: self.clock.now(),
            by: by.cloned(),
            tenant: agent.tenant.clone(),
            reason: String::new(),
            change: EnrollChange::Probe,
            agent: EnrollAgent::of(agent),
            author: agent.author.clone(),
            from: Some(agent.standing),
            to: agent.standing,
            changed: Vec::new(),
            by_card: false,
            tried: Some(EnrollTry { skill: skill.clone(), params, instance: instance.map(str::to_owned) }),
        };
        let id = DecisionId::new(self.clock.uuid());
        match self.policies.panel().probe(id, &input, work, agent) {
            Ok(probing) => Ok((params, probing)),
            Err(Refusal { asked, .. }) => {
                self.record_decision(&agent.id.to_string(), &asked).await?;
                Err(EngineError::Forbidden(Box::new(asked.decision)))
            }
        }
    }
}

//! Trying skills: an agent is given a skill's own example, and what comes back is looked at.
//!
//! ```text
//! enroll gate ──permit──► decision durable ──► example to the agent ──► answer against its schema ──► agent.probed
//!                 └ the key for exactly this work
//! ```
//!
//! It is not work of any contract: its run is named nowhere else. A try shows what an agent claims falsely; it is little
//! evidence that it does well, because an agent can know its own example.

use std::sync::Arc;
use std::time::Duration;

use concordat_ledger::record::Record;
use concordat_model::agent::{Agent, ProbeResult};
use concordat_model::contract::FailureKind;
use concordat_model::digest::Digest;
use concordat_model::id::{AgentId, DecisionId, RunId};
use concordat_model::name::{SkillName, StepName};
use concordat_model::principal::Principal;
use concordat_model::registry::AgentEvent;
use concordat_model::span::Span;
use concordat_model::trust::{Cause, ProbeCause, Seen, TrustKey};
use concordat_model::work::{Attempt, Leg, Work};
use concordat_policy::input::{Action, EnrollAgent, EnrollChange, EnrollInput, EnrollTry};
use concordat_policy::{Asked, Probing, Refusal};
use jiff::SignedDuration;

use super::{conflict, resource};
use crate::core::Core;
use crate::engine::{Caller, Engine, decided};
use crate::error::EngineError;
use crate::ports::{Arrival, Change, Fault, Forsaken, Out};
use crate::scribe::Place;
use crate::trust::Lesson;

/// How long an agent may take for an example.
const PATIENCE: Span = Span::seconds(10);
/// How often the same result is evidence.
const COUNTS_AGAIN: SignedDuration = SignedDuration::from_hours(24);
/// The longest text of a problem, and the most problems.
const PROBLEM: usize = 300;
const PROBLEMS: usize = 5;

/// A try that policy permitted, on its way.
struct Tried {
    agent: Arc<Agent>,
    skill: SkillName,
    params: Digest,
    enroll: DecisionId,
}

impl Engine {
    /// Tries an agent's skills with their examples: the named one, or every one that has an example.
    ///
    /// # Errors
    /// There is no such agent or skill, there is nothing to try it with, or policy does not permit it.
    pub async fn probe_agent(
        &self,
        caller: &Caller,
        agent: &str,
        skill: Option<&SkillName>,
    ) -> Result<Arc<Agent>, EngineError> {
        self.core.running()?;
        let access = self.permit(caller, Action::AgentsProbe, resource(Some(agent))).await?;
        let found = self.agent(agent)?;
        let skills = found.registration.skills.iter();
        let wanted = skills.filter(|one| skill.is_none_or(|named| one.name == *named));
        let tried: Vec<SkillName> =
            wanted.filter(|one| one.example.is_some()).map(|one| one.name.clone()).collect();
        match skill {
            Some(named) if found.registration.skill(named).is_none() => {
                return Err(EngineError::NotFound { what: "skill", id: named.to_string() });
            }
            _ if tried.is_empty() => {
                let name = &found.registration.name;
                return Err(conflict(format!(
                    "there is no example to try `{name}` with: register one with the skill"
                )));
            }
            _ => {}
        }
        let mut access = Some(access);
        for skill in &tried {
            self.core.probe(found.id, skill, Some(&caller.principal), access.take()).await?;
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

    /// Tries every skill with an example, of every agent that works.
    pub async fn probe_all(&self) {
        for agent in self.agents().into_iter().filter(|agent| agent.standing.works()) {
            for skill in agent.registration.skills.iter().filter(|skill| skill.example.is_some()) {
                if self.core.taking_in().is_err() {
                    return;
                }
                if let Err(error) = self.core.probe(agent.id, &skill.name, None, None).await {
                    let (name, skill) = (&agent.registration.name, &skill.name);
                    tracing::warn!(%name, %skill, %error, "`{skill}` of `{name}` cannot be tried: {error}");
                }
            }
        }
    }
}

impl Core {
    async fn probe(
        self: &Arc<Core>,
        id: AgentId,
        skill: &SkillName,
        by: Option<&Principal>,
        access: Option<Asked>,
    ) -> Result<(), EngineError> {
        let (tried, probing) = self.may_probe(id, skill, by).await?;
        let Probing { assignment, asked } = probing;
        let commit = {
            let mut world = self.world.write();
            let (subject, at) = (id.to_string(), self.clock.now());
            let mut place = || Place { subject: &subject, seq: world.take_seq(&subject), at };
            let mut records: Vec<Record> = Vec::new();
            for asked in access.iter().chain([&asked]) {
                records.push(decided(self, asked, place())?);
            }
            let payloads = access.iter().chain([&asked]).flat_map(Asked::payloads).collect();
            self.store.commit(Change { records, payloads, ..Change::default() })
        };
        let log_size = self.durable(commit).await?.size;
        let began = self.clock.now();
        // A try belongs to no run that could be stopped.
        let withdrawal = Out::default().withdrawal();
        let arrival = self.dispatch(assignment, log_size, withdrawal).await;
        let latency = self.clock.now().duration_since(began);
        let (result, problems) = self.shown(&tried, arrival);
        let latency_ms = u64::try_from(latency.as_millis()).unwrap_or(0);
        self.record_probe(tried, result, problems, latency_ms, by).await
    }

    /// Asks the enroll gate; a refusal is recorded.
    async fn may_probe(
        &self,
        id: AgentId,
        skill: &SkillName,
        by: Option<&Principal>,
    ) -> Result<(Tried, Probing), EngineError> {
        let none = || EngineError::NotFound { what: "agent", id: id.to_string() };
        let agent = self.world.read().registry.agent(id).cloned().ok_or_else(none)?;
        let example = agent.registration.skill(skill).and_then(|skill| skill.example.clone());
        let example =
            example.ok_or_else(|| conflict(format!("there is no example to try `{skill}` with")))?;
        let params = Digest::of_json(&example).map_err(|error| conflict(error.to_string()))?;
        let step: StepName = "probe".parse().map_err(|_| conflict("a try has no name".to_owned()))?;
        let work = Work {
            run: RunId::new(self.clock.uuid()),
            attempt: Attempt { step: step.into(), leg: Leg::Do, number: 1 },
            skill: skill.clone(),
            params: Arc::new(example),
            params_digest: params,
            timeout: PATIENCE,
            telling: None,
        };
        let input = EnrollInput {
            now: self.clock.now(),
            by: by.cloned(),
            reason: String::new(),
            change: EnrollChange::Probe,
            agent: EnrollAgent::of(&agent),
            author: agent.author.clone(),
            from: Some(agent.standing),
            to: agent.standing,
            changed: Vec::new(),
            tried: Some(EnrollTry { skill: skill.clone(), params }),
        };
        let asked = self.policies.panel().probe(DecisionId::new(self.clock.uuid()), &input, work, &agent);
        match asked {
            Ok(probing) => {
                let enroll = probing.asked.decision.id;
                Ok((Tried { agent, skill: skill.clone(), params, enroll }, probing))
            }
            Err(Refusal { asked, .. }) => {
                self.record_decision(&id.to_string(), &asked).await?;
                Err(EngineError::Forbidden(Box::new(asked.decision)))
            }
        }
    }

    /// What came of it. What was in the way, of the agent or of the network, says nothing about the claim.
    fn shown(self: &Arc<Core>, tried: &Tried, arrival: Arrival) -> (ProbeResult, Vec<String>) {
        let cut = |text: String| text.chars().take(PROBLEM).collect::<String>();
        match arrival {
            Arrival::Completed(value) => {
                let schema = self.output_schema(tried.agent.id, &tried.skill);
                let misfits = schema.map(|schema| schema.misfits(&value)).unwrap_or_default();
                let problems: Vec<String> =
                    misfits.iter().take(PROBLEMS).map(|misfit| cut(misfit.to_string())).collect();
                let result = if problems.is_empty() { ProbeResult::Verified } else { ProbeResult::False };
                (result, problems)
            }
            Arrival::Failed { kind, fault, message, .. } => {
                let lies =
                    fault == Fault::FalseClaim || (kind == FailureKind::Malformed && fault == Fault::Agent);
                let result = if lies { ProbeResult::False } else { ProbeResult::Unclear };
                (result, vec![cut(message)])
            }
            Arrival::Unknown { message } => (ProbeResult::Unclear, vec![cut(message)]),
            Arrival::Asked { task, .. } => {
                self.forsake([Forsaken::of(&tried.agent, task)].into());
                let why = "the agent asks back: a try has nobody who could answer";
                (ProbeResult::Unclear, vec![why.to_owned()])
            }
        }
    }

    async fn record_probe(
        &self,
        tried: Tried,
        result: ProbeResult,
        problems: Vec<String>,
        latency_ms: u64,
        by: Option<&Principal>,
    ) -> Result<(), EngineError> {
        let Tried { agent, skill, params, enroll } = tried;
        let (id, revision) = (agent.id, agent.revision);
        let commit = {
            // What was shown counts at the next choice.
            let _nobody_chooses = self.standings.write();
            let mut world = self.world.write();
            let (subject, at) = (id.to_string(), self.clock.now());
            let before = world.registry.agent(id).and_then(|agent| {
                agent.probed.get(&skill).filter(|probed| probed.revision == revision).cloned()
            });
            let held = match result {
                ProbeResult::Verified => Some(true),
                ProbeResult::False => Some(false),
                ProbeResult::Unclear => None,
            };
            let news = before.is_none_or(|before| {
                before.shown != held
                    || before.counted.is_none_or(|counted| at.duration_since(counted) >= COUNTS_AGAIN)
            });
            let counts = held.is_some() && news;
            let by = by.map(|by| by.name.clone());
            let event = AgentEvent::Probed {
                skill: skill.clone(),
                revision,
                result,
                problems,
                params,
                latency_ms,
                counts,
                by,
                enroll,
            };
            world.apply_agent(id, &event, None, at)?;
            let place = Place { subject: &subject, seq: world.take_seq(&subject), at };
            let mut records = vec![self.scribe.seal(&*self.clock, event.record_type(), place, &event)?];
            if let Some(held) = held.filter(|_| counts) {
                for domain in &agent.registration.domains {
                    let key = TrustKey { agent: id, revision, domain: domain.clone(), skill: skill.clone() };
                    let cause = Cause::Probe(ProbeCause { probe: enroll });
                    let lesson = Lesson { key, seen: Seen::Probed { held }, risk: None, cause, at };
                    self.learn(&mut world, lesson, &mut records)?;
                }
            }
            self.store.commit(Change { records, ..Change::default() })
        };
        self.durable(commit).await.map(drop)
    }
}

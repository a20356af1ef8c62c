//! What people say about agents: they rate the work of contracts, and testify to what Concordat did not see.
//!
//! A rating is about the revision that did the work, whatever became of the agent since. Each person counts once: one
//! rating a contract, and one testimony a day about an agent's skill in a domain, so that nobody talks trust up or
//! down by saying the same again. Violations are told whenever they happen.

use std::collections::{BTreeMap, BTreeSet};

use concordat_model::agent::Agent;
use concordat_model::digest::Digest;
use concordat_model::id::{AgentId, RunId};
use concordat_model::name::{DomainName, PrincipalName, SkillName};
use concordat_model::principal::Principal;
use concordat_model::problem::Problem;
use concordat_model::registry::AgentEvent;
use concordat_model::run::Run;
use concordat_model::run::event::Event;
use concordat_model::run::leg::LegState;
use concordat_model::trust::{Cause, Formula, PersonCause, Rating, RatingCause, Seen, TrustKey};
use concordat_model::work::Leg;
use concordat_policy::input::{Action, Resource, ResourceKind};
use jiff::{SignedDuration, Timestamp};

use super::{Lesson, conflict, is_owner};
use crate::engine::{Caller, Engine, decided};
use crate::error::EngineError;
use crate::gates;
use crate::ports::{Change, RecordFilter};
use crate::reading::Pages;
use crate::runs::of_run;
use crate::scribe::Place;
use crate::world::World;

/// How long one person's testimony about the same thing stands before another one counts.
const BETWEEN: SignedDuration = SignedDuration::from_hours(24);

/// By which revision an agent did a skill.
type Revisions = BTreeMap<(AgentId, SkillName), Digest>;

/// What somebody says about an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Testimony {
    /// What they say.
    pub seen: Seen,
    /// About which skill.
    pub skill: SkillName,
    /// In which domain.
    pub domain: DomainName,
    /// Why.
    pub reason: String,
}

impl Engine {
    /// Rates the work of a contract that is over; each agent that did a step of it is rated.
    ///
    /// # Errors
    /// The caller may not, has rated it, or answers for every agent that worked on it; or it is not over.
    pub async fn rate(&self, caller: &Caller, id: RunId, rating: Rating) -> Result<usize, EngineError> {
        self.core.running()?;
        let run = self.run(caller, id).await?.run;
        let access = self.permit(caller, Action::ContractsRate, of_run(ResourceKind::Contract, &run)).await?;
        if !run.state.is_ended() {
            return Err(conflict(format!("the run `{id}` is not over: rate it when it is")));
        }
        let who = &caller.principal;
        let cause = RatingCause {
            run: id,
            rated_by: who.name.clone(),
            tenant: who.tenant.clone(),
            access: access.decision.id,
        };
        let seen = Seen::Rated { rating };
        let revisions = self.revisions_in(id).await?;
        let risk = Some(run.contract.spec().governance.risk);
        let commit = {
            let core = &self.core;
            let _nobody_chooses = core.standings.write();
            let mut world = core.world.write();
            learning(&world)?;
            if world.rated.contains(&(id, who.tenant.clone(), who.name.clone())) {
                return Err(conflict(format!("you have rated the run `{id}` already: one rating counts")));
            }
            let keys = rated(&world, &run, &revisions, who)?;
            let at = core.clock.now();
            let subject = keys.first().map(|key| key.agent.to_string()).unwrap_or_default();
            let place = Place { subject: &subject, seq: world.take_seq(&subject), at };
            let mut records = vec![decided(core, &access, place)?];
            for key in &keys {
                let cause = Cause::Rating(cause.clone());
                let lesson = Lesson { key: key.clone(), seen, risk, cause, at };
                core.learn(&mut world, lesson, &mut records)?;
            }
            (core.store.commit(Change::after(&access, records)), keys.len())
        };
        self.core.durable(commit.0).await?;
        Ok(commit.1)
    }

    /// Enters what somebody says about an agent as evidence; a critical violation also suspends it.
    ///
    /// # Errors
    /// The caller may not, answers for the agent, or says nothing; or there is no such agent or skill.
    pub async fn testify(
        &self,
        caller: &Caller,
        agent: &str,
        testimony: Testimony,
    ) -> Result<std::sync::Arc<Agent>, EngineError> {
        self.core.running()?;
        let id: Option<String> = Some(agent.chars().take(80).collect());
        let resource = Resource { kind: ResourceKind::Agent, id, tenant: None, submitter: None, gate: None };
        let access = self.permit(caller, Action::TrustTestify, resource).await?;
        let found = self.agent(agent)?;
        if is_owner(&caller.principal, &found.registration.owner) {
            return Err(conflict(format!(
                "you answer for `{}`: what you say about it is no evidence",
                found.registration.name
            )));
        }
        if found.registration.skill(&testimony.skill).is_none() {
            return Err(EngineError::NotFound { what: "skill", id: testimony.skill.to_string() });
        }
        if testimony.seen.evidence(Formula::Beta2).is_none() {
            let why = "say how many good or bad outcomes there were";
            return Err(EngineError::Invalid(Problem::new("testimony-empty", "/good", why).into()));
        }
        let by = caller.principal.name.clone();
        let Testimony { seen, skill, domain, reason } = testimony;
        let key = TrustKey { agent: found.id, revision: found.revision, domain, skill };
        let commit = {
            let core = &self.core;
            let _nobody_chooses = core.standings.write();
            let mut world = core.world.write();
            learning(&world)?;
            let at = core.clock.now();
            if matches!(seen, Seen::Testified { .. }) {
                said_before(&world, &key, &by, at)?;
            }
            let subject = found.id.to_string();
            let place = Place { subject: &subject, seq: world.take_seq(&subject), at };
            let mut records = vec![decided(core, &access, place)?];
            let person = PersonCause { by: by.clone(), reason: reason.clone(), access: access.decision.id };
            let lesson = Lesson { key, seen, risk: None, cause: Cause::Person(person), at };
            core.learn(&mut world, lesson, &mut records)?;
            let event = AgentEvent::Suspended { by, reason, access: access.decision.id, enroll: None };
            // Whoever is suspended already stays so.
            if seen.is_an_offence() && world.apply_agent(found.id, &event, None, at).is_ok() {
                let place = Place { subject: &subject, seq: world.take_seq(&subject), at };
                records.push(core.scribe.seal(&*core.clock, event.record_type(), place, &event)?);
            }
            core.store.commit(Change::after(&access, records))
        };
        self.core.durable(commit).await?;
        self.agent(agent)
    }

    /// By which revisions agents did the steps of a run; of several tries, by that of the last one.
    async fn revisions_in(&self, run: RunId) -> Result<Revisions, EngineError> {
        let filter = RecordFilter {
            subject: Some(run.to_string()),
            types: vec!["step.dispatched".to_owned()],
            ..RecordFilter::default()
        };
        let mut revisions = Revisions::new();
        let mut pages = Pages::of(&*self.core.store, filter);
        while let Some(page) = pages.more().await? {
            for stored in &page {
                if let Event::Dispatched { agent, skill, revision, .. } = stored.read()? {
                    revisions.insert((agent, skill), revision);
                }
            }
        }
        Ok(revisions)
    }
}

/// What a rating of a run is about: every agent that did a step of it, and that the rater does not answer for.
///
/// A result that was taken over from an earlier run was rated there.
fn rated(
    world: &World,
    run: &Run,
    revisions: &Revisions,
    who: &Principal,
) -> Result<Vec<TrustKey>, EngineError> {
    let Some(domain) = gates::trust_domain(run) else { return Err(conflict("nothing to rate".to_owned())) };
    let done = (0..run.state.steps().len()).filter_map(|at| match run.state.leg(at, Leg::Do)? {
        LegState::Done { agent: Some(agent), .. } => Some((*agent, run.step(at)?.skill(Leg::Do)?.clone())),
        _ => None,
    });
    let done: BTreeSet<(AgentId, SkillName)> = done.filter(|done| revisions.contains_key(done)).collect();
    if done.is_empty() {
        return Err(conflict(format!("no agent did a step of `{}`: there is nothing to rate", run.id)));
    }
    let key = |done: (AgentId, SkillName)| {
        let others = !is_owner(who, &world.registry.agent(done.0)?.registration.owner);
        let (revision, domain) = (*revisions.get(&done)?, domain.clone());
        others.then_some(TrustKey { agent: done.0, revision, domain, skill: done.1 })
    };
    let keys: Vec<TrustKey> = done.into_iter().filter_map(key).collect();
    if keys.is_empty() {
        return Err(conflict(
            "you answer for every agent that worked on it: your rating is no evidence".to_owned(),
        ));
    }
    Ok(keys)
}

/// Refuses what somebody said already about the same thing, not long ago.
fn said_before(world: &World, key: &TrustKey, by: &PrincipalName, at: Timestamp) -> Result<(), EngineError> {
    let said = world.testified.get(&(key.clone(), by.clone()));
    match said.filter(|said| at.duration_since(**said) < BETWEEN) {
        None => Ok(()),
        Some(said) => Err(conflict(format!(
            "you testified to this at {said} already: one testimony a day counts; let somebody else say what they saw"
        ))),
    }
}

fn learning(world: &World) -> Result<(), EngineError> {
    match world.trust.frozen() {
        None => Ok(()),
        Some(since) => Err(conflict(format!(
            "nothing is learnt since {since}: ask an operator to start the server without `--freeze-learning`"
        ))),
    }
}

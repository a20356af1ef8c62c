//! Trust, where people have to do with it: ratings, testimony, and the question why somebody is trusted so far.
//!
//! Nobody sets trust here either. What people say is evidence with their name on it, weighed like all else, and it
//! is in the log before it counts.

use std::collections::BTreeMap;

use concordat_ledger::record::Record;
use concordat_model::agent::{Agent, Standing};
use concordat_model::contract::Risk;
use concordat_model::decision::Severity;
use concordat_model::id::{AgentId, RunId};
use concordat_model::name::{DomainName, SkillName};
use concordat_model::principal::Principal;
use concordat_model::problem::Problem;
use concordat_model::registry::AgentEvent;
use concordat_model::run::Run;
use concordat_model::run::leg::LegState;
use concordat_model::share::Share;
use concordat_model::trust::{
    Cause, Counts, Dimension, Drift, Formula, PersonCause, Rating, RatingCause, Seen, TrustChanged, TrustKey,
    TrustView,
};
use concordat_model::work::Leg;
use concordat_policy::Asked;
use concordat_policy::input::{Action, Resource, ResourceKind};
use jiff::Timestamp;
use serde_json::Value;

use crate::core::Core;
use crate::engine::{Caller, Engine, decided};
use crate::error::EngineError;
use crate::gates;
use crate::ports::{Change, Page, RecordFilter};
use crate::runs::of_run;
use crate::scribe::Place;
use crate::world::World;

/// The most changes that an explanation names.
const MOST_CHANGES: usize = 10;

/// Whether these settings of an operator stop learning.
pub(crate) fn is_frozen(settings: &Value) -> bool {
    settings.get("freeze_learning").and_then(Value::as_bool).unwrap_or(false)
}

/// Whether somebody answers for the agents of this owner.
pub(crate) fn is_owner(principal: &Principal, owner: &str) -> bool {
    principal.name.as_str() == owner || principal.tenant.as_str() == owner
}

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

/// Why an agent is trusted so far with a skill in a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// In what.
    pub key: TrustKey,
    /// What policy is told, by how much is at stake.
    pub views: Vec<(Risk, TrustView)>,
    /// What it is made of, one line a dimension.
    pub sides: Vec<Side>,
    /// How the agents of the domain do.
    pub drift: Drift,
    /// Since when nothing is learnt, if so.
    pub frozen: Option<Timestamp>,
    /// The last changes, newest first, with the index of their records.
    pub changes: Vec<(u64, TrustChanged)>,
}

/// One dimension of trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side {
    /// Which one.
    pub dimension: Dimension,
    /// How much it weighs.
    pub weight: Share,
    /// What was seen, as it has faded by now.
    pub seen: Counts,
    /// What is presumed before anything is seen.
    pub presumed: Counts,
    /// With 95 % certainty the share of good outcomes is at least this.
    pub lower_bound: Share,
}

/// Whether trust comes out the same when it is computed again from the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustReplayed {
    /// How many changes were computed again.
    pub changes: u64,
    /// What is wrong, if anything is.
    pub fault: Option<String>,
}

/// Something that was seen, on its way into the book and the log.
pub(crate) struct Lesson {
    pub(crate) key: TrustKey,
    pub(crate) seen: Seen,
    pub(crate) risk: Option<Risk>,
    pub(crate) cause: Cause,
    pub(crate) at: Timestamp,
}

impl Core {
    /// Enters what was seen into the book, and says so in the log; false, where it says nothing about the agent.
    pub(crate) fn learn(
        &self,
        world: &mut World,
        lesson: Lesson,
        records: &mut Vec<Record>,
    ) -> Result<bool, EngineError> {
        let Lesson { key, seen, risk, cause, at } = lesson;
        let Some(change) = world.trust.observe(&key, seen, risk, cause, at) else { return Ok(false) };
        let before = world.trust.drift(&key.domain);
        if let Err(odd) = world.trust.apply(&change) {
            return Err(EngineError::Conflict(odd.to_string()));
        }
        world.note_rating(&change);
        let subject = key.agent.to_string();
        let place = Place { subject: &subject, seq: world.take_seq(&subject), at };
        records.push(self.scribe.seal(&*self.clock, "trust.changed", place, &change)?);
        let drift = world.trust.drift(&key.domain);
        if drift.shaken != before.shaken {
            let kind = if drift.shaken { "trust.shaken" } else { "trust.settled" };
            let told = serde_json::json!({"domain": key.domain, "short": drift.short, "long": drift.long});
            let place = Place { subject: &subject, seq: world.take_seq(&subject), at };
            records.push(self.scribe.seal(&*self.clock, kind, place, &told)?);
        }
        Ok(true)
    }
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
        let risk = Some(run.contract.spec().governance.risk);
        let commit = {
            let core = &self.core;
            let _nobody_chooses = core.standings.write();
            let mut world = core.world.write();
            learning(&world)?;
            if world.rated.contains(&(id, who.tenant.clone(), who.name.clone())) {
                return Err(conflict(format!("you have rated the run `{id}` already: one rating counts")));
            }
            let keys = rated(&world, &run, who)?;
            let at = core.clock.now();
            let subject = keys.first().map(|key| key.agent.to_string()).unwrap_or_default();
            let place = Place { subject: &subject, seq: world.take_seq(&subject), at };
            let mut records = vec![decided(core, &access, place)?];
            for key in &keys {
                let cause = Cause::Rating(cause.clone());
                let lesson = Lesson { key: key.clone(), seen, risk, cause, at };
                core.learn(&mut world, lesson, &mut records)?;
            }
            (core.store.commit(with_payloads(records, &access)), keys.len())
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
            let subject = found.id.to_string();
            let place = Place { subject: &subject, seq: world.take_seq(&subject), at };
            let mut records = vec![decided(core, &access, place)?];
            let person = PersonCause { by: by.clone(), reason: reason.clone(), access: access.decision.id };
            let lesson = Lesson { key, seen, risk: None, cause: Cause::Person(person), at };
            core.learn(&mut world, lesson, &mut records)?;
            let standing = Standing::Suspended { by: by.clone(), reason: reason.clone() };
            let critical = seen == Seen::Violated { severity: Severity::Critical };
            // Whoever is suspended already stays so.
            if critical && world.registry.stand(found.id, standing).is_ok() {
                let event = AgentEvent::Suspended { by, reason, access: access.decision.id };
                let place = Place { subject: &subject, seq: world.take_seq(&subject), at };
                records.push(core.scribe.seal(&*core.clock, event.record_type(), place, &event)?);
            }
            core.store.commit(with_payloads(records, &access))
        };
        self.core.durable(commit).await?;
        self.agent(agent)
    }

    /// Why an agent is trusted so far, in everything that it did, or in one skill or domain.
    ///
    /// # Errors
    /// There is no such agent, or the log cannot be read.
    pub async fn explain_trust(
        &self,
        agent: &str,
        skill: Option<&SkillName>,
        domain: Option<&DomainName>,
    ) -> Result<Vec<Explained>, EngineError> {
        let found = self.agent(agent)?;
        let mut explained = {
            let now = self.core.clock.now();
            let world = self.core.world.read();
            let mut keys: Vec<TrustKey> =
                world.trust.of_agent(found.id).map(|(key, _)| key.clone()).collect();
            if let (Some(skill), Some(domain)) = (skill, domain) {
                let (skill, domain) = (skill.clone(), domain.clone());
                let asked = TrustKey { agent: found.id, revision: found.revision, domain, skill };
                if !keys.contains(&asked) {
                    keys.push(asked);
                }
            }
            keys.retain(|key| {
                skill.is_none_or(|skill| key.skill == *skill)
                    && domain.is_none_or(|domain| key.domain == *domain)
            });
            keys.into_iter().map(|key| explained(&world, key, now)).collect::<Vec<_>>()
        };
        let mut changes = self.changes_of(found.id).await?;
        for one in &mut explained {
            one.changes = changes.remove(&one.key).unwrap_or_default();
            one.changes.reverse();
            one.changes.truncate(MOST_CHANGES);
        }
        Ok(explained)
    }

    /// Every change of trust in an agent, oldest first, by what it is in.
    async fn changes_of(
        &self,
        agent: AgentId,
    ) -> Result<BTreeMap<TrustKey, Vec<(u64, TrustChanged)>>, EngineError> {
        let mut filter = RecordFilter {
            subject: Some(agent.to_string()),
            types: vec!["trust.changed".to_owned()],
            ..Default::default()
        };
        let mut changes: BTreeMap<TrustKey, Vec<(u64, TrustChanged)>> = BTreeMap::new();
        loop {
            let page = self.core.store.records(&filter, Page::LARGEST).await?;
            let Some(last) = page.last() else { return Ok(changes) };
            filter.from = last.index + 1;
            for stored in &page {
                let odd = |why: String| EngineError::Log { index: stored.index, why };
                let change: TrustChanged = stored.record.data().map_err(|error| odd(error.to_string()))?;
                let known = changes.entry(change.key.clone()).or_default();
                known.push((stored.index, change));
                // Only the newest are told.
                if known.len() > 2 * MOST_CHANGES {
                    known.drain(..MOST_CHANGES);
                }
            }
        }
    }

    /// Computes all trust again from the log, and compares it bit for bit with what is decided by.
    ///
    /// # Errors
    /// The log cannot be read.
    pub async fn replay_trust(&self) -> Result<TrustReplayed, EngineError> {
        // Work may go on meanwhile; what was computed is then older than what it is compared with.
        for _ in 0..3 {
            let mut again = match World::load(&*self.core.store).await {
                Ok(world) => world.trust,
                Err(EngineError::Log { index, why }) => {
                    return Ok(TrustReplayed { changes: 0, fault: Some(format!("at index {index}: {why}")) });
                }
                Err(error) => return Err(error),
            };
            let world = self.core.world.read();
            again.freeze(None);
            again.freeze(world.trust.frozen());
            let changes = again.changes();
            if again == world.trust {
                return Ok(TrustReplayed { changes, fault: None });
            }
            if changes == world.trust.changes() {
                let fault = "what is decided by is not what the log says".to_owned();
                return Ok(TrustReplayed { changes, fault: Some(fault) });
            }
        }
        Err(conflict(
            "trust changes faster than it can be computed again: try it in a quieter moment".to_owned(),
        ))
    }
}

fn conflict(why: String) -> EngineError {
    EngineError::Conflict(why)
}

fn learning(world: &World) -> Result<(), EngineError> {
    match world.trust.frozen() {
        None => Ok(()),
        Some(since) => Err(conflict(format!(
            "nothing is learnt since {since}: ask an operator to start the server without `--freeze-learning`"
        ))),
    }
}

fn with_payloads(records: Vec<Record>, access: &Asked) -> Change {
    Change { records, payloads: access.payloads().collect(), ..Change::default() }
}

/// What a rating of a run is about: every agent that did a step of it, and that the rater does not answer for.
fn rated(world: &World, run: &Run, who: &Principal) -> Result<Vec<TrustKey>, EngineError> {
    let Some(domain) = gates::trust_domain(run) else { return Err(conflict("nothing to rate".to_owned())) };
    let done = (0..run.state.steps().len()).filter_map(|at| match run.state.leg(at, Leg::Do)? {
        LegState::Done { agent: Some(agent), .. } => Some((*agent, run.step(at)?.skill(Leg::Do)?.clone())),
        _ => None,
    });
    let done: std::collections::BTreeSet<(AgentId, SkillName)> = done.collect();
    if done.is_empty() {
        return Err(conflict(format!("no agent did a step of `{}`: there is nothing to rate", run.id)));
    }
    let key = |(agent, skill): (AgentId, SkillName)| {
        let agent = world.registry.agent(agent)?;
        let others = !is_owner(who, &agent.registration.owner);
        let (revision, domain) = (agent.revision, domain.clone());
        others.then_some(TrustKey { agent: agent.id, revision, domain, skill })
    };
    let keys: Vec<TrustKey> = done.into_iter().filter_map(key).collect();
    if keys.is_empty() {
        return Err(conflict(
            "you answer for every agent that worked on it: your rating is no evidence".to_owned(),
        ));
    }
    Ok(keys)
}

fn explained(world: &World, key: TrustKey, now: Timestamp) -> Explained {
    let book = &world.trust;
    let risks = [Risk::Low, Risk::Medium, Risk::High, Risk::Critical];
    let views = risks.map(|risk| (risk, book.view_at(&key, risk, now))).to_vec();
    let until = book.frozen().map_or(now, |frozen| frozen.min(now));
    let prior = book.prior(&key, until);
    let belief = book.state(&key).belief(&prior, until);
    let side = |dimension: &Dimension| {
        let (all, presumed) = (belief.along(*dimension), prior.along(*dimension));
        let seen = Counts {
            good: all.good.saturating_sub(presumed.good),
            bad: all.bad.saturating_sub(presumed.bad),
        };
        let weight = Share::of(dimension.weight(Formula::Beta2));
        Side { dimension: *dimension, weight, seen, presumed, lower_bound: all.lower_bound() }
    };
    let sides = Dimension::ALL.iter().map(side).collect();
    let drift = book.drift(&key.domain);
    Explained { key, views, sides, drift, frozen: book.frozen(), changes: Vec::new() }
}

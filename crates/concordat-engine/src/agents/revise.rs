//! Changed registrations: each is a revision of its own, and waits beside the one in force where policy wants that.

use std::sync::Arc;

use concordat_model::agent::{Agent, Binding, Proposed, Registration, Standing};
use concordat_model::digest::Digest;
use concordat_model::problem::Problem;
use concordat_model::registry::{AgentEvent, RegistryError};
use concordat_policy::Asked;
use concordat_policy::input::{Action, EnrollChange};
use serde_json::Value;

use super::{Brought, Enrolling, conflict, resource};
use crate::engine::{Caller, Engine, decided};
use crate::error::EngineError;
use crate::ports::{CardProtocol, CardWanted, Change};
use crate::scribe::Place;

/// What somebody approves, or declines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Why.
    pub reason: String,
    /// The revision that they looked at; without it, whichever waits.
    pub revision: Option<Digest>,
    /// Whether the agent only comes on probation.
    pub probation: bool,
}

/// The top members in which two registrations differ.
fn changed(before: &Registration, after: &Registration) -> Vec<String> {
    let members = |registration: &Registration| match serde_json::to_value(registration) {
        Ok(Value::Object(members)) => members,
        Ok(_) | Err(_) => serde_json::Map::new(),
    };
    let (before, after) = (members(before), members(after));
    let differs = |name: &&String| before.get(*name) != after.get(*name);
    let mut names: Vec<String> = before.keys().chain(after.keys()).filter(differs).cloned().collect();
    names.sort();
    names.dedup();
    names
}

/// The change by which a registration of an agent comes into force.
fn revision(
    found: &Agent,
    brought: Brought,
    caller: &Caller,
    reason: &str,
) -> Result<Enrolling, EngineError> {
    found.may_change(&brought.registration, brought.revision)?;
    let changed = changed(&found.registration, &brought.registration);
    let mut agent = found.clone();
    (agent.registration, agent.revision) = (brought.registration.clone(), brought.revision);
    Ok(Enrolling {
        agent,
        by: caller.principal.clone(),
        author: Some(caller.principal.name.clone()),
        reason: reason.to_owned(),
        change: EnrollChange::Revise,
        from: Some(found.standing),
        to: found.standing_when_changed(),
        changed,
        brought: Some(brought),
        credentials: None,
        waits: true,
    })
}

impl Engine {
    /// Changes an agent's registration, if the one in force is the one that the caller has seen.
    ///
    /// What was eligible is on probation then, and has to show its skills anew. Where policy wants people to look first,
    /// the change waits beside what is in force.
    ///
    /// # Errors
    /// The registration is wrong, of another agent or the one in force; another one came between; or the caller may not.
    pub async fn revise_agent(
        &self,
        caller: &Caller,
        agent: &str,
        seen: Digest,
        document: Value,
        reason: &str,
    ) -> Result<Arc<Agent>, EngineError> {
        self.core.running()?;
        let registration = self.readable(document)?;
        let access = self.permit(caller, Action::AgentsRegister, resource(Some(agent))).await?;
        self.revise(caller, &access, agent, seen, Brought::of(registration)?, reason).await?;
        self.agent(agent)
    }

    async fn revise(
        &self,
        caller: &Caller,
        access: &Asked,
        agent: &str,
        seen: Digest,
        brought: Brought,
        reason: &str,
    ) -> Result<(), EngineError> {
        self.enroll(access, |world| {
            let found = world.registry.find(agent)?;
            if found.revision != seen {
                return Err(EngineError::Stale { seen, now: found.revision });
            }
            revision(found, brought, caller, reason)
        })
        .await
    }

    /// Reads the card of an agent again, and changes its registration by what the card says now, if policy does not want
    /// people to look at that first.
    ///
    /// Cards know nothing of schemas, limits, prices and regimes: what was registered of them stays. The card has to be
    /// signed by this key, or else by the one that was registered, if there is one; a new one is a part of the change.
    ///
    /// # Errors
    /// The agent has no card, it cannot be read, another change came between, or the change is refused.
    pub async fn refresh_agent(
        &self,
        caller: &Caller,
        agent: &str,
        key: Option<String>,
        reason: &str,
    ) -> Result<Arc<Agent>, EngineError> {
        self.core.running()?;
        let access = self.permit(caller, Action::AgentsRegister, resource(Some(agent))).await?;
        let found = self.agent(agent)?;
        let before = &found.registration;
        let protocol = match before.binding {
            Binding::Mcp { .. } => CardProtocol::Mcp,
            Binding::A2a { .. } => CardProtocol::A2a,
            Binding::Execute { .. } => {
                let name = &before.name;
                return Err(conflict(format!(
                    "the agent `{name}` has no card to read again: send its changed registration instead"
                )));
            }
        };
        let wanted = CardWanted {
            protocol,
            url: before.binding.url().to_owned(),
            key: key.or_else(|| before.binding.card_key().map(str::to_owned)),
            owner: Some(before.owner.clone()),
            domains: before.domains.clone(),
        };
        let unread = |why| EngineError::Invalid(Problem::new("agent-card", "/binding/url", why).into());
        let draft = self.core.transport.describe(wanted).await.map_err(unread)?;
        let told = Brought::of(self.reachable(told_anew(before, draft.registration))?)?.by_card();
        match self.revise(caller, &access, agent, found.revision, told, reason).await {
            // The card says what is registered.
            Ok(()) | Err(EngineError::Registry(RegistryError::Same(_))) => self.agent(agent),
            Err(error) => Err(error),
        }
    }

    /// Approves what waits: the change of a registration, or else the agent itself.
    ///
    /// # Errors
    /// Nothing waits, something else waits than was seen, or policy does not permit it.
    pub async fn approve_agent(
        &self,
        caller: &Caller,
        agent: &str,
        approval: &Approval,
    ) -> Result<Arc<Agent>, EngineError> {
        self.core.running()?;
        let access = self.permit(caller, Action::AgentsEnroll, resource(Some(agent))).await?;
        self.enroll(&access, |world| {
            let found = world.registry.find(agent)?;
            let waiting = found.proposed.as_ref().map_or(found.revision, |proposed| proposed.revision);
            unchanged(approval, waiting)?;
            match &found.proposed {
                Some(Proposed { registration, placed, .. }) => {
                    let revising =
                        revision(found, Brought::of(registration.clone())?, caller, &approval.reason)?;
                    Ok(Enrolling { author: placed.by.clone(), waits: false, ..revising })
                }
                None => {
                    let to = if approval.probation { Standing::Probation } else { Standing::Eligible };
                    found.may_become(to)?;
                    if !matches!(found.standing, Standing::Proposed | Standing::Probation) {
                        let (name, stands) = (&found.registration.name, found.standing);
                        return Err(conflict(format!("the agent `{name}` is {stands}: restore it instead")));
                    }
                    Ok(Enrolling::place(found, to, caller, &approval.reason))
                }
            }
        })
        .await?;
        self.agent(agent)
    }

    /// Declines the change of a registration that waits.
    ///
    /// # Errors
    /// Nothing waits, something else waits than was seen, or the caller may not.
    pub async fn decline_agent(
        &self,
        caller: &Caller,
        agent: &str,
        approval: Approval,
    ) -> Result<Arc<Agent>, EngineError> {
        self.core.running()?;
        let access = self.permit(caller, Action::AgentsEnroll, resource(Some(agent))).await?;
        let commit = {
            let core = &self.core;
            let mut world = core.world.write();
            let found = world.registry.find(agent)?.clone();
            let nothing = || RegistryError::NothingProposed(found.registration.name.clone());
            let revision = found.proposed.as_ref().ok_or_else(nothing)?.revision;
            unchanged(&approval, revision)?;
            let (by, reason) = (caller.principal.name.clone(), approval.reason);
            let event = AgentEvent::Declined { revision, by, reason, access: access.decision.id };
            let (subject, at) = (found.id.to_string(), core.clock.now());
            world.apply_agent(found.id, &event, None, at)?;
            let mut place = || Place { subject: &subject, seq: world.take_seq(&subject), at };
            let records = vec![
                decided(core, &access, place())?,
                core.scribe.seal(&*core.clock, event.record_type(), place(), &event)?,
            ];
            core.store.commit(Change::after(&access, records))
        };
        self.core.durable(commit).await?;
        self.agent(agent)
    }
}

/// Whoever names what they looked at approves nothing else.
fn unchanged(approval: &Approval, waiting: Digest) -> Result<(), EngineError> {
    match approval.revision {
        Some(seen) if seen != waiting => Err(EngineError::Stale { seen, now: waiting }),
        Some(_) | None => Ok(()),
    }
}

/// What a card says now, with what cards know nothing of as it was.
fn told_anew(before: &Registration, card: Registration) -> Registration {
    let mut skills = card.skills;
    for skill in &mut skills {
        if let Some(known) = before.skill(&skill.name) {
            skill.input = skill.input.take().or_else(|| known.input.clone());
            skill.output = skill.output.take().or_else(|| known.output.clone());
            if !skill.can_be_tried() {
                (skill.example, skill.examples) = (known.example.clone(), known.examples.clone());
            }
            skill.version = skill.version.take().or_else(|| known.version.clone());
        }
    }
    let mut instances = before.instances.clone();
    for instance in instances.iter_mut().filter(|one| one.url == before.binding.url()) {
        card.binding.url().clone_into(&mut instance.url);
    }
    Registration { description: card.description, binding: card.binding, instances, skills, ..before.clone() }
}

//! One change of one agent, before the `enroll` gate and into the log.
//!
//! INVARIANT: from the question whether it may happen until it is handed to the store, nobody else changes an agent or
//! chooses one.

use std::collections::BTreeSet;

use concordat_ledger::record::Record;
use concordat_model::agent::{Agent, Registration, Standing, Tie};
use concordat_model::decision::Answer;
use concordat_model::digest::{self, Digest};
use concordat_model::id::DecisionId;
use concordat_model::name::PrincipalName;
use concordat_model::principal::Principal;
use concordat_model::registry::AgentEvent;
use concordat_policy::Asked;
use concordat_policy::input::{EnrollAgent, EnrollChange, EnrollInput};
use jiff::Timestamp;

use super::credentials::Sealed;
use crate::engine::{Caller, Engine, decided};
use crate::error::EngineError;
use crate::ports::{Change, Commit, Forgotten, origin};
use crate::scribe::Place;
use crate::world::World;

/// A registration on its way into the registry.
#[derive(Debug, Clone)]
pub(crate) struct Brought {
    pub(crate) registration: Registration,
    pub(crate) revision: Digest,
    bytes: Vec<u8>,
    /// Whether the agent's card says so, and nobody has looked at it yet.
    by_card: bool,
}

impl Brought {
    pub(crate) fn of(registration: Registration) -> Result<Brought, EngineError> {
        let bytes =
            digest::canonical(&registration).map_err(|error| EngineError::Conflict(error.to_string()))?;
        Ok(Brought { registration, revision: Digest::of(&bytes), bytes, by_card: false })
    }

    /// The same, where the agent's card says so.
    pub(crate) fn by_card(self) -> Brought {
        Brought { by_card: true, ..self }
    }
}

/// What somebody wants to happen to an agent.
pub(crate) struct Enrolling {
    /// The agent as it would be, but for its standing.
    pub(crate) agent: Agent,
    pub(crate) by: Principal,
    /// Who sent the registration that it is about.
    pub(crate) author: Option<PrincipalName>,
    pub(crate) reason: String,
    pub(crate) change: EnrollChange,
    pub(crate) from: Option<Standing>,
    pub(crate) to: Standing,
    /// The top members of its registration that would change.
    pub(crate) changed: Vec<String>,
    pub(crate) brought: Option<Brought>,
    /// What it is to know us by; nothing where that is taken away or not the change.
    pub(crate) credentials: Option<Sealed>,
    /// Whether it waits where people have to look first; otherwise it is refused then.
    pub(crate) waits: bool,
}

impl Enrolling {
    /// An agent is to stand otherwise.
    pub(crate) fn place(agent: &Agent, to: Standing, caller: &Caller, reason: &str) -> Enrolling {
        Enrolling {
            by: caller.principal.clone(),
            author: agent.author.clone(),
            reason: reason.to_owned(),
            change: EnrollChange::Place,
            from: Some(agent.standing),
            to,
            changed: Vec::new(),
            brought: None,
            credentials: None,
            waits: false,
            agent: agent.clone(),
        }
    }

    fn input(&self, now: Timestamp) -> EnrollInput {
        EnrollInput {
            now,
            by: Some(self.by.clone()),
            tenant: self.agent.tenant.clone(),
            reason: self.reason.clone(),
            change: self.change,
            agent: EnrollAgent::of(&self.agent),
            author: self.author.clone(),
            from: self.from,
            to: self.to,
            changed: self.changed.clone(),
            by_card: self.brought.as_ref().is_some_and(|brought| brought.by_card),
            tried: None,
        }
    }

    /// What happens: on a permit what is wanted, else that it waits.
    fn event(&self, permitted: bool, access: DecisionId, enroll: DecisionId) -> AgentEvent {
        let (by, reason) = (self.by.name.clone(), self.reason.clone());
        let (to, revision) = (self.to, self.agent.revision);
        match (self.change, permitted) {
            (EnrollChange::Register, _) => AgentEvent::Registered {
                name: self.agent.registration.name.clone(),
                revision,
                by,
                access,
                enroll: Some(enroll),
                standing: Some(if permitted { to } else { Standing::Proposed }),
                tenant: Some(self.by.tenant.clone()),
                ties: ties(&self.agent.registration),
            },
            (EnrollChange::Revise, false) => AgentEvent::Proposed { revision, by, reason, access, enroll },
            (EnrollChange::Revise, true) => {
                let author = self.author.clone().unwrap_or_else(|| by.clone());
                let ties = ties(&self.agent.registration);
                AgentEvent::Revised { revision, author, by, reason, standing: to, access, enroll, ties }
            }
            (EnrollChange::Credentials, _) => match &self.credentials {
                Some(sealed) => AgentEvent::CredentialsSet {
                    kind: sealed.kind.clone(),
                    origin: sealed.origin.clone(),
                    fingerprint: sealed.fingerprint.clone(),
                    content: sealed.content,
                    owner: Some(sealed.kept.owner.clone()),
                    by,
                    reason,
                    access,
                    enroll,
                },
                None => AgentEvent::CredentialsRemoved { by, reason, access, enroll },
            },
            (EnrollChange::Place | EnrollChange::Probe, _) => {
                let enroll_too = Some(enroll);
                match (self.from, to) {
                    (_, Standing::Suspended) => {
                        AgentEvent::Suspended { by, reason, access, enroll: enroll_too }
                    }
                    (Some(Standing::Suspended), Standing::Eligible) => {
                        AgentEvent::Restored { by, reason, access, enroll: enroll_too }
                    }
                    (from, to) => {
                        let from = from.unwrap_or(Standing::Proposed);
                        AgentEvent::Placed { from, to, by, reason, access, enroll }
                    }
                }
            }
        }
    }
}

/// What ties an agent to others, beside its owner: where it answers, and the key that its card is signed with.
fn ties(registration: &Registration) -> BTreeSet<Tie> {
    let origins = registration.urls().map(|url| Tie::origin(origin(url)));
    origins.chain(registration.binding.card_key().map(Tie::card_key)).collect()
}

impl Engine {
    /// Puts a change before the enroll gate, and records what follows: that it happened, that it waits, or the refusal.
    pub(crate) async fn enroll(
        &self,
        access: &Asked,
        wanted: impl FnOnce(&World) -> Result<Enrolling, EngineError>,
    ) -> Result<(), EngineError> {
        let core = &self.core;
        let (subject, asked, commit) = {
            let _nobody_chooses = core.standings.write();
            let mut world = core.world.write();
            let enrolling = wanted(&world)?;
            let input = enrolling.input(core.clock.now());
            let id = DecisionId::new(core.clock.uuid());
            let asked = core.policies.panel().enroll(id, &input);
            let subject = enrolling.agent.id.to_string();
            let happens = match &asked.decision.answer {
                Answer::Permit => true,
                Answer::Review { .. } => enrolling.waits,
                Answer::Deny { .. } => false,
            };
            let commit = happens.then(|| self.change_agent(&mut world, &subject, enrolling, access, &asked));
            (subject, asked, commit.transpose()?)
        };
        match commit {
            Some(commit) => core.durable(commit).await.map(drop),
            None => {
                core.record_decision(&subject, &asked).await?;
                Err(EngineError::Forbidden(Box::new(asked.decision)))
            }
        }
    }

    fn change_agent(
        &self,
        world: &mut World,
        subject: &str,
        enrolling: Enrolling,
        access: &Asked,
        asked: &Asked,
    ) -> Result<Commit, EngineError> {
        let core = &self.core;
        let at = core.clock.now();
        let permitted = matches!(asked.decision.answer, Answer::Permit);
        let event = enrolling.event(permitted, access.decision.id, asked.decision.id);
        let Enrolling { agent, by, change, brought, credentials, .. } = enrolling;
        let registration = brought.as_ref().map(|brought| brought.registration.clone());
        world.apply_agent(agent.id, &event, registration, at)?;
        let mut place = || Place { subject, seq: world.take_seq(subject), at };
        let mut records = vec![
            decided(core, access, place())?,
            decided(core, asked, place())?,
            core.scribe.seal(&*core.clock, event.record_type(), place(), &event)?,
        ];
        let mut payloads: Vec<_> = access.payloads().chain(asked.payloads()).collect();
        payloads.extend(brought.map(|brought| (brought.revision, brought.bytes)));
        let sealed = credentials.map(|sealed| sealed.kept).into_iter().collect();
        let outdated = match change {
            EnrollChange::Credentials => core.outdated(&agent, &by, access.decision.id, place)?,
            _ => None,
        };
        let (said, forgotten): (Vec<Record>, Vec<Forgotten>) = outdated.into_iter().unzip();
        records.extend(said);
        Ok(core.store.commit(Change { records, payloads, sealed, forgotten, ..Change::default() }))
    }
}

//! What one agent knows us by: set, changed and taken away by people, sealed in the safe, sent to one origin alone.
//!
//! The log says what kind it is, for which origin, who set it, and a fingerprint; the rest is sealed under a key that lies
//! in no database, for this agent and no other. The next attempt takes what is set then, and the sealed form of what was
//! set before is forgotten in the same transaction. An agent whose address moves to another origin is not sent them
//! there.

use std::sync::Arc;

use concordat_ledger::record::Record;
use concordat_model::agent::{Agent, KnownBy};
use concordat_model::contract::FailureKind;
use concordat_model::digest::Digest;
use concordat_model::id::{AgentId, DecisionId};
use concordat_model::name::TenantName;
use concordat_model::principal::Principal;
use concordat_model::problem::{Problem, Problems};
use concordat_model::registry::RegistryError;
use concordat_model::work::Assignment;
use concordat_policy::Authorized;
use concordat_policy::input::{Action, EnrollChange};
use serde_json::{Value, json};

use super::enroll::Enrolling;
use super::{conflict, resource};
use crate::core::Core;
use crate::engine::{Caller, Engine};
use crate::error::EngineError;
use crate::forget::{ERASED, ErasureExecuted};
use crate::ports::{self, Arrival, Dispatch, Fault, Forgotten, Known, Whose, Withdrawal, origin};
use crate::scribe::Place;

/// The most credentials that are set together: one that is said, and a certificate that is shown.
const MOST: usize = 2;
/// The most of them that are kept in memory as they were read.
const MOST_READ: usize = 4096;

/// Credentials on their way into the log and the store.
pub(crate) struct Sealed {
    pub(crate) kind: String,
    pub(crate) origin: String,
    pub(crate) fingerprint: String,
    /// The digest of the sealed form.
    pub(crate) content: Digest,
    /// The sealed form as the store keeps it: alone, so that it can be forgotten alone.
    pub(crate) kept: ports::Sealed,
}

/// What is sealed for one agent opens for no other.
fn purpose(agent: AgentId) -> String {
    format!("agent {agent}")
}

fn wrong(why: impl Into<String>) -> EngineError {
    EngineError::Invalid(Problems::from(Problem::new("credentials", "/credentials", why)))
}

impl Engine {
    /// Lets an agent know us by these credentials, and by nothing else, from the next attempt on. They are written like
    /// those of the operator's file, without an `origin`: it is that of the agent.
    ///
    /// # Errors
    /// There is no such agent, they cannot be used, or policy does not permit it.
    pub async fn set_credentials(
        &self,
        caller: &Caller,
        agent: &str,
        credentials: Vec<Value>,
        reason: &str,
    ) -> Result<Arc<Agent>, EngineError> {
        self.core.running()?;
        let access = self.permit(caller, Action::AgentsRegister, resource(Some(agent))).await?;
        let found = self.agent(agent)?;
        let place = origin(found.registration.binding.url()).to_owned();
        let tenant = found.tenant.as_ref().unwrap_or(&caller.principal.tenant);
        let sealed = self.core.sealed_for(found.id, tenant, &place, credentials)?;
        self.enroll(&access, |world| {
            let found = world.registry.find(agent)?;
            if origin(found.registration.binding.url()) != place {
                return Err(conflict(format!("the agent is not at `{place}` any more: look again")));
            }
            Ok(Enrolling { credentials: Some(sealed), ..enrolling(found, caller, reason) })
        })
        .await?;
        self.agent(agent)
    }

    /// Takes away what an agent knows us by: it gets what the operator's file says of its origin, if anything.
    ///
    /// # Errors
    /// There is no such agent, it has none of its own, or policy does not permit it.
    pub async fn remove_credentials(
        &self,
        caller: &Caller,
        agent: &str,
        reason: &str,
    ) -> Result<Arc<Agent>, EngineError> {
        self.core.running()?;
        let access = self.permit(caller, Action::AgentsRegister, resource(Some(agent))).await?;
        self.enroll(&access, |world| {
            let found = world.registry.find(agent)?;
            match &found.credentials {
                Some(_) => Ok(enrolling(found, caller, reason)),
                None => Err(RegistryError::NoCredentials(found.registration.name.clone()).into()),
            }
        })
        .await?;
        self.agent(agent)
    }
}

fn enrolling(agent: &Agent, caller: &Caller, reason: &str) -> Enrolling {
    Enrolling {
        change: EnrollChange::Credentials,
        changed: vec!["credentials".to_owned()],
        ..Enrolling::place(agent, agent.standing, caller, reason)
    }
}

impl Core {
    fn sealed_for(
        &self,
        agent: AgentId,
        tenant: &TenantName,
        place: &str,
        credentials: Vec<Value>,
    ) -> Result<Sealed, EngineError> {
        if credentials.is_empty() || credentials.len() > MOST {
            return Err(wrong("give one credential, or one that is said and beside it a certificate"));
        }
        let mut kinds = Vec::new();
        let mut written = Vec::new();
        for one in credentials {
            let Value::Object(mut members) = one else { return Err(wrong("a credential is an object")) };
            if members.insert("origin".to_owned(), json!(place)).is_some() {
                return Err(wrong("leave `origin` out: it is that of the agent"));
            }
            kinds.push(members.get("type").and_then(Value::as_str).unwrap_or_default().to_owned());
            written.push(Value::Object(members));
        }
        let text = Value::Array(written).to_string();
        self.transport.knows(&text, "").map_err(wrong)?;
        let purpose = purpose(agent);
        let body = self.safe.seal(&purpose, text.as_bytes(), &self.secret()?);
        let content = Digest::of(&body);
        Ok(Sealed {
            kind: kinds.join("+"),
            origin: place.to_owned(),
            fingerprint: self.safe.fingerprint(&purpose, text.as_bytes()),
            content,
            kept: ports::Sealed {
                owner: format!("{agent}/{content}"),
                secret: self.secret()?,
                whose: Some(Whose { tenant: tenant.clone(), subject: None }),
                payloads: vec![(content, body)],
            },
        })
    }

    /// What an agent knew us by until now, to be forgotten with the change that takes it out of use.
    pub(crate) fn outdated<'p>(
        &self,
        agent: &Agent,
        by: &Principal,
        access: DecisionId,
        place: impl FnOnce() -> Place<'p>,
    ) -> Result<Option<(Record, Forgotten)>, EngineError> {
        let Some(KnownBy { content, owner: Some(owner), .. }) = &agent.credentials else { return Ok(None) };
        let erasure = ErasureExecuted {
            tenant: agent.tenant.as_ref().unwrap_or(&by.tenant),
            owners: vec![owner],
            payloads: 1,
            basis: "the agent's credentials were changed",
            by: &by.name,
            access,
        };
        let record = self.scribe.seal(&*self.clock, ERASED, place(), &erasure)?;
        let (owner, said) = (owner.clone(), record.id().to_owned());
        self.known.lock().remove(content);
        Ok(Some((record, Forgotten { owner, record: said, payloads: vec![*content] })))
    }

    /// What an agent knows us by now, if that is its own.
    ///
    /// # Errors
    /// It has something, and that cannot be read: then nothing is sent to it.
    pub(crate) async fn known_by(&self, agent: AgentId) -> Result<Option<Known>, String> {
        let now = || self.world.read().registry.agent(agent)?.credentials.as_ref().map(|one| one.content);
        let mut content = now();
        while let Some(digest) = content {
            match self.read(agent, digest).await {
                // Others took its place while it was read, and it is forgotten.
                Err(_) if now() != content => content = now(),
                read => return read.map(Some),
            }
        }
        Ok(None)
    }

    /// What has this sealed form, as the transport reads it.
    async fn read(&self, agent: AgentId, digest: Digest) -> Result<Known, String> {
        if let Some(known) = self.known.lock().get(&digest) {
            return Ok(known.clone());
        }
        let unread =
            |why: &str| format!("the agent's credentials cannot be read: {why}; hint: set them again");
        let body = self.store.payload(&digest).await.map_err(|error| unread(&error.to_string()))?;
        let body = body.ok_or_else(|| unread("they are not stored"))?;
        let text = self.safe.open(&purpose(agent), &body);
        let text = text.ok_or_else(|| unread("they were sealed under another key of the safe"))?;
        let text = String::from_utf8(text).map_err(|_| unread("they are no text"))?;
        let known = self.transport.knows(&text, &digest.to_string()).map_err(|why| unread(&why))?;
        let mut read = self.known.lock();
        if read.len() >= MOST_READ {
            read.clear();
        }
        read.insert(digest, known.clone());
        Ok(known)
    }

    /// Sends work to its agent, with what that knows us by now.
    pub(crate) async fn dispatch(
        &self,
        work: Authorized<Assignment>,
        log_size: u64,
        withdrawal: Withdrawal,
    ) -> Arrival {
        match self.known_by(work.get().agent).await {
            Ok(known) => {
                let dispatch = Dispatch { work, log_size, withdrawal, known };
                self.transport.dispatch(dispatch).await
            }
            Err(message) => Arrival::Failed {
                kind: FailureKind::Unavailable,
                fault: Fault::Nobody,
                code: "agent-no-credentials",
                message,
                retry_after_ms: None,
            },
        }
    }
}

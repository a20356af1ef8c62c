//! API keys: made, taken back, and recognised.

use concordat_model::digest::Digest;
use concordat_model::id::KeyId;
use concordat_model::keyring::{Key, KeyEvent, Presented};
use concordat_model::principal::Principal;
use concordat_policy::Asked;
use concordat_policy::input::{Action, Resource, ResourceKind};
use subtle::ConstantTimeEq;

use crate::engine::{Caller, Engine, decided};
use crate::error::EngineError;
use crate::ports::Change;
use crate::scribe::Place;

/// A key that was just made. Its text is shown once and kept nowhere.
pub struct NewKey {
    /// Its id.
    pub id: KeyId,
    /// What its owner presents.
    pub text: String,
}

fn resource(id: Option<KeyId>) -> Resource {
    Resource {
        kind: ResourceKind::Key,
        id: id.map(|id| id.to_string()),
        tenant: None,
        submitter: None,
        gate: None,
    }
}

impl Engine {
    /// Who presents this key, if it is one that counts.
    #[must_use]
    pub fn recognise(&self, text: &str) -> Option<Caller> {
        let presented = Presented::read(text)?;
        let world = self.core.world.read();
        let key = world.keys.key(presented.id)?;
        let same: bool = key.verifier.bytes().ct_eq(presented.verifier.bytes()).into();
        (same && key.revoked.is_none()).then(|| Caller { key: key.id, principal: key.principal.clone() })
    }

    /// Makes the installation's first key, if there is none yet.
    ///
    /// # Errors
    /// The key cannot be recorded.
    pub async fn first_key(&self, principal: Principal) -> Result<Option<NewKey>, EngineError> {
        if !self.core.world.read().keys.is_empty() {
            return Ok(None);
        }
        self.make_key(principal, None).await.map(Some)
    }

    /// Makes a key.
    ///
    /// # Errors
    /// The caller may not, or the key cannot be recorded.
    pub async fn create_key(&self, caller: &Caller, principal: Principal) -> Result<NewKey, EngineError> {
        self.core.running()?;
        let mut resource = resource(None);
        resource.tenant = Some(principal.tenant.clone());
        let access = self.permit(caller, Action::KeysCreate, resource).await?;
        self.make_key(principal, Some((caller, access))).await
    }

    async fn make_key(
        &self,
        principal: Principal,
        made: Option<(&Caller, Asked)>,
    ) -> Result<NewKey, EngineError> {
        let id = KeyId::new(self.core.clock.uuid());
        let mut secret = [0; 24];
        getrandom::fill(&mut secret)
            .map_err(|error| EngineError::Conflict(format!("the machine gives no chance: {error}")))?;
        let text = Presented::write(id, &secret);
        let verifier =
            Presented::read(&text).map_or_else(|| Digest::of(&secret), |presented| presented.verifier);
        let by = made.as_ref().map(|(caller, _)| caller.principal.name.clone());
        let access = made.as_ref().map(|(_, access)| access.decision.id);
        let event = KeyEvent::Created { principal, verifier, by, access };
        self.change_key(id, &event, made.as_ref().map(|(_, access)| access)).await?;
        Ok(NewKey { id, text })
    }

    /// Takes a key back. It is not recognised from then on.
    ///
    /// # Errors
    /// There is no such key, or the caller may not.
    pub async fn revoke_key(&self, caller: &Caller, id: KeyId) -> Result<Key, EngineError> {
        self.core.running()?;
        let tenant = self.key(id)?.principal.tenant;
        let mut resource = resource(Some(id));
        resource.tenant = Some(tenant);
        let access = self.permit(caller, Action::KeysRevoke, resource).await?;
        let event = KeyEvent::Revoked { by: caller.principal.name.clone(), access: access.decision.id };
        self.change_key(id, &event, Some(&access)).await?;
        self.key(id)
    }

    async fn change_key(
        &self,
        id: KeyId,
        event: &KeyEvent,
        access: Option<&Asked>,
    ) -> Result<(), EngineError> {
        let core = &self.core;
        let subject = id.to_string();
        let commit = {
            let mut world = core.world.write();
            let at = core.clock.now();
            let mut change = Change::default();
            if let Some(access) = access {
                let place = Place { subject: &subject, seq: world.take_seq(&subject), at };
                change.records.push(decided(core, access, place)?);
                change.payloads.extend(access.payloads());
            }
            let place = Place { subject: &subject, seq: world.take_seq(&subject), at };
            change.records.push(core.scribe.seal(&*core.clock, event.record_type(), place, event)?);
            world.keys.apply(id, event, at);
            core.store.commit(change)
        };
        core.durable(commit).await.map(drop)
    }

    /// A key by its id.
    ///
    /// # Errors
    /// There is none.
    pub fn key(&self, id: KeyId) -> Result<Key, EngineError> {
        let missing = || EngineError::NotFound { what: "key", id: id.to_string() };
        self.core.world.read().keys.key(id).cloned().ok_or_else(missing)
    }

    /// Every key, oldest first.
    #[must_use]
    pub fn keys(&self) -> Vec<Key> {
        self.core.world.read().keys.all().cloned().collect()
    }
}

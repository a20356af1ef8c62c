//! API keys: who may ask, as a fold over what was done to their keys.
//!
//! A key is `cdt_`, the key's id without its prefix, `_` and 48 hexadecimal digits of secret. Only the digest of
//! the secret is kept; 192 bits of chance need no slow hash.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::id::{DecisionId, KeyId};
use crate::name::PrincipalName;
use crate::principal::Principal;

/// Something that was done to a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum KeyEvent {
    /// It was made.
    Created {
        /// Who may use it, and as what.
        principal: Principal,
        /// The digest of its secret.
        verifier: Digest,
        /// Who made it; none for the first key of an installation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<PrincipalName>,
        /// The access decision that let them; none for the first key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        access: Option<DecisionId>,
    },
    /// It was taken back.
    Revoked {
        /// Who took it back.
        by: PrincipalName,
        /// The access decision that let them.
        access: DecisionId,
    },
}

impl KeyEvent {
    /// The record type under which the event stands in the log.
    #[must_use]
    pub fn record_type(&self) -> &'static str {
        match self {
            KeyEvent::Created { .. } => "key.created",
            KeyEvent::Revoked { .. } => "key.revoked",
        }
    }
}

/// An API key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its id.
    pub id: KeyId,
    /// Who may use it, and as what.
    pub principal: Principal,
    /// The digest of its secret.
    pub verifier: Digest,
    /// When it was made.
    pub created: Timestamp,
    /// When it was taken back.
    pub revoked: Option<Timestamp>,
}

/// All keys.
#[derive(Debug, Clone, Default)]
pub struct Keyring(BTreeMap<KeyId, Key>);

impl Keyring {
    /// Folds one event. Events of unknown keys change nothing.
    pub fn apply(&mut self, id: KeyId, event: &KeyEvent, at: Timestamp) {
        match event {
            KeyEvent::Created { principal, verifier, .. } => {
                let key =
                    Key { id, principal: principal.clone(), verifier: *verifier, created: at, revoked: None };
                self.0.insert(id, key);
            }
            KeyEvent::Revoked { .. } => {
                if let Some(key) = self.0.get_mut(&id) {
                    key.revoked.get_or_insert(at);
                }
            }
        }
    }

    /// A key by its id, revoked or not.
    #[must_use]
    pub fn key(&self, id: KeyId) -> Option<&Key> {
        self.0.get(&id)
    }

    /// Every key, oldest first.
    pub fn all(&self) -> impl Iterator<Item = &Key> {
        self.0.values()
    }

    /// Whether there is no key at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The id and the secret that a presented key claims to be.
#[derive(Clone, PartialEq, Eq)]
pub struct Presented {
    /// The id.
    pub id: KeyId,
    /// The digest of the secret.
    pub verifier: Digest,
}

impl Presented {
    /// Reads a key as a caller presents it; whatever does not look like one is nothing.
    #[must_use]
    pub fn read(text: &str) -> Option<Presented> {
        let (id, secret) = text.strip_prefix("cdt_")?.split_once('_')?;
        let well_formed = secret.len() == 48 && secret.bytes().all(|c| c.is_ascii_hexdigit());
        let id = format!("{}_{id}", KeyId::PREFIX).parse().ok()?;
        well_formed.then(|| Presented { id, verifier: Digest::of(secret.as_bytes()) })
    }

    /// The text of a new key.
    #[must_use]
    pub fn write(id: KeyId, secret: &[u8; 24]) -> String {
        let id = id.to_string();
        let digits = id.trim_start_matches(KeyId::PREFIX).trim_start_matches('_');
        let secret: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("cdt_{digits}_{secret}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let id = KeyId::new(uuid::Uuid::from_u128(7));
        let text = Presented::write(id, &[0xab; 24]);
        let presented = Presented::read(&text).unwrap();
        assert!(presented.id == id && presented.verifier == Digest::of("ab".repeat(24).as_bytes()));
        for odd in
            ["", "cdt_", "cdt__", &text[..text.len() - 1], &text.replace("cdt", "key"), "Bearer nothing"]
        {
            assert!(Presented::read(odd).is_none(), "{odd}");
        }
    }
}

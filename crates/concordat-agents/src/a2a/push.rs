//! Hints: an agent that declares push notifications calls us when a task of ours has changed.
//!
//! A push says nothing that counts. Whoever knows the token of an attempt can have its task asked for now instead of a
//! little later, and nothing else: forged, doubled and late ones change nothing, and one that is lost is made up for by
//! the next question. A token is drawn for each attempt and forgotten with it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;

/// The path at which agents call us.
const PLACE: &str = "/a2a/pushes";

/// Who is waiting for hints, by the digest of their token: how long a look-up takes tells nothing of a token.
type Waiting = Arc<Mutex<HashMap<[u8; 32], Arc<Notify>>>>;

/// Everybody who waits for hints, and where agents send them.
#[derive(Debug, Default)]
pub(crate) struct Hints {
    waiting: Waiting,
    url: Option<String>,
}

/// What an agent is given for one attempt; when it is dropped, its token counts no more.
pub(crate) struct Invitation {
    waiting: Waiting,
    digest: [u8; 32],
    rung: Arc<Notify>,
    token: String,
    url: String,
}

impl Hints {
    /// Agents reach us at this address.
    pub(crate) fn at(public_url: &str) -> Hints {
        Hints { url: Some(format!("{}{PLACE}", public_url.trim_end_matches('/'))), ..Hints::default() }
    }

    /// Something to give to an agent; nothing when agents cannot reach us, or the machine gives no chance.
    pub(crate) fn invite(&self) -> Option<Arc<Invitation>> {
        let url = self.url.clone()?;
        let mut chance = [0; 32];
        getrandom::fill(&mut chance).ok()?;
        let token = URL_SAFE_NO_PAD.encode(chance);
        let (digest, rung) = (digest(&token), Arc::new(Notify::new()));
        self.waiting.lock().insert(digest, rung.clone());
        Some(Arc::new(Invitation { waiting: self.waiting.clone(), digest, rung, token, url }))
    }

    /// Takes a hint; whether anybody waits for it.
    pub(crate) fn take(&self, token: &str) -> bool {
        let rung = self.waiting.lock().get(&digest(token)).cloned();
        rung.inspect(|rung| rung.notify_one()).is_some()
    }
}

impl Invitation {
    /// The invitation in the protocol's words.
    pub(super) fn config(&self) -> Value {
        json!({"url": self.url, "token": self.token})
    }

    /// Waits for a hint; one that came since counts.
    pub(super) async fn rung(&self) {
        self.rung.notified().await;
    }
}

impl Drop for Invitation {
    fn drop(&mut self) {
        self.waiting.lock().remove(&self.digest);
    }
}

// The token is nobody's to read in a log of the program.
impl fmt::Debug for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Invitation(..)")
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_token_counts_as_long_as_its_attempt_lasts() {
        assert!(Hints::default().invite().is_none(), "agents cannot reach us");
        let hints = Hints::at("https://concordat.example/");
        let (one, other) = (hints.invite().unwrap(), hints.invite().unwrap());
        assert_eq!(one.config()["url"], "https://concordat.example/a2a/pushes");
        let token = one.token.clone();
        assert!(token != other.token && token.len() == 43);
        assert!(hints.take(&token) && hints.take(&token));
        one.rung().await;
        for forged in ["", "x", &token[1..]] {
            assert!(!hints.take(forged), "{forged}");
        }
        drop(one);
        assert!(!hints.take(&token));
        assert_eq!(hints.waiting.lock().len(), 1);
        assert_eq!(format!("{other:?}"), "Invitation(..)");
    }
}

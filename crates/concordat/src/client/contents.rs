//! What contracts, events and questions hold: forgotten, and held.

use concordat_server::api::contents::{Erase, Erased, Hold, HoldList, NewHold, Prune, Pruned, ReleaseHold};
use reqwest::Method;

use super::{Client, ClientError};

impl Client {
    /// Has something forgotten because somebody may ask for it.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn erase(&self, wanted: &Erase) -> Result<Erased, ClientError> {
        self.call(Method::POST, &["v1", "contents:erase"]).body(wanted).send().await?.json()
    }

    /// Has everything of a kind forgotten that is older than it is to be kept.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn prune(&self, wanted: &Prune) -> Result<Pruned, ClientError> {
        self.call(Method::POST, &["v1", "contents:prune"]).body(wanted).send().await?.json()
    }

    /// What is held.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn holds(&self) -> Result<HoldList, ClientError> {
        self.call(Method::GET, &["v1", "holds"]).send().await?.json()
    }

    /// Keeps something from being forgotten.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn set_hold(&self, hold: &NewHold) -> Result<Hold, ClientError> {
        self.call(Method::POST, &["v1", "holds"]).body(hold).send().await?.json()
    }

    /// Lets what was held be forgotten again.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn release_hold(&self, hold: &str, why: &ReleaseHold) -> Result<Hold, ClientError> {
        self.call(Method::POST, &["v1", "holds", &format!("{hold}:release")]).body(why).send().await?.json()
    }
}

//! The API's routes about trust.

use concordat_server::api::trust::{
    Rated, RatingGiven, TestimonyGiven, TrustExplained, TrustQuery, TrustReplay,
};
use reqwest::Method;

use super::{Client, ClientError};

impl Client {
    /// Why an agent is trusted so far.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn explain_trust(
        &self,
        agent: &str,
        query: &TrustQuery,
    ) -> Result<TrustExplained, ClientError> {
        self.call(Method::GET, &["v1", "agents", agent, "trust"]).query(query).send().await?.json()
    }

    /// Says something about an agent that counts as evidence.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn testify(&self, agent: &str, given: &TestimonyGiven) -> Result<TrustExplained, ClientError> {
        let path = ["v1", "agents", &format!("{agent}:testify")];
        self.call(Method::POST, &path).body(given).send().await?.json()
    }

    /// Computes all trust again from the log.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn replay_trust(&self) -> Result<TrustReplay, ClientError> {
        self.call(Method::GET, &["v1", "trust", "replay"]).send().await?.json()
    }

    /// Rates the work of a contract that is over.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn rate(&self, run: &str, rating: u8) -> Result<Rated, ClientError> {
        let path = ["v1", "contracts", run, "rating"];
        self.call(Method::POST, &path).body(&RatingGiven { rating }).send().await?.json()
    }
}

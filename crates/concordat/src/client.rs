//! A typed client of the API: one method for each route, and every refusal as a value.
//!
//! It decodes with the server's own wire structs, so the two cannot drift apart. It is used by the command line,
//! by the demonstration and by tests. Redirects are not followed: the key is for one server only.

mod audit;
mod contents;
pub mod error;
mod follow;
mod policies;
mod request;
pub mod sse;
mod trust;

use concordat_server::api::agents::{
    AgentDetail, AgentDraft, AgentList, AgentsQuery, ApprovalGiven, CardAsked, CredentialsGiven, ProbeAsked,
    RefreshAsked, ReviseQuery,
};
use concordat_server::api::contracts::{
    ContractDetail, ContractList, ContractsQuery, EventList, EventsQuery, Extension, Plan, ReasonGiven,
    Receipt, Replay, Retry,
};
use concordat_server::api::decisions::DecisionDetail;
use concordat_server::api::keys::{KeyList, KeyMade, KeyRow, Me, NewKey};
use concordat_server::api::reviews::{ReviewAnswer, ReviewList};
use concordat_server::api::templates::TemplateList;
use concordat_server::api::triggers::{TriggerDetail, TriggerList};
use concordat_server::api::why::{DecisionReplay, DecisionWhy, Why};
use reqwest::Method;
use serde_json::Value;

pub use error::ClientError;
pub use follow::{Follow, Record};
pub use request::Client;

/// What a submission brought: the receipt, and whether an earlier request with the same key had brought it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// The receipt.
    pub receipt: Receipt,
    /// Whether it is the answer to an earlier request.
    pub replayed: bool,
}

/// An event that was taken in, now or by an earlier request with the same source and id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The event.
    pub event: concordat_server::api::cloud_events::Published,
    /// Whether it had been told before.
    pub replayed: bool,
}

/// Every method fails alike: the server cannot be reached, does not answer as a Concordat server does, or refuses.
impl Client {
    /// Sends a Contract or a Submission. The same key makes the same request harmless to repeat.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn submit(&self, body: Vec<u8>, media_type: &str, key: &str) -> Result<Submitted, ClientError> {
        let call = self.call(Method::POST, &["v1", "contracts"]).document(body, media_type);
        let answer = call.header("idempotency-key", key).send().await?;
        let replayed = answer.header("idempotency-replayed") == Some("true");
        Ok(Submitted { receipt: answer.json()?, replayed })
    }

    /// What would happen to a Contract or a Submission; nothing is stored.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn plan(&self, body: Vec<u8>, media_type: &str) -> Result<Plan, ClientError> {
        self.call(Method::POST, &["v1", "contracts:plan"]).document(body, media_type).send().await?.json()
    }

    /// A page of contracts, newest first.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn contracts(&self, query: &ContractsQuery) -> Result<ContractList, ClientError> {
        self.call(Method::GET, &["v1", "contracts"]).query(query).send().await?.json()
    }

    /// Everything about one contract.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn contract(&self, run: &str) -> Result<ContractDetail, ClientError> {
        self.call(Method::GET, &["v1", "contracts", run]).send().await?.json()
    }

    /// A page of a contract's records.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn events(&self, run: &str, query: &EventsQuery) -> Result<EventList, ClientError> {
        self.call(Method::GET, &["v1", "contracts", run, "events"]).query(query).send().await?.json()
    }

    /// What happened to a contract and why, in words.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn why(&self, run: &str) -> Result<Why, ClientError> {
        self.call(Method::GET, &["v1", "contracts", run, "why"]).send().await?.json()
    }

    /// Makes every decision about a contract again, without any effect.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn replay(&self, run: &str) -> Result<Replay, ClientError> {
        self.call(Method::GET, &["v1", "contracts", run, "replay"]).send().await?.json()
    }

    /// Orders a contract to `cancel`, `kill`, `pause` or `resume`.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn order(&self, run: &str, verb: &str, reason: &str) -> Result<ContractDetail, ClientError> {
        let path = ["v1", "contracts", &format!("{run}:{verb}")];
        self.call(Method::POST, &path).body(&because(reason)).send().await?.json()
    }

    /// Cancels a contract.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn cancel(&self, run: &str, reason: &str) -> Result<ContractDetail, ClientError> {
        self.order(run, "cancel", reason).await
    }

    /// Puts off the deadline of a contract.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn extend(&self, run: &str, by: &str, reason: &str) -> Result<ContractDetail, ClientError> {
        let body = Extension { by: by.to_owned(), reason: reason.to_owned() };
        let path = ["v1", "contracts", &format!("{run}:extend")];
        self.call(Method::POST, &path).body(&body).send().await?.json()
    }

    /// Tries a contract that is over again from one of its steps.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn retry(&self, run: &str, from: &str, reason: &str) -> Result<Receipt, ClientError> {
        let body = Retry { from: from.to_owned(), reason: reason.to_owned() };
        let path = ["v1", "contracts", &format!("{run}:retry")];
        self.call(Method::POST, &path).body(&body).send().await?.json()
    }

    /// Publishes an event.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn publish(&self, body: Vec<u8>, media_type: &str) -> Result<Published, ClientError> {
        let answer = self.call(Method::POST, &["v1", "events"]).document(body, media_type).send().await?;
        let replayed = answer.header("idempotency-replayed") == Some("true");
        Ok(Published { event: answer.json()?, replayed })
    }

    /// The triggers, by name.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn triggers(&self) -> Result<TriggerList, ClientError> {
        self.call(Method::GET, &["v1", "triggers"]).send().await?.json()
    }

    /// One trigger.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn trigger(&self, name: &str) -> Result<TriggerDetail, ClientError> {
        self.call(Method::GET, &["v1", "triggers", name]).send().await?.json()
    }

    /// Writes a trigger, or writes it anew.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn apply_trigger(
        &self,
        name: &str,
        body: Vec<u8>,
        media_type: &str,
    ) -> Result<TriggerDetail, ClientError> {
        let path = ["v1", "triggers", name];
        self.call(Method::PUT, &path).document(body, media_type).send().await?.json()
    }

    /// Takes a trigger away.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn remove_trigger(&self, name: &str) -> Result<TriggerDetail, ClientError> {
        self.call(Method::DELETE, &["v1", "triggers", name]).send().await?.json()
    }

    /// One decision.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn decision(&self, id: &str) -> Result<DecisionDetail, ClientError> {
        self.call(Method::GET, &["v1", "decisions", id]).send().await?.json()
    }

    /// Why a gate answered as it did, in words.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn why_decided(&self, id: &str) -> Result<DecisionWhy, ClientError> {
        self.call(Method::GET, &["v1", "decisions", id, "why"]).send().await?.json()
    }

    /// Makes a decision again, and tells whether it is the same.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn replay_decision(&self, id: &str) -> Result<DecisionReplay, ClientError> {
        self.call(Method::GET, &["v1", "decisions", id, "replay"]).send().await?.json()
    }

    /// The reviews that wait for people.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn reviews(&self) -> Result<ReviewList, ClientError> {
        self.call(Method::GET, &["v1", "reviews"]).send().await?.json()
    }

    /// Answers a review.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn decide(&self, review: &str, answer: &ReviewAnswer) -> Result<ContractDetail, ClientError> {
        let path = ["v1", "reviews", &format!("{review}:decide")];
        self.call(Method::POST, &path).body(answer).send().await?.json()
    }

    /// The agents, by name.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn agents(&self, query: &AgentsQuery) -> Result<AgentList, ClientError> {
        self.call(Method::GET, &["v1", "agents"]).query(query).send().await?.json()
    }

    /// One agent, by its id or name.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn agent(&self, agent: &str) -> Result<AgentDetail, ClientError> {
        self.call(Method::GET, &["v1", "agents", agent]).send().await?.json()
    }

    /// Registers an agent.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn register(&self, body: Vec<u8>, media_type: &str) -> Result<AgentDetail, ClientError> {
        self.call(Method::POST, &["v1", "agents"]).document(body, media_type).send().await?.json()
    }

    /// Drafts a registration out of an agent's card.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn import(&self, asked: &CardAsked) -> Result<AgentDraft, ClientError> {
        self.call(Method::POST, &["v1", "agents:import"]).body(asked).send().await?.json()
    }

    /// Keeps work from an agent.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn suspend(&self, agent: &str, reason: &str) -> Result<AgentDetail, ClientError> {
        let path = ["v1", "agents", &format!("{agent}:suspend")];
        self.call(Method::POST, &path).body(&because(reason)).send().await?.json()
    }

    /// Gives a suspended agent work again.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn restore(&self, agent: &str, reason: &str) -> Result<AgentDetail, ClientError> {
        let path = ["v1", "agents", &format!("{agent}:restore")];
        self.call(Method::POST, &path).body(&because(reason)).send().await?.json()
    }

    /// Lets an agent stand otherwise: `quarantine`, `probation` or `retire`.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn place(&self, agent: &str, verb: &str, reason: &str) -> Result<AgentDetail, ClientError> {
        let path = ["v1", "agents", &format!("{agent}:{verb}")];
        self.call(Method::POST, &path).body(&because(reason)).send().await?.json()
    }

    /// Changes an agent's registration, if the revision in force is this one.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn revise(
        &self,
        agent: &str,
        seen: &str,
        reason: &str,
        body: Vec<u8>,
        media_type: &str,
    ) -> Result<AgentDetail, ClientError> {
        let query = ReviseQuery { reason: reason.to_owned() };
        let call = self.call(Method::PUT, &["v1", "agents", agent]).query(&query);
        call.header("if-match", &format!("\"{seen}\"")).document(body, media_type).send().await?.json()
    }

    /// Lets an agent know us by other credentials.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn set_credentials(
        &self,
        agent: &str,
        given: &CredentialsGiven,
    ) -> Result<AgentDetail, ClientError> {
        self.call(Method::PUT, &["v1", "agents", agent, "credentials"]).body(given).send().await?.json()
    }

    /// Takes away what an agent knows us by.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn remove_credentials(&self, agent: &str, reason: &str) -> Result<AgentDetail, ClientError> {
        let query = ReviseQuery { reason: reason.to_owned() };
        let path = ["v1", "agents", agent, "credentials"];
        self.call(Method::DELETE, &path).query(&query).send().await?.json()
    }

    /// Approves or declines what waits of an agent: `approve` or `decline`.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn approve(
        &self,
        agent: &str,
        verb: &str,
        given: &ApprovalGiven,
    ) -> Result<AgentDetail, ClientError> {
        let path = ["v1", "agents", &format!("{agent}:{verb}")];
        self.call(Method::POST, &path).body(given).send().await?.json()
    }

    /// Tries an agent's skills with their examples.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn probe(&self, agent: &str, asked: &ProbeAsked) -> Result<AgentDetail, ClientError> {
        let path = ["v1", "agents", &format!("{agent}:probe")];
        self.call(Method::POST, &path).body(asked).send().await?.json()
    }

    /// Reads an agent's card again.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn refresh(&self, agent: &str, asked: &RefreshAsked) -> Result<AgentDetail, ClientError> {
        let path = ["v1", "agents", &format!("{agent}:refresh")];
        self.call(Method::POST, &path).body(asked).send().await?.json()
    }

    /// The known templates.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn templates(&self) -> Result<TemplateList, ClientError> {
        self.call(Method::GET, &["v1", "templates"]).send().await?.json()
    }

    /// The document of a template, `name` or `name@version`.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn template(&self, template: &str) -> Result<Value, ClientError> {
        self.call(Method::GET, &["v1", "templates", template]).send().await?.json()
    }

    /// The keys, without their secrets.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn keys(&self) -> Result<KeyList, ClientError> {
        self.call(Method::GET, &["v1", "keys"]).send().await?.json()
    }

    /// Makes a key; its text is in the answer and nowhere else.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn create_key(&self, key: &NewKey) -> Result<KeyMade, ClientError> {
        self.call(Method::POST, &["v1", "keys"]).body(key).send().await?.json()
    }

    /// Takes a key back.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn revoke_key(&self, key: &str) -> Result<KeyRow, ClientError> {
        self.call(Method::POST, &["v1", "keys", &format!("{key}:revoke")]).send().await?.json()
    }

    /// Who presents the key.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn me(&self) -> Result<Me, ClientError> {
        self.call(Method::GET, &["v1", "me"]).send().await?.json()
    }

    /// Whether the server takes work.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn ready(&self) -> Result<(), ClientError> {
        self.call(Method::GET, &["readyz"]).send().await.map(drop)
    }
}

fn because(reason: &str) -> ReasonGiven {
    ReasonGiven { reason: reason.to_owned() }
}

#[cfg(test)]
mod tests;

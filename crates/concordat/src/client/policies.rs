//! The routes of the policy: its revisions, and which of them is in force.

use concordat_server::api::policies::{
    DiffQuery, ImpactQuery, ImpactReport, PolicyDetail, PolicyDiff, PolicyList, PolicyPromotion,
    PolicyPublished, PolicyRevision,
};
use concordat_server::api::service::PolicyInForce;
use reqwest::Method;

use super::error::ClientError;
use super::{Client, because};

/// Policies.
impl Client {
    /// The revisions of the policy, newest first.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn policies(&self) -> Result<PolicyList, ClientError> {
        self.call(Method::GET, &["v1", "policies"]).send().await?.json()
    }

    /// A revision with its bundle.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn policy_revision(&self, revision: &str) -> Result<PolicyDetail, ClientError> {
        self.call(Method::GET, &["v1", "policies", revision]).send().await?.json()
    }

    /// Publishes a bundle: its document, or an archive.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn publish_policy(
        &self,
        bundle: Vec<u8>,
        media_type: &str,
    ) -> Result<PolicyPublished, ClientError> {
        self.call(Method::POST, &["v1", "policies"]).document(bundle, media_type).send().await?.json()
    }

    /// What a revision changes against another one, or against the one in force.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn policy_diff(&self, revision: &str, query: &DiffQuery) -> Result<PolicyDiff, ClientError> {
        self.call(Method::GET, &["v1", "policies", revision, "diff"]).query(query).send().await?.json()
    }

    /// Lets a revision go to another stage.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn promote_policy(
        &self,
        revision: &str,
        promotion: &PolicyPromotion,
    ) -> Result<PolicyRevision, ClientError> {
        let path = ["v1", "policies", &format!("{revision}:promote")];
        self.call(Method::POST, &path).body(promotion).send().await?.json()
    }

    /// Takes a revision off trial.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn withdraw_policy(&self, revision: &str, reason: &str) -> Result<PolicyRevision, ClientError> {
        let path = ["v1", "policies", &format!("{revision}:withdraw")];
        self.call(Method::POST, &path).body(&because(reason)).send().await?.json()
    }

    /// Takes the policy in force back.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn roll_back_policy(&self, reason: &str) -> Result<PolicyRevision, ClientError> {
        self.call(Method::POST, &["v1", "policies:rollBack"]).body(&because(reason)).send().await?.json()
    }

    /// What a revision would have decided otherwise.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn policy_impact(
        &self,
        revision: &str,
        query: &ImpactQuery,
    ) -> Result<ImpactReport, ClientError> {
        let path = ["v1", "policies", &format!("{revision}:impact")];
        self.call(Method::POST, &path).body(query).send().await?.json()
    }

    /// The policy in force.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn policy(&self) -> Result<PolicyInForce, ClientError> {
        self.call(Method::GET, &["v1", "policy"]).send().await?.json()
    }
}

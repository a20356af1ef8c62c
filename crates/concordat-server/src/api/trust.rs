//! Trust on the wire: why somebody is trusted so far, and what people say.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// Which of an agent's trust is explained.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct TrustQuery {
    /// Only with this skill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skill: Option<String>,
    /// Only in this domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
}

/// Why an agent is trusted so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrustExplained {
    /// The agent, `agt_…`.
    pub agent: String,
    /// Its name.
    pub name: String,
    /// Who answers for it.
    pub owner: String,
    /// Since when nothing is learnt, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub frozen: Option<Timestamp>,
    /// One for each domain, skill and revision.
    pub items: Vec<TrustIn>,
}

/// How far an agent is trusted with a skill in a domain, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrustIn {
    /// The domain.
    pub domain: String,
    /// The skill.
    pub skill: String,
    /// The revision that earned it.
    pub revision: String,
    /// What policy is told, by how much is at stake.
    pub at_risk: Vec<TrustAt>,
    /// What it is made of.
    pub dimensions: Vec<TrustSide>,
    /// How the agents of the domain do.
    pub field: TrustField,
    /// The last changes, newest first.
    pub changes: Vec<TrustMove>,
}

/// Trust as policy is told it for work at one risk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrustAt {
    /// The risk.
    pub risk: String,
    /// The expected share of good outcomes, in basis points.
    pub mean: u16,
    /// With 95 % certainty the true share is at least this, in basis points.
    pub lower_bound: u16,
    /// Whether it has yet to prove itself, and so gets a small part of a domain's low-risk work only where others have.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unproven: bool,
}

/// One dimension of trust; outcomes in millionths, as they have faded by now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrustSide {
    /// The dimension: `delivery`, `quality`, `latency`, `policy` or `cost`.
    pub dimension: String,
    /// How much it weighs, in basis points.
    pub weight: u16,
    /// What was seen to go well.
    pub good: u64,
    /// What was seen to go badly.
    pub bad: u64,
    /// What is presumed to go well before anything is seen.
    pub presumed_good: u64,
    /// What is presumed to go badly before anything is seen.
    pub presumed_bad: u64,
    /// With 95 % certainty the true share is at least this, in basis points.
    pub lower_bound: u16,
}

/// How the agents of a domain do, in millionths of all outcomes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrustField {
    /// Lately.
    pub short: i64,
    /// In the long run.
    pub long: i64,
    /// Whether they do so much worse lately that choosing is open to everybody whom policy permits.
    pub shaken: bool,
    /// How many outcomes were seen in the domain; at 0 the shares say nothing.
    pub seen: i64,
    /// How many outcomes at low risk were those of agents that had yet to prove themselves.
    #[serde(default)]
    pub trials: u64,
    /// Their share of the last hundred or so, in basis points.
    #[serde(default)]
    pub trial_share: u16,
}

/// Something that changed trust.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrustMove {
    /// The index of its record in the log.
    pub index: u64,
    /// The hour in which it was seen.
    #[schema(value_type = String, format = DateTime)]
    pub hour: Timestamp,
    /// What was seen.
    #[schema(value_type = Object)]
    pub seen: Value,
    /// How much was at stake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<String>,
    /// By which formula it counted.
    pub formula: String,
}

/// Whether trust comes out the same when it is computed again from the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrustReplay {
    /// How many changes were computed again.
    pub changes: u64,
    /// Whether every bit came out the same.
    pub same: bool,
    /// What is wrong, when something is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// How good a contract's work was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RatingGiven {
    /// From 1 (of no use) to 5 (nothing to wish for).
    #[schema(minimum = 1, maximum = 5)]
    pub rating: u8,
}

/// A rating that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rated {
    /// The run.
    pub run: String,
    /// The rating.
    pub rating: u8,
    /// How many agents' skills it is evidence on.
    pub counted: usize,
}

/// What somebody says about an agent, as evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TestimonyGiven {
    /// The skill it is about.
    pub skill: String,
    /// The domain it is about.
    pub domain: String,
    /// Good outcomes that Concordat did not see, at most 20.
    #[serde(default)]
    #[schema(maximum = 20)]
    pub good: u16,
    /// Bad outcomes that Concordat did not see, at most 20.
    #[serde(default)]
    #[schema(maximum = 20)]
    pub bad: u16,
    /// A violation instead: `low`, `medium`, `high`, or `critical`, which also suspends the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub violation: Option<String>,
    /// Why, 1 to 2000 characters; it becomes part of the log.
    #[schema(min_length = 1, max_length = 2000)]
    pub reason: String,
}

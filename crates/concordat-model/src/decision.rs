//! A gate's answer, as a value with its reasons.
//!
//! Only `concordat-policy` makes answers, and only a Rego policy's own "permit" becomes one here. Everything
//! that goes wrong on the way is a denial with a code of its own, so that it never looks like a business refusal.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::id::{AgentId, DecisionId};
use crate::name::RegionName;

/// A place where policy is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// May this principal do this?
    Access,
    /// May this contract run?
    Admit,
    /// Which agents may do this step?
    Dispatch,
    /// May this result be used?
    Release,
    /// May this agent come to stand so, or be tried?
    Enroll,
    /// May this policy come into force?
    Promote,
}

impl Gate {
    /// Every gate: those that a contract meets, in that order, then what agents meet, and then what policy itself meets.
    pub const ALL: [Gate; 6] =
        [Gate::Access, Gate::Admit, Gate::Dispatch, Gate::Release, Gate::Enroll, Gate::Promote];

    /// The gate's name in Rego, the API, the log and the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Gate::Access => "access",
            Gate::Admit => "admit",
            Gate::Dispatch => "dispatch",
            Gate::Release => "release",
            Gate::Enroll => "enroll",
            Gate::Promote => "promote",
        }
    }
}

impl std::fmt::Display for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A gate's answer with everything that is needed to explain and to replay it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// The decision's own id.
    pub id: DecisionId,
    /// The gate that was asked.
    pub gate: Gate,
    /// Yes, people, or no.
    pub answer: Answer,
    /// Every check that policy made, as policy reported it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// Dispatch only: the agents inside which the choice was free, in the order of their ids, or of their rank where
    /// policy ranked them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permitted: Vec<AgentId>,
    /// Dispatch only: how one of them is to be chosen. Where it is absent, by seeded draws alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Strategy>,
    /// Dispatch only: the regions that the work stays in; anywhere, where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<RegionName>,
    /// Dispatch only: why each other candidate was not among them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub excluded: BTreeMap<AgentId, Vec<Reason>>,
    /// What the revision on trial said to the same, while there was one. It changed nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared: Option<Box<Compared>>,
    /// What was asked of which policy.
    pub provenance: Provenance,
}

/// What another revision said to the same input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compared {
    /// The other revision.
    pub policy: Digest,
    /// Its answer in one word: `permit`, `review` or `deny`.
    pub answer: String,
    /// The codes of its reasons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<String>,
    /// Whether it would have led to something else: another answer, or other agents.
    pub differs: bool,
    /// Whether it gave no answer of its own: it failed, and the code says how.
    pub failed: bool,
}

/// How one agent is chosen among those that policy permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// By seeded draws from what is believed about each, the busy ones a little less.
    Explore,
    /// Who is proven most.
    Best,
    /// Who costs least.
    Cheapest,
    /// The first in the order in which policy permitted them.
    Ranked,
}

impl Strategy {
    /// The word for it in policy, the API and the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Strategy::Explore => "explore",
            Strategy::Best => "best",
            Strategy::Cheapest => "cheapest",
            Strategy::Ranked => "ranked",
        }
    }
}

/// Yes, people, or no. A "no" without a reason cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// Policy said yes.
    Permit,
    /// Policy wants people to look first.
    Review {
        /// What they should look at.
        reasons: Reasons,
    },
    /// Policy said no, or could not be asked.
    Deny {
        /// Why.
        reasons: Reasons,
    },
}

impl Decision {
    /// How badly the agent broke a rule with what was decided about, if policy says so and people did not pass over it.
    ///
    /// Where people are asked first, nothing is known yet; what they then let pass counts against nobody.
    #[must_use]
    pub fn violation(&self) -> Option<Severity> {
        let broken = self.checks.iter().filter(|check| check.violation && check.result == CheckResult::Fail);
        let broken = broken.map(|check| check.severity);
        match self.answer {
            Answer::Review { .. } => None,
            Answer::Permit => broken.filter(|severity| *severity < Severity::High).max(),
            Answer::Deny { .. } => broken.max(),
        }
    }
}

impl Answer {
    /// The answer's name in tables, metrics and the log.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Answer::Permit => "permit",
            Answer::Review { .. } => "review",
            Answer::Deny { .. } => "deny",
        }
    }

    /// Why the answer is not a plain yes.
    #[must_use]
    pub fn reasons(&self) -> &[Reason] {
        match self {
            Answer::Permit => &[],
            Answer::Review { reasons } | Answer::Deny { reasons } => reasons.all(),
        }
    }
}

/// At least one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<Reason>", into = "Vec<Reason>")]
#[schemars(with = "Vec<Reason>")]
pub struct Reasons(Vec<Reason>);

impl Reasons {
    /// One reason.
    #[must_use]
    pub fn one(reason: Reason) -> Reasons {
        Reasons(vec![reason])
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Reason] {
        &self.0
    }
}

/// A refusal without a reason.
#[derive(Debug, thiserror::Error)]
#[error("a refusal needs at least one reason")]
pub struct NoReason;

impl TryFrom<Vec<Reason>> for Reasons {
    type Error = NoReason;

    fn try_from(reasons: Vec<Reason>) -> Result<Reasons, NoReason> {
        if reasons.is_empty() { Err(NoReason) } else { Ok(Reasons(reasons)) }
    }
}

impl From<Reasons> for Vec<Reason> {
    fn from(reasons: Reasons) -> Vec<Reason> {
        reasons.0
    }
}

/// Why policy did not say yes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// A stable code such as `trust_too_low`.
    pub code: String,
    /// The sentence for people.
    pub message: String,
    /// The way out, where policy knows one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// One check as policy reported it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// The check's stable name.
    pub policy: String,
    /// How it ended.
    pub result: CheckResult,
    /// How much it matters.
    pub severity: Severity,
    /// The sentence for people.
    pub message: String,
    /// The way out, where policy knows one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// Release only: whether the agent broke a rule by it, which counts against the agent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub violation: bool,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckResult {
    /// It holds.
    Pass,
    /// It does not hold.
    Fail,
    /// It holds, and somebody should know how nearly.
    Warn,
}

/// How much a check matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth a line in the log.
    Low,
    /// Worth a look.
    Medium,
    /// People decide.
    High,
    /// Nobody may override it here.
    Critical,
}

impl Severity {
    /// Its name in Rego, the API and the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
}

/// What was asked of which policy: enough to ask again and compare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The digest of the bundle's content.
    pub policy: Digest,
    /// The digest of the input's canonical form; the input itself is stored beside the record.
    pub input: Digest,
    /// The digest of what explains a refusal: the rules' values, and where each reason comes from. A permit has none,
    /// because asking again with the stored input and the stored policy gives the same, rule by rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Digest>,
    /// The evaluator and its version.
    pub evaluator: String,
}

//! What a contract is about, as an independent classifier sees it.
//!
//! The submitter's declared domain is evidence for policy and never an input of the classifier:
//! "declared ≠ classified" is for policy to judge. How the answer is found lives in `concordat-classify`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::DomainName;
use crate::share::Share;

/// The classifier's answer for one contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Classification {
    /// The domain, or why the classifier would not name one.
    pub verdict: Verdict,
    /// Every domain that had any evidence, strongest first, the chosen one included.
    pub alternatives: Vec<Alternative>,
    /// What in the text spoke for or against a domain, in the order of the text.
    pub evidence: Vec<Evidence>,
    /// Which classifier answered: a name, a version and the digest of its data.
    pub classifier: String,
}

/// A named domain, or an abstention; an abstention is an answer, not an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Verdict {
    /// The evidence names one domain.
    Domain {
        /// The domain.
        domain: DomainName,
        /// How sure the classifier is.
        confidence: Share,
    },
    /// The evidence names none, or names two alike.
    Abstained {
        /// Why, in words that a reviewer understands.
        because: String,
    },
}

/// One domain with the share of the evidence that speaks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Alternative {
    /// The domain.
    pub domain: DomainName,
    /// Its share of the evidence.
    pub confidence: Share,
}

/// One rule that matched, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The rule's stable id, such as `finance/loan`.
    pub rule: String,
    /// The domain it speaks for.
    pub domain: DomainName,
    /// The place in the contract, such as `spec.objective` or `spec.requirements[2]`.
    pub at: String,
    /// First byte of the matched text within that place.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// The matched text.
    pub text: String,
}

impl Classification {
    /// The classified domain, unless the classifier abstained.
    #[must_use]
    pub fn domain(&self) -> Option<&DomainName> {
        match &self.verdict {
            Verdict::Domain { domain, .. } => Some(domain),
            Verdict::Abstained { .. } => None,
        }
    }
}

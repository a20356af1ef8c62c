//! Agents: remote parties that do the steps.
//!
//! What an agent says about itself is a claim. It can claim skills; it cannot claim trust or preference, and a
//! registration that tries is refused with a sentence that says so.

mod binding;
mod instance;
mod probe;
mod skill;
mod standing;
mod tie;

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::contract::DataClass;
use crate::digest::Digest;
use crate::id::AgentId;
use crate::money::Money;
use crate::name::{AgentName, DomainName, PrincipalName, SkillName, TenantName};
use crate::problem::{Problem, Problems};
use crate::span::Span;

pub use binding::{A2aAnswers, A2aProtocol, A2aVersion, Binding};
pub use instance::Instance;
pub use probe::{ProbeResult, Probed, TriedExample};
pub use skill::{Example, MOST_EXAMPLES, Skill};
pub use standing::{Placed, Standing};
pub use tie::Tie;

/// What a registry administrator registers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Registration {
    /// A name, unique in the registry.
    pub name: AgentName,
    /// What the agent is, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Who answers for the agent.
    pub owner: String,
    /// How the agent is reached.
    pub binding: Binding,
    /// The places where it works, where there are several or where the region matters; all of them are reached as
    /// `binding` says, and its `url` is one of them. Without any, it works there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instances: Vec<Instance>,
    /// The fields of work that its owner registers it for.
    pub domains: Vec<DomainName>,
    /// What it says it can do.
    pub skills: Vec<Skill>,
    /// The regimes that its handling of data was assessed against, such as `GDPR`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub compliance: Vec<String>,
    /// The classes of data that it may be given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data_classes: Vec<DataClass>,
    /// What it takes at a time.
    #[serde(default)]
    pub limits: Limits,
    /// What one call costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    /// Words that people find it by; no policy looks at them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// What an agent takes at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Limits {
    /// The most calls in flight.
    #[schemars(range(min = 1, max = 10_000))]
    pub concurrency: u32,
    /// The most calls within a length of time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { concurrency: 64, rate: None }
    }
}

/// So many calls within a length of time; they may come all at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Rate {
    /// The calls.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub calls: u32,
    /// The length of time, at most an hour.
    pub per: Span,
}

impl Rate {
    /// Whether the numbers are within bounds.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        (1..=1_000_000).contains(&self.calls) && self.per <= Span::seconds(3600)
    }
}

/// An agent in the registry.
#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    /// Its id.
    pub id: AgentId,
    /// What was registered.
    pub registration: Registration,
    /// The digest of what was registered: trust is earned by a revision, not by a name.
    pub revision: Digest,
    /// Who sent the revision, where the log says so.
    pub author: Option<PrincipalName>,
    /// The organisation of who registered it, where the log says so.
    pub tenant: Option<TenantName>,
    /// Whether it gets work.
    pub standing: Standing,
    /// Who made it stand so, unless that was its registration.
    pub placed: Option<Placed>,
    /// A revision that waits for somebody's approval.
    pub proposed: Option<Proposed>,
    /// Which of its skills were tried, and what came of it.
    pub probed: BTreeMap<SkillName, Probed>,
    /// What it knows us by, if that is its own.
    pub credentials: Option<KnownBy>,
    /// When it was registered.
    pub registered: Timestamp,
}

/// What an agent knows us by, as far as anybody is shown it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownBy {
    /// What kind it is, such as `bearer`.
    pub kind: String,
    /// The only place that it is sent to: scheme, host and port.
    pub origin: String,
    /// What it is told apart by, which does not tell what it is.
    pub fingerprint: String,
    /// The digest of its sealed form.
    pub content: Digest,
    /// Under which name that can be forgotten, where it can.
    pub owner: Option<String>,
    /// Who set it.
    pub by: PrincipalName,
    /// When.
    pub at: Timestamp,
}

/// A revision of an agent that is not in force yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposed {
    /// What it would be.
    pub registration: Registration,
    /// The digest of that.
    pub revision: Digest,
    /// Who wants it, and why.
    pub placed: Placed,
}

impl Agent {
    /// An agent as its registration leaves it.
    #[must_use]
    pub fn new(id: AgentId, registration: Registration, revision: Digest, registered: Timestamp) -> Agent {
        Agent {
            id,
            registration,
            revision,
            author: None,
            tenant: None,
            standing: Standing::Eligible,
            placed: None,
            proposed: None,
            probed: BTreeMap::new(),
            credentials: None,
            registered,
        }
    }

    /// Whether a skill was tried and did what it says: nothing, where this revision has shown nothing yet.
    #[must_use]
    pub fn verified(&self, skill: &SkillName) -> Option<bool> {
        self.probed.get(skill).filter(|probed| probed.revision == self.revision)?.shown
    }

    /// How the agent is reached, at one of several instances where that is named.
    #[must_use]
    pub fn reached_at(&self, instance: Option<&str>) -> Binding {
        let binding = &self.registration.binding;
        instance.map_or_else(|| binding.clone(), |url| binding.at(url))
    }

    /// Whether the agent may be given work of a skill: it stands well, and the skill was not shown to be a false claim.
    #[must_use]
    pub fn ready_for(&self, skill: &SkillName) -> bool {
        self.standing.works() && self.verified(skill) != Some(false)
    }
}

/// The method by which an agent that reconciles is asked what became of work.
pub const OUTCOME: &str = "outcome";

/// The most skills and domains that one registration may name.
const MOST: usize = 100;

/// Members by which an agent would rate itself.
const SELF_PRAISE: [&str; 9] =
    ["trust", "trustScore", "score", "rating", "reputation", "priority", "preference", "preferred", "weight"];

impl Registration {
    /// Reads a registration and checks everything that can be checked without calling the agent.
    ///
    /// # Errors
    /// What is wrong, with the pointer of its place.
    pub fn read(document: Value) -> Result<Registration, Problems> {
        refuse_self_praise(&document)?;
        if document.get("binding").is_some_and(|binding| !binding.is_object()) {
            return Err(Problem::new("document-form", "/binding", "`binding` is a map with a `type`").into());
        }
        let registration: Registration = crate::document::typed(document)?;
        registration.check()?;
        Ok(registration)
    }

    /// The digest of what was registered.
    ///
    /// # Errors
    /// A registration that has no canonical form.
    pub fn revision(&self) -> Result<Digest, crate::digest::NoCanonicalForm> {
        Digest::of_json(self)
    }

    /// The named skill, if the agent claims it.
    #[must_use]
    pub fn skill(&self, name: &SkillName) -> Option<&Skill> {
        self.skills.iter().find(|skill| skill.name == *name)
    }

    fn check(&self) -> Result<(), Problems> {
        let mut found = self.binding.problems();
        found.extend(self.misplaced());
        let mut count = |pointer: &str, n: usize, what: &str| {
            if n == 0 || n > MOST {
                let message = format!("an agent has 1 to {MOST} {what}, not {n}");
                found.push(Problem::new("agent-size", pointer, message));
            }
        };
        count("/domains", self.domains.len(), "domains");
        count("/skills", self.skills.len(), "skills");
        if self.limits.concurrency == 0 || self.limits.concurrency > 10_000 {
            found.push(Problem::new(
                "agent-limits",
                "/limits/concurrency",
                "`concurrency` lies between 1 and 10000",
            ));
        }
        if self.limits.rate.as_ref().is_some_and(|rate| !rate.is_sound()) {
            let message = "a rate allows 1 to 1000000 calls `per` at most an hour";
            found.push(Problem::new("agent-limits", "/limits/rate", message));
        }
        for (nth, skill) in self.skills.iter().enumerate() {
            let at = format!("/skills/{nth}");
            if self.binding.asks_by_method() && skill.name.as_str() == OUTCOME {
                let message = format!(
                    "`{OUTCOME}` is what an agent that reconciles is asked, so no skill may be called so"
                );
                found.push(Problem::new("agent-skill-reserved", format!("{at}/name"), message));
            }
            if self.skills.iter().take(nth).any(|earlier| earlier.name == skill.name) {
                let message = format!("the skill `{}` is registered twice", skill.name);
                found.push(Problem::new("agent-skill-twice", format!("{at}/name"), message));
            }
            found.extend(skill.problems(&at));
        }
        Problems::check(found)
    }
}

fn refuse_self_praise(document: &Value) -> Result<(), Problems> {
    let skills = document.get("skills").and_then(Value::as_array);
    let places =
        skills.into_iter().flatten().enumerate().map(|(nth, skill)| (format!("/skills/{nth}"), skill));
    let found = std::iter::once((String::new(), document))
        .chain(places)
        .flat_map(|(at, object)| SELF_PRAISE.iter().filter(|name| object.get(**name).is_some()).map(move |name| (at.clone(), *name)))
        .map(|(at, name)| {
            Problem::new("agent-self-praise", format!("{at}/{name}"), format!("an agent cannot declare its own `{name}`"))
                .hint("leave it out: trust is earned from what Concordat observes, and preference is for policy to say")
        })
        .collect();
    Problems::check(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn registration() -> Value {
        json!({
            "name": "credit-bureau", "owner": "bank.example",
            "binding": {"type": "execute", "url": "http://127.0.0.1:9"},
            "domains": ["finance"], "skills": [{"name": "check_credit", "output": {"type": "object"}}],
        })
    }

    #[test]
    fn a_plain_registration_is_taken() {
        let one = Registration::read(registration()).unwrap();
        assert_eq!(one.limits.concurrency, 64);
        assert_eq!(one.revision(), Registration::read(registration()).unwrap().revision());
        // What nobody said does not stand in the registration, so that a revision stays what it was.
        let written = serde_json::to_value(&one).unwrap();
        assert_eq!(
            (&written["limits"], &written["binding"]),
            (&json!({"concurrency": 64}), &registration()["binding"])
        );
    }

    #[test]
    fn an_agent_that_reconciles_has_no_skill_of_that_name() {
        let mut document = registration();
        document["binding"]["reconciles"] = json!(true);
        document["binding"]["firstByte"] = json!("10s");
        assert!(Registration::read(document.clone()).unwrap().binding.reconciles());
        document["skills"][0]["name"] = json!("outcome");
        let told = Registration::read(document).unwrap_err().to_string();
        assert!(told.contains("/skills/0/name: `outcome` is what"), "{told}");
    }

    #[test]
    fn an_agent_of_a2a_says_which_interface_it_has() {
        let mut document = registration();
        document["binding"] = json!({"type": "a2a", "url": "http://127.0.0.1:9", "protocol": "jsonrpc"});
        document["skills"][0]["name"] = json!("outcome");
        let one = Registration::read(document).unwrap();
        assert!(one.binding.reconciles());
        let all = json!({
            "type": "a2a", "url": "http://127.0.0.1:9", "protocol": "jsonrpc", "version": "1.0", "answers": "blocking",
        });
        assert_eq!(serde_json::to_value(&one.binding).unwrap(), all);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (place, value, wanted) in [
            ("/trust", json!(9000), "/trust: an agent cannot declare its own `trust`"),
            ("/preferred", json!(true), "/preferred: an agent cannot declare"),
            ("/skills/0/score", json!(1), "/skills/0/score: an agent cannot declare"),
            ("/colour", json!("red"), "unknown member `colour`"),
            ("/skills", json!([]), "/skills: an agent has 1 to 100 skills, not 0"),
            ("/limits", json!({"concurrency": 0}), "/limits/concurrency"),
            ("/name", json!("Credit Bureau"), "/name: `Credit Bureau` is not the name of an agent"),
            ("/skills/0/output", json!({"type": "nonsense"}), "/skills/0/output: "),
            ("/binding", json!({"type": "carrier-pigeon"}), "/binding"),
            ("/binding", json!(["execute", "http://127.0.0.1:9"]), "/binding: `binding` is a map"),
            (
                "/binding",
                json!({"type": "a2a", "url": "http://a", "protocol": "http_json", "version": "0.3"}),
                "/binding/protocol: agents of A2A 0.3 are reached over `jsonrpc` only",
            ),
            (
                "/binding",
                json!({"type": "a2a", "url": "http://a", "protocol": "jsonrpc", "version": "0.3", "tenant": "t"}),
                "/binding/tenant: A2A 0.3 has no tenants",
            ),
            (
                "/binding",
                json!({"type": "a2a", "url": "http://a", "protocol": "jsonrpc", "tenant": ".."}),
                "/binding/tenant: a tenant has 1 to 128",
            ),
            ("/binding", json!({"type": "a2a", "url": "http://a", "protocol": "grpc"}), "grpc"),
            ("/binding", json!({"type": "a2a", "url": "http://a"}), "protocol"),
            ("/limits", json!([3]), "/limits: a list is not allowed here"),
            (
                "/limits",
                json!({"rate": {"calls": 0, "per": "1s"}}),
                "/limits/rate: a rate allows 1 to 1000000",
            ),
            ("/limits", json!({"rate": {"calls": 1, "per": "2h"}}), "/limits/rate: a rate allows"),
            ("/limits", json!({"rate": {"calls": 1}}), "per"),
        ] {
            let mut document = registration();
            let (parent, member) = place.rsplit_once('/').unwrap();
            document.pointer_mut(parent).unwrap()[member] = value;
            let told = Registration::read(document).unwrap_err().to_string();
            assert!(told.contains(wanted), "{place}: {told}");
        }
    }
}

//! The dispatch gate: which agents may do this step?

use std::collections::BTreeSet;

use concordat_model::agent::Agent;
use concordat_model::contract::{DataClass, EffectKind, Governance};
use concordat_model::digest::Digest;
use concordat_model::id::AgentId;
use concordat_model::name::{AgentName, ContractName, DomainName, RegionName, SkillName, StepName};
use concordat_model::payload::Salt;
use concordat_model::share::Share;
use concordat_model::step_id::StepId;
use concordat_model::trust::{Belief, Drift, Trials, TrustView};
use concordat_model::work::{Leg, Telling, Work};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::health::is_zero;
use super::{Health, InstanceLoad, Price, ReviewEvidence, Standing, Submitter};

/// What the dispatch gate is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DispatchInput {
    /// What stands behind the input where it is stored, so that its digest tells nobody what it was.
    #[serde(skip)]
    pub salt: Option<Salt>,
    /// When it is asked, as RFC 3339 text.
    pub now: Timestamp,
    /// Who sent the contract.
    pub submitter: Submitter,
    /// The contract that the step belongs to.
    pub contract: DispatchContract,
    /// The step, leg and try.
    pub step: DispatchStep,
    /// What agents that have yet to prove themselves got of the domain's low-risk work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trials: Option<DispatchTrials>,
    /// Every agent that claims the skill, at most [`DispatchInput::MOST_CANDIDATES`].
    pub candidates: Vec<Candidate>,
    /// A person's approval of this work, if there is one; its payload is the parameters' digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<ReviewEvidence>,
}

impl DispatchInput {
    /// The most candidates that policy is asked about at once.
    ///
    /// A candidate takes 500 to 1000 bytes, and 130 more for each of several instances, so that this many fit into the largest input of 256 KiB. Where more
    /// agents offer a skill, whoever asks offers the most trusted ones; the others are named nowhere.
    pub const MOST_CANDIDATES: usize = 256;
}

/// A contract as the dispatch gate sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DispatchContract {
    /// What it is called.
    pub name: ContractName,
    /// The digest of its canonical form.
    pub digest: Digest,
    /// The domain that the work is held to: the classified one, or, where the classifier abstained, the
    /// declared one that a reviewer confirmed at admission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<DomainName>,
    /// What governs the work.
    pub governance: Governance,
    /// The number of calls that the budget still holds; absent when it sets no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_calls_left: Option<u32>,
    /// The money that the budget still holds; absent when it sets no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_cost_left: Option<Price>,
    /// The milliseconds until the deadline, negative when it has passed; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms_left: Option<i64>,
}

/// What agents that have yet to prove themselves got of a domain's low-risk work, as the dispatch gate sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DispatchTrials {
    /// How many outcomes were theirs.
    pub count: u64,
    /// Their share of the last hundred or so, in basis points.
    pub share: Share,
    /// Whether the domain's agents do much worse than they used to.
    pub shaken: bool,
}

impl DispatchTrials {
    /// What was seen of a domain.
    #[must_use]
    pub fn of(trials: Trials, drift: Drift) -> DispatchTrials {
        DispatchTrials { count: trials.count, share: trials.share(), shaken: drift.shaken }
    }
}

/// A step as the dispatch gate sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DispatchStep {
    /// The step's name, with the item when it is done for each of several: `check[3]`.
    pub id: StepId,
    /// The skill that is asked for: the compensation's when undoing.
    pub skill: SkillName,
    /// Doing or undoing.
    pub leg: Leg,
    /// The count of tries, from 1.
    pub attempt: u32,
    /// Whether an earlier try failed; what a restart interrupted did not.
    #[serde(default)]
    pub retry: bool,
    /// What doing it twice would do.
    pub effect: EffectKind,
    /// The digest of what the agent is given.
    pub params: Digest,
    /// The steps whose output feeds what the agent is given.
    pub tainted: Vec<StepName>,
    /// What the agent asked, when it has the work already and is to be told a person's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telling: Option<DispatchTelling>,
}

/// An agent's question and a person's answer, as the dispatch gate sees them: the one candidate is who asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DispatchTelling {
    /// Which of the agent's questions about this try, from 1.
    pub nth: u32,
    /// The digest of the question.
    pub question: Digest,
    /// The digest of the answer.
    pub answer: Digest,
}

impl From<&Telling> for DispatchTelling {
    fn from(telling: &Telling) -> DispatchTelling {
        DispatchTelling { nth: telling.nth, question: telling.question, answer: telling.digest }
    }
}

impl DispatchStep {
    /// Whether policy was asked about exactly this work.
    #[must_use]
    pub fn is(&self, work: &Work) -> bool {
        self.id == work.attempt.step
            && self.leg == work.attempt.leg
            && self.attempt == work.attempt.number
            && self.skill == work.skill
            && self.params == work.params_digest
            && self.telling == work.telling.as_deref().map(DispatchTelling::from)
    }
}

/// What an agent can take on at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    /// The number of calls it is busy with.
    pub in_flight: u32,
    /// The number of steps that wait for it, or for others as well.
    pub waiting: u32,
    /// Its circuit breaker for the skill.
    pub breaker: BreakerState,
    /// The number of calls that may be made to it, where something limits how fast they come.
    pub rate_left: Option<u32>,
    /// The number of retries that may be sent to it.
    pub retries_left: u32,
    /// What happened at it lately; nothing, where nothing did.
    pub health: Option<Health>,
    /// Its instances, where it has several.
    pub instances: Vec<InstanceLoad>,
}

/// Whether an agent is left alone because it kept failing at a skill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// It is not.
    #[default]
    Closed,
    /// It gets nothing; also while one call tries whether it is back.
    Open,
    /// One call may try whether it is back.
    HalfOpen,
}

impl BreakerState {
    /// The word for it in policy, the API and figures.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            BreakerState::Closed => "closed",
            BreakerState::Open => "open",
            BreakerState::HalfOpen => "half_open",
        }
    }
}

/// An agent that claims the skill, as the dispatch gate sees it.
///
/// It has no member in which an agent could praise itself: everything here was observed, or registered by
/// those who answer for the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// Its id.
    pub id: AgentId,
    /// Its name.
    pub name: AgentName,
    /// The digest of its registration.
    pub revision: Digest,
    /// Who answers for it.
    pub owner: String,
    /// The domains that it is registered for.
    pub domains: Vec<DomainName>,
    /// The regimes that its handling of data was assessed against.
    pub compliance: Vec<String>,
    /// The classes of data that it may be given.
    pub data_classes: Vec<DataClass>,
    /// Whether it gets work.
    pub standing: Standing,
    /// Whether the skill was tried with its example and did what the agent says; absent where that is not known of this
    /// revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
    /// What one call costs; absent when it costs nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Price>,
    /// The number of calls it is busy with.
    pub in_flight: u32,
    /// The number of steps that wait for it, or for others as well.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub waiting: u32,
    /// The most calls it takes at a time.
    pub concurrency: u32,
    /// Its circuit breaker for this skill.
    pub breaker: BreakerState,
    /// The number of calls that may be made to it at this moment; absent when nothing limits how fast they come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_left: Option<u32>,
    /// The number of retries of this skill that may be sent to it at this moment.
    pub retries_left: u32,
    /// How far it is trusted with this skill in this domain.
    pub trust: TrustView,
    /// What selection draws from.
    pub belief: Belief,
    /// Whether it failed an earlier try of this same step.
    pub failed_before: bool,
    /// What happened at it lately; absent where nothing did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// The regions that it works in: those of its instances, or else those that its `region:` tags name.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub regions: BTreeSet<RegionName>,
    /// Its instances, where it has several; the one that may already have done the step, where that is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instances: Vec<InstanceLoad>,
}

impl Candidate {
    /// What the registry says about an agent, with what was observed of it.
    #[must_use]
    pub fn of(agent: &Agent, trust: TrustView, belief: Belief, load: Load, failed_before: bool) -> Candidate {
        let registration = &agent.registration;
        Candidate {
            id: agent.id,
            name: registration.name.clone(),
            revision: agent.revision,
            owner: registration.owner.clone(),
            domains: registration.domains.clone(),
            compliance: registration.compliance.clone(),
            data_classes: registration.data_classes.clone(),
            standing: agent.standing,
            verified: None,
            cost: registration.cost.map(Price::from),
            in_flight: load.in_flight,
            waiting: load.waiting,
            concurrency: registration.limits.concurrency,
            breaker: load.breaker,
            rate_left: load.rate_left,
            retries_left: load.retries_left,
            trust,
            belief,
            failed_before,
            health: load.health,
            regions: registration.regions(),
            instances: load.instances,
        }
    }

    /// Keeps to the instance at which the step may have been done already, if it is still one of the agent's.
    #[must_use]
    pub fn kept_to(mut self, url: &str) -> Candidate {
        if let Some(place) = self.instances.iter().position(|one| one.url == url) {
            let kept = self.instances.swap_remove(place);
            self.regions = kept.region.iter().cloned().collect();
            self.instances = vec![kept];
        }
        self
    }
}

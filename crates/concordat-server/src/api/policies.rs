//! Policies on the wire: revisions, what they may do, and what they would change.

use std::collections::BTreeMap;

use concordat_engine as engine;
use concordat_model::policy_book as model;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// The revisions of an installation, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyList {
    /// The revisions.
    pub items: Vec<PolicyRevision>,
}

/// One revision of the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyRevision {
    /// The digest of its bundle, `sha256:…`.
    pub revision: String,
    /// What its author calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Who sent it; absent for what came with the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// When it was first kept.
    #[schema(value_type = String, format = DateTime)]
    pub published: Timestamp,
    /// How many tests it has; all of them hold.
    pub tests: u32,
    /// How many warnings it was published with.
    pub warnings: u32,
    /// What it may do.
    pub stage: Stage,
    /// The share of contracts that it decides, in basis points; only as a canary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<u16>,
    /// Since when it is in this stage; absent while it is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// Until when, if the usual proofs were passed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires: Option<Timestamp>,
    /// How its trial goes, since the server started; only on trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<TrialTally>,
    /// What somebody saw that it would have changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact: Option<ImpactSeen>,
}

/// What a revision may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Nothing: it is only kept.
    Off,
    /// It is asked about everything, and decides nothing.
    Shadow,
    /// It decides a share of the contracts, always the same ones.
    Canary,
    /// It decides.
    Enforced,
}

/// How the trial of a revision goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrialTally {
    /// How many decisions it was asked about.
    pub asked: u64,
    /// How often it differed from the revision in force.
    pub differed: u64,
    /// How often it gave no answer of its own.
    pub failed: u64,
}

/// What a revision would have changed, as somebody saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImpactSeen {
    /// The revision that was in force when it was seen.
    pub against: String,
    /// Who saw it.
    pub by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// How many decisions were looked at.
    pub decisions: u64,
    /// How many of them could be asked again.
    pub replayed: u64,
    /// How many would have been other ones.
    pub differ: u64,
}

/// A revision with its bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PolicyDetail {
    /// The revision.
    pub revision: PolicyRevision,
    /// The bundle as it is stored: `{"files": {path: text}, "data": …}`. The digest of its canonical form (RFC 8785)
    /// is the revision.
    #[schema(value_type = Object)]
    pub bundle: Value,
}

/// A bundle that was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyPublished {
    /// The revision.
    pub revision: PolicyRevision,
    /// What its author should look at.
    pub warnings: Vec<Finding>,
}

/// Something found in a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// `error` keeps the bundle from being published; a `warning` does not.
    pub level: String,
    /// What kind of thing it is, in one stable word.
    pub code: String,
    /// The file; empty when the whole bundle is meant.
    pub file: String,
    /// The line, from 1; 0 when the whole file is meant.
    pub line: u32,
    /// The column, from 1; 0 when the whole file is meant.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// The way out, where there is an obvious one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// Where a revision is to go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyPromotion {
    /// What it may do then.
    pub to: Stage,
    /// As a canary: the share of contracts that it decides, in basis points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<u16>,
    /// Why; it becomes part of the log.
    pub reason: String,
    /// To pass over the usual proofs: when what was in force before comes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub break_glass: Option<Timestamp>,
    /// As a canary: the share of decisions in which it may differ before it is taken back, in basis points; 1000
    /// where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_differ: Option<u16>,
}

/// Which stored decisions are asked again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImpactQuery {
    /// Only those made at or after this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// Only those made before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
}

/// What a revision would have decided otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImpactReport {
    /// The revision that was asked.
    pub revision: String,
    /// The revision in force.
    pub against: String,
    /// How many decisions were looked at.
    pub decisions: u64,
    /// How many of them were asked again.
    pub replayed: u64,
    /// How many could not be, by the reason.
    pub not_replayable: BTreeMap<String, u64>,
    /// Those that would have been the same, with the same reasons and checks.
    pub same: u64,
    /// Those with the same answer for the same agents, and other reasons or checks.
    pub same_answer: u64,
    /// Those that would have been permits.
    pub would_permit: u64,
    /// Those that would have gone to people.
    pub would_review: u64,
    /// Those that would have been denials.
    pub would_deny: u64,
    /// Permits that would have been for other agents.
    pub other_agents: u64,
    /// Those of them in which another agent would have got the work.
    pub rerouted: u64,
    /// How often each code would be given where it was not.
    pub codes_new: BTreeMap<String, u64>,
    /// How often each code would not be given where it was.
    pub codes_gone: BTreeMap<String, u64>,
    /// How many permits each agent would have gained, by its name.
    pub agents_gained: BTreeMap<String, u64>,
    /// How many permits each agent would have lost, by its name.
    pub agents_lost: BTreeMap<String, u64>,
    /// Examples, at most 20.
    pub samples: Vec<Flip>,
}

/// A decision that would have been another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Flip {
    /// The decision, `dec_…`.
    pub decision: String,
    /// The gate that was asked.
    pub gate: String,
    /// What it is about: a run, a key, the policies.
    pub subject: String,
    /// When it was made.
    pub at: String,
    /// The answer it gave.
    pub was: String,
    /// The answer it would give.
    pub would: String,
    /// The codes that would be its reasons.
    pub codes: Vec<String>,
    /// Who got the work, where somebody else would have got it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Who would have got it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub would_agent: Option<String>,
}

/// The revision with which another one is compared.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DiffQuery {
    /// The other revision; the one in force where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
}

/// What two revisions differ in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyDiff {
    /// The revision that is looked at.
    pub revision: String,
    /// The revision that it is compared with.
    pub against: String,
    /// The files that differ, by path; `data` stands for the data.
    pub files: Vec<FileDiff>,
}

/// What one file differs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileDiff {
    /// Its path.
    pub path: String,
    /// The difference, as a unified diff.
    pub diff: String,
}

impl From<&engine::RevisionView> for PolicyRevision {
    fn from(view: &engine::RevisionView) -> PolicyRevision {
        let revision = &view.revision;
        let impact = revision.impact.as_ref().map(|(impact, at)| ImpactSeen {
            against: impact.against.to_string(),
            by: impact.by.to_string(),
            at: *at,
            decisions: impact.decisions,
            replayed: impact.replayed,
            differ: impact.differ,
        });
        let (stage, share) = match view.stage {
            model::Stage::Off => (Stage::Off, None),
            model::Stage::Shadow => (Stage::Shadow, None),
            model::Stage::Canary { share } => (Stage::Canary, Some(share.points())),
            model::Stage::Enforced => (Stage::Enforced, None),
        };
        PolicyRevision {
            revision: revision.revision.to_string(),
            label: revision.label.clone(),
            author: revision.author.as_ref().map(ToString::to_string),
            published: revision.since,
            tests: revision.tests,
            warnings: revision.warnings,
            stage,
            share,
            since: view.standing.as_ref().map(|standing| standing.since),
            expires: view.standing.as_ref().and_then(|standing| standing.expires),
            trial: view.tally.map(|tally| TrialTally {
                asked: tally.asked,
                differed: tally.differed,
                failed: tally.failed,
            }),
            impact,
        }
    }
}

impl From<&concordat_policy::Finding> for Finding {
    fn from(finding: &concordat_policy::Finding) -> Finding {
        Finding {
            level: finding.level.as_str().to_owned(),
            code: finding.code.as_str().to_owned(),
            file: finding.file.clone(),
            line: finding.line,
            column: finding.column,
            message: finding.message.clone(),
            fix: finding.fix.clone(),
        }
    }
}

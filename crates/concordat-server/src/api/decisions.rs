//! Decisions on the wire, with everything that explains them.

use std::collections::BTreeMap;

use concordat_model::classification as model_classification;
use concordat_model::decision as model;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// A decision, where it stands and what it was about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DecisionDetail {
    /// The decision.
    pub decision: Decision,
    /// The run it is about, `run_…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The subject of its record.
    pub subject: String,
    /// The attempt it is about; absent for the contract as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
    /// Its index in the log.
    pub index: u64,
    /// When policy was asked.
    #[schema(value_type = String, format = DateTime)]
    pub time: Timestamp,
    /// What policy was told.
    pub input: Value,
    /// The names of the agents that the decision names by id.
    pub agents: BTreeMap<String, String>,
    /// The very bytes of its record, if the receipt was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// The proof that the record is in the log (`c2sp.org/tlog-proof@v1`), if it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
}

/// What is wanted with a decision.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DecisionQuery {
    /// Whether its record and the proof that it is in the log are wanted.
    #[serde(default)]
    pub receipt: bool,
}

/// A gate's answer with everything that is needed to explain and to replay it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Decision {
    /// The decision, `dec_…`.
    pub id: String,
    /// The gate that was asked.
    pub gate: Gate,
    /// Yes, people, or no.
    pub answer: Answer,
    /// Every check that policy reported.
    #[serde(default)]
    pub checks: Vec<Check>,
    /// Dispatch only: the agents inside which the choice was free.
    #[serde(default)]
    pub permitted: Vec<String>,
    /// Dispatch only: how one of them is chosen: `explore`, `best`, `cheapest` or `ranked`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<String>,
    /// Dispatch only: the regions that the work stays in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    /// Dispatch only: why each other candidate was not among them.
    #[serde(default)]
    pub excluded: BTreeMap<String, Vec<Reason>>,
    /// What the revision on trial said to the same, while there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared: Option<Compared>,
    /// What was asked of which policy.
    pub provenance: Provenance,
}

/// What another revision of the policy said to the same input. It changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Compared {
    /// The other revision.
    pub policy: String,
    /// Its answer: `permit`, `review` or `deny`.
    pub answer: String,
    /// The codes of its reasons.
    #[serde(default)]
    pub codes: Vec<String>,
    /// Whether it would have led to something else.
    pub differs: bool,
    /// Whether it gave no answer of its own.
    pub failed: bool,
}

/// A place where policy is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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

/// Yes, people, or no, with the reasons for not a plain yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Answer {
    /// The answer.
    pub kind: AnswerKind,
    /// Why it is not a plain yes.
    #[serde(default)]
    pub reasons: Vec<Reason>,
}

/// Yes, people, or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnswerKind {
    /// Policy said yes.
    Permit,
    /// Policy wants people to look first.
    Review,
    /// Policy said no, or could not be asked.
    Deny,
}

/// Why policy did not say yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reason {
    /// A stable code such as `trust_low`.
    pub code: String,
    /// The sentence for people.
    pub message: String,
    /// The way out, where policy knows one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// One check as policy reported it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth a line in the log.
    Low,
    /// Worth a look.
    Medium,
    /// People decide.
    High,
    /// Nobody may override it.
    Critical,
}

/// What was asked of which policy: enough to ask again and compare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Provenance {
    /// The digest of the policy bundle.
    pub policy: String,
    /// The digest of what policy was told.
    pub input: String,
    /// The digest of what explains a refusal, `sha256:…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
    /// The evaluator and its version.
    pub evaluator: String,
}

/// One try of doing or undoing one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attempt {
    /// The step.
    pub step: String,
    /// `do` or `undo`.
    pub leg: Leg,
    /// The count of tries, from 1.
    pub number: u32,
}

/// Whether a step is done or undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Leg {
    /// The step itself.
    Do,
    /// Its compensation.
    Undo,
}

/// What a contract is about, as the classifier sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Classification {
    /// The domain; absent when the classifier abstained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// How sure it is, in basis points; absent when it abstained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<u16>,
    /// Why it abstained, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abstained: Option<String>,
    /// Every domain that had any evidence, strongest first.
    pub alternatives: Vec<Alternative>,
    /// What in the text spoke for a domain.
    pub evidence: Vec<Evidence>,
    /// Which classifier answered.
    pub classifier: String,
}

/// One domain with the share of the evidence that speaks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Alternative {
    /// The domain.
    pub domain: String,
    /// Its share of the evidence, in basis points.
    pub confidence: u16,
}

/// One rule of the classifier that matched, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Evidence {
    /// The rule's stable id.
    pub rule: String,
    /// The domain it speaks for.
    pub domain: String,
    /// The place in the contract.
    pub at: String,
    /// The matched text.
    pub text: String,
}

impl From<&model::Decision> for Decision {
    fn from(decision: &model::Decision) -> Decision {
        let excluded = decision.excluded.iter();
        Decision {
            id: decision.id.to_string(),
            gate: decision.gate.into(),
            answer: (&decision.answer).into(),
            checks: decision.checks.iter().map(Check::from).collect(),
            permitted: decision.permitted.iter().map(ToString::to_string).collect(),
            strategy: decision.strategy.map(|strategy| strategy.as_str().to_owned()),
            regions: decision.regions.iter().map(ToString::to_string).collect(),
            excluded: excluded
                .map(|(id, reasons)| (id.to_string(), reasons.iter().map(Reason::from).collect()))
                .collect(),
            compared: decision.compared.as_ref().map(|other| Compared {
                policy: other.policy.to_string(),
                answer: other.answer.clone(),
                codes: other.codes.clone(),
                differs: other.differs,
                failed: other.failed,
            }),
            provenance: Provenance {
                policy: decision.provenance.policy.to_string(),
                input: decision.provenance.input.to_string(),
                explanation: decision.provenance.explanation.map(|digest| digest.to_string()),
                evaluator: decision.provenance.evaluator.clone(),
            },
        }
    }
}

impl From<model::Gate> for Gate {
    fn from(gate: model::Gate) -> Gate {
        match gate {
            model::Gate::Access => Gate::Access,
            model::Gate::Admit => Gate::Admit,
            model::Gate::Dispatch => Gate::Dispatch,
            model::Gate::Release => Gate::Release,
            model::Gate::Enroll => Gate::Enroll,
            model::Gate::Promote => Gate::Promote,
        }
    }
}

impl From<&model::Answer> for Answer {
    fn from(answer: &model::Answer) -> Answer {
        let kind = match answer {
            model::Answer::Permit => AnswerKind::Permit,
            model::Answer::Review { .. } => AnswerKind::Review,
            model::Answer::Deny { .. } => AnswerKind::Deny,
        };
        Answer { kind, reasons: answer.reasons().iter().map(Reason::from).collect() }
    }
}

impl From<&model::Reason> for Reason {
    fn from(reason: &model::Reason) -> Reason {
        Reason { code: reason.code.clone(), message: reason.message.clone(), fix: reason.fix.clone() }
    }
}

impl From<&model::Check> for Check {
    fn from(check: &model::Check) -> Check {
        Check {
            policy: check.policy.clone(),
            result: match check.result {
                model::CheckResult::Pass => CheckResult::Pass,
                model::CheckResult::Fail => CheckResult::Fail,
                model::CheckResult::Warn => CheckResult::Warn,
            },
            severity: match check.severity {
                model::Severity::Low => Severity::Low,
                model::Severity::Medium => Severity::Medium,
                model::Severity::High => Severity::High,
                model::Severity::Critical => Severity::Critical,
            },
            message: check.message.clone(),
            fix: check.fix.clone(),
        }
    }
}

impl From<&concordat_model::work::Attempt> for Attempt {
    fn from(attempt: &concordat_model::work::Attempt) -> Attempt {
        let leg = match attempt.leg {
            concordat_model::work::Leg::Do => Leg::Do,
            concordat_model::work::Leg::Undo => Leg::Undo,
        };
        Attempt { step: attempt.step.to_string(), leg, number: attempt.number }
    }
}

impl From<&model_classification::Classification> for Classification {
    fn from(one: &model_classification::Classification) -> Classification {
        use model_classification::Verdict;
        let (domain, confidence, abstained) = match &one.verdict {
            Verdict::Domain { domain, confidence } => {
                (Some(domain.to_string()), Some(confidence.points()), None)
            }
            Verdict::Abstained { because } => (None, None, Some(because.clone())),
        };
        let alternative = |one: &model_classification::Alternative| Alternative {
            domain: one.domain.to_string(),
            confidence: one.confidence.points(),
        };
        let evidence = |one: &model_classification::Evidence| Evidence {
            rule: one.rule.clone(),
            domain: one.domain.to_string(),
            at: one.at.clone(),
            text: one.text.clone(),
        };
        Classification {
            domain,
            confidence,
            abstained,
            alternatives: one.alternatives.iter().map(alternative).collect(),
            evidence: one.evidence.iter().map(evidence).collect(),
            classifier: one.classifier.clone(),
        }
    }
}

//! A question behind OPA's doors: answered, recorded, and only then told.

use std::collections::BTreeMap;
use std::sync::Arc;

use concordat_model::digest::Digest;
use concordat_model::id::{DecisionId, KeyId};
use concordat_model::name::{PrincipalName, TenantName};
use concordat_model::payload::{self, Payload, Secret};
use concordat_policy::input::Action;
use concordat_policy::opa::{Answer, Documents, Input, Masked, Question, Refused, Subject};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{OpaError, resource};
use crate::engine::{Caller, Engine};
use crate::error::EngineError;
use crate::ports::{Change as Stored, Sealed, Whose};
use crate::scribe::Place;

/// The type of a decision's record.
pub(crate) const DECIDED: &str = "opa.decided";
/// The longest text of an error in a record, in characters.
const LONGEST_ERROR: usize = 1000;

/// How long a yes of the access gate counts for the same key.
const PERMIT_COUNTS: SignedDuration = SignedDuration::from_secs(1);

/// What is asked, and how.
#[derive(Debug, Clone)]
pub struct Asking {
    /// The question.
    pub question: Question,
    /// What it is about.
    pub input: Option<Input>,
    /// Whether a builtin that fails is an error; else it is undefined.
    pub strict: bool,
    /// How long the input took to read, in nanoseconds.
    pub parsed_ns: u64,
}

/// What came of it; it is recorded.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The decision.
    pub id: DecisionId,
    /// The modules and data that it was made with.
    pub revision: Digest,
    /// The answer as JSON; nothing when it is undefined.
    pub result: Option<Vec<u8>>,
    /// Times in nanoseconds, by OPA's names.
    pub metrics: BTreeMap<String, u64>,
}

/// What the log keeps of a decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decided {
    pub(super) decision_id: DecisionId,
    pub(crate) tenant: TenantName,
    pub(super) path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) query: Option<String>,
    pub(super) revision: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) input: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) result: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<Failed>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) erased: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) masked: Vec<String>,
    /// Why the mask could not be evaluated: everything is erased then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mask_error: Option<String>,
    pub(super) metrics: BTreeMap<String, u64>,
    pub(super) requested_by: Requester,
}

/// Who asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Requester {
    pub(super) name: PrincipalName,
    pub(super) key: KeyId,
}

/// What went wrong, as the answer said it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failed {
    /// OPA's code.
    pub code: String,
    /// The words.
    pub message: String,
}

/// What an evaluation leaves: the answer, and what is logged of it.
struct Evaluated {
    result: Result<Option<Vec<u8>>, Refused>,
    masked: Masked,
    began: Timestamp,
    ended: Timestamp,
}

impl Engine {
    /// Answers a question. When this returns, the decision is on disk.
    ///
    /// # Errors
    /// The caller may not, the evaluation failed (which is recorded too), or it cannot be recorded.
    pub async fn ask_opa(&self, caller: &Caller, asking: Asking) -> Result<Answered, OpaError> {
        let core = &self.core;
        core.running()?;
        self.permit_asking(caller).await?;
        let documents = core.opa.of(&caller.principal.tenant);
        let revision = documents.revision();
        let id = DecisionId::new(core.clock.uuid());
        let turn = core.opa.evaluations.clone().acquire_owned().await;
        let turn = turn.map_err(|_| EngineError::Draining)?;
        let (clock, name) = (core.clock.clone(), caller.principal.name.to_string());
        let (path, query) = named(&asking.question);
        let (parsed, told) = (asking.parsed_ns, (path.clone(), query.clone()));
        let evaluating = tokio::task::spawn_blocking(move || {
            let began = clock.now();
            let subject = Subject {
                decision_id: &id.to_string(),
                path: &told.0,
                query: told.1.as_deref(),
                requested_by: &name,
            };
            let (result, masked) = evaluate(&documents, &asking, subject);
            drop(turn);
            Evaluated { result, masked, began, ended: clock.now() }
        });
        let lost = |_| Refused::Parameter("the evaluation crashed".to_owned());
        let evaluated = evaluating.await.map_err(lost)?;
        let took = |from: Timestamp, to: Timestamp| {
            u64::try_from(to.duration_since(from).as_nanos()).unwrap_or_default()
        };
        let evaluation = took(evaluated.began, evaluated.ended);
        let metrics: BTreeMap<String, u64> = [
            ("timer_rego_input_parse_ns", parsed),
            ("timer_rego_query_eval_ns", evaluation),
            ("timer_server_handler_ns", parsed.saturating_add(evaluation)),
        ]
        .map(|(name, ns)| (name.to_owned(), ns))
        .into();
        let Masked { input, result, erased, masked, failed } = evaluated.masked;
        let secret = core.secret()?;
        let sealed =
            |document: Option<Vec<u8>>| document.map(|form| payload::payload(form, Some(secret.salt())));
        let (input, result) = (sealed(input), sealed(result));
        let decided = Decided {
            decision_id: id,
            tenant: caller.principal.tenant.clone(),
            path,
            query,
            revision,
            input: input.as_ref().map(|(digest, _)| *digest),
            result: result.as_ref().map(|(digest, _)| *digest),
            error: evaluated.result.as_ref().err().map(failure),
            erased,
            masked,
            mask_error: failed,
            metrics: metrics.clone(),
            requested_by: Requester { name: caller.principal.name.clone(), key: caller.key },
        };
        self.record_decided(&decided, secret, input.into_iter().chain(result).collect()).await?;
        Ok(Answered { id, revision, result: evaluated.result?, metrics })
    }

    /// Asks the access gate whether somebody may ask. Its yes counts for a second, because to ask it costs as much as
    /// to answer; whose key was taken back is not recognised any more, and another policy is asked at once.
    async fn permit_asking(&self, caller: &Caller) -> Result<(), EngineError> {
        let core = &self.core;
        let (asker, now) = ((caller.key, self.policy_revision()), core.clock.now());
        let known = core.opa.permitted.lock().get(&asker).copied();
        if known.is_some_and(|at| now >= at && now.duration_since(at) < PERMIT_COUNTS) {
            return Ok(());
        }
        self.permit(caller, Action::OpaRead, resource(caller)).await?;
        core.opa.permitted.lock().put(asker, now);
        Ok(())
    }

    async fn record_decided(
        &self,
        decided: &Decided,
        secret: Secret,
        payloads: Vec<Payload>,
    ) -> Result<(), EngineError> {
        let core = &self.core;
        // A subject of its own: nobody has to wait for anybody's number.
        let subject = decided.decision_id.to_string();
        let place = Place { subject: &subject, seq: 0, at: core.clock.now() };
        let record = core.scribe.seal_as(decided.decision_id.uuid(), DECIDED, place, decided)?;
        let whose = Some(Whose { tenant: decided.tenant.clone(), subject: None });
        let sealed = Sealed { owner: subject, secret, whose, payloads };
        let sealed = if sealed.payloads.is_empty() { Vec::new() } else { vec![sealed] };
        let commit = core.store.commit(Stored { records: vec![record], sealed, ..Stored::default() });
        core.durable_or_refused(commit).await.map(drop)
    }
}

/// The path as OPA logs it, and the query.
fn named(question: &Question) -> (String, Option<String>) {
    match question {
        Question::Document(path) => (path.join("/"), None),
        Question::Query(query) => (String::new(), Some(query.clone())),
    }
}

/// The answer, and what is logged of input and answer.
fn evaluate(
    documents: &Arc<Documents>,
    asking: &Asking,
    subject: Subject<'_>,
) -> (Result<Option<Vec<u8>>, Refused>, Masked) {
    let asked = documents.ask(&asking.question, asking.input.as_ref(), asking.strict);
    let (answer, result) = match asked {
        Ok(Some(answer)) => match answer.json() {
            Ok(json) => (Some(answer), Ok(Some(json))),
            Err(refused) => (None, Err(refused)),
        },
        Ok(None) => (None, Ok(None)),
        Err(refused) => (None, Err(refused)),
    };
    let plain = |answer: Option<&Answer>| Masked {
        input: asking.input.as_ref().map(|input| input.json().to_vec()),
        result: answer.and(result.as_ref().ok().cloned().flatten()),
        ..Masked::default()
    };
    let masked = documents.mask(subject, asking.input.as_ref(), answer.as_ref());
    let masked = masked.unwrap_or_else(|| plain(answer.as_ref()));
    (result, masked)
}

fn failure(refused: &Refused) -> Failed {
    let told = refused
        .faults()
        .first()
        .map_or_else(|| refused.to_string(), |fault| format!("{refused}: {}: {}", fault.code, fault.message));
    Failed { code: refused.code().to_owned(), message: told.chars().take(LONGEST_ERROR).collect() }
}

//! What people do with runs: look at them, answer their reviews, cancel them, plan them without running.

use concordat_model::agree::Contract;
use concordat_model::classification::Classification;
use concordat_model::decision::Decision;
use concordat_model::digest::Digest;
use concordat_model::id::{DecisionId, RecordId, ReviewId, RunId};
use concordat_model::run::Run;
use concordat_model::run::event::{Event, Verdict};
use concordat_model::submission::Submission;
use concordat_policy::input::{Action, Resource, ResourceKind};
use serde_json::Value;

use crate::core::Core;
use crate::engine::{Caller, Engine};
use crate::error::EngineError;
use crate::gates;
use crate::input::{Input, Order, Ordered, Reviewed};
use crate::limits::Waiting;
use crate::ports::{StoredRecord, StoredRun};
use crate::recover::fold;
use crate::world::OpenReview;

/// A run with everything that is stored of it.
#[derive(Debug, Clone)]
pub struct RunView {
    /// The run, folded.
    pub run: Run,
    /// Its records, in order.
    pub records: Vec<StoredRecord>,
    /// What its steps wait for that could run.
    pub waits: Vec<Waiting>,
}

/// One contract as it would be taken in.
#[derive(Debug, Clone)]
pub struct Planned {
    /// What it is called within the submission.
    pub label: String,
    /// The contract.
    pub contract: Contract,
    /// What it is about.
    pub classification: Classification,
    /// What the admit gate would say.
    pub decision: Decision,
}

impl Engine {
    /// A run, folded from the store.
    ///
    /// # Errors
    /// There is none, the caller may not see it, or it cannot be read.
    pub async fn run(&self, caller: &Caller, id: RunId) -> Result<RunView, EngineError> {
        let missing = || EngineError::NotFound { what: "contract", id: id.to_string() };
        let stored: StoredRun = self.core.store.run(id).await?.ok_or_else(missing)?;
        let run = match fold(&stored) {
            Ok(run) => run,
            Err(EngineError::PayloadMissing(digest)) => return Err(self.gone(caller, &stored, digest).await),
            Err(error) => return Err(error),
        };
        let may = self.permit(caller, Action::ContractsRead, of_run(ResourceKind::Contract, &run)).await;
        // Another tenant's contract is not even known to exist.
        may.map_err(|error| if same_tenant(caller, &run) { error } else { missing() })?;
        let waits = self.core.limits.waits_of(id);
        Ok(RunView { run, records: stored.records, waits })
    }

    /// Why a run cannot be folded: for whoever may see it, that it was forgotten.
    async fn gone(&self, caller: &Caller, stored: &StoredRun, digest: Digest) -> EngineError {
        let missing = EngineError::NotFound { what: "contract", id: stored.id.to_string() };
        let Some(Ok(Event::Received { submitter, .. })) =
            stored.records.first().map(|first| first.record.data())
        else {
            return missing;
        };
        if submitter.tenant != caller.principal.tenant {
            return missing;
        }
        let resource = Resource {
            kind: ResourceKind::Contract,
            id: Some(stored.id.to_string()),
            tenant: Some(submitter.tenant),
            submitter: Some(submitter.name),
            gate: None,
        };
        match self.permit(caller, Action::ContractsRead, resource).await {
            Ok(_) => self.absent(&stored.id.to_string(), digest).await,
            Err(error) => error,
        }
    }

    /// Why a payload is not stored: it was forgotten, or is lost.
    pub async fn absent(&self, owner: &str, digest: Digest) -> EngineError {
        match self.core.store.forgotten(owner).await {
            Ok(Some(record)) => EngineError::Forgotten { id: owner.to_owned(), record },
            Ok(None) => EngineError::PayloadMissing(digest),
            Err(error) => error.into(),
        }
    }

    /// What would happen to a submission, without taking it in.
    ///
    /// # Errors
    /// The document is wrong, or the caller may not submit.
    pub async fn plan(&self, caller: &Caller, document: Value) -> Result<Vec<Planned>, EngineError> {
        let submission = Submission::agree(document, &self.core.templates)?;
        let resource = Resource {
            kind: ResourceKind::Contract,
            id: None,
            tenant: Some(caller.principal.tenant.clone()),
            submitter: Some(caller.principal.name.clone()),
            gate: None,
        };
        self.permit(caller, Action::ContractsSubmit, resource).await?;
        submission
            .contracts
            .into_iter()
            .map(|one| planned(&self.core, caller, one.label.to_string(), one.contract))
            .collect()
    }

    /// Orders a run to stop, hold, go on, or take longer.
    ///
    /// # Errors
    /// There is no such run, the order makes no sense in its state, or the caller may not give it.
    pub async fn order(
        &self,
        caller: &Caller,
        id: RunId,
        order: Order,
        reason: &str,
    ) -> Result<RunView, EngineError> {
        self.core.running()?;
        let view = self.run(caller, id).await?;
        let action = match order {
            Order::Cancel => Action::ContractsCancel,
            Order::Kill => Action::ContractsKill,
            Order::Pause | Order::Resume => Action::ContractsPause,
            Order::Extend(_) => Action::ContractsExtend,
        };
        let access = self.permit(caller, action, of_run(ResourceKind::Contract, &view.run)).await?;
        let by = caller.principal.name.clone();
        self.tell_run(id, Input::Ordered(Ordered { order, by, reason: reason.to_owned(), access })).await?;
        self.run(caller, id).await
    }

    /// The reviews that wait for people, oldest first, of the caller's tenant.
    #[must_use]
    pub fn reviews(&self, caller: &Caller) -> Vec<OpenReview> {
        let world = self.core.world.read();
        world.reviews.values().filter(|open| open.tenant == caller.principal.tenant).cloned().collect()
    }

    /// Answers a review. Approval is evidence: policy is asked again, and only policy says yes.
    ///
    /// # Errors
    /// The review is not open, is about another payload, or the caller may not answer it.
    pub async fn answer_review(
        &self,
        caller: &Caller,
        review: ReviewId,
        verdict: Verdict,
        reason: &str,
        payload: concordat_model::digest::Digest,
    ) -> Result<RunView, EngineError> {
        self.answered(caller, review, Said { verdict, reason, payload, answer: None }).await
    }

    /// Says what an agent that asked is to be told: text, or data. Policy is asked again before it is.
    ///
    /// # Errors
    /// The review is not open, asks for no such thing, is about another question, or the caller may not answer it.
    pub async fn answer_agent(
        &self,
        caller: &Caller,
        review: ReviewId,
        answer: Value,
        reason: &str,
        payload: concordat_model::digest::Digest,
    ) -> Result<RunView, EngineError> {
        let said = Said { verdict: Verdict::Approve, reason, payload, answer: Some(answer) };
        self.answered(caller, review, said).await
    }

    async fn answered(
        &self,
        caller: &Caller,
        review: ReviewId,
        said: Said<'_>,
    ) -> Result<RunView, EngineError> {
        let Said { verdict, reason, payload, answer } = said;
        self.core.running()?;
        let missing = || EngineError::NotFound { what: "open review", id: review.to_string() };
        let open = self.core.world.read().reviews.get(&review).cloned().ok_or_else(missing)?;
        let resource = Resource {
            kind: ResourceKind::Review,
            id: Some(review.to_string()),
            tenant: Some(open.tenant.clone()),
            submitter: Some(open.submitter.clone()),
            gate: None,
        };
        let may = self.permit(caller, Action::ReviewsAnswer, resource).await;
        let access =
            may.map_err(|error| if caller.principal.tenant == open.tenant { error } else { missing() })?;
        let by = caller.principal.clone();
        let answer = Reviewed { review, verdict, by, reason: reason.to_owned(), payload, access, answer };
        self.tell_run(open.run, Input::Reviewed(answer)).await?;
        self.run(caller, open.run).await
    }

    /// A decision with the record that holds it.
    ///
    /// # Errors
    /// There is none, or the store cannot be read.
    pub async fn decision(&self, id: DecisionId) -> Result<(Decision, StoredRecord), EngineError> {
        let missing = || EngineError::NotFound { what: "decision", id: id.to_string() };
        let record = RecordId::new(id.uuid()).to_string();
        let stored = self.core.store.record(&record).await?.ok_or_else(missing)?;
        match stored.record.data::<Event>() {
            Ok(Event::Decided { decision, .. }) => Ok((*decision, stored)),
            _ => Err(missing()),
        }
    }
}

/// A person's answer.
struct Said<'a> {
    verdict: Verdict,
    reason: &'a str,
    payload: concordat_model::digest::Digest,
    answer: Option<Value>,
}

pub(crate) fn of_run(kind: ResourceKind, run: &Run) -> Resource {
    Resource {
        kind,
        id: Some(run.id.to_string()),
        tenant: Some(run.state.submitter.tenant.clone()),
        submitter: Some(run.state.submitter.name.clone()),
        gate: None,
    }
}

fn same_tenant(caller: &Caller, run: &Run) -> bool {
    caller.principal.tenant == run.state.submitter.tenant
}

/// Asks the admit gate about a contract that is not taken in. The answer binds nobody.
fn planned(core: &Core, caller: &Caller, label: String, contract: Contract) -> Result<Planned, EngineError> {
    let classification = core.classifier.classify(&gates::words(&contract));
    let input = gates::admit_plan(
        &contract,
        0,
        &caller.principal,
        &classification,
        &core.world.read(),
        core.clock.now(),
    );
    let decision =
        core.policies.panel().enforced().admit(DecisionId::new(core.clock.uuid()), &input).decision;
    Ok(Planned { label, contract, classification, decision })
}

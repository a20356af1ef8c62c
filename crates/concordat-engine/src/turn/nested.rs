//! Contracts within contracts: a step that is one, an answer that is decomposed into one, the fallback.
//!
//! Each is a run of its own, opened in the turn that asks for it and recorded with it: validated, classified and put
//! before policy like any other, within the authority of the contract around it.

use concordat_model::agree::{Contract, ContractForm, MAX_DEPTH, Nested, Step};
use concordat_model::contract::ContractDocument;
use concordat_model::document;
use concordat_model::id::{DecisionId, RunId};
use concordat_model::name::StepName;
use concordat_model::run::due::{Ask, Due};
use concordat_model::run::event::{Allotment, Attempt, Ending, Event, Failure, Origin};
use concordat_model::run::leg::LegState;
use concordat_model::run::{Phase, Run, THE_END};
use concordat_model::work::{Leg, Outcome};
use concordat_policy::Authorized;
use serde_json::{Value, json};

use super::{Fresh, Turn};
use crate::error::EngineError;
use crate::gates;
use crate::input::Returned;

impl<'a> Turn<'a> {
    /// A step that is a contract.
    pub(super) fn delegate(&mut self, ask: &Ask, nested: &Nested) -> Result<(), EngineError> {
        let input = match self.resolved(ask, &nested.input) {
            Ok(input) => input,
            Err(error) => return self.fail(ask.attempt.clone(), error),
        };
        self.delegate_to(ask, nested.contract.clone(), input, None)
    }

    fn delegate_to(
        &mut self,
        ask: &Ask,
        contract: ContractDocument,
        input: Value,
        decision: Option<DecisionId>,
    ) -> Result<(), EngineError> {
        let label = ask.attempt.step.name.clone();
        match self.open(contract, input, label, self.sharers(ask))? {
            Ok((run, allotted)) => {
                self.tell(Event::Delegated { attempt: ask.attempt.clone(), run, allotted, decision })
            }
            Err(error) => self.fail(ask.attempt.clone(), error),
        }
    }

    /// How many contracts share what is left of the budget: the items of a step that are not settled.
    fn sharers(&self, ask: &Ask) -> u32 {
        let state = self.run.state.steps().get(ask.step).filter(|state| state.item.is_some());
        let items = state.and_then(|state| self.run.state.steps().get(state.written)?.items);
        let waiting = items.map_or(1, |items| items.open.saturating_sub(self.run.state.lent.len()).max(1));
        u32::try_from(waiting).unwrap_or(u32::MAX)
    }

    /// The steps that an agent answered with, if it may and did.
    pub(super) fn decomposed(&self, ask: &Ask, step: &Step, outcome: &Authorized<Outcome>) -> Option<Value> {
        let may = ask.attempt.leg == Leg::Do && step.document.may_decompose.is_some();
        let answer = &outcome.get().output;
        (may && answer.get("steps").is_some_and(Value::is_array)).then(|| Value::clone(answer))
    }

    /// An answer that is steps instead of a result: they become a contract of their own.
    pub(super) fn delegate_steps(
        &mut self,
        ask: &Ask,
        step: &Step,
        answer: Value,
        decision: DecisionId,
    ) -> Result<(), EngineError> {
        if self.run.state.phase != Phase::Running {
            let code = "contract-stops".to_owned();
            let message =
                "the contract stops, so the steps that the agent answered with do not begin".to_owned();
            return self.fail(ask.attempt.clone(), Failure { code, message, decision: None });
        }
        match self.contract_of(step, answer) {
            Ok(contract) => self.delegate_to(ask, contract, json!({}), Some(decision)),
            Err(message) => {
                let code = "decomposition-invalid".to_owned();
                self.fail(ask.attempt.clone(), Failure { code, message, decision: None })
            }
        }
    }

    fn contract_of(&self, step: &Step, mut answer: Value) -> Result<ContractDocument, String> {
        let Some(may) = step.document.may_decompose else {
            return Err("the step is not to be decomposed".to_owned());
        };
        let around = self.run.contract.document();
        let steps = answer.get_mut("steps").map(Value::take).unwrap_or_default();
        let count = steps.as_array().map_or(0, Vec::len);
        if count == 0 || count > usize::from(may.steps) {
            return Err(format!("the agent answered with {count} steps, and may with 1 to {}", may.steps));
        }
        let name: String =
            format!("{}.{}", around.metadata.name, step.document.id).chars().take(64).collect();
        let mut spec = json!({
            "objective": around.spec.objective, "requirements": around.spec.requirements, "steps": steps,
        });
        if let (Some(output), Some(spec)) = (answer.get_mut("output"), spec.as_object_mut()) {
            spec.insert("output".to_owned(), output.take());
        }
        let whole = json!({"apiVersion": "concordat/v1", "kind": "Contract", "metadata": {"name": name}, "spec": spec});
        let contract: ContractDocument = document::typed(whole).map_err(|problems| problems.to_string())?;
        let deeper = contract
            .spec
            .steps
            .iter()
            .filter_map(|step| step.may_decompose)
            .find(|inner| inner.depth >= may.depth);
        match deeper {
            Some(inner) => Err(format!(
                "a step that came of a decomposition {} deep is to be decomposed {} deep: it may less",
                may.depth, inner.depth
            )),
            None => Ok(contract),
        }
    }

    /// The contract's fallback, after everything else failed.
    pub(super) fn fall_back(&mut self) -> Result<(), EngineError> {
        let contract = self.run.contract.clone();
        let Some(nested) = contract.fallback() else { return Ok(()) };
        let source = |source: &_| self.run.source(source, THE_END);
        // What did not come to be is null for a fallback, which is there for exactly that case.
        let input = concordat_model::reference::resolve(&nested.input, &|wanted| match source(wanted) {
            concordat_model::reference::Sourced::Missing => concordat_model::reference::Sourced::Skipped,
            other => other,
        });
        let opened = match input {
            Ok(input) => self.open(nested.contract.clone(), input, self.run.state.label.clone(), 1)?,
            Err(lost) => Err(Failure {
                code: "reference-unresolved".to_owned(),
                message: lost.to_string(),
                decision: None,
            }),
        };
        match opened {
            Ok((run, allotted)) => self.tell(Event::FellBack { run, allotted }),
            Err(error) => {
                let id = self.run.id;
                tracing::warn!(run = %id, "the fallback of run {id} cannot be carried out: {}", error.message);
                self.perform(Due::Stop)
            }
        }
    }

    /// Opens a run within this one, or says why there cannot be one.
    fn open(
        &mut self,
        contract: ContractDocument,
        input: Value,
        label: StepName,
        sharers: u32,
    ) -> Result<Result<(RunId, Allotment), Failure>, EngineError> {
        let depth = self.run.depth().saturating_add(1);
        if usize::from(depth) >= MAX_DEPTH {
            let message = format!("contracts lie at most {MAX_DEPTH} deep within each other");
            return Ok(Err(Failure { code: "too-deep".to_owned(), message, decision: None }));
        }
        let (contract, allotted) = match self.run.mandate(sharers, self.at).narrow(contract) {
            Ok(narrowed) => narrowed,
            Err(failure) => return Ok(Err(failure)),
        };
        let contract = match Contract::agree(ContractForm { contract, input }) {
            Ok(contract) => contract,
            Err(problems) => {
                let (code, message) = ("nested-invalid".to_owned(), problems.to_string());
                return Ok(Err(Failure {
                    code,
                    message: message.chars().take(2000).collect(),
                    decision: None,
                }));
            }
        };
        let id = RunId::new(self.core.clock.uuid());
        let classification = self.core.classifier.classify(&gates::words(&contract));
        let state = &self.run.state;
        let received = |contract: &Contract| Event::Received {
            submission: state.submission,
            label,
            name: contract.document().metadata.name.clone(),
            contract: contract.digest(),
            submitter: state.submitter.clone(),
            depends_on: Vec::new(),
            access: state.access,
            origin: Origin::Nested { run: self.run.id, depth },
        };
        let fresh = Fresh::run(self.core, id, contract, received, self.at)?;
        let child = Turn::opening(self.core, fresh, None, classification, Vec::new())?;
        self.children.push(child);
        Ok(Ok((id, allotted)))
    }

    /// A contract within this one is over.
    pub(super) fn returned(&mut self, returned: Returned) -> Result<(), EngineError> {
        let Returned { run, result, used } = returned;
        // It may be told twice: when it ended, and after a start.
        let Some(loan) = self.run.state.lent.get(&run).cloned() else { return Ok(()) };
        self.tell(Event::Returned { run, used })?;
        match (loan.step, result) {
            (Some(attempt), result) if self.is_delegated(&attempt, run) => match result {
                Ok(output) => self.conclude(attempt, Value::clone(&output)),
                Err(error) => self.fail(attempt, error),
            },
            (None, Ok(output)) if matches!(self.run.state.phase, Phase::FallingBack(_)) => {
                let (output, _) = self.put(output)?;
                self.tell(Event::Ended { ending: Ending::Completed { output } })
            }
            (None, Err(_)) if matches!(self.run.state.phase, Phase::FallingBack(_)) => {
                self.perform(Due::Stop)
            }
            _ => Ok(()),
        }
    }

    fn is_delegated(&self, attempt: &Attempt, to: RunId) -> bool {
        let leg = self.run.place(&attempt.step).and_then(|place| self.run.state.leg(place, attempt.leg));
        matches!(leg, Some(LegState::Delegated { run, .. }) if *run == to)
    }
}

/// How a run ended, for the run that it was carried out within.
pub(crate) fn result_of(run: &Run) -> Option<Returned> {
    let Phase::Ended { cause, ending, .. } = &run.state.phase else { return None };
    let result = match ending {
        Ending::Completed { output } => run.payload(output).cloned().ok_or_else(|| Failure {
            code: "nested-lost".to_owned(),
            message: "the result of the contract within cannot be read".to_owned(),
            decision: None,
        }),
        Ending::Stopped { .. } => {
            let status = crate::row::status(&run.state);
            let name = &run.contract.document().metadata.name;
            let why = cause.as_ref().map_or_else(String::new, |cause| format!(": {}", why(run, cause)));
            Err(Failure {
                code: format!("nested-{status}"),
                message: format!("the contract `{name}` within it ({}) {status}{why}", run.id),
                decision: None,
            })
        }
    };
    Some(Returned { run: run.id, result, used: run.used() })
}

fn why(run: &Run, cause: &concordat_model::run::event::Cause) -> String {
    use concordat_model::run::event::Cause;
    match cause {
        Cause::StepFailed { step, .. } => {
            let leg = run.place(step).and_then(|place| run.state.leg(place, Leg::Do));
            match leg {
                Some(LegState::Failed { error, .. }) => format!("step `{step}` failed: {}", error.message),
                _ => format!("step `{step}` failed"),
            }
        }
        Cause::Cancelled { by, reason, .. } => format!("{by} cancelled it: {reason}"),
        Cause::Killed { by, reason, .. } => format!("{by} ended it at once: {reason}"),
        Cause::Around { .. } => "the contract around it stopped".to_owned(),
        Cause::Deadline => "its deadline passed".to_owned(),
        Cause::Dependency { run } => format!("the run {run} that it depends on was not completed"),
        Cause::Exceeded { limit } => limit.clone(),
        Cause::Unacceptable { message } => message.clone(),
        Cause::Rejected { review } => format!("people said no in the review {review}"),
        Cause::Denied { decision } => format!("policy said no in the decision {decision}"),
    }
}

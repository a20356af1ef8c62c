//! A run as the API shows it, told from its state and its records.

mod leg;

use std::collections::BTreeMap;

use concordat_engine::ports::RunRow;
use concordat_engine::{EngineError, RunView};
use concordat_model::agree::Step;
use concordat_model::contract as document;
use concordat_model::id::AgentId;
use concordat_model::run::Phase;
use concordat_model::run::event::{Cause as ModelCause, Ending};
use concordat_model::run::leg::LegState;
use concordat_model::work::Leg;
use serde_json::Value;

use crate::api::contracts::{Cause, ContractDetail, ContractRow, Governance, RunReview, StepRow};
use crate::story::{Story, output_of};
use leg::Place;

impl From<&RunRow> for ContractRow {
    fn from(row: &RunRow) -> ContractRow {
        ContractRow {
            run: row.id.to_string(),
            label: row.label.to_string(),
            contract: row.contract.to_string(),
            digest: row.digest.to_string(),
            submitter: row.submitter.to_string(),
            domain: row.domain.as_ref().map(ToString::to_string),
            status: row.status.clone(),
            settled: row.settled,
            steps: row.steps,
            submission: row.submission.to_string(),
            received: row.received,
            ended: row.ended,
        }
    }
}

/// Everything about one run.
pub(crate) fn detail(view: &RunView) -> Result<ContractDetail, EngineError> {
    let story = Story::read(view)?;
    let (state, contract) = (&view.run.state, &view.run.contract);
    let (cause, undone, not_undone) = match &state.phase {
        Phase::Closing(cause) | Phase::Undoing(cause) => {
            let (undone, not_undone) = view.run.undone(cause);
            (Some(cause), undone, not_undone)
        }
        Phase::Ended { cause, ending: Ending::Stopped { undone, not_undone }, .. } => {
            (cause.as_ref(), undone.clone(), not_undone.clone())
        }
        _ => (None, Vec::new(), Vec::new()),
    };
    let texts = |names: Vec<concordat_model::name::StepName>| names.iter().map(ToString::to_string).collect();
    let ended = matches!(state.phase, Phase::Ended { .. });
    let output =
        output_of(view).and_then(|digest| view.run.payload(&digest)).map(|value| Value::clone(value));
    Ok(ContractDetail {
        row: (&concordat_engine::row(&view.run)).into(),
        objective: contract.spec().objective.clone(),
        classification: state.classification.as_ref().map(Into::into),
        governance: governance(&contract.spec().governance),
        deadline: state.deadline,
        calls: state.calls,
        spent: state.spent.iter().map(|(currency, micros)| (currency.clone(), amount(*micros))).collect(),
        cause: cause.map(|one| cause_of(&story, view, one)),
        undone: texts(undone),
        // While it is being undone, what is not undone yet is nothing that a person must look at.
        not_undone: if ended { texts(not_undone) } else { Vec::new() },
        output,
        open_reviews: reviews(view),
        depends_on: state.depends_on.iter().map(ToString::to_string).collect(),
        step_list: contract.steps().iter().enumerate().map(|(at, one)| step(&story, view, at, one)).collect(),
    })
}

/// A word of the document format, as the document writes it.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

fn governance(governance: &document::Governance) -> Governance {
    Governance {
        risk: word(&governance.risk),
        reversible: governance.reversible,
        data_classes: governance.data_classes.iter().map(word).collect(),
        compliance: governance.compliance.clone(),
    }
}

/// Millionths as an amount: at least two decimals, at most six.
fn amount(micros: u64) -> String {
    let decimals = format!("{:06}", micros % 1_000_000);
    format!("{}.{:0<2}", micros / 1_000_000, decimals.trim_end_matches('0'))
}

fn reviews(view: &RunView) -> Vec<RunReview> {
    let open = view.run.state.reviews.iter();
    open.map(|(id, open)| RunReview {
        id: id.to_string(),
        about: (&open.about).into(),
        decision: open.decision.map(|decision| decision.to_string()),
        payload: open.payload.to_string(),
        opened: open.opened,
        expires: open.expires,
    })
    .collect()
}

fn cause_of(story: &Story, view: &RunView, cause: &ModelCause) -> Cause {
    let text = story.cause(view, cause);
    let plain = |code: &str| Cause {
        code: code.to_owned(),
        text,
        step: None,
        by: None,
        run: None,
        review: None,
        decision: None,
    };
    match cause {
        ModelCause::StepFailed { step, .. } => Cause { step: Some(step.to_string()), ..plain("step_failed") },
        ModelCause::Cancelled { by, access, .. } => {
            Cause { by: Some(by.to_string()), decision: Some(access.to_string()), ..plain("cancelled") }
        }
        ModelCause::Deadline => plain("deadline"),
        ModelCause::Dependency { run } => Cause { run: Some(run.to_string()), ..plain("dependency") },
        ModelCause::Unacceptable { .. } => plain("unacceptable"),
        ModelCause::Rejected { review } => Cause { review: Some(review.to_string()), ..plain("rejected") },
        ModelCause::Denied { decision } => Cause { decision: Some(decision.to_string()), ..plain("denied") },
    }
}

fn step(story: &Story, view: &RunView, at: usize, step: &Step) -> StepRow {
    let needs = needs(view, at);
    let row = |leg: Leg, state: &LegState| leg::row(&Place { story, view, step, leg, needs: &needs }, state);
    let undo = view.run.state.leg(at, Leg::Undo);
    let undo = undo.filter(|undo| **undo != LegState::Waiting || undoes(view, step));
    StepRow {
        id: step.document.id.to_string(),
        skill: step.document.skill.to_string(),
        doing: row(Leg::Do, view.run.state.leg(at, Leg::Do).unwrap_or(&LegState::Waiting)),
        undo: undo.map(|undo| row(Leg::Undo, undo)),
        needs,
    }
}

fn needs(view: &RunView, at: usize) -> Vec<String> {
    let contract = &view.run.contract;
    let needs = contract.plan().needs(at).iter().filter_map(|need| contract.steps().get(*need));
    needs.map(|step| step.document.id.to_string()).collect()
}

/// Whether the step will be undone and its turn has not come.
fn undoes(view: &RunView, step: &Step) -> bool {
    match &view.run.state.phase {
        Phase::Undoing(cause) => view.run.undone(cause).1.contains(&step.document.id),
        _ => false,
    }
}

/// The names of agents by their ids, as the API shows them.
pub(crate) fn names(
    ids: impl Iterator<Item = AgentId>,
    name: impl Fn(AgentId) -> Option<String>,
) -> BTreeMap<String, String> {
    ids.filter_map(|id| Some((id.to_string(), name(id)?))).collect()
}

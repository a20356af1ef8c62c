//! A run as the API shows it, told from its state and its records.

mod leg;
mod line;

use std::collections::{BTreeMap, HashSet};

use concordat_engine::ports::RunRow;
use concordat_engine::{EngineError, RunView};
use concordat_model::agree::{Kind, Step};
use concordat_model::contract as document;
use concordat_model::id::AgentId;
use concordat_model::run::Phase;
use concordat_model::run::event::{About, Cause as ModelCause, Ending, Origin as ModelOrigin};
use concordat_model::run::leg::LegState;
use concordat_model::run::state::Items;
use concordat_model::step_id::StepId;
use concordat_model::work::Leg;
use serde_json::Value;

use crate::api::contracts::{
    Cause, ContractDetail, ContractRow, Governance, ItemRow, LegRow, Origin, OriginKind, Pause, RunReview,
    StepItems, StepKind, StepRow,
};
use crate::inquiry;
use crate::story::{Story, output_of};
use leg::Place;

pub(crate) use leg::not_chosen;

/// The most items of a step that are shown.
const SHOWN_ITEMS: usize = 100;

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

/// Everything about one run. `name` knows agents by their ids.
pub(crate) fn detail(
    view: &RunView,
    name: &dyn Fn(AgentId) -> Option<String>,
) -> Result<ContractDetail, EngineError> {
    let story = Story::read(view)?;
    let (state, contract) = (&view.run.state, &view.run.contract);
    let (cause, undone, not_undone) = match &state.phase {
        Phase::Closing(cause) | Phase::Undoing(cause) | Phase::FallingBack(cause) => {
            let (undone, not_undone) = view.run.undone(cause);
            (Some(cause), undone, not_undone)
        }
        Phase::Ended { cause, ending: Ending::Stopped { undone, not_undone }, .. } => {
            (cause.as_ref(), undone.clone(), not_undone.clone())
        }
        Phase::Ended { cause, ending: Ending::Completed { .. }, .. } => {
            (cause.as_ref(), Vec::new(), Vec::new())
        }
        _ => (None, Vec::new(), Vec::new()),
    };
    let texts = |names: Vec<StepId>| names.iter().map(ToString::to_string).collect();
    let ended = matches!(state.phase, Phase::Ended { .. });
    let output =
        output_of(view).and_then(|digest| view.run.payload(&digest)).map(|value| Value::clone(value));
    let told = Told::new(view, &story, name);
    Ok(ContractDetail {
        row: (&concordat_engine::row(&view.run)).into(),
        objective: contract.spec().objective.clone(),
        classification: state.classification.as_ref().map(Into::into),
        governance: governance(&contract.spec().governance),
        priority: contract.spec().priority.get(),
        origin: origin(&state.origin),
        pause: state.paused.as_ref().map(|pause| Pause {
            since: pause.since,
            by: pause.by.to_string(),
            reason: pause.reason.clone(),
        }),
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
        fallback: story.fallback().map(|run| run.to_string()),
        step_list: contract.steps().iter().enumerate().map(|(at, step)| told.step(at, step)).collect(),
    })
}

/// What the steps of a run wait for now, each in words.
pub(crate) fn waiting<'a>(
    view: &'a RunView,
    story: &'a Story,
    name: &'a dyn Fn(AgentId) -> Option<String>,
) -> impl Iterator<Item = (StepId, String)> + 'a {
    let told = Told::new(view, story, name);
    let places = 0..view.run.state.steps().len();
    places.flat_map(move |place| {
        let legs = [Leg::Do, Leg::Undo].into_iter();
        let begun = legs.filter_map(|leg| {
            let state = view.run.state.leg(place, leg).filter(|state| **state != LegState::Waiting)?;
            Some((view.run.step_id(place)?, told.leg(place, leg, state)?.waiting_for?))
        });
        begun.collect::<Vec<_>>()
    })
}

fn origin(origin: &ModelOrigin) -> Option<Origin> {
    let plain = |kind| Origin {
        kind,
        run: None,
        depth: None,
        from: None,
        reason: None,
        trigger: None,
        occasion: None,
    };
    match origin {
        ModelOrigin::Submitted => None,
        ModelOrigin::Nested { run, depth } => {
            Some(Origin { run: Some(run.to_string()), depth: Some(*depth), ..plain(OriginKind::Nested) })
        }
        ModelOrigin::Retried { run, from, reason } => Some(Origin {
            run: Some(run.to_string()),
            from: Some(from.to_string()),
            reason: Some(reason.clone()),
            ..plain(OriginKind::Retried)
        }),
        ModelOrigin::Triggered { trigger, occasion } => Some(Origin {
            trigger: Some(trigger.to_string()),
            occasion: Some(occasion.clone()),
            ..plain(OriginKind::Triggered)
        }),
    }
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
        question: question(view, &open.about),
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
        ModelCause::Killed { by, access, .. } => {
            Cause { by: Some(by.to_string()), decision: Some(access.to_string()), ..plain("killed") }
        }
        ModelCause::Around { run, .. } => Cause { run: Some(run.to_string()), ..plain("around") },
        ModelCause::Deadline => plain("deadline"),
        ModelCause::Dependency { run } => Cause { run: Some(run.to_string()), ..plain("dependency") },
        ModelCause::Exceeded { .. } => plain("exceeded"),
        ModelCause::Unacceptable { .. } => plain("unacceptable"),
        ModelCause::Rejected { review } => Cause { review: Some(review.to_string()), ..plain("rejected") },
        ModelCause::Denied { decision } => Cause { decision: Some(decision.to_string()), ..plain("denied") },
    }
}

/// The question of a step, as it was written, or of an agent, in its words.
fn question(view: &RunView, about: &About) -> Option<String> {
    let attempt = match about {
        About::Question { attempt } => attempt,
        About::Asked { attempt } => {
            let leg = view.run.state.leg(view.run.place(&attempt.step)?, attempt.leg)?;
            let LegState::Asking { inquiry, .. } = leg else { return None };
            return Some(inquiry::asks(&view.run, &inquiry.question));
        }
        About::Admission | About::Step { .. } | About::Reconciliation { .. } => return None,
    };
    match &view.run.step(view.run.place(&attempt.step)?)?.kind {
        Kind::Review(question) => Some(question.question.clone()),
        _ => None,
    }
}

impl From<&Kind> for StepKind {
    fn from(kind: &Kind) -> StepKind {
        match kind {
            Kind::Skill(_) => StepKind::Skill,
            Kind::Review(_) => StepKind::Review,
            Kind::Wait(_) => StepKind::Wait,
            Kind::Emit(_) => StepKind::Emit,
            Kind::Contract(_) => StepKind::Contract,
            Kind::OneOf(_) => StepKind::OneOf,
        }
    }
}

/// What all steps of a run are told from.
struct Told<'a> {
    view: &'a RunView,
    story: &'a Story,
    name: &'a dyn Fn(AgentId) -> Option<String>,
    /// The steps that will be undone and are not yet.
    to_undo: HashSet<StepId>,
}

impl<'a> Told<'a> {
    fn new(view: &'a RunView, story: &'a Story, name: &'a dyn Fn(AgentId) -> Option<String>) -> Told<'a> {
        let to_undo = match &view.run.state.phase {
            Phase::Undoing(cause) => view.run.undone(cause).1.into_iter().collect(),
            _ => HashSet::new(),
        };
        Told { view, story, name, to_undo }
    }

    fn step(&self, at: usize, step: &Step) -> StepRow {
        let contract = &self.view.run.contract;
        let needs = contract.plan().needs(at).iter().filter_map(|need| contract.steps().get(*need));
        let (doing, undo) = self.legs(at);
        StepRow {
            id: step.document.id.to_string(),
            kind: (&step.kind).into(),
            skill: step.kind.skill().map(ToString::to_string),
            needs: needs.map(|step| step.document.id.to_string()).collect(),
            doing,
            undo,
            items: self
                .view
                .run
                .state
                .steps()
                .get(at)
                .and_then(|state| state.items)
                .map(|items| self.items(items)),
        }
    }

    fn items(&self, items: Items) -> StepItems {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let shown = (0..items.count.min(SHOWN_ITEMS)).map(|nth| {
            let (doing, undo) = self.legs(items.first + nth);
            ItemRow { item: count(nth), doing, undo }
        });
        StepItems {
            count: count(items.count),
            open: count(items.open),
            failed: items.failed,
            shown: shown.collect(),
        }
    }

    /// Doing and, once that was asked for, undoing what stands at a place of the run.
    fn legs(&self, place: usize) -> (LegRow, Option<LegRow>) {
        let state = &self.view.run.state;
        let doing = state.leg(place, Leg::Do).unwrap_or(&LegState::Waiting);
        let undo = state.leg(place, Leg::Undo).filter(|undo| {
            let coming = || self.view.run.step_id(place).is_some_and(|id| self.to_undo.contains(&id));
            **undo != LegState::Waiting || coming()
        });
        let blank = || LegRow::of(crate::api::contracts::StepState::Waiting);
        (
            self.leg(place, Leg::Do, doing).unwrap_or_else(blank),
            undo.and_then(|undo| self.leg(place, Leg::Undo, undo)),
        )
    }

    fn leg(&self, place: usize, leg: Leg, state: &LegState) -> Option<LegRow> {
        let id = self.view.run.step_id(place)?;
        let step = self.view.run.step(place)?;
        let (story, view, name) = (self.story, self.view, self.name);
        Some(leg::row(&Place { story, view, name, step, id, place, leg }, state))
    }
}

/// The names of agents by their ids, as the API shows them.
pub(crate) fn names(
    ids: impl Iterator<Item = AgentId>,
    name: impl Fn(AgentId) -> Option<String>,
) -> BTreeMap<String, String> {
    ids.filter_map(|id| Some((id.to_string(), name(id)?))).collect()
}

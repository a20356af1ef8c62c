//! Asking an agent what became of work whose answer was lost, before anybody has to guess.
//!
//! Only an agent whose registration says that it `reconciles` is asked, and only about work that it was given by a
//! recorded decision: the question tells it nothing that it was not told, and has it do nothing. What it says is
//! treated as its answer to that very attempt, which is checked and put before policy like any other. When it does
//! not know, the attempt is as lost as it was: a step that is `unsafe` waits for a person.

use std::sync::Arc;

use concordat_model::contract::{EffectKind, FailureKind};
use concordat_model::run::Run;
use concordat_model::run::event::Event;
use concordat_model::run::leg::LegState;
use concordat_model::work::{Assignment, Attempt, Leg, Work, idempotency_key};

use crate::core::Core;
use crate::input::Input;
use crate::ports::{Arrival, Fault, Found, Lost, LostWork, StoredRun};

/// Who could say what became of an assignment, should its answer be lost.
pub(crate) fn witness(assignment: &Assignment) -> Option<Lost> {
    let Assignment { work, binding, decision, agent, .. } = assignment;
    let Work { run, attempt, skill, telling, .. } = work;
    let task = telling.as_ref().map(|telling| telling.task.clone());
    let work = LostWork {
        run: *run,
        attempt: attempt.clone(),
        skill: skill.clone(),
        idempotency_key: work.idempotency_key(),
    };
    let (binding, decision, agent) = (binding.clone(), *decision, *agent);
    let lost = Lost { work, binding, decision, task, patience: None, agent, known: None };
    lost.binding.reconciles().then_some(lost)
}

/// What arrived, or, when that leaves open whether the work was done, what the agent says when it is asked.
pub(crate) async fn settled(core: &Core, witness: Option<Lost>, arrival: Arrival) -> Arrival {
    match (witness, is_open(&arrival)) {
        (Some(lost), true) => asked(core, lost).await.unwrap_or_else(|unknown| and(arrival, &unknown)),
        _ => arrival,
    }
}

/// Asks; an error says why nobody knows more than before.
async fn asked(core: &Core, lost: Lost) -> Result<Arrival, String> {
    let lost = Lost { known: core.known_by(lost.agent).await?, ..lost };
    let step = lost.work.attempt.step.clone();
    match core.transport.reconcile(lost).await {
        Found::Done(value) => Ok(Arrival::Completed(value)),
        Found::NotDone => Ok(Arrival::Failed {
            kind: FailureKind::Unavailable,
            fault: Fault::Agent,
            code: "agent-not-done",
            message: format!(
                "the answer about `{step}` was lost, and the agent says that it did not do the work"
            ),
            retry_after_ms: None,
        }),
        Found::Asked { question, task } => Ok(Arrival::Asked { question, task }),
        Found::Unknown { message } => Err(message),
    }
}

/// An answer that makes no sense leaves it as open as none.
fn is_open(arrival: &Arrival) -> bool {
    matches!(arrival, Arrival::Unknown { .. } | Arrival::Failed { kind: FailureKind::Malformed, .. })
}

/// The evidence grows: a person who decides should read both.
fn and(arrival: Arrival, unknown: &str) -> Arrival {
    let both = |message: String| format!("{message}; asked what became of it: {unknown}");
    match arrival {
        Arrival::Unknown { message } => Arrival::Unknown { message: both(message) },
        Arrival::Failed { kind, fault, code, message, retry_after_ms } => {
            Arrival::Failed { kind, fault, code, message: both(message), retry_after_ms }
        }
        told @ (Arrival::Completed(_) | Arrival::Asked { .. }) => told,
    }
}

/// After a start: work that was with agents and can be asked about. Everything else is sent again, or parked.
///
/// Unsafe work is asked about where the agent's registration says that it can be. An agent that was told an answer
/// has a name for the work, by which any is asked: it may have what it needs, and would only ask again.
pub(crate) fn interrupted(core: &Core, run: &Run, stored: &StoredRun) -> Vec<Lost> {
    let places = 0..run.state.steps().len();
    let legs = places.flat_map(|place| [Leg::Do, Leg::Undo].map(|leg| (place, leg)));
    legs.filter_map(|(place, leg)| interrupted_at(core, run, stored, place, leg)).collect()
}

fn interrupted_at(core: &Core, run: &Run, stored: &StoredRun, place: usize, leg: Leg) -> Option<Lost> {
    let step = run.step(place)?;
    let LegState::Dispatched { number, agent, revision, told, .. } = run.state.leg(place, leg)? else {
        return None;
    };
    let is_unsafe = leg == Leg::Do && step.document.effect == EffectKind::Unsafe;
    let world = core.world.read();
    let agent = world.registry.agent(*agent).filter(|agent| {
        let asked = told.is_some() || (is_unsafe && agent.registration.binding.reconciles());
        asked && agent.standing.works() && agent.revision == *revision
    })?;
    let attempt = Attempt { step: run.step_id(place)?, leg, number: *number };
    let decision = stored.records.iter().rev().find_map(|one| match one.record.data::<Event>() {
        Ok(
            Event::Dispatched { attempt: sent, decision, .. } | Event::Told { attempt: sent, decision, .. },
        ) if sent == attempt => Some(decision),
        _ => None,
    })?;
    let skill = step.skill(leg)?.clone();
    let idempotency_key = idempotency_key(run.id, &attempt);
    Some(Lost {
        work: LostWork { run: run.id, idempotency_key, attempt, skill },
        binding: agent.reached_at(run.state.steps().get(place)?.left_at(agent.id)),
        decision,
        task: told.as_ref().map(|told| told.task.clone()),
        // It is at work with what it was told, for as long as the step says.
        patience: told.is_some().then_some(step.timeout),
        agent: agent.id,
        known: None,
    })
}

/// Asks about work that a restart interrupted. Until there is an answer, the run waits as if the agent still had it.
pub(crate) fn ask_about(core: &Arc<Core>, lost: Lost) {
    let core = core.clone();
    tokio::spawn(async move {
        let (run, attempt) = (lost.work.run, lost.work.attempt.clone());
        let began = core.clock.now();
        let input = match asked(&core, lost).await {
            Ok(arrival) => {
                let latency = core.clock.now().duration_since(began).as_millis();
                let latency_ms = u64::try_from(latency).unwrap_or(0);
                Input::Arrived { attempt, arrival, latency_ms, slot: None }
            }
            Err(unknown) => {
                let step = &attempt.step;
                tracing::info!(%run, %step, "nobody knows what became of the step {step} of {run}: {unknown}");
                Input::Interrupted(vec![attempt])
            }
        };
        core.send(run, input);
    });
}

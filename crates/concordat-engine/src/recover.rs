//! After a start: every run that was open goes on.
//!
//! A run loaded from the store holds no key. What was with an agent when the last process ended is recorded as
//! interrupted, and the dispatch gate is asked again before anything is sent again: authority is current, not
//! historical.

use std::collections::BTreeSet;
use std::sync::Arc;

use concordat_model::agree::Contract;
use concordat_model::cloud_event::Expectation;
use concordat_model::id::RunId;
use concordat_model::payload;
use concordat_model::run::event::{Attempt, Ending, Event};
use concordat_model::run::leg::LegState;
use concordat_model::run::{Phase, Run};
use concordat_model::work::Leg;
use jiff::Timestamp;

use crate::commit::Effects;
use crate::core::Core;
use crate::drive::{Driver, Known};
use crate::error::EngineError;
use crate::input::{Input, Stop};
use crate::ports::StoredRun;
use crate::reconcile;
use crate::turn::{expected_events, result_of};
use crate::world::OpenReview;

/// Folds a stored run.
///
/// # Errors
/// Records that cannot be read or folded, or a payload that is missing.
pub fn fold(stored: &StoredRun) -> Result<Run, EngineError> {
    let mut run: Option<Run> = None;
    for one in &stored.records {
        let event: Event = one.read()?;
        let at = one.time()?;
        match &mut run {
            None => run = Some(open(stored, &event, at)?),
            Some(run) => run.apply(&event, at).map_err(|error| one.odd(error))?,
        }
    }
    let mut run = run.ok_or(EngineError::NotFound { what: "contract", id: stored.id.to_string() })?;
    for (digest, bytes) in &stored.payloads {
        let document = payload::document(bytes);
        let value = serde_json::from_slice(document)
            .map_err(|error| EngineError::PayloadOdd { digest: *digest, why: error.to_string() })?;
        run.keep(*digest, Arc::new(value), document.len());
    }
    run.secret.clone_from(&stored.secret);
    Ok(run)
}

fn open(stored: &StoredRun, event: &Event, at: Timestamp) -> Result<Run, EngineError> {
    let Event::Received { contract, .. } = event else {
        return Err(EngineError::Conflict(format!(
            "the run `{}` does not begin with its receipt",
            stored.id
        )));
    };
    let form = stored.payloads.iter().find(|(digest, _)| digest == contract);
    let (_, bytes) = form.ok_or(EngineError::PayloadMissing(*contract))?;
    Ok(Run::open(stored.id, Arc::new(Contract::stored(bytes)?), event, at)?)
}

/// Goes on with every open run. One that cannot be read is left alone and reported; it stops nobody else.
pub(crate) async fn open_runs(core: &Arc<Core>) -> Result<(), EngineError> {
    let stored = core.store.open_runs().await?;
    let mut runs = Vec::with_capacity(stored.len());
    for stored in &stored {
        let bytes = stored.payloads.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        match fold(stored) {
            Ok(run) => {
                let asked = reconcile::interrupted(core, &run, stored);
                runs.push((run, bytes, asked));
            }
            Err(error) => {
                let id = stored.id;
                tracing::error!(run = %id, %error, "run {id} cannot be read and stays as it is: {error}");
            }
        }
    }
    let open: BTreeSet<RunId> = runs.iter().map(|(run, ..)| run.id).collect();
    let mut drivers = Vec::with_capacity(runs.len());
    let mut questions = Vec::new();
    for (run, bytes, asked) in runs {
        remember(core, &run);
        let id = run.id;
        let (awaited, failed) = dependencies(core, &run, &open).await?;
        let lost = with_agents(&run).filter(|lost| asked.iter().all(|asked| asked.work.attempt != *lost));
        let mut inputs = vec![Input::Interrupted(lost.collect())];
        questions.extend(asked);
        inputs.extend(failed.map(|run| Input::DependencyEnded { run, completed: false }));
        inputs.extend(returned(core, &run, &open).await?);
        let (listening, stops) = (listening(&run), stops(&run));
        drivers.push((
            Driver::register(core, run, awaited, Known { looked: Timestamp::MIN, bytes }),
            Effects { listening, stops, ..Effects::default() },
        ));
        inputs.into_iter().for_each(|input| core.send(id, input));
    }
    drivers.iter().for_each(|(driver, _)| driver.follow());
    for (driver, effects) in drivers {
        tokio::spawn(driver.drive(effects, 0));
    }
    questions.into_iter().for_each(|lost| reconcile::ask_about(core, lost));
    Ok(())
}

/// The attempts that were with agents.
fn with_agents(run: &Run) -> impl Iterator<Item = Attempt> + '_ {
    let places = 0..run.state.steps().len();
    let legs = places.flat_map(|place| [Leg::Do, Leg::Undo].map(|leg| (place, leg)));
    legs.filter_map(|(place, leg)| match run.state.leg(place, leg)? {
        LegState::Dispatched { number, .. } => {
            Some(Attempt { step: run.step_id(place)?, leg, number: *number })
        }
        _ => None,
    })
}

/// The runs that are still awaited, and one that ended without being completed, if there is one.
async fn dependencies(
    core: &Core,
    run: &Run,
    open: &BTreeSet<RunId>,
) -> Result<(BTreeSet<RunId>, Option<RunId>), EngineError> {
    let (mut awaited, mut failed) = (BTreeSet::new(), None);
    for other in &run.state.depends_on {
        if open.contains(other) {
            awaited.insert(*other);
            continue;
        }
        // Not folded: what it held may have been forgotten.
        let stored = core.store.run(*other).await?;
        let last = stored.as_ref().and_then(|stored| stored.records.last());
        let ended = last.and_then(|last| last.record.data::<Event>().ok());
        if !matches!(ended, Some(Event::Ended { ending: Ending::Completed { .. } })) {
            failed = Some(*other);
        }
    }
    Ok((awaited, failed))
}

/// Contracts within this one that ended before it could be told.
async fn returned(core: &Core, run: &Run, open: &BTreeSet<RunId>) -> Result<Vec<Input>, EngineError> {
    let mut inputs = Vec::new();
    for child in run.state.lent.keys().filter(|child| !open.contains(child)) {
        if let Some(stored) = core.store.run(*child).await? {
            inputs.extend(result_of(&fold(&stored)?).map(Input::Returned));
        }
    }
    Ok(inputs)
}

/// The steps of a run that wait for events.
fn listening(run: &Run) -> Vec<(Attempt, Expectation)> {
    let attempts = run.state.steps().iter().enumerate().filter_map(|(place, step)| match step.doing {
        LegState::Listening { number, .. } => {
            Some(Attempt { step: run.step_id(place)?, leg: Leg::Do, number })
        }
        _ => None,
    });
    attempts.filter_map(|attempt| Some((attempt.clone(), expected_events(run, &attempt)?))).collect()
}

/// What contracts within a run that stops are told again.
fn stops(run: &Run) -> Vec<(RunId, Stop)> {
    let Phase::Closing(cause) = &run.state.phase else { return Vec::new() };
    let stop = Stop { run: run.id, at_once: cause.is_at_once() };
    run.state.lent.keys().map(|child| (*child, stop)).collect()
}

fn remember(core: &Core, run: &Run) {
    let mut world = core.world.write();
    world.triggers.note(run);
    for (review, open) in &run.state.reviews {
        let open = OpenReview {
            id: *review,
            run: run.id,
            contract: run.contract.document().metadata.name.clone(),
            tenant: run.state.submitter.tenant.clone(),
            submitter: run.state.submitter.name.clone(),
            about: open.about.clone(),
            decision: open.decision,
            payload: open.payload,
            opened: open.opened,
            expires: open.expires,
        };
        world.reviews.insert(*review, open);
    }
}

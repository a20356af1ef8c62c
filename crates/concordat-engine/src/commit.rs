//! From finished turns to one durable change: events become records, and what follows from them for what runs share.

use std::collections::{BTreeMap, BTreeSet};

use concordat_ledger::record::Record;
use concordat_model::cloud_event::Expectation;
use concordat_model::id::RunId;
use concordat_model::run::Run;
use concordat_model::run::event::{Attempt, Event};
use concordat_model::trust::Cause;
use uuid::Uuid;

use crate::core::Core;
use crate::error::EngineError;
use crate::events::{Publisher, Told};
use crate::failpoint;
use crate::input::Stop;
use crate::ports::{Change, Commit, Forsaken, SavedReply, Sealed, Whose};
use crate::row;
use crate::scribe::Place;
use crate::trust::Lesson;
use crate::turn::{Sending, Turn};
use crate::world::{OpenReview, World};

/// A finished turn: what becomes durable, and what happens then.
pub(crate) struct Finished {
    pub(crate) run: Run,
    pub(crate) awaited: BTreeSet<RunId>,
    /// The time of the turn: what was due then is done.
    pub(crate) at: jiff::Timestamp,
    /// The size of the contract, when this is its first turn.
    pub(crate) bytes: u64,
    pub(crate) effects: Effects,
}

/// What a turn wants done once it is durable. Doing it twice does no harm.
#[derive(Default)]
pub(crate) struct Effects {
    /// What agents are sent.
    pub(crate) sends: Vec<Sending>,
    /// The steps that wait for an agent.
    pub(crate) waits: BTreeMap<Attempt, Option<crate::limits::Place>>,
    /// The steps that wait for events now.
    pub(crate) listening: Vec<(Attempt, Expectation)>,
    /// The events that steps published.
    pub(crate) published: Vec<Told>,
    /// What contracts within this one are told.
    pub(crate) stops: Vec<(RunId, Stop)>,
    /// The work that agents asked about, and that nobody wants any longer.
    pub(crate) forsaken: Vec<Forsaken>,
}

impl Core {
    /// Hands the turns' events over to the store, with all that follows from them for the world.
    ///
    /// INVARIANT: records of the world are made under its lock, and handed over before it is let go.
    pub(crate) fn hand_over(
        &self,
        turns: Vec<Turn<'_>>,
        reply: Option<SavedReply>,
    ) -> Result<(Vec<Finished>, Commit), EngineError> {
        let mut change = Change { reply, ..Change::default() };
        let turns = with_children(turns);
        for turn in &turns {
            self.seal_run(turn, &mut change.records)?;
            change.runs.push(row::row(&turn.run));
            for (told, attempt) in &turn.published {
                let from = Publisher::Step { run: turn.run.id, attempt: attempt.clone() };
                self.seal_event(told, from, 0, &mut change)?;
            }
        }
        let mut world = self.world.write();
        for turn in &turns {
            self.seal_world(&mut world, turn, &mut change.records)?;
        }
        for turn in &turns {
            world.triggers.note(&turn.run);
            for event in &turn.events {
                if let Event::Decided { decision, .. } = event {
                    self.policies.note(decision);
                }
            }
            self.counts.turn(&turn.events, row::status(&turn.run.state), turn.seen.len());
        }
        let finished = turns.into_iter().map(|turn| self.finish(turn, &mut change)).collect();
        failpoint::reach(failpoint::BEFORE_HAND_OVER);
        Ok((finished, self.store.commit(change)))
    }

    /// Takes back what first turns did to the world when they were refused: nothing of them happened.
    pub(crate) fn take_back(&self, refused: &[Finished]) {
        let mut world = self.world.write();
        for Finished { run, .. } in refused {
            world.reviews.retain(|_, open| open.run != run.id);
        }
    }

    fn finish(&self, turn: Turn<'_>, change: &mut Change) -> Finished {
        let contract = turn.run.contract.digest();
        let form = turn.sealed.iter().find(|(digest, _)| *digest == contract);
        let bytes = form.map_or(0, |(_, form)| form.len() as u64);
        change.payloads.extend(turn.payloads);
        match &turn.run.secret {
            Some(secret) => change.sealed.push(Sealed {
                owner: turn.run.id.to_string(),
                secret: secret.clone(),
                whose: (turn.run.version == turn.events.len() as u64).then(|| Whose {
                    tenant: turn.run.state.submitter.tenant.clone(),
                    subject: turn.run.contract.subject(),
                }),
                payloads: turn.sealed,
            }),
            // A run that is older than secrets.
            None => change.payloads.extend(turn.sealed),
        }
        for (key, cached) in turn.fresh {
            self.cache.keep(key, cached);
        }
        let effects = Effects {
            sends: turn.sends,
            waits: turn.waits,
            listening: turn.listening,
            published: turn.published.into_iter().map(|(told, _)| told).collect(),
            stops: turn.stops,
            forsaken: turn.forsaken,
        };
        Finished { run: turn.run, awaited: turn.awaited, at: turn.at, bytes, effects }
    }

    fn seal_run(&self, turn: &Turn<'_>, records: &mut Vec<Record>) -> Result<(), EngineError> {
        let subject = turn.run.id.to_string();
        let first = turn.run.version - turn.events.len() as u64;
        for (seq, event) in (first..).zip(&turn.events) {
            let place = Place { subject: &subject, seq, at: turn.at };
            let uuid = record_uuid(event).unwrap_or_else(|| self.clock.uuid());
            records.push(self.scribe.seal_as(uuid, event.record_type(), place, event)?);
        }
        Ok(())
    }

    fn seal_world(
        &self,
        world: &mut World,
        turn: &Turn<'_>,
        records: &mut Vec<Record>,
    ) -> Result<(), EngineError> {
        for event in &turn.events {
            follow(world, turn, event);
        }
        for (key, seen, attempt) in &turn.seen {
            let cause = Cause::attempt(turn.run.id, attempt.clone());
            let risk = Some(turn.run.contract.spec().governance.risk);
            let lesson = Lesson { key: key.clone(), seen: *seen, risk, cause, at: turn.at };
            self.learn(world, lesson, records)?;
        }
        Ok(())
    }
}

/// Turns, each followed by the first turns of the contracts within it.
fn with_children(turns: Vec<Turn<'_>>) -> Vec<Turn<'_>> {
    let mut all = Vec::with_capacity(turns.len());
    for mut turn in turns {
        let children = std::mem::take(&mut turn.children);
        all.push(turn);
        all.extend(with_children(children));
    }
    all
}

/// A decision's and a review's record carry their own UUID, so that they are found by it.
fn record_uuid(event: &Event) -> Option<Uuid> {
    match event {
        Event::Decided { decision, .. } => Some(decision.id.uuid()),
        Event::ReviewOpened { review, .. } => Some(review.uuid()),
        _ => None,
    }
}

/// What an event of a run means for what runs share.
fn follow(world: &mut World, turn: &Turn<'_>, event: &Event) {
    match event {
        Event::ReviewOpened { review, about, decision, payload, expires } => {
            let run = &turn.run;
            let open = OpenReview {
                id: *review,
                run: run.id,
                contract: run.contract.document().metadata.name.clone(),
                tenant: run.state.submitter.tenant.clone(),
                submitter: run.state.submitter.name.clone(),
                about: about.clone(),
                decision: *decision,
                payload: *payload,
                opened: turn.at,
                expires: *expires,
            };
            world.reviews.insert(*review, open);
        }
        Event::ReviewAnswered { review, .. } | Event::ReviewLapsed { review } => {
            world.reviews.remove(review);
        }
        Event::Ended { .. } => {
            world.reviews.retain(|_, open| open.run != turn.run.id);
            world.events.forget(&turn.run.state.submitter.tenant, &turn.run);
        }
        _ => {}
    }
}

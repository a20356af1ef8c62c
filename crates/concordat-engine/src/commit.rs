//! From finished turns to one durable change: events become records, and what follows from them for what runs share.

use std::collections::BTreeSet;

use concordat_ledger::record::Record;
use concordat_model::digest::Digest;
use concordat_model::id::RunId;
use concordat_model::run::Run;
use concordat_model::run::event::Event;
use concordat_model::trust::Cause;
use concordat_model::work::Assignment;
use concordat_policy::Authorized;
use uuid::Uuid;

use crate::core::Core;
use crate::error::EngineError;
use crate::ports::{Change, Commit, SavedReply};
use crate::row;
use crate::scribe::Place;
use crate::turn::Turn;
use crate::world::{OpenReview, World};

/// A finished turn: what becomes durable, and what happens then.
pub(crate) struct Finished {
    pub(crate) run: Run,
    pub(crate) sends: Vec<Authorized<Assignment>>,
    pub(crate) awaited: BTreeSet<RunId>,
    pub(crate) look_again: Option<jiff::Timestamp>,
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
        for turn in &turns {
            self.seal_run(turn, &mut change.records)?;
            change.runs.push(row::row(&turn.run));
        }
        let mut world = self.world.write();
        for turn in &turns {
            self.seal_world(&mut world, turn, &mut change.records)?;
        }
        for turn in &turns {
            self.counts.turn(&turn.events, row::status(&turn.run.state), turn.seen.len());
        }
        let finished = turns.into_iter().map(|turn| finish(turn, &mut change.payloads)).collect();
        Ok((finished, self.store.commit(change)))
    }

    /// Takes back what first turns did to the world when they were refused: nothing of them happened.
    pub(crate) fn take_back(&self, refused: &[Finished]) {
        let mut world = self.world.write();
        for Finished { run, sends, .. } in refused {
            sends.iter().for_each(|work| world.call_ended(work.get().agent));
            world.reviews.retain(|_, open| open.run != run.id);
        }
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
            let cause = Cause { run: turn.run.id, attempt: attempt.clone() };
            let Some(change) = world.trust.observe(key, *seen, cause, turn.at) else { continue };
            let subject = key.agent.to_string();
            if let Err(odd) = world.trust.apply(&change) {
                return Err(EngineError::Conflict(odd.to_string()));
            }
            let place = Place { subject: &subject, seq: world.take_seq(&subject), at: turn.at };
            records.push(self.scribe.seal(&*self.clock, "trust.changed", place, &change)?);
        }
        Ok(())
    }
}

fn finish(turn: Turn<'_>, payloads: &mut Vec<(Digest, Vec<u8>)>) -> Finished {
    payloads.extend(turn.payloads);
    Finished { run: turn.run, sends: turn.sends, awaited: turn.awaited, look_again: turn.look_again }
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
        Event::Dispatched { agent, .. } => world.call_began(*agent),
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
        Event::Ended { .. } => world.reviews.retain(|_, open| open.run != turn.run.id),
        _ => {}
    }
}

//! What every part of the engine works with, and the one way in which anything becomes durable.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use concordat_classify::Classifier;
use concordat_ledger::record::Record;
use concordat_model::digest::Digest;
use concordat_model::id::{AgentId, RunId};
use concordat_model::name::SkillName;
use concordat_model::run::Run;
use concordat_model::run::event::Event;
use concordat_model::schema::Schema;
use concordat_model::span::Span;
use concordat_model::template::Templates;
use concordat_model::trust::Cause;
use concordat_model::work::Assignment;
use concordat_policy::{Authorized, Policy};
use parking_lot::{Mutex, RwLock};
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

use crate::counts::Counts;
use crate::error::EngineError;
use crate::ports::{AgentTransport, Change, Clock, Commit, Committed, SavedReply, Store, StoreError};
use crate::row;
use crate::scribe::{Place, Scribe};
use crate::turn::{Input, Turn};
use crate::world::{LOG, OpenReview, World};

/// What every part of the engine works with.
pub(crate) struct Core {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) transport: Arc<dyn AgentTransport>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) policy: Policy,
    pub(crate) classifier: Classifier,
    pub(crate) templates: Templates,
    pub(crate) world: RwLock<World>,
    pub(crate) scribe: Scribe,
    pub(crate) review_expiry: Span,
    /// The runs that are not over, and how to reach them.
    pub(crate) open: Mutex<HashMap<RunId, Handle>>,
    /// The size of the log, for whoever waits for news.
    pub(crate) log_size: watch::Sender<u64>,
    /// Why the engine takes no more work, once it does not.
    pub(crate) halted: watch::Sender<Option<String>>,
    pub(crate) counts: Counts,
    schemas: Mutex<HashMap<(Digest, SkillName), Option<Schema>>>,
}

/// How an open run is reached.
pub(crate) struct Handle {
    pub(crate) inbox: mpsc::UnboundedSender<Message>,
    /// The runs that wait for this one.
    pub(crate) followers: Vec<RunId>,
}

/// An input, and whoever wants to know when it is durable.
pub(crate) struct Message {
    pub(crate) input: Input,
    pub(crate) done: Option<Done>,
}

/// Tells somebody that what they asked for is durable, or why it was refused.
pub(crate) type Done = oneshot::Sender<Result<(), EngineError>>;

/// A finished turn: what becomes durable, and what happens then.
pub(crate) struct Finished {
    pub(crate) run: Run,
    pub(crate) sends: Vec<Authorized<Assignment>>,
    pub(crate) awaited: BTreeSet<RunId>,
    pub(crate) look_again: Option<jiff::Timestamp>,
}

/// The parts of the engine that are chosen at start.
pub struct Parts {
    /// Durable storage.
    pub store: Arc<dyn Store>,
    /// The way to agents.
    pub transport: Arc<dyn AgentTransport>,
    /// Time and fresh ids.
    pub clock: Arc<dyn Clock>,
    /// The policy in force.
    pub policy: Policy,
    /// The classifier.
    pub classifier: Classifier,
    /// The known templates.
    pub templates: Templates,
    /// The installation's name in the log.
    pub instance: String,
    /// How long people have to answer a review.
    pub review_expiry: Span,
}

impl Core {
    pub(crate) fn new(parts: Parts, world: World) -> Core {
        Core {
            store: parts.store,
            transport: parts.transport,
            clock: parts.clock,
            policy: parts.policy,
            classifier: parts.classifier,
            templates: parts.templates,
            world: RwLock::new(world),
            scribe: Scribe::new(&parts.instance),
            review_expiry: parts.review_expiry,
            open: Mutex::new(HashMap::new()),
            log_size: watch::Sender::new(0),
            halted: watch::Sender::new(None),
            counts: Counts::default(),
            schemas: Mutex::new(HashMap::new()),
        }
    }

    /// Refuses when the engine takes no more work.
    pub(crate) fn running(&self) -> Result<(), EngineError> {
        match &*self.halted.borrow() {
            None => Ok(()),
            Some(why) => Err(EngineError::Halted(why.clone())),
        }
    }

    /// Stops taking work: what is in memory may differ from what is stored, and only a fresh start can tell.
    pub(crate) fn halt(&self, why: &str) {
        self.halted.send_if_modified(|halted| {
            let first = halted.is_none();
            if first {
                tracing::error!(why, "the engine halts: {why}");
                *halted = Some(why.to_owned());
            }
            first
        });
    }

    /// What a registered agent says a skill answers, compiled once.
    pub(crate) fn output_schema(&self, agent: AgentId, skill: &SkillName) -> Option<Schema> {
        let agent = self.world.read().registry.agent(agent)?.clone();
        let compile = || Schema::compile(agent.registration.skill(skill)?.output.as_ref()?).ok();
        self.schemas.lock().entry((agent.revision, skill.clone())).or_insert_with(compile).clone()
    }

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

    /// Waits until a change is durable; when it did not become so, the engine halts.
    pub(crate) async fn durable(&self, commit: Commit) -> Result<Committed, EngineError> {
        match commit.await {
            Ok(committed) => {
                self.log_size.send_if_modified(|size| {
                    let grown = committed.size > *size;
                    *size = (*size).max(committed.size);
                    grown
                });
                Ok(committed)
            }
            Err(error) => {
                // The world in memory has moved on already: going on would decide on what was never recorded.
                if !matches!(error, StoreError::Conflict(_)) {
                    self.halt(&error.to_string());
                }
                Err(error.into())
            }
        }
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

    /// Records something about the installation itself.
    pub(crate) async fn record_log(&self, kind: &str, data: &serde_json::Value) -> Result<(), EngineError> {
        let commit = {
            let mut world = self.world.write();
            let place = Place { subject: LOG, seq: world.take_seq(LOG), at: self.clock.now() };
            let record = self.scribe.seal(&*self.clock, kind, place, data)?;
            self.store.commit(Change { records: vec![record], ..Change::default() })
        };
        self.durable(commit).await.map(drop)
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

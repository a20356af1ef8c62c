//! What every part of the engine works with, and the one way in which anything becomes durable.

use std::collections::HashMap;
use std::sync::Arc;

use concordat_classify::Classifier;
use concordat_model::digest::Digest;
use concordat_model::id::{AgentId, BootId, RunId};
use concordat_model::name::SkillName;
use concordat_model::payload::Secret;
use concordat_model::safe::Safe;
use concordat_model::schema::Schema;
use concordat_model::span::Span;
use concordat_model::template::Templates;
use concordat_policy::{Asked, Policy};
use parking_lot::{Mutex, RwLock};
use serde_json::Value;
use tokio::sync::{Notify, mpsc, oneshot, watch};

use crate::cache::Cache;
use crate::counts::Counts;
use crate::engine::decided;
use crate::error::EngineError;
use crate::input::Input;
use crate::limits::{Bounds, Limiter, Looking};
use crate::opa::Doors;
use crate::policies::{Inspect, Policies};
use crate::ports::{AgentTransport, Change, Clock, Commit, Committed, Known, Store, StoreError};
use crate::pushes::Due;
use crate::scribe::{Place, Scribe};
use crate::world::{LOG, World};

/// What every part of the engine works with.
pub(crate) struct Core {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) transport: Arc<dyn AgentTransport>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) policies: Policies,
    pub(crate) inspect: Inspect,
    pub(crate) classifier: Classifier,
    pub(crate) templates: Templates,
    pub(crate) world: RwLock<World>,
    /// Read from the question who may do a step until the answer is handed over, and written by whoever changes an
    /// agent's standing. So no work for an agent stands in the log after the suspension that it did not know of.
    pub(crate) standings: RwLock<()>,
    pub(crate) scribe: Scribe,
    /// This life of the program.
    pub(crate) boot: BootId,
    /// How many records there are of it; held while one is written.
    pub(crate) of_boot: tokio::sync::Mutex<u64>,
    /// Held while something is looked at and forgotten, or a hold is set.
    pub(crate) forgetting: tokio::sync::Mutex<()>,
    pub(crate) settings: Value,
    pub(crate) review_expiry: Span,
    /// The runs that are not over, and how to reach them.
    pub(crate) open: Mutex<HashMap<RunId, Handle>>,
    /// The size of the log, for whoever waits for news.
    pub(crate) log_size: watch::Sender<u64>,
    /// Why the engine takes no more work, once it does not.
    pub(crate) halted: watch::Sender<Option<String>>,
    pub(crate) counts: Counts,
    /// What is scarce, and who waits for it.
    pub(crate) limits: Arc<Limiter>,
    pub(crate) cache: Cache,
    /// The most steps of a contract that is sent in.
    pub(crate) most_steps: usize,
    /// Rung when the schedules have changed.
    pub(crate) schedules: Notify,
    /// What stands behind OPA's doors.
    pub(crate) opa: Doors,
    /// What secrets that others trusted us with are sealed in.
    pub(crate) safe: Safe,
    /// What agents know us by, as the transport has read it, by the digest of the sealed form.
    pub(crate) known: Mutex<HashMap<Digest, Known>>,
    /// Contracts with webhooks that have changed.
    pub(crate) due: Due,
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

/// The parts of the engine that are chosen at start.
pub struct Parts {
    /// Durable storage.
    pub store: Arc<dyn Store>,
    /// The way to agents.
    pub transport: Arc<dyn AgentTransport>,
    /// Time and fresh ids.
    pub clock: Arc<dyn Clock>,
    /// The policy that the installation begins with.
    pub policy: Policy,
    /// Whether that policy is to be in force even if another one was promoted.
    pub install_policy: bool,
    /// How bundles are looked at before they are kept.
    pub inspect: Inspect,
    /// The classifier.
    pub classifier: Classifier,
    /// The known templates.
    pub templates: Templates,
    /// The installation's name in the log.
    pub instance: String,
    /// How long people have to answer a review.
    pub review_expiry: Span,
    /// How much the house takes on.
    pub bounds: Bounds,
    /// What the operator has set, without secrets: the log tells when it changes.
    pub settings: Value,
    /// What secrets that others trusted us with are sealed in. Its key lies in no database.
    pub safe: Safe,
}

impl Core {
    pub(crate) fn new(parts: Parts, policies: Policies, mut world: World) -> Core {
        world.trust.freeze(crate::trust::is_frozen(&parts.settings).then(|| parts.clock.now()));
        Core {
            boot: BootId::new(parts.clock.uuid()),
            of_boot: tokio::sync::Mutex::default(),
            forgetting: tokio::sync::Mutex::default(),
            most_steps: parts.bounds.steps,
            limits: Arc::new(Limiter::new(parts.bounds, parts.clock.clone())),
            opa: Doors::open(std::mem::take(&mut world.opa)),
            store: parts.store,
            transport: parts.transport,
            clock: parts.clock,
            policies,
            inspect: parts.inspect,
            classifier: parts.classifier,
            templates: parts.templates,
            world: RwLock::new(world),
            standings: RwLock::new(()),
            scribe: Scribe::new(&parts.instance),
            settings: parts.settings,
            review_expiry: parts.review_expiry,
            open: Mutex::new(HashMap::new()),
            log_size: watch::Sender::new(0),
            halted: watch::Sender::new(None),
            counts: Counts::default(),
            cache: Cache::default(),
            schedules: Notify::new(),
            safe: parts.safe,
            due: Due::default(),
            known: Mutex::default(),
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

    /// A fresh secret.
    pub(crate) fn secret(&self) -> Result<Secret, EngineError> {
        let none =
            || EngineError::Conflict("the machine gives no chance, so nothing can be kept secret".to_owned());
        self.clock.secret().ok_or_else(none)
    }

    /// Refuses when nothing new is taken in.
    pub(crate) fn taking_in(&self) -> Result<(), EngineError> {
        self.running()?;
        if self.limits.is_draining() { Err(EngineError::Draining) } else { Ok(()) }
    }

    /// Makes room for a submission while it is looked at, or refuses it.
    pub(crate) fn look_at(&self, caller: &crate::engine::Caller) -> Result<Looking, EngineError> {
        self.taking_in()?;
        Ok(self.limits.look_at(&caller.principal.tenant)?)
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

    /// Waits until a change is durable; when it did not become so, the engine halts: the world in memory has
    /// moved on already, and going on would decide on what was never recorded.
    pub(crate) async fn durable(&self, commit: Commit) -> Result<Committed, EngineError> {
        let done = self.durable_or_refused(commit).await;
        if let Err(error) = &done {
            self.halt(&error.to_string());
        }
        done
    }

    /// The same for a change that may lose against another one, and whose maker then takes back what it did.
    pub(crate) async fn durable_or_refused(&self, commit: Commit) -> Result<Committed, EngineError> {
        let committing = self.limits.committing();
        let done = commit.await;
        drop(committing);
        match done {
            Ok(committed) => {
                self.log_size.send_if_modified(|size| {
                    let grown = committed.size > *size;
                    *size = (*size).max(committed.size);
                    grown
                });
                Ok(committed)
            }
            Err(error) => {
                if !matches!(error, StoreError::Conflict(_) | StoreError::Unavailable(_)) {
                    self.halt(&error.to_string());
                }
                Err(error.into())
            }
        }
    }

    /// Records a decision that lets nothing happen.
    pub(crate) async fn record_decision(&self, subject: &str, asked: &Asked) -> Result<(), EngineError> {
        let commit = {
            let mut world = self.world.write();
            let place = Place { subject, seq: world.take_seq(subject), at: self.clock.now() };
            let records = vec![decided(self, asked, place)?];
            self.store.commit(Change::after(asked, records))
        };
        self.durable(commit).await.map(drop)
    }

    /// Records something about the installation itself.
    pub(crate) async fn record_log(&self, kind: &str, data: &Value) -> Result<(), EngineError> {
        let commit = {
            let mut world = self.world.write();
            let place = Place { subject: LOG, seq: world.take_seq(LOG), at: self.clock.now() };
            let record = self.scribe.seal(&*self.clock, kind, place, data)?;
            self.store.commit(Change { records: vec![record], ..Change::default() })
        };
        self.durable(commit).await.map(drop)
    }
}

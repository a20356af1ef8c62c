//! The engine as others use it: start it, ask it, stop it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use concordat_model::decision::Answer;
use concordat_model::id::{DecisionId, KeyId, RunId};
use concordat_model::principal::Principal;
use concordat_model::template::Templates;
use concordat_policy::Asked;
use concordat_policy::input::{AccessInput, Action, Resource};
use serde_json::json;
use tokio::sync::{oneshot, watch};

use crate::core::{Core, Message, Parts};
use crate::counts::Figures;
use crate::error::EngineError;
use crate::input::Input;
use crate::limits::{CallFigures, LimitFigures, Shed, usher};
use crate::policies::{Installed, install};
use crate::ports::Store;
use crate::recover;
use crate::scribe::Place;
use crate::world::World;

/// Walks contracts through their lives. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) core: Arc<Core>,
}

/// Somebody who was authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The key that they presented.
    pub key: KeyId,
    /// Who they are.
    pub principal: Principal,
}

impl Engine {
    /// Starts: folds the world out of the log, records the start, and goes on with every open run.
    ///
    /// # Errors
    /// A log that cannot be folded, or a store that cannot be written.
    pub async fn start(parts: Parts) -> Result<Engine, EngineError> {
        let mut world = World::load(&*parts.store).await?;
        let (house, anew, now) = (parts.policy.clone(), parts.install_policy, parts.clock.now());
        let Installed { policies, event, back } =
            install(&*parts.store, &mut world, house, anew, now).await?;
        let core = Arc::new(Core::new(parts, policies, world));
        if let Some((event, bundle)) = event {
            core.record_install(&event, bundle, now).await?;
        }
        core.record_start().await?;
        core.quarantine_offenders().await?;
        recover::open_runs(&core).await?;
        tokio::spawn(usher(core.clone()));
        let recent: Vec<_> = core.world.read().events.recent().cloned().collect();
        recent.iter().for_each(|told| core.pull_triggers(told));
        tokio::spawn(core.clone().keep_schedules());
        tokio::spawn(core.clone().keep_policies(back));
        tokio::spawn(core.clone().keep_pulse());
        core.all_pushes_due();
        Ok(Engine { core })
    }

    /// Stops: nothing new is taken in, and everything handed over is made durable. What is with agents then is
    /// lost to this process; the next start asks policy again before it is sent again.
    pub async fn stop(&self) {
        if let Err(error) = self.core.record_log("log.stopped", &json!({})).await {
            tracing::error!(%error, "the stop could not be recorded: {error}");
        }
        self.core.halted.send_if_modified(|halted| halted.replace("it was stopped".to_owned()).is_none());
        self.core.store.close().await;
    }

    /// Why the engine takes no more work, if it does not.
    #[must_use]
    pub fn halted(&self) -> Option<String> {
        self.core.halted.borrow().clone()
    }

    /// Why the engine takes no more work, once it does not; whoever waits for that subscribes.
    #[must_use]
    pub fn halting(&self) -> watch::Receiver<Option<String>> {
        self.core.halted.subscribe()
    }

    /// The size of the log; whoever waits for news subscribes.
    #[must_use]
    pub fn log_size(&self) -> watch::Receiver<u64> {
        self.core.log_size.subscribe()
    }

    /// The known templates.
    #[must_use]
    pub fn templates(&self) -> &Templates {
        &self.core.templates
    }

    /// The number of runs that are not over.
    #[must_use]
    pub fn open_runs(&self) -> usize {
        self.core.open.lock().len()
    }

    /// What the engine has counted since it started.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.core.counts.figures()
    }

    /// What is in use of everything that is scarce.
    #[must_use]
    pub fn limits(&self) -> LimitFigures {
        self.core.limits.figures()
    }

    /// How calls to agents ended since the start, over all agents.
    #[must_use]
    pub fn calls(&self) -> CallFigures {
        self.core.limits.calls()
    }

    /// How many submissions were refused because there was too much of something.
    #[must_use]
    pub fn shed(&self) -> BTreeMap<Shed, u64> {
        self.core.limits.shed()
    }

    /// Whether a submission of this caller would be looked at now: for whoever wants to know before reading it.
    ///
    /// # Errors
    /// There is no room, or the engine takes no more work.
    pub fn has_room_for(&self, caller: &Caller) -> Result<(), EngineError> {
        self.core.taking_in()?;
        Ok(self.core.limits.has_room_for(&caller.principal.tenant)?)
    }

    /// Begins to stop: from now on nothing is taken in and nothing is sent. Waits until what is with agents has
    /// come back and is recorded, at most so long; tells how many calls are still out then.
    pub async fn drain(&self, patience: Duration) -> usize {
        let limits = &self.core.limits;
        limits.drain();
        if tokio::time::timeout(patience, limits.drained()).await.is_err() {
            tracing::warn!(
                "some agents did not answer in time: their steps are asked about at the next start"
            );
        }
        limits.outstanding()
    }

    /// Whether the engine is stopping.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.core.limits.is_draining()
    }

    /// The number of reviews that wait for people.
    #[must_use]
    pub fn open_reviews(&self) -> usize {
        self.core.world.read().reviews.len()
    }

    /// The store, for reading.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.core.store
    }

    /// Asks the access gate. A yes is recorded with whatever it lets happen; a no is recorded at once.
    ///
    /// # Errors
    /// Policy does not permit it, or the refusal cannot be recorded.
    pub async fn permit(
        &self,
        caller: &Caller,
        action: Action,
        resource: Resource,
    ) -> Result<Asked, EngineError> {
        let core = &self.core;
        let input =
            AccessInput { now: core.clock.now(), principal: caller.principal.clone(), action, resource };
        let asked = core.policies.panel().access(DecisionId::new(core.clock.uuid()), &input);
        match &asked.decision.answer {
            Answer::Permit => Ok(asked),
            Answer::Review { .. } | Answer::Deny { .. } => {
                core.record_decision(&caller.key.to_string(), &asked).await?;
                Err(EngineError::Forbidden(Box::new(asked.decision)))
            }
        }
    }

    /// Gives an input to an open run, and waits until what follows from it is durable.
    pub(crate) async fn tell_run(&self, run: RunId, input: Input) -> Result<(), EngineError> {
        let (done, answer) = oneshot::channel();
        let over = || {
            EngineError::Conflict(format!(
                "the run `{run}` is over, or waits for the next start of the server"
            ))
        };
        {
            let open = self.core.open.lock();
            let handle = open.get(&run).ok_or_else(over)?;
            handle.inbox.send(Message { input, done: Some(done) }).map_err(|_| over())?;
        }
        match answer.await {
            Ok(result) => result,
            Err(_) => Err(self.core.running().err().unwrap_or_else(over)),
        }
    }
}

/// A decision as a record of its own.
pub(crate) fn decided(
    core: &Core,
    asked: &Asked,
    place: Place<'_>,
) -> Result<concordat_ledger::record::Record, EngineError> {
    core.counts.decision(&asked.decision);
    core.policies.note(&asked.decision);
    let event = json!({ "event": "decided", "decision": asked.decision });
    Ok(core.scribe.seal_as(asked.decision.id.uuid(), "gate.decided", place, &event)?)
}

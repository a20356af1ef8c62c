//! The loop of one run: take what came in, do what is due, commit, and only then send.
//!
//! ```text
//!   inbox ──► turn ──► hand over ──► (disk) ──► send ──► agents
//!     ▲                                                     │
//!     └──────────────────── arrived ◄───────────────────────┘
//! ```
//!
//! While a commit is on its way, inputs gather in the inbox and are taken in together by the next turn.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use concordat_model::id::{AgentId, RunId};
use concordat_model::run::event::Ending;
use concordat_model::run::{Phase, Run};
use concordat_model::work::Assignment;
use concordat_policy::Authorized;
use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::commit::Finished;
use crate::core::{Core, Done, Handle, Message};
use crate::error::EngineError;
use crate::input::Input;
use crate::ports::Dispatch;
use crate::turn::Turn;

/// A turn that was thought through, and who is to be told once it is durable.
struct Thought<'c> {
    turn: Turn<'c>,
    told: Vec<(Done, Result<(), EngineError>)>,
    /// The agents that are free again.
    freed: Vec<AgentId>,
}

/// The most inputs that one turn takes in.
const MOST_INPUTS: usize = 64;
/// The longest sleep; a run that waits longer looks again in between, so that no lost timer lasts.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// A run with its inbox, before it is driven.
pub(crate) struct Driver {
    core: Arc<Core>,
    run: Run,
    inbox: mpsc::UnboundedReceiver<Message>,
    awaited: BTreeSet<RunId>,
    look_again: Option<Timestamp>,
}

impl Driver {
    /// Makes an open run reachable. It moves only once it is driven.
    pub(crate) fn register(
        core: &Arc<Core>,
        run: Run,
        awaited: BTreeSet<RunId>,
        look_again: Option<Timestamp>,
    ) -> Driver {
        let (sender, inbox) = mpsc::unbounded_channel();
        core.open.lock().insert(run.id, Handle { inbox: sender, followers: Vec::new() });
        Driver { core: core.clone(), run, inbox, awaited, look_again }
    }

    /// Makes the runs that this one waits for tell it when they are over. All of them are registered by now, and
    /// none of them moves yet.
    pub(crate) fn follow(&self) {
        let mut open = self.core.open.lock();
        for other in &self.awaited {
            if let Some(handle) = open.get_mut(other) {
                handle.followers.push(self.run.id);
            }
        }
    }

    /// Drives the run to its end, beginning with what a durable turn wants sent.
    pub(crate) async fn drive(mut self, sends: Vec<Authorized<Assignment>>, log_size: u64) {
        perform(&self.core, self.run.id, sends, log_size);
        while !self.run.state.is_ended() {
            let messages = self.next().await;
            if messages.is_empty() {
                return;
            }
            let core = self.core.clone();
            let thought = self.think(&core, messages);
            let Thought { turn, told, freed } = match thought {
                Ok(thought) => thought,
                Err(error) => return self.give_up(&error),
            };
            if let Err(error) = self.commit(turn).await {
                // What runs share has moved on already, so nobody else may go on either.
                return core.halt(&format!("run {}: {error}", self.run.id));
            }
            self.free(&freed);
            for (done, result) in told {
                // Whoever asked may have gone; what they asked for is done all the same.
                drop(done.send(result));
            }
        }
        self.ended();
    }

    /// Waits for inputs, or for the time at which something becomes due.
    async fn next(&mut self) -> Vec<Message> {
        let wake = [self.run.wake_at(), self.look_again].into_iter().flatten().min();
        let pause = wake.map_or(LONGEST_SLEEP, |at| until(self.core.clock.now(), at)).min(LONGEST_SLEEP);
        let mut halted = self.core.halted.subscribe();
        let mut messages = Vec::new();
        tokio::select! {
            biased;
            _ = halted.wait_for(Option::is_some) => {}
            _ = self.inbox.recv_many(&mut messages, MOST_INPUTS) => {}
            () = tokio::time::sleep(pause) => messages.push(Message { input: Input::Woken, done: None }),
        }
        messages
    }

    /// One turn: inputs in, and what is due done. Nothing has happened yet when this returns.
    fn think<'c>(&mut self, core: &'c Core, messages: Vec<Message>) -> Result<Thought<'c>, EngineError> {
        let awaited = std::mem::take(&mut self.awaited);
        let mut turn = Turn::new(core, self.run.clone(), awaited, core.clock.now());
        let (mut told, mut freed) = (Vec::new(), Vec::new());
        for Message { input, done } in messages {
            freed.extend(call_over(&self.run, &input));
            match (turn.take(input), done) {
                (result, Some(done)) => told.push((done, result)),
                (Ok(()), None) => {}
                (Err(error), None) => return Err(error),
            }
        }
        turn.settle()?;
        Ok(Thought { turn, told, freed })
    }

    /// Makes a turn durable, and then sends what it permits.
    async fn commit(&mut self, turn: Turn<'_>) -> Result<(), EngineError> {
        if turn.events.is_empty() {
            (self.awaited, self.look_again) = (turn.awaited, turn.look_again);
            return Ok(());
        }
        let (finished, commit) = self.core.hand_over(vec![turn], None)?;
        let committed = self.core.durable(commit).await?;
        for Finished { run, sends, awaited, look_again } in finished {
            perform(&self.core, run.id, sends, committed.size);
            (self.run, self.awaited, self.look_again) = (run, awaited, look_again);
        }
        Ok(())
    }

    /// A run that cannot go on harms nobody else: it stays as it is stored until the next start.
    fn give_up(&self, error: &EngineError) {
        let id = self.run.id;
        tracing::error!(run = %id, %error, "run {id} stays as it is until the next start: {error}");
        self.core.open.lock().remove(&id);
    }

    fn free(&self, agents: &[AgentId]) {
        let mut world = self.core.world.write();
        agents.iter().for_each(|agent| world.call_ended(*agent));
    }

    /// Tells the runs that wait for this one.
    fn ended(&self) {
        let completed =
            matches!(&self.run.state.phase, Phase::Ended { ending: Ending::Completed { .. }, .. });
        let mut open = self.core.open.lock();
        let followers = open.remove(&self.run.id).map(|handle| handle.followers).unwrap_or_default();
        for follower in followers {
            if let Some(handle) = open.get(&follower) {
                let input = Input::DependencyEnded { run: self.run.id, completed };
                // A follower that is gone needs no news.
                drop(handle.inbox.send(Message { input, done: None }));
            }
        }
    }
}

/// The agent that is free again when this input is taken in.
fn call_over(run: &Run, input: &Input) -> Option<AgentId> {
    let Input::Arrived { attempt, .. } = input else { return None };
    let at = run.contract.index(&attempt.step)?;
    match run.state.leg(at, attempt.leg)? {
        concordat_model::run::leg::LegState::Dispatched { number, agent, .. }
            if *number == attempt.number =>
        {
            Some(*agent)
        }
        _ => None,
    }
}

/// Sends what a durable turn permits; what comes back goes to the run's inbox.
fn perform(core: &Arc<Core>, run: RunId, sends: Vec<Authorized<Assignment>>, log_size: u64) {
    for work in sends {
        let core = core.clone();
        let attempt = work.get().work.attempt.clone();
        let began = core.clock.now();
        tokio::spawn(async move {
            let arrival = core.transport.dispatch(Dispatch { work, log_size }).await;
            let latency_ms = u64::try_from(core.clock.now().duration_since(began).as_millis()).unwrap_or(0);
            let input = Input::Arrived { attempt, arrival, latency_ms };
            if let Some(handle) = core.open.lock().get(&run) {
                // A run that is over has no use for it.
                drop(handle.inbox.send(Message { input, done: None }));
            }
        });
    }
}

fn until(now: Timestamp, at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO)
}

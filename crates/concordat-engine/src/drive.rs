//! The loop of one run: take what came in, do what is due, commit, and only then send.
//!
//! ```text
//!   inbox ──► turn ──► hand over ──► (disk) ──► send ──► agents
//!     ▲                                                     │
//!     └──────────────────── arrived ◄───────────────────────┘
//! ```
//!
//! While a commit is on its way, inputs gather in the inbox and are taken in together by the next turn.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use concordat_model::id::RunId;
use concordat_model::run::event::{Cause, Ending, Event, Origin};
use concordat_model::run::{Phase, Run};
use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::commit::{Effects, Finished};
use crate::core::{Core, Done, Handle, Message};
use crate::error::EngineError;
use crate::failpoint;
use crate::input::{Input, Stop};
use crate::limits::{Open, Slot};
use crate::ports::{Commit, Out, Withdrawal};
use crate::reconcile;
use crate::submit::start;
use crate::turn::{Sending, Turn, result_of};

/// A turn that was thought through, and who is to be told once it is durable.
struct Thought<'c> {
    turn: Turn<'c>,
    told: Vec<(Done, Result<(), EngineError>)>,
    /// The room of the calls that came back, until that is recorded.
    slots: Vec<Slot>,
}

/// A turn that was handed over, if anything happened in it, and who is to be told.
struct Decided {
    handed: Result<Handed, EngineError>,
    told: Vec<(Done, Result<(), EngineError>)>,
    slots: Vec<Slot>,
}

/// What became of a turn.
enum Handed {
    /// Nothing happened in it.
    Nothing(Box<Run>),
    /// It is on its way to the disk.
    Over { finished: Vec<Finished>, commit: Commit, answered: bool, offended: bool },
}

/// The most inputs that one turn takes in.
const MOST_INPUTS: usize = 64;
/// The longest sleep; a run that waits longer looks again in between, so that no lost timer lasts.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// A run with its inbox, before it is driven.
pub(crate) struct Driver {
    run: Run,
    reins: Reins,
}

/// What drives a run, apart from the run itself.
struct Reins {
    core: Arc<Core>,
    id: RunId,
    inbox: mpsc::UnboundedReceiver<Message>,
    awaited: BTreeSet<RunId>,
    /// The time of the last turn: what was due by then is done, or waits for something else than time.
    looked: Timestamp,
    /// The work that is with agents.
    out: Out,
    /// The run's place among those that are open.
    _open: Open,
}

/// What is known of a run when it is registered.
#[derive(Clone, Copy)]
pub(crate) struct Known {
    /// The time of its last turn.
    pub(crate) looked: Timestamp,
    /// How large it is.
    pub(crate) bytes: u64,
}

impl Driver {
    /// Makes an open run reachable. It moves only once it is driven.
    pub(crate) fn register(core: &Arc<Core>, run: Run, awaited: BTreeSet<RunId>, known: Known) -> Driver {
        let (sender, inbox) = mpsc::unbounded_channel();
        core.open.lock().insert(run.id, Handle { inbox: sender, followers: Vec::new() });
        let open = core.limits.open(&run.state.submitter.tenant, known.bytes);
        let looked = known.looked;
        let reins = Reins {
            core: core.clone(),
            id: run.id,
            inbox,
            awaited,
            looked,
            out: Out::default(),
            _open: open,
        };
        Driver { run, reins }
    }

    /// Makes the runs that this one waits for tell it when they are over. All of them are registered by now, and
    /// none of them moves yet.
    pub(crate) fn follow(&self) {
        let mut open = self.reins.core.open.lock();
        for other in &self.reins.awaited {
            if let Some(handle) = open.get_mut(other) {
                handle.followers.push(self.run.id);
            }
        }
    }

    /// Drives the run to its end, beginning with what a durable turn wants done.
    pub(crate) async fn drive(self, effects: Effects, log_size: u64) {
        let Driver { mut run, mut reins } = self;
        perform(&reins.core, &run, effects, log_size, &reins.out);
        while !run.state.is_ended() {
            let messages = reins.next(&run).await;
            if messages.is_empty() {
                return;
            }
            let core = reins.core.clone();
            let Decided { handed, told, slots } = match reins.decide(&core, run, messages) {
                Ok(decided) => decided,
                Err(error) => return reins.give_up(&error),
            };
            run = match reins.commit(handed).await {
                Ok(run) => run,
                // What runs share has moved on already, so nobody else may go on either.
                Err(error) => return core.halt(&format!("run {}: {error}", reins.id)),
            };
            drop(slots);
            for (done, result) in told {
                // Whoever asked may have gone; what they asked for is done all the same.
                drop(done.send(result));
            }
        }
        reins.ended(&run);
    }
}

impl Reins {
    /// Waits for inputs, or for the time at which something becomes due.
    async fn next(&mut self, run: &Run) -> Vec<Message> {
        let wake = run.wake_after(self.looked);
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

    /// Thinks a turn through and hands it over, while no agent's standing changes.
    fn decide(&mut self, core: &Core, run: Run, messages: Vec<Message>) -> Result<Decided, EngineError> {
        let _as_they_stand = core.standings.read();
        let Thought { turn, told, slots } = self.think(core, run, messages)?;
        Ok(Decided { handed: self.hand_over(turn), told, slots })
    }

    /// One turn: inputs in, and what is due done. Nothing has happened yet when this returns, but in the turn.
    fn think<'c>(
        &mut self,
        core: &'c Core,
        run: Run,
        messages: Vec<Message>,
    ) -> Result<Thought<'c>, EngineError> {
        let awaited = std::mem::take(&mut self.awaited);
        let mut turn = Turn::new(core, run, awaited, core.clock.now());
        let (mut told, mut slots) = (Vec::new(), Vec::new());
        for Message { mut input, done } in messages {
            slots.extend(input.take_slot());
            match (turn.take(input), done) {
                (result, Some(done)) => told.push((done, result)),
                (Ok(()), None) => {}
                (Err(error), None) => return Err(error),
            }
        }
        turn.settle()?;
        Ok(Thought { turn, told, slots })
    }

    fn hand_over(&mut self, turn: Turn<'_>) -> Result<Handed, EngineError> {
        if turn.events.is_empty() {
            (self.awaited, self.looked) = (turn.awaited, turn.at);
            self.core.limits.wait(self.id, turn.waits);
            return Ok(Handed::Nothing(Box::new(turn.run)));
        }
        let answered = turn.events.iter().any(|event| matches!(event, Event::Answered { .. }));
        let offended = turn.seen.iter().any(|(_, seen, _)| seen.is_an_offence());
        let (finished, commit) = self.core.hand_over(vec![turn], None)?;
        Ok(Handed::Over { finished, commit, answered, offended })
    }

    /// Waits until a turn is durable, and then does what it permits.
    async fn commit(&mut self, handed: Result<Handed, EngineError>) -> Result<Run, EngineError> {
        let (mut finished, commit, answered, offended) = match handed? {
            Handed::Nothing(run) => return Ok(*run),
            Handed::Over { finished, commit, answered, offended } => (finished, commit, answered, offended),
        };
        let committed = self.core.durable(commit).await?;
        if offended {
            self.core.quarantine_offenders().await?;
        }
        if answered {
            failpoint::reach(failpoint::AFTER_OUTCOME);
        }
        let within = finished.split_off(1);
        start(&self.core, within, committed.size);
        let Some(Finished { run, awaited, at, effects, .. }) = finished.pop() else {
            return Err(EngineError::Conflict("a turn without a run was handed over".to_owned()));
        };
        (self.awaited, self.looked) = (awaited, at);
        if is_called_off(&run.state.phase) {
            self.out.withdraw();
        }
        perform(&self.core, &run, effects, committed.size, &self.out);
        Ok(run)
    }

    /// A run that cannot go on harms nobody else: it stays as it is stored until the next start.
    fn give_up(&self, error: &EngineError) {
        let id = self.id;
        tracing::error!(run = %id, %error, "run {id} stays as it is until the next start: {error}");
        self.core.open.lock().remove(&id);
        self.core.limits.wait(id, BTreeMap::new());
    }

    /// Tells the runs that wait for this one, and the one that it was carried out within.
    fn ended(&self, run: &Run) {
        self.core.limits.wait(run.id, BTreeMap::new());
        let completed = matches!(&run.state.phase, Phase::Ended { ending: Ending::Completed { .. }, .. });
        let followers =
            self.core.open.lock().remove(&run.id).map(|handle| handle.followers).unwrap_or_default();
        for follower in followers {
            self.core.send(follower, Input::DependencyEnded { run: run.id, completed });
        }
        if let Origin::Nested { run: around, .. } = &run.state.origin
            && let Some(returned) = result_of(run)
        {
            self.core.send(*around, Input::Returned(returned));
        }
    }
}

/// Does what a durable turn wants done. What comes back from agents goes to the run's inbox.
fn perform(core: &Arc<Core>, run: &Run, effects: Effects, log_size: u64, out: &Out) {
    let Effects { sends, waits, listening, published, stops, forsaken } = effects;
    core.pushes_due(run.id);
    for sending in sends {
        send(core, run.id, sending, log_size, out.withdrawal());
    }
    core.limits.wait(run.id, waits);
    for (child, Stop { run, at_once }) in stops {
        core.send(child, Input::Around { run, at_once });
    }
    core.forsake(forsaken);
    core.listen(run, listening);
    published.into_iter().for_each(|told| core.deliver(told));
}

/// Whether somebody stopped the run, so that what agents still do for it is not wanted. A run that stops because a
/// step failed still wants it: it is undone by what it brought.
fn is_called_off(phase: &Phase) -> bool {
    let (Phase::Closing(cause) | Phase::Ended { cause: Some(cause), .. }) = phase else { return false };
    matches!(cause, Cause::Cancelled { .. } | Cause::Killed { .. } | Cause::Around { .. })
}

fn send(
    core: &Arc<Core>,
    run: RunId,
    Sending { work, mut slot }: Sending,
    log_size: u64,
    withdrawal: Withdrawal,
) {
    let core = core.clone();
    let attempt = work.get().work.attempt.clone();
    let began = core.clock.now();
    let witness = reconcile::witness(work.get());
    tokio::spawn(async move {
        failpoint::reach(failpoint::BEFORE_SEND);
        let arrival = core.dispatch(work, log_size, withdrawal).await;
        failpoint::reach(failpoint::AFTER_REPLY);
        slot.came_back(&arrival, began);
        let arrival = reconcile::settled(&core, witness, arrival).await;
        let latency_ms = u64::try_from(core.clock.now().duration_since(began).as_millis()).unwrap_or(0);
        core.send(run, Input::Arrived { attempt, arrival, latency_ms, slot: Some(slot) });
    });
}

fn until(now: Timestamp, at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO)
}

//! Limits: what keeps agents, tenants and the house itself from being asked for more than they can give.
//!
//! Everything that decides is a pure state machine with time as an argument: [`breaker`] (leave alone what keeps
//! failing), [`rate`] (so many calls in a length of time), [`retries`] (retries must not become the load), [`line`]
//! (who is next), [`capacity`] (all of them together, and who gets what becomes free), [`intake`] (what is taken in
//! at all), [`vitals`] (what happened at an agent lately), [`calls`] (how calls ended at all agents together). [`Limiter`]
//! is the shell around them: it locks, reads the clock, and wakes runs.
//!
//! ```text
//!  submission ─► intake ─► run ─► step ─► room? ──yes──► policy ─► Slot ─► agent
//!                  │ no                     │ no                     │
//!                 429/503                  line ◄──── next one ──────┘ came back
//! ```
//!
//! Nothing here is stored. After a start breakers are closed, budgets are full and the line is empty: what waits
//! offers itself anew.

mod breaker;
mod calls;
mod capacity;
mod intake;
mod line;
mod rate;
mod retries;
mod slot;
mod usher;
mod vitals;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use concordat_model::agent::{Agent, Rate};
use concordat_model::id::{AgentId, RunId};
use concordat_model::name::{SkillName, TenantName};
use concordat_model::run::Run;
use concordat_model::run::due::Ask;
use concordat_model::work::{Attempt, Leg};
use concordat_policy::input::{BreakerState, InstanceLoad, Load};
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use crate::ports::Clock;
use capacity::Capacity;
use intake::Intake;

pub use calls::{AgentsLately, CallFigures};
pub use capacity::{AgentLimits, InstanceLimits, LimitFigures, Obstacle, SkillLimits, Waiting};
pub use intake::{Overload, Shed};

pub(crate) use capacity::{Place, Standing, Ticket, Wish};
pub(crate) use intake::{Looking, Open};
pub(crate) use line::{Claim, Wanted};
pub(crate) use slot::Slot;
pub(crate) use usher::usher;

/// How much an operator lets the house take on. The defaults are those of `concordat serve`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// The most calls to agents at a time.
    pub calls: u32,
    /// The most calls to agents at a time for one tenant.
    pub calls_per_tenant: u32,
    /// The most calls to agents within a length of time for one tenant.
    pub tenant_rate: Option<Rate>,
    /// How many turns a tenant gets in comparison with others, where it is not one.
    pub weights: BTreeMap<TenantName, u32>,
    /// The most contracts that are not over; a large one counts as several.
    pub open: u64,
    /// The same for one tenant.
    pub open_per_tenant: u64,
    /// The most submissions that are looked at at a time.
    pub submissions: u64,
    /// The most changes that may wait for the disk when a submission comes.
    pub commits: u64,
    /// The most steps of a contract that is sent in; what a contract may ever have is for the model to say.
    pub steps: usize,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            calls: 1024,
            calls_per_tenant: 512,
            tenant_rate: None,
            weights: BTreeMap::new(),
            open: 10_000,
            open_per_tenant: 8_000,
            submissions: 256,
            commits: 1024,
            steps: 1000,
        }
    }
}

/// The limits as the engine uses them.
pub(crate) struct Limiter {
    clock: Arc<dyn Clock>,
    weights: BTreeMap<TenantName, u32>,
    capacity: Mutex<Capacity>,
    intake: Mutex<Intake>,
    /// Told when runs are to be woken, or when to look again has changed.
    news: Notify,
    /// Calls whose outcome is not recorded yet.
    outstanding: watch::Sender<usize>,
    /// Whether nothing new is sent or taken in.
    draining: watch::Sender<bool>,
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Limiter")
    }
}

impl Limiter {
    pub(crate) fn new(bounds: Bounds, clock: Arc<dyn Clock>) -> Limiter {
        Limiter {
            clock,
            weights: bounds.weights.clone(),
            intake: Mutex::new(Intake::new(&bounds)),
            capacity: Mutex::new(Capacity::new(bounds)),
            news: Notify::new(),
            outstanding: watch::Sender::new(0),
            draining: watch::Sender::new(false),
        }
    }

    /// What a step of a run wants to call, and whose turn that is.
    pub(crate) fn wish(&self, run: &Run, ask: &Ask, skill: &SkillName) -> Wish {
        let tenant = run.state.submitter.tenant.clone();
        let undo = ask.attempt.leg == Leg::Undo;
        let failures = run.state.steps().get(ask.step).map_or(0, |step| step.failures);
        Wish {
            ticket: Ticket { run: run.id, attempt: ask.attempt.clone() },
            claim: Claim {
                weight: self.weights.get(&tenant).copied().unwrap_or(1),
                tenant,
                priority: if undo { Claim::UNDO } else { run.contract.spec().priority.get() },
            },
            skill: skill.clone(),
            retry: !undo && failures > 0,
        }
    }

    /// Where a step stands before it is offered.
    pub(crate) fn standing(&self, ticket: &Ticket, now: Timestamp) -> Standing {
        self.capacity.lock().standing(ticket, now)
    }

    /// Whether house and tenant have room for one more call of this step.
    pub(crate) fn has_room(&self, wish: &Wish, now: Timestamp) -> bool {
        self.capacity.lock().has_room(wish, now)
    }

    /// What a step may count on at each of these agents.
    pub(crate) fn loads(&self, agents: &[Arc<Agent>], wish: &Wish, now: Timestamp) -> Vec<Load> {
        let mut capacity = self.capacity.lock();
        agents.iter().map(|agent| capacity.load(agent, wish, now)).collect()
    }

    /// Whether a step would have to wait for these agents.
    pub(crate) fn is_full(&self, wish: &Wish, wanted: &Wanted, now: Timestamp) -> bool {
        let mut capacity = self.capacity.lock();
        !capacity.has_room(wish, now) || !capacity.could_be_served(wanted, now)
    }

    /// Takes everything that a call needs, or nothing.
    pub(crate) fn take(
        self: &Arc<Self>,
        wish: &Wish,
        agent: AgentId,
        instance: Option<&str>,
        now: Timestamp,
    ) -> Option<Slot> {
        let taken = self.tell(|capacity| {
            let mut taken = capacity.take(wish, agent, now)?;
            if let Some(url) = instance {
                capacity.enter_instance(&mut taken, url, now);
            }
            Some(taken)
        })?;
        Some(Slot::new(self.clone(), taken))
    }

    /// Takes everything that a try of a skill needs, or nothing: it does not stand in the line, and an instance that is
    /// left alone is.
    pub(crate) fn take_for_a_try(
        self: &Arc<Self>,
        agent: &Arc<Agent>,
        instance: Option<&str>,
        skill: &SkillName,
        tenant: TenantName,
        run: RunId,
    ) -> Option<Slot> {
        let now = self.clock.now();
        let attempt = Attempt { step: "probe".parse().ok()?, leg: Leg::Do, number: 1 };
        let wish = Wish {
            ticket: Ticket { run, attempt },
            claim: Claim { weight: 1, tenant, priority: 0 },
            skill: skill.clone(),
            retry: false,
        };
        // Asking for the load tells the limits of an agent that has done nothing yet.
        let loads = self.loads(std::slice::from_ref(agent), &wish, now);
        let mut places = loads.iter().flat_map(|load| &load.instances);
        let rests = |one: &InstanceLoad| one.breaker == BreakerState::Open && Some(&*one.url) == instance;
        if places.any(rests) {
            return None;
        }
        self.take(&wish, agent.id, instance, now)
    }

    /// Says what all steps of a run wait for, after a turn of it.
    pub(crate) fn wait(&self, run: RunId, places: BTreeMap<Attempt, Option<Place>>) {
        let now = self.clock.now();
        self.tell(|capacity| capacity.wait(run, places, now));
    }

    /// What the steps of a run wait for.
    pub(crate) fn waits_of(&self, run: RunId) -> Vec<Waiting> {
        self.capacity.lock().waits_of(run, self.clock.now())
    }

    /// How an agent's limits stand.
    pub(crate) fn agent(&self, agent: &Agent) -> AgentLimits {
        self.capacity.lock().agent(agent, self.clock.now())
    }

    /// The calls that an agent has.
    pub(crate) fn in_flight(&self, agent: AgentId) -> u32 {
        self.capacity.lock().in_flight(agent)
    }

    /// What is in use.
    pub(crate) fn figures(&self) -> LimitFigures {
        self.capacity.lock().figures(self.clock.now())
    }

    /// How calls ended since the start, over all agents.
    pub(crate) fn calls(&self) -> CallFigures {
        self.capacity.lock().calls()
    }

    /// From now on nothing is sent and nothing is taken in.
    pub(crate) fn drain(&self) {
        self.draining.send_replace(true);
    }

    /// Whether nothing is sent any more.
    pub(crate) fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// Waits until every call's outcome is recorded.
    pub(crate) async fn drained(&self) {
        // The sender lives as long as we do.
        let _ = self.outstanding.subscribe().wait_for(|calls| *calls == 0).await;
    }

    /// The calls whose outcome is not recorded yet.
    pub(crate) fn outstanding(&self) -> usize {
        *self.outstanding.borrow()
    }

    /// Changes something, and passes on what follows from it.
    fn tell<T>(&self, change: impl FnOnce(&mut Capacity) -> T) -> T {
        let mut capacity = self.capacity.lock();
        let waiting = capacity.somebody_waits();
        let result = change(&mut capacity);
        // Nobody waited before and nobody does now: the usher may sleep on.
        if waiting || capacity.somebody_waits() {
            self.news.notify_one();
        }
        result
    }
}

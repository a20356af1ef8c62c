//! What is in use of everything that is scarce, and who gets what becomes free.
//!
//! A call needs five things at once: a place among all calls of the house, one among its tenant's, one at the agent
//! (its concurrency and its rate), a breaker that lets it pass, and, for a retry, room in the retry budget. Either it
//! gets all of them or none. Whoever gets none waits in the [`Line`].
//!
//! INVARIANT: after each change nobody waits who could be served. So whoever comes anew may simply take what is
//! free: nobody was there before.
//!
//! A step that is next does not get its call here, because policy was not asked yet: what it needs is *held* for it
//! and its run is woken. Policy may permit another agent, or none; then the hold goes to somebody else.

mod grant;
mod instances;
mod view;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use concordat_model::agent::{Agent, Rate};
use concordat_model::id::{AgentId, RunId};
use concordat_model::name::{SkillName, TenantName};
use concordat_model::work::Attempt;
use concordat_policy::input::{BreakerState, Load};
use jiff::Timestamp;

use super::Bounds;
use super::breaker::{Breaker, LifeSign, Pass};
use super::calls::CallFigures;
use super::line::{Claim, Line, Wanted};
use super::rate::Meter;
use super::retries::RetryBudget;
use super::vitals::Vitals;
use instances::{InstanceUse, TakenThere};

pub use view::{AgentLimits, InstanceLimits, LimitFigures, Obstacle, SkillLimits, Waiting};

/// One attempt of one run, as the line names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ticket {
    pub(crate) run: RunId,
    pub(crate) attempt: Attempt,
}

/// Everything that is scarce.
#[derive(Debug)]
pub(crate) struct Capacity {
    bounds: Bounds,
    /// Calls under way, and those that something is held for.
    calls: u32,
    agents: HashMap<AgentId, AgentUse>,
    skills: HashMap<(AgentId, SkillName), SkillUse>,
    /// What happened lately at agents that worked.
    vitals: HashMap<AgentId, Vitals>,
    /// The instances of agents that have several, where any worked.
    instances: BTreeMap<instances::Place, InstanceUse>,
    /// How many calls ended.
    noted: u64,
    /// How calls ended since the start, over all agents.
    ended: CallFigures,
    tenants: HashMap<TenantName, TenantUse>,
    line: Line<Ticket>,
    /// Everybody who waits: in the line, on the bench, or with something held for them.
    waits: HashMap<Ticket, Wait>,
    by_run: HashMap<RunId, BTreeSet<Attempt>>,
    held: BTreeMap<Ticket, Held>,
    /// Those whom policy refused although there was room, and when they go back into the line.
    benched: BTreeSet<(Timestamp, Ticket)>,
    /// When a step that waits for agents that do not come back is put before policy all the same.
    overdue: BTreeSet<(Timestamp, Ticket)>,
    /// Agents whose room was not offered to the line yet.
    freed: BTreeSet<AgentId>,
    /// Agents that could serve somebody if the house had room for a call.
    starved: BTreeSet<AgentId>,
    /// When something becomes free by itself.
    alarm: Option<Timestamp>,
    /// The runs that are to be woken.
    wakes: BTreeSet<RunId>,
    /// How often breakers opened.
    openings: u64,
}

/// What is in use of one agent.
#[derive(Debug, Default)]
struct AgentUse {
    concurrency: u32,
    rate: Option<Rate>,
    meter: Meter,
    /// Calls under way, and those that something is held for.
    calls: u32,
    /// It asked to be left alone until then.
    rests_until: Option<Timestamp>,
}

/// What is known of one agent and one skill.
#[derive(Debug, Default)]
struct SkillUse {
    breaker: Breaker,
    retries: RetryBudget,
}

/// What is in use of one tenant's share.
#[derive(Debug, Default)]
struct TenantUse {
    meter: Meter,
    calls: u32,
}

/// Somebody who waits.
#[derive(Debug)]
struct Wait {
    claim: Claim,
    wanted: Wanted,
    since: Timestamp,
    overdue: Timestamp,
    /// How often policy refused although there was room.
    refusals: u32,
    bench: Option<(Timestamp, u64)>,
}

/// What is held for somebody until they come.
#[derive(Debug)]
struct Held {
    agent: AgentId,
    pass: Pass,
    since: Timestamp,
    /// The number of the place that they had in the line.
    number: u64,
}

/// What a step wants to call.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) ticket: Ticket,
    pub(crate) claim: Claim,
    pub(crate) skill: SkillName,
    /// Whether the step failed before. What a restart interrupted is no retry, and neither is an undo: it must not
    /// wait for a budget.
    pub(crate) retry: bool,
}

/// What a step waits for, and whether policy refused it just now.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) claim: Claim,
    pub(crate) wanted: Wanted,
    pub(crate) refused: bool,
}

/// What one call has taken; it is given back by [`Capacity::settle`] or [`Capacity::withdraw`].
#[derive(Debug)]
pub(crate) struct Taken {
    agent: AgentId,
    skill: SkillName,
    tenant: TenantName,
    pass: Pass,
    /// The instance that it is sent to, where the agent has several.
    there: Option<TakenThere>,
}

/// How a call came back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Came {
    pub(crate) sign: LifeSign,
    /// For how long the agent asks to be left alone.
    pub(crate) rest: Option<Duration>,
    pub(crate) took: Duration,
}

/// Where a step stands before it is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It does not wait.
    New,
    /// Others are before it, or nothing is free.
    InLine,
    /// Something is held for it.
    Next,
    /// It has waited so long that policy should say what becomes of it.
    Overdue,
}

/// How long a step waits for agents that are broken before policy is asked although none has room.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

impl Capacity {
    pub(crate) fn new(bounds: Bounds) -> Capacity {
        Capacity {
            bounds,
            calls: 0,
            agents: HashMap::new(),
            skills: HashMap::new(),
            vitals: HashMap::new(),
            instances: BTreeMap::new(),
            noted: 0,
            ended: CallFigures::default(),
            tenants: HashMap::new(),
            line: Line::default(),
            waits: HashMap::new(),
            by_run: HashMap::new(),
            held: BTreeMap::new(),
            benched: BTreeSet::new(),
            overdue: BTreeSet::new(),
            freed: BTreeSet::new(),
            starved: BTreeSet::new(),
            alarm: None,
            wakes: BTreeSet::new(),
            openings: 0,
        }
    }

    /// Where a step stands.
    pub(crate) fn standing(&self, ticket: &Ticket, now: Timestamp) -> Standing {
        match self.waits.get(ticket) {
            None => Standing::New,
            Some(_) if self.held.contains_key(ticket) => Standing::Next,
            Some(wait) if wait.overdue <= now => Standing::Overdue,
            Some(_) => Standing::InLine,
        }
    }

    /// Whether the house and the tenant have room for one more call of this step.
    pub(crate) fn has_room(&self, wish: &Wish, now: Timestamp) -> bool {
        self.held.contains_key(&wish.ticket)
            || (self.calls < self.bounds.calls && self.tenant_has_room(&wish.claim.tenant, now))
    }

    /// What a step may count on at an agent; what is held for the step itself counts as free.
    pub(crate) fn load(&mut self, agent: &Agent, wish: &Wish, now: Timestamp) -> Load {
        let limits = &agent.registration.limits;
        let used = self.agents.entry(agent.id).or_default();
        (used.concurrency, used.rate) = (limits.concurrency, limits.rate.clone());
        let own = self.held.get(&wish.ticket).filter(|held| held.agent == agent.id);
        let one = u32::from(own.is_some());
        let resting = used.rests_until.is_some_and(|until| until > now);
        let known = self.skills.get(&(agent.id, wish.skill.clone()));
        let breaker = match own.map(|held| held.pass) {
            Some(Pass::Probe) => BreakerState::HalfOpen,
            _ => known.map_or(BreakerState::Closed, |known| known.breaker.state(now)),
        };
        Load {
            in_flight: used.calls.saturating_sub(one),
            breaker,
            rate_left: match &used.rate {
                Some(_) if resting => Some(0),
                Some(rate) => Some(used.meter.left(rate, now).saturating_add(one)),
                None => resting.then_some(0),
            },
            retries_left: known
                .map_or_else(|| RetryBudget::default().left(now), |known| known.retries.left(now)),
            waiting: self.line.waiting_for(agent.id),
            health: self.vitals.get(&agent.id).and_then(|vitals| vitals.health(now)),
            instances: self.instances(agent, now),
        }
    }

    /// Takes everything that a call to this agent needs, or nothing.
    pub(crate) fn take(&mut self, wish: &Wish, agent: AgentId, now: Timestamp) -> Option<Taken> {
        let pass = match self.held.get(&wish.ticket) {
            Some(held) if held.agent == agent => held.pass,
            Some(held) => {
                // The house's and the tenant's part of the hold stay; only the agent changes.
                let (other, unused) = (held.agent, held.pass);
                let pass = self.enter(agent, &wish.skill, wish.retry, now)?;
                self.unenter(other, &wish.skill, unused, now);
                pass
            }
            None if !self.has_room(wish, now) => return None,
            None => {
                let pass = self.enter(agent, &wish.skill, wish.retry, now)?;
                self.enter_house(&wish.claim.tenant, now);
                pass
            }
        };
        self.held.remove(&wish.ticket);
        self.forget(&wish.ticket);
        self.skills.entry((agent, wish.skill.clone())).or_default().retries.sent(wish.retry, now);
        self.serve(now);
        Some(Taken { agent, skill: wish.skill.clone(), tenant: wish.claim.tenant.clone(), pass, there: None })
    }

    /// A call came back: everything it had is free, and its breaker learns how it went. An agent that asked to be
    /// left alone for a while is.
    pub(crate) fn settle(&mut self, taken: &Taken, came: Came, now: Timestamp) {
        let Came { sign, rest, took } = came;
        let sign = self.leave_instance(taken, sign, took, now);
        let Taken { agent, skill, tenant, pass, .. } = taken;
        if let Some(used) = self.agents.get_mut(agent) {
            used.calls = used.calls.saturating_sub(1);
            let until = rest.and_then(|rest| now.checked_add(rest).ok());
            used.rests_until = used.rests_until.max(until);
        }
        if let Some(known) = self.skills.get_mut(&(*agent, skill.clone())) {
            self.openings += u64::from(known.breaker.settle(*pass, sign, now));
        }
        self.freed.insert(*agent);
        self.leave_house(tenant, now);
        self.serve(now);
    }

    /// A call was not made after all.
    pub(crate) fn withdraw(&mut self, taken: &Taken, now: Timestamp) {
        self.leave_instance(taken, LifeSign::Untold, Duration::ZERO, now);
        self.unenter(taken.agent, &taken.skill, taken.pass, now);
        self.unenter_house(&taken.tenant, now);
        self.serve(now);
    }

    /// Says what all steps of a run wait for; what it waited for before and is not named waits no more. A step that
    /// is named without a place stays where it is.
    pub(crate) fn wait(&mut self, run: RunId, places: BTreeMap<Attempt, Option<Place>>, now: Timestamp) {
        let known = self.by_run.get(&run).into_iter().flatten();
        let gone: Vec<Attempt> = known.filter(|attempt| !places.contains_key(attempt)).cloned().collect();
        for attempt in gone {
            self.give_up(&Ticket { run, attempt }, now);
        }
        for (attempt, place) in places {
            let ticket = Ticket { run, attempt };
            match place {
                Some(place) => self.stand(ticket, place, now),
                // Somebody took its place away meanwhile: it asks again.
                None if !self.waits.contains_key(&ticket) => drop(self.wakes.insert(run)),
                None => {}
            }
        }
        self.serve(now);
    }

    /// Whether somebody waits.
    pub(crate) fn somebody_waits(&self) -> bool {
        !self.waits.is_empty() || !self.wakes.is_empty()
    }

    /// The runs that are to be woken.
    pub(crate) fn take_wakes(&mut self) -> BTreeSet<RunId> {
        std::mem::take(&mut self.wakes)
    }

    /// When [`Capacity::sweep`] has something to do at the latest; never while nobody waits.
    pub(crate) fn next_sweep(&self, now: Timestamp) -> Option<Timestamp> {
        if self.waits.is_empty() {
            return None;
        }
        let sweep = now.checked_add(SWEEP).unwrap_or(Timestamp::MAX);
        Some(self.alarm.map_or(sweep, |alarm| alarm.clamp(now, sweep)))
    }
}

/// How often everything is looked at again while somebody waits: what a wake-up that was lost costs at most.
const SWEEP: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;

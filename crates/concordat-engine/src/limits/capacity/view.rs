//! What is in use and who waits for what, for people and for figures.

use concordat_model::agent::Agent;
use concordat_model::id::{AgentId, RunId};
use concordat_model::name::SkillName;
use concordat_model::work::Attempt;
use concordat_policy::input::{BreakerState, Health, InstanceLoad};
use jiff::Timestamp;

use super::{Capacity, Ticket, Wait};
use crate::limits::calls::{AgentsLately, CallFigures};
use crate::limits::retries::RetryBudget;

/// A step that could run and does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The attempt that waits.
    pub attempt: Attempt,
    /// Since when; counted anew after a start.
    pub since: Timestamp,
    /// When it is looked at again at the latest, where that is known.
    pub until: Option<Timestamp>,
    /// What keeps it.
    pub obstacles: Vec<Obstacle>,
}

/// Something that keeps a step from running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// The whole house makes as many calls as it may.
    House {
        /// The most calls at a time.
        calls: u32,
    },
    /// The tenant has as many calls under way as it may.
    Tenant {
        /// The most calls at a time.
        calls: u32,
    },
    /// The tenant made as many calls within a length of time as it may.
    TenantRate {
        /// When it may make another one.
        until: Timestamp,
    },
    /// The agent has as many calls as it takes.
    Busy {
        /// The agent.
        agent: AgentId,
        /// The most calls at a time.
        calls: u32,
    },
    /// The agent got as many calls within a length of time as it takes, or asked for rest.
    Rate {
        /// The agent.
        agent: AgentId,
        /// When it takes another one.
        until: Timestamp,
    },
    /// The agent kept failing and is left alone; while a probe is out, nobody knows for how long.
    Breaker {
        /// The agent.
        agent: AgentId,
        /// When it is tried again.
        until: Option<Timestamp>,
    },
    /// The agent got as many retries within a minute as it may.
    Retries {
        /// The agent.
        agent: AgentId,
        /// When it may get another one.
        until: Timestamp,
    },
    /// There is room, and it is this step's turn: policy is being asked.
    Turn {
        /// The agent.
        agent: AgentId,
    },
}

/// How an agent's limits stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentLimits {
    /// The calls that may be made at this moment, where a rate was registered or the agent asked for rest.
    pub rate_left: Option<u32>,
    /// Until when the agent asked to be left alone.
    pub rests_until: Option<Timestamp>,
    /// How it stands with each skill.
    pub skills: Vec<SkillLimits>,
    /// The steps that wait for it, or for others as well.
    pub waiting: u32,
    /// What happened at it lately: what policy sees.
    pub health: Option<Health>,
    /// How its instances stand, where it has several.
    pub instances: Vec<InstanceLimits>,
}

/// How one of several instances stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceLimits {
    /// What policy sees.
    pub load: InstanceLoad,
    /// What happened at it lately.
    pub health: Option<Health>,
}

/// How an agent stands with one skill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkillLimits {
    /// The skill.
    pub skill: SkillName,
    /// Its circuit breaker.
    pub breaker: BreakerState,
    /// When an open breaker lets one call try.
    pub until: Option<Timestamp>,
    /// The retries that may be sent at this moment.
    pub retries_left: u32,
}

/// What is in use of everything that is scarce.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LimitFigures {
    /// Calls under way.
    pub calls: u32,
    /// Steps that wait for one.
    pub waiting: usize,
    /// Circuit breakers that let nothing pass.
    pub breakers_open: usize,
    /// Circuit breakers that let one call try.
    pub breakers_half_open: usize,
    /// How often breakers opened.
    pub breaker_openings: u64,
    /// The agents that had calls within the last five minutes.
    pub agents_lately: AgentsLately,
}

impl Capacity {
    /// What the steps of a run wait for.
    pub(crate) fn waits_of(&self, run: RunId, now: Timestamp) -> Vec<Waiting> {
        let attempts = self.by_run.get(&run).into_iter().flatten();
        attempts.filter_map(|attempt| self.waiting(Ticket { run, attempt: attempt.clone() }, now)).collect()
    }

    fn waiting(&self, ticket: Ticket, now: Timestamp) -> Option<Waiting> {
        let wait = self.waits.get(&ticket)?;
        let mut obstacles = Vec::new();
        if let Some(held) = self.held.get(&ticket) {
            obstacles.push(Obstacle::Turn { agent: held.agent });
        } else {
            obstacles.extend(self.houses(wait, now));
            obstacles.extend(wait.wanted.agents.iter().filter_map(|agent| self.obstacle(*agent, wait, now)));
        }
        // Any agent will do, but house and tenant must both have room.
        let house = obstacles.first().is_some_and(|first| first.agent().is_none());
        let decisive = if house { obstacles.get(..1) } else { Some(obstacles.as_slice()) };
        let until = decisive.into_iter().flatten().filter_map(Obstacle::until).min();
        Some(Waiting { attempt: ticket.attempt, since: wait.since, until, obstacles })
    }

    fn houses(&self, wait: &Wait, now: Timestamp) -> Option<Obstacle> {
        if self.calls >= self.bounds.calls {
            return Some(Obstacle::House { calls: self.bounds.calls });
        }
        let used = self.tenants.get(&wait.claim.tenant)?;
        if used.calls >= self.bounds.calls_per_tenant {
            return Some(Obstacle::Tenant { calls: self.bounds.calls_per_tenant });
        }
        let until = used.meter.next(self.bounds.tenant_rate.as_ref()?, now);
        (until > now).then_some(Obstacle::TenantRate { until })
    }

    fn obstacle(&self, agent: AgentId, wait: &Wait, now: Timestamp) -> Option<Obstacle> {
        if let Some(known) = self.skills.get(&(agent, wait.wanted.skill.clone())) {
            if known.breaker.state(now) == BreakerState::Open {
                return Some(Obstacle::Breaker { agent, until: known.breaker.until() });
            }
            if wait.wanted.retry && known.retries.left(now) == 0 {
                return Some(Obstacle::Retries { agent, until: known.retries.next(now) });
            }
        }
        let used = self.agents.get(&agent)?;
        if used.calls >= used.concurrency {
            return Some(Obstacle::Busy { agent, calls: used.concurrency });
        }
        used.free_at(now).map(|until| Obstacle::Rate { agent, until })
    }

    /// How an agent's limits stand.
    pub(crate) fn agent(&self, agent: &Agent, now: Timestamp) -> AgentLimits {
        let used = self.agents.get(&agent.id);
        let rests_until = used.and_then(|used| used.rests_until).filter(|until| *until > now);
        let rate = agent.registration.limits.rate.as_ref();
        let left = |rate| used.map_or(u32::MAX, |used| used.meter.left(rate, now)).min(rate.calls);
        let skill = |name: &SkillName| {
            let known = self.skills.get(&(agent.id, name.clone()));
            SkillLimits {
                skill: name.clone(),
                breaker: known.map_or(BreakerState::Closed, |known| known.breaker.state(now)),
                until: known.and_then(|known| known.breaker.until()).filter(|until| *until > now),
                retries_left: known
                    .map_or_else(|| RetryBudget::default().left(now), |known| known.retries.left(now)),
            }
        };
        AgentLimits {
            rate_left: if rests_until.is_some() { Some(0) } else { rate.map(left) },
            rests_until,
            skills: agent.registration.skills.iter().map(|one| skill(&one.name)).collect(),
            waiting: self.line.waiting_for(agent.id),
            health: self.vitals.get(&agent.id).and_then(|vitals| vitals.health(now)),
            instances: self
                .instances(agent, now)
                .into_iter()
                .map(|load| InstanceLimits { health: self.instance_health(agent.id, &load.url, now), load })
                .collect(),
        }
    }

    /// The calls that an agent has.
    pub(crate) fn in_flight(&self, agent: AgentId) -> u32 {
        let Some(calls) = self.agents.get(&agent).map(|used| used.calls).filter(|calls| *calls > 0) else {
            return 0;
        };
        let held = self.held.values().filter(|held| held.agent == agent).count();
        calls.saturating_sub(u32::try_from(held).unwrap_or(u32::MAX))
    }

    /// What is in use.
    pub(crate) fn figures(&self, now: Timestamp) -> LimitFigures {
        let states = || self.skills.values().map(|known| known.breaker.state(now));
        let mut agents_lately = AgentsLately::default();
        for (calls, errors) in self.vitals.values().map(|vitals| vitals.counts(now)) {
            if calls > 0 {
                agents_lately.note(calls, errors.sum());
            }
        }
        LimitFigures {
            calls: self.calls.saturating_sub(u32::try_from(self.held.len()).unwrap_or(u32::MAX)),
            waiting: self.waits.len(),
            breakers_open: states().filter(|state| *state == BreakerState::Open).count(),
            breakers_half_open: states().filter(|state| *state == BreakerState::HalfOpen).count(),
            breaker_openings: self.openings,
            agents_lately,
        }
    }

    /// How calls ended since the start, over all agents.
    pub(crate) fn calls(&self) -> CallFigures {
        self.ended.clone()
    }
}

impl Obstacle {
    /// The agent that it is about; none when it is about house or tenant.
    #[must_use]
    pub fn agent(&self) -> Option<AgentId> {
        match self {
            Obstacle::Busy { agent, .. }
            | Obstacle::Rate { agent, .. }
            | Obstacle::Breaker { agent, .. }
            | Obstacle::Retries { agent, .. }
            | Obstacle::Turn { agent } => Some(*agent),
            Obstacle::House { .. } | Obstacle::Tenant { .. } | Obstacle::TenantRate { .. } => None,
        }
    }

    /// When it is gone, where that is known.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Obstacle::TenantRate { until }
            | Obstacle::Rate { until, .. }
            | Obstacle::Retries { until, .. } => Some(*until),
            Obstacle::Breaker { until, .. } => *until,
            Obstacle::House { .. }
            | Obstacle::Tenant { .. }
            | Obstacle::Busy { .. }
            | Obstacle::Turn { .. } => None,
        }
    }
}

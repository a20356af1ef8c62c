//! The line: who waits for an agent, and who is next when one is free.
//!
//! Whoever waits would take any of several agents, the same ones as others with the same skill: they share a queue.
//! Within a queue, tenants take turns (start-time fair queueing: each grant moves a tenant back by one over its
//! weight, and whoever comes anew starts where the line is now), a tenant's own work goes by priority, and equals go
//! in the order in which they came. The turns are counted over all queues together, so that a tenant cannot gain by
//! waiting in many.
//!
//! ```text
//!   agent ──► queues that would take it ──► the tenant furthest behind ──► its most urgent, oldest step
//! ```
//!
//! Asking who is next costs what stands at the heads of an agent's queues, not how many wait.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use concordat_model::id::AgentId;
use concordat_model::name::{SkillName, TenantName};

/// What a queue's steps have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Wanted {
    /// The skill.
    pub(crate) skill: SkillName,
    /// Whether it is a retry, for which the retry budget must have room.
    pub(crate) retry: bool,
    /// The agents that would do, sorted, each once.
    pub(crate) agents: Arc<[AgentId]>,
}

/// Whose turn it is that is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    /// The tenant.
    pub(crate) tenant: TenantName,
    /// How many turns it gets in comparison with others; 1 unless an operator says otherwise.
    pub(crate) weight: u32,
    /// What goes first among the tenant's own work: more is sooner.
    pub(crate) priority: u8,
}

impl Claim {
    /// The priority of an undo: what was done stands until it is undone, so it goes before everything.
    pub(crate) const UNDO: u8 = u8::MAX;

    /// Whether it is about an undo.
    pub(crate) fn is_undo(&self) -> bool {
        self.priority == Claim::UNDO
    }
}

/// Everybody who waits. `K` names a waiter.
#[derive(Debug)]
pub(crate) struct Line<K> {
    /// The turn of whoever was granted something last.
    clock: u64,
    next_number: u64,
    next_queue: u64,
    waiters: HashMap<K, Waiter>,
    tenants: HashMap<TenantName, Tenant>,
    queues: HashMap<u64, Queue<K>>,
    by_wanted: HashMap<Arc<Wanted>, u64>,
    by_agent: HashMap<AgentId, BTreeSet<u64>>,
}

/// Where one waiter stands.
#[derive(Debug, Clone)]
struct Waiter {
    queue: u64,
    tenant: TenantName,
    rank: Rank,
}

/// A tenant's own order: the most urgent first, and then whoever came first.
type Rank = (Reverse<u8>, u64);

#[derive(Debug)]
struct Tenant {
    /// Its next turn.
    turn: u64,
    weight: u32,
    waiting: usize,
    /// Whether it has as much as it may have, so that it gets no turn.
    blocked: bool,
    queues: BTreeSet<u64>,
}

#[derive(Debug)]
struct Queue<K> {
    wanted: Arc<Wanted>,
    by_tenant: HashMap<TenantName, BTreeMap<Rank, K>>,
    /// The tenants that wait here and are not blocked, by their turn.
    order: BTreeSet<(u64, TenantName)>,
}

/// One turn costs a tenant so much, divided by its weight; it divides by every weight up to twenty.
const TURN: u64 = 232_792_560;

impl<K> Default for Line<K> {
    fn default() -> Line<K> {
        Line {
            clock: 0,
            next_number: 0,
            next_queue: 0,
            waiters: HashMap::new(),
            tenants: HashMap::new(),
            queues: HashMap::new(),
            by_wanted: HashMap::new(),
            by_agent: HashMap::new(),
        }
    }
}

impl<K: Clone + Eq + Hash> Line<K> {
    /// Whether somebody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    /// What a waiter waits for.
    pub(crate) fn wanted(&self, key: &K) -> Option<&Arc<Wanted>> {
        Some(&self.queues.get(&self.waiters.get(key)?.queue)?.wanted)
    }

    /// Takes a place. Whoever has one keeps it, even when something else is wanted now.
    pub(crate) fn join(&mut self, key: K, claim: &Claim, wanted: Wanted) {
        if self.wanted(&key).is_some_and(|known| **known == wanted) {
            return;
        }
        let number = self.leave(&key).unwrap_or_else(|| {
            self.next_number += 1;
            self.next_number
        });
        self.join_as(key, claim, wanted, number);
    }

    /// Takes the place of that number, which somebody had before.
    pub(crate) fn join_as(&mut self, key: K, claim: &Claim, wanted: Wanted, number: u64) {
        let Claim { tenant, weight, priority } = claim;
        let id = self.queue(wanted);
        let clock = self.clock;
        let fresh = || Tenant { turn: clock, weight: 1, waiting: 0, blocked: false, queues: BTreeSet::new() };
        let state = self.tenants.entry(tenant.clone()).or_insert_with(fresh);
        state.weight = (*weight).max(1);
        if state.waiting == 0 {
            // Its queues are all empty, so its turn stands nowhere else.
            state.turn = state.turn.max(clock);
        }
        state.waiting += 1;
        state.queues.insert(id);
        let rank = (Reverse(*priority), number);
        if let Some(queue) = self.queues.get_mut(&id) {
            queue.by_tenant.entry(tenant.clone()).or_default().insert(rank, key.clone());
            if !state.blocked {
                queue.order.insert((state.turn, tenant.clone()));
            }
        }
        self.waiters.insert(key, Waiter { queue: id, tenant: tenant.clone(), rank });
    }

    /// Gives a place up; tells its number, if there was one.
    pub(crate) fn leave(&mut self, key: &K) -> Option<u64> {
        let Waiter { queue: id, tenant, rank } = self.waiters.remove(key)?;
        if let (Some(queue), Some(state)) = (self.queues.get_mut(&id), self.tenants.get_mut(&tenant)) {
            state.waiting = state.waiting.saturating_sub(1);
            let own = queue.by_tenant.get_mut(&tenant);
            if own.is_some_and(|own| own.remove(&rank).is_some() && own.is_empty()) {
                queue.by_tenant.remove(&tenant);
                queue.order.remove(&(state.turn, tenant.clone()));
                state.queues.remove(&id);
            }
            if queue.by_tenant.is_empty() {
                self.drop_queue(id);
            }
        }
        Some(rank.1)
    }

    /// Who is next for an agent, among the queues that `fits` lets.
    pub(crate) fn next(
        &self,
        agent: AgentId,
        mut fits: impl FnMut(&Wanted) -> bool,
    ) -> Option<(&K, &TenantName)> {
        let queues = self.by_agent.get(&agent)?.iter().filter_map(|id| self.queues.get(id));
        let heads = queues.filter(|queue| fits(&queue.wanted)).filter_map(|queue| {
            let (turn, tenant) = queue.order.first()?;
            let (rank, key) = queue.by_tenant.get(tenant)?.first_key_value()?;
            Some(((*turn, tenant, *rank), key))
        });
        let (place, key) = heads.min_by(|(one, _), (other, _)| one.cmp(other))?;
        Some((key, place.1))
    }

    /// The turn of whoever is next for an agent, to compare agents by.
    pub(crate) fn turn_of(&self, key: &K) -> Option<(u64, u64)> {
        let waiter = self.waiters.get(key)?;
        Some((self.tenants.get(&waiter.tenant)?.turn, waiter.rank.1))
    }

    /// Takes somebody out of the line because they got what they waited for; tells the number of their place.
    pub(crate) fn grant(&mut self, key: &K) -> Option<u64> {
        let tenant = self.waiters.get(key)?.tenant.clone();
        let number = self.leave(key);
        let state = self.tenants.get_mut(&tenant)?;
        self.clock = self.clock.max(state.turn);
        let (before, after) = (state.turn, state.turn + TURN / u64::from(state.weight.max(1)));
        state.turn = after;
        if !state.blocked {
            for id in &state.queues {
                if let Some(queue) = self.queues.get_mut(id) {
                    queue.order.remove(&(before, tenant.clone()));
                    queue.order.insert((after, tenant.clone()));
                }
            }
        }
        number
    }

    /// Gives a tenant no more turns.
    pub(crate) fn block(&mut self, tenant: &TenantName) {
        let Some(state) = self.tenants.get_mut(tenant).filter(|state| !state.blocked) else { return };
        state.blocked = true;
        for id in &state.queues {
            if let Some(queue) = self.queues.get_mut(id) {
                queue.order.remove(&(state.turn, tenant.clone()));
            }
        }
    }

    /// Gives a tenant turns again; tells the agents that it waits for, if it was blocked.
    pub(crate) fn unblock(&mut self, tenant: &TenantName) -> BTreeSet<AgentId> {
        let Some(state) = self.tenants.get_mut(tenant).filter(|state| state.blocked) else {
            return BTreeSet::new();
        };
        state.blocked = false;
        let mut agents = BTreeSet::new();
        for id in &state.queues {
            if let Some(queue) = self.queues.get_mut(id) {
                queue.order.insert((state.turn, tenant.clone()));
                agents.extend(queue.wanted.agents.iter().copied());
            }
        }
        agents
    }

    /// The tenants that are blocked.
    pub(crate) fn blocked(&self) -> BTreeSet<TenantName> {
        self.tenants.iter().filter(|(_, state)| state.blocked).map(|(tenant, _)| tenant.clone()).collect()
    }

    /// Whether somebody waits for this agent.
    pub(crate) fn is_awaited(&self, agent: AgentId) -> bool {
        self.by_agent.contains_key(&agent)
    }

    /// How many wait for this agent, or for others as well.
    pub(crate) fn waiting_for(&self, agent: AgentId) -> u32 {
        let queues = self.by_agent.get(&agent).into_iter().flatten().filter_map(|id| self.queues.get(id));
        let waiting: usize = queues.flat_map(|queue| queue.by_tenant.values()).map(BTreeMap::len).sum();
        u32::try_from(waiting).unwrap_or(u32::MAX)
    }

    /// The agents that somebody waits for.
    pub(crate) fn agents(&self) -> BTreeSet<AgentId> {
        self.by_agent.keys().copied().collect()
    }

    /// Forgets tenants that nothing is left of.
    pub(crate) fn tidy(&mut self) {
        let clock = self.clock;
        self.tenants.retain(|_, state| state.waiting > 0 || state.turn > clock || state.blocked);
    }

    fn queue(&mut self, wanted: Wanted) -> u64 {
        if let Some(id) = self.by_wanted.get(&wanted) {
            return *id;
        }
        self.next_queue += 1;
        let (id, wanted) = (self.next_queue, Arc::new(wanted));
        for agent in wanted.agents.iter() {
            self.by_agent.entry(*agent).or_default().insert(id);
        }
        self.by_wanted.insert(wanted.clone(), id);
        self.queues.insert(id, Queue { wanted, by_tenant: HashMap::new(), order: BTreeSet::new() });
        id
    }

    fn drop_queue(&mut self, id: u64) {
        let Some(queue) = self.queues.remove(&id) else { return };
        self.by_wanted.remove(&queue.wanted);
        for agent in queue.wanted.agents.iter() {
            if let Some(queues) = self.by_agent.get_mut(agent) {
                queues.remove(&id);
                if queues.is_empty() {
                    self.by_agent.remove(agent);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;

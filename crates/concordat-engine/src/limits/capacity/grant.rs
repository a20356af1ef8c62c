//! Taking and giving back the parts of what a call needs, and offering what is free to the line.

use std::collections::BTreeSet;
use std::time::Duration;

use concordat_model::id::AgentId;
use concordat_model::name::{SkillName, TenantName};
use jiff::Timestamp;

use super::{Capacity, Held, PATIENCE, Place, Ticket, Wait};
use crate::limits::breaker::{LifeSign, Pass};
use crate::limits::line::Wanted;

/// How long something is held for a run that does not come.
const HOLD: Duration = Duration::from_secs(5);
/// How long a step stays on the bench at first, in seconds; it doubles with each refusal.
const BENCH: u64 = 1;
/// The longest time on the bench, in seconds.
const LONGEST_BENCH: u64 = 60;

impl Capacity {
    /// Offers everything that became free to the line.
    pub(super) fn serve(&mut self, now: Timestamp) {
        if self.line.is_empty() {
            self.freed.clear();
            self.starved.clear();
            return;
        }
        let scarce = !self.starved.is_empty();
        let mut agents = std::mem::take(&mut self.freed);
        agents.append(&mut self.starved);
        if scarce {
            return self.serve_fairly(agents, now);
        }
        for agent in agents {
            while let Some(ticket) = self.next(agent, now) {
                if self.calls >= self.bounds.calls {
                    self.starved.insert(agent);
                    break;
                }
                if !self.hold(&ticket, agent, now) {
                    break;
                }
            }
        }
    }

    /// The same while the house has fewer calls left than agents could take: the tenant furthest behind comes
    /// first, whichever agent it waits for.
    fn serve_fairly(&mut self, mut agents: BTreeSet<AgentId>, now: Timestamp) {
        while self.calls < self.bounds.calls && !agents.is_empty() {
            let mut best = None;
            let mut idle = Vec::new();
            for agent in &agents {
                match self.next(*agent, now) {
                    Some(ticket) => {
                        let turn = (self.line.turn_of(&ticket), *agent, ticket);
                        best = Some(best.map_or(turn.clone(), |best| turn.min(best)));
                    }
                    None => idle.push(*agent),
                }
            }
            agents.retain(|agent| !idle.contains(agent));
            let Some((_, agent, ticket)) = best else { return };
            if !self.hold(&ticket, agent, now) {
                agents.remove(&agent);
            }
        }
        self.starved = agents;
    }

    /// Who could be served by an agent now, but for the house's own bound. Tenants that have all that they may have
    /// are passed over until they have less.
    fn next(&mut self, agent: AgentId, now: Timestamp) -> Option<Ticket> {
        if !self.line.is_awaited(agent) || !self.agent_has_room(agent, now) {
            return None;
        }
        loop {
            let (skills, mut alarm) = (&self.skills, self.alarm);
            let next = self.line.next(agent, |wanted| {
                let Some(known) = skills.get(&(agent, wanted.skill.clone())) else { return true };
                let free = known.may_pass(wanted.retry, now);
                if !free {
                    alarm = earlier(alarm, known.free_at(wanted.retry, now));
                }
                free
            });
            let next = next.map(|(ticket, tenant)| (ticket.clone(), tenant.clone()));
            self.alarm = alarm;
            let (ticket, tenant) = next?;
            if self.tenant_has_room(&tenant, now) {
                return Some(ticket);
            }
            if let (Some(rate), Some(used)) = (&self.bounds.tenant_rate, self.tenants.get(&tenant)) {
                self.alarm = earlier(self.alarm, Some(used.meter.next(rate, now)).filter(|at| *at > now));
            }
            self.line.block(&tenant);
        }
    }

    /// Holds what a call needs for whoever is next, and has them woken; tells whether there was enough.
    fn hold(&mut self, ticket: &Ticket, agent: AgentId, now: Timestamp) -> bool {
        let Some(wait) = self.waits.get(ticket) else { return self.line.leave(ticket).is_some() };
        let (tenant, Wanted { skill, retry, .. }) = (wait.claim.tenant.clone(), wait.wanted.clone());
        let Some(pass) = self.enter(agent, &skill, retry, now) else { return false };
        self.enter_house(&tenant, now);
        let number = self.line.grant(ticket).unwrap_or_default();
        self.held.insert(ticket.clone(), Held { agent, pass, since: now, number });
        self.wakes.insert(ticket.run);
        true
    }

    /// Gives back what was held for somebody; tells the number of their place.
    fn unhold(&mut self, ticket: &Ticket, now: Timestamp) -> Option<u64> {
        let held = self.held.remove(ticket)?;
        if let Some(wait) = self.waits.get(ticket) {
            let (skill, tenant) = (wait.wanted.skill.clone(), wait.claim.tenant.clone());
            self.unenter(held.agent, &skill, held.pass, now);
            self.unenter_house(&tenant, now);
        }
        Some(held.number)
    }

    /// Takes a place in the line, or keeps the one that it had.
    pub(super) fn stand(&mut self, ticket: Ticket, place: Place, now: Timestamp) {
        let Place { claim, wanted, refused } = place;
        let number = self.unhold(&ticket, now).or_else(|| self.unbench(&ticket));
        let before = self.waits.remove(&ticket);
        let later = |span| now.checked_add(span).unwrap_or(Timestamp::MAX);
        let mut overdue = later(PATIENCE);
        let mut wait = Wait { claim, wanted, since: now, overdue, refusals: 0, bench: None };
        if let Some(before) = before {
            self.overdue.remove(&(before.overdue, ticket.clone()));
            (wait.since, wait.refusals) = (before.since, before.refusals);
            if before.overdue > now {
                overdue = before.overdue;
            }
        }
        wait.overdue = overdue;
        self.overdue.insert((overdue, ticket.clone()));
        self.by_run.entry(ticket.run).or_default().insert(ticket.attempt.clone());
        let free = refused && self.could_be_served(&wait.wanted, now);
        match number {
            Some(number) => self.line.join_as(ticket.clone(), &wait.claim, wait.wanted.clone(), number),
            None => self.line.join(ticket.clone(), &wait.claim, wait.wanted.clone()),
        }
        if free {
            // Policy sees less room than there is: asking at once would go on for ever.
            let pause = BENCH.checked_shl(wait.refusals).unwrap_or(LONGEST_BENCH).min(LONGEST_BENCH);
            let until = later(Duration::from_secs(pause));
            wait.refusals = wait.refusals.saturating_add(1);
            wait.bench = self.line.leave(&ticket).map(|number| (until, number));
            self.benched.insert((until, ticket.clone()));
            self.alarm = earlier(self.alarm, Some(until));
        } else {
            self.freed.extend(wait.wanted.agents.iter().copied());
        }
        self.waits.insert(ticket, wait);
    }

    /// Takes somebody off the bench; tells the number of their place.
    fn unbench(&mut self, ticket: &Ticket) -> Option<u64> {
        let (until, number) = self.waits.get_mut(ticket)?.bench.take()?;
        self.benched.remove(&(until, ticket.clone()));
        Some(number)
    }

    /// Somebody waits no more.
    pub(super) fn give_up(&mut self, ticket: &Ticket, now: Timestamp) {
        self.unhold(ticket, now);
        self.forget(ticket);
    }

    /// Nothing is known of a waiter any more; what was held for them is somebody else's business.
    pub(super) fn forget(&mut self, ticket: &Ticket) {
        self.unbench(ticket);
        self.line.leave(ticket);
        if let Some(wait) = self.waits.remove(ticket) {
            self.overdue.remove(&(wait.overdue, ticket.clone()));
        }
        if let Some(attempts) = self.by_run.get_mut(&ticket.run) {
            attempts.remove(&ticket.attempt);
            if attempts.is_empty() {
                self.by_run.remove(&ticket.run);
            }
        }
    }

    /// Looks at everything again: what time has freed, who does not come for what is held for them, who has waited
    /// too long, and what was overlooked.
    pub(crate) fn sweep(&mut self, now: Timestamp) {
        self.alarm = None;
        let late = |held: &Held| now.duration_since(held.since).unsigned_abs() >= HOLD;
        let lapsed: Vec<Ticket> =
            self.held.iter().filter(|(_, held)| late(held)).map(|(ticket, _)| ticket.clone()).collect();
        self.wakes.extend(self.held.keys().map(|ticket| ticket.run));
        for ticket in lapsed {
            self.unhold(&ticket, now);
            if let Some(wait) = self.waits.get(&ticket) {
                // Whoever let it lapse goes to the back.
                let (claim, wanted) = (wait.claim.clone(), wait.wanted.clone());
                self.line.join(ticket, &claim, wanted);
            }
        }
        while let Some((until, ticket)) = self.benched.first().cloned().filter(|(until, _)| *until <= now) {
            self.benched.remove(&(until, ticket.clone()));
            let Some(wait) = self.waits.get_mut(&ticket) else { continue };
            let (claim, wanted, bench) = (wait.claim.clone(), wait.wanted.clone(), wait.bench.take());
            self.line.join_as(ticket, &claim, wanted, bench.map_or(0, |(_, number)| number));
        }
        self.alarm = self.benched.first().map(|(until, _)| *until);
        self.wakes.extend(self.overdue.iter().take_while(|(at, _)| *at <= now).map(|(_, ticket)| ticket.run));
        for tenant in self.line.blocked() {
            if self.tenant_has_room(&tenant, now) {
                self.line.unblock(&tenant);
            } else if let (Some(rate), Some(used)) = (&self.bounds.tenant_rate, self.tenants.get(&tenant)) {
                self.alarm = earlier(self.alarm, Some(used.meter.next(rate, now)).filter(|at| *at > now));
            }
        }
        self.freed.extend(self.line.agents());
        self.serve(now);
        self.tidy(now);
    }

    fn tidy(&mut self, now: Timestamp) {
        self.line.tidy();
        self.tenants.retain(|_, used| used.calls > 0 || !used.meter.is_fresh(now));
        // Whoever is held for or on the bench may come back into the line, and an agent whose limits were forgotten
        // would look full to them.
        let apart = self.held.keys().chain(self.benched.iter().map(|(_, ticket)| ticket));
        let apart = apart.filter_map(|ticket| self.waits.get(ticket));
        let wanted: BTreeSet<AgentId> = apart.flat_map(|wait| wait.wanted.agents.iter().copied()).collect();
        let awaited = |agent: &AgentId| wanted.contains(agent) || self.line.is_awaited(*agent);
        self.agents.retain(|agent, used| used.calls > 0 || !used.is_fresh(now) || awaited(agent));
        self.skills.retain(|_, known| !known.is_fresh(now));
    }

    /// Takes an agent's part of what a call needs, or nothing.
    pub(super) fn enter(
        &mut self,
        agent: AgentId,
        skill: &SkillName,
        retry: bool,
        now: Timestamp,
    ) -> Option<Pass> {
        if !self.agent_has_room(agent, now) {
            return None;
        }
        let known = self.skills.entry((agent, skill.clone())).or_default();
        if !known.may_pass(retry, now) {
            return None;
        }
        let pass = known.breaker.pass(now)?;
        let used = self.agents.entry(agent).or_default();
        if let Some(rate) = &used.rate {
            used.meter.take(rate, now);
        }
        used.calls += 1;
        Some(pass)
    }

    /// Gives an agent's part back unused.
    pub(super) fn unenter(&mut self, agent: AgentId, skill: &SkillName, pass: Pass, now: Timestamp) {
        if let Some(used) = self.agents.get_mut(&agent) {
            used.calls = used.calls.saturating_sub(1);
            if let Some(rate) = &used.rate {
                used.meter.give_back(rate);
            }
        }
        if let Some(known) = self.skills.get_mut(&(agent, skill.clone())) {
            known.breaker.settle(pass, LifeSign::Untold, now);
        }
        self.freed.insert(agent);
    }

    pub(super) fn enter_house(&mut self, tenant: &TenantName, now: Timestamp) {
        self.calls += 1;
        let used = self.tenants.entry(tenant.clone()).or_default();
        used.calls += 1;
        if let Some(rate) = &self.bounds.tenant_rate {
            used.meter.take(rate, now);
        }
    }

    /// Gives the house's and the tenant's part back unused.
    pub(super) fn unenter_house(&mut self, tenant: &TenantName, now: Timestamp) {
        if let (Some(rate), Some(used)) = (&self.bounds.tenant_rate, self.tenants.get_mut(tenant)) {
            used.meter.give_back(rate);
        }
        self.leave_house(tenant, now);
    }

    /// Gives the house's and the tenant's part back.
    pub(super) fn leave_house(&mut self, tenant: &TenantName, now: Timestamp) {
        self.calls = self.calls.saturating_sub(1);
        if let Some(used) = self.tenants.get_mut(tenant) {
            used.calls = used.calls.saturating_sub(1);
        }
        if self.tenant_has_room(tenant, now) {
            let agents = self.line.unblock(tenant);
            self.freed.extend(agents);
        }
    }

    pub(super) fn tenant_has_room(&self, tenant: &TenantName, now: Timestamp) -> bool {
        let Some(used) = self.tenants.get(tenant) else { return true };
        let rate = self.bounds.tenant_rate.as_ref();
        used.calls < self.bounds.calls_per_tenant && rate.is_none_or(|rate| used.meter.left(rate, now) > 0)
    }

    /// Whether an agent takes one more call; when only time keeps it from that, the alarm is set.
    fn agent_has_room(&mut self, agent: AgentId, now: Timestamp) -> bool {
        let Some(used) = self.agents.get(&agent) else { return true };
        if used.calls >= used.concurrency {
            return false;
        }
        let free = used.free_at(now);
        if let Some(free) = free {
            self.alarm = earlier(self.alarm, Some(free));
        }
        free.is_none()
    }

    /// Whether one of the agents that somebody wants has room for them.
    pub(crate) fn could_be_served(&mut self, wanted: &Wanted, now: Timestamp) -> bool {
        wanted.agents.iter().any(|agent| {
            let known = self.skills.get(&(*agent, wanted.skill.clone()));
            known.is_none_or(|known| known.may_pass(wanted.retry, now)) && self.agent_has_room(*agent, now)
        })
    }
}

impl super::AgentUse {
    /// Until when the agent takes nothing because of its rate, or because it asked for rest.
    pub(super) fn free_at(&self, now: Timestamp) -> Option<Timestamp> {
        let earned = self.rate.as_ref().map(|rate| self.meter.next(rate, now));
        [self.rests_until, earned].into_iter().flatten().filter(|at| *at > now).max()
    }

    fn is_fresh(&self, now: Timestamp) -> bool {
        self.free_at(now).is_none() && self.meter.is_fresh(now)
    }
}

impl super::SkillUse {
    pub(super) fn may_pass(&self, retry: bool, now: Timestamp) -> bool {
        self.breaker.state(now) != concordat_policy::input::BreakerState::Open
            && (!retry || self.retries.left(now) > 0)
    }

    /// When time alone lets a call pass.
    fn free_at(&self, retry: bool, now: Timestamp) -> Option<Timestamp> {
        let spent = retry && self.retries.left(now) == 0;
        let budget = spent.then(|| self.retries.next(now));
        [self.breaker.until(), budget].into_iter().flatten().filter(|at| *at > now).max()
    }

    fn is_fresh(&self, now: Timestamp) -> bool {
        self.breaker.is_fresh() && self.retries.is_fresh(now)
    }
}

/// The earlier of two moments, of which there may be none.
fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

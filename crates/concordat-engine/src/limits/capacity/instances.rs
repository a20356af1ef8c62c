//! The instances of agents that have several: what each is busy with, how it does, and whether it is left alone.

use std::sync::Arc;
use std::time::Duration;

use concordat_model::agent::Agent;
use concordat_model::id::AgentId;
use concordat_policy::input::{BreakerState, Health, InstanceLoad};
use jiff::Timestamp;

use super::{Capacity, Taken};
use crate::limits::breaker::{Breaker, LifeSign, Pass};
use crate::limits::vitals::{Ended, Vitals};

/// One instance of one agent.
pub(super) type Place = (AgentId, Arc<str>);

/// What is known of an instance.
#[derive(Debug, Default)]
pub(super) struct InstanceUse {
    calls: u32,
    breaker: Breaker,
    vitals: Vitals,
    /// What a call takes, in microseconds: each counts an eighth. Nothing before the first.
    takes: Option<u64>,
    /// How often in a row it failed.
    failures: u32,
    since: Option<Timestamp>,
}

/// What a call to an instance has taken.
#[derive(Debug)]
pub(crate) struct TakenThere {
    place: Place,
    pass: Pass,
}

/// What an instance that failed is expected to take at least, in milliseconds: refusing is quick.
const FAILING_MS: u64 = 50;
/// A failure is forgotten in this time, in seconds, and an estimate counts half.
const FADES: u64 = 15;
/// The most failures in a row that count.
const MOST_FAILURES: u32 = 10;

impl InstanceUse {
    /// What one more call is expected to take. What was not tried for a while gets a chance again.
    fn expected_ms(&self, now: Timestamp) -> u64 {
        let idle = self.since.map_or(0, |since| now.duration_since(since).unsigned_abs().as_secs()) / FADES;
        let faded = u32::try_from(idle).unwrap_or(u32::MAX);
        let takes = self.takes.map_or(0, |micros| micros.div_ceil(1000));
        let takes = takes.checked_shr(faded).unwrap_or(0);
        match self.failures.min(MOST_FAILURES).saturating_sub(faded) {
            0 => takes,
            failures => takes.max(FAILING_MS).saturating_mul(1 << failures.min(MOST_FAILURES)),
        }
    }

    fn learn(&mut self, sign: LifeSign, took: Duration, now: Timestamp) {
        match sign {
            LifeSign::Alive => {
                let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
                let takes = self.takes.map_or(micros, |takes| takes - takes / 8 + micros / 8);
                (self.takes, self.failures) = (Some(takes), 0);
            }
            LifeSign::Broken => self.failures = self.failures.saturating_add(1),
            LifeSign::Untold => return,
        }
        self.since = Some(now);
    }

    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.calls == 0 && self.vitals.is_over(now) && self.breaker.is_fresh()
    }
}

impl Capacity {
    /// How an agent's instances stand; nothing, where it has only one.
    pub(crate) fn instances(&self, agent: &Agent, now: Timestamp) -> Vec<InstanceLoad> {
        let instances = &agent.registration.instances;
        if instances.len() < 2 {
            return Vec::new();
        }
        let load = |one: &concordat_model::agent::Instance| {
            let known = self.instances.get(&(agent.id, one.url.as_str().into()));
            InstanceLoad {
                url: one.url.clone(),
                region: one.region.clone(),
                in_flight: known.map_or(0, |known| known.calls),
                breaker: known.map_or(BreakerState::Closed, |known| known.breaker.state(now)),
                expected_ms: known.map_or(0, |known| known.expected_ms(now)),
            }
        };
        instances.iter().map(load).collect()
    }

    /// What happened at one instance lately.
    pub(crate) fn instance_health(&self, agent: AgentId, url: &str, now: Timestamp) -> Option<Health> {
        self.instances.get(&(agent, url.into()))?.vitals.health(now)
    }

    /// A call goes to this instance.
    pub(crate) fn enter_instance(&mut self, taken: &mut Taken, url: &str, now: Timestamp) {
        let place: Place = (taken.agent, url.into());
        let known = self.instances.entry(place.clone()).or_default();
        known.calls += 1;
        let pass = known.breaker.pass(now).unwrap_or(Pass::Plain);
        taken.there = Some(TakenThere { place, pass });
    }

    /// A call came back from an instance; tells what that says about the agent as a whole: as long as another instance
    /// is well, one that is broken says nothing.
    pub(super) fn leave_instance(
        &mut self,
        taken: &Taken,
        sign: LifeSign,
        took: Duration,
        now: Timestamp,
    ) -> LifeSign {
        let Some(TakenThere { place, pass }) = &taken.there else { return sign };
        if let Some(known) = self.instances.get_mut(place) {
            known.calls = known.calls.saturating_sub(1);
            known.breaker.settle(*pass, sign, now);
            known.learn(sign, took, now);
        }
        let all = self.instances.range((place.0, Arc::from(""))..);
        let mut others = all.take_while(|(other, _)| other.0 == place.0).filter(|(other, _)| *other != place);
        let well =
            others.any(|(_, known)| known.breaker.state(now) != BreakerState::Open && known.failures == 0);
        if sign == LifeSign::Broken && well { LifeSign::Untold } else { sign }
    }

    /// One more call ended, at the agent and at the instance that it was sent to.
    pub(crate) fn note(&mut self, taken: &Taken, ended: Ended, took: Duration, now: Timestamp) {
        self.ended.note(ended, took);
        self.vitals.entry(taken.agent).or_default().note(ended, took, now);
        if let Some(known) = taken.there.as_ref().and_then(|there| self.instances.get_mut(&there.place)) {
            known.vitals.note(ended, took, now);
        }
        self.noted = self.noted.wrapping_add(1);
        if self.noted.is_multiple_of(TIDY) {
            self.vitals.retain(|_, vitals| !vitals.is_over(now));
            self.instances.retain(|_, known| !known.is_over(now));
        }
    }
}

/// After so many calls, what nothing happened at any more is forgotten.
const TIDY: u64 = 4096;

//! One call's share of everything that is scarce, from the moment it is permitted until its outcome is recorded.

use std::sync::Arc;
use std::time::Duration;

use concordat_model::contract::FailureKind;
use jiff::Timestamp;

use super::Limiter;
use super::breaker::LifeSign;
use super::capacity::{Came, Taken};
use super::vitals::Ended;
use crate::ports::{Arrival, Fault};

/// One call's share. Dropped before the call came back, it was never made; dropped afterwards, it is recorded.
#[derive(Debug)]
pub(crate) struct Slot {
    limiter: Arc<Limiter>,
    taken: Option<Taken>,
}

impl Slot {
    pub(super) fn new(limiter: Arc<Limiter>, taken: Taken) -> Slot {
        limiter.outstanding.send_modify(|calls| *calls += 1);
        Slot { limiter, taken: Some(taken) }
    }

    /// The call came back: whoever is next may call. The slot stays until that is recorded, for whoever drains.
    pub(crate) fn came_back(&mut self, arrival: &Arrival, sent: Timestamp) {
        let Some(taken) = self.taken.take() else { return };
        let (sign, rest) = learnt(arrival);
        let now = self.limiter.clock.now();
        let took = Duration::try_from(now.duration_since(sent)).unwrap_or_default();
        self.limiter.tell(|capacity| {
            if let Some(ended) = Ended::of(arrival) {
                capacity.note(&taken, ended, took, now);
            }
            capacity.settle(&taken, Came { sign, rest, took }, now);
        });
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(taken) = self.taken.take() {
            let now = self.limiter.clock.now();
            self.limiter.tell(|capacity| capacity.withdraw(&taken, now));
        }
        self.limiter.outstanding.send_modify(|calls| *calls = calls.saturating_sub(1));
    }
}

/// What an arrival says about the agent's infrastructure, and for how long it asks to be left alone.
fn learnt(arrival: &Arrival) -> (LifeSign, Option<Duration>) {
    match arrival {
        Arrival::Completed(_) | Arrival::Asked { .. } => (LifeSign::Alive, None),
        Arrival::Unknown { .. } => (LifeSign::Broken, None),
        Arrival::Failed { kind, fault, retry_after_ms, .. } => {
            let sign = match (fault, kind) {
                // It has too much to do: it lives, and nothing is known about its next answer.
                (Fault::Nobody, _) => LifeSign::Untold,
                (Fault::Ours | Fault::FalseClaim, _) | (Fault::Agent, FailureKind::Failed) => LifeSign::Alive,
                (Fault::Unreachable, _)
                | (Fault::Agent, FailureKind::Unavailable | FailureKind::Timeout | FailureKind::Malformed) => {
                    LifeSign::Broken
                }
            };
            (sign, retry_after_ms.map(Duration::from_millis))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_broken_infrastructure_counts() {
        use FailureKind::{Failed, Malformed, Timeout, Unavailable};
        let failed = |kind, fault| Arrival::Failed {
            kind,
            fault,
            code: "code",
            message: String::new(),
            retry_after_ms: Some(5),
        };
        for (arrival, sign) in [
            (Arrival::Completed(serde_json::Value::Null), LifeSign::Alive),
            (Arrival::Unknown { message: String::new() }, LifeSign::Broken),
            (failed(Unavailable, Fault::Unreachable), LifeSign::Broken),
            (failed(Malformed, Fault::Agent), LifeSign::Broken),
            (failed(Timeout, Fault::Agent), LifeSign::Broken),
            (failed(Failed, Fault::Agent), LifeSign::Alive),
            (failed(Failed, Fault::FalseClaim), LifeSign::Alive),
            (failed(Failed, Fault::Ours), LifeSign::Alive),
            (failed(Unavailable, Fault::Nobody), LifeSign::Untold),
        ] {
            let (learnt, rest) = learnt(&arrival);
            assert_eq!(learnt, sign, "{arrival:?}");
            assert_eq!(rest.is_some(), matches!(arrival, Arrival::Failed { .. }));
        }
    }
}

//! How calls to agents ended since the start, over all agents, for whoever watches the service: as large for 100,000
//! agents as for one. How one agent fares is in [`vitals`](super::vitals).

use std::collections::BTreeMap;
use std::time::Duration;

use super::vitals::Ended;

/// What results are counted by: within how many milliseconds they came.
const WITHIN: [u64; 13] = [10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000];

/// Calls to agents since the start, over all agents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallFigures {
    /// How they ended: `result`, or what was in the way.
    pub ended: BTreeMap<&'static str, u64>,
    /// How many results came within so long, and not within the length before; the last has no end.
    pub took: Vec<(Duration, u64)>,
    /// How long results took in all.
    pub in_all: Duration,
}

impl Default for CallFigures {
    fn default() -> CallFigures {
        let within = WITHIN.into_iter().map(Duration::from_millis).chain([Duration::MAX]);
        CallFigures {
            ended: Ended::ALL.into_iter().map(|ended| (ended.word(), 0)).collect(),
            took: within.map(|within| (within, 0)).collect(),
            in_all: Duration::ZERO,
        }
    }
}

impl CallFigures {
    /// One more call ended. Only results count for how long they took, as in an agent's health.
    pub(crate) fn note(&mut self, ended: Ended, took: Duration) {
        *self.ended.entry(ended.word()).or_default() += 1;
        if ended != Ended::Result {
            return;
        }
        self.in_all = self.in_all.saturating_add(took);
        if let Some((_, count)) = self.took.iter_mut().find(|(within, _)| took <= *within) {
            *count += 1;
        }
    }
}

/// Agents that had calls lately, by how many of these brought no result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AgentsLately {
    /// None.
    pub none: usize,
    /// Fewer than one in ten.
    pub few: usize,
    /// One in ten, or more.
    pub many: usize,
    /// All of them.
    pub all: usize,
}

impl AgentsLately {
    /// One more agent, with so many calls lately of which so many brought no result.
    pub(crate) fn note(&mut self, calls: u32, errors: u32) {
        let count = match errors {
            0 => &mut self.none,
            _ if errors >= calls => &mut self.all,
            _ if errors >= calls.div_ceil(10) => &mut self.many,
            _ => &mut self.few,
        };
        *count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_counted_by_how_long_they_took() {
        let mut calls = CallFigures::default();
        for millis in [0, 10, 11, 25, 299_999, 300_001] {
            calls.note(Ended::Result, Duration::from_millis(millis));
        }
        calls.note(Ended::Timeout, Duration::from_secs(60));
        let counts: Vec<u64> = calls.took.iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, [2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!((calls.ended["result"], calls.ended["timeout"], calls.ended["busy"]), (6, 1, 0));
        assert_eq!(calls.in_all, Duration::from_millis(600_046));
    }

    #[test]
    fn agents_are_told_apart_by_their_errors() {
        let mut agents = AgentsLately::default();
        for (calls, errors) in [(1, 0), (100, 9), (100, 10), (9, 1), (2, 1), (3, 3), (1, 1)] {
            agents.note(calls, errors);
        }
        assert_eq!(agents, AgentsLately { none: 1, few: 1, many: 3, all: 2 });
    }
}

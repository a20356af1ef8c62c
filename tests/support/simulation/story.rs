//! What happens, step by step: counted, digested, and remembered for whoever must find out what went wrong.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use concordat_model::digest::Digest;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{Broken, Told};

/// The last steps that are remembered.
const REMEMBERED: usize = 60;

/// What happens.
#[derive(Debug, Clone)]
pub(super) struct Story(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    /// Rung when the life is over, or something is broken.
    bell: Notify,
    /// The steps with faults.
    length: u64,
}

#[derive(Debug)]
struct State {
    steps: u64,
    bell_at: u64,
    digest: Digest,
    last: VecDeque<String>,
    counts: BTreeMap<&'static str, u64>,
    broken: Option<(u64, String)>,
}

impl State {
    fn rings(&self) -> bool {
        self.steps >= self.bell_at || self.broken.is_some()
    }
}

impl Story {
    pub(super) fn new(length: u64) -> Story {
        let state = State {
            steps: 0,
            bell_at: u64::MAX,
            digest: Digest::of(b""),
            last: VecDeque::new(),
            counts: BTreeMap::new(),
            broken: None,
        };
        Story(Arc::new(Inner { state: Mutex::new(state), bell: Notify::new(), length }))
    }

    /// Something happens.
    pub(super) fn step(&self, kind: &'static str, what: impl FnOnce() -> String) {
        let mut state = self.0.state.lock();
        state.steps += 1;
        *state.counts.entry(kind).or_default() += 1;
        let line = what();
        state.digest = Digest::of(format!("{}\n{line}", state.digest).as_bytes());
        if state.last.len() == REMEMBERED {
            state.last.pop_front();
        }
        let number = state.steps;
        state.last.push_back(format!("{number}: {line}"));
        if state.rings() {
            self.0.bell.notify_one();
        }
    }

    /// Counts something that is no step.
    pub(super) fn count(&self, kind: &'static str) {
        *self.0.state.lock().counts.entry(kind).or_default() += 1;
    }

    /// A promise does not hold. The first one counts.
    pub(super) fn breaks(&self, what: impl Into<String>) {
        let mut state = self.0.state.lock();
        let step = state.steps;
        state.broken.get_or_insert((step, what.into()));
        self.0.bell.notify_one();
    }

    /// Whether a promise does not hold.
    pub(super) fn broken(&self) -> Option<String> {
        self.0.state.lock().broken.as_ref().map(|(_, what)| what.clone())
    }

    /// Whether all steps with faults have happened.
    pub(super) fn is_over(&self) -> bool {
        self.0.state.lock().steps >= self.0.length
    }

    /// The bell rings after so many more steps.
    pub(super) fn next_bell(&self, steps: u64) {
        let mut state = self.0.state.lock();
        state.bell_at = if state.steps >= self.0.length { u64::MAX } else { state.steps + steps };
    }

    /// Waits for the bell.
    pub(super) async fn bell(&self) {
        while !self.0.state.lock().rings() {
            self.0.bell.notified().await;
        }
    }

    /// What it came to.
    pub(super) fn told(&self, seed: u64) -> Result<Told, Broken> {
        let state = self.0.state.lock();
        match &state.broken {
            Some((step, what)) => Err(Broken {
                seed,
                step: *step,
                what: what.clone(),
                last: state.last.iter().map(|line| format!("  {line}\n")).collect(),
                command: format!(
                    "cargo run --release -p concordat-tests --bin campaign -- simulate --from {seed} --seeds 1 --steps {}",
                    self.0.length
                ),
            }),
            None => Ok(Told {
                digest: state.digest.to_string(),
                steps: state.steps,
                counts: state.counts.clone(),
            }),
        }
    }
}

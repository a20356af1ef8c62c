//! Chance, drawn from a seed: each part of the simulation has its own, so that one does not disturb the others.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// A source of chance.
#[derive(Debug, Clone)]
pub(super) struct Chance(ChaCha8Rng);

impl Chance {
    /// The chance of one part of a simulation.
    pub(super) fn of(seed: u64, part: &str) -> Chance {
        let mut whole = [0; 32];
        let name = format!("{seed}/{part}");
        for (place, byte) in whole.iter_mut().zip(name.bytes()) {
            *place = byte;
        }
        Chance(ChaCha8Rng::from_seed(whole))
    }

    /// The same part in another life.
    pub(super) fn and(mut self, life: u64) -> Chance {
        self.0.set_stream(life);
        self
    }

    /// A number between two, both included.
    pub(super) fn between(&mut self, least: u64, most: u64) -> u64 {
        self.0.random_range(least..=most)
    }

    /// Whether something happens that happens so often in a thousand times.
    pub(super) fn in_thousand(&mut self, times: u64) -> bool {
        self.between(1, 1000) <= times
    }

    /// One of several.
    pub(super) fn one_of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        let last = u64::try_from(all.len()).ok()?.checked_sub(1)?;
        all.get(usize::try_from(self.between(0, last)).ok()?)
    }

    /// A time between nothing and about a thousand times the scale, mostly near the scale.
    pub(super) fn span(&mut self, scale: Duration) -> Duration {
        let doublings = self.between(0, 9).min(self.between(0, 9));
        let within = self.between(0, 1000);
        scale.mul_f64(within as f64 / 1000.0) * (1 << doublings)
    }

    /// Bytes.
    pub(super) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes);
        bytes
    }
}

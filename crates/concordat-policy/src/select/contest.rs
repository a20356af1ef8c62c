//! Compares agents one after the other, so that the best one stays.

use concordat_model::decision::Strategy;
use concordat_model::share::Share;
use concordat_model::trust::{Belief, Counts};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Beta, Distribution};

use crate::input::{Candidate, InstanceLoad, Price};

/// Counts below and beyond these draw no differently, and keep the sampler within its numbers.
const COUNTS: (f64, f64) = (0.01, 1e9);
/// How much less the draw of an agent counts that is busy with all that it takes at a time.
const BUSY: f64 = 0.1;

/// What of an agent counts when one is chosen.
#[derive(Debug, Clone)]
pub(crate) struct Merits {
    belief: Belief,
    lower_bound: Share,
    cost: Option<Price>,
    /// The calls that it is busy with, and those that it takes at a time.
    load: (u32, u32),
    /// Its instances, where it has several.
    pub(super) instances: Vec<InstanceLoad>,
}

impl Merits {
    /// Those that policy was told.
    pub(crate) fn of(candidate: &Candidate) -> Merits {
        Merits {
            belief: candidate.belief,
            lower_bound: candidate.trust.lower_bound,
            cost: candidate.cost.clone(),
            load: (candidate.in_flight, candidate.concurrency),
            instances: candidate.instances.clone(),
        }
    }

    /// Those of an agent of which nothing else is known.
    pub(super) fn believed(belief: Belief) -> Merits {
        Merits { belief, lower_bound: Share::ZERO, cost: None, load: (0, 1), instances: Vec::new() }
    }

    /// How much of its room an agent uses: 0 when idle, 1 when it takes no more.
    fn busy(&self) -> f64 {
        (f64::from(self.load.0) / f64::from(self.load.1.max(1))).min(1.0)
    }
}

/// What is compared. Who costs less wins, and then whose draw is higher.
#[derive(Debug, Clone, Copy)]
struct Score {
    cost: (bool, u64),
    drawn: f64,
}

impl Score {
    fn beats(&self, other: &Score) -> bool {
        self.cost < other.cost || (self.cost == other.cost && self.drawn > other.drawn)
    }
}

/// Agents in comparison, of which the best one is known. On a tie the earlier one stays.
pub(super) struct Contest<T> {
    best: (Score, T),
    scale: Scale,
}

impl<T> Contest<T> {
    /// A comparison with its first agent, and what was drawn for it.
    pub(super) fn begin(
        strategy: Option<Strategy>,
        seed: [u8; 32],
        first: (T, Merits),
    ) -> (Contest<T>, Share) {
        let mut scale = Scale { strategy, rng: ChaCha12Rng::from_seed(seed), currency: None };
        let score = scale.score(&first.1);
        (Contest { best: (score, first.0), scale }, Share::of(score.drawn))
    }

    /// Compares one more, and gives what was drawn for it.
    pub(super) fn enter(&mut self, (agent, merits): (T, Merits)) -> Share {
        let score = self.scale.score(&merits);
        if score.beats(&self.best.0) {
            self.best = (score, agent);
        }
        Share::of(score.drawn)
    }

    /// The best one.
    pub(super) fn winner(self) -> T {
        self.best.1
    }
}

/// How agents are weighed.
struct Scale {
    strategy: Option<Strategy>,
    rng: ChaCha12Rng,
    /// The currency of the first agent that costs anything: amounts of others cannot be compared, and come last.
    currency: Option<String>,
}

impl Scale {
    fn score(&mut self, merits: &Merits) -> Score {
        let (cost, drawn) = match self.strategy {
            None => ((false, 0), draw(&merits.belief, &mut self.rng)),
            Some(Strategy::Explore) => {
                ((false, 0), draw(&merits.belief, &mut self.rng) * (1.0 - BUSY * merits.busy()))
            }
            Some(Strategy::Best) => ((false, 0), merits.lower_bound.fraction()),
            Some(Strategy::Cheapest) => (self.cost(merits), draw(&merits.belief, &mut self.rng)),
            // Whoever comes first stays.
            Some(Strategy::Ranked) => ((false, 0), 0.0),
        };
        Score { cost, drawn }
    }

    fn cost(&mut self, merits: &Merits) -> (bool, u64) {
        let Some(cost) = &merits.cost else { return (false, 0) };
        let known = self.currency.get_or_insert_with(|| cost.currency.clone());
        (*known != cost.currency, cost.micros)
    }
}

/// One possible truth about an agent: the weighted geometric mean of its drawn shares.
fn draw(belief: &Belief, rng: &mut ChaCha12Rng) -> f64 {
    belief.weighed().map(|(counts, weight)| libm::pow(share(counts, rng), weight)).product()
}

fn share(counts: Counts, rng: &mut ChaCha12Rng) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a millionth of an outcome in billions draws no differently"
    )]
    let outcomes = |micros: u64| (micros as f64 / 1e6).clamp(COUNTS.0, COUNTS.1);
    match Beta::new(outcomes(counts.good), outcomes(counts.bad)) {
        Ok(beta) => {
            let drawn = beta.sample(rng);
            if drawn.is_finite() { drawn } else { 0.0 }
        }
        // Both counts are positive; nothing is drawn for what is not.
        Err(_) => 0.0,
    }
}

//! `adapt bench`: does choosing by trust do better than the rules that others choose by?
//!
//! A simulation, on Concordat's own book of trust and its own choice. Everything follows from the seeds, so the
//! same command prints the same table on every machine.
//!
//! Read it in this order: [`market`] (who there is, and what they can do), [`rule`] (how others choose), [`governed`]
//! (how Concordat does).

pub mod governed;
pub mod market;
pub mod rule;

use self::market::{Attack, Chance, Market, PATIENCE, Scene, WHITEWASHER};
use self::rule::{Mind, Rule};

/// What a simulation is made of.
#[derive(Debug, Clone, Copy)]
pub struct Bench {
    /// What happens at the markets.
    pub scene: Scene,
    /// How many markets, with the seeds 1, 2, 3 and so on.
    pub seeds: u32,
    /// How many tasks each market has.
    pub tasks: u32,
}

/// How many figures a rule has.
pub const FIGURES: usize = 8;

/// How a rule did at one market.
#[derive(Debug, Clone, Copy, Default)]
pub struct Figures {
    /// What was lost before the drift, beside always asking the best.
    pub regret_before: f64,
    /// What was lost after it.
    pub regret_after: f64,
    /// The share of right answers in the 400 tasks before the drift.
    pub settled: f64,
    /// The share of right answers in the last 400 tasks.
    pub last: f64,
    /// How many tasks went to somebody who failed on purpose, by the kind of attack.
    pub betrayed: [f64; Attack::ALL.len()],
}

impl Figures {
    /// The figures in the order of the table: the tasks of all the malicious together, and then those of each kind.
    #[must_use]
    pub fn all(&self) -> [f64; FIGURES] {
        let [registers_again, is_praised, milks] = self.betrayed;
        let together = registers_again + is_praised + milks;
        let Figures { regret_before, regret_after, settled, last, .. } = *self;
        [regret_before, regret_after, settled, last, together, registers_again, is_praised, milks]
    }
}

/// A mean over all markets, with its standard error.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Mean {
    /// The mean.
    pub mean: f64,
    /// The standard error of the mean; zero where there was one market only.
    pub error: f64,
}

impl Bench {
    /// How a rule does: the figures of [`Figures::all`], over all markets.
    #[must_use]
    pub fn run(&self, rule: Rule) -> [Mean; FIGURES] {
        let found: Vec<Figures> = (1..=self.seeds).map(|seed| self.market(rule, seed.into())).collect();
        let mut at = 0..FIGURES;
        [(); FIGURES].map(|()| {
            let figure = at.next().unwrap_or(0);
            mean(found.iter().filter_map(|figures| figures.all().get(figure).copied()))
        })
    }

    /// One rule at one market.
    #[must_use]
    pub fn market(&self, rule: Rule, seed: u64) -> Figures {
        let mut market = Market::new(self.scene, seed, self.tasks);
        let mut chance = Chance::new(seed ^ 0x5eed_0000_0000_0000);
        let mut mind = Mind::new(rule);
        let (mut figures, mut failures) = (Figures::default(), 0);
        let (half, window) = (self.tasks / 2, (self.tasks / 10).max(1));
        for number in 0..self.tasks {
            let task = market.task(number);
            let agent = mind.choose(&task, &mut chance);
            let success = task.succeeds(agent);
            mind.learn(&task, agent, success);
            if !success && task.is_praised(agent) {
                mind.hear_praise(&task, agent);
            }
            let regret = if number < half { &mut figures.regret_before } else { &mut figures.regret_after };
            *regret += task.regret(agent);
            let right = if success { 1.0 / f64::from(window) } else { 0.0 };
            figures.settled += if number < half && number + window >= half { right } else { 0.0 };
            figures.last += if number + window >= self.tasks { right } else { 0.0 };
            if let Some(tasks) =
                task.attack_of(agent).and_then(|attack| figures.betrayed.get_mut(attack as usize))
            {
                *tasks += 1.0;
            }
            if agent == WHITEWASHER {
                failures += u32::from(!success);
                if failures >= PATIENCE {
                    failures = 0;
                    mind.registered_again(agent, &task);
                }
            }
        }
        figures
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Mean {
    let values: Vec<f64> = values.collect();
    let count = f64::from(u32::try_from(values.len()).unwrap_or(u32::MAX));
    let mean = values.iter().sum::<f64>() / count.max(1.0);
    let spread: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    let error = if count > 1.0 { (spread / (count - 1.0) / count).sqrt() } else { 0.0 };
    Mean { mean, error }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line that is held: real bounds on what the default choice does, on all twenty seeds.
    #[test]
    fn choosing_by_trust_recovers_from_drift_and_starves_the_malicious() {
        let bench = Bench { scene: Scene::Drift, seeds: 20, tasks: 4000 };
        let [_, random, ..] = bench.run(Rule::Random);
        let [before, after, settled, last, malicious, ..] = bench.run(Rule::Concordat);
        assert!(before.mean <= 160.0, "regret before the drift: {before:?}");
        assert!(after.mean <= 260.0, "regret after the drift: {after:?}");
        assert!(after.mean <= 0.4 * random.mean, "regret after the drift: {after:?}, at random {random:?}");
        assert!(settled.mean >= 0.88, "success before the drift: {settled:?}");
        assert!(last.mean >= 0.85, "success at the end: {last:?}");
        assert!(malicious.mean <= 0.005 * 4000.0, "tasks to the malicious: {malicious:?}");
    }

    /// The same line with three kinds of malicious agents, where at random they get a quarter.
    #[test]
    fn whitewasher_colluder_and_milker_together_get_no_more_than_half_a_percent() {
        let bench = Bench { scene: Scene::Attack, seeds: 20, tasks: 4000 };
        let [before, after, _, last, malicious, registers_again, is_praised, milks] =
            bench.run(Rule::Concordat);
        let [at_random, random, ..] = bench.run(Rule::Random);
        assert!(before.mean <= 0.25 * at_random.mean, "regret before the drift: {before:?}");
        assert!(after.mean <= 0.4 * random.mean, "regret after the drift: {after:?}");
        assert!(last.mean >= 0.92, "success at the end: {last:?}");
        let by_kind = [registers_again, is_praised, milks];
        assert!(malicious.mean <= 0.005 * 4000.0, "tasks to the malicious: {malicious:?}, {by_kind:?}");
    }

    /// Somebody who is good in one domain and bad in another one gets the work of the first, and not of the other.
    #[test]
    fn trust_in_one_domain_is_no_trust_in_another() {
        let rates = [[0.6, 0.95, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6], [0.6, 0.15, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6]];
        let (mut given, mut asked) = ([0.0_f64; 2], [0.0_f64; 2]);
        for seed in 1..=10 {
            let (mut mind, mut chance) = (Mind::new(Rule::Concordat), Chance::new(seed));
            for number in 0..1000 {
                let domain = chance.below(2);
                let task = market::Task::plain(number, domain, chance.share(), rates[domain]);
                let agent = mind.choose(&task, &mut chance);
                mind.learn(&task, agent, task.succeeds(agent));
                if number >= 500 {
                    asked[domain] += 1.0;
                    given[domain] += f64::from(u8::from(agent == 1));
                }
            }
        }
        let [good, bad] = [given[0] / asked[0], given[1] / asked[1]];
        assert!(good >= 0.85, "{good} of the tasks where it is good");
        assert!(bad <= 0.05, "{bad} of the tasks where it is bad");
    }

    #[test]
    fn the_same_seed_gives_the_same_figures() {
        let bench = Bench { scene: Scene::Attack, seeds: 1, tasks: 400 };
        for rule in Rule::ALL {
            let [once, again] = [(); 2].map(|()| bench.market(rule, 3).all());
            assert_eq!(once.map(f64::to_bits), again.map(f64::to_bits), "{}", rule.name());
        }
    }

    #[test]
    fn a_mean_has_its_error() {
        assert_eq!(mean([1.0, 3.0].into_iter()), Mean { mean: 2.0, error: 1.0 });
        assert_eq!(mean([4.0].into_iter()), Mean { mean: 4.0, error: 0.0 });
    }
}

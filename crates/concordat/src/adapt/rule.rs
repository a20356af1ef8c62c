//! The rules that are compared: Concordat's own functions, and those that stand for what others do.

use concordat_model::trust::{Counts, OUTCOME};

use super::governed::Governed;
use super::market::{AGENTS, Chance, DOMAINS, Task};

/// How an agent is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Anybody.
    Random,
    /// Points for success and failure, one account an agent, and the agent with the most: +10 and -50 from 500.
    Points,
    /// The same with an account for each agent and domain.
    PointsByDomain,
    /// The best mean so far.
    Greedy,
    /// The best lower bound so far.
    GreedyBound,
    /// The highest upper bound (UCB1).
    Ucb1,
    /// Concordat: those whom policy permits by their lower bound, and inside them a seeded draw.
    Concordat,
}

impl Rule {
    /// Every rule, in the order of the table.
    pub const ALL: [Rule; 7] = [
        Rule::Random,
        Rule::Points,
        Rule::PointsByDomain,
        Rule::Greedy,
        Rule::GreedyBound,
        Rule::Ucb1,
        Rule::Concordat,
    ];

    /// Its name in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Rule::Random => "random",
            Rule::Points => "points +10/-50",
            Rule::PointsByDomain => "points, by domain",
            Rule::Greedy => "greedy mean",
            Rule::GreedyBound => "greedy bound",
            Rule::Ucb1 => "UCB1",
            Rule::Concordat => "concordat",
        }
    }
}

/// A rule at work.
#[derive(Debug)]
pub enum Mind {
    /// One that counts.
    Counting(Rule, Box<[Tally]>),
    /// Concordat's.
    Governed(Box<Governed>),
}

/// What a rule that counts knows of one agent in one domain.
#[derive(Debug, Clone, Copy)]
pub struct Tally {
    right: f64,
    wrong: f64,
    points: f64,
}

impl Tally {
    const NONE: Tally = Tally { right: 0.0, wrong: 0.0, points: 500.0 };

    /// The 5 % quantile of what is believed, with the product's own arithmetic.
    fn bound(&self) -> f64 {
        let micros = |outcomes: f64| {
            let whole = outcomes.clamp(0.0, 1e9);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it is no less than zero"
            )]
            let whole = whole as u64;
            whole.saturating_mul(OUTCOME)
        };
        Counts { good: micros(self.right + 1.0), bad: micros(self.wrong + 2.0) }.lower_bound().fraction()
    }

    fn worth(&self, rule: Rule, all: f64, chance: &mut Chance) -> f64 {
        let seen = self.right + self.wrong;
        match rule {
            Rule::Random | Rule::Concordat => chance.share(),
            // The first of several with as many points would always be the same one.
            Rule::Points | Rule::PointsByDomain => self.points + chance.share() / 1000.0,
            Rule::Greedy => (self.right + 1.0) / (seen + 3.0) + chance.share() / 1e6,
            Rule::GreedyBound => self.bound() + chance.share() / 1e6,
            Rule::Ucb1 if seen == 0.0 => 2.0 + all.ln().max(0.0) + chance.share(),
            Rule::Ucb1 => self.right / seen + (2.0 * all.max(1.0).ln() / seen).sqrt(),
        }
    }
}

impl Mind {
    /// A rule that knows nothing yet.
    #[must_use]
    pub fn new(rule: Rule) -> Mind {
        match rule {
            Rule::Concordat => Mind::Governed(Box::default()),
            rule => Mind::Counting(rule, vec![Tally::NONE; AGENTS * DOMAINS].into()),
        }
    }

    /// Who does the task.
    pub fn choose(&mut self, task: &Task, chance: &mut Chance) -> usize {
        match self {
            Mind::Governed(governed) => governed.choose(task, chance),
            Mind::Counting(rule, tallies) => {
                let here: Vec<&Tally> = tallies.iter().skip(task.domain).step_by(DOMAINS).collect();
                let all = here.iter().map(|tally| tally.right + tally.wrong).sum();
                let worth = here.iter().map(|tally| tally.worth(*rule, all, chance));
                worth.enumerate().max_by(|one, other| one.1.total_cmp(&other.1)).map_or(0, |best| best.0)
            }
        }
    }

    /// How it went.
    pub fn learn(&mut self, task: &Task, agent: usize, success: bool) {
        match self {
            Mind::Governed(governed) => governed.learn(task, agent, success),
            Mind::Counting(rule, tallies) => {
                let points = if success { 10.0 } else { -50.0 };
                let accounts = tallies.iter_mut().skip(agent * DOMAINS).take(DOMAINS).enumerate();
                for (domain, tally) in accounts.filter(|(at, _)| *rule == Rule::Points || *at == task.domain)
                {
                    tally.points = (tally.points + points).clamp(0.0, 1000.0);
                    if domain == task.domain {
                        *(if success { &mut tally.right } else { &mut tally.wrong }) += 1.0;
                    }
                }
            }
        }
    }

    /// A friend of the agent praises what it failed at; who counts what is reported counts that.
    pub fn hear_praise(&mut self, task: &Task, agent: usize) {
        match self {
            Mind::Governed(governed) => governed.hear_praise(task, agent),
            Mind::Counting(..) => self.learn(task, agent, true),
        }
    }

    /// The agent registered again, under another id.
    pub fn registered_again(&mut self, agent: usize, task: &Task) {
        match self {
            Mind::Governed(governed) => governed.registered_again(agent, task),
            Mind::Counting(_, tallies) => {
                tallies.iter_mut().skip(agent * DOMAINS).take(DOMAINS).for_each(|tally| *tally = Tally::NONE);
            }
        }
    }
}

//! The market: agents whose true rates nobody is told, tasks that come one by one, and a drift half-way.
//!
//! Eight agents and four domains. Agent 0 is malicious: it succeeds 15 times in a hundred, and registers again
//! under another id after ten failures. Each domain has a specialist. Half-way each domain's best agent becomes bad
//! and another one rises. The same seed gives the same market and the same luck to every rule.
//!
//! Under attack two more are malicious, and one task in ten is of high risk and worth ten. Agent 6 colludes: it
//! succeeds 15 times in a hundred, and a friend praises every one of its failures. Agent 7 milks: it succeeds 97 times
//! in a hundred where little is at stake, and cheats nine times in ten where much is.

use concordat_model::contract::Risk;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// How many agents offer the skill.
pub const AGENTS: usize = 8;
/// How many domains tasks come from.
pub const DOMAINS: usize = 4;
/// The agent that fails on purpose, and registers again.
pub const WHITEWASHER: usize = 0;
/// Under attack, the agent that fails on purpose and is praised for it.
pub const COLLUDER: usize = 6;
/// Under attack, the agent that cheats where it pays.
pub const MILKER: usize = 7;
/// After so many failures the malicious agent registers again.
pub const PATIENCE: u32 = 10;

/// What happens at a market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    /// Agents change, and one is malicious.
    Drift,
    /// Agents change, three are malicious, and some tasks matter more than others.
    Attack,
}

/// How an agent is malicious, in the order of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attack {
    /// It fails, and registers again under another id.
    RegistersAgain,
    /// It fails, and a friend praises that.
    IsPraised,
    /// It does well where little is at stake, and cheats where much is.
    Milks,
}

impl Attack {
    /// Every kind.
    pub const ALL: [Attack; 3] = [Attack::RegistersAgain, Attack::IsPraised, Attack::Milks];
}

/// What the agents can do, and chance.
#[derive(Debug)]
pub struct Market {
    scene: Scene,
    agents: Vec<Rates>,
    tasks: u32,
    chance: Chance,
}

/// How often an agent succeeds, by domain.
#[derive(Debug, Clone, Copy)]
struct Rates {
    before: [f64; DOMAINS],
    after: [f64; DOMAINS],
}

/// One task: its domain, the luck that decides it whoever does it, and who would do it how well.
#[derive(Debug, Clone, Copy)]
pub struct Task {
    /// Its number, from 0.
    pub number: u32,
    /// Its domain.
    pub domain: usize,
    /// How much is at stake.
    pub risk: Risk,
    scene: Scene,
    luck: f64,
    rates: [f64; AGENTS],
}

impl Market {
    /// A market of this seed, for so many tasks.
    #[must_use]
    pub fn new(scene: Scene, seed: u64, tasks: u32) -> Market {
        let mut chance = Chance::new(seed);
        let mut agents: Vec<Rates> = (0..AGENTS).map(|_| Rates::ordinary(&mut chance)).collect();
        for domain in 0..DOMAINS {
            if let Some(rate) = agents.get_mut(domain + 1).and_then(|agent| agent.before.get_mut(domain)) {
                *rate = chance.between(0.9, 0.97);
            }
        }
        let malicious: &[(usize, f64)] = match scene {
            Scene::Drift => &[(WHITEWASHER, 0.15)],
            Scene::Attack => &[(WHITEWASHER, 0.15), (COLLUDER, 0.15), (MILKER, 0.97)],
        };
        for (agent, rate) in malicious {
            if let Some(agent) = agents.get_mut(*agent) {
                agent.before = [*rate; DOMAINS];
            }
        }
        for agent in &mut agents {
            agent.after = agent.before;
        }
        for domain in 0..DOMAINS {
            // The specialist falls; one of the others, never the malicious one, rises.
            let fallen = domain + 1;
            let honest = if scene == Scene::Drift { AGENTS - 1 } else { COLLUDER - 1 };
            let risen = 1 + (domain + 1 + chance.below(honest - 1)) % honest;
            for (agent, rate) in [(fallen, 0.35), (risen, 0.93)] {
                if let Some(after) = agents.get_mut(agent).and_then(|agent| agent.after.get_mut(domain)) {
                    *after = rate;
                }
            }
        }
        Market { scene, agents, tasks, chance }
    }

    /// The task of this number.
    pub fn task(&mut self, number: u32) -> Task {
        let domain = self.chance.below(DOMAINS);
        let drifted = number >= self.tasks / 2;
        let mut rates = [0.0; AGENTS];
        for (rate, agent) in rates.iter_mut().zip(&self.agents) {
            let by_domain = if drifted { &agent.after } else { &agent.before };
            *rate = by_domain.get(domain).copied().unwrap_or(0.0);
        }
        let luck = self.chance.share();
        let matters = self.scene == Scene::Attack && self.chance.below(10) == 0;
        if let (true, Some(milker)) = (matters, rates.get_mut(MILKER)) {
            *milker = 0.1;
        }
        let risk = if matters { Risk::High } else { Risk::Low };
        Task { number, domain, risk, scene: self.scene, luck, rates }
    }
}

impl Rates {
    fn ordinary(chance: &mut Chance) -> Rates {
        let mut before = [0.0; DOMAINS];
        for rate in &mut before {
            *rate = chance.between(0.45, 0.8);
        }
        Rates { before, after: before }
    }
}

impl Task {
    /// A task at low risk of a market that nobody drew: who would do it how well, and the luck that decides it.
    #[cfg(test)]
    pub(super) fn plain(number: u32, domain: usize, luck: f64, rates: [f64; AGENTS]) -> Task {
        Task { number, domain, risk: Risk::Low, scene: Scene::Drift, luck, rates }
    }

    /// Whether this agent does it right.
    #[must_use]
    pub fn succeeds(&self, agent: usize) -> bool {
        self.luck < self.rate(agent)
    }

    /// What is lost, in expectation, by asking this agent and not the one that is best now.
    #[must_use]
    pub fn regret(&self, agent: usize) -> f64 {
        let worth = if self.risk == Risk::High { 10.0 } else { 1.0 };
        worth * (self.rates.iter().copied().fold(0.0, f64::max) - self.rate(agent))
    }

    /// How this agent fails here on purpose, if it does.
    #[must_use]
    pub fn attack_of(&self, agent: usize) -> Option<Attack> {
        let attacked = self.scene == Scene::Attack;
        match agent {
            WHITEWASHER => Some(Attack::RegistersAgain),
            COLLUDER if attacked => Some(Attack::IsPraised),
            MILKER if attacked && self.risk == Risk::High => Some(Attack::Milks),
            _ => None,
        }
    }

    /// Whether a friend praises what this agent failed at.
    #[must_use]
    pub fn is_praised(&self, agent: usize) -> bool {
        self.scene == Scene::Attack && agent == COLLUDER
    }

    fn rate(&self, agent: usize) -> f64 {
        self.rates.get(agent).copied().unwrap_or(0.0)
    }
}

/// Chance that comes out the same on every machine.
#[derive(Debug)]
pub struct Chance(ChaCha12Rng);

impl Chance {
    /// Chance of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Chance {
        Chance(ChaCha12Rng::seed_from_u64(seed))
    }

    /// A number from 0 up to 1.
    pub fn share(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits are what the number holds")]
        let bits = (self.0.next_u64() >> 11) as f64;
        bits / (1_u64 << 53) as f64
    }

    /// A number from `low` up to `high`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.share()
    }

    /// A whole number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.0.next_u64() % end.max(1) as u64).unwrap_or(0)
    }

    /// A seed for a choice.
    pub fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        self.0.fill_bytes(&mut seed);
        seed
    }
}

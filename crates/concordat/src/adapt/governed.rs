//! Concordat at the market: the product's own book of trust and its own choice, fed with what was seen.
//!
//! Policy's part is the default bundle's: a least lower bound for high risk, and, where nobody has it, people who let
//! anybody try who lacks nothing but proof. One task comes every 72 minutes, so that the half-life
//! of thirty days is 600 tasks.

use concordat_model::agent::Tie;
use concordat_model::contract::Risk;
use concordat_model::digest::Digest;
use concordat_model::id::{AgentId, RunId};
use concordat_model::name::DomainName;
use concordat_model::trust::{Cause, Fit, Rating, Seen, TrustBook, TrustKey};
use concordat_model::work::{Attempt, Leg};
use concordat_policy::favourite;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::market::{AGENTS, Chance, DOMAINS, Task};

/// The time between two tasks.
const PACE: SignedDuration = SignedDuration::from_mins(72);

/// The least lower bound that the default policy asks for at high risk, in basis points.
const LEAST: u16 = 7000;

/// Of whom the default policy expects less than this, in basis points, people do not let try: of an unknown one it is
/// 3333.
const LOST: u16 = 3000;

/// So many tries of a domain are free for those who have yet to prove themselves.
const FREE: u64 = 40;

/// Their share of a domain's low-risk work after that, in basis points, where somebody else has proved himself.
const TRIALS: u16 = 500;

/// The same in a domain that does much worse than it used to.
const SHAKEN: u16 = 3000;

/// Concordat's rule at work.
#[derive(Debug)]
pub struct Governed {
    book: TrustBook,
    ids: Vec<AgentId>,
    registered: u128,
    cause: Option<Cause>,
    domains: Vec<DomainName>,
}

impl Default for Governed {
    /// It knows nobody yet.
    fn default() -> Governed {
        let id = |number| AgentId::new(Uuid::from_u128(number));
        let attempt = "task".parse().ok().map(|step| Attempt { step, leg: Leg::Do, number: 1 });
        let ids: Vec<AgentId> = (1..=AGENTS as u128).map(id).collect();
        let mut book = TrustBook::default();
        for (agent, id) in ids.iter().enumerate() {
            book.registered(*id, [Tie::owner(&owner(agent))], Timestamp::UNIX_EPOCH);
        }
        Governed {
            book,
            ids,
            registered: AGENTS as u128,
            cause: attempt.map(|attempt| Cause::attempt(RunId::new(Uuid::from_u128(1)), attempt)),
            domains: (0..DOMAINS).filter_map(|number| format!("domain-{number}").parse().ok()).collect(),
        }
    }
}

impl Governed {
    /// Who does the task.
    pub fn choose(&mut self, task: &Task, chance: &mut Chance) -> usize {
        let now = at(task);
        let keys: Vec<TrustKey> = self.ids.iter().filter_map(|id| self.key(*id, task.domain)).collect();
        let clears = |key: &&TrustKey| {
            task.risk == Risk::Low || self.book.view_at(key, task.risk, now).lower_bound.points() >= LEAST
        };
        let unmarked = |key: &&TrustKey| self.book.view_at(key, task.risk, now).mean.points() >= LOST;
        let proven: Vec<&TrustKey> = keys.iter().filter(clears).collect();
        let tried = if proven.is_empty() { keys.iter().filter(unmarked).collect() } else { proven };
        let tried = self.within_trials(task, tried, now);
        // At a market somebody does the task; the default policy would deny it.
        let permitted = if tried.is_empty() { keys.iter().collect() } else { tried };
        let beliefs =
            permitted.into_iter().map(|key| (key.agent, self.book.belief_at(key, task.risk, now))).collect();
        let chosen = favourite(beliefs, chance.seed());
        chosen.and_then(|chosen| self.ids.iter().position(|id| *id == chosen)).unwrap_or(0)
    }

    /// Those of them who have proved themselves, where there are any and those who have not had their part.
    fn within_trials<'k>(&self, task: &Task, keys: Vec<&'k TrustKey>, now: Timestamp) -> Vec<&'k TrustKey> {
        let Some(domain) = self.domains.get(task.domain) else { return keys };
        let trials = self.book.trials(domain);
        let most = if self.book.drift(domain).shaken { SHAKEN } else { TRIALS };
        let open = trials.count < FREE || trials.share().points() <= most;
        let proven: Vec<&TrustKey> =
            keys.iter().copied().filter(|key| !self.book.view_at(key, task.risk, now).unproven).collect();
        if task.risk != Risk::Low || open || proven.is_empty() { keys } else { proven }
    }

    /// How it went.
    pub fn learn(&mut self, task: &Task, agent: usize, success: bool) {
        let fit = if success { Fit::Fits } else { Fit::Breaks };
        let seen = Seen::Completed { latency_ms: 100, allowed_ms: 1000, schema: fit, price: None };
        self.see(task, agent, seen);
    }

    /// A friend of the agent rates its work.
    pub fn hear_praise(&mut self, task: &Task, agent: usize) {
        if let Ok(rating) = Rating::try_from(5) {
            self.see(task, agent, Seen::Rated { rating });
        }
    }

    fn see(&mut self, task: &Task, agent: usize, seen: Seen) {
        let key = self.ids.get(agent).and_then(|id| self.key(*id, task.domain));
        let (Some(key), Some(cause)) = (key, self.cause.clone()) else { return };
        let change = self.book.observe(&key, seen, Some(task.risk), cause, at(task));
        // What the book computed itself it does not refuse.
        let _ = change.map(|change| self.book.apply(&change));
    }

    /// The agent registered again, under another id.
    pub fn registered_again(&mut self, agent: usize, task: &Task) {
        self.registered += 1;
        let anew = AgentId::new(Uuid::from_u128(self.registered));
        if let Some(id) = self.ids.get_mut(agent) {
            *id = anew;
            self.book.registered(anew, [Tie::owner(&owner(agent))], at(task));
        }
    }

    fn key(&self, agent: AgentId, domain: usize) -> Option<TrustKey> {
        let domain = self.domains.get(domain)?.clone();
        Some(TrustKey { agent, revision: Digest::of(b"market"), domain, skill: "do-it".parse().ok()? })
    }
}

fn owner(agent: usize) -> String {
    format!("owner-{agent}")
}

fn at(task: &Task) -> Timestamp {
    Timestamp::UNIX_EPOCH + PACE * i32::try_from(task.number).unwrap_or(i32::MAX)
}

//! Chooses one agent among those that policy permits, by seeded Thompson sampling.
//!
//! Each permitted agent's share of good outcomes is drawn from what is believed about it, and the best draw gets
//! the work: proven agents mostly win, and little-known ones win often enough to become known. The seed is an
//! argument, so a choice can be made again from the log. Nothing outside the permitted set can be chosen.

use std::sync::Arc;

use concordat_model::agent::Agent;
use concordat_model::id::AgentId;
use concordat_model::share::Share;
use concordat_model::trust::{Belief, Counts};
use concordat_model::work::Assignment;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Beta, Distribution};

use crate::authorized::Authorized;
use crate::input::DispatchInput;
use crate::policy::{Asked, Permitted};

/// Counts below and beyond these draw no differently, and keep the sampler within its numbers.
const COUNTS: (f64, f64) = (0.01, 1e9);

/// What was chosen, and how.
#[derive(Debug)]
pub struct Chosen {
    /// The work with its agent.
    pub assignment: Authorized<Assignment>,
    /// What was drawn for each permitted agent, in the order of their ids.
    pub draws: Vec<(AgentId, Share)>,
    /// The decision that permitted them.
    pub asked: Asked,
}

/// Chooses one of the permitted agents; the same seed and the same beliefs choose the same one.
#[must_use]
pub fn choose(permitted: Permitted, seed: [u8; 32]) -> Chosen {
    let Permitted { work, first, others, asked } = permitted;
    let mut rng = ChaCha12Rng::from_seed(seed);
    let (agent, belief) = first;
    let mut best = (draw(&belief, &mut rng), agent);
    let mut draws = vec![(best.1.id, Share::of(best.0))];
    // INVARIANT: the agents come in the order of their ids, and on a tie the lower id stays.
    for (agent, belief) in others {
        let drawn = draw(&belief, &mut rng);
        draws.push((agent.id, Share::of(drawn)));
        if drawn > best.0 {
            best = (drawn, agent);
        }
    }
    let assignment = work.map(|work, decision| assign(work, &best.1, decision));
    Chosen { assignment, draws, asked }
}

/// Who would be chosen among these agents of a stored dispatch input, with the same seed: a name, never a key.
#[must_use]
pub fn would_choose(input: &DispatchInput, permitted: &[AgentId], seed: [u8; 32]) -> Option<AgentId> {
    let candidates = input.candidates.iter().map(|candidate| (candidate.id, candidate.belief));
    favourite(candidates.filter(|(id, _)| permitted.contains(id)).collect(), seed)
}

/// Who would be chosen among agents of whom this is believed: what simulations and trials ask, and never a key.
#[must_use]
pub fn favourite(mut beliefs: Vec<(AgentId, Belief)>, seed: [u8; 32]) -> Option<AgentId> {
    let mut rng = ChaCha12Rng::from_seed(seed);
    beliefs.sort_unstable_by_key(|(id, _)| *id);
    beliefs.dedup_by_key(|(id, _)| *id);
    let mut best: Option<(f64, AgentId)> = None;
    for (id, belief) in beliefs {
        let drawn = draw(&belief, &mut rng);
        if best.is_none_or(|(most, _)| drawn > most) {
            best = Some((drawn, id));
        }
    }
    best.map(|(_, id)| id)
}

fn assign(
    work: concordat_model::work::Work,
    agent: &Arc<Agent>,
    decision: concordat_model::id::DecisionId,
) -> Assignment {
    Assignment {
        work,
        agent: agent.id,
        agent_name: agent.registration.name.clone(),
        revision: agent.revision,
        binding: agent.registration.binding.clone(),
        decision,
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

//! Chooses one agent among those that policy permits, in the way that policy names.
//!
//! | strategy | who gets the work |
//! |---|---|
//! | `explore` | seeded Thompson sampling: each agent's share of good outcomes is drawn from what is believed about it, and the best draw wins; a busy agent's draw counts up to a tenth less |
//! | `best` | who is proven most: the highest lower bound for this risk |
//! | `cheapest` | the least cost of a call; among equals, the best draw |
//! | `ranked` | the first, in the order in which policy permitted them |
//!
//! By draws, proven agents mostly win, and little-known ones win often enough to become known. The seed is an argument,
//! so a choice can be made again from the log. Nothing outside the permitted set can be chosen. A decision that names no
//! strategy explores by draws alone. Where the chosen agent has several instances, one of them is chosen next, by what
//! is expected of it ([`instance`]).

mod contest;
mod instance;

use std::sync::Arc;

use concordat_model::agent::Agent;
use concordat_model::decision::{Decision, Strategy};
use concordat_model::id::{AgentId, DecisionId};
use concordat_model::share::Share;
use concordat_model::trust::Belief;
use concordat_model::work::{Assignment, Work};

use crate::authorized::Authorized;
use crate::input::{DispatchInput, InstanceLoad};
use crate::policy::{Asked, Permitted};

use contest::Contest;
pub(crate) use contest::Merits;
use instance::nearest;

/// What was chosen, and how.
#[derive(Debug)]
pub struct Chosen {
    /// The work with its agent.
    pub assignment: Authorized<Assignment>,
    /// What was compared for each permitted agent, in their order: what was drawn, or what is proven. None if ranked.
    pub draws: Vec<(AgentId, Share)>,
    /// The decision that permitted them.
    pub asked: Asked,
}

/// Chooses one of the permitted agents; the same seed and the same merits choose the same one.
#[must_use]
pub fn choose(permitted: Permitted, seed: [u8; 32]) -> Chosen {
    let Permitted { work, first, others, asked } = permitted;
    let strategy = asked.decision.strategy;
    let id = first.0.id;
    let (mut contest, drawn) = Contest::begin(strategy, seed, placed(first));
    let mut draws = vec![(id, drawn)];
    draws.extend(others.into_iter().map(|agent| (agent.0.id, contest.enter(placed(agent)))));
    if strategy == Some(Strategy::Ranked) {
        draws.clear();
    }
    let (agent, instances) = contest.winner();
    let instance = nearest(&instances, &asked.decision.regions, seed).map(|one| one.url.clone());
    let assignment = work.map(|work, decision| assign(work, &agent, instance, decision));
    Chosen { assignment, draws, asked }
}

/// An agent with its instances apart from its merits: they do not count when one is chosen, but where it is sent.
fn placed((agent, mut merits): (Arc<Agent>, Merits)) -> ((Arc<Agent>, Vec<InstanceLoad>), Merits) {
    let instances = std::mem::take(&mut merits.instances);
    ((agent, instances), merits)
}

/// Which instance of an agent a decision's work is sent to, with the same seed: an address, never a key.
#[must_use]
pub fn would_send(
    input: &DispatchInput,
    decision: &Decision,
    agent: AgentId,
    seed: [u8; 32],
) -> Option<String> {
    let candidate = input.candidates.iter().find(|candidate| candidate.id == agent)?;
    nearest(&candidate.instances, &decision.regions, seed).map(|one| one.url.clone())
}

/// Who would be chosen among the agents that a decision permits, with the same seed: a name, never a key.
#[must_use]
pub fn would_choose(input: &DispatchInput, decision: &Decision, seed: [u8; 32]) -> Option<AgentId> {
    let merits = |id: &AgentId| {
        input.candidates.iter().find(|candidate| candidate.id == *id).map(|found| (*id, Merits::of(found)))
    };
    winner(decision.strategy, decision.permitted.iter().filter_map(merits), seed)
}

/// Who would be chosen among agents of whom this is believed: what simulations and trials ask, and never a key.
#[must_use]
pub fn favourite(mut beliefs: Vec<(AgentId, Belief)>, seed: [u8; 32]) -> Option<AgentId> {
    beliefs.sort_unstable_by_key(|(id, _)| *id);
    beliefs.dedup_by_key(|(id, _)| *id);
    winner(None, beliefs.into_iter().map(|(id, belief)| (id, Merits::believed(belief))), seed)
}

fn winner(
    strategy: Option<Strategy>,
    mut agents: impl Iterator<Item = (AgentId, Merits)>,
    seed: [u8; 32],
) -> Option<AgentId> {
    let (mut contest, _) = Contest::begin(strategy, seed, agents.next()?);
    for agent in agents {
        contest.enter(agent);
    }
    Some(contest.winner())
}

/// Work with the agent that does it.
pub(crate) fn assign(
    work: Work,
    agent: &Agent,
    instance: Option<String>,
    decision: DecisionId,
) -> Assignment {
    Assignment {
        work,
        agent: agent.id,
        agent_name: agent.registration.name.clone(),
        revision: agent.revision,
        binding: agent.reached_at(instance.as_deref()),
        instance,
        decision,
    }
}

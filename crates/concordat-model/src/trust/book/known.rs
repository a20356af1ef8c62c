//! Who did something in a field, the best first, so that a decision need not look at everybody.
//!
//! The order is that of the lower bounds as they were at each agent's last change: evidence fades for all alike, and
//! what nobody adds to is looked at anew, with everything that counts, by whoever takes agents from the front.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::Field;
use crate::id::AgentId;
use crate::share::Share;
use crate::trust::{Belief, TrustState};

/// The known of every field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Known(BTreeMap<Field, Ranking>);

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Ranking {
    bounds: BTreeMap<AgentId, Share>,
    best_first: BTreeSet<(Reverse<Share>, AgentId)>,
}

impl Known {
    /// Gives an agent its place in a field.
    pub(super) fn place(&mut self, field: Field, agent: AgentId, state: &TrustState) {
        let bound = Belief::PRIOR.with(&state.evidence).lower_bound();
        let ranking = self.0.entry(field).or_default();
        if let Some(before) = ranking.bounds.insert(agent, bound) {
            ranking.best_first.remove(&(Reverse(before), agent));
        }
        ranking.best_first.insert((Reverse(bound), agent));
    }

    /// Everybody who is known in a field, the best first.
    pub(super) fn best_first<'k>(&'k self, field: &Field) -> impl Iterator<Item = AgentId> + use<'k> {
        self.0.get(field).into_iter().flat_map(|ranking| &ranking.best_first).map(|(_, agent)| *agent)
    }

    /// The bound of who does best in a field, as it was at that agent's last change.
    pub(super) fn best(&self, field: &Field) -> Option<Share> {
        self.0.get(field)?.best_first.first().map(|(Reverse(bound), _)| *bound)
    }

    /// Whether an agent is known in a field.
    pub(super) fn holds(&self, field: &Field, agent: AgentId) -> bool {
        self.0.get(field).is_some_and(|ranking| ranking.bounds.contains_key(&agent))
    }
}

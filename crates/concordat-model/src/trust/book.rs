//! The book of trust: the fold over every change in the log.
//!
//! It believes no change: each is computed again before it is entered, so a log with an invented score does not
//! load. Reading costs time in proportion to the fields that the one agent has worked in.

mod known;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use self::known::Known;
use super::score::outcomes;
use super::stake::is_betrayed_by_failure;
use super::{
    Belief, Cause, Counts, Drift, Evidence, Formula, Seen, Trials, TrustChanged, TrustKey, TrustState,
    TrustView,
};
use crate::agent::Tie;
use crate::contract::Risk;
use crate::id::AgentId;
use crate::name::{DomainName, SkillName};
use crate::share::Share;

/// What was seen of every agent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrustBook {
    agents: BTreeMap<AgentId, BTreeMap<TrustKey, Entry>>,
    /// Who did something in a field.
    known: Known,
    /// What ties each agent to others.
    ties: BTreeMap<AgentId, BTreeSet<Tie>>,
    /// Those of a party's agents of which something was seen, or which began with something.
    marked: BTreeMap<Tie, BTreeSet<AgentId>>,
    /// What spoke against an agent's party when it was registered.
    records: BTreeMap<AgentId, BTreeMap<Field, TrustState>>,
    /// How the domains do.
    drifts: BTreeMap<DomainName, Drift>,
    /// What agents that had yet to prove themselves got of each domain's low-risk work, where others had.
    trials: BTreeMap<DomainName, Trials>,
    /// Since when nothing is learnt, if so.
    frozen: Option<Timestamp>,
    /// How many changes were entered.
    changes: u64,
}

/// A skill in a domain, whoever has it.
type Field = (DomainName, SkillName);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    state: TrustState,
    /// Which change it was that entered the state: the newest revision is the one with the largest.
    change: u64,
}

impl TrustBook {
    /// Stops learning at this moment, or learns on; what was stopped earlier stays stopped since then.
    ///
    /// While learning is stopped nothing is observed and nothing fades: the same question has the same answer.
    pub fn freeze(&mut self, since: Option<Timestamp>) {
        self.frozen = since.map(|since| self.frozen.unwrap_or(since));
    }

    /// Since when nothing is learnt, if so.
    #[must_use]
    pub fn frozen(&self) -> Option<Timestamp> {
        self.frozen
    }

    /// How many changes were entered.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// The moment up to which evidence has faded.
    fn until(&self, now: Timestamp) -> Timestamp {
        self.frozen.map_or(now, |frozen| frozen.min(now))
    }

    /// Enters an agent with what ties it to others: nobody must get rid of a bad record by registering another agent.
    ///
    /// It begins with the worst that the others leave against it, field by field, and with nothing that speaks for it.
    /// Agents that were registered before anything was seen owe each other nothing. An agent that moves elsewhere is
    /// entered again: what waited there is its own from then on, in the fields in which it has not worked.
    pub fn registered(&mut self, agent: AgentId, ties: impl IntoIterator<Item = Tie>, at: Timestamp) {
        let ties: BTreeSet<Tie> = ties.into_iter().collect();
        let others: BTreeSet<AgentId> =
            ties.iter().filter_map(|tie| self.marked.get(tie)).flatten().copied().collect();
        let left = others.into_iter().filter(|other| *other != agent).flat_map(|other| self.fields(other));
        let left: Vec<(Field, TrustState)> = left.map(|(field, state)| (field, state.record())).collect();
        let records = self.records.entry(agent).or_default();
        for (field, record) in left {
            let before = records.get(&field).map_or(0, |known| known.against(at));
            if record.against(at) > before {
                records.insert(field, record);
            }
        }
        if records.is_empty() {
            self.records.remove(&agent);
        }
        self.ties.entry(agent).or_default().extend(ties);
        if self.records.contains_key(&agent) || self.agents.contains_key(&agent) {
            self.mark(agent);
        }
    }

    /// Remembers that something is known of an agent, so that nobody has to ask all of its party's agents.
    fn mark(&mut self, agent: AgentId) {
        for tie in self.ties.get(&agent).into_iter().flatten() {
            self.marked.entry(tie.clone()).or_default().insert(agent);
        }
    }

    /// The agents of which something was seen in a field, those first who did best there at their last change.
    ///
    /// Whoever takes some from the front looks at none of the others.
    pub fn known_in<'b>(
        &'b self,
        domain: &DomainName,
        skill: &SkillName,
    ) -> impl Iterator<Item = AgentId> + use<'b> {
        self.known.best_first(&(domain.clone(), skill.clone()))
    }

    /// Whether something was seen of an agent in a field.
    #[must_use]
    pub fn knows(&self, agent: AgentId, domain: &DomainName, skill: &SkillName) -> bool {
        self.known.holds(&(domain.clone(), skill.clone()), agent)
    }

    /// The change that follows from what was seen; nothing, where it says nothing about the agent.
    ///
    /// The change is not entered. Observe, commit and enter one change of a key before the next is observed:
    /// two changes with one `before` cannot both be entered.
    #[must_use]
    pub fn observe(
        &self,
        key: &TrustKey,
        seen: Seen,
        risk: Option<Risk>,
        cause: Cause,
        at: Timestamp,
    ) -> Option<TrustChanged> {
        let formula = Formula::Beta2;
        if self.frozen.is_some() {
            return None;
        }
        seen.evidence(formula)?;
        let before = self.state(key);
        let after = before.after(&seen, risk, formula, at);
        Some(TrustChanged { key: key.clone(), seen, risk, cause, before, after, formula })
    }

    /// Enters a change from the log.
    ///
    /// # Errors
    /// A change that does not follow from this book and what was seen; the book stays as it was.
    pub fn apply(&mut self, change: &TrustChanged) -> Result<(), Irreproducible> {
        let refused =
            |why| Irreproducible { why, key: Box::new(change.key.clone()), cause: change.cause.clone() };
        let TrustChanged { key, seen, risk, before, after, formula, .. } = change;
        if seen.evidence(*formula).is_none() {
            return Err(refused(Fault::NoEvidence));
        }
        if self.state_by(key, *formula) != *before {
            return Err(refused(Fault::Before));
        }
        if before.after(seen, *risk, *formula, after.since) != *after {
            return Err(refused(Fault::After));
        }
        let field = (key.domain.clone(), key.skill.clone());
        // Where nobody has proved himself, nobody gets anything at another's cost.
        let proven = || self.known.best(&field).is_some_and(|bound| bound >= TrustView::PROVEN);
        if *risk == Some(Risk::Low) && seen.success().is_some() && proven() {
            let trial = self.view(key, after.since).unproven;
            let trials = self.trials.entry(key.domain.clone()).or_default();
            *trials = trials.after(trial);
        }
        self.changes += 1;
        let entry = Entry { state: *after, change: self.changes };
        if self.agents.entry(key.agent).or_default().insert(key.clone(), entry).is_none() {
            self.mark(key.agent);
        }
        self.known.place(field, key.agent, after);
        if let Some(success) = seen.success() {
            let drift = self.drifts.entry(key.domain.clone()).or_default();
            *drift = drift.after(success);
        }
        Ok(())
    }

    /// The state of what was seen under this key, or what a new revision or a new agent inherits.
    #[must_use]
    pub fn state(&self, key: &TrustKey) -> TrustState {
        self.state_by(key, Formula::Beta2)
    }

    fn state_by(&self, key: &TrustKey, formula: Formula) -> TrustState {
        let entries = self.agents.get(&key.agent);
        if let Some(entry) = entries.and_then(|entries| entries.get(key)) {
            return entry.state;
        }
        let earlier = entries.into_iter().flatten().filter(|(other, _)| other.same_field(key));
        let newest = earlier.max_by_key(|(_, entry)| entry.change);
        newest.map(|(_, entry)| entry.state.inherited(formula)).unwrap_or_else(|| match formula {
            Formula::Beta1 => TrustState::NONE,
            Formula::Beta2 => self.record(key).copied().unwrap_or(TrustState::NONE),
        })
    }

    /// What spoke against the agent's party in this field when the agent was registered.
    fn record(&self, key: &TrustKey) -> Option<&TrustState> {
        let records = self.records.get(&key.agent)?;
        records.get(&(key.domain.clone(), key.skill.clone()))
    }

    /// How the agents of a domain do, lately and in the long run.
    #[must_use]
    pub fn drift(&self, domain: &DomainName) -> Drift {
        self.drifts.get(domain).copied().unwrap_or_default()
    }

    /// What agents that had yet to prove themselves got of a domain's low-risk work, where others had.
    #[must_use]
    pub fn trials(&self, domain: &DomainName) -> Trials {
        self.trials.get(domain).copied().unwrap_or_default()
    }

    /// What is believed now, as selection draws from it: with an open mind while the domain is shaken.
    #[must_use]
    pub fn belief(&self, key: &TrustKey, now: Timestamp) -> Belief {
        self.belief_at(key, Risk::Low, now)
    }

    /// What is believed now of work at this risk, as selection draws from it.
    #[must_use]
    pub fn belief_at(&self, key: &TrustKey, risk: Risk, now: Timestamp) -> Belief {
        let now = self.until(now);
        let (elsewhere, above) = (self.elsewhere(key, risk, now), self.above(key, risk, now));
        let prior = Belief::prior_after(&elsewhere).presuming_innocence(&elsewhere);
        let belief = self.state(key).belief_at(&prior, risk, above, now);
        if self.drift(&key.domain).shaken { belief.widened() } else { belief }
    }

    /// What policy is told now about work at low risk, where everything counts; the same all through one hour.
    #[must_use]
    pub fn view(&self, key: &TrustKey, now: Timestamp) -> TrustView {
        self.view_at(key, Risk::Low, now)
    }

    /// What policy is told now about work at this risk; the same for every moment of one hour.
    ///
    /// Costs a few microseconds with up to ten fields of work (`examples/trust_cost.rs`), and some 40 ns more for each
    /// further field, and about three times that above low risk, where each field's stakes fade too (a ratio, measured
    /// in the dev profile): cheap enough to go without a cache.
    #[must_use]
    pub fn view_at(&self, key: &TrustKey, risk: Risk, now: Timestamp) -> TrustView {
        let now = self.until(now);
        let state = self.state(key);
        let belief_at =
            |now| state.belief_at(&self.prior(key, risk, now), risk, self.above(key, risk, now), now);
        let belief = belief_at(now);
        // Failures fade too, so that a very low bound would rise by idling. What it was is the most it can be.
        let fresh = belief_at(state.since);
        let most = if fresh == belief { Share::ONE } else { fresh.lower_bound() };
        let lower_bound = belief.lower_bound().min(most);
        TrustView {
            mean: belief.mean(),
            lower_bound,
            evidence: outcomes(state.faded(now).delivery),
            unproven: lower_bound < TrustView::PROVEN,
        }
    }

    /// Everything that was seen of one agent, by revision, domain and skill.
    pub fn of_agent(&self, agent: AgentId) -> impl Iterator<Item = (&TrustKey, &TrustState)> {
        self.agents.get(&agent).into_iter().flatten().map(|(key, entry)| (key, &entry.state))
    }

    /// How an agent stands in every field, with what it began with where nothing was seen of itself.
    fn fields(&self, agent: AgentId) -> impl Iterator<Item = (Field, TrustState)> {
        let seen = self.of_agent(agent);
        let own = seen.map(|(key, state)| ((key.domain.clone(), key.skill.clone()), *state));
        let begun = self.records.get(&agent).into_iter().flatten();
        own.chain(begun.map(|(field, state)| (field.clone(), *state)))
    }

    /// What is believed of a key before anything is seen there: from what the agent did in other fields.
    #[must_use]
    pub fn prior(&self, key: &TrustKey, risk: Risk, now: Timestamp) -> Belief {
        Belief::prior_after(&self.elsewhere(key, risk, now))
    }

    /// What was seen of the agent in other fields, and what it began with there, as it counts at this risk.
    fn elsewhere(&self, key: &TrustKey, risk: Risk, now: Timestamp) -> Evidence {
        let above = self.above(key, risk, now).plus(self.state(key).above(risk, now));
        self.other_states(key)
            .map(|state| state.counting_at(risk, above, now))
            .fold(Evidence::NONE, Evidence::plus)
    }

    /// What was seen of the agent in other fields at this risk and higher ones.
    fn above(&self, key: &TrustKey, risk: Risk, now: Timestamp) -> Counts {
        if !is_betrayed_by_failure(risk) {
            return Counts::NONE;
        }
        self.other_states(key).map(|state| state.above(risk, now)).fold(Counts::NONE, Counts::plus)
    }

    /// How the agent stands in other fields, with what it began with there.
    fn other_states(&self, key: &TrustKey) -> impl Iterator<Item = &TrustState> {
        let own = self.of_agent(key.agent).filter(|(other, _)| !other.same_field(key));
        let records = self.records.get(&key.agent).into_iter().flatten();
        // Where the agent worked itself, its own state holds what it began with.
        let begun = records.filter(|((domain, skill), _)| {
            let here = *domain == key.domain && *skill == key.skill;
            !here && !self.of_agent(key.agent).any(|(own, _)| own.domain == *domain && own.skill == *skill)
        });
        own.map(|(_, state)| state).chain(begun.map(|(_, state)| state))
    }
}

/// A change of trust that does not follow from what was seen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("trust in `{key}` cannot be computed again after {cause}: {why}")]
pub struct Irreproducible {
    /// What is wrong with the change.
    pub why: Fault,
    /// Trust in what.
    pub key: Box<TrustKey>,
    /// Where it is said to have been seen.
    pub cause: Cause,
}

/// What is wrong with a change of trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// What was seen says nothing about the agent.
    #[error("what was seen says nothing about the agent, so nothing changes")]
    NoEvidence,
    /// The change does not begin where the last one ended.
    #[error("it does not begin where the change before it ended; one is missing, doubled or out of order")]
    Before,
    /// The change does not end where the formula ends.
    #[error("its result is not what the formula gives")]
    After,
}

#[cfg(test)]
mod attacks;

#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests;

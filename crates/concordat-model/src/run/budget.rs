//! What a run may still use up, and what it may hand on: authority only narrows on the way down.

use jiff::Timestamp;

use crate::contract::{Budget, ContractDocument, Governance, Priority};
use crate::money::Money;
use crate::name::DomainName;
use crate::run::Run;
use crate::run::event::{Allotment, Failure, Origin};
use crate::span::Span;

/// What a contract within a run may be at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mandate {
    governance: Governance,
    domain: Option<DomainName>,
    calls: Option<u32>,
    cost: Option<Money>,
    deadline: Option<Span>,
    priority: Priority,
}

impl Run {
    /// The calls that are left of the budget; none when calls are not bounded.
    #[must_use]
    pub fn calls_left(&self) -> Option<u32> {
        let lent: u32 = self.state.lent.values().filter_map(|loan| loan.allotted.calls).sum();
        let used = self.state.calls.saturating_add(lent);
        self.contract.spec().budget.calls.map(|calls| calls.saturating_sub(used))
    }

    /// The money that is left of the budget; none when it is not bounded.
    #[must_use]
    pub fn cost_left(&self) -> Option<Money> {
        let cost = self.contract.spec().budget.cost?;
        let in_it = |amounts: &std::collections::BTreeMap<String, u64>| {
            amounts.get(cost.currency()).copied().unwrap_or(0)
        };
        let lent: u64 = self.state.lent.values().map(|loan| in_it(&loan.allotted.cost)).sum();
        Some(cost.less(in_it(&self.state.spent).saturating_add(lent)))
    }

    /// What this run has used up, for the run that it was carried out within.
    #[must_use]
    pub fn used(&self) -> Allotment {
        Allotment { calls: Some(self.state.calls), cost: self.state.spent.clone() }
    }

    /// How deep the run lies within others; 0 for one that was submitted.
    #[must_use]
    pub fn depth(&self) -> u8 {
        match &self.state.origin {
            Origin::Nested { depth, .. } => *depth,
            Origin::Submitted | Origin::Retried { .. } | Origin::Triggered { .. } => 0,
        }
    }

    /// What a contract within this run may be at most, when `sharers` of them share what is left.
    #[must_use]
    pub fn mandate(&self, sharers: u32, now: Timestamp) -> Mandate {
        let spec = self.contract.spec();
        let left = self.state.deadline.map(|deadline| deadline.as_millisecond() - now.as_millisecond());
        let share = |calls: u32| calls.div_ceil(sharers.max(1));
        Mandate {
            governance: spec.governance.clone(),
            domain: spec.domain.clone(),
            calls: self.calls_left().map(share),
            cost: self.cost_left().map(|cost| cost.of(cost.micros() / u64::from(sharers.max(1)))),
            deadline: left.map(|left| Span::millis_within(u64::try_from(left).unwrap_or(0))),
            priority: spec.priority,
        }
    }
}

impl Mandate {
    /// The contract within these bounds: what it leaves open is taken from above, what it asks more is refused.
    ///
    /// # Errors
    /// What the contract asks that the one around it may not hand on.
    pub fn narrow(&self, mut contract: ContractDocument) -> Result<(ContractDocument, Allotment), Failure> {
        let spec = &mut contract.spec;
        spec.governance = self.governance(&spec.governance)?;
        spec.domain = match (&self.domain, spec.domain.take()) {
            (Some(outer), Some(inner)) if *outer != inner => {
                return Err(widened(&format!(
                    "its domain is `{inner}`, and that of the contract around it `{outer}`"
                )));
            }
            (outer, inner) => inner.or_else(|| outer.clone()),
        };
        spec.budget = self.budget(&spec.budget)?;
        spec.deadline = spec.deadline.into_iter().chain(self.deadline).min();
        if spec.priority == Priority::default() {
            spec.priority = self.priority;
        }
        let Budget { cost, calls } = &spec.budget;
        let cost = cost.iter().map(|cost| (cost.currency().to_owned(), cost.micros())).collect();
        let allotted = Allotment { calls: *calls, cost };
        Ok((contract, allotted))
    }

    /// A contract that says nothing of its governance has that of the one around it.
    fn governance(&self, inner: &Governance) -> Result<Governance, Failure> {
        if *inner == Governance::default() {
            return Ok(self.governance.clone());
        }
        if inner.risk > self.governance.risk {
            return Err(widened("its risk is higher than that of the contract around it"));
        }
        let more = inner.data_classes.iter().find(|class| !self.governance.data_classes.contains(class));
        if let Some(class) = more {
            return Err(widened(&format!(
                "it touches data ({class:?}) that the contract around it does not"
            )));
        }
        let mut governance = inner.clone();
        let kept = self.governance.compliance.iter().filter(|regime| !inner.compliance.contains(regime));
        governance.compliance.extend(kept.cloned());
        governance.reversible &= self.governance.reversible;
        Ok(governance)
    }

    fn budget(&self, inner: &Budget) -> Result<Budget, Failure> {
        let calls = inner.calls.into_iter().chain(self.calls).min();
        let cost = match (self.cost, inner.cost) {
            (Some(outer), Some(inner)) if outer.currency() != inner.currency() => {
                return Err(widened(&format!(
                    "its budget is in {}, and that of the contract around it in {}",
                    inner.currency(),
                    outer.currency()
                )));
            }
            (Some(outer), Some(inner)) => Some(outer.of(outer.micros().min(inner.micros()))),
            (outer, inner) => inner.or(outer),
        };
        if calls == Some(0) {
            let message = "the budget of the contract around it has no calls left".to_owned();
            return Err(Failure { code: "budget-spent".to_owned(), message, decision: None });
        }
        Ok(Budget { cost, calls })
    }
}

fn widened(why: &str) -> Failure {
    let message = format!("a contract within another may not ask for more than it: {why}");
    Failure { code: "authority-widened".to_owned(), message, decision: None }
}

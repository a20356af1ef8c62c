//! Legal holds: what must be kept, whatever else would have it forgotten.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{DecisionId, HoldId, RunId};
use crate::name::{PrincipalName, TenantName};

/// What is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Held {
    /// Everything of the organisation.
    Everything,
    /// A contract, with the contracts within it.
    Contract {
        /// Its run.
        run: RunId,
    },
}

/// What happened to a hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum HoldEvent {
    /// It was set.
    Set {
        /// The organisation.
        tenant: TenantName,
        /// What is held.
        held: Held,
        /// Why, in their words.
        reason: String,
        /// Who set it.
        by: PrincipalName,
        /// The access decision that let them.
        access: DecisionId,
    },
    /// It was released.
    Released {
        /// Why, in their words.
        reason: String,
        /// Who released it.
        by: PrincipalName,
        /// The access decision that let them.
        access: DecisionId,
    },
}

impl HoldEvent {
    /// The record type under which the event stands in the log.
    #[must_use]
    pub fn record_type(&self) -> &'static str {
        match self {
            HoldEvent::Set { .. } => "legal_hold.set",
            HoldEvent::Released { .. } => "legal_hold.released",
        }
    }
}

/// A hold that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Its id.
    pub id: HoldId,
    /// The organisation.
    pub tenant: TenantName,
    /// What is held.
    pub held: Held,
    /// Why, in the words of whoever set it.
    pub reason: String,
    /// Who set it.
    pub by: PrincipalName,
    /// Since when.
    pub since: Timestamp,
}

/// The holds that stand: a fold over what happened to holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holds(BTreeMap<HoldId, Hold>);

impl Holds {
    /// Folds one event.
    pub fn apply(&mut self, id: HoldId, event: &HoldEvent, at: Timestamp) {
        match event {
            HoldEvent::Set { tenant, held, reason, by, .. } => {
                let (tenant, reason, by) = (tenant.clone(), reason.clone(), by.clone());
                self.0.insert(id, Hold { id, tenant, held: *held, reason, by, since: at });
            }
            HoldEvent::Released { .. } => drop(self.0.remove(&id)),
        }
    }

    /// A hold by its id.
    #[must_use]
    pub fn get(&self, id: HoldId) -> Option<&Hold> {
        self.0.get(&id)
    }

    /// The holds of an organisation, oldest first.
    pub fn of(&self, tenant: &TenantName) -> impl Iterator<Item = &Hold> {
        self.0.values().filter(move |hold| hold.tenant == *tenant)
    }

    /// What keeps something of an organisation: `contracts` are the contract in question and those around it.
    #[must_use]
    pub fn keeps(&self, tenant: &TenantName, contracts: &[RunId]) -> Option<&Hold> {
        self.of(tenant).find(|hold| match hold.held {
            Held::Everything => true,
            Held::Contract { run } => contracts.contains(&run),
        })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_hold_keeps_what_it_names_until_it_is_released() {
        let (one, two) = (RunId::new(Uuid::from_u128(1)), RunId::new(Uuid::from_u128(2)));
        let (first, second) = (HoldId::new(Uuid::from_u128(3)), HoldId::new(Uuid::from_u128(4)));
        let (acme, other): (TenantName, TenantName) = ("acme".parse().unwrap(), "other".parse().unwrap());
        let (by, access) = ("eve".parse::<PrincipalName>().unwrap(), DecisionId::new(Uuid::nil()));
        let set = |held| HoldEvent::Set {
            tenant: acme.clone(),
            held,
            reason: "lawsuit".to_owned(),
            by: by.clone(),
            access,
        };
        let mut holds = Holds::default();
        holds.apply(first, &set(Held::Contract { run: one }), Timestamp::UNIX_EPOCH);
        let kept = |holds: &Holds, tenant, runs: &[RunId]| holds.keeps(tenant, runs).map(|hold| hold.id);
        assert_eq!(kept(&holds, &acme, &[two, one]), Some(first));
        assert_eq!((kept(&holds, &acme, &[two]), kept(&holds, &acme, &[])), (None, None));
        holds.apply(second, &set(Held::Everything), Timestamp::UNIX_EPOCH);
        assert_eq!((kept(&holds, &acme, &[]), kept(&holds, &other, &[one])), (Some(second), None));
        let released = HoldEvent::Released { reason: "settled".to_owned(), by, access };
        for id in [first, second] {
            assert!(holds.get(id).is_some());
            holds.apply(id, &released, Timestamp::UNIX_EPOCH);
        }
        assert_eq!(holds, Holds::default());
    }
}

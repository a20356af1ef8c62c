//! Which policy is in force, as a fold over what was done to its revisions.
//!
//! ```text
//!              publish            promote                promote
//!   a folder ──────────► off ───────────────► on trial ───────────────► enforced
//!             (refused)   ▲   shadow, canary     │                         │
//!                         └──── withdrawn ───────┘       rolled back ◄─────┘
//! ```
//!
//! One revision is enforced, and at most one is on trial beside it. What a revision on trial may do is its
//! [`Stage`]: in shadow it is asked about everything and decides nothing; as a canary it decides a share of the
//! contracts, always the same ones.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::id::DecisionId;
use crate::name::PrincipalName;
use crate::share::Share;

/// What a revision may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "stage", rename_all = "snake_case", deny_unknown_fields)]
pub enum Stage {
    /// Nothing: it is only kept.
    Off,
    /// It is asked about everything, and decides nothing.
    Shadow,
    /// It decides a share of the contracts, always the same ones.
    Canary {
        /// How large the share is.
        share: Share,
    },
    /// It decides.
    Enforced,
}

impl Stage {
    /// The stage's name in Rego, the API and the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Off => "off",
            Stage::Shadow => "shadow",
            Stage::Canary { .. } => "canary",
            Stage::Enforced => "enforced",
        }
    }
}

/// Something that was done to the policies of an installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum PolicyEvent {
    /// A revision came with the program or its operator's folder, and is in force from now on.
    Installed {
        /// The revision: the digest of its bundle, which is stored under it.
        revision: Digest,
        /// How many tests it has.
        tests: u32,
    },
    /// A revision passed the gate that every bundle passes, and is kept.
    Published {
        /// The revision: the digest of its bundle, which is stored under it.
        revision: Digest,
        /// What its author calls it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<String>,
        /// Who sent it: they answer for it.
        author: PrincipalName,
        /// How many of its tests there are; all of them hold.
        tests: u32,
        /// How many warnings it was published with.
        warnings: u32,
        /// The access decision that let them.
        access: DecisionId,
    },
    /// A bundle did not pass.
    Refused {
        /// The digest of what was sent.
        sent: Digest,
        /// Who sent it.
        author: PrincipalName,
        /// The first thing wrong, with its place.
        first: String,
        /// How many things are wrong.
        errors: u32,
        /// The access decision that let them send it.
        access: DecisionId,
    },
    /// Somebody saw what a revision would have changed.
    ImpactSeen {
        /// The revision.
        revision: Digest,
        /// What it saw.
        impact: Impact,
        /// The access decision that let them.
        access: DecisionId,
    },
    /// A revision goes to another stage, as the promote gate permits.
    Promoted {
        /// The revision.
        revision: Digest,
        /// What it may do from now on.
        to: Stage,
        /// Who wants it so.
        by: PrincipalName,
        /// Why.
        reason: String,
        /// Until when, if the usual proofs were passed over; then what was in force before comes back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        break_glass: Option<Timestamp>,
        /// The share of decisions in which a canary may differ before it is taken back; none for the usual one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        most_differ: Option<Share>,
        /// The promote gate's decision.
        decision: DecisionId,
    },
    /// A revision on trial is taken back: it is off.
    Withdrawn {
        /// The revision.
        revision: Digest,
        /// Why.
        cause: Withdrawal,
    },
    /// What was in force before comes back.
    RolledBack {
        /// The revision that is taken back: it is off.
        revision: Digest,
        /// The revision that is in force again.
        to: Digest,
        /// Why.
        cause: Withdrawal,
    },
}

/// What a revision would have decided otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Impact {
    /// The revision that was in force when it was seen.
    pub against: Digest,
    /// Who saw it.
    pub by: PrincipalName,
    /// How many decisions were looked at.
    pub decisions: u64,
    /// How many of them could be asked again.
    pub replayed: u64,
    /// How many would have been other ones.
    pub differ: u64,
}

/// Why a revision was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "cause", rename_all = "snake_case", deny_unknown_fields)]
pub enum Withdrawal {
    /// Somebody wanted it.
    Person {
        /// Who.
        by: PrincipalName,
        /// Why.
        reason: String,
        /// The access decision that let them.
        access: DecisionId,
    },
    /// It would have decided too much otherwise.
    Disagreed {
        /// How often both were asked.
        asked: u64,
        /// How often they differed.
        differed: u64,
    },
    /// It failed too often.
    Failed {
        /// How often it was asked.
        asked: u64,
        /// How often it gave no answer of its own.
        failed: u64,
    },
    /// Nobody confirmed in time what was brought into force without the usual proofs.
    Expired,
}

impl PolicyEvent {
    /// The record type under which the event stands in the log.
    #[must_use]
    pub fn record_type(&self) -> &'static str {
        match self {
            PolicyEvent::Installed { .. } => "policy.installed",
            PolicyEvent::Published { .. } => "policy.published",
            PolicyEvent::Refused { .. } => "policy.refused",
            PolicyEvent::ImpactSeen { .. } => "policy.impact_seen",
            PolicyEvent::Promoted { .. } => "policy.promoted",
            PolicyEvent::Withdrawn { .. } => "policy.withdrawn",
            PolicyEvent::RolledBack { .. } => "policy.rolled_back",
        }
    }
}

/// One revision, and how it came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// The digest of its bundle.
    pub revision: Digest,
    /// What its author calls it.
    pub label: Option<String>,
    /// Who sent it; none for what came with the program.
    pub author: Option<PrincipalName>,
    /// When it was first kept.
    pub since: Timestamp,
    /// How many of its tests there are.
    pub tests: u32,
    /// How many warnings it was published with.
    pub warnings: u32,
    /// What somebody saw that it would have changed, and when: the newest.
    pub impact: Option<(Impact, Timestamp)>,
}

/// A revision in a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The revision.
    pub revision: Digest,
    /// What it may do.
    pub stage: Stage,
    /// Since when.
    pub since: Timestamp,
    /// Until when, if the usual proofs were passed over.
    pub expires: Option<Timestamp>,
    /// The share of decisions in which it may differ before it is taken back; none for the usual one.
    pub most_differ: Option<Share>,
}

/// Every revision of an installation, and what each may do.
#[derive(Debug, Clone, Default)]
pub struct PolicyBook {
    revisions: BTreeMap<Digest, Revision>,
    /// What is enforced, newest last; what is rolled back is taken off.
    enforced: Vec<Standing>,
    trial: Option<Standing>,
}

/// The most revisions that a rollback can go back over.
const MOST_BACK: usize = 16;

impl PolicyBook {
    /// Folds one event. Events of unknown revisions change nothing.
    pub fn apply(&mut self, event: &PolicyEvent, at: Timestamp) {
        match event {
            PolicyEvent::Installed { revision, tests } => {
                self.keep(*revision, None, None, at).tests = *tests;
                self.enforce(*revision, None, at);
            }
            PolicyEvent::Published { revision, label, author, tests, warnings, .. } => {
                let kept = self.keep(*revision, label.clone(), Some(author.clone()), at);
                (kept.tests, kept.warnings) = (*tests, *warnings);
            }
            PolicyEvent::Refused { .. } => {}
            PolicyEvent::ImpactSeen { revision, impact, .. } => {
                if let Some(kept) = self.revisions.get_mut(revision) {
                    kept.impact = Some((impact.clone(), at));
                }
            }
            PolicyEvent::Promoted { revision, to, break_glass, most_differ, .. } => {
                self.trial = self.trial.take().filter(|trial| trial.revision != *revision);
                match to {
                    Stage::Off => {}
                    Stage::Shadow | Stage::Canary { .. } => {
                        let (revision, stage) = (*revision, *to);
                        let (expires, most_differ) = (*break_glass, *most_differ);
                        self.trial = Some(Standing { revision, stage, since: at, expires, most_differ });
                    }
                    Stage::Enforced => self.enforce(*revision, *break_glass, at),
                }
            }
            PolicyEvent::Withdrawn { revision, .. } => {
                self.trial = self.trial.take().filter(|trial| trial.revision != *revision);
            }
            PolicyEvent::RolledBack { revision, to, .. } => {
                self.enforced.retain(|standing| standing.revision != *revision);
                self.enforce(*to, None, at);
            }
        }
    }

    fn keep(
        &mut self,
        revision: Digest,
        label: Option<String>,
        author: Option<PrincipalName>,
        since: Timestamp,
    ) -> &mut Revision {
        let new = Revision { revision, label, author, since, tests: 0, warnings: 0, impact: None };
        self.revisions.entry(revision).or_insert(new)
    }

    /// Confirming what is in force keeps its place; what comes into force again stands only once.
    fn enforce(&mut self, revision: Digest, expires: Option<Timestamp>, since: Timestamp) {
        self.enforced.retain(|standing| standing.revision != revision);
        let stage = Stage::Enforced;
        self.enforced.push(Standing { revision, stage, since, expires, most_differ: None });
        if self.enforced.len() > MOST_BACK {
            self.enforced.remove(0);
        }
    }

    /// Every revision, by digest.
    pub fn revisions(&self) -> impl Iterator<Item = &Revision> {
        self.revisions.values()
    }

    /// One revision.
    #[must_use]
    pub fn revision(&self, revision: &Digest) -> Option<&Revision> {
        self.revisions.get(revision)
    }

    /// What is in force; none before anything was installed.
    #[must_use]
    pub fn enforced(&self) -> Option<&Standing> {
        self.enforced.last()
    }

    /// What was in force before.
    #[must_use]
    pub fn before(&self) -> Option<&Standing> {
        self.enforced.iter().rev().nth(1)
    }

    /// What is on trial.
    #[must_use]
    pub fn trial(&self) -> Option<&Standing> {
        self.trial.as_ref()
    }

    /// What a revision may do.
    #[must_use]
    pub fn stage(&self, revision: &Digest) -> Stage {
        let enforced = self.enforced().filter(|standing| standing.revision == *revision);
        let trial = self.trial().filter(|standing| standing.revision == *revision);
        enforced.or(trial).map_or(Stage::Off, |standing| standing.stage)
    }
}

#[cfg(test)]
mod tests;

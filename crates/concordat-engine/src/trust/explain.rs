//! Why an agent is trusted so far, and whether the log says the same.

use std::collections::BTreeMap;

use concordat_model::contract::Risk;
use concordat_model::id::AgentId;
use concordat_model::name::{DomainName, SkillName};
use concordat_model::share::Share;
use concordat_model::trust::{Counts, Dimension, Drift, Formula, Trials, TrustChanged, TrustKey, TrustView};
use jiff::Timestamp;

use super::conflict;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::ports::RecordFilter;
use crate::reading::Pages;
use crate::world::World;

/// The most changes that an explanation names.
const MOST_CHANGES: usize = 10;

/// Why an agent is trusted so far with a skill in a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// In what.
    pub key: TrustKey,
    /// What policy is told, by how much is at stake.
    pub views: Vec<(Risk, TrustView)>,
    /// What it is made of, one line a dimension.
    pub sides: Vec<Side>,
    /// How the agents of the domain do.
    pub drift: Drift,
    /// What agents without proof got of the domain's low-risk work.
    pub trials: Trials,
    /// Since when nothing is learnt, if so.
    pub frozen: Option<Timestamp>,
    /// The last changes, newest first, with the index of their records.
    pub changes: Vec<(u64, TrustChanged)>,
}

/// One dimension of trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side {
    /// Which one.
    pub dimension: Dimension,
    /// How much it weighs.
    pub weight: Share,
    /// What was seen, as it has faded by now.
    pub seen: Counts,
    /// What is presumed before anything is seen.
    pub presumed: Counts,
    /// With 95 % certainty the share of good outcomes is at least this.
    pub lower_bound: Share,
}

/// Whether trust comes out the same when it is computed again from the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustReplayed {
    /// How many changes were computed again.
    pub changes: u64,
    /// What is wrong, if anything is.
    pub fault: Option<String>,
}

impl Engine {
    /// Why an agent is trusted so far, in everything that it did, or in one skill or domain.
    ///
    /// # Errors
    /// There is no such agent, or the log cannot be read.
    pub async fn explain_trust(
        &self,
        agent: &str,
        skill: Option<&SkillName>,
        domain: Option<&DomainName>,
    ) -> Result<Vec<Explained>, EngineError> {
        let found = self.agent(agent)?;
        let mut explained = {
            let now = self.core.clock.now();
            let world = self.core.world.read();
            let mut keys: Vec<TrustKey> =
                world.trust.of_agent(found.id).map(|(key, _)| key.clone()).collect();
            if let (Some(skill), Some(domain)) = (skill, domain) {
                let (skill, domain) = (skill.clone(), domain.clone());
                let asked = TrustKey { agent: found.id, revision: found.revision, domain, skill };
                if !keys.contains(&asked) {
                    keys.push(asked);
                }
            }
            keys.retain(|key| {
                skill.is_none_or(|skill| key.skill == *skill)
                    && domain.is_none_or(|domain| key.domain == *domain)
            });
            keys.into_iter().map(|key| explained(&world, key, now)).collect::<Vec<_>>()
        };
        let mut changes = self.changes_of(found.id).await?;
        for one in &mut explained {
            one.changes = changes.remove(&one.key).unwrap_or_default();
            one.changes.reverse();
            one.changes.truncate(MOST_CHANGES);
        }
        Ok(explained)
    }

    /// Every change of trust in an agent, oldest first, by what it is in.
    async fn changes_of(
        &self,
        agent: AgentId,
    ) -> Result<BTreeMap<TrustKey, Vec<(u64, TrustChanged)>>, EngineError> {
        let filter = RecordFilter {
            subject: Some(agent.to_string()),
            types: vec!["trust.changed".to_owned()],
            ..Default::default()
        };
        let mut changes: BTreeMap<TrustKey, Vec<(u64, TrustChanged)>> = BTreeMap::new();
        let mut pages = Pages::of(&*self.core.store, filter);
        while let Some(page) = pages.more().await? {
            for stored in &page {
                let change: TrustChanged = stored.read()?;
                let known = changes.entry(change.key.clone()).or_default();
                known.push((stored.index, change));
                // Only the newest are told.
                if known.len() > 2 * MOST_CHANGES {
                    known.drain(..MOST_CHANGES);
                }
            }
        }
        Ok(changes)
    }

    /// Computes all trust again from the log, and compares it bit for bit with what is decided by.
    ///
    /// # Errors
    /// The log cannot be read.
    pub async fn replay_trust(&self) -> Result<TrustReplayed, EngineError> {
        // Work may go on meanwhile; what was computed is then older than what it is compared with.
        for _ in 0..3 {
            let mut again = match World::load(&*self.core.store).await {
                Ok(world) => world.trust,
                Err(EngineError::Log { index, why }) => {
                    return Ok(TrustReplayed { changes: 0, fault: Some(format!("at index {index}: {why}")) });
                }
                Err(error) => return Err(error),
            };
            let world = self.core.world.read();
            again.freeze(None);
            again.freeze(world.trust.frozen());
            let changes = again.changes();
            if again == world.trust {
                return Ok(TrustReplayed { changes, fault: None });
            }
            if changes == world.trust.changes() {
                let fault = "what is decided by is not what the log says".to_owned();
                return Ok(TrustReplayed { changes, fault: Some(fault) });
            }
        }
        Err(conflict(
            "trust changes faster than it can be computed again: try it in a quieter moment".to_owned(),
        ))
    }
}

fn explained(world: &World, key: TrustKey, now: Timestamp) -> Explained {
    let book = &world.trust;
    let risks = [Risk::Low, Risk::Medium, Risk::High, Risk::Critical];
    let views = risks.map(|risk| (risk, book.view_at(&key, risk, now))).to_vec();
    let until = book.frozen().map_or(now, |frozen| frozen.min(now));
    let prior = book.prior(&key, Risk::Low, until);
    let belief = book.state(&key).belief(&prior, until);
    let side = |dimension: &Dimension| {
        let (all, presumed) = (belief.along(*dimension), prior.along(*dimension));
        let seen = Counts {
            good: all.good.saturating_sub(presumed.good),
            bad: all.bad.saturating_sub(presumed.bad),
        };
        let weight = Share::of(dimension.weight(Formula::Beta2));
        Side { dimension: *dimension, weight, seen, presumed, lower_bound: all.lower_bound() }
    };
    let sides = Dimension::ALL.iter().map(side).collect();
    let (drift, trials) = (book.drift(&key.domain), book.trials(&key.domain));
    Explained { key, views, sides, drift, trials, frozen: book.frozen(), changes: Vec::new() }
}

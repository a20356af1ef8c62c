//! Retention: what is older than it is to be kept is forgotten.

use concordat_model::id::{DecisionId, EventId, RecordId, RunId};
use concordat_model::name::{PrincipalName, TenantName};
use concordat_model::problem::Problem;
use concordat_policy::input::Action;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::belongings::Belongings;
use super::{AT_ONCE, PRUNED, contents};
use crate::engine::{Caller, Engine};
use crate::error::EngineError;
use crate::ports::{OwnerFilter, Page};

/// How long contents are kept at least: half a year, as the EU AI Act wants of logs (articles 19 and 26(6)).
pub const RETENTION_FLOOR: SignedDuration = SignedDuration::from_hours(180 * 24);

/// Kinds of contents, each with a time of its own for which it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentKind {
    /// What contracts were given and gave, and what was asked about them.
    Contracts,
    /// What events said.
    Events,
    /// What was asked and answered behind OPA's doors.
    Decisions,
}

impl ContentKind {
    /// Ids of this kind that were made before a moment lie between these two.
    fn between(self, before: Timestamp) -> (String, String) {
        let millis = u64::try_from(before.as_millisecond()).unwrap_or(0);
        let [first, last] = [0, millis].map(|millis| {
            let uuid = Uuid::from_u128(u128::from(millis) << 80);
            match self {
                ContentKind::Contracts => RunId::new(uuid).to_string(),
                ContentKind::Events => EventId::new(uuid).to_string(),
                ContentKind::Decisions => DecisionId::new(uuid).to_string(),
            }
        });
        (first, last)
    }
}

/// What is to be forgotten for its age.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prune {
    /// Which kind.
    pub kind: ContentKind,
    /// What is over since before this moment.
    pub before: Timestamp,
    /// Why it is forgotten sooner than the floor allows, if it is.
    pub below_floor: Option<String>,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruned {
    /// How many contracts, events or decisions were forgotten.
    pub forgotten: u64,
    /// How many payloads they had.
    pub payloads: u64,
    /// How many were kept since they are held.
    pub held: u64,
    /// How many were kept since they lie within something that is not over.
    pub open: u64,
    /// The records that say so.
    pub records: Vec<RecordId>,
}

/// What the log keeps of it.
#[derive(Serialize)]
struct RetentionPruned<'a> {
    tenant: &'a TenantName,
    kind: ContentKind,
    before: Timestamp,
    owners: Vec<&'a str>,
    payloads: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    below_floor: Option<&'a str>,
    by: &'a PrincipalName,
    access: DecisionId,
}

impl Engine {
    /// Has everything forgotten that is older than it is to be kept, but for what is held. When this returns, it is gone.
    ///
    /// # Errors
    /// It would be forgotten sooner than the floor allows and nobody says why, the caller may not, or it cannot be
    /// recorded.
    pub async fn prune(&self, caller: &Caller, wanted: &Prune) -> Result<Pruned, EngineError> {
        let core = &self.core;
        core.running()?;
        floor(wanted, core.clock.now())?;
        let access = self.permit(caller, Action::ContentsPrune, contents(caller)).await?;
        let tenant = &caller.principal.tenant;
        let mut filter = OwnerFilter {
            tenant: tenant.clone(),
            subject: None,
            between: wanted.kind.between(wanted.before),
            ended_before: Some(wanted.before),
        };
        let mut pruned = Pruned::default();
        let most = Page::of(u32::try_from(AT_ONCE).unwrap_or(u32::MAX));
        loop {
            let owners = core.store.owners(&filter, most).await?;
            let Some(last) = owners.last() else { return Ok(pruned) };
            filter.between.0.clone_from(last);
            let _nobody_holds = core.forgetting.lock().await;
            let some = self.too_old(&owners, &mut pruned).await?;
            if some.is_empty() {
                continue;
            }
            let told = RetentionPruned {
                tenant,
                kind: wanted.kind,
                before: wanted.before,
                owners: some.iter().map(|one| one.owner.as_str()).collect(),
                payloads: some.iter().map(|one| one.payloads.len()).sum(),
                below_floor: wanted.below_floor.as_deref(),
                by: &caller.principal.name,
                access: access.decision.id,
            };
            pruned.records.push(self.forget(PRUNED, &access, &told, &some, pruned.records.len()).await?);
            pruned.forgotten += some.len() as u64;
            pruned.payloads += told.payloads as u64;
        }
    }

    /// Those that may be forgotten; the others are counted.
    async fn too_old(&self, owners: &[String], pruned: &mut Pruned) -> Result<Vec<Belongings>, EngineError> {
        let store = &*self.core.store;
        let mut some = Vec::with_capacity(owners.len());
        for owner in owners {
            let Some(found) = Belongings::of(store, owner).await? else { continue };
            let around = found.around(store).await?;
            if around.open.is_some() {
                pruned.open += 1;
            } else if self.core.world.read().holds.keeps(&found.tenant, &around.contracts).is_some() {
                pruned.held += 1;
            } else {
                some.push(found);
            }
        }
        Ok(some)
    }
}

fn floor(wanted: &Prune, now: Timestamp) -> Result<(), EngineError> {
    let oldest = now.checked_sub(RETENTION_FLOOR).unwrap_or(Timestamp::MIN);
    if wanted.before <= oldest || wanted.below_floor.is_some() {
        return Ok(());
    }
    let message = format!("contents are kept for at least {} days", RETENTION_FLOOR.as_hours() / 24);
    let hint = "name an earlier moment, or say why it must be sooner (`belowFloor`), which is recorded";
    Err(EngineError::Invalid(Problem::new("retention-floor", "/before", message).hint(hint).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_a_kind_lie_between_the_bounds_until_their_time() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let made = |second: u64| {
            RunId::new(Uuid::from_u128(u128::from(second * 1000) << 80 | 0x7fff << 64 | 5)).to_string()
        };
        let (first, last) = ContentKind::Contracts.between(at(1_800_000_000));
        assert!(first < made(1) && made(1) < last);
        assert!(made(1_799_999_999) < last && last < made(1_800_000_000));
        assert!(ContentKind::Events.between(at(1)).0.starts_with("evt_"));
    }

    #[test]
    fn below_the_floor_somebody_says_why() {
        let now: Timestamp = "2026-07-01T00:00:00Z".parse().unwrap();
        let prune = |before: &str, why: Option<&str>| Prune {
            kind: ContentKind::Contracts,
            before: before.parse().unwrap(),
            below_floor: why.map(str::to_owned),
        };
        assert!(floor(&prune("2026-01-01T00:00:00Z", None), now).is_ok());
        let told = floor(&prune("2026-02-01T00:00:00Z", None), now).unwrap_err().to_string();
        assert!(told.contains("at least 180 days"), "{told}");
        assert!(floor(&prune("2026-02-01T00:00:00Z", Some("test data")), now).is_ok());
    }
}

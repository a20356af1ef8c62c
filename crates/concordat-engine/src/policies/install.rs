//! What is in force when the engine starts.
//!
//! An installation begins with the policy that its operator starts it with. Once somebody has promoted a published
//! revision, that one stays in force through starts and new versions of the program, until people promote another;
//! only who keeps the machine can set it aside, and the log says so.

use std::sync::Arc;

use concordat_model::digest::Digest;
use concordat_model::policy_book::PolicyEvent;
use concordat_policy::{Panel, Policy, Trial, testing};
use tokio::sync::mpsc;

use super::tally::TakeBack;
use super::{POLICY, Policies, load, share};
use crate::core::Core;
use crate::error::EngineError;
use crate::ports::{Change, Store};
use crate::scribe::Place;
use crate::world::World;

/// What the engine begins with.
pub(crate) struct Installed {
    pub(crate) policies: Policies,
    /// What is recorded about it, with the bundle.
    pub(crate) event: Option<(PolicyEvent, Vec<u8>)>,
    /// What is to be taken back, for the task that does it.
    pub(crate) back: mpsc::UnboundedReceiver<TakeBack>,
}

/// Loads what the log says is in force, or installs the house's own policy. `anew` sets aside what was promoted.
pub(crate) async fn install(
    store: &dyn Store,
    world: &mut World,
    house: Policy,
    anew: bool,
    now: jiff::Timestamp,
) -> Result<Installed, EngineError> {
    let (sender, back) = mpsc::unbounded_channel();
    let house = Arc::new(house);
    let stays = stays(world, house.revision(), anew);
    let enforced = match stays {
        Some(revision) if revision != house.revision() => load(store, revision).await?,
        Some(_) | None => house.clone(),
    };
    let mut event = None;
    if stays.is_none() {
        let installed = PolicyEvent::Installed { revision: house.revision(), tests: tests(&house).await };
        world.policies.apply(&installed, now);
        event = Some((installed, house.bundle().document()));
    }
    if enforced.revision() != house.revision() {
        tracing::info!(
            revision = %enforced.revision(),
            "the policy in force is the one that was promoted last, not the one this program came with"
        );
    }
    let trial = match world.policies.trial() {
        None => None,
        Some(standing) => match load(store, standing.revision).await {
            Ok(policy) => Some(Trial { policy, share: share(standing.stage) }),
            Err(error) => {
                // A trial is not worth a start that fails; the next promotion puts it right.
                tracing::error!(%error, "the revision on trial cannot be loaded: {error}");
                None
            }
        },
    };
    let panel = Panel::of(enforced).with_trial(trial);
    Ok(Installed { policies: Policies::new(panel, &world.policies, sender), event, back })
}

async fn tests(house: &Arc<Policy>) -> u32 {
    let house = house.clone();
    let counting = tokio::task::spawn_blocking(move || testing::count(house.bundle())).await;
    u32::try_from(counting.unwrap_or(0)).unwrap_or(u32::MAX)
}

/// The revision that stays in force, unless the house's own is to be installed.
fn stays(world: &World, house: Digest, anew: bool) -> Option<Digest> {
    let standing = world.policies.enforced()?;
    let promoted = world.policies.revision(&standing.revision).is_some_and(|kept| kept.author.is_some());
    (standing.revision == house || (promoted && !anew)).then_some(standing.revision)
}

impl Core {
    /// Records that the house's own policy is in force from now on, with its bundle.
    pub(crate) async fn record_install(
        &self,
        event: &PolicyEvent,
        bundle: Vec<u8>,
        at: jiff::Timestamp,
    ) -> Result<(), EngineError> {
        let commit = {
            let mut world = self.world.write();
            let place = Place { subject: POLICY, seq: world.take_seq(POLICY), at };
            let records = vec![self.scribe.seal(&*self.clock, event.record_type(), place, event)?];
            let revision = self.policies.panel().enforced().revision();
            self.store.commit(Change { records, payloads: vec![(revision, bundle)], ..Change::default() })
        };
        self.durable(commit).await.map(drop)
    }
}

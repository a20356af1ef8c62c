//! The policies of an installation: which is in force, which is on trial, and how they come there and go.
//!
//! A revision is a bundle under its digest. What happens to revisions is in the log and folds into
//! [`PolicyBook`]; what is loaded from it is the [`Panel`], which runs ask. Nothing here permits anything: who may
//! change policies is for the `access` gate to say, and whether a revision may come into force for `promote`.
//!
//! ```text
//!   publish ─► inspected ─► kept ─► impact seen ─► promoted: shadow, canary, enforced
//!                 └► refused                          └► taken back: by people, by itself, by time
//! ```

mod change;
mod impact;
mod inspect;
mod install;
mod tally;

use std::num::NonZeroUsize;
use std::sync::Arc;

use concordat_model::decision::Decision;
use concordat_model::digest::Digest;
use concordat_model::policy_book::{PolicyBook, Revision, Stage, Standing};
use concordat_model::share::Share;
use concordat_policy::input::{Action, Resource, ResourceKind};
use concordat_policy::{Bundle, Panel, Policy};
use lru::LruCache;
use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, mpsc};

use crate::core::Core;
use crate::engine::{Caller, Engine};
use crate::error::EngineError;
use crate::ports::Store;

use self::tally::{TakeBack, Tallies};

pub use self::change::{Promotion, PublishedPolicy};
pub(crate) use self::impact::replay;
pub use self::impact::{Flip, ImpactReport, ImpactWanted, NotReplayable};
pub use self::inspect::{Inspect, Inspecting, inspect_here};
pub(crate) use self::install::{Installed, install};
pub use self::tally::Tally;

/// The subject under which policies stand in the log.
pub(crate) const POLICY: &str = "policy";

/// The share of decisions in which a canary may differ, unless its promoter says otherwise.
const MOST_DIFFER: f64 = 0.10;

/// The revisions that are kept loaded for asking again, besides those on the panel.
const KEPT_LOADED: NonZeroUsize = NonZeroUsize::new(8).unwrap();

/// Who is asked, and how they have done.
pub(crate) struct Policies {
    panel: RwLock<Arc<Panel>>,
    tallies: Mutex<Tallies>,
    loaded: Mutex<LruCache<Digest, Arc<Policy>>>,
    /// What is to be taken back, for the task that does it.
    back: mpsc::UnboundedSender<TakeBack>,
    /// Rung when something expires at another time than before.
    expiry: Notify,
    /// Held by whoever changes policies, from the question whether they may until it is done.
    changing: tokio::sync::Mutex<()>,
}

/// A revision as others see it.
#[derive(Debug, Clone)]
pub struct RevisionView {
    /// The revision.
    pub revision: Revision,
    /// What it may do.
    pub stage: Stage,
    /// Since when, and until when, if it is in force or on trial.
    pub standing: Option<Standing>,
    /// How its trial goes, if it is on trial.
    pub tally: Option<Tally>,
}

impl Policies {
    fn new(panel: Panel, book: &PolicyBook, back: mpsc::UnboundedSender<TakeBack>) -> Policies {
        let policies = Policies {
            panel: RwLock::new(Arc::new(panel)),
            tallies: Mutex::default(),
            loaded: Mutex::new(LruCache::new(KEPT_LOADED)),
            back,
            expiry: Notify::new(),
            changing: tokio::sync::Mutex::new(()),
        };
        policies.count(book);
        policies
    }

    /// Who is asked at this moment.
    pub(crate) fn panel(&self) -> Arc<Panel> {
        self.panel.read().clone()
    }

    /// Notes how a decision went, for those that are counted.
    pub(crate) fn note(&self, decision: &Decision) {
        if let Some(back) = self.tallies.lock().note(decision) {
            // Nobody listens only when the engine is gone.
            let _ = self.back.send(back);
        }
    }

    /// Counts for those that the book names.
    fn count(&self, book: &PolicyBook) {
        let trial = book.trial().map(|trial| (trial.revision, most_differ(trial)));
        if let Some(enforced) = book.enforced() {
            self.tallies.lock().count(enforced.revision, trial);
        }
    }
}

/// How much a revision on trial may differ before it is taken back: in shadow it does no harm.
fn most_differ(trial: &Standing) -> Option<Share> {
    match trial.stage {
        Stage::Canary { .. } => Some(trial.most_differ.unwrap_or_else(|| Share::of(MOST_DIFFER))),
        Stage::Off | Stage::Shadow | Stage::Enforced => None,
    }
}

/// The share of contracts that a stage decides beside the policy in force.
fn share(stage: Stage) -> Share {
    match stage {
        Stage::Canary { share } => share,
        Stage::Off | Stage::Shadow | Stage::Enforced => Share::ZERO,
    }
}

/// Loads a revision from the store.
async fn load(store: &dyn Store, revision: Digest) -> Result<Arc<Policy>, EngineError> {
    let odd = |why: String| EngineError::PayloadOdd { digest: revision, why };
    let document = store.payload(&revision).await?.ok_or(EngineError::PayloadMissing(revision))?;
    let bundle = Bundle::from_document(&document).map_err(|error| odd(error.to_string()))?;
    let loading = tokio::task::spawn_blocking(move || Policy::load(&bundle)).await;
    let loaded = loading.map_err(|error| odd(error.to_string()))?;
    loaded.map(Arc::new).map_err(|error| odd(error.to_string()))
}

fn resource(revision: Option<&Digest>) -> Resource {
    let id = revision.map(ToString::to_string);
    Resource { kind: ResourceKind::Policy, id, tenant: None, submitter: None, gate: None }
}

fn unknown(revision: &Digest) -> EngineError {
    EngineError::NotFound { what: "policy revision", id: revision.to_string() }
}

impl Core {
    /// A revision, loaded: from the panel, from among those used lately, or from the store.
    pub(crate) async fn revision(&self, revision: Digest) -> Result<Arc<Policy>, EngineError> {
        let panel = self.policies.panel();
        let on_panel = [Some(panel.enforced()), panel.trial().map(|trial| &trial.policy)];
        if let Some(found) = on_panel.into_iter().flatten().find(|policy| policy.revision() == revision) {
            return Ok(found.clone());
        }
        if let Some(found) = self.policies.loaded.lock().get(&revision) {
            return Ok(found.clone());
        }
        let loaded = load(&*self.store, revision).await?;
        self.policies.loaded.lock().put(revision, loaded.clone());
        Ok(loaded)
    }
}

impl Engine {
    /// The revision of the policy in force.
    #[must_use]
    pub fn policy_revision(&self) -> Digest {
        self.core.policies.panel().enforced().revision()
    }

    /// Every revision, newest first.
    ///
    /// # Errors
    /// The caller may not see them.
    pub async fn policy_revisions(&self, caller: &Caller) -> Result<Vec<RevisionView>, EngineError> {
        self.permit(caller, Action::PolicyRead, resource(None)).await?;
        let mut all: Vec<RevisionView> = {
            let world = self.core.world.read();
            world.policies.revisions().map(|revision| self.view(&world.policies, revision)).collect()
        };
        all.sort_by_key(|view| std::cmp::Reverse(view.revision.since));
        Ok(all)
    }

    /// One revision, with its bundle.
    ///
    /// # Errors
    /// There is none, or the caller may not see it.
    pub async fn policy_bundle(
        &self,
        caller: &Caller,
        revision: Digest,
    ) -> Result<(RevisionView, Bundle), EngineError> {
        self.permit(caller, Action::PolicyRead, resource(Some(&revision))).await?;
        let view = self.revision_view(&revision)?;
        let bundle = self.core.revision(revision).await?.bundle().clone();
        Ok((view, bundle))
    }

    fn revision_view(&self, revision: &Digest) -> Result<RevisionView, EngineError> {
        let world = self.core.world.read();
        let found = world.policies.revision(revision).ok_or_else(|| unknown(revision))?;
        Ok(self.view(&world.policies, found))
    }

    fn view(&self, book: &PolicyBook, revision: &Revision) -> RevisionView {
        let stage = book.stage(&revision.revision);
        let of = |standing: &&Standing| standing.revision == revision.revision;
        let trial = book.trial().filter(of);
        let tally = trial.and_then(|_| self.core.policies.tallies.lock().of_trial());
        let standing = book.enforced().filter(of).or(trial).cloned();
        RevisionView { revision: revision.clone(), stage, standing, tally }
    }
}

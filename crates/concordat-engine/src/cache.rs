//! Results that may be used again, where a contract allows it: in memory, and gone with the process.
//!
//! A hit saves the call, never a decision: the dispatch gate has permitted the agent, and the release gate is asked
//! about the old result as it would be about a new one. Organisations share nothing.

use std::num::NonZeroUsize;
use std::sync::Arc;

use concordat_model::digest::Digest;
use concordat_model::id::{AgentId, RunId};
use concordat_model::name::{SkillName, TenantName};
use jiff::Timestamp;
use lru::LruCache;
use parking_lot::Mutex;
use serde_json::Value;

/// What a result depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct CacheKey {
    pub(crate) tenant: TenantName,
    pub(crate) revision: Digest,
    pub(crate) skill: SkillName,
    pub(crate) params: Digest,
}

/// A result, and where it comes from.
#[derive(Debug, Clone)]
pub(crate) struct Cached {
    pub(crate) agent: AgentId,
    pub(crate) output: Arc<Value>,
    pub(crate) from: RunId,
    pub(crate) at: Timestamp,
}

/// The most results that are kept; the least used go first.
const MOST: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// The results that are kept.
pub(crate) struct Cache(Mutex<LruCache<CacheKey, Cached>>);

impl Default for Cache {
    fn default() -> Cache {
        Cache(Mutex::new(LruCache::new(MOST)))
    }
}

impl Cache {
    pub(crate) fn keep(&self, key: CacheKey, cached: Cached) {
        self.0.lock().put(key, cached);
    }

    /// Forgets the results of a run.
    pub(crate) fn forget(&self, run: RunId) {
        let mut cache = self.0.lock();
        let of_run = cache.iter().filter(|(_, cached)| cached.from == run).map(|(key, _)| key.clone());
        let keys: Vec<CacheKey> = of_run.collect();
        keys.iter().for_each(|key| drop(cache.pop(key)));
    }

    pub(crate) fn find(&self, key: &CacheKey, youngest: Timestamp) -> Option<Cached> {
        self.0.lock().get(key).filter(|cached| cached.at >= youngest).cloned()
    }
}

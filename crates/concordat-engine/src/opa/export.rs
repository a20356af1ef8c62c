//! Decisions behind OPA's doors as they were logged, for whoever collects them. None is left out.

use std::collections::BTreeMap;

use concordat_model::digest::Digest;
use concordat_model::id::DecisionId;
use concordat_model::payload;
use jiff::Timestamp;

use super::decide::{DECIDED, Decided, Failed};
use super::resource;
use crate::engine::{Caller, Engine};
use crate::error::EngineError;
use crate::ports::{Page, RecordFilter, Search, StoredRecord};

/// One decision as it was logged.
#[derive(Debug, Clone)]
pub struct Logged {
    /// Its place in the log.
    pub index: u64,
    /// When it was made.
    pub at: Timestamp,
    /// The decision.
    pub id: DecisionId,
    /// The path that was asked for.
    pub path: String,
    /// The query that was asked.
    pub query: Option<String>,
    /// The modules and data that it was made with.
    pub revision: Digest,
    /// The input as JSON, without what was masked.
    pub input: Option<Vec<u8>>,
    /// The result as JSON, without what was masked.
    pub result: Option<Vec<u8>>,
    /// What went wrong.
    pub error: Option<Failed>,
    /// What was taken away before it was logged.
    pub erased: Vec<String>,
    /// What was overwritten before it was logged.
    pub masked: Vec<String>,
    /// Who asked.
    pub requested_by: String,
    /// Times in nanoseconds.
    pub metrics: BTreeMap<String, u64>,
}

/// A part of the log.
#[derive(Debug, Clone)]
pub struct LoggedPage {
    /// The organisation's decisions in it.
    pub decisions: Vec<Logged>,
    /// Where to read on.
    pub next: u64,
}

impl Engine {
    /// The name under which this installation writes its log.
    #[must_use]
    pub fn source(&self) -> &str {
        self.core.scribe.source()
    }

    /// The decisions of the caller's organisation, from an index of the log on. That they were read is recorded.
    ///
    /// # Errors
    /// The caller may not, or the log cannot be read.
    pub async fn opa_log(&self, caller: &Caller, from: u64, page: Page) -> Result<LoggedPage, EngineError> {
        let filter = RecordFilter { from, subject: None, types: vec![DECIDED.to_owned()] };
        let search = Search { filter, ..Search::default() };
        let records = self.read_part(caller, resource(caller), &search, page).await?;
        let mut told = LoggedPage { decisions: Vec::new(), next: from };
        for stored in &records {
            told.next = stored.index.saturating_add(1);
            let decided: Decided = stored.read()?;
            if decided.tenant == caller.principal.tenant {
                told.decisions.push(self.logged(stored, decided).await?);
            }
        }
        Ok(told)
    }

    async fn logged(&self, stored: &StoredRecord, decided: Decided) -> Result<Logged, EngineError> {
        let mut erased = decided.erased;
        Ok(Logged {
            index: stored.index,
            at: stored.time()?,
            id: decided.decision_id,
            path: decided.path,
            query: decided.query,
            revision: decided.revision,
            input: self.content(decided.input, "/input", &mut erased).await?,
            result: self.content(decided.result, "/result", &mut erased).await?,
            error: decided.error,
            erased,
            masked: decided.masked,
            requested_by: format!("{}/{}", decided.tenant, decided.requested_by.name),
            metrics: decided.metrics,
        })
    }

    /// What was asked or answered. What was forgotten since is named as what a mask erases.
    async fn content(
        &self,
        digest: Option<Digest>,
        place: &str,
        erased: &mut Vec<String>,
    ) -> Result<Option<Vec<u8>>, EngineError> {
        let Some(digest) = digest else { return Ok(None) };
        let bytes = self.core.store.payload(&digest).await?;
        if bytes.is_none() && !erased.iter().any(|one| one == place) {
            erased.push(place.to_owned());
        }
        Ok(bytes.map(|bytes| payload::document(&bytes).to_vec()))
    }
}

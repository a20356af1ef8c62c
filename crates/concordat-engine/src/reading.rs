//! Reading the log: page by page, and each record as what it says.

use std::str::FromStr;

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use crate::error::EngineError;
use crate::ports::{Page, RecordFilter, Store, StoredRecord};

/// The records that a filter lets through, in the order of the log, a page at a time.
pub(crate) struct Pages<'s> {
    store: &'s dyn Store,
    filter: RecordFilter,
}

impl<'s> Pages<'s> {
    /// Begins where the filter says.
    pub(crate) fn of(store: &'s dyn Store, filter: RecordFilter) -> Pages<'s> {
        Pages { store, filter }
    }

    /// The records that come next; nothing at the end of the log.
    pub(crate) async fn more(&mut self) -> Result<Option<Vec<StoredRecord>>, EngineError> {
        let page = self.store.records(&self.filter, Page::LARGEST).await?;
        let Some(last) = page.last() else { return Ok(None) };
        self.filter.from = last.index + 1;
        Ok(Some(page))
    }
}

impl StoredRecord {
    /// What the record says.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, EngineError> {
        self.record.data().map_err(|error| self.odd(error))
    }

    /// When it was written.
    pub(crate) fn time(&self) -> Result<Timestamp, EngineError> {
        self.record.time().parse().map_err(|error: jiff::Error| self.odd(error))
    }

    /// The id that it is about.
    pub(crate) fn subject<T: FromStr<Err: ToString>>(&self) -> Result<T, EngineError> {
        self.record.subject().parse().map_err(|error| self.odd(error))
    }

    /// The log cannot be read here, and why.
    #[expect(clippy::needless_pass_by_value, reason = "this is the form in which errors come")]
    pub(crate) fn odd(&self, why: impl ToString) -> EngineError {
        EngineError::Log { index: self.index, why: why.to_string() }
    }
}

//! Reading the log is itself in the log: who was shown what, on disk before they see it.
//!
//! The decision that permits it and the record of it stand under that decision's own subject, so that readers wait
//! for nobody's number, and a start has nothing to fold.

use concordat_ledger::record::Record;
use concordat_model::digest::Digest;
use concordat_model::id::KeyId;
use concordat_model::name::PrincipalName;
use concordat_policy::Asked;
use concordat_policy::input::{Action, Resource, ResourceKind};
use jiff::Timestamp;
use serde::Serialize;

use crate::engine::{Caller, Engine, decided};
use crate::error::EngineError;
use crate::ports::{Change, Mention, Page, RecordFilter, Search, StoredRecord};
use crate::scribe::Place;

/// What left the installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// What it is, such as `report` or `evidence`.
    pub what: String,
    /// The form in which it left, such as `html`.
    pub form: String,
    /// The index of the first record in it.
    pub first: u64,
    /// The number of records of the log at whose state it was made.
    pub size: u64,
    /// The digest of what left, if it was known before it left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

/// What the log keeps of a look at it.
#[derive(Serialize)]
struct Shown<'a> {
    by: &'a PrincipalName,
    key: KeyId,
    /// Where the reader began.
    from: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    types: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    /// What was looked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mentions: Vec<String>,
    /// How many records were shown; not known where somebody follows the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<usize>,
    /// The index of the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<u64>,
}

/// What the log keeps of an export.
#[derive(Serialize)]
struct Left<'a> {
    by: &'a PrincipalName,
    key: KeyId,
    #[serde(flatten)]
    exported: &'a Exported,
}

impl<'a> Shown<'a> {
    fn of(caller: &'a Caller, search: &'a Search) -> Shown<'a> {
        let filter = &search.filter;
        Shown {
            by: &caller.principal.name,
            key: caller.key,
            from: filter.from,
            subject: filter.subject.as_deref(),
            types: &filter.types,
            since: search.since,
            until: search.until,
            mentions: search.mentions.iter().map(said).collect(),
            records: None,
            last: None,
        }
    }
}

fn said(mention: &Mention) -> String {
    let value = &mention.value;
    mention.what.map_or_else(|| value.clone(), |what| format!("{} {value}", what.as_str()))
}

fn the_log() -> Resource {
    Resource { kind: ResourceKind::Audit, id: None, tenant: None, submitter: None, gate: None }
}

impl Engine {
    /// Records of the log, in its order. That they were read is on disk when this returns.
    ///
    /// # Errors
    /// The caller may not, or it cannot be recorded.
    pub async fn read_log(
        &self,
        caller: &Caller,
        search: &Search,
        page: Page,
    ) -> Result<Vec<StoredRecord>, EngineError> {
        self.read_part(caller, the_log(), search, page).await
    }

    /// The same for a part of the log that somebody may be allowed to see alone.
    pub(crate) async fn read_part(
        &self,
        caller: &Caller,
        part: Resource,
        search: &Search,
        page: Page,
    ) -> Result<Vec<StoredRecord>, EngineError> {
        let access = self.permit(caller, Action::AuditRead, part).await?;
        let records = match search {
            // What every store has an index for.
            Search { filter, since: None, until: None, mentions } if mentions.is_empty() => {
                self.core.store.records(filter, page).await?
            }
            search => self.core.store.find(search, page).await?,
        };
        let shown = Shown {
            records: Some(records.len()),
            last: records.last().map(|last| last.index),
            ..Shown::of(caller, search)
        };
        self.record_look("audit.read", &access, &shown).await?;
        Ok(records)
    }

    /// Records that somebody follows the log from here on. It must not be shown before this returned.
    ///
    /// # Errors
    /// The caller may not, or it cannot be recorded.
    pub async fn follow_log(&self, caller: &Caller, filter: &RecordFilter) -> Result<(), EngineError> {
        let access = self.permit(caller, Action::AuditRead, the_log()).await?;
        let search = Search { filter: filter.clone(), ..Search::default() };
        self.record_look("audit.read", &access, &Shown::of(caller, &search)).await
    }

    /// Records that something leaves the installation. It must not leave before this returned.
    ///
    /// # Errors
    /// It cannot be recorded.
    pub async fn record_export(
        &self,
        caller: &Caller,
        access: &Asked,
        exported: &Exported,
    ) -> Result<(), EngineError> {
        let left = Left { by: &caller.principal.name, key: caller.key, exported };
        self.record_look("audit.exported", access, &left).await
    }

    async fn record_look(
        &self,
        kind: &str,
        access: &Asked,
        look: &impl Serialize,
    ) -> Result<(), EngineError> {
        let core = &self.core;
        let (subject, at) = (access.decision.id.to_string(), core.clock.now());
        let place = |seq| Place { subject: &subject, seq, at };
        let records: Vec<Record> =
            vec![decided(core, access, place(0))?, core.scribe.seal(&*core.clock, kind, place(1), look)?];
        core.durable_or_refused(core.store.commit(Change::after(access, records))).await.map(drop)
    }
}

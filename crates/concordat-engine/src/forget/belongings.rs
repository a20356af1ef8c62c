//! What belongs to an owner, read from its records.

use std::collections::BTreeSet;

use concordat_model::digest::Digest;
use concordat_model::id::RunId;
use concordat_model::name::TenantName;
use concordat_model::run::event::{Event, Origin};

use crate::error::EngineError;
use crate::events::EventRecorded;
use crate::opa::Decided;
use crate::ports::{RecordFilter, Store, StoredRecord};
use crate::reading::Pages;

/// An owner of payloads, and what its records say of them.
#[derive(Debug)]
pub(super) struct Belongings {
    pub(super) owner: String,
    pub(super) tenant: TenantName,
    /// Every payload that the records name.
    pub(super) payloads: BTreeSet<Digest>,
    /// The contracts within it, and the events that it heard.
    pub(super) within: Vec<String>,
    /// The contract that it lies within.
    outer: Option<RunId>,
    /// Whether nothing works with it any more.
    over: bool,
}

/// The contracts around something, itself included.
pub(super) struct Around {
    pub(super) contracts: Vec<RunId>,
    /// One of them that is not over.
    pub(super) open: Option<RunId>,
}

impl Belongings {
    /// What belongs to an owner; nothing when there are no records of it.
    pub(super) async fn of(store: &dyn Store, owner: &str) -> Result<Option<Belongings>, EngineError> {
        let filter = RecordFilter { subject: Some(owner.to_owned()), ..RecordFilter::default() };
        let mut found = None;
        let mut pages = Pages::of(store, filter);
        while let Some(page) = pages.more().await? {
            for stored in &page {
                read(owner, stored, &mut found)?;
            }
        }
        Ok(found)
    }

    /// The contracts around it.
    pub(super) async fn around(&self, store: &dyn Store) -> Result<Around, EngineError> {
        let Ok(run) = self.owner.parse::<RunId>() else {
            return Ok(Around { contracts: Vec::new(), open: None });
        };
        let mut around = Around { contracts: vec![run], open: (!self.over).then_some(run) };
        let mut outer = self.outer;
        while let Some(run) = outer {
            around.contracts.push(run);
            let Some(found) = Belongings::of(store, &run.to_string()).await? else { break };
            around.open = around.open.or((!found.over).then_some(run));
            outer = found.outer;
        }
        Ok(around)
    }
}

fn read(owner: &str, stored: &StoredRecord, found: &mut Option<Belongings>) -> Result<(), EngineError> {
    let begin = |tenant: TenantName, payloads: Vec<Digest>, over| Belongings {
        owner: owner.to_owned(),
        tenant,
        payloads: payloads.into_iter().collect(),
        within: Vec::new(),
        outer: None,
        over,
    };
    match stored.record.kind() {
        "event.received" | "event.published" => {
            let told: EventRecorded = stored.read()?;
            *found = Some(begin(told.tenant, vec![told.content], true));
        }
        crate::opa::DECIDED => {
            let told: Decided = stored.read()?;
            *found = Some(begin(told.tenant, told.input.into_iter().chain(told.result).collect(), true));
        }
        _ if owner.parse::<RunId>().is_ok() => {
            let event: Event = stored.read()?;
            if let Event::Received { submitter, origin, .. } = &event {
                let mut begun = begin(submitter.tenant.clone(), Vec::new(), false);
                if let Origin::Nested { run, .. } = origin {
                    begun.outer = Some(*run);
                }
                *found = Some(begun);
            }
            if let Some(found) = found {
                happened(found, &event);
            }
        }
        _ => {}
    }
    Ok(())
}

fn happened(found: &mut Belongings, event: &Event) {
    found.payloads.extend(event.payloads());
    match event {
        Event::Delegated { run, .. } | Event::FellBack { run, .. } => found.within.push(run.to_string()),
        Event::Heard { heard, .. } => found.within.push(heard.to_string()),
        Event::Ended { .. } => found.over = true,
        _ => {}
    }
}

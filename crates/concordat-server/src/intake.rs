//! The one way in: whatever is submitted, by whichever door, passes here.
//!
//! ```text
//!  /v1 ─┐   Entry::open            Entry::take_in
//!  A2A ─┼─► (its key, and room) ─► (its document) ─► engine ─► what was accepted, counted
//!  MCP ─┘
//! ```
//!
//! A door reads its own notation, and says no in its own words. Programs that know no form of ours hand contracts over
//! as data (`handed_over`).

pub(crate) mod handed_over;

use concordat_engine::{Accepted, Caller, EngineError};
use serde_json::Value;

use crate::api::contracts::Plan;
use crate::app::{App, Shared};

/// A door that submissions come by.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Door {
    V1,
    A2a,
    Mcp,
}

impl Door {
    /// What the engine knows keys of this door by, and how long they are at most. Keys of `/v1` have no blank, so those
    /// of two doors never meet.
    const fn keys(self) -> (&'static str, usize) {
        match self {
            Door::V1 => ("", 255),
            Door::A2a => ("a2a ", 200),
            Door::Mcp => ("mcp ", 200),
        }
    }
}

/// The key under which a submission is one submission, however often it comes by its door.
pub(crate) struct Key(String);

impl Key {
    /// Reads visible characters of ASCII: at least one, and not more than the door takes.
    pub(crate) fn read(door: Door, text: &str) -> Option<Key> {
        let (mark, longest) = door.keys();
        let sound = (1..=longest).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_graphic());
        sound.then(|| Key(format!("{mark}{text}")))
    }
}

/// A submission that has a key, and that there is room for: its document may be looked at.
pub(crate) struct Entry {
    app: Shared,
    who: Caller,
    key: Key,
}

impl Entry {
    /// Whether a submission would be looked at now: asked before anybody reads its document.
    pub(crate) fn open(app: &Shared, who: &Caller, key: Key) -> Result<Entry, EngineError> {
        app.engine.has_room_for(who)?;
        Ok(Entry { app: app.clone(), who: who.clone(), key })
    }

    /// Takes the document in; when this returns, it is on disk.
    pub(crate) async fn take_in(self, document: Value) -> Result<Accepted, EngineError> {
        let accepted = self.app.engine.submit(&self.who, document, Some(&self.key.0)).await?;
        count(&self.app, &accepted);
        Ok(accepted)
    }
}

/// Counts what was accepted now.
pub(crate) fn count(app: &App, accepted: &Accepted) {
    if !accepted.replayed {
        accepted.receipt.contracts.iter().for_each(|line| app.metrics.accepted(&line.status));
    }
}

/// What would happen to a document. Nothing is stored.
pub(crate) async fn plan(app: &App, who: &Caller, document: Value) -> Result<Plan, EngineError> {
    let planned = app.engine.plan(who, document).await?;
    Ok(Plan { contracts: planned.iter().map(Into::into).collect() })
}

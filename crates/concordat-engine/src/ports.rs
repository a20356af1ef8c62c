//! The places where two worlds meet: storage, remote agents, time.
//!
//! Each is a trait because each has a second implementor: a store in memory, an agent that lies, a clock that
//! stands still. Everything else in this crate is a function, a struct or an enum.

mod clock;
mod store;
mod transport;
mod withdrawal;

pub use clock::{Clock, SystemClock};
pub use store::{
    Change, Commit, Committed, Forgotten, Mention, Mentioned, OwnerFilter, Page, RecordFilter, RunFilter,
    RunRow, SavedReply, Sealed, Search, Store, StoreError, StoredCheckpoint, StoredRecord, StoredRun, Whose,
};
pub use transport::origin;
pub use transport::{
    AgentTransport, Arrival, CardDraft, CardProtocol, CardWanted, Dispatch, Fault, Forsaken, Found, Known,
    Lost, LostWork, NotTold, Notice, Webhook,
};
pub use withdrawal::{Out, Withdrawal};

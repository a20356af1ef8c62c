//! Walks a contract through its life.
//!
//! The engine decides *when*; what is true is for `concordat-model`, what is allowed for `concordat-policy`, and
//! how the world is reached for whoever implements the [`ports`].
//!
//! ```text
//!  submit ─► first turn ─┐
//!                        ├─► hand over ─► (disk) ─► driver ─► send ─► agent
//!  inbox ─► turn ────────┘                            ▲                 │
//!                                                     └──── arrived ◄───┘
//! ```
//!
//! Read it in this order: [`engine`] (what others call), `submit` (from a request to a durable run), `turn` (what
//! one input leads to: pure, but for ids and time), `commit` (how its events become durable), `drive` (the loop
//! around it), `recover` (after a start).

pub mod ports;

mod again;
mod agents;
mod audit;
mod cache;
mod commit;
mod core;
mod counts;
mod drive;
mod engine;
mod error;
mod events;
pub mod failpoint;
mod forget;
mod gates;
mod input;
mod keys;
mod limits;
pub mod opa;
mod policies;
pub mod proofs;
mod pulse;
mod pushes;
mod reading;
mod reconcile;
mod recover;
mod row;
mod runs;
mod scribe;
mod submit;
mod triggers;
mod trust;
mod turn;
mod world;

pub use again::Replayed;
pub use agents::{Approval, Placing, Trusted};
pub use audit::Exported;
pub use core::Parts;
pub use counts::Figures;
pub use engine::{Caller, Engine};
pub use error::EngineError;
pub use events::{LARGEST_EVENT, Published, RECENT_EVENTS};
pub use forget::{ContentKind, Erasable, Erased, Prune, Pruned, RETENTION_FLOOR};
pub use input::Order;
pub use keys::NewKey;
pub use limits::{
    AgentLimits, AgentsLately, Bounds, CallFigures, InstanceLimits, LimitFigures, Obstacle, Overload, Shed,
    SkillLimits, Waiting,
};
pub use policies::{
    Flip, ImpactReport, ImpactWanted, Inspect, Inspecting, NotReplayable, Promotion, PublishedPolicy,
    RevisionView, Tally, inspect_here,
};
pub use ports::origin;
pub use pulse::Restored;
pub use pushes::Push;
pub use recover::fold;
pub use row::{row, status};
pub use runs::{Planned, RunView};
pub use submit::{Accepted, Receipt, ReceiptLine};
pub use triggers::{Reaction, Trigger};
pub use trust::{Explained, Side, Testimony, TrustReplayed};
pub use world::OpenReview;

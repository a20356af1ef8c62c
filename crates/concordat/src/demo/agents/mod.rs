//! Sample agents: real HTTP servers that do small, honest work for the sample contracts.
//!
//! They exist so that a newcomer sees a whole system on one machine, and so that tests can ask a witness that is
//! not Concordat: every agent keeps a ledger of what it was asked and what it applied, and crash tests compare
//! that ledger with the log. Nothing here is a model of medicine or lending: the work is arithmetic and counting
//! whose results are computed, repeatable and worth checking.
//!
//! ```text
//!   POST /execute   JSON-RPC 2.0, the method is the skill       (everybody)
//!   GET  /healthz                                               (everybody)
//!   GET  /ledger    what was asked, and what was applied        (this machine only)
//!   POST /control   a mood: {"manner":"fail","share":50}        (this machine only)
//! ```
//!
//! Reading order: [`fleet`] who there is, `agent` how one call is handled, `skills` the work itself.

mod fleet;

mod agent;
mod books;
mod http;
mod ledger;
mod mood;
mod request;
mod skill;
mod skills;

#[cfg(test)]
mod tests;

pub use agent::{Profile, SampleAgent};
pub use books::Books;
pub use fleet::fleet;
pub use http::serve;
pub use ledger::Entry;
pub use mood::{Manner, Mood};
pub use skill::{Failure, Skill};
pub use skills::skills;

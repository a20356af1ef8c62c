//! The `execute` binding: `POST {endpoint}/execute`, JSON-RPC 2.0, the skill is the method.
//!
//! One [`Call`] becomes one request and one [`Answer`]; nothing is ever sent twice from here. The answer keeps
//! apart what a governed engine must keep apart: the agent completed the work, the agent refused it, the agent
//! spoke nonsense, the agent certainly never got the request, or nobody knows. Everything inbound is bounded
//! in time, bytes, depth and count before it is looked at.
//!
//! ```text
//!   Call --body, headers--> Connections (one guarded client a port) --> agent
//!     |                                                                   |
//!     +-- Departure: did the body leave? --+                              |
//!   Answer <------- reply: status, headers, envelope, strict JSON <-------+
//! ```
//!
//! Not here: retries, breakers and choosing another agent (the engine's), what the output must look like (the
//! contract's), and streaming or asynchronous work, which this binding does not have.

mod answer;
mod call;
mod client;
mod reply;

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use tests::agent as testing;

pub use crate::http::{Limits, Malformed, NotSent, Protocol, Trouble, Unknown};
pub use answer::{Answer, Refusal, RefusalKind};
pub use call::Call;
pub use client::ExecuteClient;

/// The name of this binding in the registry.
pub const BINDING: &str = "execute";

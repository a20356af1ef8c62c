//! The `a2a` binding: the Agent2Agent protocol 1.0 over JSON-RPC or HTTP+JSON, and 0.3 over JSON-RPC.
//!
//! One [`Order`] becomes one message, sent once. What the agent makes of it is a message, or a task that is followed
//! to its end: by waiting, by asking, or by a stream. What is known afterwards is an [`Ending`].
//!
//! ```text
//!   Order --speech (JSON, a dialect a version)--> http --> agent
//!     |                                                     |
//!     |          SendMessage | SendStreamingMessage         |
//!     |          GetTask ... until the task is settled      |
//!     |          CancelTask when nobody waits any longer    |
//!   Ending <--hearing (bounded, hostile until parsed)-------+
//! ```
//!
//! The protocol does not say that a message sent twice is one piece of work (the official SDK makes two tasks of
//! it), so no message is ever sent twice from here, and an answer that was lost is looked for by our own context id.
//!
//! Not here: what an ending means for a run (`outcome`), who is asked, and whether again.

mod card;
mod client;
mod exchange;
mod hearing;
mod outcome;
mod push;
mod refusal;
mod speech;
mod task;

#[cfg(test)]
mod tests;

pub(crate) use card::import;
pub(crate) use client::{A2aClient, Sought};
pub(crate) use outcome::{arrival, dismissed, found};
pub(crate) use push::Hints;
pub(crate) use speech::{Answer, Interface, Order};

//! The `mcp` binding: skills are tools of a server of the Model Context Protocol, over streamable HTTP.
//!
//! One [`Order`] becomes one `tools/call`, sent once. A server of 2026-07-28 is asked without a handshake; an older one
//! (2025-11-25 and two before it) gets a session of its own for each order, which is closed again.
//!
//! ```text
//!   Order --speech (JSON, headers)--> http --> server
//!     |       server/discover, once for each server: which revision does it speak?
//!     |       [initialize, notifications/initialized]        an older one
//!     |       tools/call  -- JSON, or a stream of events -->
//!     |       [notifications/cancelled] [DELETE]             an older one
//!   Ending <-- hearing (bounded, hostile until parsed)
//! ```
//!
//! The official SDK, `rmcp`, is not used: its transport reads and parses by itself, where here every byte is bounded,
//! read strictly (each key once, exact numbers), fetched from an address that the egress rule saw, and accounted for:
//! it matters whether a request has left. What is spoken here is four methods.
//!
//! Not here: what an ending means for a run (`outcome`), resources, prompts, sampling, and streams that are taken up
//! again after they broke. A server that asks something back gets no answer.

mod client;
mod exchange;
mod hearing;
mod import;
mod outcome;
mod speech;

#[cfg(test)]
mod tests;

pub(crate) use client::McpClient;
pub(crate) use import::import;
pub(crate) use outcome::arrival;
pub(crate) use speech::Order;

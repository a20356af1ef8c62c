//! Serves the API: HTTP in, engine call, HTTP out.
//!
//! Nothing is decided here. A request is bounded, its sender recognised, its document read strictly; the engine is
//! called; what it says is put into the structs of [`api`]. Which requests are permitted is for the access gate.
//!
//! ```text
//!  listener ─► serve (connections) ─► front (host, site, key) ─► routes ─► engine
//!                                                        └► refusal ◄──────┘
//! ```
//!
//! Other programs' protocols have rooms of their own: `a2a` and `mcp`, which call the same engine. What is submitted
//! comes in by `intake`, whichever door it came by.
//!
//! Read it in this order: [`api`] (what goes over the wire), `routes` (what there is), `front` (what every request
//! passes), `refusal` (every way to say no), `serve` (connections). Runs are told by `story`, `detail` and `why`.

pub mod api;

mod app;
mod front;
mod metrics;
mod openapi;
mod refusal;
mod routes;
mod serve;
mod verb;

mod intake;

mod body;
mod cursor;
mod decided;
mod extract;
mod reason;
mod stream;

mod reports;

mod a2a;
mod mcp;

mod awaited;
mod detail;
mod inquiry;
mod sentence;
mod story;
mod why;

#[cfg(test)]
mod tests;

pub use app::Config;
pub use serve::{router, serve};

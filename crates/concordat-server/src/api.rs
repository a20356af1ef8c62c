//! What goes over the wire, in structs of its own: the model may change without the API noticing.
//!
//! Member names are snake_case, times are RFC 3339 in UTC, ids are TypeID texts, shares and scores are whole basis
//! points from 0 to 10,000. What is absent is left out, except where a client walks pages. Clients in Rust decode
//! with the same structs. How values of the model become these is beside each struct; no rule about the business
//! is here.

pub mod problem;

pub mod contents;
pub mod contracts;
pub mod decisions;
pub mod reviews;
pub mod why;

pub mod cloud_events;
pub mod triggers;
pub mod trust;

pub mod agents;
pub mod audit;
pub mod keys;
pub mod policies;
pub mod reports;
pub mod service;
pub mod templates;

pub mod opa;

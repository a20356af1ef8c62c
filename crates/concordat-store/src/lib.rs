//! Where contracts and their log are kept: the engine's [`Store`](concordat_engine::ports::Store) in SQL.
//!
//! One database file holds the records of the log, the payloads that they name by digest, the signed checkpoints,
//! and two projections: a row for each run, and the answers to repeated requests. SQL stands in this crate and
//! nowhere else.
//!
//! ```text
//!   commit ──▶ queue ──▶ writer ──one statement, one transaction, one fsync──▶ database
//!                          │ tree in memory, one checkpoint a batch                │
//!   reads ◀──────────────── pool of connections that cannot write ◀───────────────┤
//!   verify ◀─────────────── a connection of its own, one snapshot ◀───────────────┘
//! ```
//!
//! Deliberately not here: what a record means (`concordat-model`), what makes a log valid (`concordat-ledger`),
//! and when something is committed (`concordat-engine`).

mod sqlite;
pub mod verify;

pub use sqlite::{BadLog, OpenError, Signing, Sqlite};

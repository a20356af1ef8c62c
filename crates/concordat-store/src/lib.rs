//! Where contracts and their log are kept: the engine's [`Store`](concordat_engine::ports::Store) in SQL.
//!
//! One database holds the records of the log, the payloads that they name by digest, the signed checkpoints, and
//! two projections: a row for each run, and the answers to repeated requests. It is a file of SQLite or a database
//! of a PostgreSQL server, with the same promises. SQL stands in this crate and nowhere else.
//!
//! ```text
//!   commit ──▶ queue ──▶ writer ──one statement, one transaction, one fsync──▶ database
//!                          │ tree in memory, one checkpoint a batch                │
//!   reads ◀──────────────── pool of connections that cannot write ◀───────────────┤
//!   verify ◀─────────────── a connection of its own, one snapshot ◀───────────────┘
//! ```
//!
//! What both databases share is above: the queue and the batches (`writer`, `batch`), the log at a start (`log`),
//! rows (`row`). What differs is in `sqlite` and `postgres`; `memory` is a third one, for simulation.
//!
//! Deliberately not here: what a record means (`concordat-model`), what makes a log valid (`concordat-ledger`),
//! and when something is committed (`concordat-engine`).

mod batch;
mod database;
pub mod fsck;
mod log;
pub mod memory;
mod nodes;
mod open;
mod postgres;
mod reading;
mod row;
mod run_payloads;
mod sealing;
mod search;
mod sqlite;
pub mod verify;
mod writer;

pub use database::{Address, BadAddress, Database};
pub use log::BadLog;
pub use open::{Ask, Hand, OpenError, Signing};
pub use postgres::Postgres;
pub use reading::Reading;
pub use sqlite::Sqlite;

//! Reports that an auditor accepts, computed from the records of the log and from nothing else.
//!
//! ```text
//!   (index, Record) ──▶ Facts ──▶ Report ──▶ HTML, PDF, CSV, JSON
//!        │               fold      every number with its query and its leaves
//!        └──────────────────────▶ records as CSV, Parquet; the evidence pack
//! ```
//!
//! Everything here is pure: records come in the order of the log, one after the other, and memory is bounded by what
//! is open, not by the log. Where the records say nothing, the report says "no evidence"; a share always stands with
//! its numerator and its denominator.
//!
//! Why a crate of its own: rendering drags libraries in that neither a server's core nor a verifier should carry, and
//! an auditor's paper must be computable from records alone. Not here: reading databases, serving, and proofs.

pub mod chart;
mod counts;
pub mod csv;
pub mod entry;
pub mod facts;
pub mod html;
pub mod making;
pub mod pack;
pub mod pdf;
pub mod query;
pub mod ranges;
pub mod report;
pub mod revision_diff;
mod rows;
pub mod spread;
pub mod template;
pub mod words;

//! The transparency log: what was written, in which order, and the proof that nobody changed it since.
//!
//! Here are the forms and the arithmetic of the log: canonical bytes, records, the RFC 6962 tree, signed
//! checkpoints, receipts, and the verifier that recomputes all of it. The formats are public
//! (RFC 8785, RFC 6962, and of c2sp.org `signed-note`, `tlog-checkpoint`, `tlog-proof`, `tlog-tiles`,
//! `tlog-cosignature`, `tlog-witness` and `tlog-policy`), so programs that we did not write can check a log of ours.
//!
//! Deliberately not here: contracts, storage, clocks, randomness, the network. An auditor's verifier must not
//! drag the product in, so everything that this crate needs is an argument.
//!
//! ```text
//!   Draft ──seal──▶ Record ──leaf──▶ Frontier ──Signer──▶ Checkpoint
//!                     │                                       │
//!                     └───────── Inclusion ──▶ Receipt ◀──────┘
//!
//!   stored bytes + stored checkpoints ──▶ Verify ──▶ Verified, or the first Fault
//! ```
//!
//! What a log cannot show by itself: that a record was never written (receipts and reconciliation do that), and
//! that its end was cut off or all of it replaced (a checkpoint kept elsewhere does that; see [`verify`]).

/// How evidence is verified with nothing but `openssl` and `python3`: the page that lies in every evidence pack.
pub const HOW_TO_VERIFY: &str = include_str!("../VERIFY.md");

pub mod canonical;
mod decimal;
pub mod note;
pub mod receipt;
pub mod record;
pub mod tree;
pub mod trust;
pub mod verify;
pub mod witness;

pub use note::{Checkpoint, Cosigner, Signer, Verifier, Witness};
pub use receipt::Receipt;
pub use record::{Draft, Record, SubjectSeq};
pub use tree::{Consistency, Frontier, Hash, Inclusion};
pub use trust::TrustPolicy;
pub use verify::Verify;

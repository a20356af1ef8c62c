//! The transparency log: what was written, in which order, and the proof that nobody changed it since.
//!
//! Here are the forms and the arithmetic of the log: canonical bytes, records, the RFC 6962 tree, signed
//! checkpoints, receipts, and the verifier that recomputes all of it. The formats are public
//! (RFC 8785, RFC 6962, `c2sp.org/signed-note`, `c2sp.org/tlog-checkpoint`, `c2sp.org/tlog-proof`), so
//! programs that we did not write can check a log of ours.
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

pub mod canonical;
pub mod note;
pub mod receipt;
pub mod record;
pub mod tree;
pub mod verify;

pub use note::{Checkpoint, Signer, Verifier};
pub use receipt::Receipt;
pub use record::{Draft, Record, SubjectSeq};
pub use tree::{Consistency, Frontier, Hash, Inclusion};
pub use verify::Verify;

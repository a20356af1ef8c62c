//! Signed notes (`c2sp.org/signed-note`): a few lines of text, an empty line, and who signed them.
//!
//! ```text
//! example.com/concordat          <- origin, the name of the log        ┐
//! 1042                           <- how many records                   │ text, with the last line's end
//! CsUYapGGPo4dkMgIAUqom/Xa…      <- root over all of them              ┘
//!
//! — example.com/concordat Az3grlgtzPICa5OS8npVmf1Myq/…
//! ```
//!
//! The only note that a log signs is its [`Checkpoint`]. Its size and root can be read only once its signature
//! was verified, so nobody can act on a head that nobody signed.
//!
//! Others may add lines of their own: witnesses, who saw the log grow ([`Witness`]). Which of them are needed is
//! for whoever verifies to say, in a [trust policy](crate::trust). Lines of unknown keys are kept and passed on.

mod checkpoint;
mod cosignature;
mod key;
mod public_key;
mod text;

pub(crate) use checkpoint::claimed;
pub use checkpoint::{Checkpoint, CheckpointError};
pub use cosignature::{Cosigner, Witness};
pub use key::{KeyError, Signer, Verifier};
pub use text::NoteError;

/// Most bytes of a note: 128 KiB, enough for sixteen post-quantum signatures.
pub const MAX_NOTE: usize = 128 * 1024;

/// Most signature lines of a note: 100, as in Go's `sumdb/note`; the specification asks for 16 at least.
pub const MAX_SIGNATURES: usize = 100;

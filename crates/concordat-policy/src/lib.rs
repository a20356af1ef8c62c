//! Asks Rego; answers with a decision, and on yes with the key.
//!
//! Only a Rego policy's own "permit" becomes a yes here. Whatever is undefined, odd, slow or broken is a denial
//! with a code of its own ([`Failure`]). This crate does no input or output, knows no clock and draws no
//! randomness: times, ids and seeds are arguments, so that every decision can be asked again and compared.
//!
//! ```text
//!             bundle            input                 decision          key
//!   *.rego ─► Bundle ─► Policy ─► ask the gate ─► Asked ─► permit? ─► Permitted ─► choose ─► Authorized
//!                                                   └► review, deny ─► Refusal
//! ```
//!
//! Read it in this order: what is asked ([`bundle`]), what it is asked about ([`input`]), how
//! ([`policy`], and on trial [`panel`]), and what a yes opens ([`authorized`], [`select`]).

pub mod bundle;
mod nesting;

pub mod input;

pub mod check;
pub mod finding;

mod answer;
mod evaluate;
mod explain;
mod failure;
mod graph;
mod load;
pub mod panel;
pub mod policy;

pub mod authorized;
pub mod select;

pub mod opa;

pub mod prove;
pub mod testing;

pub use crate::authorized::Authorized;
pub use crate::bundle::{Bundle, BundleError};
pub use crate::check::check;
pub use crate::explain::{Because, Explanation};
pub use crate::failure::Failure;
pub use crate::finding::{Code, Finding, Inspection, Level};
pub use crate::load::LoadError;
pub use crate::panel::{Panel, Trial};
pub use crate::policy::{Asked, Permitted, Policy, Probing, Refusal, Released};
pub use crate::select::{Chosen, choose, favourite, would_choose, would_send};

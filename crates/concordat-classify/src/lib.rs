//! Which domain is this contract of?
//!
//! An answer independent of what the submitter declared: rules that people can read, each with an id, find
//! phrases in the contract's own words; the answer names one domain with the evidence, or abstains and says
//! why. What an abstention means is for policy to decide.
//!
//! ```text
//!  policies/domains/*.yaml ──> domain_file ──> lexicon ┐
//!                                                      ├─> reading ──> weigh ──> Classification
//!  objective, requirements, skills ──> text ──> words ─┘
//! ```
//!
//! The text is hostile until proven otherwise. It is data: nothing in it is carried out, repeating a word
//! counts for little, and text that addresses the classifier makes it abstain. Reading costs time in
//! proportion to the text, of which at most [`MOST_TEXT`] bytes are read.
//!
//! Not here: contracts (callers take them apart into a [`ContractText`]), policy, and any file or clock.

mod classifier;
mod reading;
mod standard;
mod text;
mod weigh;

mod domain;
mod domain_file;
mod lexicon;
mod phrase;
mod words;

pub use classifier::{Classifier, Error};
pub use reading::{MOST_EVIDENCE, MOST_TEXT};
pub use text::{ContractText, Kind};

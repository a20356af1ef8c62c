//! Walks a contract through its life.
//!
//! The engine decides *when*; what is true is for `concordat-model`, what is allowed for `concordat-policy`, and
//! how the world is reached for whoever implements the [`ports`].

pub mod ports;

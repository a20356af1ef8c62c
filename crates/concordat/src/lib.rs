//! TBD

/// The sample world: what a demonstration runs on.
pub mod demo;

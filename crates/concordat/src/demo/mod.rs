//! The demonstration: a whole installation on one machine, with agents that really work.

pub mod agents;
pub mod case;

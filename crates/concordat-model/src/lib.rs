//! What things are, and every rule about them that needs no input or output.

pub mod classification;
pub mod name;
pub mod share;

//! The domains that Concordat knows from the start: the files of `policies/domains`, compiled in.
//!
//! An operator may load other files with [`Classifier::load`]; these are only where everyone begins.

use crate::classifier::{Classifier, Error};

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../policies/domains/", $name)))),*]
    };
}

/// The files by name, in the order of the alphabet.
const FILES: [(&str, &str); 10] = files![
    "content.yaml",
    "e-commerce.yaml",
    "finance.yaml",
    "generic.yaml",
    "healthcare.yaml",
    "outside.yaml",
    "research.yaml",
    "social-media.yaml",
    "software.yaml",
    "tampering.yaml",
];

impl Classifier {
    /// The classifier for the standard domains.
    ///
    /// # Errors
    /// None: a test proves that the files compiled in are in order.
    pub fn standard() -> Result<Classifier, Error> {
        Classifier::load(FILES)
    }
}

#[cfg(test)]
mod tests;

//! What the agents keep for their customers: credit checks, assessments, loans.
//!
//! One set of books is shared by a whole fleet, because an undo may be carried out by another agent than the one
//! whose work it undoes. A saga that was undone leaves nothing in them.

use std::collections::BTreeMap;

/// What is held at the moment, by reference, with its kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Books(BTreeMap<String, &'static str>);

impl Books {
    /// Enters something under its reference.
    pub(super) fn hold(&mut self, reference: &str, kind: &'static str) {
        self.0.insert(reference.to_owned(), kind);
    }

    /// Strikes something out; false when it was not, or no longer, there.
    pub(super) fn release(&mut self, reference: &str) -> bool {
        self.0.remove(reference).is_some()
    }

    /// Everything that is held: reference and kind, in the references' order.
    pub fn held(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.0.iter().map(|(reference, kind)| (reference.as_str(), *kind))
    }
}

//! The local variables that are known in one place of a rule, the innermost first.

use std::collections::BTreeMap;

use super::super::shape::Shape;
use crate::graph::Place;

/// A local variable.
pub(super) struct Local<'a> {
    /// Where it was first seen.
    pub(super) place: Place,
    pub(super) how: How,
    pub(super) used: bool,
    pub(super) shape: Shape<'a>,
}

/// How a variable came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// Somebody bound it by name.
    Declared,
    /// It stands where it takes any value that fits.
    Bound,
    /// It was only asked for yet.
    Wanted,
}

/// What became of the variables of a scope.
#[derive(Default)]
pub(super) struct Left {
    /// Bound by name and never used.
    pub(super) unused: Vec<(String, Place)>,
    /// Used, and nothing binds them.
    pub(super) unbound: Vec<(String, Place)>,
}

/// The scopes around one place.
#[derive(Default)]
pub(super) struct Scopes<'a>(Vec<BTreeMap<String, Local<'a>>>);

impl<'a> Scopes<'a> {
    pub(super) fn enter(&mut self) {
        self.0.push(BTreeMap::new());
    }

    /// Leaves the innermost scope. What is only wanted in it may still be bound around it.
    pub(super) fn leave(&mut self) -> Left {
        let mut left = Left::default();
        for (name, local) in self.0.pop().unwrap_or_default() {
            match local.how {
                How::Declared if !local.used && !name.starts_with('_') => {
                    left.unused.push((name, local.place));
                }
                How::Declared | How::Bound => {}
                How::Wanted => match self.0.last_mut() {
                    Some(outer) => drop(outer.entry(name).or_insert(local)),
                    None => left.unbound.push((name, local.place)),
                },
            }
        }
        left
    }

    /// Binds a name in the innermost scope.
    pub(super) fn bind(&mut self, name: &str, local: Local<'a>) {
        if let Some(scope) = self.0.last_mut() {
            scope.insert(name.to_owned(), local);
        }
    }

    /// Says what a variable's value is.
    pub(super) fn learn(&mut self, name: &str, shape: Shape<'a>) {
        if let Some(local) = self.0.iter_mut().rev().find_map(|scope| scope.get_mut(name)) {
            local.shape = shape;
        }
    }

    /// Uses a variable, if there is one of this name.
    pub(super) fn use_of(&mut self, name: &str, how: How) -> Option<Shape<'a>> {
        let local = self.0.iter_mut().rev().find_map(|scope| scope.get_mut(name))?;
        local.used = true;
        if local.how == How::Wanted {
            local.how = how;
        }
        Some(local.shape.clone())
    }
}

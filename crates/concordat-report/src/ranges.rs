//! Which leaves a number rests on: a few ranges instead of a million indices.

use std::fmt;

use serde::{Serialize, Serializer};

/// The most ranges that are kept apart.
const MOST: usize = 12;

/// Leaves that were counted. Every counted leaf lies in a range; where there are many ranges, the nearest are joined,
/// so a range may hold others too. The query beside them says which.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// Adds a leaf. Most come in the order of the log.
    pub fn add(&mut self, index: u64) {
        match self.0.last_mut() {
            Some((_, last)) if last.saturating_add(1) == index => *last = index,
            Some((first, last)) if (*first..=*last).contains(&index) => return,
            Some((first, _)) if index < *first => return self.extend(&Ranges(vec![(index, index)])),
            _ => self.0.push((index, index)),
        }
        if self.0.len() > MOST {
            self.join();
        }
    }

    /// Adds the leaves of others.
    pub fn extend(&mut self, other: &Ranges) {
        self.0.extend_from_slice(&other.0);
        self.0.sort_unstable();
        let mut joined: Vec<(u64, u64)> = Vec::with_capacity(self.0.len());
        for (first, last) in self.0.drain(..) {
            match joined.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => joined.push((first, last)),
            }
        }
        self.0 = joined;
        while self.0.len() > MOST {
            self.join();
        }
    }

    /// Joins the two ranges between which the fewest leaves lie.
    fn join(&mut self) {
        let gaps =
            self.0.iter().zip(self.0.iter().skip(1)).map(|(left, right)| right.0.saturating_sub(left.1));
        let Some((at, _)) = gaps.enumerate().min_by_key(|(at, gap)| (*gap, *at)) else { return };
        if at + 1 < self.0.len() {
            let (_, last) = self.0.remove(at + 1);
            if let Some(left) = self.0.get_mut(at) {
                left.1 = last;
            }
        }
    }

    /// Whether no leaf was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first and the last leaf of each range.
    #[must_use]
    pub fn all(&self) -> &[(u64, u64)] {
        &self.0
    }
}

impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, (first, last)) in self.0.iter().enumerate() {
            let comma = if nth == 0 { "" } else { ", " };
            if first == last {
                write!(f, "{comma}{first}")?;
            } else {
                write!(f, "{comma}{first}–{last}")?;
            }
        }
        Ok(())
    }
}

impl Serialize for Ranges {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// A count with the leaves that were counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// Which.
    pub leaves: Ranges,
}

impl Tally {
    /// Counts a leaf.
    pub fn hit(&mut self, index: u64) {
        self.count += 1;
        self.leaves.add(index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_one_range_and_many_ranges_are_few() {
        let mut ranges = Ranges::default();
        for index in [1, 3, 2, 7, 7, 9] {
            ranges.add(index);
        }
        assert_eq!(ranges.to_string(), "1–3, 7, 9");
        for index in 0..1000 {
            ranges.add(100 + index * 3);
        }
        assert_eq!(ranges.all().len(), MOST);
        assert_eq!(ranges.all().first().map(|range| range.0), Some(1));
        assert_eq!(ranges.all().last().map(|range| range.1), Some(3097));
    }

    #[test]
    fn joined_ranges_cover_both() {
        let (mut left, mut right) = (Ranges::default(), Ranges::default());
        [1, 2, 8].into_iter().for_each(|index| left.add(index));
        [3, 8, 9, 20].into_iter().for_each(|index| right.add(index));
        left.extend(&right);
        assert_eq!(left.to_string(), "1–3, 8–9, 20");
    }
}

//! How long things took: exact counts and sums, and quantiles to three digits, in little memory.
//!
//! A time is kept as its milliseconds with all but the first three digits set to zero, so a million times are a few
//! thousand numbers; whoever checks a quantile rounds so too, and finds the same.

use std::collections::BTreeMap;

/// Times in milliseconds.
#[derive(Debug, Clone, Default)]
pub struct Spread {
    counts: BTreeMap<u64, u64>,
    count: u64,
    sum: u128,
    longest: u64,
}

impl Spread {
    /// Adds a time.
    pub fn add(&mut self, millis: u64) {
        *self.counts.entry(three_digits(millis)).or_default() += 1;
        self.count += 1;
        self.sum += u128::from(millis);
        self.longest = self.longest.max(millis);
    }

    /// How many times there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The longest.
    #[must_use]
    pub fn longest(&self) -> u64 {
        self.longest
    }

    /// The mean, rounded down.
    #[must_use]
    pub fn mean(&self) -> u64 {
        self.sum.checked_div(u128::from(self.count)).and_then(|mean| u64::try_from(mean).ok()).unwrap_or(0)
    }

    /// The smallest time that at least so many hundredths of all do not exceed.
    #[must_use]
    pub fn quantile(&self, hundredths: u64) -> u64 {
        let wanted = (self.count.saturating_mul(hundredths)).div_ceil(100);
        let mut seen = 0;
        for (millis, count) in &self.counts {
            seen += count;
            if seen >= wanted {
                return *millis;
            }
        }
        0
    }
}

/// The number with all digits after the third as zeros.
fn three_digits(number: u64) -> u64 {
    let mut unit = 1;
    while number / unit >= 1000 {
        unit *= 10;
    }
    number / unit * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_rounded_times() {
        let mut spread = Spread::default();
        (1..=100).for_each(|millis| spread.add(millis * 1001));
        assert_eq!((spread.quantile(50), spread.quantile(99)), (50_000, 99_000));
        assert_eq!((spread.count(), spread.longest(), spread.mean()), (100, 100_100, 50_550));
        assert_eq!(Spread::default().quantile(50), 0);
        assert_eq!(three_digits(u64::MAX), 18_400_000_000_000_000_000);
    }
}

//! What happened in each stretch of time, without knowing the period beforehand.

use crate::report::{Chart, Series, Tone};

/// The most stretches; when there would be more, two become one.
const MOST: usize = 60;

/// Counts by stretch of time: seconds at first, then twice as long again and again.
#[derive(Debug)]
pub(super) struct Timeline<const N: usize> {
    start: i64,
    width: i64,
    counts: Vec<[u64; N]>,
}

impl<const N: usize> Default for Timeline<N> {
    fn default() -> Timeline<N> {
        Timeline { start: 0, width: 1, counts: Vec::new() }
    }
}

impl<const N: usize> Timeline<N> {
    /// Counts something in a layer. A time before the first one counts as the first.
    pub(super) fn add(&mut self, second: i64, layer: usize) {
        if self.counts.is_empty() {
            self.start = second;
        }
        let mut at = self.place(second);
        while at >= MOST {
            self.double();
            at = self.place(second);
        }
        if self.counts.len() <= at {
            self.counts.resize(at + 1, [0; N]);
        }
        if let Some(count) = self.counts.get_mut(at).and_then(|counts| counts.get_mut(layer)) {
            *count += 1;
        }
    }

    fn place(&self, second: i64) -> usize {
        usize::try_from(second.saturating_sub(self.start).max(0) / self.width).unwrap_or(usize::MAX)
    }

    fn double(&mut self) {
        self.width = self.width.saturating_mul(2);
        let pairs = self.counts.chunks(2).map(|pair| {
            pair.iter().fold([0; N], |mut sum, counts| {
                sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
                sum
            })
        });
        self.counts = pairs.collect();
    }

    /// The chart, unless nothing was counted.
    pub(super) fn chart(&self, title: &str, layers: [(&'static str, Tone); N]) -> Option<Chart> {
        if self.counts.is_empty() {
            return None;
        }
        let series = layers.into_iter().enumerate().map(|(layer, (label, tone))| Series {
            label,
            tone,
            counts: self.counts.iter().map(|counts| counts.get(layer).copied().unwrap_or(0)).collect(),
        });
        Some(Chart::Columns {
            title: title.to_owned(),
            start: self.start,
            width: self.width,
            series: series.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_period_fits_and_nothing_is_lost() {
        let mut line = Timeline::<2>::default();
        for second in [100, 100, 159, 160, 40, 100_000] {
            line.add(second, 1);
        }
        let Some(Chart::Columns { start, width, series, .. }) =
            line.chart("x", [("a", Tone::Good), ("b", Tone::Bad)])
        else {
            panic!("no chart");
        };
        assert_eq!((start, width), (100, 2048));
        assert_eq!(series[1].counts.iter().sum::<u64>(), 6);
        assert_eq!(series[1].counts[0], 5);
    }
}

//! The lower bound of a belief: the 5 % quantile of a Beta distribution.
//!
//! Solved here with `libm`, and not with `statrs`, for two reasons. A score stands in decisions that are replayed
//! bit for bit on other machines, and `statrs` takes its logarithms from the platform as soon as any crate turns
//! on `num-traits/std`, as one does. And its inverse starts no lower than 0.0001 and stops on the way down: it finds
//! 2e-17 for Beta(0.03, 2.97), which is 1e-44. The loop here is Halley's method inside a bracket, so it ends
//! whatever the counts are, and it costs the same 0.3 to 1 µs.

use super::{Counts, OUTCOME};

/// The certainty that is left over: the true share lies below the lower bound with this probability.
const TAIL: f64 = 0.05;

/// How many standard deviations below the mean the tail of a normal distribution begins.
const TAIL_DEVIATION: f64 = 1.644_853_626_951_472_7;

/// A step this small, relative to the quantile, is the last one: the method triples the digits at each.
const LAST_STEP: f64 = 1e-4;

/// Plain bisection would find every quantile that is looked for here in so many steps.
const MOST_STEPS: u32 = 64;

/// The continued fraction needs about the square root of the larger count; counts are capped at ten thousand.
const MOST_TERMS: u32 = 400;

/// With 95 % certainty the share of good outcomes behind these counts is at least this, 0 to 1.
pub(super) fn lower_bound(counts: Counts) -> f64 {
    match counts.capped() {
        Counts { good: 0, .. } => 0.0,
        Counts { bad: 0, .. } => 1.0,
        Counts { good, bad } => {
            Beta::of(good as f64 / OUTCOME as f64, bad as f64 / OUTCOME as f64).quantile()
        }
    }
}

/// The Beta distribution with `good` and `bad` as its parameters, both above zero.
struct Beta {
    good: f64,
    bad: f64,
    /// The logarithm of what makes the density integrate to one.
    scale: f64,
}

impl Beta {
    fn of(good: f64, bad: f64) -> Beta {
        Beta { good, bad, scale: libm::lgamma(good + bad) - libm::lgamma(good) - libm::lgamma(bad) }
    }

    fn quantile(&self) -> f64 {
        // Near zero the distribution function is x^good * e^scale / good, with an error of about x * bad.
        let near_zero = libm::exp((libm::log(TAIL * self.good) - self.scale) / self.good);
        if near_zero * (1.0 + self.bad) < 1e-9 {
            return near_zero;
        }
        let (mut low, mut high) = (0.0, 1.0);
        let mut x = self.first_guess();
        for _ in 0..MOST_STEPS {
            let density = self.density(x);
            let excess = self.below(x, density) - TAIL;
            if excess > 0.0 {
                high = x;
            } else {
                low = x;
            }
            let step = self.halley_step(x, excess / density);
            // What is not a number is not inside the bracket either.
            let next = if x - step > low && x - step < high { x - step } else { f64::midpoint(low, high) };
            if libm::fabs(next - x) <= LAST_STEP * x {
                return next;
            }
            x = next;
        }
        x
    }

    /// Newton's step, bent by the slope of the density.
    fn halley_step(&self, x: f64, newton: f64) -> f64 {
        let slope = (self.good - 1.0) / x - (self.bad - 1.0) / (1.0 - x);
        newton / (1.0 - 0.5 * (newton * slope).min(1.0))
    }

    fn density(&self, x: f64) -> f64 {
        libm::exp((self.good - 1.0) * libm::log(x) + (self.bad - 1.0) * libm::log1p(-x) + self.scale)
    }

    /// The probability of a share below `x`: the regularised incomplete beta function.
    fn below(&self, x: f64, density: f64) -> f64 {
        let power = density * x * (1.0 - x);
        if x < (self.good + 1.0) / (self.good + self.bad + 2.0) {
            power * continued_fraction(self.good, self.bad, x) / self.good
        } else {
            1.0 - power * continued_fraction(self.bad, self.good, 1.0 - x) / self.bad
        }
    }

    /// Abramowitz and Stegun 26.5.22 where the density has one hump, else the nearer of its two power laws.
    fn first_guess(&self) -> f64 {
        let Beta { good, bad, .. } = *self;
        let guess = if good >= 1.0 && bad >= 1.0 {
            let (left, right) = (1.0 / (2.0 * good - 1.0), 1.0 / (2.0 * bad - 1.0));
            let (flat, h) = ((TAIL_DEVIATION * TAIL_DEVIATION - 3.0) / 6.0, 2.0 / (left + right));
            let w = TAIL_DEVIATION * libm::sqrt(flat + h) / h
                - (right - left) * (flat + 5.0 / 6.0 - 2.0 / (3.0 * h));
            good / (good + bad * libm::exp(2.0 * w))
        } else {
            let lower = libm::exp(good * libm::log(good / (good + bad))) / good;
            let upper = libm::exp(bad * libm::log(bad / (good + bad))) / bad;
            let both = lower + upper;
            if TAIL < lower / both {
                libm::pow(good * both * TAIL, 1.0 / good)
            } else {
                1.0 - libm::pow(bad * both * (1.0 - TAIL), 1.0 / bad)
            }
        };
        guess.clamp(1e-15, 1.0 - 1e-15)
    }
}

/// The continued fraction of the incomplete beta function (DLMF 8.17.22), by Lentz's method.
fn continued_fraction(a: f64, b: f64, x: f64) -> f64 {
    let away_from_zero = |value: f64| if libm::fabs(value) < 1e-300 { 1e-300 } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for term in 1..=MOST_TERMS {
        let m = f64::from(term);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away_from_zero(1.0 + even * d);
        c = away_from_zero(1.0 + even / c);
        fraction *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away_from_zero(1.0 + odd * d);
        c = away_from_zero(1.0 + odd / c);
        fraction *= d * c;
        if libm::fabs(d * c - 1.0) < 1e-11 {
            break;
        }
    }
    fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(good: f64, bad: f64) -> f64 {
        let micro = |count: f64| (count * OUTCOME as f64).round() as u64;
        lower_bound(Counts { good: micro(good), bad: micro(bad) })
    }

    #[test]
    fn quantiles_are_those_of_an_arbitrary_precision_library() {
        for (good, bad, wanted) in [
            (1.0, 1.0, 0.05),
            (1.0, 2.0, 0.025_320_565_519_103_6),
            (1.2, 1.8, 0.048_085_157_657_535_7),
            (0.3, 2.7, 1.357_300_111_391_2e-5),
            (0.03, 2.97, 9.863_632_725_994_617e-45),
            (0.5, 0.5, 0.006_155_829_702_431_14),
            (2.7, 0.3, 0.562_079_758_024_181),
            (3.0, 0.01, 0.998_667_206_721_238),
            (0.1, 50.0, 1.196_894_380_847_295e-15),
            (2.0, 2.0, 0.135_350_362_171_584),
            (7.0, 2.0, 0.529_320_591_398_868),
            (10.0, 3.0, 0.561_894_564_884_689),
            (51.0, 2.0, 0.911_991_069_242_806),
            (96.0, 7.0, 0.887_203_630_573_957),
            (951.0, 52.0, 0.936_159_805_479_778),
            (6.0, 17.0, 0.126_033_997_906_47),
            (2.0, 9998.0, 3.554_085_075_094_371e-5),
            (5000.0, 5000.0, 0.491_776_082_548_821),
        ] {
            let found = bound(good, bad);
            assert!((found / wanted - 1.0).abs() < 1e-9, "Beta({good}, {bad}): {found}, not {wanted}");
        }
    }

    #[test]
    fn impossible_counts_have_a_bound_too() {
        for (good, bad, wanted) in [
            (0, 0, 0.0),
            (0, u64::MAX, 0.0),
            (u64::MAX, 0, 1.0),
            (1, u64::MAX, 0.0),
            (u64::MAX, 1, 1.0),
            (u64::MAX, u64::MAX, 0.491_776_1),
            (1, 1, 0.0),
            (1, 3_000_000, 0.0),
            (3_000_000, 1, 1.0),
        ] {
            let found = lower_bound(Counts { good, bad });
            assert!((found - wanted).abs() < 1e-4, "{good} good, {bad} bad: {found}, not {wanted}");
        }
    }
}

//! Lengths of time as people write them: `250ms`, `30s`, `1h30m`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A length of time from one millisecond to thirty days.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(u64);

/// Thirty days: the longest span, in milliseconds.
const LONGEST: u64 = 30 * 24 * 60 * 60 * 1000;

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

impl Span {
    /// A span of whole seconds, bounded to what a span may be.
    #[must_use]
    pub const fn seconds(seconds: u32) -> Span {
        let millis = seconds as u64 * 1000;
        Span(if millis == 0 {
            1
        } else if millis > LONGEST {
            LONGEST
        } else {
            millis
        })
    }

    /// A span of milliseconds, bounded to what a span may be.
    #[must_use]
    pub fn millis_within(millis: u64) -> Span {
        Span(millis.clamp(1, LONGEST))
    }

    /// The span in milliseconds.
    #[must_use]
    pub fn millis(self) -> u64 {
        self.0
    }

    /// The span for timers.
    #[must_use]
    pub fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

/// A text that is not a span.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSpan {
    /// The text is not numbers with units.
    #[error("`{0}` is not a length of time: write it like `250ms`, `30s`, `15m` or `1h30m`")]
    Form(String),
    /// The length lies outside one millisecond to thirty days.
    #[error("`{0}` is out of range: a length of time lies between `1ms` and `30d`")]
    Range(String),
}

impl FromStr for Span {
    type Err = BadSpan;

    fn from_str(text: &str) -> Result<Span, BadSpan> {
        let shown = || text.chars().take(40).collect::<String>();
        if text.is_empty() || text.len() > 40 {
            return Err(BadSpan::Form(shown()));
        }
        let mut rest = text;
        let mut total: u64 = 0;
        let mut last = u64::MAX;
        while !rest.is_empty() {
            let (count, unit, after) = part(rest).ok_or_else(|| BadSpan::Form(shown()))?;
            // Units come once each, larger first, so that a span has few spellings.
            if unit >= last {
                return Err(BadSpan::Form(shown()));
            }
            last = unit;
            let millis = count.checked_mul(unit).ok_or_else(|| BadSpan::Range(shown()))?;
            total = total.checked_add(millis).ok_or_else(|| BadSpan::Range(shown()))?;
            rest = after;
        }
        if total == 0 || total > LONGEST { Err(BadSpan::Range(shown())) } else { Ok(Span(total)) }
    }
}

/// The first number and unit of a text, and what follows them.
fn part(text: &str) -> Option<(u64, u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, after) = text.split_at_checked(digits)?;
    let letters = after.bytes().take_while(u8::is_ascii_lowercase).count();
    let (name, rest) = after.split_at_checked(letters)?;
    let (_, unit) = UNITS.iter().find(|(known, _)| *known == name)?;
    Some((number.parse().ok()?, *unit, rest))
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = self.0;
        for (name, unit) in UNITS {
            if left >= unit {
                write!(f, "{}{name}", left / unit)?;
                left %= unit;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for Span {
    type Error = BadSpan;

    fn try_from(text: String) -> Result<Span, BadSpan> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> String {
        span.to_string()
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$",
            "minLength": 2,
            "description": "a length of time such as `250ms`, `30s` or `1h30m`, at most `30d`",
            "examples": ["30s", "15m"]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_written() {
        for (text, millis) in
            [("250ms", 250), ("30s", 30_000), ("1h30m", 5_400_000), ("1m1ms", 60_001), ("30d", LONGEST)]
        {
            let span: Span = text.parse().unwrap();
            assert_eq!((span.millis(), span.to_string().as_str()), (millis, text));
        }
        assert_eq!("90s".parse::<Span>().unwrap().to_string(), "1m30s");
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for text in [
            "",
            "s",
            "5",
            "-5s",
            "1.5s",
            "0s",
            "31d",
            "1s1m",
            "1s1s",
            "5 s",
            "99999999999999999999s",
            "9999999999999999d",
        ] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}

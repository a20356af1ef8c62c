//! Numbers as people read them. A share never stands without its numerator and its denominator.

use jiff::Timestamp;

use crate::report::{Basis, Value};

/// A value in words.
#[must_use]
pub fn value(value: &Value) -> String {
    match value {
        Value::NoEvidence => "no evidence".to_owned(),
        Value::Count { count } => grouped(*count),
        Value::Part { part, whole } => {
            format!("{} of {} ({})", grouped(*part), grouped(*whole), share(*part, *whole))
        }
        Value::Times { count, median_ms, p95_ms, p99_ms, longest_ms, mean_ms } => format!(
            "half within {}, 95 of 100 within {}, 99 within {}; longest {}, mean {} ({} measured)",
            time(*median_ms),
            time(*p95_ms),
            time(*p99_ms),
            time(*longest_ms),
            time(*mean_ms),
            grouped(*count)
        ),
        Value::Rate { count, over_ms } => {
            let a_minute = u128::from(*count) * 600_000 / u128::from((*over_ms).max(1));
            format!(
                "{} in {} ({}.{} a minute)",
                grouped(*count),
                time(*over_ms),
                a_minute / 10,
                a_minute % 10
            )
        }
        Value::Cost { micros, currency, contracts } => format!(
            "{} {currency} over {} contracts ({} {currency} each)",
            money(*micros),
            grouped(*contracts),
            money(micros.checked_div(*contracts).unwrap_or(0))
        ),
    }
}

/// A value in a few words, for where it stands large.
#[must_use]
pub fn brief(of: &Value) -> String {
    match of {
        Value::Part { part, whole } => format!("{} of {}", grouped(*part), grouped(*whole)),
        Value::Times { median_ms, .. } => time(*median_ms),
        Value::Rate { count, over_ms } => format!("{} in {}", grouped(*count), time(*over_ms)),
        Value::Cost { micros, currency, contracts } => {
            format!("{} {currency}", money(micros.checked_div(*contracts).unwrap_or(0)))
        }
        Value::NoEvidence | Value::Count { .. } => value(of),
    }
}

/// What the brief form leaves out.
#[must_use]
pub fn rest(value: &Value) -> Option<String> {
    match value {
        Value::NoEvidence | Value::Count { .. } => None,
        Value::Part { part, whole } => Some(share(*part, *whole)),
        Value::Times { count, p95_ms, p99_ms, longest_ms, .. } => Some(format!(
            "median of {}; 95 of 100 within {}, 99 within {}, longest {}",
            grouped(*count),
            time(*p95_ms),
            time(*p99_ms),
            time(*longest_ms)
        )),
        Value::Rate { count, over_ms } => {
            let a_minute = u128::from(*count) * 600_000 / u128::from((*over_ms).max(1));
            Some(format!("{}.{} a minute", a_minute / 10, a_minute % 10))
        }
        Value::Cost { micros, currency, contracts } => {
            Some(format!("each; {} {currency} over {} contracts", money(*micros), grouped(*contracts)))
        }
    }
}

/// What a number rests on, in lines of a name and a text.
#[must_use]
pub fn basis(basis: &Basis) -> Vec<(&'static str, String)> {
    let mut lines = vec![("query", query(&basis.query))];
    if let Some(of) = &basis.of {
        lines.push(("of", query(of)));
    }
    if let Some(rule) = basis.rule {
        lines.push(("rule", rule.to_owned()));
    }
    if !basis.leaves.is_empty() {
        lines.push(("leaves", basis.leaves.to_string()));
    }
    lines
}

/// A query as it is shown: the one that asks nothing is named.
#[must_use]
pub fn query(query: &str) -> String {
    if query.is_empty() { "every record".to_owned() } else { query.to_owned() }
}

/// Hundredths, rounded down, so that what is not all is never 100 %, and what is not nothing never none.
fn share(part: u64, whole: u64) -> String {
    let tenths = u128::from(part) * 1000 / u128::from(whole.max(1));
    if part > 0 && tenths == 0 {
        "under 0.1 %".to_owned()
    } else {
        format!("{}.{} %", tenths / 10, tenths % 10)
    }
}

/// A number with its thousands apart.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Milliseconds as people say them.
#[must_use]
pub fn time(millis: u64) -> String {
    match millis {
        0..1000 => format!("{millis} ms"),
        1000..60_000 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        60_000..3_600_000 => format!("{} min {} s", millis / 60_000, millis % 60_000 / 1000),
        3_600_000..172_800_000 => format!("{} h {} min", millis / 3_600_000, millis % 3_600_000 / 60_000),
        _ => format!("{} d {} h", millis / 86_400_000, millis % 86_400_000 / 3_600_000),
    }
}

/// Millionths of a currency with as many decimals as it has, two at least.
fn money(micros: u64) -> String {
    let decimals = format!("{:06}", micros % 1_000_000);
    let cents = decimals.trim_end_matches('0');
    format!("{}.{cents:0<2}", grouped(micros / 1_000_000))
}

/// A second as a day and a time, in UTC.
#[must_use]
pub fn moment(second: i64) -> String {
    let text = Timestamp::from_second(second).map(|at| at.to_string()).unwrap_or_default();
    text.replace('T', " ").replace('Z', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_say_what_they_are_parts_of() {
        let times = Value::Times {
            count: 3,
            median_ms: 12,
            p95_ms: 1234,
            p99_ms: 61_000,
            longest_ms: 7_200_000,
            mean_ms: 90_000_000,
        };
        for (of, says) in [
            (Value::NoEvidence, "no evidence"),
            (Value::Count { count: 1_234_567 }, "1,234,567"),
            (Value::Part { part: 9999, whole: 10_000 }, "9,999 of 10,000 (99.9 %)"),
            (Value::Part { part: 1, whole: 2404 }, "1 of 2,404 (under 0.1 %)"),
            (Value::Part { part: 0, whole: 1 }, "0 of 1 (0.0 %)"),
            (
                times,
                "half within 12 ms, 95 of 100 within 1.2 s, 99 within 1 min 1 s; longest 2 h 0 min, mean 25 h 0 min (3 measured)",
            ),
            (Value::Rate { count: 3, over_ms: 90_000 }, "3 in 1 min 30 s (2.0 a minute)"),
            (
                Value::Cost { micros: 1_010_000, currency: "USD".into(), contracts: 4 },
                "1.01 USD over 4 contracts (0.2525 USD each)",
            ),
        ] {
            assert_eq!(value(&of), says);
        }
        assert_eq!(value(&Value::part(3, 0)), "no evidence");
        assert_eq!(moment(0), "1970-01-01 00:00:00");
    }
}

//! Numbers that came as doubles.
//!
//! Protocols whose values are those of Protocol Buffers carry every number as a double, so that `3` arrives as `3.0`,
//! which no count of ours may be.

use serde_json::{Number, Value};

/// The value with every double that is a whole number, and not beyond 2^53, as that number.
#[must_use]
pub fn whole(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(exact(&number).unwrap_or(number)),
        Value::Array(items) => Value::Array(items.into_iter().map(whole).collect()),
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, whole(value))).collect(),
        other @ (Value::Null | Value::Bool(_) | Value::String(_)) => other,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "whole and within 2^53, so the integer is the same number"
)]
fn exact(number: &Number) -> Option<Number> {
    let double = number.as_f64().filter(|_| number.is_f64())?;
    let fits = double.fract() == 0.0 && double.abs() <= 9_007_199_254_740_992.0;
    fits.then(|| Number::from(double as i64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_whole_and_exact_changes() {
        let given = json!([3.0, -0.0, 0.5, 9e15, 1e16, 7, {"a": [2.0, "2.0", null, true]}, u64::MAX]);
        let wanted =
            json!([3, 0, 0.5, 9_000_000_000_000_000_i64, 1e16, 7, {"a": [2, "2.0", null, true]}, u64::MAX]);
        assert_eq!(whole(given).to_string(), wanted.to_string());
    }
}

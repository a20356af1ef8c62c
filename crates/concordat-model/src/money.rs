//! Money as a decimal text and a currency: `2.50 USD`. Never a float.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// An amount of one currency, counted in millionths.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Money {
    micros: u64,
    currency: [u8; 3],
}

impl Money {
    /// The amount in millionths of the currency's unit.
    #[must_use]
    pub fn micros(self) -> u64 {
        self.micros
    }

    /// What is left of the amount when so much of it is gone, in millionths; nothing at least.
    #[must_use]
    pub fn less(self, micros: u64) -> Money {
        Money { micros: self.micros.saturating_sub(micros), ..self }
    }

    /// The same currency's amount of so many millionths.
    #[must_use]
    pub fn of(self, micros: u64) -> Money {
        Money { micros, ..self }
    }

    /// The ISO 4217 code.
    #[must_use]
    pub fn currency(&self) -> &str {
        std::str::from_utf8(&self.currency).unwrap_or("XXX")
    }
}

/// A text that is not an amount of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an amount of money: write it like `2.50 USD`, with at most six decimals and below a billion"
)]
pub struct BadMoney(String);

impl FromStr for Money {
    type Err = BadMoney;

    fn from_str(text: &str) -> Result<Money, BadMoney> {
        read(text).ok_or_else(|| BadMoney(text.chars().take(40).collect()))
    }
}

fn read(text: &str) -> Option<Money> {
    let (amount, code) = text.split_once(' ')?;
    let currency: [u8; 3] = code.as_bytes().try_into().ok()?;
    let (whole, decimals) = amount.split_once('.').unwrap_or((amount, "0"));
    let digits = |part: &str, most: usize| {
        (1..=most).contains(&part.len()) && part.bytes().all(|c| c.is_ascii_digit())
    };
    if !currency.iter().all(u8::is_ascii_uppercase) || !digits(whole, 9) || !digits(decimals, 6) {
        return None;
    }
    let micros = whole.parse::<u64>().ok()? * 1_000_000 + format!("{decimals:0<6}").parse::<u64>().ok()?;
    Some(Money { micros, currency })
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = format!("{:06}", self.micros % 1_000_000);
        let cents = decimals.trim_end_matches('0');
        write!(f, "{}.{cents:0<2} {}", self.micros / 1_000_000, self.currency())
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for Money {
    type Error = BadMoney;

    fn try_from(text: String) -> Result<Money, BadMoney> {
        text.parse()
    }
}

impl From<Money> for String {
    fn from(money: Money) -> String {
        money.to_string()
    }
}

impl JsonSchema for Money {
    fn schema_name() -> Cow<'static, str> {
        "Money".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[0-9]{1,9}(\\.[0-9]{1,6})? [A-Z]{3}$",
            "description": "an amount of money such as `2.50 USD`"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_written() {
        for (text, micros, shown) in [
            ("2.50 USD", 2_500_000, "2.50 USD"),
            ("0.000001 EUR", 1, "0.000001 EUR"),
            ("7 CHF", 7_000_000, "7.00 CHF"),
        ] {
            let money: Money = text.parse().unwrap();
            assert_eq!((money.micros(), money.to_string().as_str()), (micros, shown));
        }
    }

    #[test]
    fn what_is_no_money_is_refused() {
        for text in [
            "",
            "2.50",
            "2.50USD",
            "-1 USD",
            "1e3 USD",
            "1. USD",
            ".5 USD",
            "1.0000001 USD",
            "1 usd",
            "9999999999 USD",
        ] {
            assert!(text.parse::<Money>().is_err(), "{text}");
        }
    }
}

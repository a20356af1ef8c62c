//! JSON as an agent may write it: each key once, bounded depth and count, numbers that every reader reads alike.
//!
//! `serde_json` keeps the last of two equal keys, so what was checked and what the next program reads could
//! differ. Lone surrogates, NaN, trailing text and broken UTF-8 it refuses by itself.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::limits::Limits;
use super::saying::tame;
use super::trouble::Malformed;

/// Whole numbers up to here are exact in every JSON reader.
const EXACT: u64 = 1 << 53;

/// Reads `bytes` as one JSON value.
pub(crate) fn read(bytes: &[u8], limits: &Limits) -> Result<Value, Malformed> {
    let bounds = Bounds { limits, values: Cell::new(0), broken: RefCell::new(None) };
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = At { bounds: &bounds, depth: 0 }.deserialize(&mut reader);
    let read = read.and_then(|value| reader.end().map(|()| value));
    read.map_err(|error| {
        let broken = bounds.broken.take();
        broken.unwrap_or_else(|| Malformed::NotJson { why: tame(&error.to_string(), limits.message) })
    })
}

struct Bounds<'a> {
    limits: &'a Limits,
    values: Cell<usize>,
    /// Our own reason, which serde's errors cannot carry.
    broken: RefCell<Option<Malformed>>,
}

impl Bounds<'_> {
    fn refuse<T, E: Error>(&self, why: Malformed) -> Result<T, E> {
        let error = E::custom(&why);
        *self.broken.borrow_mut() = Some(why);
        Err(error)
    }

    fn count<E: Error>(&self) -> Result<(), E> {
        let values = self.values.get() + 1;
        self.values.set(values);
        let limit = self.limits.values;
        if values > limit { self.refuse(Malformed::TooMany { limit }) } else { Ok(()) }
    }

    fn text<E: Error>(&self, text: String) -> Result<String, E> {
        if text.contains('\0') { self.refuse(Malformed::Nul) } else { Ok(text) }
    }
}

/// The place of a value: how deep it lies.
#[derive(Clone, Copy)]
struct At<'a> {
    bounds: &'a Bounds<'a>,
    depth: usize,
}

impl<'a> At<'a> {
    fn inside<E: Error>(self) -> Result<At<'a>, E> {
        let limit = self.bounds.limits.depth;
        if self.depth >= limit {
            return self.bounds.refuse(Malformed::TooDeep { limit });
        }
        Ok(At { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        self.bounds.count()?;
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for At<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        if value > EXACT { self.bounds.refuse(Malformed::Number) } else { Ok(value.into()) }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        if value.unsigned_abs() > EXACT { self.bounds.refuse(Malformed::Number) } else { Ok(value.into()) }
    }

    // A whole number beyond 64 bits arrives here too, already rounded.
    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        #[expect(clippy::cast_precision_loss, reason = "2^53 is exact")]
        let exact = value.is_finite() && value.abs() <= EXACT as f64;
        if exact { Ok(value.into()) } else { self.bounds.refuse(Malformed::Number) }
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        self.bounds.text(value).map(Value::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inside)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut map = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            let key = self.bounds.text(key)?;
            if map.contains_key(&key) {
                let key = tame(&key, self.bounds.limits.message);
                return self.bounds.refuse(Malformed::DuplicateKey { key });
            }
            let value = members.next_value_seed(inside)?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::{Limits, read};

    fn check(text: impl AsRef<[u8]>, expected: &str) {
        let limits = Limits { depth: 4, values: 20, ..Limits::default() };
        let said = match read(text.as_ref(), &limits) {
            Ok(value) => value.to_string(),
            Err(why) => why.to_string(),
        };
        let text = String::from_utf8_lossy(text.as_ref());
        assert!(said.contains(expected), "{text}: expected `{expected}`, but: {said}");
    }

    #[test]
    fn json_is_read_strictly() {
        for (text, expected) in [
            (r#"{"b":[1,2.5,-3,null,true,"x"],"a":{}}"#, r#"{"a":{},"b":[1,2.5,-3,null,true,"x"]}"#),
            (" 7 ", "7"),
            ("9007199254740992", "9007199254740992"),
            (r#""\u00e9\ud83d\ude00""#, "\"\u{e9}\u{1f600}\""),
            (r#"{"a":1,"a":2}"#, "key `a` twice"),
            (r#"{"a":1,"\u0061":2}"#, "key `a` twice"),
            (r#"{"x":{"a":1,"b":2,"a":3}}"#, "key `a` twice"),
            ("[[[[1]]]]", "[[[[1]]]]"),
            ("[[[[[1]]]]]", "deeper than 4"),
            (r#"{"a":{"a":{"a":{"a":{}}}}}"#, "deeper than 4"),
            ("[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "more than 20 values"),
            ("9007199254740993", "beyond 2^53"),
            ("-9007199254740993", "beyond 2^53"),
            ("123456789012345678901234567890", "beyond 2^53"),
            ("1e300", "beyond 2^53"),
            ("1e999", "not JSON"),
            ("NaN", "not JSON"),
            ("-Infinity", "not JSON"),
            (r#""\ud800""#, "not JSON"),
            (r#""a\u0000b""#, "NUL"),
            (r#"{"a\u0000":1}"#, "NUL"),
            ("{} {}", "not JSON"),
            ("{,}", "not JSON"),
            ("[1,]", "not JSON"),
            ("'a'", "not JSON"),
            ("// no\n1", "not JSON"),
            ("\u{feff}{}", "not JSON"),
            ("", "not JSON"),
        ] {
            check(text, expected);
        }
        check(b"\"\xff\"", "not JSON");
    }

    #[test]
    fn bombs_cost_nothing() {
        check("[".repeat(1_000_000), "deeper than 4");
        check(r#"{"a":"#.repeat(100_000), "deeper than 4");
        check(format!("[{}]", "[],".repeat(300_000)), "more than 20 values");
    }
}

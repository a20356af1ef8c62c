//! Draws inputs of a shape: ordinary values, edges, what the policy's own text mentions, and equal names.
//!
//! A rule compares what stands in different places: `review.payload == contract.digest`. So a text or a number that
//! was drawn before in the same input is drawn again more often than a new one.

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value};

use super::shape::{Member, Shape, Text};

/// Points in time where calendars and clocks do something: midnight, a leap day, the ends of a year, a weekend.
const TIMES: [&str; 8] = [
    "2026-01-01T00:00:00Z",
    "2026-03-02T09:30:00Z",
    "2026-03-02T03:00:00Z",
    "2026-03-07T23:59:59Z",
    "2028-02-29T12:00:00Z",
    "2026-12-31T23:59:59.999999999Z",
    "2026-03-29T01:30:00Z",
    "1970-01-01T00:00:00Z",
];

/// What a policy's text mentions.
#[derive(Debug, Clone, Default)]
pub(super) struct Mentioned {
    pub(super) texts: Vec<String>,
    pub(super) numbers: Vec<i64>,
    /// Members that it looks at; changing another one changes nothing.
    pub(super) members: BTreeSet<String>,
}

/// How much rather a member is altered that the policy looks at.
const LOOKED_AT: usize = 8;

/// One input being drawn.
pub(super) struct Draw<'a> {
    rng: &'a mut ChaCha8Rng,
    mentioned: &'a Mentioned,
    texts: BTreeMap<String, Vec<String>>,
    numbers: Vec<i64>,
    words: Vec<Value>,
    /// How often, in percent, what was drawn before is drawn again; another one for each input.
    again: usize,
    /// How often, in percent, what may be absent is there.
    present: usize,
}

impl<'a> Draw<'a> {
    pub(super) fn new(rng: &'a mut ChaCha8Rng, mentioned: &'a Mentioned) -> Draw<'a> {
        let (texts, numbers, words) = Default::default();
        let mut draw = Draw { rng, mentioned, texts, numbers, words, again: 0, present: 0 };
        // Some inputs hold one name for everything, some as many as they can: rules need both.
        draw.again = draw.one_of(&[20, 55, 80, 95]).unwrap_or(55);
        draw.present = draw.one_of(&[15, 50, 85]).unwrap_or(50);
        draw
    }

    fn below(&mut self, n: usize) -> usize {
        if n < 2 { 0 } else { self.rng.random_range(0..n) }
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn one_of<T: Clone>(&mut self, values: &[T]) -> Option<T> {
        let at = self.below(values.len());
        values.get(at).cloned()
    }

    /// A value of a shape.
    pub(super) fn value(&mut self, shape: &Shape) -> Value {
        match shape {
            Shape::Null => Value::Null,
            Shape::Bool => Value::Bool(self.chance(50)),
            Shape::Const(value) => value.clone(),
            Shape::Integer { min, max } => self.integer(*min, *max).into(),
            Shape::Text(text) => self.text(text).into(),
            Shape::Array(items) => self.array(items),
            Shape::Object { members, keyed } => {
                let mut found = Map::new();
                for member in members {
                    if member.required || self.chance(self.present) {
                        let value = self.value(&member.shape);
                        found.insert(member.name.clone(), value);
                    }
                }
                if let Some((names, shape)) = keyed {
                    for _ in 0..self.length() {
                        let (name, value) = (self.text(names), self.value(shape));
                        found.insert(name, value);
                    }
                }
                Value::Object(found)
            }
            Shape::Any(shapes) => {
                let known: Vec<Value> = self
                    .words
                    .iter()
                    .filter(|word| shapes.iter().any(|shape| shape.is(word)))
                    .cloned()
                    .collect();
                if !known.is_empty() && self.chance(self.again / 2) {
                    return self.one_of(&known).unwrap_or_default();
                }
                let at = self.below(shapes.len());
                let drawn = shapes.get(at).map_or(Value::Null, |shape| self.value(shape));
                if drawn.is_string() && !self.words.contains(&drawn) {
                    self.words.push(drawn.clone());
                }
                drawn
            }
        }
    }

    /// Some are empty, most are short: what goes wrong goes wrong with two.
    fn length(&mut self) -> usize {
        [0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 4].get(self.below(12)).copied().unwrap_or(1)
    }

    fn array(&mut self, items: &Shape) -> Value {
        let mut values: Vec<Value> = Vec::new();
        for _ in 0..self.length() {
            let value = self.value(items);
            // A set is what most arrays mean, and two things never have one id.
            if !values.iter().any(|known| same(known, &value)) {
                values.push(value);
            }
        }
        values.into()
    }

    fn integer(&mut self, min: i64, max: i64) -> i64 {
        let number = match self.below(10) {
            0 => min,
            1 => max,
            2 => 0,
            3 => 1,
            4 | 5 => self.one_of(&self.mentioned.numbers).unwrap_or(0).saturating_add(self.step()),
            6 | 7 => self.one_of(&self.numbers.clone()).unwrap_or(2).saturating_add(self.step()),
            8 => self.rng.random_range(0..100),
            _ => self.rng.random_range(min..=max),
        };
        let number = number.clamp(min, max);
        self.numbers.push(number);
        number
    }

    fn step(&mut self) -> i64 {
        [-1, 0, 0, 1].get(self.below(4)).copied().unwrap_or(0)
    }

    fn text(&mut self, text: &Text) -> String {
        let known = self.texts.get(&text.kind).cloned().unwrap_or_default();
        if !known.is_empty() && self.chance(self.again) {
            return self.one_of(&known).unwrap_or_default();
        }
        let drawn = self.new_text(text);
        self.texts.entry(text.kind.clone()).or_default().push(drawn.clone());
        drawn
    }

    fn new_text(&mut self, text: &Text) -> String {
        let mentioned = self.mentioned;
        if self.chance(40)
            && let Some(text) = self.one_of(&mentioned.texts).filter(|found| text.takes(found))
        {
            return text;
        }
        if text.is_time() {
            let second: i64 = self.rng.random_range(1_735_689_600..1_893_456_000);
            let any = jiff::Timestamp::from_second(second).map(|time| time.to_string()).unwrap_or_default();
            return match self.chance(50) {
                true => self.one_of(&TIMES).unwrap_or_default().to_owned(),
                false => any,
            };
        }
        let rng = &mut *self.rng;
        text.spell(&mut |n| if n < 2 { 0 } else { rng.random_range(0..n) })
    }

    /// An input with one or a few places drawn anew.
    pub(super) fn altered(&mut self, mut value: Value, shape: &Shape) -> Value {
        self.learn(&value, shape);
        for _ in 0..=self.below(4) {
            self.alter(&mut value, shape);
        }
        value
    }

    /// The texts and numbers that an input already holds.
    fn learn(&mut self, value: &Value, shape: &Shape) {
        match (value, shape.alternative(value)) {
            (Value::String(found), Shape::Text(text)) => {
                let known = self.texts.entry(text.kind.clone()).or_default();
                if !known.contains(found) {
                    known.push(found.clone());
                }
            }
            (Value::Number(number), Shape::Integer { .. }) => self.numbers.extend(number.as_i64()),
            (Value::Array(items), Shape::Array(shape)) => {
                items.iter().for_each(|item| self.learn(item, shape));
            }
            (Value::Object(members), shape) => {
                for (name, value) in members {
                    if let Some(shape) = shape.inner(name) {
                        self.learn(value, shape);
                    }
                }
            }
            _ => {}
        }
    }

    fn member<'m>(&mut self, members: &'m [Member]) -> Option<&'m Member> {
        let weight =
            |member: &Member| if self.mentioned.members.contains(&member.name) { LOOKED_AT } else { 1 };
        let weights: Vec<usize> = members.iter().map(weight).collect();
        let mut at = self.below(weights.iter().sum());
        members.iter().zip(weights).find_map(|(member, weight)| match at.checked_sub(weight) {
            Some(rest) => {
                at = rest;
                None
            }
            None => Some(member),
        })
    }

    fn alter(&mut self, value: &mut Value, shape: &Shape) {
        let whole = shape;
        let shape = shape.alternative(value);
        match (&mut *value, shape) {
            (Value::Object(members), Shape::Object { members: known, .. }) if self.chance(95) => {
                let Some(member) = self.member(known) else { return *value = self.value(whole) };
                match members.get_mut(&member.name) {
                    Some(_) if !member.required && self.chance(15) => {
                        members.remove(&member.name);
                    }
                    Some(inner) => self.alter(inner, &member.shape),
                    None => {
                        let new = self.value(&member.shape);
                        members.insert(member.name.clone(), new);
                    }
                }
            }
            (Value::Array(items), Shape::Array(item)) if !items.is_empty() && self.chance(90) => {
                let at = self.below(items.len());
                match self.below(6) {
                    0 => {
                        items.remove(at);
                    }
                    1 => {
                        let new = self.value(item);
                        if !items.iter().any(|known| same(known, &new)) {
                            items.push(new);
                        }
                    }
                    _ => items.iter_mut().skip(at).take(1).for_each(|inner| self.alter(inner, item)),
                }
            }
            _ => *value = self.value(whole),
        }
    }
}

/// Whether two items are one thing.
fn same(one: &Value, other: &Value) -> bool {
    match (one.get("id"), other.get("id")) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// Whether no array names one thing twice.
pub(super) fn distinct(value: &Value) -> bool {
    match value {
        Value::Array(items) => {
            items.iter().all(distinct)
                && items.iter().enumerate().all(|(at, one)| {
                    !items.iter().skip(at + 1).any(|other| one.get("id").is_some() && same(one, other))
                })
        }
        Value::Object(members) => members.values().all(distinct),
        _ => true,
    }
}

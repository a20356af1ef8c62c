//! What a gate's input can look like, read from its JSON Schema.
//!
//! Only what our own schemas say is understood. Whatever this reads too widely is refused later, when the input is
//! read back as the gate's own type.

use std::collections::BTreeMap;

use regex::Regex;
use regex_syntax::hir::{Class, Hir, HirKind};
use serde_json::{Map, Value};

/// The deepest schema that is followed.
const DEEPEST: usize = 24;
/// The largest integer that every reader of JSON keeps whole.
const MOST: i64 = 9_007_199_254_740_991;

/// What a value may be.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    Null,
    Bool,
    Const(Value),
    Integer { min: i64, max: i64 },
    Text(Text),
    Array(Box<Shape>),
    Object { members: Vec<Member>, keyed: Option<(Text, Box<Shape>)> },
    Any(Vec<Shape>),
}

/// A member of an object.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) shape: Shape,
    pub(super) required: bool,
}

/// A kind of text; texts of one kind may name the same thing.
#[derive(Debug, Clone)]
pub(super) struct Text {
    /// The pattern or the format, and the length.
    pub(super) kind: String,
    time: bool,
    pattern: Option<(Regex, Hir)>,
    min: usize,
    max: usize,
}

impl Shape {
    /// Reads a schema.
    pub(super) fn of(schema: &Value) -> Shape {
        let none = Map::new();
        let definitions = schema.get("$defs").and_then(Value::as_object).unwrap_or(&none);
        read(schema, definitions, 0)
    }

    /// Whether a value is of this shape, as far as it takes to tell alternatives apart.
    pub(super) fn fits(&self, value: &Value) -> bool {
        match (self, value) {
            (Shape::Null, Value::Null)
            | (Shape::Bool, Value::Bool(_))
            | (Shape::Text(_), Value::String(_))
            | (Shape::Array(_), Value::Array(_)) => true,
            (Shape::Const(wanted), value) => wanted == value,
            (Shape::Integer { min, max }, Value::Number(number)) => {
                number.as_i64().is_some_and(|number| (*min..=*max).contains(&number))
            }
            (Shape::Object { members, keyed }, Value::Object(found)) => {
                let known = |name: &String| members.iter().any(|member| member.name == *name);
                (keyed.is_some() || found.keys().all(known))
                    && members.iter().all(|member| match found.get(&member.name) {
                        Some(value) => member.shape.fits(value),
                        None => !member.required,
                    })
            }
            (Shape::Any(shapes), value) => shapes.iter().any(|shape| shape.fits(value)),
            _ => false,
        }
    }

    /// Whether it is exactly this one value.
    pub(super) fn is(&self, value: &Value) -> bool {
        matches!(self, Shape::Const(only) if only == value)
    }

    /// The alternative that a value is.
    pub(super) fn alternative(&self, value: &Value) -> &Shape {
        match self {
            Shape::Any(shapes) => shapes.iter().find(|shape| shape.fits(value)).unwrap_or(self),
            other => other,
        }
    }

    /// The shape of a member or an item.
    pub(super) fn inner(&self, name: &str) -> Option<&Shape> {
        match self {
            Shape::Object { members, keyed } => {
                let member = members.iter().find(|member| member.name == name).map(|member| &member.shape);
                member.or_else(|| keyed.as_ref().map(|(_, shape)| shape.as_ref()))
            }
            _ => None,
        }
    }
}

fn read(schema: &Value, definitions: &Map<String, Value>, depth: usize) -> Shape {
    let inner = |schema: &Value| read(schema, definitions, depth + 1);
    if depth > DEEPEST {
        return Shape::Null;
    }
    if let Some(name) =
        schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix("#/$defs/"))
    {
        return definitions.get(name).map_or(Shape::Null, inner);
    }
    if let Some(value) = schema.get("const") {
        return Shape::Const(value.clone());
    }
    for several in ["oneOf", "anyOf"] {
        if let Some(Value::Array(shapes)) = schema.get(several) {
            return any(shapes.iter().map(inner).collect());
        }
    }
    if let Some(Value::Array(values)) = schema.get("enum") {
        return Shape::Any(values.iter().cloned().map(Shape::Const).collect());
    }
    match schema.get("type") {
        Some(Value::Array(types)) => {
            any(types.iter().filter_map(Value::as_str).map(|one| of_type(one, schema, &inner)).collect())
        }
        Some(Value::String(one)) => of_type(one, schema, &inner),
        _ => Shape::Null,
    }
}

/// One of several; a gate is never told `null`, only nothing.
fn any(mut shapes: Vec<Shape>) -> Shape {
    shapes.retain(|shape| !matches!(shape, Shape::Null));
    match <[Shape; 1]>::try_from(shapes) {
        Ok([only]) => only,
        Err(shapes) => Shape::Any(shapes),
    }
}

fn of_type(one: &str, schema: &Value, inner: &dyn Fn(&Value) -> Shape) -> Shape {
    match one {
        "boolean" => Shape::Bool,
        "integer" => integer(schema),
        "string" => Shape::Text(Text::of(schema)),
        "array" => Shape::Array(Box::new(schema.get("items").map_or(Shape::Null, inner))),
        "object" => object(schema, inner),
        _ => Shape::Null,
    }
}

fn integer(schema: &Value) -> Shape {
    let bound = |name: &str| schema.get(name).and_then(Value::as_i64);
    let (least, most) = match schema.get("format").and_then(Value::as_str) {
        Some("uint8") => (0, i64::from(u8::MAX)),
        Some("uint16") => (0, i64::from(u16::MAX)),
        Some("uint32") => (0, i64::from(u32::MAX)),
        Some("uint64" | "uint") => (0, MOST),
        _ => (-MOST, MOST),
    };
    Shape::Integer {
        min: bound("minimum").unwrap_or(least).max(least),
        max: bound("maximum").unwrap_or(most).min(most),
    }
}

fn object(schema: &Value, inner: &dyn Fn(&Value) -> Shape) -> Shape {
    let required: Vec<&str> = match schema.get("required") {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let empty = Map::new();
    let members = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let sorted: BTreeMap<&String, &Value> = members.iter().collect();
    let members = sorted.into_iter().map(|(name, schema)| Member {
        name: name.clone(),
        shape: inner(schema),
        required: required.contains(&name.as_str()),
    });
    let keyed = schema.get("patternProperties").and_then(Value::as_object);
    let keyed = keyed.and_then(|keyed| keyed.iter().next()).map(|(pattern, schema)| {
        (Text::of(&serde_json::json!({"pattern": pattern, "maxLength": 64})), Box::new(inner(schema)))
    });
    Shape::Object { members: members.collect(), keyed }
}

impl Text {
    fn of(schema: &Value) -> Text {
        let text = |name: &str| schema.get(name).and_then(Value::as_str).map(str::to_owned);
        let length =
            |name: &str| schema.get(name).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        let pattern = text("pattern")
            .and_then(|pattern| Some((Regex::new(&pattern).ok()?, regex_syntax::parse(&pattern).ok()?)));
        let format = text("format").unwrap_or_default();
        let (min, max) = (length("minLength").unwrap_or(0), length("maxLength").unwrap_or(64));
        let kind = text("pattern").unwrap_or_else(|| format!("{format} {min}"));
        Text { kind, time: format == "date-time", pattern, min, max }
    }

    /// Whether it is a point in time.
    pub(super) fn is_time(&self) -> bool {
        self.time
    }

    /// Whether a text is of this kind.
    pub(super) fn takes(&self, text: &str) -> bool {
        let length = text.chars().count();
        let fits = match &self.pattern {
            Some((regex, _)) => regex.is_match(text),
            None if self.time => text.parse::<jiff::Timestamp>().is_ok(),
            None => true,
        };
        fits && (self.min..=self.max.max(self.min)).contains(&length)
    }

    /// A text of this kind: `pick(n)` draws a number below `n`.
    pub(super) fn spell(&self, pick: &mut dyn FnMut(usize) -> usize) -> String {
        match &self.pattern {
            Some((_, hir)) => {
                let mut text = String::new();
                spell(hir, pick, &mut text);
                text
            }
            None if self.min > 0 => {
                let letter = letter(pick(26));
                std::iter::repeat_n(letter.to_ascii_uppercase(), self.min).collect()
            }
            None => letter(pick(26)).to_string(),
        }
    }

    /// The simplest texts of this kind, for what people are to read.
    pub(super) fn simple(&self, nth: usize) -> String {
        if self.time {
            return format!("2026-01-0{}T00:00:00Z", nth % 9 + 1);
        }
        self.spell(&mut |n| nth % n.max(1))
    }
}

fn letter(nth: usize) -> char {
    ('a'..='z').nth(nth).unwrap_or('a')
}

fn spell(hir: &Hir, pick: &mut dyn FnMut(usize) -> usize, text: &mut String) {
    match hir.kind() {
        HirKind::Literal(literal) => text.push_str(&String::from_utf8_lossy(&literal.0)),
        HirKind::Class(class) => text.push(character(class, pick)),
        HirKind::Repetition(repetition) => {
            let least = repetition.min;
            let most = repetition.max.unwrap_or(least + 2);
            let span = usize::try_from(most.saturating_sub(least)).unwrap_or(0).min(3);
            let extra = u32::try_from(pick(span + 1)).unwrap_or(0);
            let times = least + extra;
            // A long run is one character over and over: as good a name as any, and people can read it.
            if least >= 8 {
                let mut one = String::new();
                spell(&repetition.sub, pick, &mut one);
                text.extend((0..times).map(|_| one.as_str()));
            } else {
                (0..times).for_each(|_| spell(&repetition.sub, pick, text));
            }
        }
        HirKind::Capture(capture) => spell(&capture.sub, pick, text),
        HirKind::Concat(parts) => parts.iter().for_each(|part| spell(part, pick, text)),
        HirKind::Alternation(parts) => {
            let at = pick(parts.len());
            parts.iter().skip(at).take(1).for_each(|part| spell(part, pick, text));
        }
        HirKind::Empty | HirKind::Look(_) => {}
    }
}

/// A character of a class; letters come first.
fn character(class: &Class, pick: &mut dyn FnMut(usize) -> usize) -> char {
    let mut characters: Vec<char> = match class {
        Class::Unicode(class) => {
            class.iter().flat_map(|range| range.start()..=range.end()).take(256).collect()
        }
        Class::Bytes(class) => {
            class.iter().flat_map(|range| range.start()..=range.end()).map(char::from).collect()
        }
    };
    characters.sort_by_key(|c| (!c.is_ascii_alphabetic(), !c.is_ascii_digit(), *c));
    let at = pick(characters.len());
    characters.get(at).copied().unwrap_or('a')
}

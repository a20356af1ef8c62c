//! Reading what people and programs wrote, once and strictly.
//!
//! A document is YAML or JSON. Both become the same plain value, without the features by which documents
//! have been used to attack their readers: no anchors, aliases, merges or tags, no second member of one name,
//! no number that another reader would read otherwise, bounded in bytes, depth and nodes. After that it is
//! read into a typed struct, and every refusal carries its pointer, line and column.

mod members;

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::problem::{Problem, Problems};
use crate::text_position;

/// The most bytes a document may have.
pub const MAX_BYTES: usize = 256 * 1024;
/// The deepest nesting.
pub const MAX_DEPTH: usize = 32;
/// The most values and members in one document.
pub const MAX_NODES: usize = 20_000;
/// The largest whole number that every reader of JSON reads alike: 2^53 - 1.
pub const MAX_INTEGER: i64 = (1 << 53) - 1;

/// The notation that a document is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    /// YAML 1.2, without anchors, aliases, merge keys and tags.
    Yaml,
    /// JSON (RFC 8259).
    Json,
}

/// Reads a document into its type, or says everything that keeps it from being one.
///
/// # Errors
/// What is wrong, with pointer, line and column.
pub fn read<T: DeserializeOwned>(bytes: &[u8], notation: Notation) -> Result<T, Problems> {
    let value = read_value(bytes, notation)?;
    typed(value).map_err(|problem| locate(bytes, problem.into()))
}

/// Reads an already parsed value into its type.
///
/// # Errors
/// What is wrong and its pointer.
pub fn typed<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(members::Named(value)).map_err(|error| {
        let pointer = pointer(error.path());
        Problem::new("document-form", pointer, plain(&error.into_inner().to_string()))
    })
}

/// The plain value of a document, without duplicate members and unreadable numbers.
///
/// # Errors
/// What is wrong, with line and column.
pub fn read_value(bytes: &[u8], notation: Notation) -> Result<Value, Problems> {
    let text = text(bytes)?;
    match notation {
        Notation::Yaml => yaml(text),
        Notation::Json => json(text),
    }
    .map_err(Problems::from)
}

/// The same problems with the lines and columns of their pointers in the text that was read.
#[must_use]
pub fn locate(bytes: &[u8], problems: Problems) -> Problems {
    match std::str::from_utf8(bytes) {
        Ok(text) => problems.map(|problem| text_position::locate(text, problem)),
        Err(_) => problems,
    }
}

fn text(bytes: &[u8]) -> Result<&str, Problems> {
    if bytes.len() > MAX_BYTES {
        let message = format!("the document has {} bytes; the most is {MAX_BYTES}", bytes.len());
        return Err(Problem::new("document-too-large", "", message)
            .hint("split it into several contracts")
            .into());
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let message = format!("the document is not UTF-8: byte {} cannot be read", error.valid_up_to());
        Problem::new("document-encoding", "", message)
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(Problem::new("document-empty", "", "the document is empty").into());
    }
    if let Some(at) = text.find('\0') {
        let message = format!("the document holds a NUL character at byte {at}");
        return Err(Problem::new("document-encoding", "", message).into());
    }
    Ok(text)
}

fn json(text: &str) -> Result<Value, Problem> {
    let nodes = Cell::new(0);
    let mut reader = serde_json::Deserializer::from_str(text);
    Strict { nodes: &nodes, depth: 0 }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| {
            let (line, column) = (error.line() as u64, error.column() as u64);
            let told = error.to_string();
            let message = told.rsplit_once(" at line ").map_or(told.as_str(), |(message, _)| message);
            Problem::new("document-syntax", "", message).on(line, column.max(1))
        })
}

fn yaml(text: &str) -> Result<Value, Problem> {
    let budget = serde_saphyr::budget! {
        max_aliases: 0, max_anchors: 0, max_nodes: MAX_NODES, max_depth: MAX_DEPTH + 8, max_documents: 1
    };
    let options = serde_saphyr::options! {
        budget: budget,
        merge_keys: serde_saphyr::options::MergeKeyPolicy::Error,
        reject_unsupported_tags: true,
        strict_booleans: true,
        with_snippet: false
    };
    let nodes = Cell::new(0);
    serde_saphyr::with_deserializer_from_str_with_options(text, options, |reader| {
        Strict { nodes: &nodes, depth: 0 }.deserialize(reader)
    })
    .map_err(|error| {
        let at = error.location();
        let told = error.without_snippet().to_string();
        let message = told.rsplit_once(" at line ").map_or(told.as_str(), |(message, _)| message);
        let problem = Problem::new(
            "document-syntax",
            "",
            yaml_words(message.strip_prefix("error: ").unwrap_or(message)),
        );
        match at {
            Some(at) => problem.on(at.line(), at.column()),
            None => problem,
        }
    })
}

/// The reader's sentence in the words of whoever wrote the document.
fn yaml_words(message: &str) -> String {
    const WORDS: [(&str, &str); 6] = [
        (
            "budget breached: Anchors",
            "anchors (`&name`) are not allowed: write the value out where it is used",
        ),
        (
            "budget breached: Aliases",
            "aliases (`*name`) are not allowed: write the value out where it is used",
        ),
        ("budget breached: Documents", "one document is expected, and a second one begins here"),
        ("budget breached: Nodes", "there are too many values in one document"),
        ("budget breached: Depth", "nested too deeply"),
        ("YAML merge keys", "merge keys (`<<`) are not allowed: write the members out"),
    ];
    if let Some(rest) = message.strip_prefix("duplicate mapping key: ") {
        return format!("`{}` is written twice", rest.split(',').next().unwrap_or(rest));
    }
    if let Some(tag) = message.strip_prefix("unsupported tag ") {
        return format!("the tag {tag} is not allowed: leave it out");
    }
    if message.starts_with("non-finite float") {
        return "a number must be finite".to_owned();
    }
    let known = WORDS.iter().find(|(theirs, _)| message.starts_with(theirs));
    known.map_or_else(|| message.to_owned(), |(_, ours)| (*ours).to_owned())
}

/// Builds a plain value and refuses what two readers could read differently.
#[derive(Clone, Copy)]
struct Strict<'a> {
    nodes: &'a Cell<usize>,
    depth: usize,
}

impl Strict<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom(format_args!("nested more than {MAX_DEPTH} levels deep")));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    fn count<E: serde::de::Error>(self) -> Result<(), E> {
        self.nodes.set(self.nodes.get() + 1);
        if self.nodes.get() > MAX_NODES {
            return Err(E::custom(format_args!("more than {MAX_NODES} values in one document")));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        self.count()?;
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        if (-MAX_INTEGER..=MAX_INTEGER).contains(&value) {
            return Ok(Value::from(value));
        }
        Err(E::custom(format_args!("`{value}` is beyond 2^53, where readers disagree: write it as a text")))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_) => Err(E::custom(format_args!(
                "`{value}` is beyond 2^53, where readers disagree: write it as a text"
            ))),
        }
    }

    fn visit_i128<E: serde::de::Error>(self, value: i128) -> Result<Value, E> {
        Err(E::custom(format_args!("`{value}` is beyond 2^53, where readers disagree: write it as a text")))
    }

    fn visit_u128<E: serde::de::Error>(self, value: u128) -> Result<Value, E> {
        Err(E::custom(format_args!("`{value}` is beyond 2^53, where readers disagree: write it as a text")))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        // A float of such a size was written as a whole number that no reader keeps whole.
        if value.abs() > 9_007_199_254_740_991.0 {
            return Err(E::custom(format_args!(
                "`{value}` is beyond 2^53, where readers disagree: write it as a text"
            )));
        }
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number must be finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                let shown: String = name.chars().take(60).collect();
                return Err(serde::de::Error::custom(format_args!("`{shown}` is written twice")));
            }
            let value = members.next_value_seed(inner)?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => pointer.push_str(&format!("/{}", crate::problem::token(key))),
            // Variants and unknown places are no part of the document's own structure.
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

/// Serde's sentence without the words that only a Rust programmer understands.
fn plain(message: &str) -> String {
    message
        .replace("invalid type: map", "a map is not allowed here")
        .replace("invalid type: sequence", "a list is not allowed here")
        .replace("invalid type: null", "nothing is not allowed here")
        .replace("invalid type: ", "wrong kind of value: ")
        .replace("a borrowed string", "a text")
        .replace("a string", "a text")
        .replace("a sequence", "a list")
        .replace("missing field", "missing")
        .replace("unknown field", "unknown member")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(notation: Notation, text: &str, wanted: &str) {
        let problems = read::<Value>(text.as_bytes(), notation).unwrap_err();
        let told = problems.to_string();
        assert!(told.contains(wanted), "`{text}` gave: {told}");
    }

    #[test]
    fn both_notations_give_one_value() {
        let yaml: Value =
            read("a: [1, 2.5, yes, 'x']\nb: {c: null, d: true}\n".as_bytes(), Notation::Yaml).unwrap();
        let json: Value =
            read(br#"{"b":{"d":true,"c":null},"a":[1,2.5,"yes","x"]}"#, Notation::Json).unwrap();
        assert_eq!(yaml, json);
    }

    #[test]
    fn hostile_yaml_is_refused() {
        check(Notation::Yaml, "a: 1\na: 2\n", "2:1: `a` is written twice");
        check(Notation::Yaml, "a: &x 1\nb: *x\n", "1:7: anchors (`&name`) are not allowed");
        check(Notation::Yaml, "a: {b: 1}\nc:\n  <<: {d: 1}\n", "3:3: merge keys (`<<`) are not allowed");
        check(Notation::Yaml, "a: !!python/object:os.system 1\n", "tag");
        check(Notation::Yaml, "a: !secret 1\n", "tag");
        check(Notation::Yaml, &"[".repeat(100), "");
        check(Notation::Yaml, &format!("{}{}", "[".repeat(50), "]".repeat(50)), "");
        check(Notation::Yaml, "a: 1\n---\nb: 2\n", "2:1: one document is expected");
        check(Notation::Yaml, "a: .nan\n", "finite");
        check(Notation::Yaml, "a: 12345678901234567890123\n", "2^53");
        check(Notation::Yaml, "a: 9007199254740993\n", "2^53");
        check(Notation::Yaml, "a: [1\n", "1:4: unclosed bracket");
        check(Notation::Yaml, "", "empty");
        check(Notation::Yaml, "a: \"\0\"", "NUL");
    }

    #[test]
    fn hostile_json_is_refused() {
        check(Notation::Json, r#"{"a":1,"a":2}"#, "`a` is written twice");
        check(Notation::Json, &format!("{}{}", "[".repeat(33), "]".repeat(33)), "nested more than 32");
        check(Notation::Json, &"[".repeat(100_000), "nested more than 32");
        check(Notation::Json, r#"{"a":9007199254740993}"#, "2^53");
        check(Notation::Json, r#"{"a":1e400}"#, "");
        check(Notation::Json, r#"{"a":1} x"#, "trailing");
        check(Notation::Json, r#"{"a":"\ud800"}"#, "hex escape");
        check(Notation::Json, &format!("[{}1]", "1,".repeat(30_000)), "more than 20000 values");
        check(Notation::Json, "  \n ", "empty");
    }

    #[test]
    fn a_list_is_no_map() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Inner {
            #[serde(rename = "a")]
            _a: u8,
        }
        #[derive(Debug, serde::Deserialize)]
        struct Outer {
            #[serde(rename = "inner")]
            _inner: Option<Vec<Inner>>,
        }
        let read = |text: &str| {
            read::<Outer>(text.as_bytes(), Notation::Json).map_err(|problems| problems.to_string())
        };
        assert!(read(r#"{"inner":[{"a":1}]}"#).is_ok() && read(r#"{"inner":null}"#).is_ok());
        for (text, wanted) in [
            (r#"{"inner":[[1]]}"#, "1:11: /inner/0: a list is not allowed here"),
            (r#"[null]"#, "a list is not allowed here"),
            (r#"{"inner":[{"a":1,"b":2}]}"#, "1:18: /inner/0/b: unknown member `b`"),
            (r#"{"inner":[{"a":300}]}"#, "/inner/0/a: "),
        ] {
            let told = read(text).unwrap_err();
            assert!(told.contains(wanted), "{text}: {told}");
        }
    }

    #[test]
    fn bytes_are_checked_before_anything_is_read() {
        let large = vec![b' '; MAX_BYTES + 1];
        assert!(
            read::<Value>(&large, Notation::Json).unwrap_err().to_string().contains("the most is 262144")
        );
        assert!(
            read::<Value>(&[b'"', 0xff, b'"'], Notation::Json)
                .unwrap_err()
                .to_string()
                .contains("UTF-8: byte 1")
        );
    }
}

//! What is counted, written so that anybody can count it again.
//!
//! A query is a few terms with spaces between them, and a record answers to it when it answers to every term:
//!
//! ```text
//! type=gate.decided data.decision.answer.kind=review|deny   one of several values
//! type=step.*                                               everything that begins so
//! type=step.dispatched data.cost                            something stands there
//! type=policy.promoted !data.break_glass                    nothing stands there
//! type=gate.decided data.decision.gate!=access              anything else stands there
//! ```
//!
//! A path leads from the record's envelope through members; what is a list stands for each of its items, and an object
//! of one member (`{"completed":{…}}`) for that member's name. Values are compared as texts.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use crate::entry::Entry;

/// A question to records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    text: String,
    terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    path: Path,
    asks: Asks,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Asks {
    Present,
    Absent,
    OneOf(Vec<Pattern>),
    NoneOf(Vec<Pattern>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Is(String),
    BeginsWith(String),
}

/// Where something stands in a record, such as `data.decision.gate`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path(Vec<String>);

/// A text that is not a query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadQuery {
    /// A term has no path.
    #[error("`{0}` is not a term of a query; hint: write it like `type=gate.decided` or `data.cost`")]
    Term(String),
    /// A path leads to nothing that records have.
    #[error("`{0}` is not in records; hint: begin with `type`, `subject`, `id`, `source`, `time` or `data.`")]
    Path(String),
}

/// What stands in the envelope beside the data.
const ATTRIBUTES: [&str; 5] = ["id", "source", "subject", "time", "type"];

impl Query {
    /// Whether a record answers to it.
    #[must_use]
    pub fn matches(&self, entry: &Entry<'_>) -> bool {
        self.terms.iter().all(|term| term.matches(entry))
    }

    /// The one type of record that can answer to it, if it names one.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        self.terms.iter().find_map(|term| match &term.asks {
            Asks::OneOf(patterns) if term.path.0.first().is_some_and(|first| first == "type") => {
                match patterns.as_slice() {
                    [Pattern::Is(kind)] => Some(kind.as_str()),
                    _ => None,
                }
            }
            _ => None,
        })
    }

    /// The query as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Query {
    type Err = BadQuery;

    fn from_str(text: &str) -> Result<Query, BadQuery> {
        let terms = text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        Ok(Query { text: text.split_whitespace().collect::<Vec<_>>().join(" "), terms })
    }
}

impl Term {
    fn matches(&self, entry: &Entry<'_>) -> bool {
        let any = |patterns: &[Pattern]| {
            let mut found = false;
            self.path.each(entry, &mut |text| found |= patterns.iter().any(|pattern| pattern.fits(text)));
            found
        };
        let present = || {
            let mut found = false;
            self.path.each(entry, &mut |_| found = true);
            found
        };
        match &self.asks {
            Asks::Present => present(),
            Asks::Absent => !present(),
            Asks::OneOf(patterns) => any(patterns),
            Asks::NoneOf(patterns) => present() && !any(patterns),
        }
    }
}

impl FromStr for Term {
    type Err = BadQuery;

    fn from_str(text: &str) -> Result<Term, BadQuery> {
        let patterns = |values: &str| values.split('|').map(Pattern::read).collect();
        let (path, asks) = if let Some((path, values)) = text.split_once("!=") {
            (path, Asks::NoneOf(patterns(values)))
        } else if let Some((path, values)) = text.split_once('=') {
            (path, Asks::OneOf(patterns(values)))
        } else if let Some(path) = text.strip_prefix('!') {
            (path, Asks::Absent)
        } else {
            (text, Asks::Present)
        };
        if path.is_empty() {
            return Err(BadQuery::Term(text.to_owned()));
        }
        Ok(Term { path: path.parse()?, asks })
    }
}

impl Pattern {
    fn read(text: &str) -> Pattern {
        match text.strip_suffix('*') {
            Some(start) => Pattern::BeginsWith(start.to_owned()),
            None => Pattern::Is(text.to_owned()),
        }
    }

    fn fits(&self, text: &str) -> bool {
        match self {
            Pattern::Is(whole) => whole == text,
            Pattern::BeginsWith(start) => text.starts_with(start),
        }
    }
}

impl FromStr for Path {
    type Err = BadQuery;

    fn from_str(text: &str) -> Result<Path, BadQuery> {
        let members: Vec<String> = text.split('.').map(str::to_owned).collect();
        let known = match members.as_slice() {
            [one] => ATTRIBUTES.contains(&one.as_str()),
            [first, ..] => first == "data",
            [] => false,
        };
        if known && members.iter().all(|member| !member.is_empty()) {
            Ok(Path(members))
        } else {
            Err(BadQuery::Path(text.to_owned()))
        }
    }
}

impl Path {
    /// Hands over every text that stands there.
    pub fn each(&self, entry: &Entry<'_>, found: &mut dyn FnMut(&str)) {
        match self.0.split_first() {
            Some((first, rest)) if first == "data" => walk(&entry.data, rest, found),
            Some((attribute, _)) => found(match attribute.as_str() {
                "id" => entry.record.id(),
                "source" => entry.record.source(),
                "subject" => entry.record.subject(),
                "time" => entry.record.time(),
                _ => entry.record.kind(),
            }),
            None => {}
        }
    }

    /// Every text that stands there, each once.
    #[must_use]
    pub fn texts(&self, entry: &Entry<'_>) -> Vec<String> {
        let mut texts = Vec::new();
        self.each(entry, &mut |text| {
            if !texts.iter().any(|known| known == text) {
                texts.push(text.to_owned());
            }
        });
        texts
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

fn walk(value: &Value, members: &[String], found: &mut dyn FnMut(&str)) {
    if let Value::Array(items) = value {
        return items.iter().for_each(|item| walk(item, members, found));
    }
    match members.split_first() {
        Some((first, rest)) => {
            if let Some(inner) = value.get(first) {
                walk(inner, rest, found);
            }
        }
        None => {
            if let Some(text) = text(value) {
                found(&text);
            }
        }
    }
}

fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Null => None,
        Value::Bool(truth) => Some(Cow::Borrowed(if *truth { "true" } else { "false" })),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Array(_) => None,
        Value::Object(members) => match members.iter().next() {
            Some((name, _)) if members.len() == 1 => Some(Cow::Borrowed(name)),
            _ => Some(Cow::Borrowed("{…}")),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::entry::tests::record;

    #[test]
    fn terms_ask_what_they_say() {
        let data = json!({"decision": {"gate": "admit", "answer": {"kind": "deny", "reasons": [{"code": "a"}, {"code": "b"}]}},
            "seen": {"completed": {"fast": true}}, "n": 7, "none": null, "empty": []});
        let record = record(3, "gate.decided", "run_1", &data);
        let entry = Entry::read(3, &record).unwrap();
        for (query, answers) in [
            ("", true),
            ("type=gate.decided", true),
            ("type=gate.*", true),
            ("type=step.*", false),
            ("subject=run_1 data.n=7", true),
            ("data.decision.answer.kind=review|deny", true),
            ("data.decision.answer.kind!=review|deny", false),
            ("data.decision.answer.kind!=permit", true),
            ("data.decision.answer.reasons.code=b", true),
            ("data.decision.answer.reasons.code=c", false),
            ("data.seen=completed", true),
            ("data.seen", true),
            ("!data.seen", false),
            ("data.none", false),
            ("data.empty", false),
            ("!data.missing.deep", true),
            ("data.missing!=x", false),
        ] {
            assert_eq!(query.parse::<Query>().unwrap().matches(&entry), answers, "{query}");
        }
        let path: Path = "data.decision.answer.reasons.code".parse().unwrap();
        assert_eq!(path.texts(&entry), ["a", "b"]);
    }

    #[test]
    fn what_is_no_query_is_refused() {
        for wrong in ["=x", "!", "kind=x", "data..a", "data", "type.x=1"] {
            assert!(wrong.parse::<Query>().is_err(), "{wrong}");
        }
        assert_eq!("type=a  data.b=1".parse::<Query>().unwrap().kind(), Some("a"));
        assert_eq!("type=a|b".parse::<Query>().unwrap().kind(), None);
    }
}

//! What of a decision is kept out of the log: `data.system.log.mask`, before anything is hashed.
//!
//! The rule gives JSON pointers below `/input` and `/result`, or objects that say what is done there. A mask that
//! cannot be evaluated hides everything: what was to be kept secret stays so, and the decision is still recorded.

use regorus::Value;
use serde_json::json;

use super::ask::{Answer, Question};
use super::change::{Op, Operation};
use super::input::Input;
use super::{Documents, document};

/// The rule that says what is masked.
const MASK: [&str; 3] = ["system", "log", "mask"];

/// The most bytes of pointers that a record names.
const MOST_POINTERS: usize = 16 * 1024;

/// The decision as the mask sees it, besides input and result.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The decision's id.
    pub decision_id: &'a str,
    /// The path that was asked for, without a slash in front.
    pub path: &'a str,
    /// The query that was asked.
    pub query: Option<&'a str>,
    /// Who asked.
    pub requested_by: &'a str,
}

/// What is logged of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Masked {
    /// The input as JSON.
    pub input: Option<Vec<u8>>,
    /// The result as JSON.
    pub result: Option<Vec<u8>>,
    /// What was taken away.
    pub erased: Vec<String>,
    /// What was overwritten.
    pub masked: Vec<String>,
    /// Why the mask could not be evaluated.
    pub failed: Option<String>,
}

impl Documents {
    /// Masks a decision; nothing when there is no mask.
    #[must_use]
    pub fn mask(
        &self,
        subject: Subject<'_>,
        input: Option<&Input>,
        answer: Option<&Answer>,
    ) -> Option<Masked> {
        if !self.has_rule(&MASK) {
            return None;
        }
        let mut event = event(subject, input, answer);
        let question = Question::Document(MASK.map(str::to_owned).to_vec());
        let rules = match self.ask(&question, Some(&Input::of(event.clone())), false) {
            Ok(rules) => rules.map_or_else(Value::new_set, |answer| answer.0),
            Err(refused) => return Some(everything(refused.to_string())),
        };
        let Some(rules) = rules_of(&rules) else {
            return Some(everything("the mask is no set of pointers".to_owned()));
        };
        let mut told = Masked::default();
        for (pointer, rule) in &rules {
            match apply(&mut event, pointer, rule) {
                Some(Done::Erased) => told.erased.push(pointer.clone()),
                Some(Done::Masked) => told.masked.push(pointer.clone()),
                None => {}
            }
        }
        if told.erased.iter().chain(&told.masked).map(String::len).sum::<usize>() > MOST_POINTERS {
            return Some(everything(format!("the mask has more than {MOST_POINTERS} bytes of pointers")));
        }
        let part = |name: &str| document::member(&event, name).and_then(|part| serde_json::to_vec(part).ok());
        Some(Masked { input: part("input"), result: part("result"), ..told })
    }
}

fn everything(why: String) -> Masked {
    let erased = vec!["/input".to_owned(), "/result".to_owned()];
    Masked { erased, failed: Some(why), ..Masked::default() }
}

fn event(subject: Subject<'_>, input: Option<&Input>, answer: Option<&Answer>) -> Value {
    let mut told = json!({
        "decision_id": subject.decision_id,
        "path": subject.path,
        "requested_by": subject.requested_by,
    });
    if let (Some(query), Some(members)) = (subject.query, told.as_object_mut()) {
        members.insert("query".to_owned(), query.into());
    }
    let mut event = Value::from(told);
    if let Ok(members) = event.as_object_mut() {
        let parts = [("input", input.map(|input| &input.value)), ("result", answer.map(|answer| &answer.0))];
        for (name, part) in parts {
            if let Some(part) = part {
                members.insert(Value::from(name), part.clone());
            }
        }
    }
    event
}

/// What is done at a pointer.
enum Rule {
    Remove,
    Upsert(Value),
}

enum Done {
    Erased,
    Masked,
}

/// The pointers of a mask; nothing when it is none.
fn rules_of(mask: &Value) -> Option<Vec<(String, Rule)>> {
    let items: Vec<&Value> = match mask {
        Value::Set(items) => items.iter().collect(),
        Value::Array(items) => items.iter().collect(),
        _ => return None,
    };
    items.into_iter().map(rule_of).collect()
}

fn rule_of(item: &Value) -> Option<(String, Rule)> {
    let text = |value: &Value| value.as_string().ok().map(ToString::to_string);
    let (pointer, rule) = match item {
        Value::String(_) => (text(item)?, Rule::Remove),
        Value::Object(members) => {
            let member = |name: &str| members.get(&Value::from(name));
            let rule = match text(member("op")?)?.as_str() {
                "remove" => Rule::Remove,
                "upsert" => Rule::Upsert(member("value").cloned().unwrap_or(Value::Null)),
                _ => return None,
            };
            (text(member("path")?)?, rule)
        }
        _ => return None,
    };
    let below =
        |root: &str| pointer.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    (below("/input") || below("/result")).then_some((pointer, rule))
}

fn apply(event: &mut Value, pointer: &str, rule: &Rule) -> Option<Done> {
    let path: Vec<String> =
        pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
    let known = document::read(event, &path).is_some();
    let (op, value, done) = match rule {
        Rule::Remove if known => (Op::Remove, Value::Null, Done::Erased),
        Rule::Remove => return None,
        Rule::Upsert(value) if known => (Op::Replace, value.clone(), Done::Masked),
        Rule::Upsert(value) => (Op::Add, value.clone(), Done::Masked),
    };
    document::write(event, &Operation { op, path, value }).ok().map(|()| done)
}

//! The data document: read, written at a path, bounded.

use std::collections::BTreeSet;
use std::io;

use regorus::Value;

use super::change::{Op, Operation};
use super::{MOST_DATA, Refused};
use crate::graph::Path;

/// The value at a path.
pub(super) fn read<'v>(document: &'v Value, path: &[String]) -> Option<&'v Value> {
    path.iter().try_fold(document, |value, part| member(value, part))
}

/// A member by its name, an item by its number, a member of a set by itself.
pub(super) fn member<'v>(value: &'v Value, part: &str) -> Option<&'v Value> {
    match value {
        Value::Object(members) => members.get(&Value::from(part)).or_else(|| {
            // OPA reads a number in a path as a number.
            let number: i64 = part.parse().ok()?;
            members.get(&Value::from(number))
        }),
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        Value::Set(items) => {
            let number = part.parse::<i64>().ok().map(Value::from);
            items.iter().find(|item| **item == Value::from(part) || Some(*item) == number.as_ref())
        }
        _ => None,
    }
}

/// Carries out one operation.
pub(super) fn write(document: &mut Value, operation: &Operation) -> Result<(), Refused> {
    let Operation { op, path, value } = operation;
    let Some((last, parents)) = path.split_last() else { return write_root(document, *op, value) };
    if *op == Op::Put {
        make_parents(document, parents)?;
    }
    let missing = || Refused::no_document(path);
    let parent = parents.iter().try_fold(document, |value, part| enter(value, part)).ok_or_else(missing)?;
    match parent {
        Value::Object(_) => {
            let members = parent.as_object_mut().map_err(|_| missing())?;
            let key = Value::from(last.as_str());
            let known = members.contains_key(&key);
            match op {
                Op::Put | Op::Add => drop(members.insert(key, value.clone())),
                Op::Replace if known => drop(members.insert(key, value.clone())),
                Op::Remove if known => drop(members.remove(&key)),
                Op::Replace | Op::Remove => return Err(missing()),
            }
            Ok(())
        }
        Value::Array(items) => {
            let position = position(last, items.len(), *op).ok_or_else(missing)?;
            write_item(parent, position, *op, value).ok_or_else(missing)
        }
        _ => Err(missing()),
    }
}

fn write_root(document: &mut Value, op: Op, value: &Value) -> Result<(), Refused> {
    match (op, value) {
        (Op::Remove, _) => *document = Value::new_object(),
        (_, Value::Object(_)) => *document = value.clone(),
        _ => return Err(Refused::Parameter("storage_invalid_patch_error: root must be object".to_owned())),
    }
    Ok(())
}

fn make_parents(document: &mut Value, parents: &[String]) -> Result<(), Refused> {
    let mut value = document;
    for (nth, part) in parents.iter().enumerate() {
        let at = || parents.iter().take(nth + 1).map(String::as_str).collect::<Vec<_>>().join("/");
        if let Value::Object(_) = value {
            let members = value.as_object_mut().map_err(|_| Refused::Conflict(at()))?;
            let key = Value::from(part.as_str());
            if !members.contains_key(&key) {
                members.insert(key, Value::new_object());
            }
        }
        value = enter(value, part).ok_or_else(|| Refused::Conflict(format!("/{}", at())))?;
    }
    match value {
        Value::Object(_) | Value::Array(_) => Ok(()),
        _ => Err(Refused::Conflict(format!("/{}", parents.join("/")))),
    }
}

fn enter<'v>(value: &'v mut Value, part: &str) -> Option<&'v mut Value> {
    match value {
        Value::Object(_) => value.as_object_mut().ok()?.get_mut(&Value::from(part)),
        Value::Array(_) => {
            let position: usize = part.parse().ok()?;
            let items = value.as_array_mut().ok()?;
            items.get_mut(position)
        }
        _ => None,
    }
}

/// Where an operation acts in an array of so many items.
fn position(part: &str, count: usize, op: Op) -> Option<usize> {
    let inserts = matches!(op, Op::Put | Op::Add);
    if part == "-" {
        return inserts.then_some(count);
    }
    let position: usize = part.parse().ok()?;
    (position < count || (inserts && position == count)).then_some(position)
}

fn write_item(array: &mut Value, position: usize, op: Op, value: &Value) -> Option<()> {
    let mut items: Vec<Value> = array.as_array().ok()?.iter().cloned().collect();
    match op {
        Op::Put | Op::Replace if position < items.len() => *items.get_mut(position)? = value.clone(),
        Op::Put | Op::Add | Op::Replace => items.insert(position, value.clone()),
        Op::Remove => drop(items.remove(position)),
    }
    *array = Value::from(items);
    Some(())
}

/// Refuses a document that is too large.
pub(super) fn check_size(document: &Value) -> Result<(), Refused> {
    let mut room = Room(MOST_DATA);
    serde_json::to_writer(&mut room, document)
        .map_err(|_| Refused::TooLarge(format!("the data has more than {MOST_DATA} bytes in all")))
}

struct Room(usize);

impl io::Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Refuses data where a rule stands, or where a rule's package would be no object.
pub(super) fn check_conflicts(document: &Value, rules: &BTreeSet<Path>) -> Result<(), Refused> {
    for rule in rules {
        let mut value = document;
        let mut parts = rule.iter().skip(1);
        let taken = loop {
            let Some(part) = parts.next() else { break true };
            match value {
                Value::Object(_) => match member(value, part) {
                    Some(inner) => value = inner,
                    None => break false,
                },
                _ => break true,
            }
        };
        if taken {
            let path: Vec<&str> = rule.iter().skip(1).map(String::as_str).collect();
            let message = format!("conflicting rule for data path {} found", path.join("/"));
            return Err(Refused::module("rego_compile_error", "", 0, 0, message));
        }
    }
    Ok(())
}

//! Makes a failing input smaller: fewer members and items, simpler values, until nothing can go.

use serde_json::Value;

use super::shape::{Shape, Text};

/// The most inputs that are tried.
const MOST: usize = 4_000;

/// One place in an input.
type Path = Vec<Part>;

#[derive(Debug, Clone)]
enum Part {
    Member(String),
    Item(usize),
}

#[derive(Debug, Clone)]
enum Edit {
    Remove(Path),
    Put(Path, Value),
    /// One text everywhere.
    Rename(String, String),
}

/// The smallest input that still fails, as far as single edits lead. `fails` says which inputs do, and gives them
/// back in the form in which the gate sees them.
pub(super) fn shrink(input: Value, shape: &Shape, fails: &mut dyn FnMut(Value) -> Option<Value>) -> Value {
    let mut best = input;
    let mut tried = 0;
    loop {
        let mut changed = false;
        let mut at = 0;
        while let Some(edit) = edits(&best, shape).into_iter().nth(at) {
            tried += 1;
            if tried > MOST {
                return best;
            }
            let smaller = apply(best.clone(), &edit);
            // What a default puts back was not removed.
            match fails(smaller).filter(|smaller| *smaller != best) {
                Some(smaller) => {
                    best = smaller;
                    changed = true;
                }
                None => at += 1,
            }
        }
        if !changed {
            return best;
        }
    }
}

fn edits(value: &Value, shape: &Shape) -> Vec<Edit> {
    let (mut removals, mut puts, mut renames) = (Vec::new(), Vec::new(), Vec::new());
    walk(value, shape, &mut Vec::new(), &mut |value, shape, path, optional| {
        if optional {
            removals.push(Edit::Remove(path.clone()));
        }
        for simple in simpler_values(value, shape) {
            puts.push(Edit::Put(path.clone(), simple));
        }
        if let (Value::String(found), Shape::Text(text)) = (value, shape.alternative(value)) {
            rename(found, text, &mut renames);
        }
    });
    removals.into_iter().chain(renames).chain(puts).collect()
}

fn rename(found: &str, text: &Text, renames: &mut Vec<Edit>) {
    for nth in 0..4 {
        let simple = text.simple(nth);
        // An earlier name is simpler than a later one.
        if simple == found {
            return;
        }
        if text.takes(&simple) {
            renames.push(Edit::Rename(found.to_owned(), simple));
        }
    }
}

fn walk(value: &Value, shape: &Shape, path: &mut Path, visit: &mut dyn FnMut(&Value, &Shape, &Path, bool)) {
    match (value, shape.alternative(value)) {
        (Value::Object(found), Shape::Object { members, keyed }) => {
            for (name, inner) in found {
                let member = members.iter().find(|member| member.name == *name);
                let known = member.map(|member| (&member.shape, !member.required));
                let known = known.or_else(|| keyed.as_ref().map(|(_, shape)| (shape.as_ref(), true)));
                let Some((shape, optional)) = known else { continue };
                path.push(Part::Member(name.clone()));
                visit(inner, shape, path, optional);
                walk(inner, shape, path, visit);
                path.pop();
            }
        }
        (Value::Array(items), Shape::Array(shape)) => {
            for (at, inner) in items.iter().enumerate() {
                path.push(Part::Item(at));
                visit(inner, shape, path, true);
                walk(inner, shape, path, visit);
                path.pop();
            }
        }
        _ => {}
    }
}

fn simpler_values(value: &Value, shape: &Shape) -> Vec<Value> {
    let mut simpler = Vec::new();
    if let Shape::Any(shapes) = shape {
        // Of several words, the first ones are the plainest.
        for shape in shapes {
            match shape {
                Shape::Const(earlier) if earlier == value => break,
                Shape::Const(earlier) => simpler.push(earlier.clone()),
                _ => {}
            }
        }
    }
    match (value, shape.alternative(value)) {
        (Value::Bool(true), Shape::Bool) => simpler.push(false.into()),
        (Value::Number(number), Shape::Integer { min, max }) => {
            let number = number.as_i64().unwrap_or(0);
            let toward = [0, 1, number / 1000, number / 10, number / 2, number - number.signum()];
            let fits = |other: &i64| (*min..=*max).contains(other) && other.abs() < number.abs();
            simpler.extend(toward.into_iter().filter(fits).map(Value::from));
        }
        (Value::String(found), Shape::Text(text)) => {
            let simple = text.simple(0);
            if simple != *found && text.takes(&simple) {
                simpler.push(simple.into());
            }
        }
        _ => {}
    }
    simpler
}

fn apply(mut value: Value, edit: &Edit) -> Value {
    match edit {
        Edit::Remove(path) => {
            if let Some((last, before)) = path.split_last() {
                match (at(&mut value, before), last) {
                    (Some(Value::Object(members)), Part::Member(name)) => {
                        members.remove(name);
                    }
                    (Some(Value::Array(items)), Part::Item(at)) if *at < items.len() => {
                        items.remove(*at);
                    }
                    _ => {}
                }
            }
        }
        Edit::Put(path, new) => {
            if let Some(place) = at(&mut value, path) {
                *place = new.clone();
            }
        }
        Edit::Rename(from, to) => renamed(&mut value, from, to),
    }
    value
}

fn at<'v>(value: &'v mut Value, path: &[Part]) -> Option<&'v mut Value> {
    path.iter().try_fold(value, |value, part| match part {
        Part::Member(name) => value.get_mut(name),
        Part::Item(at) => value.get_mut(at),
    })
}

fn renamed(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::String(text) if text == from => to.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(|item| renamed(item, from, to)),
        Value::Object(members) => {
            if let Some(inner) = members.remove(from) {
                members.insert(to.to_owned(), inner);
            }
            members.values_mut().for_each(|inner| renamed(inner, from, to));
        }
        _ => {}
    }
}

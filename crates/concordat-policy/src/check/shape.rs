//! What is known of a value from the schemas of the gates' inputs: its members, and what its items are.
//!
//! Only what can be resolved is judged: a value that may be anything has every member.

use std::collections::BTreeMap;

use concordat_model::decision::Gate;
use serde_json::{Map, Value};

use super::Names;
use crate::graph::{Graph, Path};
use crate::input;

/// The deepest chain of references within a schema that is followed.
const DEEPEST: usize = 16;

/// The schema of every gate's input.
pub(super) struct Schemas(BTreeMap<Gate, Value>);

impl Schemas {
    pub(super) fn new() -> Schemas {
        Schemas(Gate::ALL.into_iter().map(|gate| (gate, input::schema(gate).to_value())).collect())
    }
}

/// Which gates' inputs each rule can be asked about.
pub(super) struct Reach<'a>(BTreeMap<Path, Shape<'a>>);

impl<'a> Reach<'a> {
    pub(super) fn new(graph: &Graph, schemas: &'a Schemas) -> Reach<'a> {
        let mut shapes: BTreeMap<Path, Shape<'a>> = BTreeMap::new();
        for (gate, schema) in &schemas.0 {
            let package = ["data", "concordat", gate.as_str()];
            let own = |path: &&Path| path.iter().map(String::as_str).take(3).eq(package);
            for path in graph.reached_from(graph.rules.keys().filter(own)) {
                shapes
                    .entry(path.clone())
                    .or_insert(Shape(Some(Vec::new())))
                    .join(Shape::root(*gate, schema));
            }
        }
        // Whoever is asked about an input that a rule made up may find anything in it.
        let pretending = graph.rules.iter().filter(|(_, rule)| rule.pretends).map(|(path, _)| path);
        for path in graph.reached_from(pretending) {
            shapes.insert(path.clone(), Shape::ANY);
        }
        Reach(shapes)
    }

    /// What a rule finds as `input`.
    pub(super) fn input_of(&self, rule: &Path) -> Shape<'a> {
        self.0.get(rule).cloned().unwrap_or(Shape::ANY)
    }
}

/// What a value can be: any of these, or anything.
#[derive(Clone)]
pub(super) struct Shape<'a>(Option<Vec<Node<'a>>>);

#[derive(Clone, Copy)]
struct Node<'a> {
    gate: Gate,
    root: &'a Value,
    node: &'a Value,
}

/// What a member turned out to be.
pub(super) enum Member<'a> {
    /// There may be one.
    There(Shape<'a>),
    /// There is none; these are the names that there are.
    Missing(Names),
}

impl<'a> Shape<'a> {
    /// A value of which nothing is known.
    pub(super) const ANY: Shape<'static> = Shape(None);

    fn root(gate: Gate, schema: &'a Value) -> Shape<'a> {
        Shape(Some(vec![Node { gate, root: schema, node: schema }]))
    }

    fn join(&mut self, other: Shape<'a>) {
        match (&mut self.0, other.0) {
            (Some(known), Some(more)) => known.extend(more),
            (known, _) => *known = None,
        }
    }

    /// The gates whose inputs it comes from.
    pub(super) fn gates(&self) -> Vec<&'static str> {
        let mut gates: Vec<_> = self.0.iter().flatten().map(|node| node.gate.as_str()).collect();
        gates.dedup();
        gates
    }

    /// The member of this name.
    pub(super) fn member(&self, name: &str) -> Member<'a> {
        let Some(alternatives) = self.alternatives() else { return Member::There(Shape::ANY) };
        let (mut found, mut names) = (Vec::new(), Names::new());
        for node in alternatives {
            match node.object() {
                Form::Anything => return Member::There(Shape::ANY),
                Form::Object(properties, rest) => {
                    match (properties.and_then(|known| known.get(name)), rest) {
                        (Some(inner), _) => found.push(node.at(inner)),
                        (None, Rest::Each(inner)) => found.push(node.at(inner)),
                        (None, Rest::Anything) => return Member::There(Shape::ANY),
                        (None, Rest::Nothing) => {
                            names.extend(properties.into_iter().flat_map(Map::keys).cloned());
                        }
                    }
                }
                Form::List(_) | Form::Plain => {}
            }
        }
        if found.is_empty() { Member::Missing(names) } else { Member::There(Shape(Some(found))) }
    }

    /// What lies within: an item of a list, or a member of an object whose name is computed.
    pub(super) fn element(&self) -> Shape<'a> {
        let Some(alternatives) = self.alternatives() else { return Shape::ANY };
        let mut found = Vec::new();
        for node in alternatives {
            match node.object() {
                Form::Anything | Form::Object(_, Rest::Anything) | Form::List(None) => return Shape::ANY,
                Form::Object(properties, rest) => {
                    found.extend(properties.into_iter().flat_map(Map::values).map(|inner| node.at(inner)));
                    if let Rest::Each(inner) = rest {
                        found.push(node.at(inner));
                    }
                }
                Form::List(Some(items)) => found.push(node.at(items)),
                Form::Plain => {}
            }
        }
        if found.is_empty() { Shape::ANY } else { Shape(Some(found)) }
    }

    fn alternatives(&self) -> Option<Vec<Node<'a>>> {
        let mut all = Vec::new();
        for node in self.0.as_ref()? {
            node.alternatives(0, &mut all)?;
        }
        Some(all)
    }
}

/// What kind of value a schema describes.
enum Form<'a> {
    Anything,
    Object(Option<&'a Map<String, Value>>, Rest<'a>),
    List(Option<&'a Value>),
    Plain,
}

/// What an object may hold beside its named members.
enum Rest<'a> {
    Anything,
    Each(&'a Value),
    Nothing,
}

impl<'a> Node<'a> {
    fn at(self, node: &'a Value) -> Node<'a> {
        Node { node, ..self }
    }

    /// The schemas that a schema stands for; none where it cannot be followed.
    fn alternatives(self, depth: usize, into: &mut Vec<Node<'a>>) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        if let Some(target) = self.node.get("$ref") {
            let inner = self.root.pointer(target.as_str()?.strip_prefix('#')?)?;
            return self.at(inner).alternatives(depth + 1, into);
        }
        let several =
            ["anyOf", "oneOf", "allOf"].into_iter().find_map(|word| self.node.get(word)?.as_array());
        for inner in several.into_iter().flatten() {
            self.at(inner).alternatives(depth + 1, into)?;
        }
        if several.is_none() || self.node.get("properties").is_some() {
            into.push(self);
        }
        Some(())
    }

    fn object(self) -> Form<'a> {
        let Some(schema) = self.node.as_object() else { return Form::Anything };
        let is = |word: &str| match schema.get("type") {
            Some(Value::String(kind)) => kind == word,
            Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == word),
            _ => false,
        };
        let properties = schema.get("properties").and_then(Value::as_object);
        if properties.is_some() || is("object") {
            let patterns = schema.get("patternProperties").and_then(Value::as_object);
            let rest = match schema.get("additionalProperties") {
                _ if patterns.is_some_and(|patterns| patterns.len() > 1) => Rest::Anything,
                Some(Value::Bool(false)) => match patterns.and_then(|patterns| patterns.values().next()) {
                    Some(each) => Rest::Each(each),
                    None => Rest::Nothing,
                },
                Some(inner @ Value::Object(_)) => Rest::Each(inner),
                _ => Rest::Anything,
            };
            return Form::Object(properties, rest);
        }
        if is("array") {
            return Form::List(schema.get("items").filter(|items| items.is_object()));
        }
        let plain = ["type", "const", "enum"].into_iter().any(|word| schema.contains_key(word));
        if plain { Form::Plain } else { Form::Anything }
    }
}

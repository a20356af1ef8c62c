//! What a name can stand for: rules and functions of the bundle, its data, and what the evaluator brings.

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable::{BUILTINS, Module, Ref, Rule, RuleHead};
use serde_json::{Map, Value};

use super::{Names, is_test, nearest};
use crate::bundle::Bundle;
use crate::graph::{Import, Path, Place, banned, fixed, head, imports, package};

/// Everything that can be named in a bundle.
pub(super) struct Known<'a> {
    rules: BTreeMap<Path, Kind>,
    /// The names that each package's rules begin with; tests may use what deciding files define, not the reverse.
    own: BTreeMap<Path, Names>,
    data: &'a Map<String, Value>,
    /// What tests put in the place of something else.
    mocked: BTreeSet<Path>,
    /// Every path of a rule or package as text: what files that decide can name, and what tests can.
    paths: (Names, Names),
}

/// What is known of one rule.
#[derive(Default)]
pub(super) struct Kind {
    /// Whether a file that decides defines it.
    decides: bool,
    /// How many arguments its definitions take; empty where it is no function.
    pub(super) arguments: BTreeSet<usize>,
    place: Place,
}

/// What stands behind the name of a call.
pub(super) enum Function<'a> {
    /// A function of the bundle.
    Own(&'a Kind),
    /// A builtin with this number of arguments; none where any number will do.
    Builtin(Option<usize>),
}

impl<'a> Known<'a> {
    pub(super) fn new(bundle: &'a Bundle, modules: &[Ref<Module>]) -> Known<'a> {
        let (rules, own, mocked, paths) = Default::default();
        let mut known = Known { rules, own, data: bundle.data(), mocked, paths };
        for module in modules {
            let (package, test) = (package(module), is_test(module));
            for rule in &module.policy {
                let rest = fixed(head(rule)).0;
                known.own.entry(package.clone()).or_default().extend(rest.first().cloned());
                let kind = known.rules.entry(package.iter().cloned().chain(rest).collect()).or_default();
                if kind.place == Place::default() {
                    kind.place = Place::of(rule.span());
                }
                kind.decides |= !test;
                kind.arguments.extend(arguments(rule));
            }
            if test {
                mocks(module, &mut known.mocked);
            }
        }
        for (path, kind) in &known.rules {
            for part in (2..=path.len()).filter_map(|length| path.get(..length)) {
                let text = part.join(".");
                if kind.decides {
                    known.paths.0.insert(text.clone());
                }
                known.paths.1.insert(text);
            }
        }
        known
    }

    /// Whether a package has a rule that begins with this name.
    pub(super) fn owns(&self, package: &Path, name: &str) -> bool {
        self.own.get(package).is_some_and(|names| names.contains(name))
    }

    /// Where a rule stands.
    pub(super) fn place(&self, path: &str) -> Option<&Place> {
        self.rules.get(&path.split('.').map(str::to_owned).collect::<Path>()).map(|kind| &kind.place)
    }

    /// Whether a reference can have a value: it names a rule, a part of one, what holds rules, or data.
    pub(super) fn exists(&self, path: &Path, test: bool) -> bool {
        let there = |kind: &Kind| kind.decides || test;
        let part = |length| path.get(..length).and_then(|part| self.rules.get(part)).is_some_and(there);
        let mut under = self.rules.range(path.clone()..).take_while(|(rule, _)| rule.starts_with(path));
        path.len() < 2
            || (2..=path.len()).any(part)
            || under.any(|(_, kind)| there(kind))
            || self.in_data(path)
            || test && self.mocked.iter().any(|mock| mock.iter().zip(path).all(|(one, other)| one == other))
    }

    fn in_data(&self, path: &Path) -> bool {
        let mut members = self.data;
        for name in path.iter().skip(1) {
            match members.get(name) {
                None => return false,
                Some(Value::Object(inner)) => members = inner,
                // What lies within lists is not looked at.
                Some(Value::Array(_)) => return true,
                Some(_) => return path.last() == Some(name),
            }
        }
        true
    }

    /// The function of the bundle that this path names.
    pub(super) fn function(&self, path: &Path, test: bool) -> Option<Function<'_>> {
        let kind = self.rules.get(path).filter(|kind| kind.decides || test)?;
        (!kind.arguments.is_empty()).then_some(Function::Own(kind))
    }

    /// The builtin of this name.
    pub(super) fn builtin(name: &str) -> Option<Function<'static>> {
        if name == "print" {
            return Some(Function::Builtin(None));
        }
        BUILTINS.get(name).map(|(_, arguments)| Function::Builtin(Some(usize::from(*arguments))))
    }

    /// A function that somebody may have meant who wrote `name` for what would lie at `target`.
    pub(super) fn nearest_function(&self, name: &str, target: &Path, package: &Path) -> Option<String> {
        let functions = self.rules.iter().filter(|(_, kind)| !kind.arguments.is_empty());
        let names: Vec<String> = functions.map(|(path, _)| path.join(".")).collect();
        let own = format!("{}.", package.join("."));
        let short = |fix: String| fix.replace(&own, "");
        let meant = nearest(&target.join("."), names.iter().map(String::as_str)).map(short);
        let allowed = BUILTINS.keys().filter(|name| !banned(name) && !name.starts_with("__")).copied();
        meant.or_else(|| nearest(name, allowed))
    }

    /// A rule, a package or data that somebody may have meant.
    pub(super) fn nearest_rule(&self, path: &Path, test: bool) -> Option<String> {
        let mut names = Names::new();
        let mut members = Some(self.data);
        for length in 1..path.len() {
            let Some(inner) = members else { break };
            let before = path.get(..length).unwrap_or_default().join(".");
            names.extend(inner.keys().take(1_000).map(|name| format!("{before}.{name}")));
            members = path.get(length).and_then(|name| inner.get(name)).and_then(Value::as_object);
        }
        let rules = if test { &self.paths.1 } else { &self.paths.0 };
        nearest(&path.join("."), rules.union(&names).map(String::as_str))
    }

    /// The rules that are tests, by their full path.
    pub(super) fn tests(&self) -> usize {
        let names = self.rules.iter().filter(|(_, kind)| !kind.decides).filter_map(|(path, _)| path.last());
        names.filter(|name| name.starts_with("test_")).count()
    }
}

fn arguments(rule: &Rule) -> Option<usize> {
    match rule {
        Rule::Spec { head: RuleHead::Func { args, .. }, .. } => Some(args.len()),
        Rule::Default { args, .. } => (!args.is_empty()).then_some(args.len()),
        Rule::Spec { head: RuleHead::Compr { .. } | RuleHead::Set { .. }, .. } => None,
    }
}

/// What tests of a module put in the place of something else.
fn mocks(module: &Module, mocked: &mut BTreeSet<Path>) {
    let aliases: Vec<Import> = imports(module);
    for rule in &module.policy {
        let Rule::Spec { bodies, .. } = rule.as_ref() else { continue };
        let statements = bodies.iter().flat_map(|body| &body.query.stmts);
        for with in statements.flat_map(|statement| &statement.with_mods) {
            let path = fixed(&with.refr).0;
            let alias = aliases.iter().find(|import| path.first() == Some(&import.alias));
            let whole = alias.map_or(path.clone(), |import| {
                import.path.iter().chain(path.iter().skip(1)).cloned().collect()
            });
            if whole.first().is_some_and(|root| root == "data") {
                mocked.insert(whole);
            }
        }
    }
}

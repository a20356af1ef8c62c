//! Which rules of a bundle are tests: by the parsed text, so that no layout hides one.

use regorus::Engine;
use regorus::unstable::{Expr, Module, Ref, Rule, RuleHead};

/// A rule that is a test.
#[derive(Debug)]
pub(super) struct Test {
    /// The package and the name.
    pub(super) path: String,
    pub(super) file: String,
    pub(super) line: u32,
    pub(super) column: u32,
    /// It is still to be written.
    pub(super) todo: bool,
    /// Every definition, with the module that it stands in.
    pub(super) definitions: Vec<(Ref<Module>, Ref<Rule>)>,
}

/// Every test, in the order in which the engine was given its files.
pub(super) fn tests(engine: &mut Engine) -> Vec<Test> {
    rules(engine, &["test_", "todo_test_"])
        .into_iter()
        .map(|found| Test { todo: found.name.starts_with("todo_"), ..found.into() })
        .collect()
}

/// A rule that was looked for by its name.
pub(crate) struct Found {
    pub(crate) package: String,
    pub(crate) name: String,
    pub(crate) definitions: Vec<(Ref<Module>, Ref<Rule>)>,
}

impl From<Found> for Test {
    fn from(found: Found) -> Test {
        let span = found.definitions.first().map(|(_, rule)| rule.span());
        Test {
            path: format!("{}.{}", found.package, found.name),
            file: span.map(|span| span.source.get_path().clone()).unwrap_or_default(),
            line: span.map_or(0, |span| span.line),
            column: span.map_or(0, super::span::column),
            todo: false,
            definitions: found.definitions,
        }
    }
}

/// Every rule without arguments whose name begins so.
pub(crate) fn rules(engine: &mut Engine, prefixes: &[&str]) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for module in engine.get_modules() {
        let package = module.package.refr.span().text();
        for rule in &module.policy {
            let Some(name) = name(rule).filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)))
            else {
                continue;
            };
            let definition = (module.clone(), rule.clone());
            match found.iter_mut().find(|known| known.package == package && known.name == name) {
                Some(known) => known.definitions.push(definition),
                None => found.push(Found {
                    package: package.to_owned(),
                    name: name.to_owned(),
                    definitions: vec![definition],
                }),
            }
        }
    }
    found
}

/// The name of a rule that is one value: no function, no set, no part of an object.
pub(crate) fn name(rule: &Rule) -> Option<&str> {
    let (Rule::Spec { head: RuleHead::Compr { refr, .. }, .. } | Rule::Default { refr, .. }) = rule else {
        return None;
    };
    match refr.as_ref() {
        Expr::Var { span, .. } => Some(span.text()),
        _ => None,
    }
}

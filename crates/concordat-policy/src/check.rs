//! Everything that is wrong with a bundle, before it is put in force.
//!
//! Loading a bundle refuses what no policy may contain; here it is also asked what its author cannot have meant:
//! functions and rules that do not exist, members that no input has (both are undefined, and *not undefined* is
//! true), gates without a safe default, tests that fail. Nothing here permits anything.
//!
//! The text may be hostile. Whoever looks at a bundle of somebody else's does so in a process of its own, with
//! limits: `concordat policy check` and the server both do.

mod gates;
mod known;
mod scope;
mod shape;

use std::collections::BTreeSet;

use regorus::Engine;
use regorus::unstable::{Module, Ref};

use crate::bundle::Bundle;
use crate::evaluate;
use crate::finding::{Code, Finding, Inspection, Level, MOST};
use crate::graph::{self, Graph};
use crate::load;
use crate::policy::Policy;

/// Looks at a bundle and tells everything that is wrong with it.
#[must_use]
pub fn check(bundle: &Bundle) -> Inspection {
    let found = load::on_deep_stack(|| findings(bundle));
    let crashed = || vec![Finding::whole(Code::Exhausted, "the policy parser crashed on this bundle")];
    Inspection { revision: Some(bundle.revision()), findings: tidy(found.unwrap_or_else(crashed)) }
}

/// In the order of the text, each once, and not without end.
fn tidy(mut found: Vec<Finding>) -> Vec<Finding> {
    let place = |one: &Finding| (one.file.clone(), one.line, one.column, one.code, one.message.clone());
    found.sort_by_key(place);
    found.dedup();
    // Errors are never cut off in favour of warnings.
    let mut left = MOST - found.iter().filter(|one| one.level == Level::Error).count().min(MOST);
    let mut errors = MOST;
    found.retain(|one| {
        let left = if one.level == Level::Error { &mut errors } else { &mut left };
        let keep = *left > 0;
        *left = left.saturating_sub(1);
        keep
    });
    found
}

fn findings(bundle: &Bundle) -> Vec<Finding> {
    let unreadable = unreadable(bundle);
    if !unreadable.is_empty() {
        return unreadable;
    }
    let (mut deciding, mut all) = match (load::parse(bundle), everything(bundle)) {
        (Ok(deciding), Ok(all)) => (deciding, all),
        (Err(told), _) | (_, Err(told)) => return vec![refused(Code::Parse, told)],
    };
    let modules = all.get_modules().clone();
    let graph = graph::read(deciding.get_modules(), bundle);
    let mut found = graph.findings();
    // Where the evaluator finds no order for a query, neither is there a bound: the cause is told, and not both.
    if found.iter().any(|one| one.code == Code::GrowingValue)
        && let Err(error) = deciding.eval_query("true".to_owned(), false)
    {
        found.retain(|one| one.code != Code::GrowingValue);
        found.push(refused(Code::Compile, evaluate::located(&format!("{error:#}")).into()));
    }
    if !found.iter().any(|one| one.code == Code::TooDeep) {
        found.extend(in_modules(bundle, &modules, &graph));
    }
    match Policy::load(bundle) {
        // Where a function is missing, whatever leads there fails too: that was told by its cause.
        Ok(_) if found.iter().any(|one| matches!(one.code, Code::UnknownFunction | Code::WrongArity)) => {}
        Ok(policy) => found.extend(gates::behaviour(bundle, &policy, &modules)),
        Err(told) if found.iter().all(|one| one.level == Level::Warning) => {
            found.push(refused(Code::Compile, told));
        }
        // What keeps it from being loaded was told above.
        Err(_) => {}
    }
    found
}

fn in_modules(bundle: &Bundle, modules: &[Ref<Module>], graph: &Graph) -> Vec<Finding> {
    let known = known::Known::new(bundle, modules);
    let schemas = shape::Schemas::new();
    let reach = shape::Reach::new(graph, &schemas);
    let mut found = gates::defaults(modules, graph);
    for module in modules {
        found.extend(scope::read(module, &known, &reach));
    }
    found
}

fn refused(code: Code, told: load::LoadError) -> Finding {
    let load::LoadError { file, line, column, message } = told;
    Finding { file, line, column, ..Finding::whole(code, message) }
}

/// The files that are no Rego, each with the first place where it is not.
fn unreadable(bundle: &Bundle) -> Vec<Finding> {
    let read = |(path, text): (&str, &str)| {
        let told = evaluate::bounded_engine().add_policy(path.to_owned(), text.to_owned()).err()?;
        let told = evaluate::located(&format!("{told:#}"));
        Some(Finding {
            file: path.to_owned(),
            line: told.line,
            column: told.column,
            ..Finding::whole(Code::Parse, told.message)
        })
    };
    bundle.files().filter_map(read).collect()
}

/// An engine that has read the tests too.
fn everything(bundle: &Bundle) -> Result<Engine, load::LoadError> {
    let mut engine = evaluate::bounded_engine();
    for (path, text) in bundle.files() {
        engine
            .add_policy(path.to_owned(), text.to_owned())
            .map_err(|error| evaluate::located(&format!("{error:#}")))?;
    }
    Ok(engine)
}

/// The file in which a module stands, and whether it is one of tests.
fn is_test(module: &Module) -> bool {
    module.package.span.source.get_path().ends_with(crate::bundle::TESTS)
}

/// The one of these names that somebody may have meant.
fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let most = (name.chars().count() / 4).clamp(1, 3);
    let near = names.into_iter().filter(|other| other.len().abs_diff(name.len()) <= most).take(1_000);
    let measured = near.map(|other| (strsim::osa_distance(name, other), other));
    let best = measured.filter(|(distance, _)| *distance <= most).min()?;
    Some(format!("did you mean `{}`?", best.1))
}

/// Names of which each is told once.
type Names = BTreeSet<String>;

#[cfg(test)]
mod tests;

//! Makes modules ready to be asked: bounded before they are parsed, checked as a gate's are, prepared once.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use regorus::{Engine, Value};

use super::Refused;
use crate::bundle::{self, BundleError};
use crate::evaluate::{self, bounded_engine};
use crate::finding::{Code, Finding};
use crate::graph::{self, Path};
use crate::load::{LoadError, on_deep_stack};
use crate::nesting::Spent;

/// Modules and data, prepared.
#[derive(Debug, Clone)]
pub(super) struct Loaded {
    pub(super) engine: Engine,
    rules: Arc<BTreeSet<Path>>,
}

impl Loaded {
    /// Every rule: `data`, its package, its fixed parts.
    pub(super) fn rules(&self) -> &BTreeSet<Path> {
        &self.rules
    }

    /// The same modules over this data.
    pub(super) fn with_data(mut self, data: Value) -> Result<Loaded, Refused> {
        let odd = |error: &dyn std::fmt::Display| Refused::Parameter(format!("{error:#}"));
        self.engine.clear_data();
        self.engine.add_data(data).map_err(|error| odd(&error))?;
        self.prepare()?;
        Ok(self)
    }

    /// Lets clones share what the first evaluation prepares.
    fn prepare(&mut self) -> Result<(), Refused> {
        analyse(&mut self.engine)?;
        let first = self.rules.first().map(|rule| rule.join("."));
        let warm = AssertUnwindSafe(|| {
            // Whatever comes of the rule: to evaluate any prepares what a query leaves out.
            drop(first.map(|rule| self.engine.eval_rule(rule)));
            drop(self.engine.take_prints());
        });
        catch_unwind(warm).map_err(|_| compile_error(crashed("crashed")))
    }
}

fn crashed(what: &str) -> LoadError {
    let message = format!("the policy parser {what} on these modules");
    LoadError { file: String::new(), line: 0, column: 0, message }
}

/// Parses and checks modules.
pub(super) fn load(modules: &BTreeMap<String, Arc<str>>) -> Result<Loaded, Refused> {
    let mut spent = Spent::default();
    for (id, text) in modules {
        if text.trim().is_empty() {
            return Err(Refused::Parameter("empty module".to_owned()));
        }
        bundle::check_text(id, text.as_bytes(), &mut spent).map_err(|error| unbounded(id, &error))?;
    }
    on_deep_stack(|| load_here(modules)).unwrap_or_else(|| Err(compile_error(crashed("crashed"))))
}

fn load_here(modules: &BTreeMap<String, Arc<str>>) -> Result<Loaded, Refused> {
    let mut engine = bounded_engine();
    // OPA's default; a question may ask for the other.
    engine.set_strict_builtin_errors(false);
    for (id, text) in modules {
        add(&mut engine, id, text)?;
    }
    let graph = check(&mut engine, modules.len())?;
    let mut loaded = Loaded { engine, rules: Arc::new(graph.paths().cloned().collect()) };
    loaded.prepare()?;
    Ok(loaded)
}

/// Adds one module.
pub(super) fn add(engine: &mut Engine, id: &str, text: &str) -> Result<(), Refused> {
    let parse = |error: LoadError| {
        Refused::module("rego_parse_error", id, error.line as usize, error.column as usize, error.message)
    };
    let added = engine.add_policy(id.to_owned(), text.to_owned()).map(drop);
    added.map_err(|error| parse(evaluate::located(&format!("{error:#}")).into()))
}

/// Draws the graph of what was added, and refuses what could exhaust the stack or see the world.
///
/// All but the last `fresh` modules were checked before. What gates refuse because the evaluator may forget it is let through: OPA's clients write such rules.
pub(super) fn check(engine: &mut Engine, fresh: usize) -> Result<graph::Graph, Refused> {
    let graph = graph::read_with_mocks(engine.get_modules(), fresh);
    let findings = graph.findings().into_iter();
    let (growing, others): (Vec<_>, Vec<_>) = findings.partition(|one| one.code == Code::GrowingValue);
    let mut others = others.into_iter();
    match others.find(|one| !matches!(one.code, Code::UndefinedHead | Code::UnusedImport)) {
        Some(finding) => return Err(found(finding)),
        None if growing.is_empty() => return Ok(graph),
        None => {}
    }
    // Nothing bounds a name that nobody defined: what the evaluator says of it is plainer.
    analyse(engine)?;
    growing.into_iter().next().map_or(Ok(graph), |finding| Err(found(finding)))
}

/// Has the evaluator look at what was added, without evaluating any rule.
fn analyse(engine: &mut Engine) -> Result<(), Refused> {
    match catch_unwind(AssertUnwindSafe(|| engine.eval_query("true".to_owned(), false))) {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(compile_error(evaluate::located(&format!("{error:#}")).into())),
        Err(_) => Err(compile_error(crashed("crashed"))),
    }
}

fn found(finding: Finding) -> Refused {
    let code = match finding.code {
        Code::Recursion => "rego_recursion_error",
        // Rules that lead to each other without end, or nearly so.
        Code::TooDeep if finding.message.contains("leads too deep") => "rego_recursion_error",
        Code::BannedBuiltin | Code::Format => "rego_type_error",
        _ => "rego_compile_error",
    };
    let error = LoadError::from(finding);
    Refused::module(code, &error.file, error.line as usize, error.column as usize, error.message)
}

fn compile_error(error: LoadError) -> Refused {
    let unsafe_var = error.message.contains("is unsafe");
    let code = if unsafe_var { "rego_unsafe_var_error" } else { "rego_compile_error" };
    Refused::module(code, &error.file, error.line as usize, error.column as usize, error.message)
}

fn unbounded(id: &str, error: &BundleError) -> Refused {
    let (row, col, message) = match error {
        BundleError::Nesting { line, column, problem, .. } => (*line, *column, problem.to_string()),
        other => (0, 0, other.to_string()),
    };
    Refused::module("rego_parse_error", id, row, col, message)
}

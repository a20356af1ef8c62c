//! Queries: checked as a module is, then answered with every way in which they hold.

use regorus::unstable::Rule;
use regorus::{Engine, Value};

use super::ask::{evaluate, told};
use super::load::{self, Loaded};
use super::{LONGEST_QUERY, Refused};
use crate::load::on_deep_stack;
use crate::nesting::{Nesting, Spent};

/// What a query is called while it is checked.
const QUERY: &str = "";

/// Every way in which a query holds: an array of bindings, or nothing.
pub(super) fn results(
    loaded: &Loaded,
    query: &str,
    input: &Value,
    strict: bool,
) -> Result<Option<Value>, Refused> {
    let statements = check_query(loaded, query)?;
    let found = evaluate(loaded, input, strict, |engine| {
        engine.eval_query(query.to_owned(), false).map_err(told!())
    })?;
    // A lone expression may be false; where there are several, or several ways, each has to hold.
    let lone = statements == 1 && found.result.len() == 1;
    let holds = |one: &regorus::QueryResult| {
        let binds = one.bindings.as_object().is_ok_and(|bindings| !bindings.is_empty());
        one.expressions.iter().all(|expression| match expression.value {
            Value::Undefined => false,
            Value::Bool(false) => lone && !binds,
            _ => true,
        })
    };
    let bindings: Vec<Value> = found.result.into_iter().filter(holds).map(|one| one.bindings).collect();
    Ok((!bindings.is_empty()).then(|| Value::from(bindings)))
}

/// A query passes what a module passes; gives the number of its statements.
fn check_query(loaded: &Loaded, query: &str) -> Result<usize, Refused> {
    if query.len() > LONGEST_QUERY {
        return Err(Refused::TooLarge(format!("a query has {LONGEST_QUERY} bytes at most")));
    }
    if query.trim().is_empty() {
        return Err(Refused::Parameter("missing query".to_owned()));
    }
    let nested = |(row, col, problem): (usize, usize, Nesting)| {
        Refused::module("rego_parse_error", QUERY, row, col, problem.to_string()).in_query()
    };
    Spent::default().add(query).map_err(nested)?;
    let module = format!("package __query__\nquery if {{\n{query}\n}}\n");
    let check = || {
        let mut engine = loaded.engine.clone();
        load::add(&mut engine, QUERY, &module)?;
        load::check(&mut engine, 1)?;
        // What closes our braces and opens others is no query.
        statements(&mut engine)
            .ok_or_else(|| Refused::module("rego_parse_error", QUERY, 3, 1, "a query is one body".to_owned()))
    };
    let lost = || Err(Refused::Parameter("the query crashed its parser".to_owned()));
    on_deep_stack(check).unwrap_or_else(lost).map_err(|refused| above(refused.in_query()))
}

/// The number of statements of the module that came last, if it is one rule with one body.
fn statements(engine: &mut Engine) -> Option<usize> {
    let [rule] = engine.get_modules().last()?.policy.as_slice() else { return None };
    let Rule::Spec { bodies, .. } = rule.as_ref() else { return None };
    let [body] = bodies.as_slice() else { return None };
    Some(body.query.stmts.len())
}

/// Places in the query, which stands below two lines of ours.
fn above(mut refused: Refused) -> Refused {
    if let Refused::Query(faults) = &mut refused {
        for location in faults.iter_mut().filter_map(|fault| fault.location.as_mut()) {
            location.row = location.row.saturating_sub(2).max(1);
        }
    }
    refused
}

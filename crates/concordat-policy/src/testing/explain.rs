//! Why a rule does not hold: its first condition that did not, and what that condition saw.
//!
//! The evaluator says only that nothing came of a rule. So the rule's own text is asked again in parts, in a module
//! of the same package with the same imports that nobody else sees: how many of its conditions hold together, from
//! the first one on, and, where they stop, what each side of the next one is. In an `every` the search goes on
//! within, for the items that break it.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use regorus::unstable::{Expr, Literal, LiteralStmt, Module, Query, Ref, Rule, Span};
use regorus::{Engine, Value};
use serde::Serialize;

use super::find::Test;
use super::span::{column, written};

/// The deepest `every` within `every` that is looked into.
const DEEPEST: usize = 3;
/// The longest value that is shown, in characters.
const LONGEST: usize = 300;
/// The name in front of every question; no author's rule begins so.
const ASK: &str = "concordat_asks_";

/// A condition that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
    /// The condition as it is written.
    pub text: String,
    /// What the parts of it were.
    pub values: Vec<Valued>,
}

/// A part of a condition with its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Valued {
    /// The part as it is written.
    pub expression: String,
    /// Its value, cut when it is long; `undefined` when there is none.
    pub value: String,
}

/// The condition at which a test stops; of several definitions, the one that comes furthest.
pub(super) fn unmet(engine: &Engine, test: &Test) -> Option<Condition> {
    let definitions = test.definitions.iter();
    let stops = definitions.flat_map(|(module, rule)| stops(engine, module, rule));
    // The first of those that come equally far.
    stops
        .fold(None, |best: Option<Stop>, stop| match best {
            Some(best) if best.held >= stop.held => Some(best),
            _ => Some(stop),
        })
        .map(|stop| stop.condition)
}

/// Where one body of a rule stops.
pub(crate) struct Stop {
    /// How many of its conditions hold together.
    pub(crate) held: usize,
    pub(crate) condition: Condition,
}

/// Where each body of a rule stops; a body that holds does not.
pub(crate) fn stops(engine: &Engine, module: &Ref<Module>, rule: &Ref<Rule>) -> Vec<Stop> {
    let Rule::Spec { bodies, .. } = rule.as_ref() else { return Vec::new() };
    let asking = Asking { engine, module };
    bodies.iter().filter_map(|body| asking.stop(&Vec::new(), &BTreeSet::new(), &body.query, 0)).collect()
}

struct Asking<'a> {
    engine: &'a Engine,
    module: &'a Module,
}

impl Asking<'_> {
    /// Where a query stops, after conditions that hold and the names that they bind.
    fn stop(&self, before: &[String], bound: &BTreeSet<String>, query: &Query, depth: usize) -> Option<Stop> {
        let mut given = before.to_vec();
        let mut bound = bound.clone();
        for (held, statement) in query.stmts.iter().enumerate() {
            let text = written(&statement.span).to_owned();
            given.push(text);
            if !self.holds(&given) {
                given.pop();
                let condition = self.condition(&given, &bound, statement, depth);
                return Some(Stop { held, condition });
            }
            bind(statement, &mut bound);
        }
        None
    }

    fn condition(
        &self,
        given: &[String],
        bound: &BTreeSet<String>,
        statement: &LiteralStmt,
        depth: usize,
    ) -> Condition {
        if let Some(within) = self.within_every(given, bound, statement, depth) {
            return within;
        }
        let span = &statement.span;
        Condition {
            file: span.source.get_path().clone(),
            line: span.line,
            column: column(span),
            text: written(span).to_owned(),
            values: self.values(given, bound, statement),
        }
    }

    /// The condition within an `every` that breaks it, with the first item that does.
    fn within_every(
        &self,
        given: &[String],
        bound: &BTreeSet<String>,
        statement: &LiteralStmt,
        depth: usize,
    ) -> Option<Condition> {
        let Literal::Every { key, value, domain, query, .. } = &statement.literal else { return None };
        if depth == DEEPEST || !statement.with_mods.is_empty() {
            return None;
        }
        let names: Vec<&str> = key.iter().chain([value]).map(Span::text).collect();
        let inner: Vec<&str> = query.stmts.iter().map(|statement| written(&statement.span)).collect();
        let mut given = given.to_vec();
        given.push(format!("some {} in {}", names.join(", "), written(domain.span())));
        given.push(format!("count([1 | {}]) == 0", inner.join("\n")));
        if !self.holds(&given) {
            return None;
        }
        let mut bound = bound.clone();
        bound.extend(names.into_iter().filter(|name| *name != "_").map(str::to_owned));
        Some(self.stop(&given, &bound, query, depth + 1)?.condition)
    }

    fn values(&self, given: &[String], bound: &BTreeSet<String>, statement: &LiteralStmt) -> Vec<Valued> {
        let mut parts = Vec::new();
        match &statement.literal {
            Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => operands(expr, &mut parts),
            Literal::SomeIn { collection, .. } => parts.push(written(collection.span()).to_owned()),
            Literal::Every { domain, .. } => parts.push(written(domain.span()).to_owned()),
            Literal::SomeVars { .. } => {}
        }
        let text = written(&statement.span);
        parts.extend(bound.iter().filter(|name| alone(name, text)).cloned());
        let withs: Vec<&str> = statement.with_mods.iter().map(|with| written(&with.span)).collect();
        let withs = withs.join(" ");
        let mut seen = BTreeSet::new();
        parts.retain(|part| seen.insert(part.clone()));
        parts.into_iter().map(|part| self.value(given, part, &withs)).collect()
    }

    fn value(&self, given: &[String], expression: String, withs: &str) -> Valued {
        let name = format!("{ASK}value");
        let given = given.join("\n");
        // Several solutions may come this far; the first one is shown.
        let rule = format!("{name} := [{ASK}v |\n{given}\n{ASK}v := {expression} {withs}\n]");
        let value = match self.ask(&rule, &name) {
            Some(Value::Array(values)) => values.first().map_or("undefined".to_owned(), Value::to_string),
            _ => "undefined".to_owned(),
        };
        Valued { value: cut(&value), expression }
    }

    fn holds(&self, given: &[String]) -> bool {
        let name = format!("{ASK}held");
        let rule = format!("{name} if {{\n{}\n}}", given.join("\n"));
        self.ask(&rule, &name) == Some(Value::Bool(true))
    }

    /// The value of one more rule of the module's package.
    fn ask(&self, rule: &str, name: &str) -> Option<Value> {
        let package = written(self.module.package.refr.span());
        let mut text = format!("package {package}\n\n");
        for import in &self.module.imports {
            let alias = import.r#as.as_ref().map(|name| format!(" as {}", name.text())).unwrap_or_default();
            text.push_str(&format!("import {}{alias}\n", written(import.refr.span())));
        }
        text.push_str(&format!("\n{rule}\n"));
        let evaluation = AssertUnwindSafe(|| {
            let mut engine = self.engine.clone();
            engine.add_policy(format!("{ASK}.rego"), text).ok()?;
            engine.eval_rule(format!("data.{package}.{name}")).ok()
        });
        catch_unwind(evaluation).ok().flatten()
    }
}

/// The names that a condition binds.
fn bind(statement: &LiteralStmt, bound: &mut BTreeSet<String>) {
    match &statement.literal {
        Literal::SomeVars { vars, .. } => bound.extend(vars.iter().map(|name| name.text().to_owned())),
        Literal::SomeIn { key, value, .. } => {
            key.iter().chain([value]).for_each(|expr| bind_expr(expr, bound));
        }
        Literal::Expr { expr, .. } => {
            if let Expr::AssignExpr { lhs, .. } = expr.as_ref() {
                bind_expr(lhs, bound);
            }
        }
        Literal::NotExpr { .. } | Literal::Every { .. } => {}
    }
}

fn bind_expr(expr: &Expr, bound: &mut BTreeSet<String>) {
    match expr {
        Expr::Var { span, .. } if span.text() != "_" => {
            bound.insert(span.text().to_owned());
        }
        Expr::Array { items, .. } => items.iter().for_each(|item| bind_expr(item, bound)),
        _ => {}
    }
}

/// The parts of a condition whose values explain it.
fn operands(expr: &Expr, parts: &mut Vec<String>) {
    let mut sides = |sides: &[&Ref<Expr>]| sides.iter().for_each(|side| part(side, parts));
    match expr {
        Expr::BoolExpr { lhs, rhs, .. } => sides(&[lhs, rhs]),
        Expr::AssignExpr { rhs, lhs, op, .. } => match op {
            regorus::unstable::AssignOp::Eq => sides(&[lhs, rhs]),
            regorus::unstable::AssignOp::ColEq => sides(&[rhs]),
        },
        Expr::Membership { value, collection, .. } => sides(&[value, collection]),
        Expr::Call { params, .. } => params.iter().for_each(|param| part(param, parts)),
        other => part(other, parts),
    }
}

/// A part, unless it says its value itself; and what a call gives before a member of it is taken.
fn part(expr: &Expr, parts: &mut Vec<String>) {
    match expr {
        Expr::String { .. }
        | Expr::RawString { .. }
        | Expr::Number { .. }
        | Expr::Bool { .. }
        | Expr::Null { .. } => {}
        Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } => {
            parts.push(written(expr.span()).to_owned());
            let mut base = refr;
            while let Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } = base.as_ref() {
                base = refr;
            }
            if matches!(base.as_ref(), Expr::Call { .. }) {
                parts.push(written(base.span()).to_owned());
            }
        }
        other => parts.push(written(other.span()).to_owned()),
    }
}

/// Whether a name stands alone somewhere, and not only for one of its members.
fn alone(name: &str, text: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + name.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(|c| part(c) || c == '.' || c == '"')
            && !after.is_some_and(|c| part(c) || ".[\"".contains(c))
    })
}

fn cut(value: &str) -> String {
    match value.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", value.get(..at).unwrap_or_default()),
        None => value.to_owned(),
    }
}

//! Reads a module as its author does: which name stands for what, where, and whether it is there at all.

mod call;
mod expression;
mod local;
mod name;

use regorus::unstable::{
    AssignOp, Expr, Literal, LiteralStmt, Module, Query, Ref, Rule, RuleAssign, RuleBody, RuleHead, Span,
};

use self::local::{How, Local, Scopes};
use super::is_test;
use super::known::Known;
use super::shape::{Reach, Shape};
use crate::finding::{Code, Finding};
use crate::graph::{self, Path, Place, fixed, head, package, parts};

/// The findings of a module for which a guess is made what was meant: guessing among thousands of names takes time.
const GUESSES: usize = 20;

/// Everything that is wrong with the names of a module.
pub(super) fn read(module: &Module, known: &Known<'_>, reach: &Reach<'_>) -> Vec<Finding> {
    let imports = graph::imports(module)
        .into_iter()
        .filter(|import| !matches!(import.path.first().map(String::as_str), Some("rego" | "future")));
    let imports = imports.map(|import| Import { there: true, used: false, import }).collect();
    let mut reader = Reader {
        known,
        package: package(module),
        test: is_test(module),
        imports,
        scopes: Scopes::default(),
        input: Shape::ANY,
        found: Vec::new(),
    };
    reader.check_imports();
    for rule in &module.policy {
        let path = reader.package.iter().cloned().chain(fixed(head(rule)).0).collect();
        reader.input = if reader.test { Shape::ANY } else { reach.input_of(&path) };
        reader.rule(rule);
    }
    reader.unused_imports();
    reader.found
}

struct Import {
    import: graph::Import,
    used: bool,
    there: bool,
}

struct Reader<'a> {
    known: &'a Known<'a>,
    package: Path,
    test: bool,
    imports: Vec<Import>,
    scopes: Scopes<'a>,
    input: Shape<'a>,
    found: Vec<Finding>,
}

impl<'a> Reader<'a> {
    fn check_imports(&mut self) {
        for import in &mut self.imports {
            let path = &import.import.path;
            if path.first().is_some_and(|root| root == "data") && !self.known.exists(path, self.test) {
                import.there = false;
                let message = format!("there is no `{}`", path.join("."));
                let mut told = import.import.place.error(Code::UnknownRule, message);
                told.fix = self.known.nearest_rule(path, self.test);
                self.found.push(told);
            }
        }
    }

    fn unused_imports(&mut self) {
        for import in self.imports.iter().filter(|import| !import.used && import.there) {
            if import.import.path == ["input"] {
                continue;
            }
            let message = format!("the import `{}` is never used", import.import.alias);
            self.found.push(import.import.place.warning(Code::UnusedImport, message).fix("leave it out"));
        }
    }

    fn rule(&mut self, rule: &'a Rule) {
        match rule {
            Rule::Default { value, .. } => drop(self.expr(value)),
            Rule::Spec { head, bodies, .. } => {
                self.scopes.enter();
                if let RuleHead::Func { args, .. } = head {
                    args.iter().for_each(|pattern| self.declare(pattern));
                    args.iter().for_each(|pattern| self.pattern(pattern));
                }
                if bodies.is_empty() {
                    self.scopes.enter();
                    self.head(head);
                    self.leave();
                }
                bodies.iter().for_each(|body| self.body(head, body));
                self.leave();
            }
        }
    }

    fn body(&mut self, head: &'a RuleHead, body: &'a RuleBody) {
        self.scopes.enter();
        self.query(&body.query);
        match &body.assign {
            Some(assign) => self.assign(assign),
            None if body.is_else => {}
            None => self.head(head),
        }
        self.leave();
    }

    fn head(&mut self, head: &'a RuleHead) {
        let (RuleHead::Compr { refr, .. } | RuleHead::Set { refr, .. } | RuleHead::Func { refr, .. }) = head;
        for computed in fixed(refr).1 {
            self.expr(computed);
        }
        match head {
            RuleHead::Compr { assign, .. } | RuleHead::Func { assign, .. } => {
                assign.iter().for_each(|assign| self.assign(assign));
            }
            RuleHead::Set { key, .. } => self.all(key),
        }
    }

    fn assign(&mut self, assign: &'a RuleAssign) {
        self.expr(&assign.value);
    }

    fn leave(&mut self) {
        let left = self.scopes.leave();
        for (name, place) in left.unused {
            let message = format!("`{name}` is never used");
            self.found.push(place.warning(Code::UnusedVariable, message).fix("leave it out, or write `_`"));
        }
        for (name, place) in left.unbound {
            let path = self.package.iter().cloned().chain([name.clone()]).collect();
            let message =
                format!("there is no `{name}`: no rule, no import, and nothing that binds a variable");
            let own = format!("{}.", self.package.join("."));
            self.tell(place.error(Code::UnknownRule, message), |known, test| {
                known.nearest_rule(&path, test).map(|fix| fix.replace(&own, ""))
            });
        }
    }

    /// Tells a finding with the name that was meant, unless there are many already.
    fn tell(&mut self, told: Finding, meant: impl FnOnce(&Known<'_>, bool) -> Option<String>) {
        let fix = if self.found.len() < GUESSES { meant(self.known, self.test) } else { None };
        self.found.push(Finding { fix: fix.or(told.fix.clone()), ..told });
    }

    fn query(&mut self, query: &'a Query) {
        // What a statement binds is known in all of its query.
        for statement in &query.stmts {
            match &statement.literal {
                Literal::SomeVars { vars, .. } => vars.iter().for_each(|span| self.bind(span)),
                Literal::SomeIn { key, value, .. } => {
                    key.iter().for_each(|pattern| self.declare(pattern));
                    self.declare(value);
                }
                Literal::Expr { expr, .. } => {
                    if let Expr::AssignExpr { op: AssignOp::ColEq, lhs, .. } = expr.as_ref() {
                        self.declare(lhs);
                    }
                }
                Literal::NotExpr { .. } | Literal::Every { .. } => {}
            }
        }
        for statement in &query.stmts {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &'a LiteralStmt) {
        let before = self.input.clone();
        for with in &statement.with_mods {
            self.expr(&with.r#as);
            // What is replaced need not exist, and is used by being replaced.
            if let Expr::Var { value, .. } = parts(&with.refr).0
                && let Ok(name) = value.as_string()
            {
                let _ = self.name(name, None);
            }
        }
        if !statement.with_mods.is_empty() {
            self.input = Shape::ANY;
        }
        self.literal(&statement.literal);
        self.input = before;
    }

    fn literal(&mut self, literal: &'a Literal) {
        match literal {
            Literal::SomeVars { .. } => {}
            Literal::SomeIn { key, value, collection, .. } => {
                let items = self.expr(collection).element();
                key.iter().for_each(|pattern| self.pattern(pattern));
                self.pattern(value);
                self.learn(value, items);
            }
            Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => match expr.as_ref() {
                Expr::Call { fcn, params, .. } => self.call(fcn, params, true),
                expr => drop(self.expr(expr)),
            },
            Literal::Every { key, value, domain, query, .. } => {
                let items = self.expr(domain).element();
                self.scopes.enter();
                key.iter().for_each(|span| self.bind(span));
                self.bind(value);
                self.scopes.learn(value.text(), items);
                self.query(query);
                self.leave();
            }
        }
    }

    /// Binds the variables of a pattern.
    fn declare(&mut self, pattern: &'a Expr) {
        match pattern {
            Expr::Var { span, .. } => self.bind(span),
            Expr::Array { items, .. } | Expr::Set { items, .. } => {
                items.iter().for_each(|item| self.declare(item));
            }
            Expr::Object { fields, .. } => fields.iter().for_each(|(_, _, value)| self.declare(value)),
            _ => {}
        }
    }

    /// Reads the parts of a pattern that bind nothing.
    fn pattern(&mut self, pattern: &'a Expr) {
        match pattern {
            Expr::Var { .. } => {}
            Expr::Array { items, .. } | Expr::Set { items, .. } => {
                items.iter().for_each(|item| self.pattern(item));
            }
            Expr::Object { fields, .. } => fields.iter().for_each(|(_, key, value)| {
                self.expr(key);
                self.pattern(value);
            }),
            other => drop(self.expr(other)),
        }
    }

    fn bind(&mut self, span: &Span) {
        let name = span.text();
        if name == "_" {
            return;
        }
        let place = Place::of(span);
        let hidden = if self.known.owns(&self.package, name) {
            Some("a rule")
        } else if self.imports.iter().any(|import| import.import.alias == name) {
            Some("an import")
        } else if Known::builtin(name).is_some() {
            Some("a builtin")
        } else {
            None
        };
        if let Some(hidden) = hidden {
            let message = format!("`{name}` hides {hidden} of the same name");
            self.found.push(place.warning(Code::Shadowed, message).fix("give it another name"));
        }
        self.scopes.bind(name, Local { place, how: How::Declared, used: false, shape: Shape::ANY });
    }

    fn learn(&mut self, pattern: &Expr, shape: Shape<'a>) {
        if let Expr::Var { span, .. } = pattern {
            self.scopes.learn(span.text(), shape);
        }
    }

    fn all<'e>(&mut self, exprs: impl IntoIterator<Item = &'e Ref<Expr>>)
    where
        'e: 'a,
    {
        for expr in exprs {
            self.expr(expr);
        }
    }
}

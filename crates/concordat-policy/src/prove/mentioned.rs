//! The texts and whole numbers that a policy's own text mentions: at these it decides, so at these it goes wrong.

use std::collections::BTreeSet;

use regorus::unstable::{Expr, Literal, LiteralStmt, Query, Rule, RuleAssign, RuleHead};
use regorus::{Engine, Value};

pub(super) use super::draw::Mentioned;

/// The longest text that can be a name of something; what is longer is a sentence for people.
const LONGEST: usize = 80;

/// What every file of the engine mentions.
pub(super) fn read(engine: &mut Engine) -> Mentioned {
    let mut found = Reader::default();
    for module in engine.get_modules() {
        // What tests mention are examples, not borders; and they would drown the others.
        if module.package.span.source.get_path().ends_with("_test.rego") {
            continue;
        }
        for rule in &module.policy {
            found.rule(rule);
        }
    }
    Mentioned {
        texts: found.texts.into_iter().collect(),
        numbers: found.numbers.into_iter().collect(),
        members: found.members,
    }
}

#[derive(Default)]
struct Reader {
    texts: BTreeSet<String>,
    numbers: BTreeSet<i64>,
    members: BTreeSet<String>,
}

impl Reader {
    fn rule(&mut self, rule: &Rule) {
        match rule {
            Rule::Default { value, .. } => self.expr(value),
            Rule::Spec { head, bodies, .. } => {
                match head {
                    RuleHead::Compr { assign, refr, .. } => {
                        self.expr(refr);
                        self.assign(assign.as_ref());
                    }
                    RuleHead::Set { refr, key, .. } => {
                        self.expr(refr);
                        key.iter().for_each(|key| self.expr(key));
                    }
                    RuleHead::Func { args, assign, .. } => {
                        args.iter().for_each(|arg| self.expr(arg));
                        self.assign(assign.as_ref());
                    }
                }
                for body in bodies {
                    self.assign(body.assign.as_ref());
                    self.query(&body.query);
                }
            }
        }
    }

    fn assign(&mut self, assign: Option<&RuleAssign>) {
        assign.into_iter().for_each(|assign| self.expr(&assign.value));
    }

    fn query(&mut self, query: &Query) {
        query.stmts.iter().for_each(|statement| self.statement(statement));
    }

    fn statement(&mut self, statement: &LiteralStmt) {
        match &statement.literal {
            Literal::SomeVars { .. } => {}
            Literal::SomeIn { collection, .. } => self.expr(collection),
            Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => self.expr(expr),
            Literal::Every { domain, query, .. } => {
                self.expr(domain);
                self.query(query);
            }
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::String { value, .. } | Expr::RawString { value, .. } | Expr::Number { value, .. } => {
                self.value(value);
            }
            Expr::Bool { .. } | Expr::Null { .. } | Expr::Var { .. } => {}
            Expr::Array { items, .. } | Expr::Set { items, .. } => {
                items.iter().for_each(|item| self.expr(item));
            }
            Expr::Object { fields, .. } => fields.iter().for_each(|(_, key, value)| {
                self.expr(key);
                self.expr(value);
            }),
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                self.expr(term);
                self.query(query);
            }
            Expr::ObjectCompr { key, value, query, .. } => {
                self.expr(key);
                self.expr(value);
                self.query(query);
            }
            Expr::Call { params, .. } => params.iter().for_each(|param| self.expr(param)),
            Expr::UnaryExpr { expr, .. } => self.expr(expr),
            Expr::RefDot { refr, field, .. } => {
                self.members.insert(field.0.text().to_owned());
                self.expr(refr);
            }
            Expr::RefBrack { refr, index, .. } => {
                self.expr(refr);
                self.expr(index);
            }
            Expr::BinExpr { lhs, rhs, .. }
            | Expr::BoolExpr { lhs, rhs, .. }
            | Expr::ArithExpr { lhs, rhs, .. }
            | Expr::AssignExpr { lhs, rhs, .. } => {
                self.expr(lhs);
                self.expr(rhs);
            }
            Expr::Membership { key, value, collection, .. } => {
                key.iter().for_each(|key| self.expr(key));
                self.expr(value);
                self.expr(collection);
            }
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::String(text) if text.len() <= LONGEST && !text.is_empty() => {
                self.texts.insert(text.to_string());
            }
            Value::Number(number) => self.numbers.extend(number.as_i64()),
            _ => {}
        }
    }
}

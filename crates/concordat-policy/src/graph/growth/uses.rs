//! Which variables an expression uses, and which ones a statement can bind: the order in which a query is read.

use std::collections::BTreeSet;

use regorus::unstable::{AssignOp, Expr, Literal, LiteralStmt, Query, Span};

use super::super::place::{Part, parts};

/// Names of variables, as they stand in the text.
pub(super) type Variables<'a> = BTreeSet<&'a str>;

/// A variable's name.
pub(super) fn name(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Var { span, .. } => Some(span.text()),
        _ => None,
    }
}

/// The variables of an expression, but for those that belong to queries within it.
pub(super) fn of<'a>(expr: &'a Expr, into: &mut Variables<'a>) {
    let mut all = |of_them: &mut dyn Iterator<Item = &'a Expr>| of_them.for_each(|inner| of(inner, into));
    match expr {
        Expr::Var { span, .. } => drop(into.insert(span.text())),
        Expr::Array { items, .. } | Expr::Set { items, .. } => all(&mut items.iter().map(AsRef::as_ref)),
        Expr::Object { fields, .. } => {
            all(&mut fields.iter().flat_map(|(_, key, value)| [key.as_ref(), value.as_ref()]));
        }
        Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
            within(&[term], query, into);
        }
        Expr::ObjectCompr { key, value, query, .. } => within(&[key, value], query, into),
        // A function's name is no variable.
        Expr::Call { params, .. } => all(&mut params.iter().map(AsRef::as_ref)),
        Expr::UnaryExpr { expr, .. } => of(expr, into),
        Expr::RefDot { refr, .. } => of(refr, into),
        Expr::RefBrack { refr: lhs, index: rhs, .. }
        | Expr::BinExpr { lhs, rhs, .. }
        | Expr::BoolExpr { lhs, rhs, .. }
        | Expr::ArithExpr { lhs, rhs, .. }
        | Expr::AssignExpr { lhs, rhs, .. } => all(&mut [lhs.as_ref(), rhs.as_ref()].into_iter()),
        Expr::Membership { key, value, collection, .. } => {
            all(&mut key.iter().chain([value, collection]).map(AsRef::as_ref));
        }
        Expr::String { .. }
        | Expr::RawString { .. }
        | Expr::Number { .. }
        | Expr::Bool { .. }
        | Expr::Null { .. } => {}
    }
}

/// What a query and the head above it use of what lies around them.
fn within<'a>(heads: &[&'a Expr], query: &'a Query, into: &mut Variables<'a>) {
    let (mut used, mut declared) = (Variables::new(), Variables::new());
    heads.iter().for_each(|head| of(head, &mut used));
    for statement in &query.stmts {
        of_statement(statement, &mut used);
        match &statement.literal {
            Literal::SomeVars { vars, .. } => declared.extend(vars.iter().map(Span::text)),
            Literal::SomeIn { key, value, .. } => {
                key.iter().chain([value]).for_each(|pattern| of(pattern, &mut declared));
            }
            Literal::Expr { expr, .. } => {
                if let Expr::AssignExpr { op: AssignOp::ColEq, lhs, .. } = expr.as_ref() {
                    of(lhs, &mut declared);
                }
            }
            Literal::NotExpr { .. } | Literal::Every { .. } => {}
        }
    }
    into.extend(used.difference(&declared));
}

/// The variables of a statement.
pub(super) fn of_statement<'a>(statement: &'a LiteralStmt, into: &mut Variables<'a>) {
    for with in &statement.with_mods {
        of(&with.r#as, into);
    }
    match &statement.literal {
        Literal::SomeVars { .. } => {}
        Literal::SomeIn { key, value, collection, .. } => {
            key.iter().chain([value, collection]).for_each(|expr| of(expr, into));
        }
        Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => of(expr, into),
        Literal::Every { key, value, domain, query, .. } => {
            let mut inner = Variables::new();
            within(&[], query, &mut inner);
            inner.remove(value.text());
            inner.retain(|name| key.as_ref().is_none_or(|key| key.text() != *name));
            into.extend(inner);
            of(domain, into);
        }
    }
}

/// The variables of a pattern.
pub(super) fn pattern<'a>(expr: &'a Expr, into: &mut Variables<'a>) {
    match expr {
        Expr::Var { span, .. } => drop(into.insert(span.text())),
        Expr::Array { items, .. } | Expr::Set { items, .. } => {
            items.iter().for_each(|item| pattern(item, into));
        }
        Expr::Object { fields, .. } => fields.iter().for_each(|(_, _, value)| pattern(value, into)),
        _ => {}
    }
}

/// The variables that stand in brackets behind a reference, where they go through all that is there.
pub(super) fn indices<'a>(expr: &'a Expr, into: &mut Variables<'a>) {
    let mut all =
        |of_them: &mut dyn Iterator<Item = &'a Expr>| of_them.for_each(|inner| indices(inner, into));
    match expr {
        Expr::RefDot { .. } | Expr::RefBrack { .. } => {
            let (base, parts) = parts(expr);
            indices(base, into);
            for index in parts.iter().filter_map(Part::computed) {
                pattern(index, into);
                indices(index, into);
            }
        }
        Expr::Array { items, .. } | Expr::Set { items, .. } => all(&mut items.iter().map(AsRef::as_ref)),
        Expr::Object { fields, .. } => {
            all(&mut fields.iter().flat_map(|(_, key, value)| [key.as_ref(), value.as_ref()]));
        }
        Expr::Call { params, .. } => all(&mut params.iter().map(AsRef::as_ref)),
        Expr::UnaryExpr { expr, .. } => indices(expr, into),
        Expr::BinExpr { lhs, rhs, .. }
        | Expr::BoolExpr { lhs, rhs, .. }
        | Expr::ArithExpr { lhs, rhs, .. }
        | Expr::AssignExpr { lhs, rhs, .. } => all(&mut [lhs.as_ref(), rhs.as_ref()].into_iter()),
        Expr::Membership { key, value, collection, .. } => {
            all(&mut key.iter().chain([value, collection]).map(AsRef::as_ref));
        }
        _ => {}
    }
}

//! Reads the statements of a query in an order in which each finds its variables bound, as the evaluator does.

use std::collections::BTreeMap;

use regorus::unstable::{AssignOp, Expr, Literal, LiteralStmt, Query, Ref};

use super::super::super::place::fixed;
use super::super::size::{Size, Value};
use super::super::uses::{self, Variables};
use super::{Body, Scope};

/// How often a query is gone through before what it waits for is taken to be without bounds.
///
/// Each time reads at least all statements that stand behind what they need. People write them so; without an end, a
/// long query that is written backwards would take time with the square of its length.
const MOST_TURNS: usize = 64;

/// A statement that was not read yet.
struct Pending<'e> {
    step: Step<'e>,
    /// What it can bind.
    binds: Variables<'e>,
    /// What has to be bound before; where there are two of them, either will do.
    needs: Vec<Variables<'e>>,
}

enum Step<'e> {
    Statement(&'e LiteralStmt),
    /// `left = right`, either of which may be bound by the other.
    Unify(&'e Ref<Expr>, &'e Ref<Expr>),
}

/// How many statements that are still to be read bind a variable.
type Binders<'e> = BTreeMap<&'e str, usize>;

impl Body<'_, '_> {
    pub(super) fn query(&mut self, query: &Query) {
        let mut pending = Vec::new();
        query.stmts.iter().for_each(|statement| self.pending(statement, &mut pending));
        let mut binders = Binders::new();
        pending.iter().flat_map(|one| &one.binds).for_each(|name| *binders.entry(name).or_default() += 1);
        for turn in 0.. {
            if pending.is_empty() {
                break;
            }
            let before = pending.len();
            let mut waiting = Vec::new();
            for one in pending {
                if one.needs.iter().any(|needs| needs.iter().all(|name| self.there(name, &one, &binders))) {
                    match one.step {
                        Step::Statement(statement) => self.statement(statement),
                        Step::Unify(left, right) => self.unify(left, right),
                    }
                    for name in &one.binds {
                        binders.entry(name).and_modify(|count| *count = count.saturating_sub(1));
                    }
                } else {
                    waiting.push(one);
                }
            }
            if let Some(first) = waiting.first().filter(|_| waiting.len() == before || turn > MOST_TURNS) {
                // They wait for each other, or stand upside down. The evaluator may know better, but a bound cannot
                // be told.
                let needed: Vec<&str> = first.needs.iter().flatten().copied().collect();
                for name in
                    needed.into_iter().filter(|name| !self.there(name, first, &binders)).collect::<Vec<_>>()
                {
                    self.set(name, Some(Size::of(f64::INFINITY).into()));
                }
            }
            pending = waiting;
        }
    }

    /// Whether a variable is bound, or no other statement will bind it.
    fn there(&self, name: &str, statement: &Pending<'_>, binders: &Binders<'_>) -> bool {
        // Of two sides, the one that is bound binds the other.
        let own = matches!(statement.step, Step::Statement(_)) && statement.binds.contains(name);
        binders.get(name).is_none_or(|all| *all <= usize::from(own)) || !self.unbound(name)
    }

    fn pending<'e>(&self, statement: &'e LiteralStmt, into: &mut Vec<Pending<'e>>) {
        let (mut binds, mut loops) = (Variables::new(), Variables::new());
        match &statement.literal {
            Literal::SomeVars { .. } => {}
            Literal::SomeIn { key, value, collection, .. } => {
                key.iter().chain([value]).for_each(|pattern| uses::pattern(pattern, &mut binds));
                uses::indices(collection, &mut loops);
            }
            Literal::Expr { expr, .. } => {
                uses::indices(expr, &mut loops);
                match expr.as_ref() {
                    Expr::AssignExpr { op: AssignOp::ColEq, lhs, .. } => uses::pattern(lhs, &mut binds),
                    Expr::AssignExpr { op: AssignOp::Eq, lhs, rhs, .. } if statement.with_mods.is_empty() => {
                        return sides(lhs, rhs, into);
                    }
                    Expr::Call { fcn, params, .. } => {
                        if let Some(output) = self.arguments(fcn, params).1 {
                            uses::pattern(output, &mut binds);
                        }
                    }
                    _ => {}
                }
            }
            Literal::NotExpr { .. } | Literal::Every { .. } => {}
        }
        let mut all = Variables::new();
        uses::of_statement(statement, &mut all);
        // What goes through a list is bound there, if nothing binds it before.
        let needs = all.into_iter().filter(|name| !binds.contains(name) && !loops.contains(name)).collect();
        binds.extend(loops);
        into.push(Pending { step: Step::Statement(statement), binds, needs: vec![needs] });
    }

    fn statement(&mut self, statement: &LiteralStmt) {
        let input = self.input.clone();
        for with in &statement.with_mods {
            let value = self.value(&with.r#as);
            // Only the whole input gives way to what replaces it; a part of it, a rule or a function comes on top.
            let whole = fixed(&with.refr).0 == ["input"] && self.growth.replaced.is_empty();
            self.input = if whole { value } else { Value::sum(&[self.input.clone(), value]) };
        }
        self.literal(&statement.literal);
        self.input = input;
    }

    fn literal(&mut self, literal: &Literal) {
        match literal {
            Literal::SomeVars { vars, .. } => vars.iter().for_each(|name| self.set(name.text(), None)),
            Literal::SomeIn { key, value, collection, .. } => {
                let list = self.value(collection);
                let item = self.item(&list);
                for pattern in key.iter().chain([value]) {
                    self.declare(pattern, &item);
                }
            }
            Literal::Expr { expr, .. } => self.condition(expr),
            Literal::NotExpr { expr, .. } => {
                self.scopes.push(Scope::default());
                self.value(expr);
                self.scopes.pop();
            }
            Literal::Every { key, value, domain, query, .. } => {
                let list = self.value(domain);
                self.scopes.push(Scope::default());
                let item = self.item(&list);
                for name in key.iter().chain([value]) {
                    self.set(name.text(), Some(item.clone()));
                }
                self.query(query);
                self.scopes.pop();
            }
        }
    }

    fn condition(&mut self, expr: &Expr) {
        match expr {
            Expr::AssignExpr { op: AssignOp::ColEq, lhs, rhs, .. } => {
                let value = self.value(rhs);
                self.declare(lhs, &value);
            }
            Expr::AssignExpr { op: AssignOp::Eq, lhs, rhs, .. } => self.unify(lhs, rhs),
            _ => drop(self.value(expr)),
        }
    }

    /// Variables of this query alone, whatever they are called around it.
    fn declare(&mut self, pattern: &Expr, value: &Value) {
        let mut variables = Variables::new();
        uses::pattern(pattern, &mut variables);
        variables.into_iter().for_each(|name| self.set(name, Some(value.clone())));
    }

    fn unify(&mut self, left: &Ref<Expr>, right: &Ref<Expr>) {
        let (pattern, expr) = if self.waits(right) { (right, left) } else { (left, right) };
        let value = self.value(expr);
        if self.waits(pattern) {
            self.bind(pattern, &value);
        } else {
            self.value(pattern);
        }
    }
}

/// Two sides of which each may bind the other; of two lists, item by item.
fn sides<'e>(left: &'e Ref<Expr>, right: &'e Ref<Expr>, into: &mut Vec<Pending<'e>>) {
    if let (Expr::Array { items: lefts, .. }, Expr::Array { items: rights, .. }) =
        (left.as_ref(), right.as_ref())
    {
        return lefts.iter().zip(rights).for_each(|(left, right)| sides(left, right, into));
    }
    let (mut binds, mut loops) = (Variables::new(), Variables::new());
    let mut side = |expr: &'e Ref<Expr>| {
        uses::pattern(expr, &mut binds);
        uses::indices(expr, &mut loops);
        let mut uses = Variables::new();
        uses::of(expr, &mut uses);
        uses
    };
    let mut needs = vec![side(left), side(right)];
    needs.iter_mut().for_each(|needs| needs.retain(|name| !loops.contains(name)));
    binds.extend(loops);
    into.push(Pending { step: Step::Unify(left, right), binds, needs });
}

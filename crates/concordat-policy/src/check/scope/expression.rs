//! Reads expressions: what they use, and what is known of their values.

use regorus::unstable::{AssignOp, Expr};

use super::super::shape::Shape;
use super::Reader;
use super::local::How;

impl<'a> Reader<'a> {
    /// Reads an expression, and says what is known of its value.
    pub(super) fn expr(&mut self, expr: &'a Expr) -> Shape<'a> {
        match expr {
            Expr::String { .. }
            | Expr::RawString { .. }
            | Expr::Number { .. }
            | Expr::Bool { .. }
            | Expr::Null { .. } => {}
            Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => return self.reference(expr),
            Expr::Array { items, .. } | Expr::Set { items, .. } => self.all(items),
            Expr::Object { fields, .. } => self.all(fields.iter().flat_map(|(_, key, value)| [key, value])),
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                self.scopes.enter();
                self.query(query);
                self.expr(term);
                self.leave();
            }
            Expr::ObjectCompr { key, value, query, .. } => {
                self.scopes.enter();
                self.query(query);
                self.all([key, value]);
                self.leave();
            }
            Expr::Call { fcn, params, .. } => self.call(fcn, params, false),
            Expr::UnaryExpr { expr, .. } => drop(self.expr(expr)),
            Expr::AssignExpr { op: AssignOp::ColEq, lhs, rhs, .. } => {
                let shape = self.expr(rhs);
                self.pattern(lhs);
                self.learn(lhs, shape);
            }
            Expr::AssignExpr { lhs, rhs, .. } => {
                self.fits(lhs);
                self.fits(rhs);
            }
            Expr::BinExpr { lhs, rhs, .. }
            | Expr::BoolExpr { lhs, rhs, .. }
            | Expr::ArithExpr { lhs, rhs, .. } => self.all([lhs, rhs]),
            Expr::Membership { key, value, collection, .. } => {
                self.all(key);
                self.all([value, collection]);
            }
        }
        Shape::ANY
    }

    /// Reads an expression in a place where a variable takes any value that fits.
    pub(super) fn fits(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Var { span, value, .. } => {
                if let Ok(name) = value.as_string() {
                    self.name(name, Some((span, How::Bound)));
                }
            }
            Expr::Array { items, .. } | Expr::Set { items, .. } => {
                items.iter().for_each(|item| self.fits(item));
            }
            Expr::Object { fields, .. } => fields.iter().for_each(|(_, key, value)| {
                self.fits(key);
                self.fits(value);
            }),
            other => drop(self.expr(other)),
        }
    }
}

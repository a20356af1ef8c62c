//! Reads one definition of a rule: what its variables are bound to, and how large its value can be.

mod query;

use std::collections::BTreeMap;

use regorus::unstable::{BUILTINS, Expr, Query, Ref, Rule as Parsed, RuleAssign, RuleHead};

use super::super::place::{Place, fixed, parts};
use super::size::{LEAF, Size, Value};
use super::{Growth, Home, builtin, uses};
use crate::finding::Code;

/// The variables of one query, and how many lists its loops go through.
#[derive(Default)]
struct Scope {
    /// A variable without a value is declared, and not bound yet.
    locals: BTreeMap<String, Option<Value>>,
    lists: i32,
}

/// One definition, while it is read.
pub(super) struct Body<'g, 'a> {
    growth: &'g mut Growth<'a>,
    home: &'g Home<'a>,
    scopes: Vec<Scope>,
    /// What the input is: `with` may replace it.
    input: Value,
}

impl<'g, 'a> Body<'g, 'a> {
    pub(super) fn new(growth: &'g mut Growth<'a>, home: &'g Home<'a>) -> Body<'g, 'a> {
        Body { growth, home, scopes: Vec::new(), input: Size::input().into() }
    }

    /// The bound of what this definition gives.
    pub(super) fn definition(mut self, rule: &Parsed) -> Size {
        let (head, bodies) = match rule {
            Parsed::Default { value, .. } => return self.value(value).largest().clone(),
            Parsed::Spec { head, bodies, .. } => (head, bodies),
        };
        if bodies.is_empty() {
            return self.branch(head, None, None);
        }
        bodies.iter().fold(Size::default(), |size, body| {
            let own = body.assign.as_ref().filter(|_| body.is_else);
            size.or(&self.branch(head, own, Some(&body.query)))
        })
    }

    fn branch(&mut self, head: &RuleHead, own: Option<&RuleAssign>, query: Option<&Ref<Query>>) -> Size {
        self.scopes.push(Scope::default());
        if let RuleHead::Func { args, .. } = head {
            for (nth, argument) in args.iter().enumerate() {
                self.bind(argument, &Size::argument(nth).into());
            }
        }
        query.iter().for_each(|query| self.query(query));
        let (RuleHead::Compr { refr, .. } | RuleHead::Set { refr, .. } | RuleHead::Func { refr, .. }) = head;
        let mut gathered: Vec<Value> = fixed(refr).1.into_iter().map(|part| self.value(part)).collect();
        let assign = match head {
            RuleHead::Compr { assign, .. } | RuleHead::Func { assign, .. } => own.or(assign.as_ref()),
            RuleHead::Set { key, .. } => {
                gathered.extend(key.iter().map(|key| self.value(key)));
                None
            }
        };
        let value = assign.map_or_else(Value::leaf, |assign| self.value(&assign.value));
        if gathered.is_empty() {
            self.scopes.pop();
            return value.largest().clone();
        }
        gathered.push(value);
        let all = Value::sum(&gathered);
        let all = self.gather(&all);
        self.bounded(refr, all).largest().clone()
    }

    /// What the innermost query gathers; that query is over.
    fn gather(&mut self, head: &Value) -> Value {
        let (loops, lists) = (self.scopes.len(), self.scopes.last().map_or(0, |scope| scope.lists));
        self.scopes.pop();
        head.gathered(loops, self.growth.most.items.powi(lists))
    }

    /// Tells a value that can be too large, and not what is made of it.
    fn bounded(&mut self, expr: &Expr, value: Value) -> Value {
        let (bytes, most) = (value.largest().bytes(), self.growth.most);
        if bytes > most.bytes {
            self.tell(expr, &format!("this value can become too large to look at: {}", most.why), most.fix);
            return Size::told().into();
        }
        self.growth.largest = self.growth.largest.max(bytes);
        value
    }

    fn tell(&mut self, expr: &Expr, message: &str, fix: &str) {
        let place = Place::of(super::super::place::start(expr));
        self.growth.found.push(place.error(Code::GrowingValue, message.to_owned()).fix(fix));
    }

    /// The value of a local variable: none where there is no such variable, or it is not bound yet.
    fn local(&self, name: &str) -> Option<Option<&Value>> {
        self.scopes.iter().rev().find_map(|scope| scope.locals.get(name)).map(Option::as_ref)
    }

    /// Whether this is a variable that waits for its value.
    fn unbound(&self, name: &str) -> bool {
        match self.local(name) {
            Some(value) => value.is_none(),
            None => self.home.resolve(&[name.to_owned()]).is_empty(),
        }
    }

    /// Whether a pattern has a variable that waits for its value.
    fn waits(&self, pattern: &Expr) -> bool {
        let mut variables = uses::Variables::new();
        uses::pattern(pattern, &mut variables);
        variables.into_iter().any(|name| self.unbound(name))
    }

    fn set(&mut self, name: &str, value: Option<Value>) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.locals.insert(name.to_owned(), value);
        }
    }

    /// Gives the variables of a pattern their values: each may be all of it.
    fn bind(&mut self, pattern: &Expr, value: &Value) {
        let mut variables = uses::Variables::new();
        uses::pattern(pattern, &mut variables);
        for name in variables {
            if self.unbound(name) {
                self.set(name, Some(value.clone()));
            }
        }
    }

    /// One item of a list that is gone through.
    fn item(&mut self, list: &Value) -> Value {
        if let Some(scope) = self.scopes.last_mut() {
            scope.lists = scope.lists.saturating_add(1);
        }
        list.item(self.scopes.len(), self.growth.most.items)
    }

    fn values<'e>(&mut self, exprs: impl IntoIterator<Item = &'e Ref<Expr>>) -> Vec<Value> {
        exprs.into_iter().map(|expr| self.value(expr)).collect()
    }

    /// How large the value of an expression can be.
    fn value(&mut self, expr: &Expr) -> Value {
        let value = match expr {
            Expr::String { value, .. } | Expr::RawString { value, .. } => {
                Size::of(value.as_string().map_or(LEAF, |text| text.len() as f64)).into()
            }
            Expr::Number { span, .. } => Size::of(span.text().len() as f64).into(),
            Expr::Bool { .. } | Expr::Null { .. } => return Value::leaf(),
            Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => self.reference(expr),
            Expr::Array { items, .. } | Expr::Set { items, .. } => Value::sum(&self.values(items)),
            Expr::Object { fields, .. } => {
                Value::sum(&self.values(fields.iter().flat_map(|(_, key, value)| [key, value])))
            }
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                self.comprehension(&[term], query)
            }
            Expr::ObjectCompr { key, value, query, .. } => self.comprehension(&[key, value], query),
            Expr::Call { fcn, params, .. } => self.call(fcn, params),
            Expr::UnaryExpr { expr, .. } => self.value(expr),
            Expr::BinExpr { lhs, rhs, .. } | Expr::ArithExpr { lhs, rhs, .. } => {
                Value::sum(&self.values([lhs, rhs]))
            }
            Expr::BoolExpr { lhs, rhs, .. } | Expr::AssignExpr { lhs, rhs, .. } => {
                self.values([lhs, rhs]);
                return Value::leaf();
            }
            Expr::Membership { key, value, collection, .. } => {
                self.values(key.iter().chain([value, collection]));
                return Value::leaf();
            }
        };
        self.bounded(expr, value)
    }

    fn comprehension(&mut self, heads: &[&Ref<Expr>], query: &Query) -> Value {
        self.scopes.push(Scope::default());
        self.query(query);
        let heads = self.values(heads.iter().copied());
        self.gather(&Value::sum(&heads))
    }

    fn reference(&mut self, expr: &Expr) -> Value {
        let (base, parts) = parts(expr);
        let mut value = match uses::name(base) {
            Some("_") => Value::leaf(),
            Some(name) => match self.local(name) {
                Some(Some(value)) => value.clone(),
                // Nothing binds it: the evaluator refuses that.
                Some(None) => Value::leaf(),
                None => self.named(&fixed(expr).0),
            },
            None => self.value(base),
        };
        for index in parts.iter().filter_map(super::super::place::Part::computed) {
            if uses::name(index) == Some("_") || self.waits(index) {
                value = self.item(&value);
                self.bind(index, &value);
            } else {
                self.value(index);
            }
        }
        value
    }

    /// What a path names outside of the query.
    fn named(&mut self, path: &[String]) -> Value {
        let mut values = Vec::new();
        for path in self.home.resolve(path) {
            values.push(Value::given(&self.growth.at(&path), &self.input, Vec::new()));
        }
        match values.len() {
            0 => Value::leaf(),
            1 => values.remove(0),
            _ => Value::sum(&values),
        }
    }

    fn call(&mut self, function: &Expr, params: &[Ref<Expr>]) -> Value {
        let (given, output) = self.arguments(function, params);
        let arguments = self.values(given);
        let path = fixed(function).0;
        let own: Vec<_> =
            self.home.resolve(&path).into_iter().filter(|path| self.growth.arity(path).is_some()).collect();
        if own.is_empty() && builtin::is_computed_patch(&path.join("."), params) {
            let message = "operations that are computed can copy a value into itself over and over";
            self.tell(function, message, "write the operations out where they are used");
        }
        let mut values = Vec::new();
        for path in own {
            values.push(Value::given(&self.growth.at(&path), &self.input, arguments.clone()));
        }
        let value = match values.len() {
            0 => self.replaced(&path, builtin::value(&path.join("."), params, &arguments), &arguments),
            _ => Value::sum(&values),
        };
        let value = self.bounded(function, value);
        if let Some(output) = output {
            self.bind(output, &value);
        }
        value
    }

    /// What a builtin gives that `with` may replace.
    fn replaced(&mut self, path: &[String], value: Value, arguments: &[Value]) -> Value {
        let Some(by) = self.growth.replaced.get(path).cloned() else { return value };
        let mut values = vec![value, self.input.clone()];
        for by in &by {
            values.push(Value::given(&self.growth.rule(by), &self.input, arguments.to_vec()));
        }
        Value::sum(&values)
    }

    /// A call's arguments, and what its value is bound to where that stands behind them.
    fn arguments<'e>(&self, function: &Expr, params: &'e [Ref<Expr>]) -> (&'e [Ref<Expr>], Option<&'e Expr>) {
        let path = fixed(function).0;
        let own = self.home.resolve(&path).iter().find_map(|path| self.growth.arity(path));
        let name = path.join(".");
        let arity = own.or_else(|| BUILTINS.get(name.as_str()).map(|(_, most)| usize::from(*most)));
        match params.split_last() {
            Some((last, rest)) if arity == Some(rest.len()) && name != "print" => (rest, Some(last)),
            _ => (params, None),
        }
    }
}

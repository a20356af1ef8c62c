//! Reads a parsed module into the graph: each rule's head, and every reference in its bodies.
//!
//! The parser's tree is not a stable interface, but it is typed, and its version is pinned.

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable::{
    Expr, Literal, LiteralStmt, Module, Query, Ref, Rule as Parsed, RuleAssign, RuleHead, Span,
};

use super::place::{DEEPEST, Place, fixed, head, imports, package, start};
use super::{Graph, Mock, Path, builtins};
use crate::finding::{Code, Finding};

/// Under which root builtins stand in the graph.
const BUILTIN: &str = "builtin";

fn builtin(name: &str) -> Path {
    vec![BUILTIN.to_owned(), name.to_owned()]
}

/// What a path of the graph is called in the text, if it is a builtin's.
pub(super) fn called(path: &Path) -> Path {
    match path.as_slice() {
        [root, name] if root == BUILTIN => name.split('.').map(str::to_owned).collect(),
        _ => path.clone(),
    }
}

/// The first part of every rule's head, by package.
pub(super) type Names = BTreeMap<Path, BTreeSet<String>>;

/// The names that a package's rules begin with.
pub(super) fn rule_names(modules: &[Ref<Module>]) -> Names {
    let mut names = Names::new();
    for module in modules {
        let known = names.entry(package(module)).or_default();
        known.extend(module.policy.iter().filter_map(|rule| fixed(head(rule)).0.into_iter().next()));
    }
    names
}

/// Adds a module's rules to the graph.
pub(super) fn module(module: &Module, names: &Names, graph: &mut Graph) {
    let package = package(module);
    let none = BTreeSet::new();
    let imports = imports(module);
    for import in imports.iter().filter(|import| import.path == ["input"] && import.alias == "input") {
        // The engine would write a warning about it to stderr on every load.
        let told = import.place.error(Code::UnusedImport, "`import input` says nothing".to_owned());
        graph.found.push(told.fix("leave it out"));
    }
    let mut reader = Reader {
        own: names.get(&package).unwrap_or(&none),
        package: &package,
        imports: imports.into_iter().map(|import| (import.alias, import.path)).collect(),
        refers: BTreeSet::new(),
        levels: 0,
        pretends: false,
        found: &mut graph.found,
        mocks: graph.mocks.take(),
    };
    for rule in &module.policy {
        let mut path = package.clone();
        path.extend(fixed(head(rule)).0);
        reader.rule(rule);
        let entry = graph
            .rules
            .entry(path)
            .or_insert_with(|| super::Rule { place: Place::of(rule.span()), ..Default::default() });
        entry.refers.append(&mut reader.refers);
        entry.levels = entry.levels.max(std::mem::take(&mut reader.levels));
        entry.pretends |= std::mem::take(&mut reader.pretends);
    }
    graph.mocks = reader.mocks;
    // Builtins are rules of their own, as far as others may stand in for them.
    for target in graph.mocks.iter().flatten().flat_map(|mock| &mock.replaced) {
        if target.first().is_some_and(|root| root == BUILTIN) {
            graph.rules.entry(target.clone()).or_default();
        }
    }
}

/// The parts of a set's or an object's head that may be undefined.
///
/// The evaluator then forgets what the rule has gathered so far, in silence or with an error: `denied contains x.id`
/// would be empty because one `x` has no `id`.
fn unbound<'e>(expr: &'e Expr, depth: usize, found: &mut Vec<&'e Span>) {
    // What is deeper is refused for its depth.
    if depth > DEEPEST {
        return;
    }
    let mut all = |items: &'e [Ref<Expr>]| items.iter().for_each(|item| unbound(item, depth + 1, found));
    match expr {
        Expr::RefDot { .. } | Expr::RefBrack { .. } => found.push(expr.span()),
        Expr::Array { items, .. } | Expr::Set { items, .. } => all(items),
        Expr::Object { fields, .. } => fields.iter().for_each(|(_, key, value)| {
            unbound(key, depth + 1, found);
            unbound(value, depth + 1, found);
        }),
        Expr::Call { params, .. } => all(params),
        _ => {}
    }
}

struct Reader<'a> {
    own: &'a BTreeSet<String>,
    package: &'a Path,
    imports: BTreeMap<String, Path>,
    refers: BTreeSet<Path>,
    levels: usize,
    pretends: bool,
    found: &'a mut Vec<Finding>,
    mocks: Option<Vec<Mock>>,
}

impl Reader<'_> {
    fn rule(&mut self, rule: &Parsed) {
        match rule {
            Parsed::Default { args, value, .. } => {
                self.all(args, 0);
                self.expr(value, 0);
            }
            Parsed::Spec { head, bodies, .. } => {
                self.head(head);
                for body in bodies {
                    self.assign(body.assign.as_ref());
                    self.query(&body.query, 0);
                }
            }
        }
    }

    fn head(&mut self, head: &RuleHead) {
        let (RuleHead::Compr { refr, .. } | RuleHead::Set { refr, .. } | RuleHead::Func { refr, .. }) = head;
        let computed = fixed(refr).1;
        for part in &computed {
            self.expr(part, 0);
        }
        let mut gathered = Vec::new();
        match head {
            RuleHead::Compr { assign, .. } => {
                if !computed.is_empty() {
                    gathered.extend(computed);
                    gathered.extend(assign.iter().map(|assign| assign.value.as_ref()));
                }
                self.assign(assign.as_ref());
            }
            RuleHead::Set { key, .. } => {
                gathered.extend(computed);
                gathered.extend(key.iter().map(Ref::as_ref));
                self.all(key, 0);
            }
            RuleHead::Func { args, assign, .. } => {
                self.all(args, 0);
                self.assign(assign.as_ref());
            }
        }
        let mut undefined = Vec::new();
        gathered.into_iter().for_each(|part| unbound(part, 0, &mut undefined));
        for span in undefined {
            let text = span.text().to_owned();
            let message = format!(
                "`{text}` may be undefined, and then the evaluator forgets what this rule has gathered"
            );
            let fix = format!("write `value := {text}` as a condition, and `value` here");
            self.refuse(Code::UndefinedHead, span, message, &fix);
        }
    }

    fn assign(&mut self, assign: Option<&RuleAssign>) {
        if let Some(assign) = assign {
            self.expr(&assign.value, 0);
        }
    }

    fn query(&mut self, query: &Query, depth: usize) {
        for statement in &query.stmts {
            self.statement(statement, depth);
        }
    }

    fn statement(&mut self, statement: &LiteralStmt, depth: usize) {
        for with in &statement.with_mods {
            self.pretends = true;
            // Replacing a rule or function would let rules reach each other in ways that the graph does not show.
            let target = fixed(&with.refr).0;
            if target.first().is_some_and(|root| root == "input") {
                self.expr(&with.r#as, depth + 1);
            } else if self.mocks.is_some() {
                self.mock(&with.refr, &target, &with.r#as, depth);
            } else {
                let message = "`with` may replace only `input` outside of tests".to_owned();
                self.refuse(Code::With, &with.span, message, "hand the value to a function");
                self.expr(&with.r#as, depth + 1);
            }
        }
        match &statement.literal {
            Literal::SomeVars { .. } => {}
            Literal::SomeIn { key, value, collection, .. } => {
                self.all(key, depth);
                self.expr(value, depth + 1);
                self.expr(collection, depth + 1);
            }
            Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => self.expr(expr, depth + 1),
            Literal::Every { domain, query, .. } => {
                self.expr(domain, depth + 1);
                self.query(query, depth + 1);
            }
        }
    }

    /// What is replaced, and what its replacement refers to.
    fn mock(&mut self, replaced: &Expr, target: &Path, by: &Expr, depth: usize) {
        let own = std::mem::take(&mut self.refers);
        self.reference(replaced, depth);
        let mut replaced = std::mem::take(&mut self.refers);
        if replaced.is_empty() {
            replaced.insert(builtin(&target.join(".")));
        }
        self.expr(by, depth + 1);
        let refers = std::mem::replace(&mut self.refers, own);
        self.refers.extend(refers.iter().cloned());
        if let Some(mocks) = &mut self.mocks {
            mocks.push(Mock { replaced, refers });
        }
    }

    fn all<'e>(&mut self, exprs: impl IntoIterator<Item = &'e Ref<Expr>>, depth: usize) {
        for expr in exprs {
            self.expr(expr, depth + 1);
        }
    }

    fn expr(&mut self, expr: &Expr, depth: usize) {
        if depth > DEEPEST {
            // Once is enough: what lies around it is as deep.
            if self.found.last().is_none_or(|last| last.code != Code::TooDeep) {
                let message = format!("this is nested too deeply; the most is {DEEPEST} levels");
                self.refuse(Code::TooDeep, expr.span(), message, "name the inner parts");
            }
            return;
        }
        self.levels = self.levels.max(depth);
        match expr {
            Expr::String { .. }
            | Expr::RawString { .. }
            | Expr::Number { .. }
            | Expr::Bool { .. }
            | Expr::Null { .. } => {}
            Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => self.reference(expr, depth),
            Expr::Array { items, .. } | Expr::Set { items, .. } => self.all(items, depth),
            Expr::Object { fields, .. } => {
                self.all(fields.iter().flat_map(|(_, key, value)| [key, value]), depth);
            }
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                self.expr(term, depth + 1);
                self.query(query, depth + 1);
            }
            Expr::ObjectCompr { key, value, query, .. } => {
                self.all([key, value], depth);
                self.query(query, depth + 1);
            }
            Expr::Call { fcn, params, .. } => {
                self.call(fcn, params);
                self.reference(fcn, depth);
                self.all(params, depth);
            }
            Expr::UnaryExpr { expr, .. } => self.expr(expr, depth + 1),
            Expr::BinExpr { lhs, rhs, .. }
            | Expr::BoolExpr { lhs, rhs, .. }
            | Expr::ArithExpr { lhs, rhs, .. }
            | Expr::AssignExpr { lhs, rhs, .. } => self.all([lhs, rhs], depth),
            Expr::Membership { key, value, collection, .. } => {
                self.all(key, depth);
                self.all([value, collection], depth);
            }
        }
    }

    fn reference(&mut self, expr: &Expr, depth: usize) {
        let (path, computed) = fixed(expr);
        let (root, rest) = path.split_first().map_or(("", &[][..]), |(root, rest)| (root.as_str(), rest));
        let resolved: Option<Path> = match (root, self.imports.get(root)) {
            ("data", _) => Some(path.clone()),
            // A rule of this package hides an import of the same name, or the other way round: take both.
            (_, import) => {
                if self.own.contains(root) {
                    self.refers.insert(self.package.iter().chain(&path).cloned().collect());
                }
                import
                    .filter(|import| import.first().is_some_and(|first| first == "data"))
                    .map(|import| import.iter().chain(rest).cloned().collect())
            }
        };
        self.refers.extend(resolved);
        for expr in computed {
            self.expr(expr, depth + 1);
        }
    }

    fn call(&mut self, function: &Expr, params: &[Ref<Expr>]) {
        let name = fixed(function).0.join(".");
        if self.mocks.is_some() {
            self.refers.insert(builtin(&name));
        }
        if builtins::banned(&name) {
            let message = format!("`{name}` may not be used");
            let fix = "a decision sees only its input, and answers quickly";
            return self.refuse(Code::BannedBuiltin, start(function), message, fix);
        }
        if name != "sprintf" {
            return;
        }
        match params.first().map(Ref::as_ref) {
            Some(Expr::String { value, .. } | Expr::RawString { value, .. }) => {
                if value.as_string().is_ok_and(|format| builtins::has_width(format)) {
                    let message = "a format has no widths".to_owned();
                    self.refuse(Code::Format, start(function), message, "use `%s`, `%d` or `%v`");
                }
            }
            _ => {
                let message = "a format is written out as a text".to_owned();
                self.refuse(Code::Format, start(function), message, "write it where it is used, in quotes");
            }
        }
    }

    fn refuse(&mut self, code: Code, span: &Span, message: String, fix: &str) {
        self.found.push(Place::of(span).error(code, message).fix(fix));
    }
}

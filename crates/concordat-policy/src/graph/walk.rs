//! Reads a parsed module into the graph: each rule's head, and every reference in its bodies.
//!
//! The parser's tree is not a stable interface, but it is typed, and its version is pinned.

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable::{
    Expr, Literal, LiteralStmt, Module, Query, Ref, Rule as Parsed, RuleAssign, RuleHead, Span,
};

use super::{Graph, Path, Place, builtins};
use crate::policy::LoadError;

/// The deepest nesting of expressions and queries within a rule.
const DEEPEST: usize = 64;

/// The first part of every rule's head, by package.
pub(super) type Names = BTreeMap<Path, BTreeSet<String>>;

/// The names that a package's rules begin with.
pub(super) fn rule_names(modules: &[Ref<Module>]) -> Result<Names, LoadError> {
    let mut names = Names::new();
    for module in modules {
        let package = package(module)?;
        let known = names.entry(package).or_default();
        for rule in &module.policy {
            known.extend(fixed(head(rule), 0)?.0.into_iter().next());
        }
    }
    Ok(names)
}

/// Adds a module's rules to the graph.
pub(super) fn module(module: &Module, names: &Names, graph: &mut Graph) -> Result<(), LoadError> {
    let package = package(module)?;
    let none = BTreeSet::new();
    let mut reader = Reader {
        own: names.get(&package).unwrap_or(&none),
        package: &package,
        imports: imports(module)?,
        refers: BTreeSet::new(),
        levels: 0,
    };
    for rule in &module.policy {
        let mut path = package.clone();
        path.extend(fixed(head(rule), 0)?.0);
        reader.rule(rule)?;
        let entry = graph
            .rules
            .entry(path)
            .or_insert_with(|| super::Rule { place: place(rule.span()), ..Default::default() });
        entry.refers.append(&mut reader.refers);
        entry.levels = entry.levels.max(std::mem::take(&mut reader.levels));
    }
    Ok(())
}

fn package(module: &Module) -> Result<Path, LoadError> {
    let mut path = vec!["data".to_owned()];
    path.extend(fixed(&module.package.refr, 0)?.0);
    Ok(path)
}

fn imports(module: &Module) -> Result<BTreeMap<String, Path>, LoadError> {
    let mut imports = BTreeMap::new();
    for import in &module.imports {
        let (path, _) = fixed(&import.refr, 0)?;
        // The engine would write a warning about it to stderr on every load.
        if path == ["input"] && import.r#as.is_none() {
            return Err(place(&import.span).refuse("`import input` says nothing: leave it out".to_owned()));
        }
        let alias = import
            .r#as
            .as_ref()
            .map_or_else(|| path.last().cloned().unwrap_or_default(), |name| name.text().to_owned());
        imports.insert(alias, path);
    }
    Ok(imports)
}

fn head(rule: &Parsed) -> &Expr {
    match rule {
        Parsed::Spec {
            head: RuleHead::Compr { refr, .. } | RuleHead::Set { refr, .. } | RuleHead::Func { refr, .. },
            ..
        }
        | Parsed::Default { refr, .. } => refr,
    }
}

fn place(span: &Span) -> Place {
    Place { file: span.source.get_path().clone(), line: span.line, column: span.col }
}

fn too_deep(span: &Span) -> LoadError {
    place(span)
        .refuse(format!("this is nested too deeply; the most is {DEEPEST} levels: name the inner parts"))
}

/// A reference's fixed parts, and the expressions that compute the others.
fn fixed(expr: &Expr, depth: usize) -> Result<(Path, Vec<&Expr>), LoadError> {
    if depth > DEEPEST {
        return Err(too_deep(expr.span()));
    }
    let text = |value: &regorus::Value| value.as_string().ok().map(|text| String::from(text.as_ref()));
    match expr {
        Expr::Var { value, .. } => Ok((text(value).into_iter().collect(), Vec::new())),
        Expr::RefDot { refr, field, .. } => {
            let (mut path, computed) = fixed(refr, depth + 1)?;
            if computed.is_empty() && !path.is_empty() {
                path.extend(text(&field.1));
            }
            Ok((path, computed))
        }
        Expr::RefBrack { refr, index, .. } => {
            let (mut path, mut computed) = fixed(refr, depth + 1)?;
            match index.as_ref() {
                Expr::String { value, .. } | Expr::RawString { value, .. }
                    if computed.is_empty() && !path.is_empty() =>
                {
                    path.extend(text(value));
                }
                index => computed.push(index),
            }
            Ok((path, computed))
        }
        // Something that is computed and then looked into, such as a call's value.
        other => Ok((Vec::new(), vec![other])),
    }
}

struct Reader<'a> {
    own: &'a BTreeSet<String>,
    package: &'a Path,
    imports: BTreeMap<String, Path>,
    refers: BTreeSet<Path>,
    levels: usize,
}

impl Reader<'_> {
    fn rule(&mut self, rule: &Parsed) -> Result<(), LoadError> {
        match rule {
            Parsed::Default { args, value, .. } => {
                self.all(args, 0)?;
                self.expr(value, 0)
            }
            Parsed::Spec { head, bodies, .. } => {
                self.head(head)?;
                for body in bodies {
                    self.assign(body.assign.as_ref())?;
                    self.query(&body.query, 0)?;
                }
                Ok(())
            }
        }
    }

    fn head(&mut self, head: &RuleHead) -> Result<(), LoadError> {
        let (RuleHead::Compr { refr, .. } | RuleHead::Set { refr, .. } | RuleHead::Func { refr, .. }) = head;
        for computed in fixed(refr, 0)?.1 {
            self.expr(computed, 0)?;
        }
        match head {
            RuleHead::Compr { assign, .. } => self.assign(assign.as_ref()),
            RuleHead::Set { key, .. } => self.all(key, 0),
            RuleHead::Func { args, assign, .. } => {
                self.all(args, 0)?;
                self.assign(assign.as_ref())
            }
        }
    }

    fn assign(&mut self, assign: Option<&RuleAssign>) -> Result<(), LoadError> {
        assign.map_or(Ok(()), |assign| self.expr(&assign.value, 0))
    }

    fn query(&mut self, query: &Query, depth: usize) -> Result<(), LoadError> {
        query.stmts.iter().try_for_each(|statement| self.statement(statement, depth))
    }

    fn statement(&mut self, statement: &LiteralStmt, depth: usize) -> Result<(), LoadError> {
        for with in &statement.with_mods {
            // Replacing a rule or function would let rules reach each other in ways that the graph does not show.
            if fixed(&with.refr, 0)?.0.first().is_none_or(|root| root != "input") {
                return Err(
                    place(&with.span).refuse("`with` may replace only `input` outside of tests".to_owned())
                );
            }
            self.expr(&with.r#as, depth + 1)?;
        }
        match &statement.literal {
            Literal::SomeVars { .. } => Ok(()),
            Literal::SomeIn { key, value, collection, .. } => {
                self.all(key, depth)?;
                self.expr(value, depth + 1)?;
                self.expr(collection, depth + 1)
            }
            Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => self.expr(expr, depth + 1),
            Literal::Every { domain, query, .. } => {
                self.expr(domain, depth + 1)?;
                self.query(query, depth + 1)
            }
        }
    }

    fn all<'e>(
        &mut self,
        exprs: impl IntoIterator<Item = &'e Ref<Expr>>,
        depth: usize,
    ) -> Result<(), LoadError> {
        exprs.into_iter().try_for_each(|expr| self.expr(expr, depth + 1))
    }

    fn expr(&mut self, expr: &Expr, depth: usize) -> Result<(), LoadError> {
        if depth > DEEPEST {
            return Err(too_deep(expr.span()));
        }
        self.levels = self.levels.max(depth);
        match expr {
            Expr::String { .. }
            | Expr::RawString { .. }
            | Expr::Number { .. }
            | Expr::Bool { .. }
            | Expr::Null { .. } => Ok(()),
            Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => self.reference(expr, depth),
            Expr::Array { items, .. } | Expr::Set { items, .. } => self.all(items, depth),
            Expr::Object { fields, .. } => {
                self.all(fields.iter().flat_map(|(_, key, value)| [key, value]), depth)
            }
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                self.expr(term, depth + 1)?;
                self.query(query, depth + 1)
            }
            Expr::ObjectCompr { key, value, query, .. } => {
                self.all([key, value], depth)?;
                self.query(query, depth + 1)
            }
            Expr::Call { fcn, params, .. } => {
                self.call(fcn, params)?;
                self.reference(fcn, depth)?;
                self.all(params, depth)
            }
            Expr::UnaryExpr { expr, .. } => self.expr(expr, depth + 1),
            Expr::BinExpr { lhs, rhs, .. }
            | Expr::BoolExpr { lhs, rhs, .. }
            | Expr::ArithExpr { lhs, rhs, .. }
            | Expr::AssignExpr { lhs, rhs, .. } => self.all([lhs, rhs], depth),
            Expr::Membership { key, value, collection, .. } => {
                self.all(key, depth)?;
                self.all([value, collection], depth)
            }
        }
    }

    fn reference(&mut self, expr: &Expr, depth: usize) -> Result<(), LoadError> {
        let (path, computed) = fixed(expr, depth)?;
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
        computed.into_iter().try_for_each(|expr| self.expr(expr, depth + 1))
    }

    fn call(&mut self, function: &Expr, params: &[Ref<Expr>]) -> Result<(), LoadError> {
        let name = fixed(function, 0)?.0.join(".");
        let refuse = |message: String| Err(place(function.span()).refuse(message));
        if builtins::banned(&name) {
            return refuse(format!(
                "`{name}` may not be used: a decision sees only its input, and answers quickly"
            ));
        }
        match params.first().map(Ref::as_ref) {
            _ if name != "sprintf" => Ok(()),
            Some(Expr::String { value, .. } | Expr::RawString { value, .. }) => {
                if value.as_string().is_ok_and(|format| builtins::has_width(format)) {
                    return refuse("a format has no widths: use `%s`, `%d` or `%v`".to_owned());
                }
                Ok(())
            }
            _ => refuse("a format is written out as a text".to_owned()),
        }
    }
}

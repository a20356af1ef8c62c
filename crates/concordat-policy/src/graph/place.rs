//! What a parsed module says of itself: where something stands, and the fixed parts of its references.

use regorus::unstable::{Expr, Module, Rule, RuleHead, Span};

use super::Path;
use crate::finding::{Code, Finding, Level};

/// The deepest nesting of expressions and queries within a rule.
pub(super) const DEEPEST: usize = 64;

/// Where something stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: String,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Place {
    pub(crate) fn of(span: &Span) -> Place {
        Place { file: span.source.get_path().clone(), line: span.line, column: span.col }
    }

    pub(crate) fn error(&self, code: Code, message: String) -> Finding {
        let Place { file, line, column } = self.clone();
        Finding { level: Level::Error, code, file, line, column, message, fix: None }
    }

    pub(crate) fn warning(&self, code: Code, message: String) -> Finding {
        Finding { level: Level::Warning, ..self.error(code, message) }
    }
}

/// A package's path, from `data`.
pub(crate) fn package(module: &Module) -> Path {
    let mut path = vec!["data".to_owned()];
    path.extend(fixed(&module.package.refr).0);
    path
}

/// One import: what is known here by which name.
pub(crate) struct Import {
    pub(crate) alias: String,
    pub(crate) path: Path,
    pub(crate) place: Place,
}

/// A module's imports, in their order.
pub(crate) fn imports(module: &Module) -> Vec<Import> {
    let read = |import: &regorus::unstable::Import| {
        let path = fixed(&import.refr).0;
        let last = || path.last().cloned().unwrap_or_default();
        let alias = import.r#as.as_ref().map_or_else(last, |name| name.text().to_owned());
        Import { alias, path, place: Place::of(start(&import.refr)) }
    };
    module.imports.iter().map(read).collect()
}

/// The reference that a rule's head begins with.
pub(crate) fn head(rule: &Rule) -> &Expr {
    match rule {
        Rule::Spec {
            head: RuleHead::Compr { refr, .. } | RuleHead::Set { refr, .. } | RuleHead::Func { refr, .. },
            ..
        }
        | Rule::Default { refr, .. } => refr,
    }
}

/// The first word of a reference: the parser places the whole of it at its last dot.
pub(crate) fn start(expr: &Expr) -> &Span {
    let mut expr = expr;
    while let Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } | Expr::Call { fcn: refr, .. } = expr {
        expr = refr;
    }
    expr.span()
}

/// A reference's fixed parts, and the expressions that compute the others.
pub(crate) fn fixed(expr: &Expr) -> (Path, Vec<&Expr>) {
    let text = |value: &regorus::Value| value.as_string().ok().map(|text| String::from(text.as_ref()));
    let (base, parts) = parts(expr);
    let mut path: Path = match base {
        Expr::Var { value, .. } => text(value).into_iter().collect(),
        // Something that is computed and then looked into, such as a call's value.
        other => {
            return (
                Vec::new(),
                std::iter::once(other).chain(parts.iter().filter_map(Part::computed)).collect(),
            );
        }
    };
    let known = parts.iter().take_while(|part| part.name().is_some()).count();
    path.extend(parts.iter().take(known).filter_map(Part::name));
    (path, parts.iter().filter_map(Part::computed).collect())
}

/// One part of a reference behind its first word.
pub(crate) enum Part<'a> {
    /// `.name`
    Dot(&'a Span, &'a regorus::Value),
    /// `[…]`
    Bracket(&'a Expr),
}

impl<'a> Part<'a> {
    /// The part's name, where it is written out.
    pub(crate) fn name(&self) -> Option<String> {
        let value: &regorus::Value = match self {
            Part::Dot(_, value) => value,
            Part::Bracket(Expr::String { value, .. } | Expr::RawString { value, .. }) => value,
            Part::Bracket(_) => return None,
        };
        value.as_string().ok().map(|text| String::from(text.as_ref()))
    }

    /// The expression that computes it, where it is not written out.
    pub(crate) fn computed(&self) -> Option<&'a Expr> {
        match self {
            Part::Dot(..) | Part::Bracket(Expr::String { .. } | Expr::RawString { .. }) => None,
            Part::Bracket(expr) => Some(expr),
        }
    }

    /// Where it stands.
    pub(crate) fn place(&self) -> Place {
        match self {
            Part::Dot(span, _) => Place::of(span),
            Part::Bracket(expr) => Place::of(start(expr)),
        }
    }
}

/// What a reference begins with, and its parts in their order.
pub(crate) fn parts(expr: &Expr) -> (&Expr, Vec<Part<'_>>) {
    let (mut base, mut parts) = (expr, Vec::new());
    loop {
        base = match base {
            Expr::RefDot { refr, field, .. } => {
                parts.push(Part::Dot(&field.0, &field.1));
                refr
            }
            Expr::RefBrack { refr, index, .. } => {
                parts.push(Part::Bracket(index));
                refr
            }
            other => {
                parts.reverse();
                return (other, parts);
            }
        };
    }
}

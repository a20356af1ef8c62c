//! Reads references: what the first word stands for, and whether there is what the rest leads to.

use regorus::unstable::{Expr, Span};

use super::super::nearest;
use super::super::shape::{Member, Shape};
use super::local::{How, Local};
use super::{Import, Reader};
use crate::finding::Code;
use crate::graph::{Part, Path, Place, parts};

/// What the first word of a reference stands for.
pub(super) enum Name<'a> {
    Input,
    Data,
    Local(Shape<'a>),
    Rule,
    Import(usize),
    Free,
}

impl<'a> Reader<'a> {
    /// What a first word stands for; one that stands for nothing else is taken for a variable.
    pub(super) fn name(&mut self, name: &str, variable: Option<(&Span, How)>) -> Name<'a> {
        let how = variable.map_or(How::Wanted, |(_, how)| how);
        if let Some(shape) = self.scopes.use_of(name, how) {
            return Name::Local(shape);
        }
        match name {
            "_" => return Name::Free,
            "input" => return Name::Input,
            "data" => return Name::Data,
            _ if self.known.owns(&self.package, name) => return Name::Rule,
            _ => {}
        }
        if let Some(at) = self.imports.iter().position(|import| import.import.alias == name) {
            self.imports.iter_mut().skip(at).take(1).for_each(|import| import.used = true);
            return Name::Import(at);
        }
        if let Some((span, how)) = variable {
            let place = Place::of(span);
            self.scopes.bind(name, Local { place, how, used: true, shape: Shape::ANY });
        }
        Name::Free
    }

    pub(super) fn reference(&mut self, expr: &'a Expr) -> Shape<'a> {
        let (base, parts) = parts(expr);
        for computed in parts.iter().filter_map(Part::computed) {
            self.fits(computed);
        }
        let Expr::Var { span, value, .. } = base else {
            self.expr(base);
            return Shape::ANY;
        };
        let Ok(name) = value.as_string() else { return Shape::ANY };
        let named = || parts.iter().map_while(Part::name);
        match self.name(name, Some((span, How::Wanted))) {
            Name::Input => self.follow(self.input.clone(), "input", &parts),
            Name::Local(shape) => self.follow(shape, name, &parts),
            Name::Free => Shape::ANY,
            Name::Data => {
                let path = std::iter::once("data".to_owned()).chain(named()).collect();
                self.exists(&path, span)
            }
            Name::Rule => {
                let own = self.package.iter().cloned().chain([name.to_string()]);
                self.exists(&own.chain(named()).collect(), span)
            }
            Name::Import(at) => self.imported(at, &parts, span),
        }
    }

    fn imported(&mut self, at: usize, parts: &[Part<'a>], span: &Span) -> Shape<'a> {
        let Some(Import { import, there, .. }) = self.imports.get(at) else { return Shape::ANY };
        let (path, alias, place) = (import.path.clone(), import.alias.clone(), import.place.clone());
        if path.first().is_some_and(|root| root == "input") {
            let mut shape = self.input.clone();
            for name in path.iter().skip(1) {
                shape = self.member(&shape, name, &path.join("."), &place);
            }
            return self.follow(shape, &alias, parts);
        }
        if !there {
            return Shape::ANY;
        }
        self.exists(&path.into_iter().chain(parts.iter().map_while(Part::name)).collect(), span)
    }

    pub(super) fn exists(&mut self, path: &Path, span: &Span) -> Shape<'a> {
        if !self.known.exists(path, self.test) {
            let message =
                format!("there is no `{}`: it is undefined, and `not` of it is true", path.join("."));
            let told = Place::of(span).error(Code::UnknownRule, message);
            self.tell(told, |known, test| known.nearest_rule(path, test));
        }
        Shape::ANY
    }

    /// What the parts of a reference lead to.
    fn follow(&mut self, from: Shape<'a>, said: &str, parts: &[Part<'a>]) -> Shape<'a> {
        let (mut shape, mut said) = (from, said.to_owned());
        for part in parts {
            match part.name() {
                Some(name) => {
                    said = format!("{said}.{name}");
                    shape = self.member(&shape, &name, &said, &part.place());
                }
                None => {
                    said.push_str("[_]");
                    shape = shape.element();
                }
            }
        }
        shape
    }

    fn member(&mut self, shape: &Shape<'a>, name: &str, said: &str, place: &Place) -> Shape<'a> {
        let names = match shape.member(name) {
            Member::There(shape) => return shape,
            Member::Missing(names) => names,
        };
        let gates = shape.gates().join("` and `");
        let message =
            format!("the input of `{gates}` has no `{said}`: it is undefined, and `not` of it is true");
        self.tell(place.error(Code::UnknownInput, message), |_, _| {
            nearest(name, names.iter().map(String::as_str)).or_else(|| {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                (!names.is_empty() && names.len() <= 12)
                    .then(|| format!("there are `{}`", names.join("`, `")))
            })
        });
        Shape::ANY
    }
}

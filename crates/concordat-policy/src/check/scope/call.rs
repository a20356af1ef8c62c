//! Reads calls: whether there is such a function, and whether it gets what it takes.

use regorus::unstable::{Expr, Ref, Span};

use super::super::known::{Function, Known};
use super::name::Name;
use super::{Import, Reader};
use crate::finding::Code;
use crate::graph::{Path, Place, absent, banned, fixed, start};

impl<'a> Reader<'a> {
    pub(super) fn call(&mut self, function: &'a Expr, params: &'a [Ref<Expr>], alone: bool) {
        let path = fixed(function).0;
        let (name, span) = (path.join("."), start(function));
        let target = self.target(&path);
        let own = target.as_ref().and_then(|target| self.known.function(target, self.test));
        match own.or_else(|| Known::builtin(&name)) {
            Some(found) => self.check_count(&found, &name, span, params.len(), alone),
            // What is banned was told where the graph was drawn; what lies behind a bad import, at the import.
            None if banned(&name) && !self.test || target.is_none() => {}
            None => self.no_function(&name, &target.unwrap_or_default(), span),
        }
        match params.split_last() {
            // The value of a call that is a statement may go into its last argument.
            Some((last, others)) if alone => {
                self.all(others);
                self.fits(last);
            }
            _ => self.all(params),
        }
    }

    /// Where a function of this name would lie in the bundle, in the order in which the evaluator looks.
    fn target(&mut self, path: &Path) -> Option<Path> {
        let root = path.first()?.clone();
        if root == "data" {
            return Some(path.clone());
        }
        if !self.known.owns(&self.package, &root)
            && let Name::Import(at) = self.name(&root, None)
            && let Some(Import { import, there, .. }) = self.imports.get(at)
        {
            return there.then(|| import.path.iter().chain(path.iter().skip(1)).cloned().collect());
        }
        Some(self.package.iter().chain(path).cloned().collect())
    }

    fn no_function(&mut self, name: &str, target: &Path, span: &Span) {
        let place = Place::of(span);
        if self.known.exists(target, self.test) {
            let told = place.error(Code::UnknownFunction, format!("`{name}` is no function"));
            return self.found.push(told.fix("a rule is named without brackets"));
        }
        let mut told = place.error(Code::UnknownFunction, format!("there is no function `{name}`"));
        if absent(name) {
            told.fix = Some("other evaluators have it; here it is left out".to_owned());
        }
        let package = self.package.clone();
        self.tell(told, |known, _| known.nearest_function(name, target, &package));
    }

    fn check_count(&mut self, found: &Function<'_>, name: &str, span: &Span, given: usize, alone: bool) {
        let wanted: Vec<usize> = match found {
            Function::Own(kind) => kind.arguments.iter().copied().collect(),
            Function::Builtin(Some(wanted)) => vec![*wanted],
            Function::Builtin(None) => return,
        };
        // A call that is a statement may have one more, which takes the value.
        let fits = |wanted: &usize| given == *wanted || alone && given == wanted + 1;
        if wanted.len() == 1 && wanted.iter().all(fits) {
            return;
        }
        let words: Vec<String> = wanted.iter().map(usize::to_string).collect();
        let message = if wanted.len() > 1 {
            format!(
                "the definitions of `{name}` take {} arguments: it has no value for some of them",
                words.join(" and ")
            )
        } else {
            format!("`{name}` takes {} arguments, and is given {given}", words.join(""))
        };
        self.found.push(Place::of(span).error(Code::WrongArity, message));
    }
}

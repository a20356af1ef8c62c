//! Values that grow without end, found before anything is evaluated.
//!
//! The timer of an evaluation is looked at between two steps, and memory is shared: `b := [a, a]`, `c := [b, b]` and
//! so on takes neither time nor space, and then a single comparison, text or answer never ends. So every expression
//! gets a bound of how large its value can be, from the sizes of what it is made of; a bundle whose bound leads
//! beyond what one step can go through is refused. Recursion was refused before, so that every bound has an end.
//!
//! Each bound is for an input, data and arguments of the largest size, and every text as long as it can be: far more
//! than occurs. There are two of them. One leaves loops aside and limits how often a value can hold the same thing:
//! whoever doubles passes it after some fourteen steps. The other takes every list to have 64 items and limits how
//! often loops can multiply each other. It cannot be strict, because it does not know which keys of an object are
//! looked up: the standard policies are at a 64th of it. So loops over very large lists, within each other and about
//! values that are large themselves, are not found here.

mod body;
mod builtin;
mod size;
mod uses;

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable::{Module, Ref, Rule as Parsed, RuleHead};

use self::body::Body;
use self::size::Size;
use super::Path;
use super::place::{fixed, head, imports, package};
use super::walk::Names;
use crate::finding::Finding;

/// What a value may be able to have at most.
#[derive(Clone, Copy)]
struct Most {
    /// How many items lists are taken to have.
    items: f64,
    bytes: f64,
    why: &'static str,
    fix: &'static str,
}

/// Loops aside: what one step goes through in about a second.
const COPIED: Most = Most {
    items: 1.0,
    bytes: 4_294_967_296.0,
    why: "what it is made of holds the same values over and over",
    fix: "take each value once, and only the parts that are needed",
};

/// An input in three loops within each other, and room beside that.
const LOOPED: Most = Most {
    items: 64.0,
    bytes: 1_099_511_627_776.0,
    why: "large values are gathered in loops within loops",
    fix: "gather only the parts that differ from item to item",
};

/// What `with` replaces beside the input: the rules that its stand-ins refer to.
pub(super) type Replaced = BTreeMap<Path, BTreeSet<Path>>;

/// The values that can grow beyond all bounds. `replaced` is what `with` may replace beside the input.
///
/// Only the last `fresh` modules are looked at, with whatever of the others they lead to.
pub(super) fn find(
    modules: &[Ref<Module>],
    fresh: usize,
    names: &Names,
    replaced: &Replaced,
) -> Vec<Finding> {
    let fresh = modules.iter().rev().take(fresh);
    let rules = fresh.flat_map(|module| {
        let package = package(module);
        let path = move |rule: &Ref<Parsed>| package.iter().cloned().chain(fixed(head(rule)).0).collect();
        module.policy.iter().map(path).collect::<Vec<Path>>()
    });
    let paths: BTreeSet<Path> = rules.collect();
    let find = |most| {
        let mut growth = Growth::new(modules, names, replaced, most);
        paths.iter().for_each(|path| drop(growth.rule(path)));
        growth.found
    };
    let copied = find(COPIED);
    if copied.is_empty() { find(LOOPED) } else { copied }
}

/// The bounds of all rules, as far as they are known.
struct Growth<'a> {
    rules: BTreeMap<Path, Vec<Definition<'a>>>,
    replaced: &'a Replaced,
    most: Most,
    known: BTreeMap<Path, Size>,
    /// What lies at a path, as references name it.
    places: BTreeMap<Path, Size>,
    /// What is looked at now: a rule that can reach itself has no bound, and is refused for that.
    open: BTreeSet<Path>,
    found: Vec<Finding>,
    largest: f64,
}

/// One definition of a rule, and where it stands.
#[derive(Clone)]
struct Definition<'a> {
    home: std::sync::Arc<Home<'a>>,
    rule: &'a Parsed,
}

/// What names mean in a module.
struct Home<'a> {
    package: Path,
    own: Option<&'a BTreeSet<String>>,
    imports: BTreeMap<String, Path>,
}

impl Home<'_> {
    /// What a reference names outside of its query: rules and data, or the input.
    fn resolve(&self, path: &[String]) -> Vec<Path> {
        let Some((root, rest)) = path.split_first() else { return Vec::new() };
        if root == "data" || root == "input" {
            return vec![path.to_vec()];
        }
        let own = self.own.is_some_and(|own| own.contains(root));
        let own = own.then(|| self.package.iter().chain(path).cloned().collect());
        let import = self.imports.get(root).map(|import| import.iter().chain(rest).cloned().collect());
        own.into_iter().chain(import).collect()
    }
}

impl<'a> Growth<'a> {
    fn new(modules: &'a [Ref<Module>], names: &'a Names, replaced: &'a Replaced, most: Most) -> Growth<'a> {
        let mut rules: BTreeMap<Path, Vec<Definition<'a>>> = BTreeMap::new();
        for module in modules {
            let package = package(module);
            let imports = imports(module).into_iter().map(|import| (import.alias, import.path)).collect();
            let home = std::sync::Arc::new(Home { own: names.get(&package), package, imports });
            for rule in &module.policy {
                let path = home.package.iter().cloned().chain(fixed(head(rule)).0).collect();
                rules.entry(path).or_default().push(Definition { home: home.clone(), rule });
            }
        }
        let (known, places, open, found) = Default::default();
        Growth { rules, replaced, most, known, places, open, found, largest: 0.0 }
    }

    /// The bound of a rule or function, of all its definitions.
    fn rule(&mut self, path: &Path) -> Size {
        if let Some(known) = self.known.get(path) {
            return known.clone();
        }
        let Some(definitions) = self.rules.get(path).cloned() else { return Size::default() };
        if !self.open.insert(path.clone()) {
            return Size::default();
        }
        let mut size = Size::default();
        for definition in definitions {
            let next = Body::new(self, &definition.home).definition(definition.rule);
            // What is gathered is gathered of all definitions; else one of them gives the value.
            size = if gathers(definition.rule) { size.and(&next) } else { size.or(&next) };
        }
        self.open.remove(path);
        self.known.insert(path.clone(), size.clone());
        size
    }

    /// The bound of what lies at a path: the rules above it, or those below it, or data.
    fn at(&mut self, path: &Path) -> Size {
        if let Some(known) = self.places.get(path) {
            return known.clone();
        }
        let size = self.looked_up(path);
        self.places.insert(path.clone(), size.clone());
        size
    }

    fn looked_up(&mut self, path: &Path) -> Size {
        if path.first().is_some_and(|root| root == "input") {
            return Size::input();
        }
        let above = (1..=path.len()).filter_map(|length| path.get(..length));
        let above: Vec<Path> =
            above.filter(|part| self.rules.contains_key(*part)).map(<[_]>::to_vec).collect();
        let below = self.rules.range(path.clone()..).map(|(rule, _)| rule);
        let below: Vec<Path> = below.take_while(|rule| rule.starts_with(path)).cloned().collect();
        let mut size = if above.is_empty() { Size::of(size::WORLD) } else { Size::default() };
        for rule in above.iter().chain(below.iter().filter(|rule| *rule != path)) {
            size = size.and(&self.rule(rule));
        }
        // What `with` can replace is as large as what it says, which is a part of the input then; or another function
        // answers.
        let replaced = self.replaced;
        for (target, by) in replaced {
            if target.iter().zip(path).all(|(one, other)| one == other) {
                size = by.iter().fold(size.and(&Size::input()), |size, by| size.and(&self.rule(by)));
            }
        }
        size
    }

    /// How many arguments a function of the bundle takes.
    fn arity(&self, path: &Path) -> Option<usize> {
        self.rules.get(path)?.iter().find_map(|definition| match definition.rule {
            Parsed::Spec { head: RuleHead::Func { args, .. }, .. } => Some(args.len()),
            Parsed::Default { args, .. } if !args.is_empty() => Some(args.len()),
            Parsed::Default { .. } | Parsed::Spec { .. } => None,
        })
    }
}

/// Whether the value of a rule is gathered from all its definitions.
fn gathers(rule: &Parsed) -> bool {
    match rule {
        Parsed::Spec { head: RuleHead::Set { .. }, .. } => true,
        Parsed::Spec { head: RuleHead::Compr { refr, .. }, .. } => !fixed(refr).1.is_empty(),
        Parsed::Spec { head: RuleHead::Func { .. }, .. } | Parsed::Default { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bundle, load};

    /// The largest bound of any value of a bundle's rules that decide, in bytes.
    fn largest(bundle: &Bundle, most: Most) -> f64 {
        let mut engine = load::parse(bundle).unwrap();
        let modules = engine.get_modules();
        let (names, replaced) = (super::super::walk::rule_names(modules), Replaced::new());
        let mut growth = Growth::new(modules, &names, &replaced, most);
        let paths: Vec<Path> = growth.rules.keys().cloned().collect();
        paths.iter().for_each(|path| drop(growth.rule(path)));
        assert!(growth.found.is_empty(), "{:?}", growth.found);
        growth.largest
    }

    fn bits(rego: &str) -> i32 {
        let bundle = Bundle::from_files([("p.rego", format!("package p\n{rego}\n"))]).unwrap();
        largest(&bundle, LOOPED).log2().round() as i32
    }

    /// The sizes, in powers of two: an input has 2^18 bytes, and a list 2^6 items.
    #[test]
    fn a_value_is_as_large_as_what_it_is_made_of() {
        for (rego, wanted) in [
            ("a := input.x", 18),
            ("a := [input.x, input.y]", 19),
            ("a := [x | some x in input.list]", 18),
            ("a := [x | x := input.list[_]]", 18),
            ("a := [x.y | some i; x := input.list[i]; x.z[_] == i]", 24),
            ("a := [x | some x in input.list; input.y == x]", 18),
            ("a := [input.y | some x in input.list; x > 1]", 24),
            ("a := [[x, y] | some x in input.list; some y in input.list]", 25),
            ("a := [y | some x in input.list; some y in x.list]", 18),
            ("a := {k: v | some k, v in input.list}", 19),
            ("a := [z | some x in input.list; z := [y | some y in x]]", 18),
            ("a contains x.id if some x in input.list", 18),
            ("a[x.id] contains y if { some x in input.list; some y in input.codes }", 25),
            ("a := x if some x in input.list", 18),
            ("f(x) := [x, x]\na := f(f(input))", 20),
            ("f(x) := [y | some y in x]\na := f(input)", 18),
            ("r := [input, input]\na := x if x := r with input as [1, 2]", 19),
            ("r := [input, input]\na := x if x := r with input as r", 20),
            ("a := concat(\", \", input.list)", 19),
            ("a := sprintf(\"%s\", [input.x])", 19),
            ("a := object.get(input, \"x\", \"\")", 18),
            ("a if { y = [x, x]; x = [z, z]; z = input.z }", 20),
            ("a if { [x, y] = [input.x, input.y]; [[x, y], [y, x]] == 1 }", 20),
        ] {
            assert_eq!(bits(rego), wanted, "{rego}");
        }
    }

    /// What is found costs little too, however the text is made.
    #[test]
    fn long_and_odd_texts_are_read_to_their_end() {
        let many = |n: usize, piece: &dyn Fn(usize) -> String| (0..n).map(piece).collect::<Vec<_>>();
        let backwards = many(1900, &|n| format!("x{}=x{}", 1900 - n, 1899 - n)).join("\n");
        let arguments = many(600, &|n| format!("x{n}")).join(",\n");
        let members = many(1900, &|n| format!("data.q[x{n}]")).join("\n");
        for (rego, growing) in [
            (format!("a if {{\n{backwards}\nx0=1\n}}"), true),
            (format!("f({arguments}) := [{arguments}]\na := f({arguments}) if x0 := 1"), false),
            (format!("a if {{\n{members}\n}}"), false),
            ("f(x) := [x, x]\na := f(y) if { y = [z, 1]; z = f(y) }".to_owned(), true),
            ("a if { x = y; y = x }".to_owned(), true),
            ("f(x) := 1\na if { f(x); g(x) }\ng(x) := 2".to_owned(), false),
        ] {
            let bundle = Bundle::from_files([("p.rego", format!("package p\n{rego}\n"))]).unwrap();
            let mut engine = load::parse(&bundle).unwrap();
            let modules = engine.get_modules();
            let found = find(modules, 1, &super::super::walk::rule_names(modules), &Replaced::new());
            assert_eq!(!found.is_empty(), growing, "{}\n{found:?}", rego.get(..60).unwrap_or(&rego));
        }
    }

    /// The standard policies, the cookbook among them, hold no value that comes near.
    #[test]
    #[expect(clippy::print_stdout, reason = "how far below is worth a line, and no reason to fail")]
    fn what_people_write_stays_far_below() {
        for (most, room) in [(COPIED, 64.0), (LOOPED, 16.0)] {
            let largest = largest(&Bundle::standard(), most);
            println!(
                "the largest of the standard policies: 2^{:.1} of 2^{}",
                largest.log2(),
                most.bytes.log2()
            );
            assert!(largest * room <= most.bytes, "2^{:.1}", largest.log2());
        }
    }
}

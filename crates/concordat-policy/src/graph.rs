//! Which rule can reach which, before anything is evaluated.
//!
//! The evaluator accepts rules that reach themselves and overflows the stack on them, or hangs until its timer
//! fires and then takes seconds to unwind. So a bundle is refused at load when a rule or function can reach
//! itself, or when a chain of them is too long for an ordinary thread's stack. The graph is drawn too large
//! rather than too small: a reference with a computed part reaches everything under its fixed part, and a local
//! variable with a rule's name counts as the rule. What cannot exhaust the stack may still make values that are too large
//! to look at: `growth` bounds those.

mod builtins;
mod growth;
mod place;
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable::{Module, Ref};
use serde_json::{Map, Value};

pub(crate) use self::builtins::{absent, banned};
pub(crate) use self::place::{Import, Part, Place, fixed, head, imports, package, parts, start};
use crate::bundle::Bundle;
use crate::finding::{Code, Finding};

/// The deepest that an evaluation may go: levels of expressions and queries, along rules that call each other.
///
/// Measured in a build without optimisation: at this depth the hungriest shape, plain rules that name each other,
/// takes less than 1 MiB of stack. A thread has 2 MiB by default. A test evaluates such chains.
pub(crate) const DEEPEST: usize = 256;

/// Every rule of a bundle with what it refers to.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) rules: BTreeMap<Path, Rule>,
    found: Vec<Finding>,
    /// What stands in for something while an expression is evaluated, where that is allowed.
    mocks: Option<Vec<Mock>>,
}

/// What `with` replaces, and what its replacement refers to.
#[derive(Debug)]
struct Mock {
    replaced: BTreeSet<Path>,
    refers: BTreeSet<Path>,
}

/// The parts of a reference that are fixed: `data`, the package, the rule.
pub(crate) type Path = Vec<String>;

/// All definitions of one rule or function together.
#[derive(Debug, Default)]
pub(crate) struct Rule {
    place: Place,
    /// The levels of expressions and queries within the deepest of its definitions.
    levels: usize,
    refers: BTreeSet<Path>,
    /// Whether it asks others about an input that is not the gate's.
    pub(crate) pretends: bool,
}

/// Draws the graph of the modules that decide, and finds what no policy may contain.
pub(crate) fn read(modules: &[Ref<Module>], bundle: &Bundle) -> Graph {
    let mut graph = read_into(modules, Graph::default());
    for module in modules {
        let (path, place) = (package(module), Place::of(&module.package.span));
        if !bundle.roots().hold(&path.get(1..).unwrap_or_default().join("/")) {
            let message =
                format!("`{}` is outside of the bundle's roots: {}", path.join("."), bundle.roots());
            graph.found.push(
                place
                    .error(Code::OutsideRoots, message)
                    .fix("move the rules, or name their root in `.manifest`"),
            );
        }
    }
    let conflicts = graph.rules.iter().filter(|(path, _)| lies_in(path, bundle.data()));
    let conflicts: Vec<Finding> = conflicts.map(|(path, rule)| conflict(path, rule)).collect();
    graph.found.extend(conflicts);
    graph.found.extend(growing(modules, modules.len(), &graph, &growth::Replaced::new()));
    graph
}

/// The same for modules whose `with` may replace anything: whatever reaches what is replaced may then reach what its
/// replacement reaches. All but the last `fresh` modules were read before.
pub(crate) fn read_with_mocks(modules: &[Ref<Module>], fresh: usize) -> Graph {
    let mut graph = read_into(modules, Graph { mocks: Some(Vec::new()), ..Graph::default() });
    let mut stand_ins = growth::Replaced::new();
    for Mock { replaced, refers } in graph.mocks.take().unwrap_or_default() {
        for target in &replaced {
            stand_ins.entry(walk::called(target)).or_default().extend(refers.iter().cloned());
        }
        let touched = |path: &Path| {
            replaced.iter().any(|target| target.iter().zip(path).all(|(one, other)| one == other))
        };
        for (_, rule) in graph.rules.iter_mut().filter(|(path, _)| touched(path)) {
            rule.refers.extend(refers.iter().cloned());
        }
    }
    graph.found.extend(growing(modules, fresh, &graph, &stand_ins));
    graph
}

fn read_into(modules: &[Ref<Module>], mut graph: Graph) -> Graph {
    let names = walk::rule_names(modules);
    for module in modules {
        walk::module(module, &names, &mut graph);
    }
    graph
}

/// The values that can grow beyond all bounds. Rules that reach themselves, or too far, have none.
fn growing(
    modules: &[Ref<Module>],
    fresh: usize,
    graph: &Graph,
    replaced: &growth::Replaced,
) -> Vec<Finding> {
    if graph.findings().iter().any(|one| matches!(one.code, Code::Recursion | Code::TooDeep)) {
        return Vec::new();
    }
    growth::find(modules, fresh, &walk::rule_names(modules), replaced)
}

fn conflict(path: &[String], rule: &Rule) -> Finding {
    let name = path.join(".");
    rule.place
        .error(Code::DataConflict, format!("`{name}` is a rule, and the bundle's data gives it a value too"))
        .fix("give one of them another name")
}

/// Whether data gives a value to a rule, or to something on the way to it that cannot hold rules.
fn lies_in(path: &[String], data: &Map<String, Value>) -> bool {
    let mut members = data;
    for name in path.iter().skip(1) {
        match members.get(name) {
            None => return false,
            Some(Value::Object(inner)) => members = inner,
            Some(_) => return true,
        }
    }
    true
}

impl Graph {
    /// Every rule and function.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.rules.keys().filter(|path| path.first().is_some_and(|root| root == "data"))
    }

    /// Whether the bundle has this rule, such as `data.concordat.admit.decision`.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.rules.contains_key(&path.split('.').map(str::to_owned).collect::<Path>())
    }

    /// What no policy may contain, rules that can reach themselves, and a chain that is too long.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let mut found = self.found.clone();
        let order: Vec<(&Path, &Rule)> = self.rules.iter().collect();
        let mut chains = Chains::new(self, &order);
        'rules: for (at, (path, rule)) in order.iter().enumerate() {
            loop {
                match chains.deepest_from(at) {
                    Ok(levels) if levels <= DEEPEST => break,
                    Ok(_) | Err(Stopped::Deep) => {
                        let name = path.join(".");
                        let message = format!(
                            "`{name}` leads too deep: rules that call each other have {DEEPEST} levels at most"
                        );
                        found.push(rule.place.error(Code::TooDeep, message));
                        break 'rules;
                    }
                    Err(Stopped::Cycle(cycle)) => {
                        found.push(cycle_found(&cycle, &order));
                        chains.forget(&cycle);
                    }
                }
                if found.len() > crate::finding::MOST {
                    break 'rules;
                }
            }
        }
        found
    }

    /// Every rule that rules of these paths can reach, themselves included.
    pub(crate) fn reached_from<'a>(&'a self, starts: impl Iterator<Item = &'a Path>) -> BTreeSet<&'a Path> {
        let mut open: Vec<&Path> = starts.collect();
        let mut known: BTreeSet<&Path> = BTreeSet::new();
        while let Some(path) = open.pop() {
            if known.insert(path)
                && let Some(rule) = self.rules.get(path)
            {
                open.extend(rule.refers.iter().flat_map(|refers| self.touched(refers)));
            }
        }
        known
    }

    /// A reference reaches the rule it names, the rule it is a part of, and every rule under it.
    fn touched<'a>(&'a self, refers: &Path) -> Vec<&'a Path> {
        let mut touched: Vec<&Path> = (1..refers.len())
            .filter_map(|length| refers.get(..length))
            .filter_map(|part| self.rules.get_key_value(part).map(|(path, _)| path))
            .collect();
        let under = self.rules.range(refers.clone()..).map(|(path, _)| path);
        touched.extend(under.take_while(|path| path.starts_with(refers)));
        touched
    }
}

fn cycle_found(cycle: &[usize], order: &[(&Path, &Rule)]) -> Finding {
    let named: Vec<String> =
        cycle.iter().filter_map(|at| order.get(*at)).map(|(path, _)| path.join(".")).collect();
    let place =
        cycle.first().and_then(|at| order.get(*at)).map(|(_, rule)| rule.place.clone()).unwrap_or_default();
    place
        .error(Code::Recursion, format!("rules must not reach themselves: {}", named.join(" -> ")))
        .fix("if one is only a local variable, give it another name")
}

enum Stopped {
    Cycle(Vec<usize>),
    Deep,
}

/// Depth-first search for the deepest chain; it never goes further than a chain may.
struct Chains {
    reaches: Vec<Vec<usize>>,
    levels: Vec<usize>,
    deepest: Vec<Option<usize>>,
    trail: Vec<usize>,
}

impl Chains {
    fn new(graph: &Graph, order: &[(&Path, &Rule)]) -> Chains {
        let at: BTreeMap<&Path, usize> =
            order.iter().enumerate().map(|(at, (path, _))| (*path, at)).collect();
        let reached = |rule: &Rule| {
            let all = rule.refers.iter().flat_map(|refers| graph.touched(refers));
            all.filter_map(|path| at.get(path).copied()).collect::<BTreeSet<usize>>().into_iter().collect()
        };
        Chains {
            reaches: order.iter().map(|(_, rule)| reached(rule)).collect(),
            levels: order.iter().map(|(_, rule)| rule.levels + 1).collect(),
            deepest: vec![None; order.len()],
            trail: Vec::new(),
        }
    }

    fn deepest_from(&mut self, at: usize) -> Result<usize, Stopped> {
        if let Some(known) = self.deepest.get(at).copied().flatten() {
            return Ok(known);
        }
        if let Some(start) = self.trail.iter().position(|earlier| *earlier == at) {
            let mut cycle = self.trail.split_off(start);
            cycle.push(at);
            return Err(Stopped::Cycle(cycle));
        }
        // Every rule is at least one level.
        if self.trail.len() > DEEPEST {
            return Err(Stopped::Deep);
        }
        self.trail.push(at);
        let mut beyond = 0;
        for next in self.reaches.get(at).cloned().unwrap_or_default() {
            beyond = beyond.max(self.deepest_from(next)?);
        }
        self.trail.pop();
        let levels = self.levels.get(at).copied().unwrap_or(1) + beyond;
        self.know(at, levels);
        Ok(levels)
    }

    fn know(&mut self, at: usize, levels: usize) {
        if let Some(known) = self.deepest.get_mut(at) {
            *known = Some(levels);
        }
    }

    /// Goes on as if the rules of a cycle, which was told, reached nothing.
    fn forget(&mut self, cycle: &[usize]) {
        self.trail.clear();
        cycle.iter().for_each(|at| self.know(*at, 1));
    }
}

#[cfg(test)]
mod tests {
    use crate::{Bundle, Policy};

    fn check(rego: &str, wanted: &str) {
        let text = format!("package p\n{rego}\n");
        let told = match Policy::load(&Bundle::from_files([("p.rego", text)]).unwrap()) {
            Ok(_) => "loads".to_owned(),
            Err(error) => error.to_string(),
        };
        assert!(told.contains(wanted), "{rego}\ngave: {told}");
    }

    #[test]
    fn rules_that_reach_themselves_are_refused() {
        check("f(x) := x + 1\na := f(1)\nb := a", "loads");
        check("f(x) := f(x)", "`p.rego`:2:1: rules must not reach themselves: data.p.f -> data.p.f");
        check("f(x) := g(x)\ng(x) := f(x)", "data.p.f -> data.p.g -> data.p.f");
        check("a := b\nb := a", "data.p.a -> data.p.b -> data.p.a");
        check("a if data.p[input.x]", "data.p.a -> data.p.a");
        check("a if data[\"p\"].a", "data.p.a -> data.p.a");
        check("a if not data.p.a", "data.p.a -> data.p.a");
        check("a contains x if some x in [y | y := a[_]]", "data.p.a -> data.p.a");
        check("import data.p as q\na := q.b\nb := q.a", "data.p.a -> data.p.b -> data.p.a");
        check("a[x] := 1 if { x := 1; every y in [1] { y > data.p.a[1] } }", "data.p.a -> data.p.a");
        check("default a := false\na if { x := {1: a}; x }", "data.p.a -> data.p.a");
        check("a := 1 if false\nelse := a", "data.p.a -> data.p.a");
        check("a := 1\nb := a if { some a in [1] }", "`p.rego`:3:18: var `a` used before definition below");
        check("a := 1 if { some a in [1] }", "if one is only a local variable");
    }

    #[test]
    fn chains_have_an_end() {
        let chain =
            |n: usize| (0..n).map(|i| format!("r{i} := [x | some x in r{}]\n", i + 1)).collect::<String>();
        check(&format!("{}r80 := [1]", chain(80)), "loads");
        check(
            &format!("{}r150 := [1]", chain(150)),
            "`data.p.r0` leads too deep: rules that call each other have 256 levels",
        );
        check(&format!("{}r900 := [1]", chain(900)), "`data.p.r0` leads too deep");
    }

    #[test]
    fn the_deepest_evaluations_fit_an_ordinary_stack() {
        for (before, after, last) in [
            (":= ", "", ":= [1]"),
            (":= x if { x := ", " }", ":= [1]"),
            ("if { not ", " }", "if true"),
            (":= [x | some x in ", "]", ":= [1]"),
            (":= [a | some a in [b | some b in [c | some c in [d | some d in ", "]]]]", ":= [1]"),
            (":= [[[[[[[", "]]]]]]]", ":= [1]"),
            (":= 1 - (1 - (1 - (1 - (1 - (1 - (1 - (1 - (1 - (1 - (1 - (1 - (", "))))))))))))", ":= 1"),
            ("if { every x in [1] { every y in [1] { every z in [x] { ", " } } } }", "if true"),
        ] {
            let text = |n: usize| {
                let rules = (0..n).map(|i| format!("r{i} {before}r{}{after}\n", i + 1)).collect::<String>();
                format!("package p\n{rules}r{n} {last}\n")
            };
            let loads = |n: &usize| {
                Bundle::from_files([("p.rego", text(*n))]).is_ok_and(|bundle| Policy::load(&bundle).is_ok())
            };
            let lengths: Vec<usize> = (1..=super::DEEPEST).collect();
            let text = text(lengths.partition_point(loads));
            let evaluate = move || {
                let mut engine = crate::evaluate::bounded_engine();
                engine.add_policy("p.rego".to_owned(), text).unwrap();
                engine.eval_rule("data.p.r0".to_owned()).unwrap();
            };
            std::thread::Builder::new().stack_size(1280 * 1024).spawn(evaluate).unwrap().join().unwrap();
        }
    }

    #[test]
    fn what_a_policy_may_not_use_is_refused() {
        check("a := time.now_ns()", "`p.rego`:2:6: `time.now_ns` may not be used");
        check("a := http.send({})", "`http.send` may not be used");
        check("a := numbers.range(1, 30000000)", "`numbers.range` may not be used");
        check("a := rand.intn(\"x\", 3)", "`rand.intn` may not be used");
        check("a := sprintf(\"%d\", [1])", "loads");
        check("a := sprintf(\"100%% %s\", [1])", "loads");
        check("a := sprintf(\"%900000000d\", [1])", "a format has no widths");
        check("a := sprintf(input.format, [1])", "a format is written out as a text");
        check("a := 1\nb if a with input.x as 3", "loads");
        check("a := 1\nb if a with data.x as 3", "`with` may replace only `input`");
        check("a := 1\nb if a with f as 3", "`with` may replace only `input`");
        check("import input\na := 1", "`import input` says nothing");
    }

    /// Found by `concordat policy prove`: such a rule loses what it has gathered when the part is undefined once.
    #[test]
    fn heads_that_may_be_undefined_are_refused() {
        check("a contains x.k if some x in input.xs", "`p.rego`:2:13: `x.k` may be undefined");
        check("a contains {\"k\": x.k} if some x in input.xs", "`x.k` may be undefined");
        check("a contains count(x.k) if some x in input.xs", "`x.k` may be undefined");
        check("a[x.k] contains 1 if some x in input.xs", "`x.k` may be undefined");
        check("a[x.k] := 1 if some x in input.xs", "`x.k` may be undefined");
        check("a[k] := x.k if some k, x in input.xs", "`x.k` may be undefined");
        check("a contains k if { some x in input.xs; k := x.k }", "loads");
        check("a := x.k if some x in input.xs", "loads");
        check("f(x) := x.k\na contains k if some k in [f(input)]", "loads");
    }

    #[test]
    fn deep_expressions_are_refused_without_harm() {
        check(&format!("a := 1{}", format!("\n{}", "+ 1".repeat(300)).repeat(70)), "nested too deeply");
        check(&format!("a := input{}", ".b".repeat(60)), "");
        check(&format!("a := input\n{}", "[input\n".repeat(7)), "");
        check(&format!("a := {}1", "-".repeat(900)), "");
    }
}

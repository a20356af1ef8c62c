//! Which rule can reach which, before anything is evaluated.
//!
//! The evaluator accepts rules that reach themselves and overflows the stack on them, or hangs until its timer
//! fires and then takes seconds to unwind. So a bundle is refused at load when a rule or function can reach
//! itself, or when a chain of them is too long for an ordinary thread's stack. The graph is drawn too large
//! rather than too small: a reference with a computed part reaches everything under its fixed part, and a local
//! variable with a rule's name counts as the rule.

mod builtins;
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use regorus::Engine;

use crate::policy::LoadError;

/// The deepest that an evaluation may go: levels of expressions and queries, along rules that call each other.
///
/// Measured in a build without optimisation: at this depth the hungriest shape, plain rules that name each other,
/// takes less than 1 MiB of stack. A thread has 2 MiB by default. A test evaluates such chains.
pub(crate) const DEEPEST: usize = 256;

/// Every rule of a bundle with what it refers to.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    rules: BTreeMap<Path, Rule>,
}

/// The parts of a reference that are fixed: `data`, the package, the rule.
pub(super) type Path = Vec<String>;

/// All definitions of one rule or function together.
#[derive(Debug, Default)]
struct Rule {
    place: Place,
    /// The levels of expressions and queries within the deepest of its definitions.
    levels: usize,
    refers: BTreeSet<Path>,
}

/// Where something stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    file: String,
    line: u32,
    column: u32,
}

impl Place {
    fn refuse(&self, message: String) -> LoadError {
        LoadError { file: self.file.clone(), line: self.line, column: self.column, message }
    }
}

/// Draws the graph of everything that the engine has parsed, and refuses what no policy may contain.
pub(crate) fn read(engine: &mut Engine) -> Result<Graph, LoadError> {
    let mut graph = Graph::default();
    let modules = engine.get_modules();
    let names = walk::rule_names(modules)?;
    for module in modules {
        walk::module(module, &names, &mut graph)?;
    }
    Ok(graph)
}

impl Graph {
    /// Whether the bundle has this rule, such as `data.concordat.admit.decision`.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.rules.keys().any(|rule| rule.iter().map(String::as_str).eq(path.split('.')))
    }

    /// Refuses rules that can reach themselves, and chains that are too long.
    pub(crate) fn check(&self) -> Result<(), LoadError> {
        let order: Vec<(&Path, &Rule)> = self.rules.iter().collect();
        let reaches: Vec<Vec<usize>> = order.iter().map(|(_, rule)| reached(rule, &order)).collect();
        let levels = order.iter().map(|(_, rule)| rule.levels + 1).collect();
        let mut chains =
            Chains { reaches: &reaches, levels, deepest: vec![None; order.len()], trail: Vec::new() };
        for (at, (path, rule)) in order.iter().enumerate() {
            match chains.deepest_from(at) {
                Ok(levels) if levels <= DEEPEST => {}
                Ok(_) | Err(Stopped::Deep) => {
                    let name = path.join(".");
                    let message = format!(
                        "`{name}` leads too deep: rules that call each other have {DEEPEST} levels at most"
                    );
                    return Err(rule.place.refuse(message));
                }
                Err(Stopped::Cycle(cycle)) => return Err(refuse_cycle(&cycle, &order)),
            }
        }
        Ok(())
    }
}

/// A reference reaches the rule it names, the rule it is a part of, and every rule under it.
fn reached(rule: &Rule, order: &[(&Path, &Rule)]) -> Vec<usize> {
    let touches = |path: &Path| {
        rule.refers.iter().any(|refers| refers.iter().zip(path).all(|(one, other)| one == other))
    };
    order.iter().enumerate().filter(|(_, (path, _))| touches(path)).map(|(at, _)| at).collect()
}

fn refuse_cycle(cycle: &[usize], order: &[(&Path, &Rule)]) -> LoadError {
    let named: Vec<String> =
        cycle.iter().filter_map(|at| order.get(*at)).map(|(path, _)| path.join(".")).collect();
    let place =
        cycle.first().and_then(|at| order.get(*at)).map(|(_, rule)| rule.place.clone()).unwrap_or_default();
    place.refuse(format!(
        "rules must not reach themselves: {}; if one is only a local variable, give it another name",
        named.join(" -> ")
    ))
}

enum Stopped {
    Cycle(Vec<usize>),
    Deep,
}

/// Depth-first search for the deepest chain; it never goes further than a chain may.
struct Chains<'a> {
    reaches: &'a [Vec<usize>],
    levels: Vec<usize>,
    deepest: Vec<Option<usize>>,
    trail: Vec<usize>,
}

impl Chains<'_> {
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
        for next in self.reaches.get(at).into_iter().flatten() {
            beyond = beyond.max(self.deepest_from(*next)?);
        }
        self.trail.pop();
        let levels = self.levels.get(at).copied().unwrap_or(1) + beyond;
        if let Some(known) = self.deepest.get_mut(at) {
            *known = Some(levels);
        }
        Ok(levels)
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
        check("a := time.now_ns()", "`p.rego`:2:10: `time.now_ns` may not be used");
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

    #[test]
    fn deep_expressions_are_refused_without_harm() {
        check(&format!("a := 1{}", format!("\n{}", "+ 1".repeat(300)).repeat(70)), "nested too deeply");
        check(&format!("a := input{}", ".b".repeat(60)), "");
        check(&format!("a := input\n{}", "[input\n".repeat(7)), "");
        check(&format!("a := {}1", "-".repeat(900)), "");
    }
}

use super::*;

/// What is found when a file is added to the standard bundle, without the code's file name.
fn check_with(path: &str, text: &str) -> Vec<String> {
    let standard = Bundle::standard();
    let files = standard.files().filter(|(known, _)| *known != path).chain([(path, text)]);
    let report = check(&Bundle::from_files(files).unwrap());
    report
        .findings
        .iter()
        .filter(|one| one.file == path || one.file.is_empty())
        .map(ToString::to_string)
        .collect()
}

#[track_caller]
fn check_own(rego: &str, wanted: &[&str]) {
    let found = check_with("admit/own.rego", &format!("package concordat.admit\n{rego}\n"));
    let found: Vec<&str> = found.iter().map(|one| one.trim_start_matches("admit/own.rego:")).collect();
    assert_eq!(found, wanted, "{rego}");
}

#[test]
fn the_standard_bundle_is_flawless() {
    let report = check(&Bundle::standard());
    assert!(report.passes() && report.findings.is_empty(), "{:#?}", report.findings);
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Inspection>(&text).unwrap(), report);
}

#[test]
fn functions_are_known_and_get_what_they_take() {
    check_own(
        "a if startswithh(input.now, \"2\")",
        &["2:6: unknown_function: there is no function `startswithh`: did you mean `startswith`?"],
    );
    check_own(
        "a if not crypto.sha256(input.now)",
        &[
            "2:10: unknown_function: there is no function `crypto.sha256`: other evaluators have it; here it is left out",
        ],
    );
    check_own("f(x) := x\na if f(1, 2) == 3", &["3:6: wrong_arity: `f` takes 1 arguments, and is given 2"]);
    check_own(
        "a if count(input.skills, 1) > 3",
        &["2:6: wrong_arity: `count` takes 1 arguments, and is given 2"],
    );
    check_own("f(x) := x\na if { f(1, y); y == 1 }", &[]);
    check_own(
        "import data.concordat.common\na := common.judg(set(), true)",
        &[
            "3:6: unknown_function: there is no function `common.judg`: did you mean `data.concordat.common.judge`?",
        ],
    );
}

#[test]
fn rules_and_data_are_known() {
    check_own(
        "a if not aproved == 1\nb if not data.concordat.admit.aproved",
        &[
            "2:10: unknown_rule: there is no `aproved`: no rule, no import, and nothing that binds a variable: did you \
             mean `approved`?",
            "3:10: unknown_rule: there is no `data.concordat.admit.aproved`: it is undefined, and `not` of it is true: \
         did you mean `data.concordat.admit.approved`?",
        ],
    );
    check_own(
        "import data.concordat.comon\na := comon.x",
        &["2:8: unknown_rule: there is no `data.concordat.comon`: did you mean `data.concordat.common`?"],
    );
    check_own(
        "a := data.concordat.admit_test.base",
        &[
            "2:6: unknown_rule: there is no `data.concordat.admit_test.base`: it is undefined, and `not` of it is true",
        ],
    );
}

#[test]
fn variables_are_bound_where_they_stand_for_anything() {
    check_own("a if { y := input.contract.steps[i]; i > 0; [p, _] = [y, 1]; p.id == \"a\" }", &[]);
    check_own("a contains x if { y = [z | z := x + 1]; x = 3; y[_] > 1 }\nb[k] if { 1 in {k: 2}[k] }", &[]);
    check_own(
        "a if every x in [1] { x > limt }\nlimit := 3",
        &[
            "2:27: unknown_rule: there is no `limt`: no rule, no import, and nothing that binds a variable: did you mean \
         `limit`?",
        ],
    );
}

#[test]
fn members_of_inputs_are_known() {
    check_own(
        "a if not input.contract.governence.reversible",
        &[
            "2:25: unknown_input: the input of `admit` has no `input.contract.governence`: it is undefined, and `not` of \
         it is true: did you mean `governance`?",
        ],
    );
    check_own(
        "a if { some step in input.contract.steps; step.skil == \"x\" }",
        &[
            "2:48: unknown_input: the input of `admit` has no `step.skil`: it is undefined, and `not` of it is true: did \
         you mean `skill`?",
        ],
    );
    check_own(
        "a if { s := input.contract.steps[_]; every x in input.contract.steps { x.efect != s.id } }",
        &[
            "2:74: unknown_input: the input of `admit` has no `x.efect`: it is undefined, and `not` of it is true: did \
         you mean `effect`?",
        ],
    );
    check_own(
        "import input.contract as c\na if c.domaine == \"x\"\nb if c.name == input.skills[c.name].regstered",
        &[
            "3:8: unknown_input: the input of `admit` has no `c.domaine`: it is undefined, and `not` of it is true: there are \
         `budget`, `deadline_ms`, `declared`, `depth`, `digest`, `governance`, `name`, `on_failure`, `steps`, `version`",
            "4:37: unknown_input: the input of `admit` has no `input.skills[_].regstered`: it is undefined, and `not` of \
         it is true: did you mean `registered`?",
        ],
    );
    check_own("a if b with input as {\"x\": 1}\nb if input.x == 1", &[]);
}

#[test]
fn names_that_nobody_uses_or_that_hide_others_are_told() {
    check_own(
        "import data.concordat.common\na if { x := 1; some k, v in input.skills; v.eligible > 0 }",
        &[
            "2:8: unused_import: the import `common` is never used: leave it out",
            "3:8: unused_variable: `x` is never used: leave it out, or write `_`",
            "3:21: unused_variable: `k` is never used: leave it out, or write `_`",
        ],
    );
    check_own(
        "a if { count := 1; count > 0 }\nb(sure) if sure == 1",
        &[
            "2:8: shadowed: `count` hides a builtin of the same name: give it another name",
            "3:3: shadowed: `sure` hides a rule of the same name: give it another name",
        ],
    );
    check_own("a contains x if some x in [1]\nb[k] := v if some k, v in {1: 2}\nf([x, y]) := {x: y}", &[]);
    check_own("a := [y | x := input.now; y := x]\nb := {x: y | some x, y in {1: 2}}\nc if _x := 1", &[]);
}

#[test]
fn gates_answer_safely() {
    for (text, wanted) in [
        (
            "package concordat.access",
            "access/access.rego:1:1: missing_entrypoint: the gate `access` has no rule",
        ),
        (
            "package concordat.access\ndecision := {\"answer\": \"permit\"}",
            "access/access.rego:2:1: missing_default: `data.concordat.access.decision` has no default",
        ),
        (
            "package concordat.access\ndefault decision := {\"answer\": \"permit\"}",
            "access/access.rego:2:21: unsafe_default: the default of the gate `access` is no safe answer: it permits",
        ),
        (
            "package concordat.access\ndefault decision := false",
            "access/access.rego:2:21: unsafe_default: the default of the gate `access` is no safe answer: it is not",
        ),
        (
            "package concordat.access\ndefault decision := {\"answer\": \"deny\", \"reasons\": [{\"code\": \"a\", \
             \"message\": \"b\"}]}\ndecision := \"permit\"",
            "access/access.rego:2:1: wrong_answer: asked an ordinary question, the gate `access` fails: policy answered something that is not",
        ),
    ] {
        let found = check_with("access/access.rego", text);
        assert!(found.iter().any(|one| one.starts_with(wanted)), "{text}\ngave: {found:#?}");
    }
}

#[test]
fn tests_are_run_and_missed() {
    let found = check_with("own/own_test.rego", "package own_test\n\ntest_a if 1 == 2\n\ntest_b if true\n");
    assert_eq!(
        found,
        ["own/own_test.rego:3:1: tests_failed: the test `own_test.test_a` fails: does not hold"]
    );
    let report = check(&Bundle::from_files(Bundle::standard().deciding()).unwrap());
    assert!(report.passes());
    assert_eq!(report.findings.iter().map(|one| one.code).collect::<Vec<_>>(), [Code::NoTests]);
}

#[test]
fn everything_is_told_and_not_only_the_first() {
    check_own(
        "a if time.now_ns() > 1\nb if b\nc := rand.intn(\"x\", 3)",
        &[
            "2:6: banned_builtin: `time.now_ns` may not be used: a decision sees only its input, and answers quickly",
            "3:1: recursion: rules must not reach themselves: data.concordat.admit.b -> data.concordat.admit.b: if one is \
         only a local variable, give it another name",
            "4:6: banned_builtin: `rand.intn` may not be used: a decision sees only its input, and answers quickly",
        ],
    );
    let broken = [("a.rego", "package a\nx := "), ("b.rego", "package b\ny := }"), ("c.rego", "package c")];
    let report = check(&Bundle::from_files(broken).unwrap());
    let places: Vec<String> = report
        .findings
        .iter()
        .map(|one| format!("{}:{} {}", one.file, one.line, one.code.as_str()))
        .collect();
    assert_eq!(places, ["a.rego:2 parse", "b.rego:2 parse"]);
}

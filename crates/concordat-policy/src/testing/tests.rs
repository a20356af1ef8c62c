use super::*;

fn bundle(test: &str) -> Bundle {
    let files = Bundle::standard();
    let files = files.files().map(|(path, text)| (path.to_owned(), text.to_owned()));
    Bundle::from_files(files.chain([("own/own_test.rego".to_owned(), test.to_owned())])).unwrap()
}

/// What a file of tests comes to beside the standard bundle.
fn check_own(test: &str) -> Vec<String> {
    let tested = run(&bundle(&format!("package own_test\n\n{test}\n"))).unwrap();
    let own = tested.into_iter().filter(|one| one.test.starts_with("own_test."));
    own.map(|one| format!("{}: {}", one.test, one.failure.as_deref().unwrap_or("holds"))).collect()
}

#[test]
fn the_standard_tests_hold() {
    let tested = run(&Bundle::standard()).unwrap();
    let failed: Vec<&Tested> = tested.iter().filter(|one| one.failure.is_some()).collect();
    assert!(failed.is_empty() && tested.len() >= 50, "{failed:?}");
}

#[test]
fn what_does_not_hold_is_named() {
    for (test, wanted) in [
        ("test_a if 1 == 1", "own_test.test_a: holds"),
        ("test_a if 1 == 2", "own_test.test_a: does not hold"),
        ("test_a := 7", "own_test.test_a: is 7, not true"),
        ("test_a := false", "own_test.test_a: is false, not true"),
        ("test_a if {\n\t1 == 2\n}\n\ntest_a if true", "own_test.test_a: holds"),
    ] {
        assert_eq!(check_own(test), [wanted], "{test}");
    }
}

#[test]
fn what_cannot_be_parsed_is_refused_with_its_place() {
    let told = run(&bundle("package own_test\n\ntest_a if {\n")).unwrap_err().to_string();
    assert!(told.contains("own/own_test.rego"), "{told}");
}

#[test]
fn a_policy_that_no_server_would_load_is_not_tested() {
    let recursive = "package concordat.admit\n\nf(x) := f(x + 1)\n\ndecision := f(1)\n";
    let bundle = Bundle::from_files([("admit/admit.rego", recursive)]).unwrap();
    assert!(matches!(run(&bundle), Err(TestingError::Load(_))));
}

#[test]
fn a_test_reaches_no_network() {
    let told = run(&bundle("package own_test\n\ntest_a if http.send({\"url\": \"http://127.0.0.1\"})\n"));
    let fine = told.is_ok_and(|tested| tested.iter().all(|one| one.failure.is_none()));
    assert!(!fine);
}

/// The first condition that does not hold, with what it saw.
fn unmet(test: &str) -> String {
    let tested = run(&bundle(&format!("package own_test\n\n{test}\n"))).unwrap();
    let failed = tested.into_iter().find(|one| one.failure.is_some()).unwrap();
    let condition = failed.condition.unwrap();
    let values: Vec<String> =
        condition.values.iter().map(|one| format!("{} is {}", one.expression, one.value)).collect();
    format!("{}:{}: {}; {}", condition.line, condition.column, condition.text, values.join(", "))
}

#[test]
fn the_condition_that_failed_is_shown_with_what_it_saw() {
    for (test, wanted) in [
        ("test_a if {\n\tx := 1\n\tx == 2\n}", "5:2: x == 2; x is 1"),
        (
            "f(x) := {\"a\": x}\ntest_a if {\n\tf(3).a == 4\n}",
            "5:2: f(3).a == 4; f(3).a is 3, f(3) is {\"a\":3}",
        ),
        ("test_a if {\n\tsome x in [1, 2]\n\tx > 1\n\tx > 2\n}", "6:2: x > 2; x is 2"),
        ("test_a if not 1 in [1, 2]", "3:11: not 1 in [1, 2]; [1, 2] is [1,2]"),
        (
            "r := input.x\ntest_a if {\n\tr == 2 with input as {\"x\": 1}\n}",
            "5:2: r == 2 with input as {\"x\": 1}; r is 1",
        ),
        ("test_a if input.x.y == 1", "3:11: input.x.y == 1; input.x.y is undefined"),
        ("test_a if {\n\tevery x in [1, 2, 3] {\n\t\ty := x * 2\n\t\ty < 3\n\t}\n}", "6:3: y < 3; y is 4"),
        (
            "import data.concordat.common as c\ntest_a if {\n\tc.failed(set(), \"high\") == [1]\n}",
            "5:2: c.failed(set(), \"high\") == [1]; c.failed(set(), \"high\") is [], [1] is [1]",
        ),
        (
            "test_a if {\n\tx := \"b\"\n\t\"b\" == x\n\tx == `b`\n\t\"a\" == x\n}",
            "7:2: \"a\" == x; x is \"b\"",
        ),
        ("test_a if 1 == 2\n\ntest_a if {\n\t1 == 1\n\t2 == 3\n}", "7:2: 2 == 3; "),
    ] {
        assert_eq!(unmet(test), wanted, "{test}");
    }
}

/// What `opa test` lets an author replace, on the evaluator of the server.
#[test]
fn tests_replace_what_opa_lets_them_replace() {
    for test in [
        "r := input.x\ntest_a if r == 1 with input as {\"x\": 1}",
        "r := input.x\ntest_a if r == 1 with input.x as 1",
        "r := data.own.x\ntest_a if r == 1 with data.own.x as 1",
        "r := data.own.x\ntest_a if r == 1 with data.own as {\"x\": 1}",
        "q := 2\nr := q\ntest_a if r == 1 with data.own_test.q as 1",
        "f(x) := x\nr := f(2)\ntest_a if r == 1 with f as 1",
        "f(x) := x\ng(x) := x - 1\nr := f(2)\ntest_a if r == 1 with f as g",
        "r := count([1, 2])\ntest_a if r == 7 with count as 7",
        "g(x) := 9\nr := count([1, 2])\ntest_a if r == 9 with count as g",
        "r := time.clock(1)\ntest_a if r == [1, 2, 3] with time.clock as [1, 2, 3]",
        "r := [input.x, data.own.y]\ntest_a if r == [1, 2] with input.x as 1 with data.own.y as 2",
        "r contains x if some x in input\ntest_a if r == {1, 2} with input as [1, 2]",
        "r := time.now_ns()\ntest_a if r == 5 with time.now_ns as 5",
    ] {
        assert_eq!(check_own(test), ["own_test.test_a: holds"], "{test}");
    }
}

/// Two forms that OPA takes and this evaluator does not: the error says what to write instead.
#[test]
fn what_cannot_be_replaced_says_so() {
    for test in [
        "q := 2\nr := q\ntest_a if r == 1 with q as 1",
        "test_a if 1 == 1 with http.send as {\"status\": 200}",
    ] {
        let told = check_own(test).remove(0);
        assert!(told.contains("undefined rule: `with` replaces a rule by its whole path"), "{told}");
    }
}

#[test]
fn tests_are_found_wherever_they_stand() {
    let check = |test: &str, wanted: &[&str]| assert_eq!(check_own(test), wanted, "{test}");
    check(
        "todo_test_a if 1 == 2\ntest_b if true",
        &["own_test.todo_test_a: holds", "own_test.test_b: holds"],
    );
    check("# test_x if 1 == 2\n\ttest_b if true", &["own_test.test_b: holds"]);
    check("test_f(x) if x == 2\ntest_b if true", &["own_test.test_b: holds"]);
    check("s := `\ntest_x if 1 == 2\n`\ntest_b if true", &["own_test.test_b: holds"]);
    let bundle = Bundle::from_files([("a.rego", "package a\n\ntest_a if 1 == 1\n")]).unwrap();
    assert_eq!(run(&bundle).unwrap().len(), 1, "in a file that decides");
    let todo = run(&self::bundle("package own_test\n\ntodo_test_a if 1 == 2\n")).unwrap();
    assert_eq!(todo.iter().filter(|one| one.skipped).count(), 1);
}

#[test]
fn what_was_printed_and_reached_is_kept() {
    let test = "test_a if {\n\tprint(\"seen\", 7)\n\t1 == 2\n\t3 == 3\n}\n";
    let report = report(&bundle(&format!("package own_test\n\n{test}")), &Options::default()).unwrap();
    let own = report.tested.iter().find(|one| one.test == "own_test.test_a").unwrap();
    assert!(own.printed.iter().any(|line| line.contains("seen 7")), "{:?}", own.printed);
    let lines = &report.coverage.files["own/own_test.rego"];
    assert_eq!((lines.covered.contains(&5), lines.not_covered.contains(&6)), (true, true), "{lines:?}");
    assert!(report.coverage.share(|file| !file.ends_with("_test.rego")) > 9_000);
}

#[test]
fn a_test_has_an_end_and_a_deep_one_has_room() {
    let timeout = std::time::Duration::from_millis(50);
    let endless =
        "xs := numbers.range(1, 3000)\ntest_a if count([1 | some x in xs; some y in xs; x > y]) == 1\n";
    let options = Options { timeout, ..Options::default() };
    let told = report(&bundle(&format!("package own_test\n\n{endless}")), &options).unwrap();
    let own = told.tested.into_iter().find(|one| one.test == "own_test.test_a").unwrap();
    assert!(own.failure.unwrap().contains("execution exceeded time limit"));
    let deep = "f(x) := 0 if x == 0\nf(x) := f(x - 1) if x > 0\ntest_a if f(400) == 0";
    assert_eq!(check_own(deep), ["own_test.test_a: holds"]);
}

#[test]
fn a_benchmark_counts_by_the_clock_it_is_given() {
    let ticks = std::sync::atomic::AtomicU64::new(0);
    let clock =
        || std::time::Duration::from_millis(ticks.fetch_add(10, std::sync::atomic::Ordering::Relaxed));
    let options = Options { keep: &|test| test == "own_test.test_a", clock: &clock, ..Options::default() };
    let timed = bench(&bundle("package own_test\n\ntest_a if 1 == 1\n"), &options).unwrap();
    assert_eq!(timed, [Timed { test: "own_test.test_a".to_owned(), count: 20, nanoseconds: 10_000_000 }]);
}

use super::*;

fn bundle(own: &str) -> Bundle {
    let standard = Bundle::standard();
    let files = standard.files().map(|(path, text)| (path.to_owned(), text.to_owned()));
    let own = format!("package concordat.access_own\n\nimport data.concordat.access\n\n{own}\n");
    Bundle::from_files(files.chain([("access/own_test.rego".to_owned(), own)])).unwrap()
}

/// What comes of one invariant beside the standard ones.
fn proved(own: &str, stored: Vec<(Gate, Value)>) -> Invariant {
    let only = Some(Regex::new("access_own").unwrap());
    let options = Options { seed: 1, cases: 600, stored, only };
    let proved = prove(&bundle(own), &options).unwrap();
    let mut own = proved.invariants().filter(|(_, one)| one.invariant.starts_with("concordat.access_own."));
    own.next().unwrap().1.clone()
}

const WRONG: &str = "invariant_a if not bad\n\nbad if {
\taccess.decision.answer == \"permit\"
\tinput.principal.name == input.resource.submitter
}";

#[test]
fn the_same_seed_finds_the_same_and_makes_it_small() {
    let one = proved(WRONG, Vec::new());
    assert_eq!(one, proved(WRONG, Vec::new()));
    let found = one.counterexample.as_ref().unwrap();
    assert_eq!(found.input["principal"]["name"], found.input["resource"]["submitter"]);
    assert_eq!(found.input["principal"]["roles"].as_array().unwrap().len(), 1);
    // What is left is needed: things of these kinds are nobody's business whose organisation is not known, unless they
    // are only just being sent.
    let resource = &found.input["resource"];
    let owned =
        ["contract", "review", "decision", "opa", "contents"].contains(&resource["kind"].as_str().unwrap());
    let needed = owned && found.input["action"] != "contracts.submit";
    assert_eq!((resource.get("tenant").is_some(), resource.get("id")), (needed, None), "{:#}", found.input);
}

#[test]
fn a_counterexample_is_a_test_that_fails_until_the_policy_is_mended() {
    let one = proved(WRONG, Vec::new());
    let test = as_test(&one, one.counterexample.as_ref().unwrap(), 1);
    let files = bundle(WRONG);
    let files = files.files().chain([("access/found_test.rego", test.as_str())]);
    let tested = testing::run(&Bundle::from_files(files).unwrap()).unwrap();
    let failed: Vec<_> = tested.iter().filter(|one| one.failure.is_some()).map(|one| &one.test).collect();
    assert_eq!(failed, ["concordat.access_own_test.test_counterexample_a"]);
    let mended = bundle("invariant_a if true");
    let files = mended.files().chain([("access/found_test.rego", test.as_str())]);
    let tested = testing::run(&Bundle::from_files(files).unwrap()).unwrap();
    assert!(tested.iter().all(|one| one.failure.is_none()));
}

#[test]
fn whatever_is_not_true_breaks_an_invariant() {
    for (own, wanted) in [
        ("invariant_a := false", "is false"),
        ("invariant_a := 7", "is 7"),
        ("invariant_a if input.action == \"unheard.of\"", "is undefined"),
        ("invariant_a := x if some x in [true, false]", "multiple outputs"),
        ("invariant_a if to_number(\"zz\") == 1", "could not parse"),
    ] {
        let told = proved(own, Vec::new()).counterexample.unwrap().told;
        assert!(told.contains(wanted), "{own}: {told}");
    }
}

#[test]
fn what_was_never_met_says_nothing() {
    let one = proved(
        "invariant_a if not bad\n\nbad if {\n\tinput.action == \"unheard.of\"\n\tinput.now\n}",
        Vec::new(),
    );
    assert_eq!((one.met, one.broken, one.unreached), (0, 0, Some(9)));
    let met = proved("invariant_a if {\n\tinput.now != \"\"\n}", Vec::new());
    assert_eq!((met.met, met.broken, met.unreached), (600, 0, None));
}

#[test]
fn stored_decisions_are_tried_first() {
    let stored = serde_json::json!({
        "now": "2026-03-02T09:30:00Z", "action": "contracts.read",
        "principal": {"name": "zoe-of-long-ago", "tenant": "acme", "roles": []},
        "resource": {"kind": "contract"},
    });
    let own = "invariant_a if input.principal.name != \"zoe-of-long-ago\"";
    let found = proved(own, vec![(Gate::Access, stored)]).counterexample.unwrap();
    assert_eq!((found.case, found.told.as_str()), (1, "is undefined"));
}

/// A few cases with every run of the tests; `concordat policy prove` tries many.
#[test]
fn nothing_breaks_what_the_standard_policy_promises() {
    let options = Options { seed: 1, cases: 300, stored: Vec::new(), only: None };
    let proved = prove(&Bundle::standard(), &options).unwrap();
    let broken: Vec<&Invariant> =
        proved.invariants().map(|(_, one)| one).filter(|one| one.broken > 0).collect();
    assert!(broken.is_empty(), "{broken:#?}");
    let met = proved.invariants().filter(|(_, one)| one.met > 0).count();
    assert!(proved.invariants().count() >= 30 && met >= 20, "{met} were met");
}

/// The search notices when a rule that matters is gone.
#[test]
fn a_rule_that_is_taken_out_is_missed() {
    for (file, rule, invariant) in [
        ("access/access.rego", "not second_person", "nobody_answers_for_what_they_submitted"),
        ("release/release.rego", "input.output.misfits > 0", "what_does_not_fit_is_not_used"),
        (
            "dispatch/dispatch.rego",
            "not candidate.standing in {\"probation\", \"eligible\"}",
            "suspended_agents_get_nothing",
        ),
        ("enroll/enroll.rego", "input.from == \"retired\"", "nobody_comes_back_from_retirement"),
        ("dispatch/dispatch.rego", "candidate.breaker == \"open\"", "who_is_busy_or_broken_is_left_alone"),
        (
            "dispatch/dispatch.rego",
            "not input.contract.domain in candidate.domains",
            "nobody_works_outside_the_domain",
        ),
    ] {
        let standard = Bundle::standard();
        let files = standard.files().map(|(path, text)| match path == file {
            true => {
                assert!(text.contains(rule), "{rule}");
                (path, text.replace(rule, "1 == 2"))
            }
            false => (path, text.to_owned()),
        });
        let only = Some(Regex::new(invariant).unwrap());
        let options = Options { seed: 1, cases: 1500, stored: Vec::new(), only };
        let proved = prove(&Bundle::from_files(files).unwrap(), &options).unwrap();
        let broken = proved
            .invariants()
            .filter(|(_, one)| one.broken > 0)
            .any(|(_, one)| one.invariant.ends_with(invariant));
        assert!(
            broken,
            "{rule} -> {invariant}: {:#?}",
            proved.gates.iter().map(|gate| gate.permitted).collect::<Vec<_>>()
        );
    }
}

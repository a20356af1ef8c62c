//! Runs the Rego tests of the standard bundle, and proves that each of its codes is exercised by one.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it cannot go on")]

mod support;

use std::collections::BTreeSet;

use concordat_policy::{Bundle, Policy, testing};

/// The tests that do not hold when the bundle's files are changed so.
fn failed(bundle: &Bundle, change: impl Fn(&str, &str) -> String) -> Vec<String> {
    let files = bundle.files().map(|(path, text)| (path.to_owned(), change(path, text)));
    let tested = testing::run(&Bundle::from_files(files).unwrap()).unwrap();
    tested.into_iter().filter(|one| one.failure.is_some()).map(|one| one.test).collect()
}

/// Every code that the bundle's rules can give.
fn codes(bundle: &Bundle) -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for (_, text) in bundle.deciding() {
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let given = ["checks contains common.check(", "\"code\": \"", "contains \"", "meaning(\""];
            let Some(rest) = given.iter().find_map(|marker| line.split_once(marker)) else { continue };
            let text = if rest.1.is_empty() { lines[at + 1].trim().trim_start_matches('"') } else { rest.1 };
            codes.extend(text.split_once('"').map(|(code, _)| code.to_owned()));
        }
    }
    codes
}

/// Renaming a code must break a test: only then does one of them depend on it.
#[test]
fn every_code_is_exercised() {
    let bundle = Bundle::standard();
    assert!(failed(&bundle, |_, text| text.to_owned()).is_empty(), "first of all, every test holds");
    let codes = codes(&bundle);
    assert!(codes.contains("four_eyes") && codes.contains("trust_low") && codes.len() >= 30, "{codes:?}");
    let unexercised: Vec<&String> = codes
        .iter()
        .filter(|code| {
            let renamed = |path: &str, text: &str| match path.ends_with("_test.rego") {
                true => text.to_owned(),
                false => text.replace(&format!("\"{code}\""), &format!("\"{code}_renamed\"")),
            };
            failed(&bundle, renamed).is_empty()
        })
        .collect();
    assert!(unexercised.is_empty(), "no test depends on {unexercised:?}");
}

/// The rule that `policies/README.md` shows does what it says when it is added to the bundle.
#[test]
fn the_readmes_rule_works() {
    let readme = include_str!("../../../policies/README.md");
    let rule = readme.split_once("```rego\n").unwrap().1.split_once("```").unwrap().0;
    let added = format!("package concordat.admit\n\nimport data.concordat.common\n\n{rule}");
    let standard = Bundle::standard();
    let files = standard.files().chain([("admit/night.rego", added.as_str())]);
    let policy = Policy::load(&Bundle::from_files(files).unwrap()).unwrap();
    for (now, reversible, wanted) in [
        ("2026-03-02T03:00:00Z", false, "review"),
        ("2026-03-02T09:00:00Z", false, "permit"),
        ("2026-03-02T03:00:00Z", true, "permit"),
    ] {
        let mut input = support::admit();
        (input.now, input.contract.governance.reversible) = (now.parse().unwrap(), reversible);
        assert_eq!(policy.admit(support::id(), &input).decision.answer.as_str(), wanted, "{now}");
    }
}

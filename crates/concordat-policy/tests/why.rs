//! Whether what is stored with a refusal names its cause: questions with one thing wrong, and the rule that says so.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod support;

use std::collections::BTreeMap;

use concordat_model::decision::{Decision, Gate};
use concordat_model::digest::canonical;
use concordat_policy::{Bundle, Policy};
use serde_json::{Value, json};

/// One thing wrong with an ordinary question: members that are set (`*` stands for every item; `null` removes), and
/// the code of the rule that stands behind the refusal, or behind an agent's exclusion.
const WRONG: &[(Gate, &str, &str)] = &[
    (Gate::Access, r#"{"/principal/roles": []}"#, "role_missing"),
    (Gate::Access, r#"{"/principal/roles": ["viewer"]}"#, "role_missing"),
    (Gate::Access, r#"{"/principal/roles": ["auditor"]}"#, "role_missing"),
    (Gate::Access, r#"{"/action": "keys.create"}"#, "role_missing"),
    (Gate::Access, r#"{"/action": "agents.register"}"#, "role_missing"),
    (Gate::Access, r#"{"/action": "policy.promote"}"#, "role_missing"),
    (Gate::Access, r#"{"/resource/tenant": "other"}"#, "tenant_foreign"),
    (Gate::Access, r#"{"/action": "contracts.read", "/resource/tenant": null}"#, "tenant_unknown"),
    (Gate::Access, r#"{"/action": "contracts.cancel", "/resource/submitter": "eve"}"#, "contract_of_another"),
    (Gate::Access, r#"{"/action": "contracts.extend", "/resource/submitter": "eve"}"#, "contract_of_another"),
    (
        Gate::Access,
        r#"{"/action": "reviews.answer", "/principal/roles": ["reviewer"], "/resource/kind": "review"}"#,
        "four_eyes",
    ),
    (
        Gate::Admit,
        r#"{"/classification/verdict": {"kind": "abstained", "because": "nothing"}, "/contract/declared": null}"#,
        "domain_unknown",
    ),
    (
        Gate::Admit,
        r#"{"/classification/verdict": {"kind": "abstained", "because": "nothing"}}"#,
        "domain_unconfirmed",
    ),
    (Gate::Admit, r#"{"/contract/declared": "healthcare"}"#, "domain_mismatch"),
    (Gate::Admit, r#"{"/classification/verdict/domain": "research"}"#, "domain_mismatch"),
    (Gate::Admit, r#"{"/classification/verdict/confidence": 3000}"#, "confidence_low"),
    (Gate::Admit, r#"{"/classification/verdict/confidence": 5999}"#, "confidence_low"),
    (Gate::Admit, r#"{"/skills/assess_risk": {"registered": 0, "eligible": 0}}"#, "skill_missing"),
    (Gate::Admit, r#"{"/skills/approve_loan": null}"#, "skill_missing"),
    (Gate::Admit, r#"{"/skills/cancel_loan": {"registered": 0, "eligible": 0}}"#, "skill_missing"),
    (Gate::Admit, r#"{"/skills/assess_risk": {"registered": 2, "eligible": 0}}"#, "skill_unavailable"),
    (
        Gate::Admit,
        r#"{"/contract/governance/risk": "critical", "/contract/governance/reversible": false}"#,
        "critical_irreversible",
    ),
    (
        Gate::Admit,
        r#"{"/contract/governance/risk": "critical", "/contract/steps/2/compensated": false}"#,
        "critical_irreversible",
    ),
    (Gate::Dispatch, r#"{"/candidates": []}"#, "no_candidate"),
    (Gate::Dispatch, r#"{"/candidates/*/in_flight": 64}"#, "agent_busy"),
    (Gate::Dispatch, r#"{"/candidates/*/rate_left": 0}"#, "rate_limited"),
    (Gate::Dispatch, r#"{"/candidates/*/breaker": "open"}"#, "breaker_open"),
    (Gate::Dispatch, r#"{"/candidates/*/retries_left": 0, "/step/retry": true}"#, "retry_budget"),
    (Gate::Dispatch, r#"{"/candidates/*/trust/lower_bound": 6999}"#, "trust_unproven"),
    (Gate::Dispatch, r#"{"/candidates/*/trust/lower_bound": 0}"#, "trust_low"),
    (
        Gate::Dispatch,
        r#"{"/candidates/*/trust/lower_bound": 0, "/candidates/*/trust/mean": 2999}"#,
        "trust_lost",
    ),
    (
        Gate::Dispatch,
        r#"{"/candidates/*/trust/lower_bound": 7999, "/contract/governance/risk": "critical"}"#,
        "trust_insufficient",
    ),
    (
        Gate::Dispatch,
        r#"{"/candidates/*/trust/lower_bound": 4999, "/contract/governance/risk": "medium"}"#,
        "trust_unproven",
    ),
    (Gate::Dispatch, r#"{"/candidates/*/standing": "suspended"}"#, "agent_suspended"),
    (Gate::Dispatch, r#"{"/candidates/*/domains": ["research"]}"#, "domain_foreign"),
    (Gate::Dispatch, r#"{"/contract/domain": "healthcare"}"#, "domain_foreign"),
    (Gate::Dispatch, r#"{"/contract/domain": null}"#, "domain_foreign"),
    (Gate::Dispatch, r#"{"/candidates/*/compliance": ["GDPR"]}"#, "compliance_missing"),
    (Gate::Dispatch, r#"{"/contract/governance/compliance": ["HIPAA"]}"#, "compliance_missing"),
    (Gate::Dispatch, r#"{"/candidates/*/data_classes": []}"#, "data_class_missing"),
    (Gate::Dispatch, r#"{"/contract/governance/dataClasses": ["health"]}"#, "data_class_missing"),
    (Gate::Dispatch, r#"{"/contract/budget_cost_left/micros": 1}"#, "cost_over_budget"),
    (Gate::Dispatch, r#"{"/contract/budget_cost_left/currency": "EUR"}"#, "cost_over_budget"),
    (Gate::Dispatch, r#"{"/contract/budget_calls_left": 0}"#, "budget_calls_spent"),
    (Gate::Dispatch, r#"{"/contract/deadline_ms_left": 0}"#, "deadline_passed"),
    (Gate::Dispatch, r#"{"/contract/deadline_ms_left": -5000}"#, "deadline_passed"),
    (
        Gate::Dispatch,
        r#"{"/contract/governance/risk": "critical", "/step/effect": "unsafe"}"#,
        "tainted_parameter",
    ),
    (Gate::Release, r#"{"/output/misfits": 3}"#, "output_misfit"),
    (Gate::Release, r#"{"/agent/standing": "suspended"}"#, "agent_suspended"),
    (
        Gate::Release,
        r#"{"/output/schema_checked": false, "/contract/governance/risk": "critical"}"#,
        "output_unchecked",
    ),
    (Gate::Enroll, r#"{"/from": "retired"}"#, "agent_retired"),
    (Gate::Enroll, r#"{"/reason": " "}"#, "reason_missing"),
    (Gate::Enroll, r#"{"/agent/skills/0/verified": false}"#, "skill_false"),
    (Gate::Enroll, r#"{"/change": "probe", "/from": "suspended"}"#, "probe_unfit"),
    (Gate::Promote, r#"{"/publisher/name": "ann"}"#, "four_eyes"),
    (Gate::Promote, r#"{"/impact": null}"#, "impact_unseen"),
    (Gate::Promote, r#"{"/revision/tests": 0}"#, "tests_missing"),
    (Gate::Promote, r#"{"/trial/failed": 2}"#, "trial_failed"),
    (Gate::Promote, r#"{"/reason": "-"}"#, "reason_missing"),
];

fn ordinary(gate: Gate) -> Value {
    let text = std::fs::read(format!("{}/src/check/inputs/{gate}.json", env!("CARGO_MANIFEST_DIR"))).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn set(value: &mut Value, path: &[&str], new: &Value) {
    match (path, value) {
        ([], value) => *value = new.clone(),
        (["*", rest @ ..], Value::Array(items)) => items.iter_mut().for_each(|item| set(item, rest, new)),
        ([nth, rest @ ..], Value::Array(items)) => {
            set(items.get_mut(nth.parse::<usize>().unwrap()).unwrap(), rest, new);
        }
        ([last], Value::Object(members)) if new.is_null() => drop(members.remove(*last)),
        ([name, rest @ ..], Value::Object(members)) => {
            set(members.entry((*name).to_owned()).or_insert(Value::Null), rest, new);
        }
        (path, value) => panic!("`{path:?}` is not in {value}"),
    }
}

fn asked(policy: &Policy, gate: Gate, wrong: &str) -> (Decision, Vec<u8>) {
    let mut input = ordinary(gate);
    let members: BTreeMap<String, Value> = serde_json::from_str(wrong).unwrap();
    for (pointer, new) in &members {
        let path: Vec<&str> = pointer.split('/').skip(1).collect();
        set(&mut input, &path, new);
    }
    let input = canonical(&input).unwrap();
    (policy.replay(gate, support::id(), &input), input)
}

/// The text of a bundle's statement that begins on this line.
fn statement(bundle: &Bundle, file: &str, line: u32) -> String {
    let (_, text) = bundle.files().find(|(path, _)| *path == file).unwrap();
    let lines = text.lines().skip(line as usize - 1);
    let mut statement: Vec<&str> = lines.clone().take(1).collect();
    let begins = |line: &&str| !line.starts_with(|c: char| c.is_ascii_alphabetic());
    statement.extend(lines.skip(1).take_while(begins));
    statement.join("\n")
}

#[test]
fn a_refusal_names_its_cause_and_the_rule_behind_it() {
    let bundle = Bundle::standard();
    let policy = Policy::load(&bundle).unwrap();
    for gate in Gate::ALL {
        assert_eq!(asked(&policy, gate, "{}").0.answer.as_str(), "permit", "{gate}");
    }
    let mut wrong = Vec::new();
    for (gate, change, code) in WRONG {
        let (decision, input) = asked(&policy, *gate, change);
        assert_ne!(decision.answer.as_str(), "permit", "{gate} {change}");
        assert!(decision.provenance.explanation.is_some(), "{gate} {change}");
        let explanation = policy.explain_again(&decision, &input);
        let named = explanation.because.iter().any(|one| {
            one.code == *code && statement(&bundle, &one.file, one.line).contains(&format!("\"{code}\""))
        });
        if !named {
            wrong.push(format!("{gate} {change}: {:?}", explanation.because));
        }
    }
    assert!(WRONG.len() >= 50 && wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn rules_of_one_code_are_told_apart_by_what_was_reached() {
    let text = "package concordat.admit\n\nimport data.concordat.common\n\ndefault decision := {\"answer\": \
                \"permit\"}\n\ndecision := common.judge(checks, false)\n\nchecks contains common.check(\n\
                \t\"odd\", \"fail\", \"critical\",\n\t\"one\", \"two\",\n) if {\n\tinput.contract.name == \"a\"\n}\n\n\
                checks contains common.check(\n\t\"odd\", \"fail\", \"critical\",\n\t\"one\", \"two\",\n) if {\n\
                \tinput.contract.name == \"b\"\n}\n";
    let common =
        Bundle::standard().files().find(|(path, _)| *path == "common/common.rego").unwrap().1.to_owned();
    let bundle =
        Bundle::from_files([("admit/admit.rego", text), ("common/common.rego", common.as_str())]).unwrap();
    let policy = Policy::load(&bundle).unwrap();
    for (name, line) in [("a", 9), ("b", 16)] {
        let change = json!({"/contract/name": name}).to_string();
        let (decision, input) = asked(&policy, Gate::Admit, &change);
        let because = policy.explain_again(&decision, &input).because;
        assert_eq!((because.len(), because.first().unwrap().line), (1, line), "{because:?}");
    }
}

#[test]
fn values_of_rules_are_bounded_and_hold_nothing_undefined() {
    let policy = Policy::load(&Bundle::standard()).unwrap();
    let (decision, input) = asked(&policy, Gate::Dispatch, r#"{"/candidates/*/standing": "suspended"}"#);
    let explanation = policy.explain_again(&decision, &input);
    assert!(!explanation.rules.contains_key("lacks_only_trust"), "undefined rules are left out");
    assert!(explanation.rules["rejected"].is_object(), "{:?}", explanation.rules);
    let text = canonical(&explanation).unwrap();
    assert!(text.len() < 32 * 1024 && !String::from_utf8(text).unwrap().contains("<undefined>"));
}

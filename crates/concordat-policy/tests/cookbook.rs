//! Each policy of the cookbook, switched on by the one line in its header, changes what its header says.
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod support;

use concordat_model::decision::{Decision, Gate};
use concordat_policy::{Bundle, Policy};
use serde_json::{Value, json};

/// The gate and the line that a policy's header names.
fn switch(name: &str) -> (Gate, String) {
    let path = format!("cookbook/{name}.rego");
    let standard = Bundle::standard();
    let text = standard.files().find(|(known, _)| *known == path).unwrap().1.to_owned();
    let lines: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("#\t")).collect();
    let [line] = lines.as_slice() else { unreachable!("{name} has one line to switch it on: {lines:?}") };
    let gate = text.split_once("in package concordat.").unwrap().1.split_once(':').unwrap().0;
    (Gate::ALL.into_iter().find(|known| known.to_string() == gate).unwrap(), (*line).to_owned())
}

fn with(line: Option<&str>, gate: Gate) -> Policy {
    let standard = Bundle::standard();
    let added = line.map(|line| format!("package concordat.{gate}\n\n{line}\n"));
    let path = format!("{gate}/cookbook.rego");
    let added = added.as_ref().map(|text| (path.as_str(), text.as_str()));
    Policy::load(&Bundle::from_files(standard.files().chain(added)).unwrap()).unwrap()
}

/// The ordinary question to a gate, with some members replaced.
fn question(gate: Gate, change: &Value) -> Vec<u8> {
    let mut input = match gate {
        Gate::Admit => serde_json::to_value(support::admit()).unwrap(),
        Gate::Release => serde_json::to_value(support::release()).unwrap(),
        Gate::Enroll => serde_json::from_slice(include_bytes!("../src/check/inputs/enroll.json")).unwrap(),
        _ => serde_json::to_value(support::dispatch()).unwrap(),
    };
    for (pointer, value) in change.as_object().unwrap() {
        let (place, name) = pointer.rsplit_once('/').unwrap();
        match input.pointer_mut(place).unwrap() {
            Value::Object(members) => drop(members.insert(name.to_owned(), value.clone())),
            other => {
                drop(std::mem::replace(
                    other.get_mut(name.parse::<usize>().unwrap()).unwrap(),
                    value.clone(),
                ));
            }
        }
    }
    serde_json::to_vec(&input).unwrap()
}

/// The answer, and every code that the decision gives.
fn told(decision: &Decision) -> String {
    let mut codes: Vec<String> = decision.answer.reasons().iter().map(|reason| reason.code.clone()).collect();
    for agent in &decision.excluded {
        codes.extend(serde_json::to_value(agent.1).unwrap().as_array().unwrap().iter().map(|reason| {
            let code = reason.get("code").unwrap_or(reason);
            code.as_str().unwrap().to_owned()
        }));
    }
    codes.sort();
    codes.dedup();
    format!("{} {}", decision.answer.as_str(), codes.join(" "))
}

fn check(name: &str, change: &Value, before: &str, after: &str) {
    let (gate, line) = switch(name);
    let input = question(gate, change);
    let ask = |policy: &Policy| told(&policy.replay(gate, support::id(), &input));
    assert_eq!(ask(&with(None, gate)), before, "{name}, without its line");
    assert_eq!(ask(&with(Some(&line), gate)), after, "{name}, with `{line}`");
}

#[test]
fn one_line_switches_a_policy_on() {
    let plain = json!({});
    let stranger = json!({"/candidates/1/owner": "elsewhere.example"});
    check("preference", &stranger, "permit trust_lost", "permit preferred_first trust_lost");
    let walled = json!({"/candidates/0/domains": ["finance", "social-media"]});
    check("domain_boundary", &walled, "permit trust_lost", "permit trust_lost wall_crossed");
    let new = json!({"/candidates/0/trust/evidence": 19});
    check("capability_match", &new, "permit trust_lost", "permit capability_unproven trust_lost");
    let uncleared = json!({"/candidates/0/data_classes": ["pii"]});
    check("data_classes", &uncleared, "permit trust_lost", "permit class_uncleared trust_lost");
    check("budget", &json!({"/contract/budget": {}}), "permit ", "deny budget_missing");
    let late = json!({"/now": "2026-03-07T23:00:00Z", "/step/effect": "unsafe", "/step/tainted": []});
    check("time_window", &late, "permit trust_lost", "review outside_hours trust_lost");
    let weighty = json!({"/contract/governance/risk": "high"});
    check("approval_quorum", &weighty, "permit ", "review quorum_open");
    check("trust_by_risk", &plain, "permit trust_lost", "permit trust_below_tier trust_lost");
    let tagged = json!({
        "/contract/governance/compliance": ["region:eu"], "/contract/governance/dataClasses": [],
        "/candidates/0/regions": ["eu"],
    });
    check("geography", &tagged, "permit trust_lost", "permit region_foreign trust_lost");
    let shown = json!({"/candidates/0/verified": true});
    check("proven_skills", &shown, "permit trust_lost", "permit skill_unproven trust_lost");
    let own = json!({"/author": "rita", "/from": "proposed"});
    check("four_eyes_on_agents", &own, "permit ", "review four_eyes");
    check("tainted_input", &plain, "permit trust_lost", "review tainted_input trust_lost");
    check("output_size", &json!({"/output/bytes": 1_048_577}), "permit ", "deny output_huge");
}

#[test]
fn every_policy_of_the_cookbook_is_tried_above() {
    let standard = Bundle::standard();
    let names: Vec<&str> = standard
        .deciding()
        .filter_map(|(path, _)| path.strip_prefix("cookbook/")?.strip_suffix(".rego"))
        .filter(|name| *name != "meanings")
        .collect();
    assert_eq!(names.len(), 13, "{names:?}");
    let text = include_str!("cookbook.rs");
    assert!(names.iter().all(|name| text.contains(&format!("check(\"{name}\""))), "{names:?}");
    let all: Vec<(Gate, String)> = names.iter().map(|name| switch(name)).collect();
    for gate in [Gate::Admit, Gate::Dispatch, Gate::Release, Gate::Enroll] {
        let lines: Vec<&str> =
            all.iter().filter(|(known, _)| *known == gate).map(|(_, line)| line.as_str()).collect();
        with(Some(&lines.join("\n\n")), gate);
    }
}

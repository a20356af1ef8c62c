//! What the standard bundle answers, as a table: a change of policy is reviewed as a diff of this.
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod support;

use std::fmt::Write as _;

use concordat_model::contract::{EffectKind, Governance, Risk};
use concordat_model::decision::{CheckResult, Decision, Gate};
use concordat_model::digest::canonical;
use concordat_model::principal::Role;
use concordat_model::share::Share;
use concordat_model::work::Leg;
use concordat_policy::input::{Action, Resource, ResourceKind, Standing};
use concordat_policy::{Bundle, Policy};
use serde_json::json;

const RISKS: [Risk; 4] = [Risk::Low, Risk::Medium, Risk::High, Risk::Critical];

/// The answer with the codes that made it, and what was noted beside.
fn told(decision: &Decision) -> String {
    let reasons: Vec<&str> = decision.answer.reasons().iter().map(|reason| reason.code.as_str()).collect();
    let noted = decision.checks.iter().filter(|check| !reasons.contains(&check.policy.as_str()));
    let noted: Vec<String> = noted
        .map(|check| {
            format!("({}{})", if check.result == CheckResult::Fail { "failed " } else { "" }, check.policy)
        })
        .collect();
    [&[decision.answer.as_str()][..], &reasons, &noted.iter().map(String::as_str).collect::<Vec<_>>()]
        .concat()
        .join(" ")
}

fn policy() -> Policy {
    Policy::load(&Bundle::standard()).unwrap()
}

/// Rows are actions; columns are roles: `+` where the gate permits on one's own organisation's things.
#[test]
fn access() {
    let policy = policy();
    let mut table = format!("{:18}", "");
    for role in Role::ALL {
        write!(table, " {:<14}", role.as_str()).unwrap();
    }
    for action in Action::ALL {
        write!(table, "\n{:18}", action.as_str()).unwrap();
        for role in Role::ALL {
            let mut input = support::access();
            input.action = *action;
            input.principal.roles = vec![role];
            let mut answers = String::new();
            for (tenant, submitter) in [("acme", "sam"), ("acme", "eve"), ("other", "eve")] {
                input.resource = Resource {
                    kind: ResourceKind::Contract,
                    id: None,
                    tenant: Some(tenant.parse().unwrap()),
                    submitter: Some(submitter.parse().unwrap()),
                    gate: None,
                };
                let permitted = policy.access(support::id(), &input).decision.answer.as_str() == "permit";
                answers.push_str(match (permitted, tenant, submitter) {
                    (false, _, _) => "",
                    (true, "other", _) => "FOREIGN ",
                    (true, _, "sam") => "own ",
                    (true, _, _) => "others ",
                });
            }
            write!(table, " {:<14}", answers.trim_end()).unwrap();
        }
    }
    insta::assert_snapshot!(table.lines().map(str::trim_end).collect::<Vec<_>>().join("\n"));
}

#[test]
fn admit() {
    let policy = policy();
    let mut table = String::new();
    for risk in RISKS {
        for reversible in [true, false] {
            for (what, declared, verdict) in [
                (
                    "sure",
                    json!("finance"),
                    json!({"kind": "domain", "domain": "finance", "confidence": 9000}),
                ),
                (
                    "doubtful",
                    json!("finance"),
                    json!({"kind": "domain", "domain": "finance", "confidence": 5000}),
                ),
                (
                    "undeclared",
                    json!(null),
                    json!({"kind": "domain", "domain": "finance", "confidence": 9000}),
                ),
                (
                    "mismatch",
                    json!("research"),
                    json!({"kind": "domain", "domain": "finance", "confidence": 9000}),
                ),
                ("abstained", json!("finance"), json!({"kind": "abstained", "because": "no evidence"})),
                ("unknown", json!(null), json!({"kind": "abstained", "because": "no evidence"})),
            ] {
                let mut input = support::admit();
                input.contract.governance = Governance { risk, reversible, ..input.contract.governance };
                input.contract.declared = serde_json::from_value(declared).unwrap();
                input.classification.verdict = serde_json::from_value(verdict).unwrap();
                let way = if reversible { "reversible" } else { "final" };
                let risk = format!("{risk:?}").to_lowercase();
                let before = policy.admit(support::id(), &input).decision;
                input.review = Some(review(&input.contract.digest.to_string()));
                let after = policy.admit(support::id(), &input).decision;
                writeln!(
                    table,
                    "{risk:9}{way:11}{what:11}{} | approved: {}",
                    told(&before),
                    after.answer.as_str()
                )
                .unwrap();
            }
        }
    }
    insta::assert_snapshot!(table);
}

fn review(payload: &str) -> concordat_policy::input::ReviewEvidence {
    serde_json::from_value(json!({
        "id": "rev_01h455vb4pex5vsknk084sn02q", "by": "rita", "roles": ["reviewer"],
        "at": "2026-03-02T09:29:00Z", "payload": payload,
    }))
    .unwrap()
}

#[test]
fn dispatch() {
    let policy = policy();
    let mut table = String::new();
    for leg in [Leg::Do, Leg::Undo] {
        for risk in RISKS {
            for lower_bound in [250, 4999, 5000, 7000, 8000] {
                for effect in [EffectKind::Idempotent, EffectKind::Unsafe] {
                    let mut input = support::dispatch();
                    input.candidates.truncate(1);
                    input.candidates[0].trust.lower_bound = Share::try_from(lower_bound).unwrap();
                    input.contract.governance.risk = risk;
                    (input.step.leg, input.step.effect) = (leg, effect);
                    let before = policy.replay(Gate::Dispatch, support::id(), &canonical(&input).unwrap());
                    input.review = Some(review(&input.step.params.to_string()));
                    let after = policy.replay(Gate::Dispatch, support::id(), &canonical(&input).unwrap());
                    let (leg, risk) = (leg.as_str(), format!("{risk:?}").to_lowercase());
                    let effect = format!("{effect:?}").to_lowercase();
                    let answers = format!("{} | approved: {}", told(&before), after.answer.as_str());
                    writeln!(table, "{leg:5}{risk:9}trust {lower_bound:<5}{effect:11}{answers}").unwrap();
                }
            }
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn release() {
    let policy = policy();
    let mut table = String::new();
    for risk in RISKS {
        for (what, standing, checked, misfits) in [
            ("checked", Standing::Eligible, true, 0),
            ("unchecked", Standing::Eligible, false, 0),
            ("misfit", Standing::Eligible, true, 2),
            ("suspended", Standing::Suspended, true, 0),
        ] {
            let mut input = support::release();
            input.contract.governance.risk = risk;
            input.agent.standing = standing;
            (input.output.schema_checked, input.output.misfits) = (checked, misfits);
            let before = policy.replay(Gate::Release, support::id(), &canonical(&input).unwrap());
            input.review = Some(review(&input.output.digest.to_string()));
            let after = policy.replay(Gate::Release, support::id(), &canonical(&input).unwrap());
            let risk = format!("{risk:?}").to_lowercase();
            writeln!(table, "{risk:9}{what:10}{} | approved: {}", told(&before), after.answer.as_str())
                .unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

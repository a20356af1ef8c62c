//! What a contract must be, as a table of documents that are not quite one.

use super::*;
use crate::contract::OnError;
use crate::document::{self, Notation};

const LOAN: &str = r#"
apiVersion: concordat/v1
kind: Contract
metadata: {name: loan-approval, version: "1.2.0", labels: {team: lending}}
spec:
  objective: Decide a loan application and leave nothing reserved if any part fails
  requirements: [Check credit, Assess risk]
  domain: finance
  governance: {risk: high, reversible: true, dataClasses: [pii, financial], compliance: [GDPR, SOX]}
  budget: {cost: "2.50 USD", calls: 20}
  deadline: 15m
  inputs: {type: object, required: [applicant_id], properties: {applicant_id: {type: string}}}
  onFailure: compensate
  steps:
    - id: credit
      skill: check_credit
      with: {applicant_id: "${input.applicant_id}"}
      compensate: {skill: release_credit_check, with: {check_id: "${steps.credit.output.check_id}"}}
    - id: risk
      needs: [credit]
      skill: assess_risk
      with: {application: "${input}", credit: "${steps.credit.output}"}
      effect: unsafe
      retry: {max: 3, backoff: 1s, on: [unavailable]}
      timeout: 30s
      output: {schema: {type: object}}
"#;

fn form(yaml: &str, input: serde_json::Value) -> Result<ContractForm, Problems> {
    Ok(ContractForm { contract: document::read(yaml.as_bytes(), Notation::Yaml)?, input })
}

fn agree(yaml: &str) -> Result<Contract, Problems> {
    Contract::agree(form(yaml, serde_json::json!({"applicant_id": "a-1"}))?)
        .map_err(|problems| document::locate(yaml.as_bytes(), problems))
}

#[track_caller]
fn check(change: (&str, &str), wanted: &str) {
    assert!(LOAN.contains(change.0), "the contract does not hold `{}`", change.0);
    let told = agree(&LOAN.replacen(change.0, change.1, 1)).unwrap_err().to_string();
    assert!(told.contains(wanted), "`{}` gave: {told}", change.1);
}

#[test]
fn a_whole_contract_is_agreed() {
    let contract = agree(LOAN).unwrap();
    assert_eq!(contract.plan().levels(), vec![vec![0], vec![1]]);
    let risk = &contract.steps()[1];
    assert_eq!((risk.tainted_by.len(), risk.on_error), (1, OnError::Compensate));
}

#[test]
fn yaml_and_json_have_one_digest() {
    let yaml = agree(LOAN).unwrap();
    let json = serde_json::to_string(&yaml.form().contract).unwrap();
    let again: ContractDocument = document::read(json.as_bytes(), Notation::Json).unwrap();
    let input = Value::clone(yaml.input());
    assert_eq!(Contract::agree(ContractForm { contract: again, input }).unwrap().digest(), yaml.digest());
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    check(
        ("needs: [credit]", "needs: [credits]"),
        "20:15: /spec/steps/1/needs/0: there is no step `credits`",
    );
    check(
        ("- id: credit\n", "- id: credit\n      needs: [risk]\n"),
        "the steps form a cycle: credit -> risk -> credit",
    );
    check(("- id: risk", "- id: credit"), "two steps are called `credit`");
    check(
        ("needs: [credit]\n", "needs: []\n"),
        "`${steps.credit.output}` reads a step that need not be done by then",
    );
    check(
        ("${steps.credit.output}\"", "${steps.credit}\""),
        "/spec/steps/1/with/credit: `${steps.credit}` is not a reference",
    );
    check(("\"${input}\"", "\"Dear ${input}\""), "a reference stands alone");
    check(("\"${input}\"", "\"${previous}\""), "`${previous}` has no step before it");
    check(("on: [unavailable]", "on: [timeout]"), "is not tried again after `timeout`");
    check(("max: 3", "max: 0"), "`max` lies between 1 and 20");
    check(
        ("schema: {type: object}", "schema: {type: thing}"),
        "/spec/steps/1/output/schema: this is not a JSON Schema",
    );
    check(("schema: {type: object}", "schema: {$ref: 'https://example.com'}"), "refers outside the schema");
    check(("required: [applicant_id]", "required: [name]"), "/input: the input does not fit");
    check(("deadline: 15m", "deadline: 15 minutes"), "/spec/deadline: `15 minutes` is not a length of time");
    check(("deadline: 15m", "deadline: 400d"), "out of range");
    check(("2.50 USD", "2.50"), "is not an amount of money");
    check(("risk: high", "risk: huge"), "unknown variant `huge`");
    check(("calls: 20", "calls: -1"), "/spec/budget/calls");
    check(("calls: 20", "calls: 0"), "at least one call");
    check(
        (
            "objective: Decide a loan application and leave nothing reserved if any part fails",
            "objective: ''",
        ),
        "a sentence has 1 to 2000",
    );
    check(("domain: finance", "domian: finance"), "unknown member `domian`");
    check(("concordat/v1", "concordat/v9"), "unknown variant `concordat/v9`");
    check(("name: loan-approval", "name: Loan Approval"), "`Loan Approval` is not the name of a contract");
    check(
        ("timeout: 30s", "timeout: 30s\n      when: {path: '${input.x}', eq: 1, ne: 2}"),
        "a condition makes one comparison",
    );
    check(
        ("timeout: 30s", "timeout: 30s\n      when: {path: '${steps.nobody.output}', eq: 1}"),
        "there is no step `nobody`",
    );
    check(
        ("deadline: 15m", "deadline: 15m\n  output: '${steps.nobody.output}'"),
        "/spec/output: there is no step",
    );
    check(
        ("check_id: \"${steps.credit.output.check_id}\"", "check_id: \"${steps.risk.output}\""),
        "`${steps.risk.output}` reads a step that need not be done by then",
    );
}

#[test]
fn a_near_name_is_proposed() {
    let problems = agree(&LOAN.replacen("needs: [credit]", "needs: [credti]", 1)).unwrap_err();
    assert_eq!(problems.all()[0].hint.as_deref(), Some("did you mean `credit`?"));
}

#[test]
fn a_contract_of_too_many_steps_is_refused() {
    let step = |nth: usize| serde_json::json!({"id": format!("s{nth}"), "skill": "x"});
    let steps: Vec<_> = (0..=MAX_STEPS).map(step).collect();
    let contract = serde_json::json!({
        "apiVersion": "concordat/v1", "kind": "Contract", "metadata": {"name": "many"},
        "spec": {"objective": "many", "steps": steps},
    });
    let contract = serde_json::from_value(contract).unwrap();
    let told =
        Contract::agree(ContractForm { contract, input: serde_json::Value::Null }).unwrap_err().to_string();
    assert!(told.contains("a contract has 1 to 10000 steps, not 10001"), "{told}");
}

#[test]
fn sequential_steps_need_the_one_before() {
    let yaml = "apiVersion: concordat/v1\nkind: Contract\nmetadata: {name: chain}\nspec:\n  objective: chain\n  order: sequential\n  \
                steps:\n    - {id: a, skill: x}\n    - {id: b, skill: x, with: {v: '${previous.v}'}}\n    - {id: c, skill: x}\n";
    assert_eq!(agree(yaml).unwrap().plan().levels(), vec![vec![0], vec![1], vec![2]]);
}

#[test]
fn every_kind_of_step_has_its_form() {
    let whole = |steps: &str| {
        format!(
            "apiVersion: concordat/v1\nkind: Contract\nmetadata: {{name: kinds}}\nspec:\n  objective: kinds\n  \
             inputs: {{type: object}}\n  steps:\n{steps}"
        )
    };
    let agree = |steps: &str| agree(&whole(steps)).map_err(|problems| problems.to_string());
    let good = [
        "    - {id: a, review: {question: 'Shall we?', show: {x: '${input.applicant_id}'}}}\n",
        "    - {id: a, wait: {for: 5m}}\n",
        "    - {id: a, wait: {until: '${input.applicant_id}'}}\n",
        "    - {id: a, wait: {event: com.example.paid, correlate: {order: 7}, count: 3, window: 1m, within: 1h}}\n",
        "    - {id: a, emit: {event: com.example.done, data: {x: 1}}}\n",
        "    - {id: a, skill: x, forEach: '${input.applicant_id}', maxParallel: 2, tolerate: 1, with: {y: '${item.z}'}}\n",
        "    - {id: a, oneOf: [{when: {path: '${input.applicant_id}', eq: 1}, then: b}, {then: c}]}\n    - {id: b, skill: x}\n    - {id: c, skill: x}\n",
        "    - {id: a, skill: x, onError: skip}\n    - {id: b, needs: [a], when: {path: '${steps.a.status}', eq: failed}, skill: y, with: {why: '${steps.a.error.code}'}}\n",
        "    - {id: a, skill: x, effect: none, cache: {ttl: 5m}, mayDecompose: {depth: 1, steps: 5}}\n",
    ];
    for steps in good {
        assert_eq!(agree(steps).map(drop), Ok(()), "{steps}");
    }
    for (steps, wanted) in [
        ("    - {id: a}\n", "a step has exactly one of"),
        ("    - {id: a, skill: x, wait: {for: 5m}}\n", "a step has exactly one of"),
        ("    - {id: a, wait: {for: 5m, within: 5m}}\n", "a wait has exactly one of"),
        ("    - {id: a, wait: {for: 5m}, with: {x: 1}}\n", "`with` goes only with `skill`"),
        ("    - {id: a, emit: {event: e}, forEach: [1]}\n", "`forEach` goes only with"),
        ("    - {id: a, skill: x, cache: {ttl: 5m}}\n", "`cache` goes only with"),
        ("    - {id: a, skill: x, with: {y: '${item}'}}\n", "has no item here"),
        ("    - {id: a, skill: x, forEach: '${item}'}\n", "has no item here"),
        ("    - {id: a, oneOf: [{then: a}]}\n", "steps form a cycle"),
        ("    - {id: a, oneOf: [{then: b}]}\n", "there is no step `b`"),
        ("    - {id: a, skill: x, mayDecompose: {depth: 9, steps: 5}}\n", "decomposed 1 to 7 times"),
        ("    - {id: a, skill: x, with: {y: '${event.data}'}}\n", "only in triggers"),
        ("    - {id: a, contract: {template: loan}}\n", "either a known `template` or a `contract`"),
    ] {
        let told = agree(steps).unwrap_err();
        assert!(told.contains(wanted), "{steps}: {told}");
    }
}

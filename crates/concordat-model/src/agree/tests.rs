//! What a contract must be, as a table of documents that are not quite one.

use super::*;
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
    let steps: String = (0..=MAX_STEPS).map(|nth| format!("    - {{id: s{nth}, skill: x}}\n")).collect();
    let head = "apiVersion: concordat/v1\nkind: Contract\nmetadata: {name: many}\nspec:\n  objective: many\n  steps:\n";
    let told = agree(&format!("{head}{steps}")).unwrap_err().to_string();
    assert!(told.contains("a contract has 1 to 1000 steps, not 1001"), "{told}");
}

#[test]
fn sequential_steps_need_the_one_before() {
    let yaml = "apiVersion: concordat/v1\nkind: Contract\nmetadata: {name: chain}\nspec:\n  objective: chain\n  order: sequential\n  \
                steps:\n    - {id: a, skill: x}\n    - {id: b, skill: x, with: {v: '${previous.v}'}}\n    - {id: c, skill: x}\n";
    assert_eq!(agree(yaml).unwrap().plan().levels(), vec![vec![0], vec![1], vec![2]]);
}

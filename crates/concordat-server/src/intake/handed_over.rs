//! Contracts that are handed over as data by programs that know no form of ours: by A2A and by MCP.
//!
//! One contract at a time: a template with its input, a contract with its input, or a whole document.

use concordat_model::doubles::whole;
use concordat_model::name::StepName;
use serde_json::{Map, Value, json};

/// What is taken for a contract, for who handed over something else.
pub(crate) const FORM: &str = "`{\"template\": \"name@version\", \"input\": {…}}`, or a whole contract";

/// The document that the engine takes in.
pub(crate) fn submission(data: Value, label: Option<&StepName>) -> Result<Value, String> {
    let Value::Object(members) = whole(data) else {
        return Err(format!("a contract is handed over as an object: {FORM}"));
    };
    let mut one = match members.get("kind").and_then(Value::as_str) {
        None => members,
        Some("Submission") => return of_one(members, label),
        Some(_) => Map::from_iter([("contract".to_owned(), Value::Object(members))]),
    };
    name(&mut one, label);
    Ok(json!({"apiVersion": "concordat/v1", "kind": "Submission", "contracts": [one]}))
}

fn of_one(mut submission: Map<String, Value>, label: Option<&StepName>) -> Result<Value, String> {
    if let Some(contracts) = submission.get_mut("contracts").and_then(Value::as_array_mut) {
        let [one] = contracts.as_mut_slice() else {
            let said = "one contract at a time: hand each over by itself, or send all of them to `POST /v1/contracts`";
            return Err(said.to_owned());
        };
        if let Some(one) = one.as_object_mut() {
            name(one, label);
        }
    }
    Ok(Value::Object(submission))
}

fn name(one: &mut Map<String, Value>, label: Option<&StepName>) {
    if let Some(label) = label {
        one.insert("name".to_owned(), Value::String(label.to_string()));
    }
}

//! The published schemas of documents are those of the types that read them.
//!
//! `UPDATE=1 cargo test -p concordat-tests schemas` writes them again.

use std::path::Path;

use concordat_model::contract::ContractDocument;
use concordat_model::submission::SubmissionDocument;
use concordat_model::trigger::TriggerDocument;
use schemars::{Schema, schema_for};

fn check(file: &str, schema: &Schema) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contracts/schema").join(file);
    let text = serde_json::to_string_pretty(schema).unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let stands = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stands == text, "contracts/schema/{file} is stale: run with UPDATE=1 and read the difference");
}

#[test]
fn the_contract_schema_is_up_to_date() {
    check("contract.json", &schema_for!(ContractDocument));
}

#[test]
fn the_trigger_schema_is_up_to_date() {
    check("trigger.json", &schema_for!(TriggerDocument));
}

#[test]
fn the_submission_schema_is_up_to_date() {
    check("submission.json", &schema_for!(SubmissionDocument));
}

//! A report as SARIF 2.1.0, the form in which code hosts take findings.

use std::path::Path;

use concordat_policy::Inspection;
use concordat_policy::finding::{Code, Finding};
use serde_json::{Value, json};

/// The report, with its files under `root`.
pub(super) fn of(report: &Inspection, root: Option<&Path>) -> String {
    let rules: Vec<Value> = Code::ALL
        .iter()
        .map(|code| json!({"id": code.as_str(), "shortDescription": {"text": code.meaning()}}))
        .collect();
    let results: Vec<Value> = report.findings.iter().map(|finding| result(finding, root)).collect();
    let driver = json!({"name": "concordat", "version": env!("CARGO_PKG_VERSION"), "rules": rules});
    let run = json!({"tool": {"driver": driver}, "results": results, "columnKind": "unicodeCodePoints"});
    let log = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    });
    serde_json::to_string_pretty(&log).unwrap_or_default()
}

fn result(finding: &Finding, root: Option<&Path>) -> Value {
    let text = match &finding.fix {
        Some(fix) => format!("{}: {fix}", finding.message),
        None => finding.message.clone(),
    };
    let mut result = json!({
        "ruleId": finding.code.as_str(),
        "ruleIndex": Code::ALL.iter().position(|code| *code == finding.code),
        "level": finding.level.as_str(),
        "message": {"text": text},
    });
    if let Some(place) = place(finding, root)
        && let Some(result) = result.as_object_mut()
    {
        result.insert("locations".to_owned(), json!([{ "physicalLocation": place }]));
    }
    result
}

fn place(finding: &Finding, root: Option<&Path>) -> Option<Value> {
    if finding.file.is_empty() {
        return None;
    }
    let path =
        root.map_or_else(|| finding.file.clone(), |root| root.join(&finding.file).display().to_string());
    let mut place = json!({"artifactLocation": {"uri": uri(&path)}});
    if finding.line > 0
        && let Some(place) = place.as_object_mut()
    {
        let region = json!({"startLine": finding.line, "startColumn": finding.column.max(1)});
        place.insert("region".to_owned(), region);
    }
    Some(place)
}

/// A path as a URI reference: everything that would mean something else there is escaped.
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'/');
    let escaped = path.bytes().map(|byte| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    escaped.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_is_a_result_with_its_rule() {
        let finding = Finding {
            file: "a b/a.rego".to_owned(),
            line: 3,
            column: 0,
            ..Finding::whole(Code::Parse, "odd").fix("mend it")
        };
        let report =
            Inspection { revision: None, findings: vec![finding, Finding::whole(Code::NoTests, "none")] };
        let log: Value = serde_json::from_str(&of(&report, Some(Path::new("policies")))).unwrap();
        let results = &log["runs"][0]["results"];
        let place = &results[0]["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "policies/a%20b/a.rego");
        assert_eq!(place["region"], json!({"startLine": 3, "startColumn": 1}));
        assert_eq!(results[0]["message"]["text"], "odd: mend it");
        assert!(results[1].get("locations").is_none());
        let rules = &log["runs"][0]["tool"]["driver"]["rules"];
        for result in results.as_array().unwrap() {
            let at = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(rules[at]["id"], result["ruleId"]);
        }
    }
}

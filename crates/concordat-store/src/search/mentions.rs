//! What a record mentions: the words by which somebody may look for it.
//!
//! Read from the names of members, not from each event's form, so that an event of tomorrow is found as well. What is
//! missing here is found by type, subject and time still; the index is thrown away and built anew when this changes.

use std::collections::BTreeSet;

use concordat_engine::ports::{Mention, Mentioned};
use concordat_ledger::Record;
use serde_json::Value;

/// Counted up when other words are found than before.
pub(super) const EDITION: i64 = 2;

/// A longer word is nothing that anybody looks for.
const LONGEST: usize = 200;

/// The words of a record, each with what it is.
pub(crate) fn of(record: &Record) -> BTreeSet<String> {
    let mut found = Found { kind: record.kind(), subject: record.subject(), words: BTreeSet::new() };
    if let Ok(data) = record.data::<Value>() {
        found.walk("", &data);
    }
    found.words
}

/// The words under which a mention may be kept.
pub(crate) fn words(mention: &Mention) -> Vec<String> {
    match mention.what {
        Some(what) => vec![word(what, &mention.value)],
        None => Mentioned::ALL.map(|what| word(what, &mention.value)).into(),
    }
}

fn word(what: Mentioned, value: &str) -> String {
    format!("{} {value}", what.as_str())
}

struct Found<'a> {
    kind: &'a str,
    subject: &'a str,
    words: BTreeSet<String>,
}

impl Found<'_> {
    fn walk(&mut self, name: &str, value: &Value) {
        match value {
            Value::Object(members) => {
                for (member, value) in members {
                    self.member(name, member, value);
                    self.walk(member, value);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.walk(name, item)),
            Value::String(text) => self.id(text),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// What a member says by its name and by where it stands.
    fn member(&mut self, within: &str, name: &str, value: &Value) {
        let Some(text) = value.as_str() else { return };
        let what = match (within, name) {
            ("by" | "submitter" | "principal" | "requested_by" | "publisher", "name")
            | (_, "by" | "author" | "approver") => Mentioned::Actor,
            (_, "agent_name") => Mentioned::Agent,
            ("", "name") if self.kind.starts_with("agent.") => Mentioned::Agent,
            ("", "name") if self.kind.starts_with("contract.") => Mentioned::Contract,
            (_, "code") => Mentioned::Reason,
            ("checks", "policy") => Mentioned::Rule,
            ("answer", "kind") => Mentioned::Answer,
            _ => return,
        };
        self.add(what, text);
    }

    /// An id of whatever kind; the subject has an index of its own.
    fn id(&mut self, text: &str) {
        let is_id = text.split_once('_').is_some_and(|(prefix, rest)| {
            (2..=5).contains(&prefix.len())
                && rest.len() == 26
                && rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        });
        if is_id && text != self.subject {
            self.add(Mentioned::Id, text);
        }
    }

    fn add(&mut self, what: Mentioned, text: &str) {
        if text.len() <= LONGEST {
            self.words.insert(word(what, text));
        }
    }
}

#[cfg(test)]
mod tests {
    use concordat_ledger::{Draft, SubjectSeq};
    use serde_json::json;

    use super::*;

    fn found(kind: &str, data: &Value) -> Vec<String> {
        let draft = Draft {
            id: "rec_1",
            source: "concordat/test",
            kind,
            subject: "run_01m7zcebh4ehc8b7g3wnhxcq0s",
            subject_seq: SubjectSeq::FIRST,
            time: "2026-01-31T23:59:59.000001Z",
            data,
        };
        of(&draft.seal().unwrap()).into_iter().collect()
    }

    #[test]
    fn people_agents_reasons_and_ids_are_found() {
        let submitter = json!({"name": "sam", "roles": ["submitter"], "tenant": "acme"});
        for (kind, data, wanted) in [
            (
                "contract.received",
                json!({"name": "loan", "submitter": submitter}),
                vec!["actor sam", "contract loan"],
            ),
            (
                "agent.registered",
                json!({"by": "ada", "name": "radiology"}),
                vec!["actor ada", "agent radiology"],
            ),
            (
                "step.dispatched",
                json!({"agent": "agt_01m7zcebe1ef1v2ffrbmwwjs3n", "agent_name": "desk"}),
                vec!["agent desk", "id agt_01m7zcebe1ef1v2ffrbmwwjs3n"],
            ),
            (
                "gate.decided",
                json!({"decision": {
                    "answer": {"kind": "deny", "reasons": [{"code": "skill_missing", "message": "none"}]},
                    "checks": [{"policy": "budget", "result": "pass"}],
                }}),
                vec!["answer deny", "reason skill_missing", "rule budget"],
            ),
            ("contract.started", json!({"run": "run_01m7zcebh4ehc8b7g3wnhxcq0s"}), vec![]),
            ("odd", json!({"by": "x".repeat(201), "code": 7, "text": "no_id"}), vec![]),
        ] {
            assert_eq!(found(kind, &data), wanted, "{kind}");
        }
    }
}

//! What a step that waits is waiting for, in words: an event that says this and that, or a moment.

use concordat_model::cloud_event::Expectation;
use concordat_model::digest::Digest;
use concordat_model::run::Run;
use jiff::Timestamp;
use serde_json::Value;

use crate::sentence::{and, until};

/// The longest value that is told whole, in characters.
const LONGEST: usize = 80;

/// What is waited for, and until when.
pub(crate) fn told(run: &Run, expectation: &Digest, until_when: Option<Timestamp>) -> String {
    let wanted = expected(run, expectation);
    match (wanted, until_when) {
        (Some(wanted), None) => events(&wanted),
        (Some(wanted), Some(moment)) => format!("{}, until {}", events(&wanted), until(moment)),
        (None, Some(moment)) => format!("{} to come", until(moment)),
        (None, None) => "an event".to_owned(),
    }
}

/// The events that are waited for, unless it is a moment.
pub(crate) fn expected(run: &Run, expectation: &Digest) -> Option<Expectation> {
    let payload = run.payload(expectation)?;
    serde_json::from_value(Value::clone(payload)).ok()
}

fn events(wanted: &Expectation) -> String {
    let kind = &wanted.event;
    let mut told = match (wanted.count, wanted.window) {
        (0 | 1, _) => format!("the event `{kind}`"),
        (count, None) => format!("{count} events `{kind}`"),
        (count, Some(window)) => format!("{count} events `{kind}` within {window}"),
    };
    let said: Vec<String> =
        wanted.correlate.iter().map(|(name, value)| format!("`{name}` = {}", short(value))).collect();
    if !said.is_empty() {
        told.push_str(&format!(" with {}", and(&said)));
    }
    told
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        None => text,
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

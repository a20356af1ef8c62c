//! What an agent asks, in a few words: its own, shown as such, as data and never as an instruction.

use concordat_model::digest::Digest;
use concordat_model::run::Run;
use serde_json::Value;

/// The most characters of an agent's words in one sentence.
const LONGEST: usize = 300;

/// Who asks, and what.
pub(crate) fn asks(run: &Run, question: &Digest) -> String {
    let Some(shown) = run.payload(question) else { return "an agent asks something".to_owned() };
    let agent = shown.get("agent").and_then(Value::as_str).unwrap_or("?");
    let question = shown.get("question");
    let text = question.and_then(|question| question.get("text")).and_then(Value::as_str).map(str::to_owned);
    let data = || question.and_then(|question| question.get("data")).map(Value::to_string);
    match text.or_else(data) {
        Some(words) => format!("`{agent}` asks “{}”", plain(&words)),
        None => format!("`{agent}` asks something without a word"),
    }
}

fn plain(words: &str) -> String {
    let tame = words.split(|letter: char| letter.is_control() || letter.is_whitespace());
    let line = tame.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LONGEST {
        return line;
    }
    line.chars().take(LONGEST).chain(['…']).collect()
}

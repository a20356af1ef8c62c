//! Counting in text: sentences, words, what two texts share.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

/// A text, or a result that holds one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Prose {
    Plain(#[schemars(length(max = 200_000))] String),
    Written {
        #[schemars(length(max = 200_000))]
        text: String,
    },
}

impl Prose {
    pub(super) fn text(&self) -> &str {
        match self {
            Prose::Plain(text) | Prose::Written { text } => text,
        }
    }
}

/// The sentences of a text, each with its mark at the end.
pub(super) fn sentences(text: &str) -> Vec<&str> {
    text.split_inclusive(['.', '!', '?', '\n'])
        .map(str::trim)
        .filter(|part| !words(part).is_empty())
        .collect()
}

/// The words of a text in lower case, without punctuation.
pub(super) fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '-')
        .map(|word| word.trim_matches(['\'', '-']).to_lowercase())
        .filter(|word| !word.is_empty())
        .collect()
}

/// The words that carry meaning: longer than three letters.
pub(super) fn terms(text: &str) -> BTreeSet<String> {
    words(text).into_iter().filter(|word| word.chars().count() > 3).collect()
}

/// How much of `part`'s meaning is in `whole`, 0 to 100.
pub(super) fn overlap(part: &BTreeSet<String>, whole: &BTreeSet<String>) -> u64 {
    percent(part.intersection(whole).count(), part.len())
}

/// `part` of `whole` in percent; 0 of nothing is 0.
pub(super) fn percent(part: usize, whole: usize) -> u64 {
    let hundred = u64::try_from(part).unwrap_or(u64::MAX).saturating_mul(100);
    hundred.checked_div(u64::try_from(whole).unwrap_or(u64::MAX)).unwrap_or_default()
}

/// The text without words that directly follow themselves, and those words.
pub(super) fn undoubled(text: &str) -> (String, Vec<String>) {
    let mut kept: Vec<&str> = Vec::new();
    let mut doubled = Vec::new();
    for word in text.split_whitespace() {
        let same = kept.last().is_some_and(|last| last.to_lowercase() == word.to_lowercase());
        if same && word.chars().all(char::is_alphabetic) {
            doubled.push(word.to_lowercase());
        } else {
            kept.push(word);
        }
    }
    (kept.join(" "), doubled)
}

#[cfg(test)]
mod tests {
    use super::{overlap, sentences, terms, undoubled};

    #[test]
    fn sentences_are_counted() {
        for (text, count) in [("", 0), ("One.", 1), ("One. Two! Three?", 3), ("a\nb", 2), ("...", 0)] {
            assert_eq!(sentences(text).len(), count, "{text}");
        }
    }

    #[test]
    fn doubled_words_are_found() {
        for (text, left, doubled) in [
            ("the the cat", "the cat", vec!["the"]),
            ("It is is is fine", "It is fine", vec!["is", "is"]),
            ("No no doubt", "No doubt", vec!["no"]),
            ("1 1 2", "1 1 2", vec![]),
            ("end. End", "end. End", vec![]),
        ] {
            assert_eq!(undoubled(text), (left.to_owned(), doubled.into_iter().map(String::from).collect()));
        }
    }

    #[test]
    fn overlap_is_a_share_of_the_part() {
        for (part, whole, share) in [
            ("solar panels work", "Solar panels work well", 100),
            ("solar panels", "panels", 50),
            ("the of", "anything", 0),
            ("moon cheese", "solar panels", 0),
        ] {
            assert_eq!(overlap(&terms(part), &terms(whole)), share, "{part}");
        }
    }
}

//! A phrase as a rule's author writes it: some words, each whole or a stem such as `diagnos*`.

use serde::Deserialize;

use crate::words::{Word, lower_into, singular, words};

/// The most words in a phrase.
pub(crate) const LONGEST_PHRASE: usize = 8;

/// The fewest letters before the `*` of a stem.
const SHORTEST_STEM: usize = 4;

/// A phrase that can be found. Phrases that are found alike are equal, whatever their spelling.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Phrase(Vec<Part>);

/// One word of a phrase, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// A word in the singular; its plural is found too.
    Whole(String),
    /// The beginning of a word.
    Stem(String),
}

/// What is wrong with a phrase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadPhrase {
    /// There is no word in it.
    #[error("a phrase needs a word: remove this one, or say what is to be found")]
    Empty,
    /// It is longer than phrases may be.
    #[error("the phrase `{0}` is too long: a phrase has at most {LONGEST_PHRASE} words")]
    Long(String),
    /// A star stands anywhere but after a stem.
    #[error(
        "the phrase `{0}` has a star where none may stand: end a word with it, after at least {SHORTEST_STEM} letters, as in `diagnos*`"
    )]
    Star(String),
    /// Punctuation in it ends a thought, and no text is matched across that.
    #[error(
        "the phrase `{0}` would never be found, since its punctuation ends a thought: make two phrases of it"
    )]
    Break(String),
}

impl Phrase {
    /// Its words.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.0
    }
}

impl std::fmt::Display for Phrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (nth, part) in self.0.iter().enumerate() {
            let space = if nth == 0 { "" } else { " " };
            match part {
                Part::Whole(word) => write!(f, "{space}{word}")?,
                Part::Stem(stem) => write!(f, "{space}{stem}*")?,
            }
        }
        Ok(())
    }
}

impl std::str::FromStr for Phrase {
    type Err = BadPhrase;

    fn from_str(phrase: &str) -> Result<Phrase, BadPhrase> {
        let mut parts = Vec::new();
        let mut stems = 0;
        for word in words(phrase) {
            if word.after_break {
                return Err(BadPhrase::Break(shorten(phrase)));
            }
            let part = part(phrase, word).ok_or_else(|| BadPhrase::Star(shorten(phrase)))?;
            stems += usize::from(matches!(part, Part::Stem(_)));
            parts.push(part);
        }
        match parts.len() {
            _ if phrase.matches('*').count() != stems => Err(BadPhrase::Star(shorten(phrase))),
            0 => Err(BadPhrase::Empty),
            1..=LONGEST_PHRASE => Ok(Phrase(parts)),
            _ => Err(BadPhrase::Long(shorten(phrase))),
        }
    }
}

impl TryFrom<String> for Phrase {
    type Error = BadPhrase;

    fn try_from(phrase: String) -> Result<Phrase, BadPhrase> {
        phrase.parse()
    }
}

/// One word of a phrase, unless a star stands where none may.
fn part(phrase: &str, word: Word<'_>) -> Option<Part> {
    let mut lower = String::new();
    lower_into(&mut lower, word.text);
    let Some(after_star) = phrase.get(word.end()..).and_then(|rest| rest.strip_prefix('*')) else {
        let (kept, with_y) = singular(&lower);
        lower.truncate(kept);
        lower.extend(with_y.then_some('y'));
        return Some(Part::Whole(lower));
    };
    let ends = after_star.is_empty() || after_star.starts_with(' ');
    (ends && lower.chars().count() >= SHORTEST_STEM).then_some(Part::Stem(lower))
}

/// The beginning of what an author wrote, fit for a message.
fn shorten(text: &str) -> String {
    let short: String = text.chars().take(60).flat_map(char::escape_debug).collect();
    if text.chars().nth(60).is_some() { format!("{short}…") } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_that_are_found_alike_are_equal() {
        for (one, other) in
            [("Credit Checks", "credit_check"), ("e-commerce", "E commerce"), ("taxes", "tax")]
        {
            assert_eq!(one.parse::<Phrase>().unwrap(), other.parse().unwrap(), "{one}");
        }
        assert_ne!("diagnos*".parse::<Phrase>().unwrap(), "diagnos".parse().unwrap());
        assert_eq!("Diagnos* of  Diseases".parse::<Phrase>().unwrap().to_string(), "diagnos* of diseas");
    }

    #[test]
    fn odd_phrases_are_refused() {
        for (phrase, expected) in [
            ("", "a phrase needs a word"),
            ("--", "a phrase needs a word"),
            ("a b c d e f g h i", "at most 8 words"),
            ("*", "has a star"),
            ("dia*", "has a star"),
            ("diag*nosis", "has a star"),
            ("diagnos**", "has a star"),
            ("credit, risk", "make two phrases"),
            (&"loan ".repeat(50), "loan loan …` is too long"),
        ] {
            let told = phrase.parse::<Phrase>().unwrap_err().to_string();
            assert!(told.contains(expected), "{told}");
        }
    }
}

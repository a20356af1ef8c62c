//! Text as words: where each begins and ends, and what of it is compared.
//!
//! Letters and digits make words; everything else parts them, so `check_credit` and `e-commerce` are two
//! words each. Nothing here knows a domain. English only: a plural is folded onto its singular by its
//! ending, alike in a rule's phrase and in a contract, so an odd fold does no harm as long as it is the same.

/// One word of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word<'t> {
    /// The word as it stands in the text.
    pub(crate) text: &'t str,
    /// Its first byte.
    pub(crate) start: usize,
    /// Whether punctuation before it ends a thought, so that no phrase reaches across.
    pub(crate) after_break: bool,
}

impl Word<'_> {
    /// One past its last byte.
    pub(crate) fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

/// The words of a text, in order.
pub(crate) fn words(text: &str) -> impl Iterator<Item = Word<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = text.get(at..)?;
            let gap = rest.find(char::is_alphanumeric)?;
            let (between, from_word) = rest.split_at_checked(gap)?;
            let length = from_word.find(|c: char| !c.is_alphanumeric()).unwrap_or(from_word.len());
            let word = from_word.get(..length)?;
            let start = at + gap;
            at = start + length;
            if !is_possessive(word, between) {
                return Some(Word { text: word, start, after_break: breaks(between) });
            }
        }
    })
}

/// The `s` of "patient's" is no word of its own.
fn is_possessive(word: &str, between: &str) -> bool {
    matches!(word, "s" | "S") && matches!(between, "'" | "\u{2019}")
}

/// Whether what stands between two words ends a thought. A full stop within `a.b` does not.
fn breaks(between: &str) -> bool {
    let mut characters = between.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            ',' | ';' | ':' | '!' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '<' | '>'
            | '\u{2014}' | '\u{2192}' => {
                return true;
            }
            '.' if characters.peek().is_some_and(|next| next.is_whitespace()) => return true,
            '\n' if characters.peek() == Some(&'\n') => return true,
            _ => {}
        }
    }
    false
}

/// Writes a word in lower case into `buffer`, in place of what stood there.
pub(crate) fn lower_into(buffer: &mut String, word: &str) {
    buffer.clear();
    if word.is_ascii() {
        buffer.push_str(word);
        buffer.make_ascii_lowercase();
    } else {
        buffer.extend(word.chars().flat_map(char::to_lowercase));
    }
}

/// A lower-case word without its plural ending: how many bytes of it remain, and whether a `y` follows them.
pub(crate) fn singular(word: &str) -> (usize, bool) {
    let length = word.len();
    if length < 4 || word == "news" {
        return (length, false);
    }
    if length > 4 && word.ends_with("ies") {
        return (length - 3, true);
    }
    let plural = word.ends_with('s') && !["ss", "us", "is"].iter().any(|ending| word.ends_with(ending));
    let base = if plural { word.get(..length - 1).unwrap_or(word) } else { word };
    // "taxes" and "tax", "caches" and "cache", "expenses" and "expense" must meet: none keeps its `e`.
    let silent = ["se", "xe", "ze", "che", "she"].iter().any(|ending| base.ends_with(ending));
    (base.len() - usize::from(silent), false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let parts: Vec<String> = words(text)
            .map(|word| format!("{}{}@{}", if word.after_break { "/ " } else { "" }, word.text, word.start))
            .collect();
        parts.join(" ")
    }

    #[test]
    fn text_falls_into_words() {
        for (text, expected) in [
            ("", ""),
            ("  --  ", ""),
            ("Check credit", "Check@0 credit@6"),
            ("check_credit.v2", "check@0 credit@6 v2@13"),
            ("e-commerce", "e@0 commerce@2"),
            ("patient's chart", "patient@0 chart@10"),
            ("patient\u{2019}s chart", "patient@0 chart@12"),
            ("s's", "s@0"),
            ("a loan. Approval", "a@0 loan@2 / Approval@8"),
            ("credit, risk (both)", "credit@0 / risk@8 / both@14"),
            ("Überweisung für 5€", "Überweisung@0 für@13 5@18"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    fn folded(word: &str) -> String {
        let mut lower = String::new();
        lower_into(&mut lower, word);
        let (kept, with_y) = singular(&lower);
        format!("{}{}", &lower[..kept], if with_y { "y" } else { "" })
    }

    #[test]
    fn plurals_meet_their_singulars() {
        for (one, many) in [
            ("loan", "Loans"),
            ("therapy", "therapies"),
            ("tax", "taxes"),
            ("cache", "caches"),
            ("batch", "batches"),
            ("address", "addresses"),
            ("expense", "expenses"),
            ("invoice", "INVOICES"),
            ("größe", "GRÖßE"),
        ] {
            assert_eq!(folded(one), folded(many), "{one}");
        }
        for (one, other) in [("new", "news"), ("analysis", "analyst"), ("virus", "viru"), ("gas", "ga")] {
            assert_ne!(folded(one), folded(other), "{one}");
        }
    }
}

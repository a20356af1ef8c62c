//! The phrases of every rule in one structure that finds them all in a single walk over a text.
//!
//! ```text
//!  word ──letters──> symbols ──phrases──> rules
//! ```
//!
//! A walk over the letters of a word yields its symbols: one if the word is known, one for each stem it
//! begins with. A walk over the symbols of successive words yields the rules whose phrase stands there.
//! There is no backtracking: a text costs its length times the longest phrase, whatever its author intends.
//!
//! The longest phrase wins, across domains too: what stands within a longer match is not matched again. So
//! "health check" keeps "health" from speaking for healthcare.

use crate::phrase::{LONGEST_PHRASE, Part, Phrase};
use crate::words::{lower_into, singular, words};

/// The place of a rule in the classifier's list.
pub(crate) type RuleAt = usize;

/// All phrases, ready to be found.
#[derive(Debug, Clone)]
pub(crate) struct Lexicon {
    letters: Vec<LetterNode>,
    phrases: Vec<PhraseNode>,
    symbols: u32,
}

/// A node of the letter tree: what the letters up to here may be.
#[derive(Debug, Clone, Default)]
struct LetterNode {
    next: Vec<(u8, usize)>,
    word: Option<u32>,
    stem: Option<u32>,
}

/// A node of the phrase tree: which rules the words up to here complete.
#[derive(Debug, Clone, Default)]
struct PhraseNode {
    next: Vec<(u32, usize)>,
    rules: Vec<RuleAt>,
}

/// A phrase found in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    /// The rule whose phrase it is.
    pub(crate) rule: RuleAt,
    /// First byte of the phrase in the text.
    pub(crate) start: usize,
    /// One past its last byte.
    pub(crate) end: usize,
}

impl Lexicon {
    /// A lexicon without phrases.
    pub(crate) fn new() -> Lexicon {
        Lexicon { letters: vec![LetterNode::default()], phrases: vec![PhraseNode::default()], symbols: 0 }
    }

    /// Lets a rule be found by a phrase.
    pub(crate) fn add(&mut self, phrase: &Phrase, rule: RuleAt) {
        let mut node = 0;
        for part in phrase.parts() {
            let symbol = self.symbol(part);
            node = self.node_after(node, symbol);
        }
        if let Some(end) = self.phrases.get_mut(node) {
            end.rules.push(rule);
        }
    }

    /// Calls `found` for every phrase in the text, in the order of the text.
    pub(crate) fn find(&self, text: &str, mut found: impl FnMut(Found)) {
        let read = self.read(text);
        let mut matched_to = 0;
        let mut longest = Longest::default();
        for at in 0..read.words.len() {
            longest.search(self, &read, at);
            // A match that ends where an earlier one reached is part of it.
            let (Some(first), Some(last)) = (read.words.get(at), read.words.get(longest.last)) else {
                continue;
            };
            if longest.ends.is_empty() || last.end <= matched_to {
                continue;
            }
            matched_to = last.end;
            for rule in self.rules_of(&longest.ends) {
                found(Found { rule, start: first.start, end: last.end });
            }
        }
    }

    /// The rules of several places, each once, in their order.
    fn rules_of(&self, nodes: &[usize]) -> Vec<RuleAt> {
        let mut rules: Vec<RuleAt> = nodes
            .iter()
            .filter_map(|node| self.phrases.get(*node))
            .flat_map(|phrase| phrase.rules.iter().copied())
            .collect();
        rules.sort_unstable();
        rules.dedup();
        rules
    }

    /// Every word of a text as the symbols that it stands for.
    fn read(&self, text: &str) -> Read {
        let mut read = Read::default();
        let mut lower = String::new();
        for word in words(text) {
            lower_into(&mut lower, word.text);
            let symbols_from = read.symbols.len();
            self.symbols_of(&lower, &mut read.symbols);
            read.words.push(ReadWord {
                start: word.start,
                end: word.end(),
                symbols_from,
                after_break: word.after_break,
            });
        }
        read
    }

    fn symbols_of(&self, lower: &str, symbols: &mut Vec<u32>) {
        let (kept, with_y) = singular(lower);
        let mut node = 0;
        for (at, byte) in lower.bytes().enumerate() {
            if at == kept {
                symbols.extend(self.word_at(node, with_y));
            }
            let Some(next) = self.letters.get(node).and_then(|letter| follow(&letter.next, byte)) else {
                return;
            };
            node = next;
            symbols.extend(self.letters.get(node).and_then(|letter| letter.stem));
        }
        if kept == lower.len() {
            symbols.extend(self.word_at(node, with_y));
        }
    }

    fn word_at(&self, node: usize, with_y: bool) -> Option<u32> {
        let letter = self.letters.get(node)?;
        let end = if with_y { self.letters.get(follow(&letter.next, b'y')?)? } else { letter };
        end.word
    }

    /// The symbol of a word or stem, made if need be.
    fn symbol(&mut self, part: &Part) -> u32 {
        let (Part::Whole(text) | Part::Stem(text)) = part;
        let mut node = 0;
        for byte in text.bytes() {
            let new = self.letters.len();
            let Some(letter) = self.letters.get_mut(node) else { break };
            node = follow_or_add(&mut letter.next, byte, new);
            if node == new {
                self.letters.push(LetterNode::default());
            }
        }
        let new = self.symbols;
        let Some(letter) = self.letters.get_mut(node) else { return new };
        let known = match part {
            Part::Whole(_) => &mut letter.word,
            Part::Stem(_) => &mut letter.stem,
        };
        let symbol = *known.get_or_insert(new);
        self.symbols += u32::from(symbol == new);
        symbol
    }

    fn node_after(&mut self, node: usize, symbol: u32) -> usize {
        let new = self.phrases.len();
        let Some(phrase) = self.phrases.get_mut(node) else { return node };
        let next = follow_or_add(&mut phrase.next, symbol, new);
        if next == new {
            self.phrases.push(PhraseNode::default());
        }
        next
    }
}

/// A text as symbols.
#[derive(Default)]
struct Read {
    words: Vec<ReadWord>,
    symbols: Vec<u32>,
}

/// One word of a text: its bytes, where its symbols begin, and whether a thought ended before it.
struct ReadWord {
    start: usize,
    end: usize,
    symbols_from: usize,
    after_break: bool,
}

impl Read {
    fn symbols_at(&self, at: usize) -> &[u32] {
        let Some(word) = self.words.get(at) else { return &[] };
        let to = self.words.get(at + 1).map_or(self.symbols.len(), |next| next.symbols_from);
        self.symbols.get(word.symbols_from..to).unwrap_or(&[])
    }

    fn is_after_break(&self, at: usize) -> bool {
        self.words.get(at).is_some_and(|word| word.after_break)
    }
}

/// The longest phrases that begin at one word. Kept between words only to reuse its memory.
#[derive(Default)]
struct Longest {
    open: Vec<usize>,
    reached: Vec<usize>,
    ends: Vec<usize>,
    last: usize,
}

impl Longest {
    fn search(&mut self, lexicon: &Lexicon, read: &Read, first: usize) {
        self.ends.clear();
        self.open.clear();
        self.open.push(0);
        for at in first..read.words.len().min(first + LONGEST_PHRASE) {
            if at > first && read.is_after_break(at) {
                break;
            }
            self.reached.clear();
            for node in &self.open {
                let Some(phrase) = lexicon.phrases.get(*node) else { continue };
                self.reached
                    .extend(read.symbols_at(at).iter().filter_map(|symbol| follow(&phrase.next, *symbol)));
            }
            if self.reached.is_empty() {
                break;
            }
            let completes =
                |node: &&usize| lexicon.phrases.get(**node).is_some_and(|phrase| !phrase.rules.is_empty());
            if self.reached.iter().any(|node| completes(&node)) {
                self.ends.clear();
                self.ends.extend(self.reached.iter().filter(completes));
                self.last = at;
            }
            std::mem::swap(&mut self.open, &mut self.reached);
        }
    }
}

fn follow<K: Ord + Copy>(next: &[(K, usize)], key: K) -> Option<usize> {
    let at = next.binary_search_by_key(&key, |(known, _)| *known).ok()?;
    next.get(at).map(|(_, node)| *node)
}

/// The node after `key`, which is `new` if there was none.
fn follow_or_add<K: Ord + Copy>(next: &mut Vec<(K, usize)>, key: K, new: usize) -> usize {
    match next.binary_search_by_key(&key, |(known, _)| *known) {
        Ok(at) => next.get(at).map_or(new, |(_, node)| *node),
        Err(at) => {
            next.insert(at, (key, new));
            new
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(phrases: &[&str], text: &str, expected: &[&str]) {
        let mut lexicon = Lexicon::new();
        for (rule, phrase) in phrases.iter().enumerate() {
            lexicon.add(&phrase.parse().unwrap(), rule);
        }
        let mut found = Vec::new();
        lexicon.find(text, |hit| found.push(format!("{}={}", phrases[hit.rule], &text[hit.start..hit.end])));
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn phrases_are_found_on_word_boundaries() {
        check(
            &["loan"],
            "A loan, Loans, loaned, sloan and the LOAN's cost",
            &["loan=loan", "loan=Loans", "loan=LOAN"],
        );
        check(
            &["credit check"],
            "credit_check credit-checks credit, check",
            &["credit check=credit_check", "credit check=credit-checks"],
        );
        check(
            &["diagnos*"],
            "diagnosis diagnose Diagnostics diagnos diag",
            &["diagnos*=diagnosis", "diagnos*=diagnose", "diagnos*=Diagnostics", "diagnos*=diagnos"],
        );
        check(&["payi* invoices"], "paying invoice, paying the invoice", &["payi* invoices=paying invoice"]);
        check(&["expense*", "expense"], "expenses", &["expense*=expenses", "expense=expenses"]);
        check(&["überweisung"], "Die ÜBERWEISUNG", &["überweisung=ÜBERWEISUNG"]);
    }

    #[test]
    fn the_longest_phrase_wins() {
        check(
            &["health", "health check"],
            "health check of health",
            &["health check=health check", "health=health"],
        );
        check(&["loan approval", "approval"], "loan approval", &["loan approval=loan approval"]);
        check(&["a b", "b c"], "a b c", &["a b=a b", "b c=b c"]);
        check(&["a b c d", "b c"], "a b c", &["b c=b c"]);
        check(&["a", "a"], "a", &["a=a", "a=a"]);
    }
}

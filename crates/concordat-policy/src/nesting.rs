//! Refuses text whose brackets would keep the parser busy for seconds.
//!
//! The parser tries `[` and `{` several ways, so it reads what stands within them about 2.1 times as often a level,
//! and no timer runs while it does. So what stands where is counted before anything is parsed, outside comments. The
//! parser is free of this for `(`.

use std::fmt;

/// The deepest nesting of `[` and `{`.
pub(crate) const DEEPEST: usize = 8;
/// The most that a bundle's text may cost, in units of one character outside all brackets.
///
/// Measured in release mode at about 45 ns a unit (long lists at the deepest level): a bundle at this budget is
/// parsed in about 0.1 s. The standard bundle, tests included, takes less than an eighth of it.
const BUDGET: f64 = 2_000_000.0;
const COST_OF_A_LEVEL: f64 = 2.1;

/// Why brackets are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nesting {
    /// More than eight levels.
    TooDeep,
    /// Few levels, too often.
    TooMuch,
}

impl fmt::Display for Nesting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Nesting::TooDeep => {
                write!(f, "brackets are nested more than {DEEPEST} levels deep: name the inner ones")
            }
            Nesting::TooMuch => f.write_str("too much text within nested brackets: name the inner parts"),
        }
    }
}

#[derive(Clone, Copy)]
enum Within {
    Code,
    Text,
    RawText,
    Comment,
}

/// What a bundle's text has cost so far.
#[derive(Debug, Default)]
pub(crate) struct Spent(f64);

impl Spent {
    /// Adds one file; on refusal the line and column, from 1, of the character that is one too many.
    pub(crate) fn add(&mut self, text: &str) -> Result<(), (usize, usize, Nesting)> {
        let (mut line, mut column, mut depth) = (1, 0, 0_usize);
        let (mut cost, mut within, mut escaped) = (1.0, Within::Code, false);
        for c in text.chars() {
            column += 1;
            if c == '\n' {
                (line, column) = (line + 1, 0);
            }
            let next = within.then(c, escaped);
            escaped = matches!(within, Within::Text) && c == '\\' && !escaped;
            if let (Within::Code, '[' | '{') = (within, c) {
                (depth, cost) = (depth + 1, cost * COST_OF_A_LEVEL);
                if depth > DEEPEST {
                    return Err((line, column, Nesting::TooDeep));
                }
            }
            if !c.is_whitespace() && !matches!(next, Within::Comment) {
                self.0 += cost;
            }
            if self.0 > BUDGET {
                return Err((line, column, Nesting::TooMuch));
            }
            if let (Within::Code, ']' | '}') = (within, c)
                && depth > 0
            {
                (depth, cost) = (depth - 1, cost / COST_OF_A_LEVEL);
            }
            within = next;
        }
        Ok(())
    }
}

impl Within {
    /// Where the next character stands.
    fn then(self, c: char, escaped: bool) -> Within {
        match (self, c) {
            (Within::Code, '"') => Within::Text,
            (Within::Code, '`') => Within::RawText,
            (Within::Code, '#') => Within::Comment,
            (Within::Text, '"') if !escaped => Within::Code,
            // A text ends with its line at the latest: the parser refuses the rest.
            (Within::Text | Within::Comment, '\n') | (Within::RawText, '`') => Within::Code,
            (same, _) => same,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_count_outside_texts_and_comments() {
        let deep = "[".repeat(9);
        for (text, wanted) in [
            (String::new(), Ok(())),
            (format!("x := {}", "[".repeat(8)), Ok(())),
            (format!("x := {deep}"), Err((1, 14, Nesting::TooDeep))),
            (format!("x := {}", "{[".repeat(5)), Err((1, 14, Nesting::TooDeep))),
            (format!("# {deep}\nx := 1"), Ok(())),
            (format!("x := \"{deep}\""), Ok(())),
            (format!("x := \"\\\"{deep}\""), Ok(())),
            (format!("x := \"\\\\\"\ny := {deep}"), Err((2, 14, Nesting::TooDeep))),
            (format!("x := `{deep}\n{deep}`"), Ok(())),
            (format!("x := \"open\n{deep}"), Err((2, 9, Nesting::TooDeep))),
            ("[]".repeat(15_000), Ok(())),
            ("[[\n".to_owned() + &"1,".repeat(300_000), Err((2, 453_514, Nesting::TooMuch))),
            (format!("{}{}", "[".repeat(8), "1,".repeat(4_000)), Err((1, 5_294, Nesting::TooMuch))),
        ] {
            assert_eq!(Spent::default().add(&text), wanted, "{}", &text[..text.len().min(60)]);
        }
    }

    #[test]
    fn the_standard_bundle_is_far_from_the_budget() {
        let mut spent = Spent::default();
        for (_, text) in crate::Bundle::standard().files() {
            spent.add(text).unwrap();
        }
        assert!(spent.0 < BUDGET / 8.0, "{}", spent.0);
    }
}

//! Refuses text whose brackets would keep the parser busy for seconds.
//!
//! The parser tries `[` and `{` several ways, so a level costs about 2.1 times the one around it, and no timer
//! runs while it does. Brackets are counted here before anything is parsed, outside strings and comments. The
//! parser is free of this for `(`.

use std::fmt;

/// The deepest nesting of `[` and `{`.
pub(crate) const DEEPEST: usize = 8;
/// The most that all brackets of a file may cost together, in units of one bracket at the top level.
///
/// Measured at about 13 µs a unit for hostile literals; a file at this budget takes about half a second.
const BUDGET: f64 = 40_000.0;
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
            Nesting::TooMuch => f.write_str("too many deeply nested brackets for one file: split it"),
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

/// Checks one file; on refusal the line and column, from 1, of the first bracket that is one too many.
pub(crate) fn check(text: &str) -> Result<(), (usize, usize, Nesting)> {
    let (mut line, mut column, mut depth, mut spent) = (1, 0, 0_usize, 0.0);
    let mut within = Within::Code;
    let mut escaped = false;
    for c in text.chars() {
        column += 1;
        if c == '\n' {
            (line, column) = (line + 1, 0);
        }
        within = match (within, c) {
            (Within::Code, '"') => Within::Text,
            (Within::Code, '`') => Within::RawText,
            (Within::Code, '#') => Within::Comment,
            (Within::Code, '[' | '{') => {
                depth += 1;
                if depth > DEEPEST {
                    return Err((line, column, Nesting::TooDeep));
                }
                spent += (0..depth).fold(1.0, |cost, _| cost * COST_OF_A_LEVEL);
                if spent > BUDGET {
                    return Err((line, column, Nesting::TooMuch));
                }
                Within::Code
            }
            (Within::Code, ']' | '}') => {
                depth = depth.saturating_sub(1);
                Within::Code
            }
            (Within::Text, '\\') if !escaped => {
                escaped = true;
                continue;
            }
            // A text ends with its line at the latest: the parser refuses the rest.
            (Within::Text, '"') if !escaped => Within::Code,
            (Within::Text | Within::Comment, '\n') => Within::Code,
            (Within::RawText, '`') => Within::Code,
            (same, _) => same,
        };
        escaped = false;
    }
    Ok(())
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
            (format!("{}{}\n", "[".repeat(8), "]".repeat(8)).repeat(100), Err((56, 8, Nesting::TooMuch))),
        ] {
            assert_eq!(check(&text), wanted, "{}", &text[..text.len().min(60)]);
        }
    }
}

//! Shows what is wrong with a document where it is wrong: the line, a caret, the sentence, the way out.
//!
//! Lines come from people's files, so control characters are made visible and long lines are cut around the
//! caret: what is printed can neither steer the terminal nor flood it.

use concordat_model::problem::{Problem, Problems};

/// The most characters of a line that are shown.
const WIDTH: usize = 100;

/// Every problem of a document, ready to print.
#[must_use]
pub fn all(name: &str, bytes: &[u8], problems: &Problems) -> String {
    let text = String::from_utf8_lossy(bytes);
    let shown: Vec<String> = problems.all().iter().map(|problem| one(name, &text, problem)).collect();
    shown.join("\n")
}

fn one(name: &str, text: &str, problem: &Problem) -> String {
    let name = visible(name);
    let place = match (problem.line, problem.column) {
        (Some(line), Some(column)) => format!("{name}:{line}:{column}"),
        _ => name,
    };
    let pointer =
        if problem.pointer.is_empty() { String::new() } else { format!(" ({})", visible(&problem.pointer)) };
    let mut shown = format!("{place}: {}{pointer}\n", visible(&problem.message));
    if let (Some(line), Some(column)) = (problem.line, problem.column) {
        shown.extend(excerpt(text, line, column));
    }
    if let Some(hint) = &problem.hint {
        shown.push_str(&format!("  hint: {}\n", visible(hint)));
    }
    shown
}

/// A line of a text with a caret under one of its columns; nothing where there is no such line.
#[must_use]
pub fn excerpt(text: &str, number: u64, column: u64) -> Option<String> {
    let column = usize::try_from(column).ok()?;
    let line = text.lines().nth(usize::try_from(number).ok()?.checked_sub(1)?)?;
    // A column beyond the line is one behind its last character.
    let before = column.saturating_sub(1).min(line.chars().count());
    let skip = before.saturating_sub(WIDTH * 2 / 3);
    let cut = |from: usize, to: usize| visible(&line.chars().skip(from).take(to - from).collect::<String>());
    let (left, right) = (cut(skip, before), cut(before, skip + WIDTH));
    let (head, tail) =
        (if skip > 0 { "…" } else { "" }, if line.chars().count() > skip + WIDTH { "…" } else { "" });
    let margin = " ".repeat(number.to_string().len());
    let indent = " ".repeat(head.chars().count() + left.chars().count());
    Some(format!("  {margin} |\n  {number} | {head}{left}{right}{tail}\n  {margin} | {indent}^\n"))
}

/// The text without anything that could steer a terminal.
#[must_use]
pub fn visible(text: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|c| {
            if c == '\t' {
                ' '
            } else if steers(c) {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(text: &str, problem: Problem) -> String {
        all("loan.yaml", text.as_bytes(), &problem.into())
    }

    #[test]
    fn a_problem_is_shown_where_it_is() {
        let text = "kind: Contract\nspec:\n  steps:\n    - id: risk\n      needs: [credti]\n";
        let located = Problem::new("plan-unknown-step", "/spec/steps/0/needs/0", "there is no step `credti`")
            .hint("did you mean `credit`?")
            .on(5, 15);
        insta::assert_snapshot!(show(text, located), @r"
        loan.yaml:5:15: there is no step `credti` (/spec/steps/0/needs/0)
            |
          5 |       needs: [credti]
            |               ^
          hint: did you mean `credit`?
        ");
    }

    #[test]
    fn places_outside_the_text_show_no_line() {
        for (line, column) in [(0, 0), (9, 1), (u64::MAX, u64::MAX)] {
            let told = show("a: 1\n", Problem::new("x", "", "odd").on(line, column));
            assert_eq!(told, format!("loan.yaml:{line}:{column}: odd\n"));
        }
        assert_eq!(show("a: 1\n", Problem::new("x", "/a", "odd")), "loan.yaml: odd (/a)\n");
        assert!(
            show("a: 1\n", Problem::new("x", "/a", "odd").on(1, u64::MAX))
                .lines()
                .all(|line| line.len() < 400)
        );
    }

    #[test]
    fn hostile_lines_are_tamed() {
        let long = format!("{}X{}", "a".repeat(50_000), "b".repeat(50_000));
        let told = show(&long, Problem::new("x", "", "odd").on(1, 50_001));
        assert!(
            told.contains("…aaa")
                && told.contains("aXbbb")
                && told.lines().all(|line| line.chars().count() < 130)
        );
        let caret = told.lines().nth(3).unwrap().chars().count();
        assert_eq!(told.lines().nth(2).unwrap().chars().nth(caret - 1), Some('X'));
        assert!(!show("\u{1b}[2Ja\n", Problem::new("x", "", "\u{1b}]0;odd").on(1, 1)).contains('\u{1b}'));
    }
}

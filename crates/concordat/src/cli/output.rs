//! What is printed where: data to standard output, talk to standard error.
//!
//! Whoever closed an output does not want to hear more, so a broken pipe is no failure.

use std::io::{IsTerminal, Write, stdout};

use anstream::ColorChoice;
use comfy_table::{Cell, Color, ContentArrangement, Table, presets};
use jiff::Timestamp;
use serde::Serialize;

/// The form of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Form {
    /// Tables and sentences, for people.
    #[default]
    Table,
    /// JSON, for programs.
    Json,
}

/// Where a command speaks.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    form: Form,
    colour: bool,
}

impl Output {
    /// An output in this form; colours appear only on a terminal, and only when they are wanted.
    #[must_use]
    pub fn new(form: Form, no_colour: bool) -> Output {
        if no_colour {
            ColorChoice::Never.write_global();
        }
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Output { form, colour: !no_colour && !unwanted && stdout().is_terminal() }
    }

    /// Whether data is printed for programs.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.form == Form::Json
    }

    /// Prints a value: as JSON, or as `text` says it.
    pub fn show<T: Serialize>(&self, value: &T, text: impl FnOnce(&T) -> String) {
        match self.form {
            Form::Json => self.data(&serde_json::to_string_pretty(value).unwrap_or_default()),
            Form::Table => self.data(&text(value)),
        }
    }

    /// Prints data, and ends it with a line break.
    pub fn data(&self, text: &str) {
        let _ = writeln!(anstream::stdout(), "{}", text.trim_end_matches('\n'));
    }

    /// Says something to the person, beside the data.
    pub fn say(&self, text: &str) {
        let _ = writeln!(anstream::stderr(), "{}", text.trim_end_matches('\n'));
    }

    /// A table without borders, as wide as its text.
    #[must_use]
    pub fn table<const N: usize>(
        &self,
        head: [&str; N],
        rows: impl IntoIterator<Item = [String; N]>,
    ) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        if self.colour {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        table.set_header(head.map(str::to_uppercase));
        table.add_rows(rows.into_iter().map(|row| row.map(|text| cell(&text))));
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        table.trim_fmt()
    }
}

fn cell(text: &str) -> Cell {
    let cell = Cell::new(super::caret::visible(text));
    match text {
        "completed" | "eligible" | "done" => cell.fg(Color::Green),
        "denied" | "failed" | "rejected" | "suspended" | "quarantined" | "deny" => cell.fg(Color::Red),
        "in_review" | "undone" | "cancelled" | "parked" | "held" | "asking" | "review" | "proposed"
        | "probation" => cell.fg(Color::Yellow),
        _ => cell,
    }
}

/// How long ago something was, in the largest unit that fits.
#[must_use]
pub fn age(now: Timestamp, then: Timestamp) -> String {
    let seconds = now.as_second() - then.as_second();
    let seconds = match seconds {
        ..0 => return format!("in {}", span(-seconds)),
        _ => seconds,
    };
    span(seconds)
}

fn span(seconds: i64) -> String {
    match seconds {
        ..=119 => format!("{seconds}s"),
        120..=7199 => format!("{}m", seconds / 60),
        7200..=172_799 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A value in lower case as the API writes it, such as the state of a step.
#[must_use]
pub fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// Basis points as people read them.
#[must_use]
pub fn percent(points: u16) -> String {
    format!("{}.{:02} %", points / 100, points % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_one_unit() {
        let at = |second| Timestamp::from_second(second).unwrap();
        for (seconds, wanted) in [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (7199, "119m"),
            (7200, "2h"),
            (172_799, "47h"),
            (172_800, "2d"),
            (-90, "in 90s"),
        ] {
            assert_eq!(age(at(1_000_000 + seconds), at(1_000_000)), wanted);
        }
    }

    #[test]
    fn tables_are_quiet() {
        let output = Output::new(Form::Table, true);
        let rows = [["run_1", "completed"], ["run_2000", "de\u{1b}[31mnied"]];
        insta::assert_snapshot!(output.table(["run", "status"], rows.map(|row| row.map(str::to_owned))));
        assert_eq!(percent(9_205), "92.05 %");
    }
}

//! A report, or its records, as CSV: RFC 4180, and safe to open in a spreadsheet.
//!
//! Named by what it makes; the crate that writes the quotes is `csv` too, and is called `::csv` here.

use crate::report::{Basis, Report, Row, Section, Value};
use crate::words;

/// The columns of a report's lines.
const COLUMNS: [&str; 10] =
    ["section", "kind", "name", "label", "value", "part", "whole", "query", "of", "leaves"];

/// A report that could not be written.
pub use ::csv::Error;

/// The report: a line for each control, figure and row.
///
/// # Errors
/// Never, as far as we know: the lines stay in memory and all have as many cells.
pub fn report(report: &Report) -> Result<Vec<u8>, Error> {
    let mut lines = writer(Vec::new());
    lines.write_record(COLUMNS)?;
    for control in &report.controls {
        let answer = control.answer.words();
        write(&mut lines, ["controls", "control", &control.id, &control.title, answer, "", "", "", "", ""])?;
        for evidence in &control.evidence {
            let cells = Cells::of(&evidence.value, &evidence.basis);
            let says = format!("{} ({})", evidence.says, evidence.answer.words());
            write(&mut lines, cells.line(["controls", "evidence", &control.id, &says]))?;
        }
    }
    for section in &report.sections {
        for figure in &section.figures {
            let cells = Cells::of(&figure.value, &figure.basis);
            write(&mut lines, cells.line([section.id, "figure", &figure.id, &figure.label]))?;
            for missing in &figure.missing {
                write(
                    &mut lines,
                    [section.id, "missing", &figure.id, &figure.label, missing, "", "", "", "", ""],
                )?;
            }
        }
        for table in &section.tables {
            for row in &table.rows {
                let text = cells(&table.columns, row);
                let query = row.query.as_deref().unwrap_or(&table.query);
                let leaves = row.leaves.to_string();
                write(
                    &mut lines,
                    [section.id, "row", table.id, &table.title, &text, "", "", query, "", &leaves],
                )?;
            }
            let shown = table.rows.len() as u64;
            if shown < table.total {
                let more = format!("{} more: the query finds all", table.total - shown);
                write(
                    &mut lines,
                    [section.id, "more", table.id, &table.title, &more, "", "", &table.query, "", ""],
                )?;
            }
        }
    }
    for section in &report.sections {
        changes(&mut lines, section)?;
    }
    write(&mut lines, ["", "note", "", "", &report.note, "", "", "", "", ""])?;
    lines.into_inner().map_err(|error| error.into_error().into())
}

/// What policies changed: a line for each revision, and one for each file with its diff.
fn changes(lines: &mut ::csv::Writer<Vec<u8>>, section: &Section) -> Result<(), Error> {
    for change in &section.changes {
        let (revision, leaf) = (change.revision.as_str(), change.leaf.to_string());
        let against = change.against.as_deref().unwrap_or_default();
        let said = format!("{}. {}", change.people(), change.note.as_deref().unwrap_or_default());
        write(lines, [section.id, "change", revision, against, &said, "", "", "", "", &leaf])?;
        for file in &change.files {
            let mut text = file.lines.join("\n");
            if file.more > 0 {
                text = format!("{text}\n{} more lines", file.more);
            }
            write(lines, [section.id, "diff", revision, &file.path, &text, "", "", "", "", &leaf])?;
        }
    }
    if section.more_changes > 0 {
        let more = format!("{} more revisions", section.more_changes);
        write(lines, [section.id, "more", "changes", "", &more, "", "", "", "", ""])?;
    }
    Ok(())
}

/// Lines as RFC 4180 wants them.
pub(crate) fn writer<W: std::io::Write>(out: W) -> ::csv::Writer<W> {
    ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(out)
}

/// Writes a line whose cells a spreadsheet takes for nothing but text.
pub(crate) fn write<W: std::io::Write, const N: usize>(
    lines: &mut ::csv::Writer<W>,
    cells: [&str; N],
) -> Result<(), Error> {
    lines.write_record(cells.map(harmless))
}

/// A cell that begins like a formula gets an apostrophe before it.
fn harmless(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    if formula { format!("'{cell}") } else { cell.to_owned() }
}

fn cells(columns: &[&'static str], row: &Row) -> String {
    let named = columns.iter().zip(&row.cells).map(|(column, cell)| format!("{column}: {cell}"));
    named.collect::<Vec<_>>().join("; ")
}

/// The cells of a number.
struct Cells {
    value: String,
    part: String,
    whole: String,
    query: String,
    of: String,
    leaves: String,
}

impl Cells {
    fn of(value: &Value, basis: &Basis) -> Cells {
        let (part, whole) = match value {
            Value::Count { count } => (count.to_string(), String::new()),
            Value::Part { part, whole } => (part.to_string(), whole.to_string()),
            Value::NoEvidence | Value::Times { .. } | Value::Rate { .. } | Value::Cost { .. } => {
                (String::new(), String::new())
            }
        };
        Cells {
            value: words::value(value),
            part,
            whole,
            query: words::query(&basis.query),
            of: basis.of.clone().unwrap_or_default(),
            leaves: basis.leaves.to_string(),
        }
    }

    fn line<'a>(&'a self, [section, kind, name, label]: [&'a str; 4]) -> [&'a str; 10] {
        let Cells { value, part, whole, query, of, leaves } = self;
        [section, kind, name, label, value, part, whole, query, of, leaves]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_quotes_are_doubled() {
        let mut lines = writer(Vec::new());
        write(&mut lines, ["=1+1", "@x", "a\"b,c", "-5", "5"]).unwrap();
        let text = String::from_utf8(lines.into_inner().unwrap()).unwrap();
        assert_eq!(text, "'=1+1,'@x,\"a\"\"b,c\",'-5,5\r\n");
    }
}

//! The flow of a report over sheets: what stands where, and what is said again on the next sheet.

mod changes;

use super::ink::{Colour, HIGH, Ink, Sheets, WIDE};
use super::letters::Letters;
use crate::chart::{self, LETTERS, Shape};
use crate::report::{Chart, Control, ControlAnswer, Figure, Report, Section, Table, Tone, Value};
use crate::words;

const LEFT: f32 = 48.0;
const RIGHT: f32 = WIDE - 48.0;
const ROOM: f32 = RIGHT - LEFT;
const TOP: f32 = 54.0;
const BOTTOM: f32 = HIGH - 58.0;

const INK: Colour = Colour(28, 36, 48);
const SOFT: Colour = Colour(91, 102, 117);
const LINE: Colour = Colour(223, 228, 234);
const BAND: Colour = Colour(29, 53, 87);
const PAPER: Colour = Colour(255, 255, 255);

/// The most rows of a table on paper; the other forms have more, and the query finds all.
const MOST_ROWS: usize = 60;

/// The sheets of a report.
pub(super) fn sheets(report: &Report, letters: &Letters) -> Sheets {
    let mut flow = Flow { letters, done: Sheets::default(), sheet: Vec::new(), y: TOP };
    flow.title(report);
    flow.scope(report);
    if !report.controls.is_empty() {
        flow.controls(&report.controls);
    }
    for section in &report.sections {
        flow.section(section);
    }
    flow.gap(14.0);
    flow.paragraph(&report.note, 8.0, SOFT, LEFT, ROOM);
    flow.finish(&report.title)
}

struct Flow<'a> {
    letters: &'a Letters,
    done: Sheets,
    sheet: Vec<Ink>,
    y: f32,
}

fn tone(tone: Tone) -> Colour {
    match tone {
        Tone::Plain => Colour(74, 111, 165),
        Tone::Good => Colour(31, 122, 77),
        Tone::Warn => Colour(216, 147, 42),
        Tone::Bad => Colour(179, 38, 30),
    }
}

fn answer(answer: ControlAnswer) -> Colour {
    match answer {
        ControlAnswer::Met => tone(Tone::Good),
        ControlAnswer::NotMet => tone(Tone::Bad),
        ControlAnswer::NoEvidence => Colour(168, 106, 0),
        ControlAnswer::NotApplicable => Colour(119, 129, 142),
    }
}

impl Flow<'_> {
    /// Begins a new sheet unless so much room is left.
    fn need(&mut self, height: f32) {
        if self.y + height > BOTTOM && !self.sheet.is_empty() {
            self.done.sheets.push(std::mem::take(&mut self.sheet));
            self.y = TOP;
        }
    }

    fn gap(&mut self, height: f32) {
        self.y += height;
    }

    /// One line, whose letters stand on `y`.
    fn put(&mut self, x: f32, y: f32, size: f32, bold: bool, colour: Colour, text: &str) {
        let text = self.letters.printable(text);
        self.sheet.push(Ink::Text { x, y, size, bold, colour, text });
    }

    fn rule(&mut self) {
        self.sheet.push(Ink::Box { x: LEFT, y: self.y, width: ROOM, height: 0.6, colour: LINE });
    }

    /// A text over as many lines and sheets as it needs.
    fn paragraph(&mut self, text: &str, size: f32, colour: Colour, x: f32, width: f32) {
        for line in self.letters.lines(text, size, width) {
            self.need(size * 1.35);
            self.y += size * 1.35;
            self.put(x, self.y - size * 0.3, size, false, colour, &line);
        }
    }

    fn heading(&mut self, title: &str) {
        self.need(70.0);
        self.gap(18.0);
        let sheet = self.done.sheets.len();
        self.done.sections.push((title.to_owned(), sheet, self.y));
        self.y += 15.0;
        self.put(LEFT, self.y, 15.0, true, BAND, title);
        self.gap(5.0);
    }

    fn title(&mut self, report: &Report) {
        let lines = self.letters.lines(&report.title, 21.0, ROOM);
        let height = 74.0 + 26.0 * f32::from(u16::try_from(lines.len()).unwrap_or(1));
        self.sheet.push(Ink::Box { x: 0.0, y: 0.0, width: WIDE, height, colour: BAND });
        self.put(LEFT, 40.0, 8.5, false, PAPER, "CONCORDAT");
        self.y = 44.0;
        for line in lines {
            self.y += 26.0;
            self.put(LEFT, self.y, 21.0, true, PAPER, &line);
        }
        self.y += 17.0;
        let period = match (&report.scope.began, &report.scope.ended) {
            (Some(began), Some(ended)) => format!("{began} to {ended}"),
            _ => "no records".to_owned(),
        };
        self.put(LEFT, self.y, 9.0, false, PAPER, &format!("Template {} · {period}", report.template));
        self.y = height;
    }

    fn scope(&mut self, report: &Report) {
        let scope = &report.scope;
        self.heading("What this is about");
        let asked = match (&scope.from, &scope.to) {
            (None, None) => "the whole log".to_owned(),
            (from, to) => format!(
                "from {} until {}",
                from.as_deref().unwrap_or("the beginning"),
                to.as_deref().unwrap_or("the end")
            ),
        };
        self.named("Asked for", &asked);
        let count = scope.end.saturating_sub(scope.first);
        let leaves =
            if count > 0 { format!(": leaves {} to {}", scope.first, scope.end - 1) } else { String::new() };
        self.named("Records", &format!("{}{leaves}", words::grouped(count)));
        self.named("Written by", &scope.sources.join(", "));
        match &scope.checkpoint {
            Some(signed) => {
                self.named("Log", &signed.origin);
                self.named("Checkpoint", &format!("size {}, root {}", signed.size, signed.root));
                for key in &signed.keys {
                    self.named("Public key", key);
                }
            }
            None => self.named("Checkpoint", "no evidence: nothing was signed"),
        }
    }

    fn named(&mut self, name: &str, text: &str) {
        self.need(14.0);
        self.put(LEFT, self.y + 9.2, 9.0, false, SOFT, name);
        self.paragraph(text, 9.0, INK, LEFT + 78.0, ROOM - 78.0);
        self.gap(1.5);
    }

    fn controls(&mut self, controls: &[Control]) {
        self.heading("Controls");
        let answers = [
            ControlAnswer::Met,
            ControlAnswer::NotMet,
            ControlAnswer::NoEvidence,
            ControlAnswer::NotApplicable,
        ];
        let counted = answers.map(|answer| {
            let count = controls.iter().filter(|control| control.answer == answer).count();
            format!("{count} {}", answer.words())
        });
        let all = format!("{} of {}. Evidence, not certification.", counted.join(", "), controls.len());
        self.paragraph(&all, 9.0, SOFT, LEFT, ROOM);
        for control in controls {
            self.control(control);
        }
    }

    fn control(&mut self, control: &Control) {
        self.need(64.0);
        self.gap(7.0);
        self.rule();
        self.y += 13.0;
        let id = format!("{}  {}", control.id, control.title);
        self.put(LEFT, self.y, 10.0, true, INK, &id);
        self.pill(control.answer, 8.5);
        self.gap(3.5);
        self.paragraph(&control.asks, 8.5, SOFT, LEFT, ROOM - 90.0);
        for evidence in &control.evidence {
            self.need(30.0);
            self.y += 12.0;
            let says = format!("{}: {}", evidence.says, words::value(&evidence.value));
            self.put(LEFT + 10.0, self.y, 8.5, false, INK, &says);
            self.pill(evidence.answer, 7.0);
            self.gap(2.5);
            self.basis(&evidence.basis, LEFT + 10.0, RIGHT - PILLS);
        }
    }

    fn pill(&mut self, of: ControlAnswer, size: f32) {
        let text = of.words();
        let width = self.letters.width(text, size) + 12.0;
        let (x, height) = (RIGHT - width, size + 4.5);
        let y = self.y - size - 0.8;
        self.sheet.push(Ink::Box { x, y, width, height, colour: answer(of) });
        self.put(x + 6.0, self.y, size, true, PAPER, text);
    }

    fn basis(&mut self, basis: &crate::report::Basis, x: f32, until: f32) {
        let lines = words::basis(basis);
        let text: Vec<_> = lines.iter().map(|(name, text)| format!("{name}: {text}")).collect();
        self.paragraph(&text.join("  ·  "), 6.5, SOFT, x, until - x);
    }

    fn section(&mut self, section: &Section) {
        self.heading(section.title);
        self.paragraph(section.about, 8.5, SOFT, LEFT, ROOM);
        self.gap(4.0);
        for figure in &section.figures {
            self.figure(figure);
        }
        for chart in &section.charts {
            self.chart(chart);
        }
        for table in &section.tables {
            self.table(table);
        }
        changes::draw(self, section);
    }

    fn figure(&mut self, figure: &Figure) {
        self.need(30.0);
        self.gap(3.0);
        let size = 9.5;
        let none = figure.value == Value::NoEvidence;
        let value = words::brief(&figure.value);
        let rest = words::rest(&figure.value).map(|rest| format!("  ({rest})")).unwrap_or_default();
        self.y += 12.0;
        let width = self.letters.width(&value, size);
        self.put(LEFT, self.y, size, !none, if none { SOFT } else { INK }, &value);
        let said = format!("{}{rest}", figure.label);
        let x = LEFT + width.max(86.0) + 10.0;
        let mut lines = self.letters.lines(&said, size - 0.5, RIGHT - x).into_iter();
        if let Some(first) = lines.next() {
            self.put(x, self.y, size - 0.5, false, INK, &first);
        }
        for line in lines {
            self.y += 11.5;
            self.put(x, self.y, size - 0.5, false, INK, &line);
        }
        self.gap(1.0);
        if !figure.missing.is_empty() {
            let missing = format!("which: {}", figure.missing.join(", "));
            self.paragraph(&missing, 7.0, tone(Tone::Bad), LEFT + 96.0, ROOM - 96.0);
        }
        self.basis(&figure.basis, LEFT + 96.0, RIGHT);
    }

    fn chart(&mut self, of: &Chart) {
        let drawing = chart::draw(of, ROOM);
        self.need(drawing.height + 28.0);
        self.gap(10.0);
        self.y += 11.0;
        self.put(LEFT, self.y, 9.5, true, INK, chart::title(of));
        self.gap(5.0);
        let top = self.y;
        for shape in drawing.shapes {
            match shape {
                Shape::Box { x, y, width, height, tone: of } => {
                    let colour = tone(of);
                    self.sheet.push(Ink::Box { x: LEFT + x, y: top + y, width, height, colour });
                }
                Shape::Rule { x, y, width } => {
                    self.sheet.push(Ink::Box { x: LEFT + x, y: top + y, width, height: 0.5, colour: LINE });
                }
                Shape::Text { x, y, text, ends } => {
                    let size = LETTERS - 1.0;
                    let back =
                        if ends { self.letters.width(&self.letters.printable(&text), size) } else { 0.0 };
                    self.put(LEFT + x - back, top + y, size, false, INK, &text);
                }
            }
        }
        self.y = top + drawing.height;
    }

    fn table(&mut self, table: &Table) {
        self.need(84.0);
        self.gap(12.0);
        self.y += 10.0;
        self.put(LEFT, self.y, 10.0, true, INK, &table.title);
        self.gap(4.0);
        if table.rows.is_empty() {
            self.paragraph("none", 8.5, SOFT, LEFT, ROOM);
        } else {
            let columns = self.columns(table);
            self.head(table, &columns);
            for row in table.rows.iter().take(MOST_ROWS) {
                let leaves = row.leaves.to_string();
                self.row(table, &columns, &row.cells, &leaves);
            }
            let shown = table.rows.len().min(MOST_ROWS) as u64;
            if shown < table.total {
                let more = format!(
                    "The first {shown} of {} are shown; the query finds all.",
                    words::grouped(table.total)
                );
                self.paragraph(&more, 7.5, tone(Tone::Bad), LEFT, ROOM);
            }
        }
        let rule = table.rule.map(|rule| format!("  ·  rule: {rule}")).unwrap_or_default();
        self.paragraph(&format!("query: {}{rule}", words::query(&table.query)), 6.5, SOFT, LEFT, ROOM);
    }

    /// How wide each column is: as its widest cell, and less where not all fit.
    fn columns(&self, table: &Table) -> Vec<f32> {
        let leaves = table.rows.iter().map(|row| row.leaves.to_string());
        let widest = |texts: &mut dyn Iterator<Item = String>, least: f32| {
            texts.map(|text| self.letters.width(&self.letters.printable(&text), CELL)).fold(least, f32::max)
        };
        let mut widths: Vec<f32> = (0..table.columns.len())
            .map(|at| {
                let head = table.columns.get(at).map_or(0.0, |name| self.letters.width(name, CELL) + 2.0);
                widest(
                    &mut table.rows.iter().take(MOST_ROWS).filter_map(|row| row.cells.get(at).cloned()),
                    head,
                )
            })
            .collect();
        widths.push(widest(&mut leaves.take(MOST_ROWS), 26.0));
        let gaps = f32::from(u16::try_from(widths.len()).unwrap_or(1)) * BETWEEN;
        let room = ROOM - gaps;
        // What is narrow keeps its width; what is wide shares what is left.
        let share = fair(&widths, room);
        widths.iter_mut().for_each(|width| *width = width.min(share));
        widths
    }

    fn head(&mut self, table: &Table, columns: &[f32]) {
        let names = table.columns.iter().copied().chain(["leaves"]);
        self.y += 10.0;
        let mut x = LEFT;
        for (name, width) in names.zip(columns) {
            self.put(x, self.y, CELL, true, SOFT, name);
            x += width + BETWEEN;
        }
        self.gap(3.0);
        self.rule();
    }

    fn row(&mut self, table: &Table, columns: &[f32], cells: &[String], leaves: &str) {
        let texts = cells.iter().map(String::as_str).chain([leaves]);
        let wrapped: Vec<Vec<String>> =
            texts.zip(columns).map(|(text, width)| self.letters.lines(text, CELL, *width + 0.5)).collect();
        let most = wrapped.iter().map(Vec::len).max().unwrap_or(1).min(14);
        let height = 9.2 * f32::from(u16::try_from(most).unwrap_or(1)) + 4.0;
        if self.y + height > BOTTOM {
            self.need(BOTTOM);
            self.head(table, columns);
        }
        let top = self.y;
        let mut x = LEFT;
        for (lines, width) in wrapped.iter().zip(columns) {
            let mut y = top + 9.5;
            for (at, line) in lines.iter().take(most).enumerate() {
                let cut = at + 1 == most && lines.len() > most;
                let line = if cut { format!("{line} …") } else { line.clone() };
                self.put(x, y, CELL, false, INK, &line);
                y += 9.2;
            }
            x += width + BETWEEN;
        }
        self.y = top + height;
        self.rule();
    }

    /// The last sheet, and what stands at the foot of all.
    fn finish(mut self, title: &str) -> Sheets {
        self.done.sheets.push(std::mem::take(&mut self.sheet));
        let all = self.done.sheets.len();
        let letters = self.letters;
        let title = letters.printable(title);
        for (at, sheet) in self.done.sheets.iter_mut().enumerate() {
            let number = format!("{} of {all}", at + 1);
            let x = RIGHT - letters.width(&number, 7.5);
            let foot =
                |x, text: String| Ink::Text { x, y: HIGH - 34.0, size: 7.5, bold: false, colour: SOFT, text };
            sheet.push(foot(LEFT, format!("{title}: evidence, not certification")));
            sheet.push(foot(x, number));
        }
        self.done
    }
}

/// The room for answers on the right.
const PILLS: f32 = 76.0;
/// The size of letters in tables.
const CELL: f32 = 7.4;
/// The room between columns.
const BETWEEN: f32 = 9.0;

/// The greatest width such that all columns fit when none is wider.
fn fair(widths: &[f32], room: f32) -> f32 {
    let mut sorted = widths.to_vec();
    sorted.sort_by(f32::total_cmp);
    let mut left = room;
    let mut columns = sorted.len();
    for width in sorted {
        let share = left / f32::from(u16::try_from(columns.max(1)).unwrap_or(1));
        if width > share {
            return share;
        }
        left -= width;
        columns = columns.saturating_sub(1);
    }
    f32::MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::{self, Template};

    #[test]
    fn wide_columns_share_what_narrow_ones_leave() {
        assert_eq!(fair(&[10.0, 500.0, 20.0, 500.0], 230.0), 100.0);
        assert_eq!(fair(&[10.0, 20.0], 230.0), f32::MAX);
    }

    #[test]
    fn every_template_makes_the_same_paper_twice_even_of_nothing() {
        for name in template::names() {
            let template = Template::named(name).unwrap();
            let facts = template.facts().unwrap();
            let report = template.report(&facts, facts.scope());
            let paper = crate::pdf::paper(&report).unwrap();
            assert!(paper.starts_with(b"%PDF-1.7"));
            assert_eq!(paper, crate::pdf::paper(&report).unwrap(), "{name}");
        }
    }
}

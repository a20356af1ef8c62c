//! A report as one HTML page: no scripts, nothing from elsewhere, and every text escaped where it is written.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::chart::{self, Drawing, LETTERS, Shape};
use crate::report::{Chart, Control, ControlAnswer, Figure, Report, Scope, Section, Table, Tone, Value};
use crate::words;

/// The page.
#[must_use]
pub fn page(report: &Report) -> String {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                // Even a text that broke out of its place could load and run nothing.
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { (report.title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    p.brand { "Concordat" }
                    h1 { (report.title) }
                    p.sub { "Template " (report.template) " · " (period(&report.scope)) }
                }
                main {
                    (scope(&report.scope))
                    @if !report.controls.is_empty() { (controls(&report.controls)) }
                    @for section in &report.sections { (self::section(section)) }
                }
                footer { p { (report.note) } }
            }
        }
    };
    markup.into_string()
}

fn period(scope: &Scope) -> String {
    match (&scope.began, &scope.ended) {
        (Some(began), Some(ended)) => {
            let day = |time: &str| time.get(..19).unwrap_or(time).replace('T', " ");
            format!("{} to {} UTC", day(began), day(ended))
        }
        _ => "no records".to_owned(),
    }
}

fn scope(scope: &Scope) -> Markup {
    html! {
        section #scope {
            h2 { "What this is about" }
            dl.scope {
                dt { "Asked for" }
                dd {
                    @match (&scope.from, &scope.to) {
                        (None, None) => { "the whole log" }
                        (from, to) => {
                            "from " (from.as_deref().unwrap_or("the beginning")) " until "
                            (to.as_deref().unwrap_or("the end"))
                        }
                    }
                }
                dt { "Records" }
                dd {
                    (words::grouped(scope.end.saturating_sub(scope.first)))
                    @if scope.end > scope.first { ": leaves " (scope.first) " to " (scope.end - 1) }
                }
                dt { "Written by" }
                dd { (if scope.sources.is_empty() { "nobody".to_owned() } else { scope.sources.join(", ") }) }
                @if let Some(signed) = &scope.checkpoint {
                    dt { "Log" } dd { (signed.origin) }
                    dt { "Checkpoint" } dd { "size " (signed.size) ", root " code { (signed.root) } }
                    dt { "Public keys" } dd { @for key in &signed.keys { code { (key) } br; } }
                } @else {
                    dt { "Checkpoint" } dd.none { "no evidence: nothing was signed" }
                }
            }
            @if let Some(signed) = &scope.checkpoint {
                details { summary { "The signed note" } pre { (signed.note) } }
            }
        }
    }
}

fn controls(controls: &[Control]) -> Markup {
    let answers =
        [ControlAnswer::Met, ControlAnswer::NotMet, ControlAnswer::NoEvidence, ControlAnswer::NotApplicable];
    html! {
        section #controls {
            h2 { "Controls" }
            p.about { "Each answer rests on the counts below it. Evidence, not certification." }
            p.tally {
                @for answer in answers {
                    @let count = controls.iter().filter(|control| control.answer == answer).count();
                    span.answer.(class(answer)) { (count) " " (answer.words()) }
                }
                span.of { "of " (controls.len()) }
            }
            @for control in controls {
                article.control {
                    div.head {
                        span.id { (control.id) }
                        span.title { (control.title) }
                        span.answer.(class(control.answer)) { (control.answer.words()) }
                    }
                    p.asks { (control.asks) }
                    table.evidence {
                        @for evidence in &control.evidence {
                            tr {
                                td { (evidence.says) }
                                td.number { (words::value(&evidence.value)) }
                                td { span.answer.small.(class(evidence.answer)) { (evidence.answer.words()) } }
                                td.basis { (basis(&evidence.basis)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn class(answer: ControlAnswer) -> &'static str {
    match answer {
        ControlAnswer::Met => "good",
        ControlAnswer::NotMet => "bad",
        ControlAnswer::NoEvidence => "warn",
        ControlAnswer::NotApplicable => "plain",
    }
}

fn section(section: &Section) -> Markup {
    html! {
        section id=(section.id) {
            h2 { (section.title) }
            p.about { (section.about) }
            div.figures { @for figure in &section.figures { (self::figure(figure)) } }
            div.charts { @for chart in &section.charts { (self::chart(chart)) } }
            @for table in &section.tables { (self::table(table)) }
            @if !section.changes.is_empty() { (changes(section)) }
        }
    }
}

fn changes(section: &Section) -> Markup {
    html! {
        h3 { "What changed, line by line" }
        @for change in &section.changes {
            article.change {
                p.head { code { (change.revision) } }
                p.asks {
                    (change.people()) ". Leaf " (change.leaf) ", " (change.time) "."
                    @if let Some(against) = &change.against { " Compared with " code { (against) } "." }
                }
                @if let Some(note) = &change.note { p.none { (note) } }
                @for file in &change.files {
                    details open[file.lines.len() <= OPEN] {
                        summary { (file.path) " " span.came { "+" (file.added) } " " span.went { "−" (file.removed) } }
                        pre.diff { @for line in &file.lines { span.(mark(line)) { (line) "\n" } } }
                        @if file.more > 0 { p.more { (file.more) " more lines are not shown; the bundles are in the evidence pack." } }
                    }
                }
            }
        }
        @if section.more_changes > 0 {
            p.more { (section.more_changes) " more revisions are not shown; the list above and the evidence pack have them." }
        }
    }
}

/// The longest diff that is open from the start.
const OPEN: usize = 60;

/// What a line of a diff does.
fn mark(line: &str) -> &'static str {
    match line.as_bytes().first() {
        Some(b'+') => "came",
        Some(b'-') => "went",
        Some(b'@') => "place",
        _ => "same",
    }
}

fn figure(figure: &Figure) -> Markup {
    let none = figure.value == Value::NoEvidence;
    html! {
        div.figure id=(figure.id) {
            p.value.none[none] { (words::brief(&figure.value)) }
            @if let Some(rest) = words::rest(&figure.value) { p.rest { (rest) } }
            p.label { (figure.label) }
            @if !figure.missing.is_empty() {
                details.missing { summary { "which" } p { (figure.missing.join(", ")) } }
            }
            details { summary { "how it was counted" } (basis(&figure.basis)) }
        }
    }
}

fn basis(basis: &crate::report::Basis) -> Markup {
    html! {
        dl.basis {
            @for (name, text) in &words::basis(basis) { dt { (name) } dd { @if *name == "rule" { (text) } @else { code { (text) } } } }
        }
    }
}

fn table(table: &Table) -> Markup {
    let shown = table.rows.len() as u64;
    html! {
        h3 id=(table.id) { (table.title) }
        @if table.rows.is_empty() {
            p.none { "none" }
        } @else {
            div.wide { table {
                thead { tr { @for column in &table.columns { th { (column) } } th { "leaves" } } }
                tbody {
                    @for row in &table.rows {
                        tr title=[row.query.as_deref()] {
                            @for cell in &row.cells {
                                @let number = cell.parse::<u64>().is_ok();
                                td.number[number] { (cell) }
                            }
                            td.leaves { (row.leaves) }
                        }
                    }
                }
            } }
        }
        @if shown < table.total {
            p.more { "The first " (shown) " of " (words::grouped(table.total)) " are shown; the query finds all." }
        }
        p.source {
            "Query: " code { (words::query(&table.query)) }
            @if let Some(rule) = table.rule { br; "Rule: " (rule) }
        }
    }
}

fn chart(of: &Chart) -> Markup {
    let drawing = chart::draw(of, 460.0);
    html! {
        figure {
            figcaption { (chart::title(of)) }
            (svg(&drawing, chart::title(of)))
        }
    }
}

fn svg(drawing: &Drawing, title: &str) -> Markup {
    html! {
        svg viewBox={ "0 0 " (drawing.width) " " (drawing.height) } role="img" aria-label=(title)
            xmlns="http://www.w3.org/2000/svg" font-size=(LETTERS) {
            @for shape in &drawing.shapes {
                @match shape {
                    Shape::Box { x, y, width, height, tone } => {
                        rect x=(x) y=(y) width=(width) height=(height) class=(paint(*tone)) {}
                    }
                    Shape::Rule { x, y, width } => {
                        line x1=(x) y1=(y) x2=(x + width) y2=(y) {}
                    }
                    Shape::Text { x, y, text, ends } => {
                        text x=(x) y=(y) text-anchor=(if *ends { "end" } else { "start" }) { (text) }
                    }
                }
            }
        }
    }
}

fn paint(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "plain",
        Tone::Good => "good",
        Tone::Warn => "warn",
        Tone::Bad => "bad",
    }
}

const STYLE: &str = include_str!("html/report.css");

//! What is asked for: the template, the period, the keys that count, and the form of what is written.

use concordat_ledger::Verifier;

use crate::template::Template;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Order {
    /// The template.
    pub template: Template,
    /// From when, as RFC 3339 in UTC with microseconds; none for the beginning.
    pub from: Option<String>,
    /// Until when, that moment excluded; none for the end.
    pub to: Option<String>,
    /// What is written.
    pub form: Form,
    /// The log's public keys.
    pub keys: Vec<Verifier>,
    /// Whether a pack has the payloads that its records name.
    pub payloads: bool,
    /// A checkpoint that was kept: a pack proves that the log continues it.
    pub earlier: Option<String>,
}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The report, for people.
    Html,
    /// The report, on paper.
    Pdf,
    /// The report, for programs.
    Json,
    /// The report, for spreadsheets.
    Csv,
    /// The records as they are stored, one a line.
    JsonLines,
    /// The records, for spreadsheets.
    RecordsCsv,
    /// The records, for programs that ask many rows for few columns.
    Parquet,
    /// The evidence pack, with the report in every form.
    Pack,
}

impl Form {
    /// The form that a file of this name has.
    #[must_use]
    pub fn of_file(name: &str) -> Option<Form> {
        let name = name.to_ascii_lowercase();
        let ends = |ending: &str| name.ends_with(ending);
        Some(match () {
            () if ends(".records.csv") => Form::RecordsCsv,
            () if ends(".html") || ends(".htm") => Form::Html,
            () if ends(".pdf") => Form::Pdf,
            () if ends(".json") => Form::Json,
            () if ends(".csv") => Form::Csv,
            () if ends(".jsonl") => Form::JsonLines,
            () if ends(".parquet") => Form::Parquet,
            () if ends(".tar") => Form::Pack,
            () => return None,
        })
    }

    /// The media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Form::Html => "text/html; charset=utf-8",
            Form::Pdf => "application/pdf",
            Form::Json => "application/json",
            Form::Csv | Form::RecordsCsv => "text/csv; charset=utf-8",
            Form::JsonLines => "application/jsonl",
            Form::Parquet => "application/vnd.apache.parquet",
            Form::Pack => "application/x-tar",
        }
    }
}

//! Reports on the wire: ordered, waited for, fetched.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is ordered.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportOrder {
    /// A template by its name, such as `general` or `eu-ai-act`, or one of your own as an object.
    #[schema(value_type = Object)]
    pub template: serde_json::Value,
    /// From this moment on; from the beginning when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub from: Option<Timestamp>,
    /// Before this moment; to the end when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub to: Option<Timestamp>,
    /// What is written.
    pub form: ReportForm,
    /// Whether a pack has the payloads that its records name, in plain text.
    #[serde(default)]
    pub payloads: bool,
    /// A checkpoint that you kept: a pack proves that the log continues it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
}

/// The form of what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportForm {
    /// The report, for people.
    Html,
    /// The report, on paper.
    Pdf,
    /// The report, for programs.
    Json,
    /// The report, for spreadsheets.
    Csv,
    /// The records as they are stored, one a line.
    Jsonl,
    /// The records, for spreadsheets.
    RecordsCsv,
    /// The records as Parquet.
    Parquet,
    /// The evidence pack: records, proofs, policies and the report in every form, as one archive.
    Tar,
}

/// A report on its way.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ReportStatus {
    /// Its id, `rpt_…`.
    pub id: String,
    /// How it stands.
    pub state: ReportState,
    /// How many records were read.
    pub records: u64,
    /// Of how many; 0 until that is known.
    pub of: u64,
    /// How long it is, once it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The digest of its content, once it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Why it was not made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// How a report stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportState {
    /// It is being made.
    Running,
    /// It can be fetched.
    Done,
    /// It was not made.
    Failed,
}

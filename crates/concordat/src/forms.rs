//! Records in the forms that other programs read: OCSF, CEF, OTLP. Mappings of what is in the log, and never the log.
//!
//! Nothing is left out: where a form has no place for something, the whole record stands in it as text.

mod cef;
mod ocsf;
mod otlp;
mod syslog;

use std::borrow::Cow;

use concordat_ledger::Record;
use concordat_ledger::record::RecordError;
use jiff::Timestamp;
use serde_json::Value;

/// A form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Form {
    /// The canonical bytes, one record a line.
    #[default]
    Jsonl,
    /// OCSF 1.3, class API Activity (6003), one event a line.
    Ocsf,
    /// ArcSight's Common Event Format, one event a line.
    Cef,
    /// OpenTelemetry's logs in OTLP's JSON.
    Otlp,
}

/// What a mapping takes of a record.
struct Leaf<'a> {
    index: u64,
    record: &'a Record,
    data: Value,
    /// When, as the record claims.
    at: Timestamp,
}

/// How much attention an event deserves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    Plain,
    /// Somebody should look: a refusal, a failure, an exception.
    Odd,
}

impl Form {
    /// The media type of several records together.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Form::Jsonl | Form::Ocsf => "application/x-ndjson",
            Form::Cef => "text/plain; charset=utf-8",
            Form::Otlp => "application/json",
        }
    }

    /// Several records, each with its index, as one text.
    ///
    /// # Errors
    /// A record that cannot be read.
    pub fn write(self, records: &[(u64, Record)]) -> Result<String, RecordError> {
        let leaves = leaves(records)?;
        Ok(match self {
            Form::Otlp => otlp::logs(&leaves).to_string() + "\n",
            Form::Jsonl | Form::Ocsf | Form::Cef => {
                leaves.iter().map(|leaf| self.one(leaf).into_owned() + "\n").collect()
            }
        })
    }

    /// Several records, each with its index, as messages of syslog with the record in this form as their text.
    ///
    /// # Errors
    /// A record that cannot be read.
    pub fn messages(self, records: &[(u64, Record)]) -> Result<Vec<Message>, RecordError> {
        let message =
            |leaf: &Leaf<'_>| Message { header: syslog::header(leaf), record: self.one(leaf).into_owned() };
        Ok(leaves(records)?.iter().map(message).collect())
    }

    /// One record, in one line.
    fn one<'a>(self, leaf: &'a Leaf<'_>) -> Cow<'a, str> {
        match self {
            Form::Jsonl => leaf.text(),
            Form::Ocsf => ocsf::event(leaf).to_string().into(),
            Form::Cef => cef::event(leaf).into(),
            Form::Otlp => otlp::logs(std::slice::from_ref(leaf)).to_string().into(),
        }
    }
}

fn leaves(records: &[(u64, Record)]) -> Result<Vec<Leaf<'_>>, RecordError> {
    records.iter().map(|(index, record)| Leaf::of(*index, record)).collect()
}

/// A message of syslog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    header: String,
    record: String,
}

impl Message {
    /// The message.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}{}", self.header, self.record)
    }

    /// The message with its length before it, as it stands in a stream.
    #[must_use]
    pub fn framed(&self) -> String {
        format!("{} {}{}", self.header.len() + self.record.len(), self.header, self.record)
    }

    /// The message without the record, for a way that is too narrow for it: it says so, and names the record still.
    #[must_use]
    pub fn too_long(&self) -> String {
        format!(
            "{}the record is too long for this way ({} bytes): fetch it by its id",
            self.header,
            self.record.len()
        )
    }
}

impl<'a> Leaf<'a> {
    fn of(index: u64, record: &'a Record) -> Result<Leaf<'a>, RecordError> {
        let odd =
            |why: jiff::Error| RecordError::Data { id: record.id().to_owned(), reason: why.to_string() };
        Ok(Leaf { index, record, data: record.data()?, at: record.time().parse().map_err(odd)? })
    }

    fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.record.bytes())
    }

    /// Who did it, as far as the record says.
    fn actor(&self) -> Option<&str> {
        concordat_model::actor::actor(&self.data)
    }

    /// What a gate answered.
    fn answer(&self) -> Option<&str> {
        self.data.pointer("/decision/answer/kind")?.as_str()
    }

    /// The codes of the reasons, or of the error.
    fn codes(&self) -> Vec<&str> {
        let reasons = self.data.pointer("/decision/answer/reasons").and_then(Value::as_array);
        let reasons = reasons.into_iter().flatten().filter_map(|reason| reason.get("code")?.as_str());
        reasons.chain(self.data.pointer("/error/code").and_then(Value::as_str)).collect()
    }

    fn weight(&self) -> Weight {
        let odd_type = ["failed", "refused", "stepped", "restored", "withdrawn", "rolled_back", "suspended"];
        let (_, what) = self.record.kind().rsplit_once('.').unwrap_or_default();
        let odd = matches!(self.answer(), Some("deny" | "review"))
            || odd_type.contains(&what)
            || self.data.get("break_glass").is_some();
        if odd { Weight::Odd } else { Weight::Plain }
    }
}

#[cfg(test)]
mod tests {
    use concordat_ledger::{Draft, SubjectSeq};
    use serde_json::json;

    use super::*;

    fn record() -> Record {
        let reasons = json!([{"code": "budget_over", "message": "3 | 4 = more\nthan \\ there is"}]);
        let data =
            json!({"by": {"name": "sam|=\\"}, "decision": {"answer": {"kind": "deny", "reasons": reasons}}});
        let draft = Draft {
            id: "rec_1",
            source: "concordat/test",
            kind: "gate.decided",
            subject: "run_1",
            subject_seq: SubjectSeq::FIRST,
            time: "2026-01-31T23:59:59.000001Z",
            data: &data,
        };
        draft.seal().unwrap()
    }

    #[test]
    fn lines_are_the_canonical_bytes() {
        let written = Form::Jsonl.write(&[(7, record()), (8, record())]).unwrap();
        let lines: Vec<&str> = written.lines().collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].as_bytes(), record().bytes());
    }

    #[test]
    fn ocsf_has_what_its_class_requires() {
        let written = Form::Ocsf.write(&[(7, record())]).unwrap();
        let event: Value = serde_json::from_str(&written).unwrap();
        for (place, wanted) in [
            ("/class_uid", json!(6003)),
            ("/category_uid", json!(6)),
            ("/type_uid", json!(600_399)),
            ("/severity_id", json!(3)),
            ("/status_id", json!(2)),
            ("/time", json!(1_769_903_999_000_i64)),
            ("/metadata/uid", json!("rec_1")),
            ("/metadata/sequence", json!(7)),
            ("/metadata/version", json!("1.3.0")),
            ("/actor/user/name", json!("sam|=\\")),
            ("/api/operation", json!("gate.decided")),
            ("/src_endpoint/name", json!("concordat/test")),
            ("/resources/0/uid", json!("run_1")),
            ("/unmapped/data/decision/answer/kind", json!("deny")),
        ] {
            assert_eq!(event.pointer(place), Some(&wanted), "{place} in {event}");
        }
    }

    #[test]
    fn whom_a_key_is_for_has_not_made_it() {
        let data =
            json!({"event": "created", "principal": {"name": "eve", "roles": ["admin"], "tenant": "acme"}});
        let draft = Draft {
            id: "rec_2",
            source: "concordat/test",
            kind: "key.created",
            subject: "key_1",
            subject_seq: SubjectSeq::FIRST,
            time: "2026-01-31T23:59:59.000001Z",
            data: &data,
        };
        let written = Form::Ocsf.write(&[(0, draft.seal().unwrap())]).unwrap();
        let event: Value = serde_json::from_str(&written).unwrap();
        assert_eq!(event["actor"], json!({"process": {"name": "concordat"}}));
    }

    #[test]
    fn cef_stays_one_line_whatever_a_record_says() {
        let written = Form::Cef.write(&[(7, record())]).unwrap();
        assert_eq!(written.lines().count(), 1);
        let version = env!("CARGO_PKG_VERSION");
        assert!(
            written.starts_with(&format!("CEF:0|Concordat|Concordat|{version}|gate.decided|gate.decided|6|")),
            "{written}"
        );
        for part in ["suser=sam|\\=\\\\", "outcome=deny", "reason=budget_over", "cn1=7", "externalId=rec_1"] {
            assert!(written.contains(part), "{part} in {written}");
        }
        assert!(written.contains(r"more\\nthan"), "{written}");
    }

    #[test]
    fn otlp_keeps_the_whole_record() {
        let written = Form::Otlp.write(&[(7, record())]).unwrap();
        let logs: Value = serde_json::from_str(&written).unwrap();
        let log = &logs["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
        assert_eq!(log["timeUnixNano"], "1769903999000001000");
        assert_eq!((&log["severityNumber"], &log["eventName"]), (&json!(13), &json!("gate.decided")));
        assert_eq!(log["body"]["stringValue"].as_str().unwrap().as_bytes(), record().bytes());
    }
}

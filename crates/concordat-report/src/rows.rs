//! The records themselves: as they are stored, one a line, or as cells for spreadsheets and for Parquet.

mod parquet;

use std::io::{self, Write};

use concordat_ledger::Record;
use concordat_model::actor::actor;
use serde_json::Value;

use crate::csv;
use crate::making::Form;
use parquet::Parquet;

/// The columns of a record. What a type has no word for stays empty; the whole of it is in the last one.
const COLUMNS: [&str; 16] = [
    "index",
    "time",
    "type",
    "subject",
    "subjectseq",
    "id",
    "source",
    "leaf",
    "actor",
    "gate",
    "answer",
    "reasons",
    "decision",
    "agent",
    "policy",
    "data",
];

/// Records on their way to a file.
pub(crate) enum Rows<W: Write + Send> {
    /// As they are stored.
    Lines(W),
    /// As cells.
    Cells(Box<::csv::Writer<W>>),
    /// As columns.
    Columns(Box<Parquet<W>>),
}

impl<W: Write + Send> Rows<W> {
    pub(crate) fn begin(out: W, form: Form) -> io::Result<Rows<W>> {
        match form {
            Form::Parquet => Ok(Rows::Columns(Box::new(Parquet::begin(out)?))),
            Form::RecordsCsv => {
                let mut lines = csv::writer(out);
                csv::write(&mut lines, COLUMNS).map_err(io::Error::other)?;
                Ok(Rows::Cells(Box::new(lines)))
            }
            Form::JsonLines | Form::Html | Form::Pdf | Form::Json | Form::Csv | Form::Pack => {
                Ok(Rows::Lines(out))
            }
        }
    }

    pub(crate) fn write(&mut self, index: u64, record: &Record) -> io::Result<()> {
        match self {
            Rows::Lines(out) => {
                out.write_all(record.bytes())?;
                out.write_all(b"\n")
            }
            Rows::Cells(lines) => {
                let cells = Cells::of(index, record).texts(record);
                csv::write(lines, cells.each_ref().map(String::as_str)).map_err(io::Error::other)
            }
            Rows::Columns(columns) => columns.write(Cells::of(index, record), record.bytes()),
        }
    }

    pub(crate) fn finish(self) -> io::Result<()> {
        match self {
            Rows::Lines(mut out) => out.flush(),
            Rows::Cells(mut lines) => lines.flush(),
            Rows::Columns(columns) => columns.finish(),
        }
    }
}

/// A record as cells: who, what, when, why, under which policy.
struct Cells<'a> {
    index: u64,
    time: &'a str,
    kind: &'a str,
    subject: &'a str,
    subject_seq: u64,
    id: &'a str,
    source: &'a str,
    leaf: String,
    /// Actor, gate, answer, reasons, decision, agent and policy, each empty where a type has no word for it.
    perhaps: [String; 7],
}

impl<'a> Cells<'a> {
    fn of(index: u64, record: &'a Record) -> Cells<'a> {
        let data: Value = record.data().unwrap_or_default();
        let first = |pointers: &[&str]| {
            let found = pointers.iter().find_map(|pointer| data.pointer(pointer).and_then(Value::as_str));
            found.unwrap_or_default().to_owned()
        };
        let reasons = data.pointer("/decision/answer/reasons").and_then(Value::as_array);
        let codes = reasons.into_iter().flatten().filter_map(|reason| reason.get("code")?.as_str());
        Cells {
            index,
            time: record.time(),
            kind: record.kind(),
            subject: record.subject(),
            subject_seq: record.subject_seq().get(),
            id: record.id(),
            source: record.source(),
            leaf: record.leaf().to_string(),
            perhaps: [
                actor(&data).unwrap_or_default().to_owned(),
                first(&["/decision/gate"]),
                first(&["/decision/answer/kind", "/verdict", "/reply/kind", "/ending/kind"]),
                codes.collect::<Vec<_>>().join(" "),
                first(&["/decision/id", "/decision", "/access"]),
                first(&["/agent_name", "/agent", "/key/agent"]),
                first(&["/decision/provenance/policy", "/revision", "/policy"]),
            ],
        }
    }

    /// All of them as texts, in the order of [`COLUMNS`].
    fn texts(self, record: &Record) -> [String; 16] {
        let [actor, gate, answer, reasons, decision, agent, policy] = self.perhaps;
        [
            self.index.to_string(),
            self.time.to_owned(),
            self.kind.to_owned(),
            self.subject.to_owned(),
            self.subject_seq.to_string(),
            self.id.to_owned(),
            self.source.to_owned(),
            self.leaf,
            actor,
            gate,
            answer,
            reasons,
            decision,
            agent,
            policy,
            record.data_text().to_owned(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::entry::tests::record;

    #[test]
    fn lines_are_the_bytes_and_cells_name_who_and_why() {
        let data = json!({"decision": {"id": "dec_1", "gate": "admit", "answer": {"kind": "deny", "reasons": [{"code": "a"}, {"code": "b"}]}}});
        let record = record(4, "gate.decided", "run_1", &data);
        let mut out = Vec::new();
        let mut rows = Rows::begin(&mut out, Form::JsonLines).unwrap();
        rows.write(4, &record).unwrap();
        rows.finish().unwrap();
        assert_eq!(out, [record.bytes(), b"\n"].concat());
        let cells = Cells::of(4, &record).texts(&record);
        assert_eq!((cells[9].as_str(), cells[10].as_str(), cells[11].as_str()), ("admit", "deny", "a b"));
        assert_eq!((cells[0].as_str(), cells[12].as_str()), ("4", "dec_1"));
    }

    #[test]
    fn columns_hold_every_record_in_whole() {
        use ::parquet::file::reader::{FileReader as _, SerializedFileReader};
        use ::parquet::record::RowAccessor as _;

        let records: Vec<Record> = (0..20_000)
            .map(|index| {
                let data =
                    if index % 2 == 0 { json!({"by": "ada"}) } else { json!({"text": "é".repeat(9)}) };
                record(index, "agent.changed", "agt_1", &data)
            })
            .collect();
        let written = || {
            let mut out = Vec::new();
            let mut rows = Rows::begin(&mut out, Form::Parquet).unwrap();
            for (index, record) in (0..).zip(&records) {
                rows.write(index, record).unwrap();
            }
            rows.finish().unwrap();
            out
        };
        let bytes = written();
        assert_eq!(bytes, written(), "the same records give the same bytes");
        let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
        assert_eq!(reader.num_row_groups(), 2);
        let mut read = 0;
        for (row, record) in reader.get_row_iter(None).unwrap().zip(&records) {
            let row = row.unwrap();
            assert_eq!(row.get_string(15).unwrap().as_bytes(), record.bytes());
            assert_eq!(row.get_long(0).unwrap(), i64::from(read));
            let actor = row.get_string(8).map(String::as_str).ok();
            assert_eq!(actor, (read % 2 == 0).then_some("ada"));
            read += 1;
        }
        assert_eq!(read, 20_000);
    }
}

//! The records themselves, one a line: as they are stored, or as cells for a spreadsheet.

use std::io::{self, Write};

use concordat_ledger::Record;
use serde_json::Value;

use crate::csv;

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
pub(crate) enum Rows<W: Write> {
    /// As they are stored.
    Lines(W),
    /// As cells.
    Cells(Box<::csv::Writer<W>>),
}

impl<W: Write> Rows<W> {
    pub(crate) fn begin(out: W, cells: bool) -> io::Result<Rows<W>> {
        if !cells {
            return Ok(Rows::Lines(out));
        }
        let mut lines = csv::writer(out);
        csv::write(&mut lines, COLUMNS).map_err(io::Error::other)?;
        Ok(Rows::Cells(Box::new(lines)))
    }

    pub(crate) fn write(&mut self, index: u64, record: &Record) -> io::Result<()> {
        match self {
            Rows::Lines(out) => {
                out.write_all(record.bytes())?;
                out.write_all(b"\n")
            }
            Rows::Cells(lines) => {
                let cells = cells(index, record);
                csv::write(lines, cells.each_ref().map(String::as_str)).map_err(io::Error::other)
            }
        }
    }

    pub(crate) fn finish(self) -> io::Result<()> {
        match self {
            Rows::Lines(mut out) => out.flush(),
            Rows::Cells(mut lines) => lines.flush(),
        }
    }
}

/// A record as cells: who, what, when, why, under which policy.
fn cells(index: u64, record: &Record) -> [String; 16] {
    let data: Value = record.data().unwrap_or_default();
    let first = |pointers: &[&str]| {
        let found = pointers.iter().find_map(|pointer| data.pointer(pointer).and_then(Value::as_str));
        found.unwrap_or_default().to_owned()
    };
    let reasons = data.pointer("/decision/answer/reasons").and_then(Value::as_array);
    let codes = reasons.into_iter().flatten().filter_map(|reason| reason.get("code")?.as_str());
    [
        index.to_string(),
        record.time().to_owned(),
        record.kind().to_owned(),
        record.subject().to_owned(),
        record.subject_seq().get().to_string(),
        record.id().to_owned(),
        record.source().to_owned(),
        record.leaf().to_string(),
        first(&["/by", "/by/name", "/author", "/submitter/name", "/cause/by", "/principal/name"]),
        first(&["/decision/gate"]),
        first(&["/decision/answer/kind", "/verdict", "/reply/kind", "/ending/kind"]),
        codes.collect::<Vec<_>>().join(" "),
        first(&["/decision/id", "/decision", "/access"]),
        first(&["/agent_name", "/agent", "/key/agent"]),
        first(&["/decision/provenance/policy", "/revision", "/policy"]),
        record.data_text().to_owned(),
    ]
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
        let mut rows = Rows::begin(&mut out, false).unwrap();
        rows.write(4, &record).unwrap();
        rows.finish().unwrap();
        assert_eq!(out, [record.bytes(), b"\n"].concat());
        let cells = cells(4, &record);
        assert_eq!((cells[9].as_str(), cells[10].as_str(), cells[11].as_str()), ("admit", "deny", "a b"));
        assert_eq!((cells[0].as_str(), cells[12].as_str()), ("4", "dec_1"));
    }
}

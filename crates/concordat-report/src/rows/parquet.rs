//! The records as Parquet, for programs that ask many rows for few columns. The same records give the same bytes.
//!
//! Rows are gathered until there is enough for a group, because a group is written column by column; so memory holds
//! one group, however long the log is.

use std::io::{self, Write};
use std::sync::Arc;

use jiff::Timestamp;
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use super::Cells;

/// Most rows of a group.
const MOST_ROWS: usize = 16 * 1024;
/// Most bytes of texts of a group, more or less.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// The columns: numbers, what every record has, and what some records have. The last one is the whole record.
const SCHEMA: &str = "message records {
    required int64 index (INTEGER(64, true));
    required int64 subjectseq (INTEGER(64, true));
    required int64 time (TIMESTAMP(MICROS, true));
    required binary type (STRING);
    required binary subject (STRING);
    required binary id (STRING);
    required binary source (STRING);
    required binary leaf (STRING);
    optional binary actor (STRING);
    optional binary gate (STRING);
    optional binary answer (STRING);
    optional binary reasons (STRING);
    optional binary decision (STRING);
    optional binary agent (STRING);
    optional binary policy (STRING);
    required binary record (STRING);
}";

/// Records on their way into a file of Parquet.
pub(crate) struct Parquet<W: Write + Send> {
    file: SerializedFileWriter<W>,
    numbers: [Vec<i64>; 3],
    texts: [Vec<ByteArray>; 5],
    perhaps: [Perhaps; 7],
    records: Vec<ByteArray>,
    bytes: usize,
}

/// A column that not every record has.
#[derive(Default)]
struct Perhaps {
    present: Vec<i16>,
    values: Vec<ByteArray>,
}

impl<W: Write + Send> Parquet<W> {
    pub(super) fn begin(out: W) -> io::Result<Parquet<W>> {
        let schema = parse_message_type(SCHEMA).map_err(failed)?;
        let properties = WriterProperties::builder()
            .set_created_by("concordat".to_owned())
            .set_compression(Compression::SNAPPY)
            .build();
        let file = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties)).map_err(failed)?;
        Ok(Parquet {
            file,
            numbers: Default::default(),
            texts: Default::default(),
            perhaps: Default::default(),
            records: Vec::new(),
            bytes: 0,
        })
    }

    pub(super) fn write(&mut self, cells: Cells<'_>, record: &[u8]) -> io::Result<()> {
        let number = |number: u64| i64::try_from(number).map_err(io::Error::other);
        let at: Timestamp = cells.time.parse().map_err(io::Error::other)?;
        let numbers = [number(cells.index)?, number(cells.subject_seq)?, at.as_microsecond()];
        for (column, number) in self.numbers.iter_mut().zip(numbers) {
            column.push(number);
        }
        let texts = [cells.kind, cells.subject, cells.id, cells.source, &cells.leaf];
        for (column, text) in self.texts.iter_mut().zip(texts) {
            column.push(text.into());
        }
        for (column, text) in self.perhaps.iter_mut().zip(cells.perhaps) {
            column.present.push(i16::from(!text.is_empty()));
            if !text.is_empty() {
                column.values.push(text.into_bytes().into());
            }
        }
        self.bytes += record.len();
        self.records.push(record.to_vec().into());
        if self.records.len() >= MOST_ROWS || self.bytes >= MOST_BYTES {
            return self.group();
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.group()?;
        self.file.close().map_err(failed).map(drop)
    }

    /// Writes what was gathered as one group.
    fn group(&mut self) -> io::Result<()> {
        if self.records.is_empty() {
            return Ok(());
        }
        let (numbers, texts) = (std::mem::take(&mut self.numbers), std::mem::take(&mut self.texts));
        let (perhaps, records) = (std::mem::take(&mut self.perhaps), std::mem::take(&mut self.records));
        self.bytes = 0;
        let mut write = || -> Result<(), ParquetError> {
            let mut group = self.file.next_row_group()?;
            for numbers in &numbers {
                let mut column = next(&mut group)?;
                column.typed::<Int64Type>().write_batch(numbers, None, None)?;
                column.close()?;
            }
            for texts in &texts {
                text(&mut group, texts, None)?;
            }
            for Perhaps { present, values } in &perhaps {
                text(&mut group, values, Some(present))?;
            }
            text(&mut group, &records, None)?;
            group.close().map(drop)
        };
        write().map_err(failed)
    }
}

fn text<W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[ByteArray],
    present: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let mut column = next(group)?;
    column.typed::<ByteArrayType>().write_batch(values, present, None)?;
    column.close()
}

fn next<'a, W: Write + Send>(
    group: &'a mut SerializedRowGroupWriter<'_, W>,
) -> Result<parquet::file::writer::SerializedColumnWriter<'a>, ParquetError> {
    group.next_column()?.ok_or_else(|| ParquetError::General("the schema has fewer columns".to_owned()))
}

fn failed(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(cause) => io::Error::other(cause),
        other => io::Error::other(other),
    }
}

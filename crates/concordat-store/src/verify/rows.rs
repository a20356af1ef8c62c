//! Many rows at a time, for the answer that is hoped for. Whatever does not fit is left to the exact way.

use concordat_ledger::verify::{Chunk, Chunks, Verify};
use futures_util::{Stream, StreamExt as _};

use super::exact::{Table, entry, note};
use super::pipe::{Pipe, Watch};
use crate::row::Cells;

/// Rows of one chunk.
const ROWS: usize = 1024;

/// The verification after every record and every checkpoint that one of them completes, if all are right.
pub(super) async fn records<R: Cells + Send + 'static>(
    rows: impl Stream<Item = sqlx::Result<R>> + Unpin,
    verify: Verify,
    watch: Watch<'_>,
) -> Option<Verify> {
    let chunks = verify.chunks();
    let mut pipe = Pipe::new(verify, None, watch);
    let mut rows = rows.chunks(ROWS);
    let mut first = 0;
    while let Some(rows) = rows.next().await {
        let rows = rows.into_iter().collect::<sqlx::Result<Vec<R>>>().ok()?;
        let (from, chunks) = (first, chunks.clone());
        first += rows.len() as u64;
        pipe.put(move || look(&chunks, from, &rows)).await?;
    }
    pipe.end().await
}

fn look<R: Cells>(chunks: &Chunks, first: u64, rows: &[R]) -> Option<Chunk> {
    let mut chunk = chunks.begin(first);
    for row in rows {
        chunk.record(&entry(&Table { name: "record", key: "row", row }).ok()?);
        let table = Table { name: "checkpoint", key: "checkpoint_row", row };
        if let Some(size) = table.value(row.integer("size")).ok()? {
            chunk.checkpoint(note(&table, size).ok()?.as_bytes());
        }
    }
    Some(chunk)
}

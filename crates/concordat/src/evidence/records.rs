//! The records, one a line, looked at on all cores. However many there are, a few pieces are in memory.

use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use concordat_ledger::Verify;
use concordat_ledger::verify::{Chunk, Chunks, Entry, in_order};

use super::wrong::Wrong;

/// Bytes of one piece. It holds several records of the greatest length.
const PIECE: usize = 1 << 19;

/// Who is told how many records were found right, and how many there should be.
pub type Watch<'a> = &'a dyn Fn(u64, u64);

/// Whole lines, and the index of the first one.
struct Piece {
    first: u64,
    lines: Vec<u8>,
}

/// Cuts what is read into pieces at line ends.
struct Cut<'a> {
    content: &'a mut dyn Read,
    next: u64,
    rest: Vec<u8>,
}

/// Verifies the records that `content` holds, and after them the checkpoints that `verify` was given.
pub(super) fn verify(
    content: &mut dyn Read,
    verify: Verify,
    first: u64,
    size: u64,
    watch: Watch<'_>,
) -> Result<Verify, Wrong> {
    let chunks = verify.chunks();
    let mut cut = Cut { content, next: first, rest: Vec::new() };
    let (mut so_far, mut right) = (Some(verify), 0);
    let read = || cut.piece().map_err(|why| Wrong::Unreadable { file: "records.jsonl".to_owned(), why });
    let fold = |chunk: Chunk| {
        right += chunk.len() as u64;
        so_far = so_far.take().map(|so_far| so_far.take(chunk)).transpose()?;
        watch(right, size.saturating_sub(first));
        Ok(())
    };
    let workers = available_parallelism().unwrap_or(NonZeroUsize::MIN);
    in_order(workers, read, |piece| look(&chunks, &piece), fold)?;
    // It is there again after every fold that went well.
    so_far.ok_or_else(|| Wrong::refused("the verification ended before the records did"))
}

fn look(chunks: &Chunks, piece: &Piece) -> Chunk {
    let mut chunk = chunks.begin(piece.first);
    let lines = piece.lines.strip_suffix(b"\n").unwrap_or(&piece.lines);
    for (index, bytes) in (piece.first..).zip(lines.split(|byte| *byte == b'\n')) {
        chunk.record(&Entry { index, bytes, stored: None });
    }
    chunk
}

impl Cut<'_> {
    fn piece(&mut self) -> io::Result<Option<Piece>> {
        let mut lines = std::mem::take(&mut self.rest);
        lines.reserve(PIECE.saturating_sub(lines.len()));
        let wanted = PIECE.saturating_sub(lines.len()) as u64;
        (&mut *self.content).take(wanted).read_to_end(&mut lines)?;
        if lines.is_empty() {
            return Ok(None);
        }
        // A piece without a line end is the last line, or longer than any record, which its reader will say.
        if let Some(end) = lines.iter().rposition(|byte| *byte == b'\n') {
            self.rest = lines.split_off(end + 1);
        }
        let ends = lines.iter().filter(|byte| **byte == b'\n').count() as u64;
        let first = self.next;
        self.next += ends + u64::from(lines.last() != Some(&b'\n'));
        Ok(Some(Piece { first, lines }))
    }
}

//! Many threads, one order: pieces are read one after another, worked on side by side, and folded as they were read.
//!
//! ```text
//!            ┌─▶ worker ─┐
//!   read ────┼─▶ worker ─┼──▶ fold        read and fold run on the caller's thread
//!            └─▶ worker ─┘
//! ```
//!
//! At most two pieces a worker are in memory, however long the log is.

use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Pieces that one worker may have: one under work, and one so that it need not wait for the next.
const AHEAD: usize = 2;

/// Reads pieces until there are no more, works on them side by side, and folds them in the order of reading.
///
/// # Errors
///
/// The first one that `read` or `fold` gives; what is under work then is dropped.
pub fn in_order<I: Send, D: Send, E>(
    workers: NonZeroUsize,
    mut read: impl FnMut() -> Result<Option<I>, E>,
    work: impl Fn(I) -> D + Sync,
    mut fold: impl FnMut(D) -> Result<(), E>,
) -> Result<(), E> {
    let work = &work;
    thread::scope(|scope| {
        let start = |_| {
            let (give, take) = sync_channel(AHEAD);
            let (done, folded) = sync_channel(AHEAD);
            scope.spawn(move || serve(&take, &done, work));
            (give, folded)
        };
        let lanes: Vec<(SyncSender<I>, Receiver<D>)> = (0..workers.get()).map(start).collect();
        let mut to_give = lanes.iter().map(|(give, _)| give).cycle();
        let mut to_fold = lanes.iter().map(|(_, folded)| folded).cycle();
        let mut under_work = 0;
        loop {
            if under_work < AHEAD * lanes.len()
                && let Some(piece) = read()?
            {
                let given = to_give.next().is_some_and(|give| give.send(piece).is_ok());
                under_work += usize::from(given);
                // A worker that takes nothing has panicked; the scope says so when it ends.
                if given {
                    continue;
                }
            }
            if under_work == 0 {
                return Ok(());
            }
            match to_fold.next().map(Receiver::recv) {
                Some(Ok(done)) => fold(done)?,
                _ => return Ok(()),
            }
            under_work -= 1;
        }
    })
}

fn serve<I, D>(take: &Receiver<I>, done: &SyncSender<D>, work: &(impl Fn(I) -> D + Sync)) {
    for piece in take {
        if done.send(work(piece)).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_order(workers: usize, pieces: u64, fail_at: Option<u64>) {
        let (mut given, mut folded) = (0..pieces, Vec::new());
        let read = || Ok::<_, u64>(given.next());
        let work = |piece: u64| (0..piece % 7 * 1000).fold(piece, |sum, _| std::hint::black_box(sum));
        let fold = |done: u64| {
            folded.push(done);
            if Some(done) == fail_at { Err(done) } else { Ok(()) }
        };
        let ended = in_order(NonZeroUsize::new(workers).unwrap(), read, work, fold);
        assert_eq!(ended, fail_at.map_or(Ok(()), Err));
        assert_eq!(folded, (0..fail_at.map_or(pieces, |at| at + 1)).collect::<Vec<_>>());
    }

    #[test]
    fn pieces_are_folded_as_they_were_read() {
        for workers in [1, 2, 3, 8] {
            for pieces in [0, 1, 2, 3, 15, 16, 17, 100] {
                check_order(workers, pieces, None);
            }
            check_order(workers, 100, Some(0));
            check_order(workers, 100, Some(57));
        }
    }

    #[test]
    fn a_read_that_fails_ends_it() {
        let mut left = 5;
        let read = || {
            left -= 1;
            if left == 0 { Err("torn") } else { Ok(Some(left)) }
        };
        assert_eq!(in_order(NonZeroUsize::MIN, read, |piece| piece, |_| Ok(())), Err("torn"));
    }
}

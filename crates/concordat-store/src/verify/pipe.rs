//! Chunks on the threads that the runtime has for work, and back in the order in which they were read.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use concordat_ledger::verify::{Chunk, Verify};
use tokio::task::{JoinHandle, spawn_blocking};

/// How far a verification is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Records found right so far.
    pub records: u64,
    /// All records, where that is known.
    pub of: Option<u64>,
}

/// Who is told how far a verification is.
pub type Watch<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// A verification whose chunks are under work.
pub(super) struct Pipe<'a> {
    /// Gone after the first thing that is wrong.
    verify: Option<Verify>,
    progress: Progress,
    watch: Watch<'a>,
    under_work: VecDeque<JoinHandle<Option<Chunk>>>,
    most: usize,
}

impl<'a> Pipe<'a> {
    pub(super) fn new(verify: Verify, of: Option<u64>, watch: Watch<'a>) -> Pipe<'a> {
        // One more than there are cores, so that none waits while the next chunk is read.
        let most = 1 + available_parallelism().map_or(1, NonZeroUsize::get);
        Pipe {
            verify: Some(verify),
            progress: Progress { records: 0, of },
            watch,
            under_work: VecDeque::new(),
            most,
        }
    }

    /// Has a chunk looked at. `None` when something before it was not right.
    pub(super) async fn put(&mut self, look: impl FnOnce() -> Option<Chunk> + Send + 'static) -> Option<()> {
        while self.under_work.len() >= self.most {
            self.fold().await?;
        }
        self.under_work.push_back(spawn_blocking(look));
        Some(())
    }

    /// The verification with everything that was put in, if all of it is right.
    pub(super) async fn end(mut self) -> Option<Verify> {
        while !self.under_work.is_empty() {
            self.fold().await?;
        }
        self.verify
    }

    async fn fold(&mut self) -> Option<()> {
        let chunk = self.under_work.pop_front()?.await.ok()??;
        self.progress.records += chunk.len() as u64;
        self.verify = Some(self.verify.take()?.take(chunk).ok()?);
        (self.watch)(self.progress);
        Some(())
    }
}

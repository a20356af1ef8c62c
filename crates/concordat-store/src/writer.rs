//! The one task that writes, whichever database it writes to.
//!
//! It takes everything that queued while the last commit ran: no timer, and one fsync answers all. The tree of
//! the log lives here and grows only when the database said that the batch is durable. When it is not known
//! whether a batch is, memory and disk may differ, so nothing more is written until a fresh start has looked.
//!
//! ```text
//!   commit ──▶ queue ──▶ gather ──▶ Batch: hash, tree, sign ──▶ Ledger: one transaction ──▶ answers
//! ```

use std::sync::Mutex;

use concordat_engine::failpoint;
use concordat_engine::ports::{Change, Commit, Committed, StoreError};
use concordat_ledger::Frontier;
use concordat_ledger::tree::{Hash, Node};
use concordat_model::digest::Digest;
use concordat_model::payload::Payload;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use crate::batch::{Batch, Content};
use crate::nodes::Kept;
use crate::open::Signing;

/// Most records of a batch that has more than one change.
const MOST_RECORDS: usize = 512;

/// Most bytes of records and payloads of a batch that has more than one change.
const MOST_BYTES: usize = 1024 * 1024;

/// Changes that may wait; whoever comes then is refused, so that a slow disk cannot fill the memory.
const QUEUE: usize = 16 * 1024;

const CLOSED: &str = "the store is closed";

/// A database that this process alone writes: transactions, and what their failures mean.
pub(crate) trait Ledger: Sized + Send + 'static {
    /// How a batch lies in memory.
    type Content: Content;

    /// Makes a batch durable in a transaction of its own, and gives what the log is then.
    fn store(
        &mut self,
        batch: Batch<Self::Content>,
    ) -> impl Future<Output = Result<Frontier, Failure>> + Send;

    /// Begins a transaction of several batches.
    fn begin(&mut self) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Adds a batch to the transaction; one that is refused leaves the others as they are.
    fn add(&mut self, batch: Batch<Self::Content>) -> impl Future<Output = Result<Frontier, Failure>> + Send;

    /// Makes the transaction durable; `note` is its checkpoint.
    fn commit(&mut self, note: &str) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Takes the transaction back. When this fails, no other can begin, and nothing is written any more.
    fn roll_back(&mut self) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Overwrites what was deleted, as far as the database can.
    fn overwrite(&mut self) -> impl Future<Output = ()> + Send;

    /// Lets go of the database, so that another process may write it.
    fn close(self) -> impl Future<Output = ()> + Send;
}

/// A transaction that did not happen, or of which that is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// What was to be stored breaks a rule of the log. Nothing happened.
    Refused(String),
    /// The database cannot write at the moment. Nothing happened.
    Busy(String),
    /// The database must not be written any more. Nothing happened.
    Over(String),
    /// It is not known whether it happened.
    Unknown(String),
}

/// The way to the writing task.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Message>,
    /// Told once the database may be opened again.
    stopped: Mutex<Option<oneshot::Receiver<()>>>,
}

#[derive(Debug)]
enum Message {
    Commit(Box<Waiting>),
    Close(oneshot::Sender<()>),
}

/// A change and whoever waits for it.
#[derive(Debug)]
struct Waiting {
    change: Change,
    answer: oneshot::Sender<Result<Committed, StoreError>>,
}

impl Writer {
    /// Begins to write to a database whose log is `tree`; `kept` grows with it.
    pub(crate) fn start<L: Ledger>(ledger: L, tree: Frontier, kept: Kept, signing: Signing) -> Writer {
        let (queue, changes) = mpsc::channel(QUEUE);
        let (stopping, stopped) = oneshot::channel();
        let task = Task { changes, tree, kept, signing, ledger, broken: None };
        tokio::spawn(async move {
            task.run().await;
            drop(stopping);
        });
        Writer { queue, stopped: Mutex::new(Some(stopped)) }
    }

    /// Hands a change over. Once handed over it is stored even if nobody waits.
    pub(crate) fn commit(&self, change: Change) -> Commit {
        let (answer, answered) = oneshot::channel();
        let handed_over = self.queue.try_send(Message::Commit(Box::new(Waiting { change, answer })));
        Box::pin(async move {
            match handed_over {
                Ok(()) => {
                    answered.await.unwrap_or_else(|_| Err(StoreError::Unknown("the writer stopped".into())))
                }
                Err(TrySendError::Closed(_)) => Err(StoreError::Unavailable(CLOSED.into())),
                Err(TrySendError::Full(_)) => Err(StoreError::Unavailable(
                    "too many changes wait for the disk; hint: try again later".into(),
                )),
            }
        })
    }

    /// Waits until everything handed over is durable, and refuses what comes after.
    pub(crate) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.queue.send(Message::Close(done)).await.is_ok() {
            closed.await.unwrap_or_default();
        }
        let stopped = self.stopped.lock().map_or(None, |mut stopped| stopped.take());
        if let Some(stopped) = stopped {
            stopped.await.unwrap_or_default();
        }
    }
}

/// Those changes that can be stored at all; the others are answered.
fn sound(waiting: Vec<Waiting>) -> Vec<Waiting> {
    let mut sound = Vec::with_capacity(waiting.len());
    for waiting in waiting {
        match check(&waiting.change) {
            Ok(()) => sound.push(waiting),
            Err(error) => waiting.tell(Err(error)),
        }
    }
    sound
}

/// What can be said about a change without knowing what is stored.
fn check(change: &Change) -> Result<(), StoreError> {
    if change.records.is_empty() {
        return Err(StoreError::Conflict("a change without records must not happen".into()));
    }
    match payloads(change).find(|(digest, content)| Digest::of(content) != *digest) {
        Some((digest, _)) => Err(StoreError::Conflict(format!("the payload `{digest}` has other content"))),
        None => Ok(()),
    }
}

/// All payloads of a change.
fn payloads(change: &Change) -> impl Iterator<Item = &Payload> {
    change.payloads.iter().chain(change.sealed.iter().flat_map(|sealed| &sealed.payloads))
}

/// Nothing was stored, and whoever tries again may find the signer in better health.
fn unsigned(why: &str) -> Failure {
    tracing::error!(%why, "the log's key did not sign, so nothing is stored");
    Failure::Busy(format!("the log's key did not sign: {why}"))
}

/// What of a transaction of several batches could be stored.
#[derive(Default)]
struct Apart {
    stored: Vec<Waiting>,
    places: Vec<u64>,
    completed: Vec<(Node, Hash)>,
}

struct Task<L> {
    changes: mpsc::Receiver<Message>,
    tree: Frontier,
    /// The larger subtrees of the tree, for whoever asks for proofs.
    kept: Kept,
    signing: Signing,
    ledger: L,
    /// Why nothing is written any more.
    broken: Option<String>,
}

impl<L: Ledger> Task<L> {
    async fn run(mut self) {
        let mut next = None;
        loop {
            let message = match next.take() {
                Some(message) => Some(message),
                None => self.changes.recv().await,
            };
            match message {
                Some(Message::Commit(waiting)) => {
                    let (batch, rest) = self.gather(*waiting);
                    next = rest;
                    self.commit(batch).await;
                }
                Some(Message::Close(done)) => {
                    self.refuse_the_rest();
                    self.ledger.close().await;
                    done.send(()).unwrap_or_default();
                    return;
                }
                None => return self.ledger.close().await,
            }
        }
    }

    /// What queued behind a change, as far as one batch reaches, and the message that no longer belongs to it.
    fn gather(&mut self, first: Waiting) -> (Vec<Waiting>, Option<Message>) {
        let (mut records, mut bytes) = size(&first.change);
        let mut batch = vec![first];
        while let Ok(message) = self.changes.try_recv() {
            let Message::Commit(waiting) = message else { return (batch, Some(message)) };
            let (more_records, more_bytes) = size(&waiting.change);
            records += more_records;
            bytes += more_bytes;
            if records > MOST_RECORDS || bytes > MOST_BYTES {
                return (batch, Some(Message::Commit(waiting)));
            }
            batch.push(*waiting);
        }
        (batch, None)
    }

    async fn commit(&mut self, waiting: Vec<Waiting>) {
        let waiting = sound(waiting);
        if waiting.is_empty() {
            return;
        }
        if let Some(broken) = &self.broken {
            let refused = StoreError::ReadOnly(broken.clone());
            return waiting.into_iter().for_each(|waiting| waiting.tell(Err(refused.clone())));
        }
        match self.commit_together(&waiting).await {
            Ok(places) => {
                self.overwrite(&waiting).await;
                answer(waiting, &places, self.tree.size());
            }
            Err(StoreError::Conflict(_)) if waiting.len() > 1 => self.commit_apart(waiting).await,
            Err(error) => waiting.into_iter().for_each(|waiting| waiting.tell(Err(error.clone()))),
        }
    }

    /// Whoever had something forgotten is answered when it is gone from the files too.
    async fn overwrite(&mut self, stored: &[Waiting]) {
        if stored.iter().any(|waiting| !waiting.change.forgotten.is_empty()) {
            self.ledger.overwrite().await;
        }
    }

    /// One batch of all of them: all are stored, or none.
    async fn commit_together(&mut self, waiting: &[Waiting]) -> Result<Vec<u64>, StoreError> {
        let mut batch = Batch::after(&self.tree);
        let places: Result<Vec<u64>, _> = waiting.iter().map(|waiting| batch.add(&waiting.change)).collect();
        // A record that is damaged before it was written: the memory cannot be trusted, and the disk holds nothing.
        let places = places.map_err(|flipped| self.judge(Failure::Over(flipped.to_string())))?;
        failpoint::reach(failpoint::BEFORE_SIGN);
        let signed = self.signing.note(&batch.tree).await;
        batch.note = Some(signed.map_err(|why| self.judge(unsigned(&why)))?);
        failpoint::reach(failpoint::BEFORE_BEGIN);
        let completed = std::mem::take(&mut batch.completed);
        let stored = self.ledger.store(batch).await;
        self.tree = stored.map_err(|failure| self.judge(failure))?;
        self.kept.extend(completed);
        failpoint::reach(failpoint::AFTER_COMMIT);
        Ok(places)
    }

    /// One batch for each, so that those that conflict fail alone; still one transaction and one checkpoint.
    async fn commit_apart(&mut self, waiting: Vec<Waiting>) {
        let mut apart = Apart::default();
        match self.store_apart(waiting, &mut apart).await {
            Ok(tree) => {
                self.tree = tree;
                self.kept.extend(apart.completed);
                self.overwrite(&apart.stored).await;
                answer(apart.stored, &apart.places, self.tree.size());
            }
            Err(failure) => {
                let error = self.judge(failure);
                apart.stored.into_iter().for_each(|waiting| waiting.tell(Err(error.clone())));
            }
        }
    }

    /// What is left in `apart` when this fails is not answered yet; nothing of the transaction remains then.
    async fn store_apart(&mut self, waiting: Vec<Waiting>, apart: &mut Apart) -> Result<Frontier, Failure> {
        let mut tree = self.tree.clone();
        let mut waiting = waiting.into_iter();
        failpoint::reach(failpoint::BEFORE_BEGIN);
        if let Err(failure) = self.ledger.begin().await {
            apart.stored.extend(waiting);
            return Err(failure);
        }
        while let Some(next) = waiting.next() {
            match self.add(&tree, &next.change).await {
                Ok((grown, place, completed)) => {
                    tree = grown;
                    apart.places.push(place);
                    apart.completed.extend(completed);
                    apart.stored.push(next);
                }
                Err(Failure::Refused(why)) => next.tell(Err(StoreError::Conflict(why))),
                Err(failure) => {
                    apart.stored.push(next);
                    apart.stored.extend(waiting);
                    // What happened first counts: some failures take the transaction with them.
                    self.ledger.roll_back().await.unwrap_or_default();
                    return Err(failure);
                }
            }
        }
        if apart.stored.is_empty() {
            self.ledger.roll_back().await?;
            return Ok(tree);
        }
        self.finish(&tree).await
    }

    async fn add(
        &mut self,
        tree: &Frontier,
        change: &Change,
    ) -> Result<(Frontier, u64, Vec<(Node, Hash)>), Failure> {
        let mut batch = Batch::after(tree);
        let place = batch.add(change).map_err(|flipped| Failure::Over(flipped.to_string()))?;
        let completed = std::mem::take(&mut batch.completed);
        let tree = self.ledger.add(batch).await?;
        Ok((tree, place, completed))
    }

    /// Signs what the transaction made of the log, and makes it durable.
    async fn finish(&mut self, tree: &Frontier) -> Result<Frontier, Failure> {
        let mut checkpoint = Batch::after(tree);
        failpoint::reach(failpoint::BEFORE_SIGN);
        let note = match self.signing.note(tree).await {
            Ok(note) => note,
            Err(why) => {
                self.ledger.roll_back().await?;
                return Err(unsigned(&why));
            }
        };
        checkpoint.note = Some(note.clone());
        let tree = match self.ledger.add(checkpoint).await {
            Ok(tree) => tree,
            Err(failure) => {
                self.ledger.roll_back().await.unwrap_or_default();
                // The database refuses our own checkpoint: it is not what we think it is.
                return Err(match failure {
                    Failure::Refused(why) => Failure::Over(why),
                    failure => failure,
                });
            }
        };
        self.ledger.commit(&note).await?;
        failpoint::reach(failpoint::AFTER_COMMIT);
        Ok(tree)
    }

    /// What a failure means for those who wait, and whether anything may be written after it.
    fn judge(&mut self, failure: Failure) -> StoreError {
        let (why, known) = match failure {
            Failure::Refused(why) => return StoreError::Conflict(why),
            Failure::Busy(why) => return StoreError::Unavailable(why),
            Failure::Over(why) => (why, true),
            Failure::Unknown(why) => (why, false),
        };
        tracing::error!(%why, "the store is read-only until the program is started again: {why}");
        let broken =
            format!("the store is read-only since a commit failed ({why}); hint: start the program again");
        self.broken = Some(broken.clone());
        if known { StoreError::ReadOnly(broken) } else { StoreError::Unknown(broken) }
    }

    fn refuse_the_rest(&mut self) {
        self.changes.close();
        while let Ok(message) = self.changes.try_recv() {
            match message {
                Message::Commit(waiting) => waiting.tell(Err(StoreError::Unavailable(CLOSED.into()))),
                Message::Close(done) => done.send(()).unwrap_or_default(),
            }
        }
    }
}

impl Waiting {
    /// Answers; whoever went away meanwhile learns it from the store.
    fn tell(self, outcome: Result<Committed, StoreError>) {
        self.answer.send(outcome).unwrap_or_default();
    }
}

fn answer(waiting: Vec<Waiting>, places: &[u64], size: u64) {
    for (waiting, first) in waiting.into_iter().zip(places) {
        waiting.tell(Ok(Committed { first: *first, size }));
    }
}

fn size(change: &Change) -> (usize, usize) {
    let records: usize = change.records.iter().map(|record| record.bytes().len()).sum();
    let payloads: usize = payloads(change).map(|(_, content)| content.len()).sum();
    (change.records.len(), records + payloads)
}

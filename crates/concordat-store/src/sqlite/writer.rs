//! The one task that writes.
//!
//! It takes everything that queued while the last commit ran: no timer, and one fsync answers all. The tree of
//! the log lives here and grows only when the database said that the batch is durable. When it is not known
//! whether a batch is, memory and disk may differ, so nothing more is written until a fresh start has looked.

use std::sync::Mutex;

use concordat_engine::ports::{Change, Commit, Committed, StoreError};
use concordat_ledger::{Frontier, Signer};
use concordat_model::digest::Digest;
use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use super::batch::{Batch, Flipped};
use super::place::Place;

/// Most records of a batch that has more than one change.
const MOST_RECORDS: usize = 512;

/// Most bytes of records and payloads of a batch that has more than one change.
const MOST_BYTES: usize = 1024 * 1024;

/// Changes that may wait; whoever comes then is refused, so that a slow disk cannot fill the memory.
const QUEUE: usize = 16 * 1024;

const CLOSED: &str = "the store is closed";

/// The way to the writing task.
#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Message>,
    /// Told once the file may be opened again.
    stopped: Mutex<Option<oneshot::Receiver<()>>>,
}

#[derive(Debug)]
enum Message {
    Commit(Waiting),
    Close(oneshot::Sender<()>),
}

/// A change and whoever waits for it.
#[derive(Debug)]
struct Waiting {
    change: Change,
    answer: oneshot::Sender<Result<Committed, StoreError>>,
}

impl Writer {
    pub(super) fn start(
        connection: SqliteConnection,
        place: Place,
        tree: Frontier,
        signer: Signer,
    ) -> Writer {
        let (queue, changes) = mpsc::channel(QUEUE);
        let (stopping, stopped) = oneshot::channel();
        let task = Task { changes, tree, signer, ledger: Ledger { connection, broken: None } };
        tokio::spawn(async move {
            task.run().await;
            // Only now may another process write.
            drop(place);
            drop(stopping);
        });
        Writer { queue, stopped: Mutex::new(Some(stopped)) }
    }

    /// Hands a change over. Once handed over it is stored even if nobody waits.
    pub(super) fn commit(&self, change: Change) -> Commit {
        let (answer, answered) = oneshot::channel();
        let handed_over = self.queue.try_send(Message::Commit(Waiting { change, answer }));
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

    pub(super) async fn close(&self) {
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
    match change.payloads.iter().find(|(digest, content)| Digest::of(content) != *digest) {
        Some((digest, _)) => Err(StoreError::Conflict(format!("the payload `{digest}` has other content"))),
        None => Ok(()),
    }
}

struct Task {
    changes: mpsc::Receiver<Message>,
    tree: Frontier,
    signer: Signer,
    ledger: Ledger,
}

impl Task {
    async fn run(mut self) {
        let mut next = None;
        loop {
            let message = match next.take() {
                Some(message) => Some(message),
                None => self.changes.recv().await,
            };
            match message {
                Some(Message::Commit(waiting)) => {
                    let (batch, rest) = self.gather(waiting);
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
            batch.push(waiting);
        }
        (batch, None)
    }

    async fn commit(&mut self, waiting: Vec<Waiting>) {
        let waiting = sound(waiting);
        if waiting.is_empty() {
            return;
        }
        if let Some(broken) = &self.ledger.broken {
            let refused = StoreError::Unavailable(broken.clone());
            return waiting.into_iter().for_each(|waiting| waiting.tell(Err(refused.clone())));
        }
        match self.commit_together(&waiting).await {
            Ok(places) => answer(waiting, &places, self.tree.size()),
            Err(StoreError::Conflict(_)) if waiting.len() > 1 => self.commit_apart(waiting).await,
            Err(error) => waiting.into_iter().for_each(|waiting| waiting.tell(Err(error.clone()))),
        }
    }

    /// One statement for all of them: all are stored, or none.
    async fn commit_together(&mut self, waiting: &[Waiting]) -> Result<Vec<u64>, StoreError> {
        let mut batch = Batch::after(&self.tree);
        let places: Result<Vec<u64>, _> = waiting.iter().map(|waiting| batch.add(&waiting.change)).collect();
        let places = places.map_err(|flipped| self.ledger.flipped(&flipped))?;
        batch.sign(&self.signer);
        self.tree = self.ledger.store(batch).await?;
        Ok(places)
    }

    /// One statement for each, so that those that conflict fail alone; still one transaction and one checkpoint.
    async fn commit_apart(&mut self, waiting: Vec<Waiting>) {
        let mut stored = Vec::new();
        let mut places = Vec::new();
        let outcome = self.store_apart(waiting, &mut stored, &mut places).await;
        match outcome {
            Ok(tree) => {
                self.tree = tree;
                answer(stored, &places, self.tree.size());
            }
            Err(error) => stored.into_iter().for_each(|waiting| waiting.tell(Err(error.clone()))),
        }
    }

    async fn store_apart(
        &mut self,
        waiting: Vec<Waiting>,
        stored: &mut Vec<Waiting>,
        places: &mut Vec<u64>,
    ) -> Result<Frontier, StoreError> {
        let mut tree = self.tree.clone();
        let mut waiting = waiting.into_iter();
        let begun = self.ledger.run("BEGIN IMMEDIATE").await;
        for next in waiting.by_ref() {
            let mut batch = Batch::after(&tree);
            let added = match &begun {
                Ok(()) => batch.add(&next.change).map_err(|flipped| self.ledger.flipped(&flipped)),
                Err(error) => Err(error.clone()),
            };
            let outcome = match added {
                Ok(place) => self.ledger.store(batch).await.map(|tree| (tree, place)),
                Err(error) => Err(error),
            };
            match outcome {
                Ok((grown, place)) => {
                    tree = grown;
                    places.push(place);
                    stored.push(next);
                }
                Err(error @ StoreError::Conflict(_)) => next.tell(Err(error)),
                Err(error) => {
                    // Whoever is not answered yet gets this one: nothing of the transaction remains.
                    stored.push(next);
                    stored.extend(waiting);
                    if begun.is_ok() {
                        self.ledger.broke(&error);
                        self.ledger.run("ROLLBACK").await.unwrap_or_default();
                    }
                    return Err(error);
                }
            }
        }
        if stored.is_empty() {
            self.ledger.run("ROLLBACK").await?;
            return Ok(tree);
        }
        let mut checkpoint = Batch::after(&tree);
        checkpoint.sign(&self.signer);
        let tree = self.ledger.store(checkpoint).await.map_err(|error| self.ledger.broke(&error))?;
        self.ledger.run("COMMIT").await.map_err(|error| self.ledger.broke(&error))?;
        Ok(tree)
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

/// The connection, until something happened after which it must not be written to.
struct Ledger {
    connection: SqliteConnection,
    /// Why nothing is written any more.
    broken: Option<String>,
}

impl Ledger {
    async fn store(&mut self, batch: Batch) -> Result<Frontier, StoreError> {
        let stored = batch.store(&mut self.connection).await;
        stored.map_err(|error| self.judge(&error))
    }

    async fn run(&mut self, statement: &'static str) -> Result<(), StoreError> {
        let run = sqlx::raw_sql(statement).execute(&mut self.connection).await;
        run.map(drop).map_err(|error| self.judge(&error))
    }

    /// Says what an error means for the change, and whether the store can go on.
    fn judge(&mut self, error: &sqlx::Error) -> StoreError {
        let database = error.as_database_error();
        // SQLite's extended result codes have the primary one in their low byte.
        let code = database.and_then(|error| error.code()?.parse::<u32>().ok()).map(|code| code & 0xff);
        match (code, database) {
            (Some(BUSY | LOCKED), _) => {
                StoreError::Unavailable("another program holds a lock on the database".into())
            }
            (Some(CONSTRAINT), Some(error)) => StoreError::Conflict(in_words(error.message())),
            (Some(FULL), _) => self.broke(&StoreError::Unavailable("the disk is full".into())),
            _ => self.broke(&StoreError::Unknown(error.to_string())),
        }
    }

    /// Writes nothing from now on: the tree in memory and the log on disk may differ.
    fn broke(&mut self, error: &StoreError) -> StoreError {
        let broken = self.broken.get_or_insert_with(|| {
            tracing::error!(%error, "the store is read-only until the program is started again: {error}");
            format!("the store is read-only since a commit failed ({error}); hint: start the program again")
        });
        match error {
            StoreError::Unavailable(_) => StoreError::Unavailable(broken.clone()),
            _ => StoreError::Unknown(broken.clone()),
        }
    }

    /// A record that is damaged before it was written: the memory cannot be trusted, and the disk holds nothing.
    fn flipped(&mut self, flipped: &Flipped) -> StoreError {
        self.broke(&StoreError::Unavailable(flipped.to_string()))
    }

    async fn close(self) {
        if let Err(error) = self.connection.close().await {
            tracing::warn!(%error, "the database was not closed in order: {error}");
        }
    }
}

/// `SQLITE_BUSY`
const BUSY: u32 = 5;
/// `SQLITE_LOCKED`
const LOCKED: u32 = 6;
/// `SQLITE_FULL`
const FULL: u32 = 13;
/// `SQLITE_CONSTRAINT`
const CONSTRAINT: u32 = 19;

/// A broken rule of the schema; our triggers speak for themselves.
fn in_words(message: &str) -> String {
    if message.contains("reply.") {
        return "an answer is stored under this `Idempotency-Key` already".into();
    }
    message.to_owned()
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
    let payloads: usize = change.payloads.iter().map(|(_, content)| content.len()).sum();
    (change.records.len(), records + payloads)
}

#[cfg(test)]
mod tests;

//! Records as server-sent events: those of a run until it is over, or of the whole log as it grows.
//!
//! A stream reads the store, then waits until the log grows, and reads on. What it missed while nobody listened it
//! reads from the store, so a client that comes back with the last id misses nothing and sees nothing twice.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, KeepAliveStream, Sse};
use concordat_engine::Engine;
use concordat_engine::ports::{Page, RecordFilter, StoredRecord};
use concordat_model::id::{KeyId, RunId};
use futures_util::{Stream, StreamExt as _};
use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::app::{App, Shared};
use crate::refusal::Refusal;

/// How soon a client should come back after a break.
const RETRY: Duration = Duration::from_secs(3);
/// How often a silent stream says that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// The log grows for every run, so a stream rests before it looks again: the longer, the longer nothing was for it.
const SHORTEST_REST: Duration = Duration::from_millis(10);
const LONGEST_REST: Duration = Duration::from_millis(250);
/// How many records are read at a time.
const CHUNK: u32 = 100;

/// The record after which a run has no more.
const LAST: &str = "contract.ended";

/// A stream of a run's records from this index of the log on, until it is over.
pub(crate) fn of_run(
    app: &Shared,
    key: KeyId,
    run: RunId,
    from: u64,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>> + use<>>, Refusal> {
    stream(app, key, RecordFilter { from, subject: Some(run.to_string()), types: Vec::new() }, true)
}

/// A stream of records of the log, which has no end.
pub(crate) fn of_log(
    app: &Shared,
    key: KeyId,
    filter: RecordFilter,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>> + use<>>, Refusal> {
    stream(app, key, filter, false)
}

fn stream(
    app: &Shared,
    key: KeyId,
    filter: RecordFilter,
    ends: bool,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>> + use<>>, Refusal> {
    // Headers and the pause leave at once, also when nothing has happened yet.
    let begin = futures_util::stream::once(async { Ok(Event::default().retry(RETRY)) });
    let records = futures_util::stream::unfold(Records::new(app, key, filter, ends)?, |mut records| async {
        records.next().await.map(|stored| (Ok(event(&stored)), records))
    });
    Ok(told(begin.chain(records)))
}

/// Events as they leave, with a sign of life while there are none.
pub(crate) fn told<S: Stream<Item = Result<Event, Infallible>> + Send + 'static>(
    events: S,
) -> Sse<KeepAliveStream<S>> {
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

/// Records as they come, to one who reads them.
pub(crate) struct Records {
    engine: Engine,
    app: Shared,
    filter: RecordFilter,
    /// Whether it is of a run, and over with it.
    ends: bool,
    grown: watch::Receiver<u64>,
    stopping: watch::Receiver<bool>,
    read: VecDeque<StoredRecord>,
    /// Whose stream it is: it ends when the key is taken back.
    key: KeyId,
    over: bool,
    looked: bool,
    rest: Duration,
    _permit: OwnedSemaphorePermit,
}

impl Records {
    /// The records of a run from this index of the log on, until it is over.
    pub(crate) fn of_run(app: &Shared, key: KeyId, run: RunId, from: u64) -> Result<Records, Refusal> {
        let filter = RecordFilter { from, subject: Some(run.to_string()), types: Vec::new() };
        Records::new(app, key, filter, true)
    }

    fn new(app: &Shared, key: KeyId, filter: RecordFilter, ends: bool) -> Result<Records, Refusal> {
        let permit = app.streams.clone().try_acquire_owned().map_err(|_| Refusal::Streams)?;
        app.metrics.streams.inc();
        Ok(Records {
            engine: app.engine.clone(),
            app: app.clone(),
            filter,
            ends,
            grown: app.engine.log_size(),
            stopping: app.stopping.subscribe(),
            read: VecDeque::new(),
            key,
            over: false,
            looked: false,
            rest: SHORTEST_REST,
            _permit: permit,
        })
    }

    /// The next record; nothing when there will be none, the key was taken back, or the server stops.
    pub(crate) async fn next(&mut self) -> Option<StoredRecord> {
        loop {
            if let Some(stored) = self.read.pop_front() {
                self.over = self.ends && stored.record.kind() == LAST;
                return Some(stored);
            }
            if self.over || self.read_on().await.is_none() {
                return None;
            }
            if self.read.is_empty() && self.wait().await.is_none() {
                return None;
            }
        }
    }

    /// Waits for a record, and passes over those that came with it: for who looks at the whole anew each time.
    pub(crate) async fn more(&mut self) -> Option<()> {
        let mut last = self.next().await;
        while !self.read.is_empty() {
            last = self.next().await;
        }
        last.map(drop)
    }

    /// Reads what there is. A store that cannot be read ends the stream; the client comes back.
    async fn read_on(&mut self) -> Option<()> {
        self.engine.key(self.key).ok().filter(|key| key.revoked.is_none())?;
        self.grown.borrow_and_update();
        let records = self.engine.store().records(&self.filter, Page::of(CHUNK)).await.ok()?;
        let first_look = !std::mem::replace(&mut self.looked, true);
        if let Some(last) = records.last() {
            self.filter.from = last.index.saturating_add(1);
            self.rest = SHORTEST_REST;
        } else if self.ends && first_look && self.filter.from > 0 && self.ended_before().await? {
            return None;
        } else {
            self.rest = self.rest.saturating_mul(2).min(LONGEST_REST);
        }
        self.read.extend(records);
        Some(())
    }

    /// Whether a client resumes a run that is over and has seen its last record.
    async fn ended_before(&self) -> Option<bool> {
        let last = RecordFilter { from: 0, types: vec![LAST.to_owned()], ..self.filter.clone() };
        let found = self.engine.store().records(&last, Page::of(1)).await.ok()?;
        Some(found.first().is_some_and(|ended| ended.index < self.filter.from))
    }

    /// Waits until the log has grown; nothing when the server stops.
    async fn wait(&mut self) -> Option<()> {
        tokio::select! {
            grown = self.grown.changed() => grown.ok()?,
            _ = self.stopping.wait_for(|stopping| *stopping) => return None,
        }
        tokio::time::sleep(self.rest).await;
        Some(())
    }
}

impl Drop for Records {
    fn drop(&mut self) {
        let app: &App = &self.app;
        app.metrics.streams.dec();
    }
}

fn event(stored: &StoredRecord) -> Event {
    let record = &stored.record;
    let data = String::from_utf8_lossy(record.bytes());
    Event::default().id(stored.index.to_string()).event(record.kind()).data(data)
}

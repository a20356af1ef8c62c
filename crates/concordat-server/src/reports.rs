//! Reports that are being made, and those that wait to be fetched.
//!
//! Making one may take minutes, so it is ordered, watched and fetched. How many are made at a time, how many wait and
//! how long each may be are bounded; each is a file in a private folder that goes with the server, and is forgotten after
//! an hour.

mod log;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use concordat_engine::ports::Store;
use concordat_model::id::ReportId;
use concordat_report::making::{self, Form, Made, NotMade, Order};
use concordat_report::pack::{Measure, hex};
use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use log::Log;

/// How many reports are made at a time.
const RUNNING: usize = 2;
/// How many reports are kept, with those that are being made.
const KEPT: usize = 16;
/// The longest report, in bytes.
const LONGEST: u64 = 4 << 30;
/// How long a report can be fetched.
const FETCHABLE: Duration = Duration::from_secs(3600);

/// All reports of this server.
#[derive(Debug)]
pub(crate) struct Reports {
    jobs: Mutex<BTreeMap<ReportId, Arc<Job>>>,
    running: Arc<Semaphore>,
    /// Made with the first report.
    folder: OnceLock<TempDir>,
}

/// One report.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) form: Form,
    pub(crate) read: AtomicU64,
    pub(crate) of: AtomicU64,
    pub(crate) state: Mutex<State>,
    pub(crate) file: PathBuf,
}

/// How a report stands.
#[derive(Debug, Clone)]
pub(crate) enum State {
    /// It is being made.
    Running,
    /// It can be fetched.
    Done(Done),
    /// It was not made: why, and whether that is for our own log only.
    Failed(String),
}

/// What was made.
#[derive(Debug, Clone)]
pub(crate) struct Done {
    pub(crate) made: Made,
    pub(crate) bytes: u64,
    /// The SHA-256 of its content.
    pub(crate) digest: String,
}

/// There are as many reports as are kept.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Busy;

impl Reports {
    pub(crate) fn new() -> Reports {
        Reports {
            jobs: Mutex::default(),
            running: Arc::new(Semaphore::new(RUNNING)),
            folder: OnceLock::new(),
        }
    }

    /// Begins to make a report.
    pub(crate) fn begin(
        self: &Arc<Self>,
        id: ReportId,
        store: Arc<dyn Store>,
        order: Order,
    ) -> io::Result<Result<Arc<Job>, Busy>> {
        let file = self.folder()?.join(id.to_string());
        let job = Arc::new(Job {
            form: order.form,
            read: AtomicU64::new(0),
            of: AtomicU64::new(0),
            state: Mutex::new(State::Running),
            file,
        });
        {
            let mut jobs = self.jobs.lock();
            if jobs.len() >= KEPT {
                return Ok(Err(Busy));
            }
            jobs.insert(id, job.clone());
        }
        let (running, making) = (self.running.clone(), job.clone());
        let reports = Arc::downgrade(self);
        tokio::spawn(async move {
            // The semaphore is never closed. The next one's turn comes when this one is made, not when it is forgotten.
            let turn = running.acquire_owned().await;
            let done = tokio::task::spawn_blocking(move || making.make(store, &order)).await;
            drop(turn);
            if let Err(error) = done {
                tracing::error!(%error, report = %id, "report `{id}` was not made: {error}");
                forget(&reports, id);
                return;
            }
            tokio::time::sleep(FETCHABLE).await;
            forget(&reports, id);
        });
        Ok(Ok(job))
    }

    /// A report.
    pub(crate) fn get(&self, id: ReportId) -> Option<Arc<Job>> {
        self.jobs.lock().get(&id).cloned()
    }

    fn folder(&self) -> io::Result<PathBuf> {
        if let Some(folder) = self.folder.get() {
            return Ok(folder.path().to_owned());
        }
        let made = tempfile::Builder::new().prefix("concordat-reports-").tempdir()?;
        Ok(self.folder.get_or_init(|| made).path().to_owned())
    }
}

fn forget(reports: &Weak<Reports>, id: ReportId) {
    let job = reports.upgrade().and_then(|reports| reports.jobs.lock().remove(&id));
    if let Some(job) = job {
        // It may never have been written.
        let _ = std::fs::remove_file(&job.file);
    }
}

impl Job {
    /// Makes the report. Reading is asynchronous, computing and writing are not, so it has a thread of its own.
    fn make(&self, store: Arc<dyn Store>, order: &Order) {
        let made = self.written(store, order);
        let state = match made {
            Ok(done) => State::Done(done),
            Err(why) => {
                tracing::warn!(error = %why, "a report was not made: {why}");
                State::Failed(why.to_string())
            }
        };
        *self.state.lock() = state;
    }

    fn written(&self, store: Arc<dyn Store>, order: &Order) -> Result<Done, NotMade> {
        let out = BufWriter::with_capacity(1 << 18, File::create(&self.file)?);
        let mut out = Bounded { out, measure: Measure::default(), left: LONGEST };
        let mut progress = |read, of| {
            self.read.store(read, Ordering::Relaxed);
            self.of.store(of, Ordering::Relaxed);
        };
        let made =
            Handle::current().block_on(making::make(&mut Log(store), order, &mut out, &mut progress))?;
        out.flush()?;
        let measured = out.measure.done();
        Ok(Done { made, bytes: measured.bytes, digest: format!("sha256:{}", hex(&measured.sha256)) })
    }
}

/// A file that does not become longer than it may.
struct Bounded<W> {
    out: W,
    measure: Measure,
    left: u64,
}

impl<W: Write> Write for Bounded<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        let left = self.left.checked_sub(written as u64);
        self.left = left.ok_or_else(|| {
            io::Error::other(
                "it would be longer than 4 GiB; hint: choose a shorter period, or use the command line",
            )
        })?;
        self.measure.add(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

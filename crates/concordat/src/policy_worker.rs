//! Looks at a policy bundle in a process of its own, because its text may be hostile.
//!
//! No catch stops an overflowing stack or a parser that runs away. So whoever wants to know what is wrong with a
//! bundle starts this program again with one hidden word, hands it the bundle's document, and reads the report:
//!
//! ```text
//! server, command line ── document ──► concordat policy-worker   (2 s of CPU, 512 MiB, 3 s in all, no environment)
//!                      ◄── report ───
//! ```
//!
//! However the child ends, the answer is a report; one that was killed passes nothing.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitCode, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use concordat_engine::Inspect;
use concordat_model::digest::Digest;
use concordat_policy::bundle::MOST_DOCUMENT;
use concordat_policy::finding::Code;
use concordat_policy::{Bundle, Finding, Inspection, check};
use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

/// The word that makes the program a worker.
const WORD: &str = "policy-worker";
/// The CPU time that a worker has, in seconds.
const CPU: u64 = 2;
/// The memory that a worker may address beyond what the program itself maps, in bytes.
const MEMORY: u64 = 512 * 1024 * 1024;
/// The time that a worker has in all.
const WALL: Duration = Duration::from_secs(3);
/// The largest report that is read.
const MOST_REPORT: u64 = 1024 * 1024;

/// Why nothing could be found out.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The child cannot be started, or not be spoken to.
    #[error("no process could be started to look at the policy: {0}")]
    Start(#[from] std::io::Error),
    /// The child ended, but not with a report on this bundle.
    #[error("the process that looked at the policy gave no report: {0}")]
    NoReport(String),
}

/// Whether these arguments, the program's name included, ask for a worker.
#[must_use]
pub fn is_meant(arguments: &[OsString]) -> bool {
    arguments.len() == 2 && arguments.last().is_some_and(|word| word == WORD)
}

/// Reads a bundle's document from standard input and writes the report on it to standard output.
#[must_use]
pub fn work() -> ExitCode {
    // A worker that cannot limit itself does not read on.
    let limited = limit();
    let mut document = Vec::new();
    let read = std::io::stdin().lock().take(MOST_DOCUMENT as u64 + 1).read_to_end(&mut document);
    if !limited || read.is_err() {
        return ExitCode::FAILURE;
    }
    let report = match Bundle::from_document(&document) {
        Ok(bundle) => check(&bundle),
        Err(error) => Inspection::of(Finding::from(&error)),
    };
    let told = serde_json::to_vec(&report).map_err(std::io::Error::other);
    match told.and_then(|told| std::io::stdout().lock().write_all(&told)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn limit() -> bool {
    let most =
        |resource, most| setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) }).is_ok();
    most(Resource::Core, 0)
        && most(Resource::Fsize, 0)
        && most(Resource::Cpu, CPU)
        && mapped().is_some_and(|mapped| most(Resource::As, mapped + MEMORY))
}

/// How much this process maps at its start, in bytes: its program, which may be large.
///
/// A limit that counted it would leave little, and an allocator that is short of address space asks the kernel for
/// every single piece.
fn mapped() -> Option<u64> {
    let sizes = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = sizes.split(' ').next()?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// Has another process look at a bundle. `program` is this program, wherever it lies.
///
/// # Errors
/// The process cannot be started or gives no report. Neither says anything good about the bundle.
pub async fn inspect(program: &Path, document: &[u8]) -> Result<Inspection, InspectError> {
    let mut child = Command::new(program)
        .arg(WORD)
        .env_clear()
        // Of the memory that it may address, the C library would set aside much for each thread, find none left, and
        // ask the kernel anew for every small thing: with one arena a look takes a quarter of the time.
        .env("MALLOC_ARENA_MAX", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let told = async {
        let write = async {
            if let Some(mut stdin) = stdin {
                // Whoever was killed reads no further: how it ended says more.
                let _ = stdin.write_all(document).await;
            }
        };
        let read = async {
            let mut report = Vec::new();
            if let Some(stdout) = stdout {
                let _ = stdout.take(MOST_REPORT).read_to_end(&mut report).await;
            }
            report
        };
        let ((), report) = tokio::join!(write, read);
        child.wait().await.map(|status| (status, report))
    };
    match tokio::time::timeout(WALL, told).await {
        Ok(ended) => {
            let (status, report) = ended?;
            read_report(status, &report, document)
        }
        // Dropping the child kills it.
        Err(_) => Ok(exhausted(&format!("it takes more than {} s", WALL.as_secs()))),
    }
}

/// How a server looks at bundles: in another process of this very program.
#[must_use]
pub fn inspector() -> Inspect {
    Arc::new(|document| {
        Box::pin(async move {
            let looked = match std::env::current_exe() {
                Ok(program) => inspect(&program, &document).await,
                Err(error) => Err(error.into()),
            };
            looked.unwrap_or_else(|error| Inspection::of(Finding::whole(Code::Exhausted, error.to_string())))
        })
    })
}

fn read_report(status: ExitStatus, report: &[u8], document: &[u8]) -> Result<Inspection, InspectError> {
    /// More CPU time than there is; an abort, because memory or the stack came to its end; a fault.
    const SIGNALS: [(i32, &str); 6] = [
        (24, "it takes more than 2 s of CPU time"),
        (9, "it takes more than 2 s of CPU time"),
        (6, "it takes more memory or stack than there is for it"),
        (11, "it takes more memory or stack than there is for it"),
        (7, "it takes more memory or stack than there is for it"),
        (4, "it crashed the reader"),
    ];
    if let Some(signal) = status.signal() {
        let known = SIGNALS.iter().find(|(number, _)| *number == signal);
        return Ok(exhausted(known.map_or("the process that looked at it was killed", |(_, why)| why)));
    }
    if !status.success() {
        return Err(InspectError::NoReport(status.to_string()));
    }
    let report: Inspection =
        serde_json::from_slice(report).map_err(|error| InspectError::NoReport(error.to_string()))?;
    // INVARIANT: a report that passes a bundle is a report on exactly this document.
    if report.revision.is_some_and(|revision| revision != Digest::of(document)) {
        return Err(InspectError::NoReport("it is about another bundle".to_owned()));
    }
    Ok(report)
}

fn exhausted(why: &str) -> Inspection {
    let told = Finding::whole(Code::Exhausted, format!("looking at this bundle was stopped: {why}"));
    Inspection::of(told.fix("split it into smaller rules, and look for one that repeats itself"))
}

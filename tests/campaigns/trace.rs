//! Reads what `strace` wrote down, and says whether anything left the server before it was on disk.
//!
//! ```text
//!   evidence: the first write that names a run or a decision  ─▶  a write to the log of the database
//!        ─▶  a sync of that file which began after the write and ended well  ─▶  the first byte out
//! ```
//!
//! Order is that of the trace's lines. A call has two moments there, its begin and its end; a sync counts only from
//! its end, a write only from its end, and what is sent counts from its begin.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The system calls that the judgement needs.
pub(crate) const CALLS: &str = "trace=fsync,fdatasync,pwrite64,pwritev,write,writev,sendto,sendmsg";

/// One system call.
#[derive(Debug, Clone)]
struct Call {
    name: String,
    /// What the file descriptor is: a path, or a socket with its ends.
    on: String,
    /// Its arguments, escaped as strace does.
    text: String,
    began: usize,
    /// When and how it ended; a killed process leaves some without an end.
    ended: Option<(usize, Outcome)>,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Well,
    Failed,
    /// The kernel never saw it: somebody pretended that it went well.
    Pretended,
}

impl Call {
    /// Whether it writes to the database's write-ahead log, SQLite's or PostgreSQL's.
    fn logs(&self) -> bool {
        matches!(self.name.as_str(), "pwrite64" | "pwritev" | "write" | "writev") && is_log(&self.on)
    }

    fn syncs(&self) -> bool {
        matches!(self.name.as_str(), "fsync" | "fdatasync") && is_log(&self.on)
    }

    fn to_a_socket(&self) -> bool {
        self.on.starts_with("TCP") || self.on.starts_with("UNIX")
    }

    fn well_at(&self) -> Option<usize> {
        self.ended.filter(|(_, how)| *how == Outcome::Well).map(|(at, _)| at)
    }

    /// What it tells the world, if it is the first byte of an answer or of a request.
    fn told(&self) -> Option<Told> {
        if !self.to_a_socket() {
            return None;
        }
        let names = |what: &str| words(&self.text, what);
        if self.text.contains("\"HTTP/1.1 2") {
            return Some(Told { what: "an answer", names: names("run_") });
        }
        let asks = self.text.contains("\"POST ") && self.text.contains(" HTTP/1.1\\r\\n");
        asks.then(|| Told { what: "a request to an agent", names: names("dec_") })
    }
}

fn is_log(on: &str) -> bool {
    on.ends_with("-wal") || on.contains("/pg_wal/")
}

/// What a send tells the world.
struct Told {
    what: &'static str,
    /// The runs or decisions that it names.
    names: BTreeSet<String>,
}

/// The ids of one kind in a text.
fn words(text: &str, prefix: &str) -> BTreeSet<String> {
    let rest = text.match_indices(prefix).map(|(at, _)| text.get(at..).unwrap_or_default());
    let id = |rest: &str| {
        let tail = rest.strip_prefix(prefix).unwrap_or_default();
        let tail: String = tail.chars().take_while(char::is_ascii_alphanumeric).collect();
        (!tail.is_empty()).then(|| format!("{prefix}{tail}"))
    };
    rest.filter_map(id).collect()
}

/// What a trace shows.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    /// Answers with a 2xx that name a run.
    pub(crate) answers: usize,
    /// Requests to agents that name a decision.
    pub(crate) requests: usize,
    /// Syncs of the log that ended well.
    pub(crate) syncs: usize,
    /// What left before it was on disk.
    pub(crate) early: Vec<String>,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shown { answers, requests, syncs, early } = self;
        write!(
            f,
            "{answers} answers and {requests} requests to agents, {syncs} syncs of the log; {} left before what they \
             tell was on disk",
            early.len()
        )?;
        early.iter().take(10).try_for_each(|one| write!(f, "\n  {one}"))
    }
}

/// Looks at every 2xx that names a run and every request that names a decision.
pub(crate) fn judge(trace: &str) -> Shown {
    let calls = read(trace);
    let syncs: Vec<(usize, usize)> =
        calls.iter().filter(|one| one.syncs()).filter_map(|one| Some((one.began, one.well_at()?))).collect();
    let mut shown = Shown { syncs: syncs.len(), ..Shown::default() };
    for send in &calls {
        let Some(told) = send.told().filter(|told| !told.names.is_empty()) else { continue };
        match told.what {
            "an answer" => shown.answers += 1,
            _ => shown.requests += 1,
        }
        for name in told.names {
            if let Err(why) = covered(&calls, &syncs, &name, send.began) {
                shown.early.push(format!("line {}: {} names {name}, {why}", send.began + 1, told.what));
            }
        }
    }
    shown
}

/// Whether what names this was on disk when the line `sent` was reached.
fn covered(calls: &[Call], syncs: &[(usize, usize)], name: &str, sent: usize) -> Result<(), &'static str> {
    // With PostgreSQL the log's pages may cut a name in two, so the statement that brings it is the evidence.
    let names = |one: &&Call| one.logs() || (one.to_a_socket() && one.told().is_none());
    let evidence = calls.iter().filter(names).find(|one| one.text.contains(name));
    let Some(evidence) = evidence.filter(|one| one.began < sent) else {
        return Err("which nothing had written");
    };
    let written = calls.iter().filter(|one| one.logs() && one.began >= evidence.began);
    let Some(written) = written.filter_map(Call::well_at).find(|at| *at < sent) else {
        return Err("which was not in the log");
    };
    match syncs.iter().any(|(began, ended)| *began > written && *ended < sent) {
        true => Ok(()),
        false => Err("which no sync had brought to disk"),
    }
}

/// The calls in a trace, by their begin.
fn read(trace: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    let mut begun: BTreeMap<&str, usize> = BTreeMap::new();
    for (line, text) in trace.lines().enumerate() {
        let Some((thread, text)) = text.trim_start().split_once(' ') else { continue };
        let text = text.trim_start();
        if let Some(rest) = text.strip_prefix("<... ") {
            let Some((_, rest)) = rest.split_once(" resumed>") else { continue };
            let call = begun.remove(thread).and_then(|at| calls.get_mut(at));
            if let (Some(call), Some((more, result))) = (call, rest.rsplit_once(" = ")) {
                call.text.push_str(more);
                call.ended = Some((line, outcome(result)));
            }
            continue;
        }
        let Some((name, rest)) = text.split_once('(') else { continue };
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            continue;
        }
        let (text, ended) = match rest.strip_suffix("<unfinished ...>") {
            Some(text) => (text, None),
            None => match rest.rsplit_once(" = ") {
                Some((text, result)) => (text, Some((line, outcome(result)))),
                None => continue,
            },
        };
        if ended.is_none() {
            begun.insert(thread, calls.len());
        }
        calls.push(Call { name: name.to_owned(), on: on(text), text: text.to_owned(), began: line, ended });
    }
    calls
}

/// What the descriptor in `13</data/concordat.db-wal>, …` is.
fn on(text: &str) -> String {
    let Some((_, rest)) = text.split_once('<') else { return String::new() };
    let ends = [">,", ">)", "> "].into_iter().filter_map(|end| rest.find(end));
    ends.min().and_then(|end| rest.get(..end)).unwrap_or(rest).to_owned()
}

fn outcome(result: &str) -> Outcome {
    match result.trim() {
        pretended if pretended.ends_with("(INJECTED)") && !pretended.starts_with('-') => Outcome::Pretended,
        failed if failed.starts_with('-') || failed.starts_with('?') => Outcome::Failed,
        _ => Outcome::Well,
    }
}

#[cfg(test)]
mod tests;

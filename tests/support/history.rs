//! What happened, as only its witnesses tell it, and whether their stories agree.
//!
//! Three witnesses are heard: the exported log (records in order, the checkpoints that were signed for it and the
//! payloads that it names), the agents' own ledgers, and the receipts that clients kept. [`check`] is pure: it
//! compares, and says what must not be. Order is a record's place in the log, never a clock's: an agent was told how
//! long the log was when the decision behind its call was durable.
//!
//! ```text
//!   log ──────┐
//!   ledgers ──┼──▶ Told (every event read once) ──▶ sixteen rules ──▶ violations
//!   receipts ─┘
//! ```
//!
//! The rules are those of [`Rule`]. What they do not say, and why not:
//!
//! - a call carries the size of the log, not a signed checkpoint, so "signature valid" is only that the size is one
//!   that the log had ([`Rule::Permitted`]);
//! - a dispatch names the digest of the parameters, not of the whole body; the body is put together again from what
//!   the log holds, and compared with the digest of what came ([`Rule::Same`]). One policy is in force from start to
//!   end, so "active then" is that every decision names the same one;
//! - what a run may not exceed is looked for in contracts (retries, budget, items side by side), not in
//!   `config.effective`, which is not recorded ([`Rule::Bounds`]);
//! - how long it may take until everything is at rest is for whoever waits to say ([`Rule::Rest`]);
//! - a step may be given out in the very turn in which another one fails for good: it is sent although the run stops
//!   ([`Rule::Stopped`] forbids it for whatever comes from outside, and after that turn);
//! - shed requests, traces, errors and pages are not among the witnesses ([`Rule::Bounds`], [`Rule::Secrets`]).

mod attempts;
mod calls;
mod collect;
mod decisions;
mod log;
mod order;
mod receipts;
mod runs;
mod told;

use std::collections::BTreeMap;
use std::fmt;

use concordat::demo::agents::Entry;
use concordat_engine::ports::RunRow;
use concordat_ledger::Verifier;
use concordat_model::digest::Digest;

pub use collect::{collect, export, outcomes};
use told::Told;

/// Everything that the witnesses say.
#[derive(Debug, Clone)]
pub struct History {
    /// The log.
    pub log: Export,
    /// The agents' ledgers, one after the other.
    pub calls: Vec<Entry>,
    /// What clients were told with a 2xx.
    pub receipts: Vec<Receipt>,
    /// What must stand nowhere, such as the keys that the clients used.
    pub secrets: Vec<String>,
}

/// A log as its owner gives it to an auditor.
#[derive(Debug, Clone)]
pub struct Export {
    /// The records, in the order in which they were read.
    pub records: Vec<Exported>,
    /// Every checkpoint that somebody was shown, the newest of the log among them.
    pub checkpoints: Vec<String>,
    /// Whose signature counts.
    pub key: Verifier,
    /// What records name by digest. Inputs of decisions may be missing: those are asked about that are here.
    pub payloads: BTreeMap<Digest, Vec<u8>>,
    /// The projection: what lists of runs show.
    pub rows: Vec<RunRow>,
}

/// One record of an exported log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// The place that it is said to have.
    pub index: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A submission of one contract that was answered with a 2xx.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The idempotency key of the request. The contract was called so too.
    pub key: String,
    /// The run that the client was told.
    pub run: String,
    /// The digest of contract and input that the client was told.
    pub digest: String,
    /// The place and the hash of the run's first record, when the client asked for it.
    pub leaf: Option<(u64, String)>,
}

/// A rule that every history keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// I1: what a receipt names is in the log, and a key has one run.
    Receipts,
    /// I2: no gaps, hashes and roots recompute, checkpoints are signed and of one log that only grows.
    Log,
    /// I3: ids are unique; an attempt has at most one intent and one outcome.
    Unique,
    /// I4: a call has a permit before its intent before the size that the agent was told.
    Permitted,
    /// I5: the call is what was decided: agent, skill, step, body, and under the one policy.
    Same,
    /// I6: no call after a denial, nor after what forbids it: the end, a cancellation, a suspension.
    Stopped,
    /// I7: at rest every intent has an outcome, and every outcome a call that gave it.
    Settled,
    /// I8: one idempotency key a leg of a step, attempts 1, 2, 3, none sent twice, no unsafe one again by itself.
    Keys,
    /// I9: an agent that knows the key applies it once.
    Once,
    /// I10: the events are a path of the state machine, with one end and nothing after it.
    Path,
    /// I11: nothing begins before what it needs.
    Order,
    /// I12: at rest every run is over, or waits for somebody who is named.
    Rest,
    /// I13: one run, one organisation.
    Tenant,
    /// I14: no more tries, calls or items at once than the contract says.
    Bounds,
    /// I15: the projection is the fold, and a decision made again is the same.
    Again,
    /// I16: a secret stands nowhere.
    Secrets,
}

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The rule that it breaks.
    pub rule: Rule,
    /// What was found.
    pub told: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.told)
    }
}

/// What was found so far.
#[derive(Debug, Default)]
struct Found(Vec<Violation>);

impl Found {
    fn must(&mut self, rule: Rule, holds: bool, told: impl FnOnce() -> String) {
        if !holds {
            self.0.push(Violation { rule, told: told() });
        }
    }
}

/// Everything in which the witnesses do not agree, with each other or with the rules.
#[must_use]
pub fn check(history: &History) -> Vec<Violation> {
    let mut found = Found::default();
    log::check(&history.log, &mut found);
    let told = Told::read(history, &mut found);
    receipts::check(&told, &mut found);
    attempts::check(&told, &mut found);
    calls::check(&told, &mut found);
    runs::check(&told, &mut found);
    order::check(&told, &mut found);
    decisions::check(&told, &mut found);
    secrets(history, &mut found);
    found.0
}

fn secrets(history: &History, found: &mut Found) {
    let mut look = |text: &str| {
        let holds = history.secrets.iter().any(|secret| text.contains(secret));
        found.must(Rule::Secrets, !holds, || "a secret stands where everybody can read it".to_owned());
    };
    history.calls.iter().for_each(|call| look(&format!("{call:?}")));
    history.log.payloads.values().for_each(|payload| look(&String::from_utf8_lossy(payload)));
    history.log.records.iter().for_each(|record| look(&String::from_utf8_lossy(&record.bytes)));
}

//! Ways to break a promise on purpose: the checker must notice every one of them.

use concordat_ledger::Record;
use concordat_model::id::{AgentId, DecisionId, RunId};
use concordat_model::work::Assignment;
use concordat_store::memory::End;

/// A broken promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// The disk says that something is durable, and it is not.
    LyingDisk,
    /// A record is missing in the log.
    MissingRecord,
    /// Two records of the log stand in the wrong order.
    SwappedRecords,
    /// A record is in the log twice.
    DoubledRecord,
    /// A call comes to the agent twice.
    DoubledCall,
    /// A retry comes under another idempotency key.
    ChangedKey,
    /// A call goes out before its permission is durable.
    EarlyCall,
    /// A call goes to an agent that policy did not permit.
    OtherAgent,
    /// A call goes out under a decision that was never made.
    ForgedDecision,
    /// Work that does harm when it is done twice is done twice.
    DoubledEffect,
    /// A client is promised a contract that nobody recorded.
    ForgedReceipt,
}

impl Sabotage {
    /// Every one of them.
    pub const ALL: [Sabotage; 11] = [
        Sabotage::LyingDisk,
        Sabotage::MissingRecord,
        Sabotage::SwappedRecords,
        Sabotage::DoubledRecord,
        Sabotage::DoubledCall,
        Sabotage::ChangedKey,
        Sabotage::EarlyCall,
        Sabotage::OtherAgent,
        Sabotage::ForgedDecision,
        Sabotage::DoubledEffect,
        Sabotage::ForgedReceipt,
    ];
}

/// Breaks a promise, after everything went well for a while.
pub(super) struct Saboteur {
    sabotage: Option<Sabotage>,
    seen: u64,
}

/// So many chances are let go.
const PATIENCE: u64 = 5;

impl Saboteur {
    pub(super) fn new(sabotage: Option<Sabotage>) -> Saboteur {
        Saboteur { sabotage, seen: 0 }
    }

    fn strikes(&mut self, wanted: Sabotage) -> bool {
        if self.sabotage != Some(wanted) {
            return false;
        }
        self.seen += 1;
        self.seen > PATIENCE
    }

    /// Whether a transaction is durable.
    pub(super) fn end_of_commit(&mut self) -> End {
        if self.strikes(Sabotage::LyingDisk) { End::Lost } else { End::Durable }
    }

    /// What comes to the agent; says how often.
    pub(super) fn meddle_with_call(
        &mut self,
        work: &mut Assignment,
        log_size: &mut u64,
        key: &mut String,
    ) -> usize {
        if self.strikes(Sabotage::EarlyCall) {
            *log_size = 1;
        }
        if self.strikes(Sabotage::OtherAgent) {
            work.agent = AgentId::new(uuid::Uuid::from_u128(1));
        }
        if self.strikes(Sabotage::ForgedDecision) {
            work.decision = DecisionId::new(uuid::Uuid::from_u128(1));
        }
        if work.work.attempt.number > 1 && self.strikes(Sabotage::ChangedKey) {
            key.push_str("/again");
        }
        if self.strikes(Sabotage::DoubledCall) { 2 } else { 1 }
    }

    /// How often an agent does what it was asked.
    pub(super) fn times_done(&mut self) -> usize {
        if self.strikes(Sabotage::DoubledEffect) { 2 } else { 1 }
    }

    /// What a client is promised.
    pub(super) fn forge(&mut self, runs: &[RunId]) -> Vec<RunId> {
        let forged = self.strikes(Sabotage::ForgedReceipt);
        let extra = forged.then(|| RunId::new(uuid::Uuid::from_u128(1)));
        runs.iter().copied().chain(extra).collect()
    }

    /// What can be read of the log.
    pub(super) fn meddle_with_log(&mut self, from: u64, mut news: Vec<Record>) -> Vec<Record> {
        if news.len() < 2 || from < 50 {
            return news;
        }
        if self.sabotage == Some(Sabotage::MissingRecord) {
            drop(news.remove(0));
        }
        // Within one subject: others may stand in any order.
        let pair =
            news.windows(2).position(|pair| matches!(pair, [one, two] if one.subject() == two.subject()));
        if let Some(at) = pair {
            match self.sabotage {
                Some(Sabotage::SwappedRecords) => news.swap(at, at + 1),
                Some(Sabotage::DoubledRecord) => news.extend(news.get(at).cloned()),
                _ => {}
            }
        }
        news
    }
}

//! Storage in the words of the domain.
//!
//! There is one method that writes. Whatever changes, changes together with the records that say so.

use std::ops::Range;
use std::pin::Pin;

use async_trait::async_trait;
use concordat_ledger::record::Record;
use concordat_ledger::tree::{Hash, Node};
use concordat_model::digest::Digest;
use concordat_model::id::{RunId, SubmissionId};
use concordat_model::name::{ContractName, DomainName, PrincipalName, StepName, TenantName};
use concordat_model::payload::{Payload, Secret};
use concordat_policy::Asked;
use jiff::Timestamp;

/// Durable storage.
#[async_trait]
pub trait Store: Send + Sync {
    /// Makes a change durable: its records, payloads, rows and reply are one transaction, and on disk before
    /// the future resolves.
    ///
    /// The change is handed over before this returns, and changes are committed in the order in which they were
    /// handed over: whoever holds a lock may let go of it before awaiting the future. A future that is dropped
    /// takes nothing back.
    ///
    /// # Errors
    /// Nothing of the change happened, unless the error says that the outcome is unknown.
    fn commit(&self, change: Change) -> Commit;

    /// Every run that is not over, oldest first.
    async fn open_runs(&self) -> Result<Vec<StoredRun>, StoreError>;

    /// One run with its records and the payloads that they name; `None` when there is none.
    async fn run(&self, id: RunId) -> Result<Option<StoredRun>, StoreError>;

    /// The rows of runs, newest first.
    async fn runs(&self, filter: &RunFilter, page: Page) -> Result<Vec<RunRow>, StoreError>;

    /// Records in the order of the log.
    async fn records(&self, filter: &RecordFilter, page: Page) -> Result<Vec<StoredRecord>, StoreError>;

    /// Records that are searched for, in the order of the log. The first search after many records may take a while.
    async fn find(&self, search: &Search, page: Page) -> Result<Vec<StoredRecord>, StoreError>;

    /// One record by its id.
    async fn record(&self, id: &str) -> Result<Option<StoredRecord>, StoreError>;

    /// A payload by its digest.
    async fn payload(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError>;

    /// The owners of payloads that can be forgotten, in the order of their ids.
    async fn owners(&self, filter: &OwnerFilter, page: Page) -> Result<Vec<String>, StoreError>;

    /// The id of the record that says that an owner's payloads were forgotten.
    async fn forgotten(&self, owner: &str) -> Result<Option<String>, StoreError>;

    /// What was answered to a request with this key, by this caller.
    async fn reply(&self, caller: &str, key: &str) -> Result<Option<SavedReply>, StoreError>;

    /// The newest checkpoint; `None` while the log is empty.
    async fn checkpoint(&self) -> Result<Option<StoredCheckpoint>, StoreError>;

    /// The smallest checkpoint of at least so many records; `None` when the log is shorter.
    async fn checkpoint_from(&self, size: u64) -> Result<Option<StoredCheckpoint>, StoreError>;

    /// The smallest range of records that holds every one whose time is at or after `from` and before `to`, both as
    /// records have it; `None` when there is no such record.
    async fn within(&self, from: Option<&str>, to: Option<&str>) -> Result<Option<Range<u64>>, StoreError>;

    /// Those of these payloads that are stored.
    async fn stored(&self, digests: &[Digest]) -> Result<Vec<Digest>, StoreError>;

    /// The hashes of these nodes of the log's tree, in their order.
    ///
    /// # Errors
    /// Also when a node is not of the log: compare with the size of a checkpoint first.
    async fn nodes(&self, nodes: &[Node]) -> Result<Vec<Hash>, StoreError>;

    /// Waits until everything handed over is durable, and refuses what comes after.
    async fn close(&self);
}

/// A change on its way to the disk.
pub type Commit = Pin<Box<dyn Future<Output = Result<Committed, StoreError>> + Send>>;

/// What becomes durable together.
#[derive(Debug, Default)]
pub struct Change {
    /// The records, in the order in which they are appended.
    pub records: Vec<Record>,
    /// Payloads that the records name; those already stored are left as they are.
    pub payloads: Vec<Payload>,
    /// Payloads that the records name and that can be forgotten.
    pub sealed: Vec<Sealed>,
    /// Payloads that are forgotten for good.
    pub forgotten: Vec<Forgotten>,
    /// The rows of the runs that changed.
    pub runs: Vec<RunRow>,
    /// The answer that a repeated request gets.
    pub reply: Option<SavedReply>,
}

impl Change {
    /// What follows from a decision: records, and what the decision was asked with.
    pub(crate) fn after(asked: &Asked, records: Vec<Record>) -> Change {
        Change { records, payloads: asked.payloads().collect(), ..Change::default() }
    }
}

/// Payloads of one owner, such as a run, which are forgotten together: they are readable only as long as the owner's
/// secret is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The owner's id; a record of this subject, or one that names the owner, stands in the log.
    pub owner: String,
    /// What they are kept under.
    pub secret: Secret,
    /// Whose they are: said with the first ones, and only then.
    pub whose: Option<Whose>,
    /// The payloads.
    pub payloads: Vec<Payload>,
}

/// An owner whose secret is destroyed, and its payloads with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgotten {
    /// The owner's id.
    pub owner: String,
    /// The id of the record that says so, which is stored with the same change.
    pub record: String,
    /// The payloads that its records name.
    pub payloads: Vec<Digest>,
}

/// Whose payloads are, so that they can be found when somebody asks for them to be forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whose {
    /// The organisation.
    pub tenant: TenantName,
    /// The person or thing that they tell of, as the organisation calls it.
    pub subject: Option<String>,
}

/// Where a change stands in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// The index of its first record.
    pub first: u64,
    /// The size of the log under the checkpoint that covers it.
    pub size: u64,
}

/// A run as tables and lists show it. It is a projection: the records say the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    /// The run.
    pub id: RunId,
    /// Whose it is.
    pub tenant: TenantName,
    /// What it came with.
    pub submission: SubmissionId,
    /// What it is called within that submission.
    pub label: StepName,
    /// The contract's name.
    pub contract: ContractName,
    /// The digest of contract and input.
    pub digest: Digest,
    /// Who sent it.
    pub submitter: PrincipalName,
    /// The classified domain.
    pub domain: Option<DomainName>,
    /// The status word.
    pub status: String,
    /// Steps that are settled.
    pub settled: u32,
    /// All steps.
    pub steps: u32,
    /// When it was received.
    pub received: Timestamp,
    /// When it ended; `None` while it is open.
    pub ended: Option<Timestamp>,
}

/// A run as it is stored.
#[derive(Debug, Clone)]
pub struct StoredRun {
    /// The run.
    pub id: RunId,
    /// Its records, in order.
    pub records: Vec<StoredRecord>,
    /// The payloads that its records name.
    pub payloads: Vec<Payload>,
    /// What they are kept under; none when they were forgotten, or are older than secrets.
    pub secret: Option<Secret>,
}

/// A record and its place in the log.
#[derive(Debug, Clone)]
pub struct StoredRecord {
    /// Its index.
    pub index: u64,
    /// The record.
    pub record: Record,
}

/// A checkpoint as it was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCheckpoint {
    /// The size of the log that it covers.
    pub size: u64,
    /// The signed note.
    pub note: String,
}

/// Which runs are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunFilter {
    /// Only those of this tenant.
    pub tenant: Option<TenantName>,
    /// Only those with one of these status words; all when empty.
    pub statuses: Vec<String>,
    /// Only those of this submission.
    pub submission: Option<SubmissionId>,
    /// Only those that this principal sent.
    pub submitter: Option<PrincipalName>,
    /// Only those that are called so within their submission.
    pub label: Option<StepName>,
    /// Only those received before this run: for pages, newest first.
    pub before: Option<RunId>,
}

/// Which owners of payloads are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerFilter {
    /// Only those of this organisation.
    pub tenant: TenantName,
    /// Only those that tell of this person or thing.
    pub subject: Option<String>,
    /// Only those whose id lies between these two, both excluded. Ids of one kind are in the order of time.
    pub between: (String, String),
    /// Of runs, only those that ended before.
    pub ended_before: Option<Timestamp>,
}

impl OwnerFilter {
    /// Everything of an organisation that tells of a person or thing.
    #[must_use]
    pub fn subject(tenant: TenantName, subject: String) -> OwnerFilter {
        OwnerFilter {
            tenant,
            subject: Some(subject),
            between: (String::new(), "~".to_owned()),
            ended_before: None,
        }
    }
}

/// Which records are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordFilter {
    /// Only those at or after this index.
    pub from: u64,
    /// Only those of this subject.
    pub subject: Option<String>,
    /// Only those of these types; all when empty.
    pub types: Vec<String>,
}

/// What is searched for in the log. Everything that is given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Search {
    /// From which index on, of which subject and types.
    pub filter: RecordFilter,
    /// Only records that claim this time or a later one.
    pub since: Option<Timestamp>,
    /// Only records that claim an earlier time.
    pub until: Option<Timestamp>,
    /// Only records that mention all of these.
    pub mentions: Vec<Mention>,
}

/// Something that a record may mention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// What it is; anything of that name when absent.
    pub what: Option<Mentioned>,
    /// Its name, code or id, whole.
    pub value: String,
}

/// What can be looked for by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mentioned {
    /// An id: of a decision, a review, an agent, a key, another run.
    Id,
    /// Somebody who did something.
    Actor,
    /// An agent, by its name.
    Agent,
    /// A contract, by its name.
    Contract,
    /// The code of a reason or an error.
    Reason,
    /// A rule of policy, by the name of its check.
    Rule,
    /// A gate's answer.
    Answer,
}

impl Mentioned {
    /// All of them.
    pub const ALL: [Mentioned; 7] = [
        Mentioned::Id,
        Mentioned::Actor,
        Mentioned::Agent,
        Mentioned::Contract,
        Mentioned::Reason,
        Mentioned::Rule,
        Mentioned::Answer,
    ];

    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Mentioned::Id => "id",
            Mentioned::Actor => "actor",
            Mentioned::Agent => "agent",
            Mentioned::Contract => "contract",
            Mentioned::Reason => "reason",
            Mentioned::Rule => "rule",
            Mentioned::Answer => "answer",
        }
    }
}

/// How many rows are wanted: 1 to 1,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page(u32);

impl Page {
    /// The largest page.
    pub const LARGEST: Page = Page(1000);

    /// A page of so many rows, or of the nearest number that is allowed.
    #[must_use]
    pub fn of(rows: u32) -> Page {
        Page(rows.clamp(1, Page::LARGEST.0))
    }

    /// The number of rows.
    #[must_use]
    pub fn rows(self) -> u32 {
        self.0
    }
}

/// The answer that a repeated request gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedReply {
    /// Who asked, within their organisation: `tenant/name`.
    pub caller: String,
    /// The request's `Idempotency-Key`.
    pub key: String,
    /// The digest of the request: another request under the same key is refused.
    pub fingerprint: Digest,
    /// The answer, as the engine gave it.
    pub body: String,
}

/// Storage that did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The change was refused: another one was first, or a rule of the log would break. Nothing happened.
    #[error("the change conflicts with what is stored: {0}")]
    Conflict(String),
    /// The store cannot write or read at the moment. Nothing happened.
    #[error("the database cannot be used: {0}")]
    Unavailable(String),
    /// The store writes nothing any more until it is opened again. Nothing happened.
    #[error("nothing can be recorded: {0}")]
    ReadOnly(String),
    /// It is not known whether the change happened: only a fresh start can tell.
    #[error("it is not known whether the change was stored: {0}")]
    Unknown(String),
    /// A row that this program did not write so.
    #[error("the table `{table}` holds a row that cannot be read (`{row}`, column `{column}`): {why}")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's key.
        row: String,
        /// Why it cannot be read.
        why: String,
    },
}

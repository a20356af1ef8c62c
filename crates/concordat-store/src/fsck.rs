//! Compares everything that a database keeps beside its records with the records: each column by which a record is
//! found, the size of each checkpoint, the digest of each payload, and each run's row with the fold of its records.
//!
//! This says nothing of whether the records are what was signed: that is [`verify`](crate::verify). It names every
//! row that differs and not only the first, so that somebody can decide what to do.
//!
//! What can be repaired are projections: the rows of runs, which are made anew from the records, and SQLite's indices
//! (PostgreSQL's are for its own tools: `pg_amcheck`). A record's columns, checkpoints and payloads lie in tables that refuse every change. Where those differ, somebody broke the
//! protection, and a backup is the way back. Answers to repeated requests (`reply`) are made from nothing else, so
//! there is nothing to compare them with.

mod asked;
mod indexes;
mod look;
mod runs;

use concordat_engine::EngineError;
use concordat_engine::ports::StoreError;
use sqlx::Connection as _;

use crate::database::Database;
use crate::open::OpenError;
use crate::{postgres, sqlite};

/// Most differences that are kept; all are counted.
pub const MOST_KEPT: usize = 1000;

/// A value beside the records that is not what they say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The table.
    pub table: &'static str,
    /// The row's key.
    pub row: String,
    /// The column, or what else of the row differs.
    pub column: &'static str,
    /// What is stored.
    pub stored: String,
    /// What the records say.
    pub written: String,
}

/// What an examination found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Examined {
    /// Records looked at.
    pub records: u64,
    /// Checkpoints looked at.
    pub checkpoints: u64,
    /// Payloads looked at.
    pub payloads: u64,
    /// Runs folded.
    pub runs: u64,
    /// The first differences.
    pub differences: Vec<Difference>,
    /// How many differences there are.
    pub different: u64,
    /// How many of them are in rows of runs.
    pub of_runs: u64,
    /// How many of them were in indices that were made anew.
    pub of_indexes: u64,
    /// How many runs cannot be folded since their payloads were forgotten, with a record that says so.
    pub forgotten: u64,
    /// How many payloads other runs name that are not stored: they are lost.
    pub absent: u64,
    /// What was made anew: rows of runs, and all indices together.
    pub repaired: u64,
}

/// Why a database could not be examined.
#[derive(Debug, thiserror::Error)]
pub enum CannotExamine {
    /// It cannot be opened for this alone.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be read or written.
    #[error("the database cannot be read: {0}")]
    Database(#[from] sqlx::Error),
    /// A row cannot be read.
    #[error(transparent)]
    Row(#[from] StoreError),
}

impl Examined {
    fn differs(&mut self, difference: Difference) {
        self.different += 1;
        self.of_runs += u64::from(difference.table == "run");
        if self.differences.len() < MOST_KEPT {
            self.differences.push(difference);
        }
    }
}

/// Examines a database without changing it. A server may be writing it meanwhile.
///
/// # Errors
/// When it cannot be read.
pub async fn examine(database: &Database) -> Result<Examined, CannotExamine> {
    match database {
        Database::File(path) => {
            let mut connection = sqlite::reading_alone(path).await?;
            let mut snapshot = connection.begin().await?;
            let mut examined = Examined::default();
            indexes::all(&mut snapshot, false, &mut examined).await?;
            look::all(&mut *snapshot, false, examined).await
        }
        Database::Server(address) => {
            let mut connection = postgres::reading_alone(&address.0).await?;
            look::all(&mut *connection.begin().await?, false, Examined::default()).await
        }
    }
}

/// Examines a database, and makes the rows of runs anew that are not what the records say. No server may use it.
///
/// # Errors
/// When it cannot be read or written, or is in use; nothing was changed then.
pub async fn repair(database: &Database) -> Result<Examined, CannotExamine> {
    match database {
        Database::File(path) => {
            let (_claimed, mut connection) = sqlite::writing_alone(path).await?;
            let mut changed = connection.begin().await?;
            let mut examined = Examined::default();
            indexes::all(&mut changed, true, &mut examined).await?;
            let examined = look::all(&mut *changed, true, examined).await?;
            changed.commit().await?;
            Ok(examined)
        }
        Database::Server(address) => {
            let mut connection = postgres::writing_alone(address).await?;
            let mut changed = connection.begin().await?;
            let examined = look::all(&mut *changed, true, Examined::default()).await?;
            changed.commit().await?;
            Ok(examined)
        }
    }
}

/// Why a run cannot be folded, as a difference: its row cannot be compared then.
fn unfolded(run: &str, error: &EngineError) -> Difference {
    Difference {
        table: "run",
        row: run.to_owned(),
        column: "(fold)",
        stored: String::new(),
        written: format!("its records cannot be folded: {error}"),
    }
}

//! The store in one SQLite file, written by one process.
//!
//! Everything is written by one task over one connection ([`writer`]), which also keeps the tree of the log;
//! reads have connections of their own that cannot write. What can be done to the file behind the program's
//! back is bounded by the file's mode and by triggers, and found by `verify`.

mod batch;
mod connection;
mod log;
mod place;
mod read;
mod row;
mod run_payloads;
mod schema;
mod writer;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use concordat_engine::ports::{
    Change, Commit, Page, RecordFilter, RunFilter, RunRow, SavedReply, Store, StoreError, StoredCheckpoint,
    StoredRecord, StoredRun,
};
use concordat_ledger::{Signer, Verifier};
use concordat_model::digest::Digest;
use concordat_model::id::RunId;
use sqlx::SqlitePool;

pub(crate) use connection::reading_alone;
pub use log::BadLog;
use place::Place;
use writer::Writer;

/// The store in one SQLite file. Dropping it stops it; [`close`](Store::close) stops it in order.
#[derive(Debug)]
pub struct Sqlite {
    readers: SqlitePool,
    writer: Writer,
}

/// Who signs the log, and who did before.
#[derive(Debug)]
pub struct Signing {
    /// Signs every checkpoint from now on.
    pub signer: Signer,
    /// Keys that signed before this one took over. The newest checkpoint must be by one of them or by the signer.
    pub earlier: Vec<Verifier>,
}

/// A database that must not be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be created, read or locked.
    #[error("the database file `{}` cannot be used: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Another process writes it.
    #[error("the database `{}` is in use by another process; hint: stop that one first, or read with `audit`", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// Others may read or write the file.
    #[error("the database file `{}` has mode {mode:03o}, but must be private; hint: chmod 600", path.display())]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A version of SQLite that may corrupt a database.
    #[error("SQLite {found} may corrupt a database in WAL mode; hint: 3.51.3 or newer is needed")]
    OldSqlite {
        /// The version.
        found: String,
    },
    /// SQLite did not take a setting that our promises rest on.
    #[error(
        "SQLite runs with {name} = `{found}`, but `{wanted}` is needed; hint: is the file on a local disk?"
    )]
    Setting {
        /// The setting.
        name: &'static str,
        /// What it must be.
        wanted: &'static str,
        /// What it is.
        found: String,
    },
    /// A database of something else.
    #[error("the file is a database of another program")]
    Foreign,
    /// A database of a newer Concordat.
    #[error(
        "the database has schema {found}, this program knows schemas up to {newest}; hint: use a newer program"
    )]
    Newer {
        /// The database's schema.
        found: usize,
        /// The newest one known.
        newest: usize,
    },
    /// A part of the schema is missing, changed or foreign.
    #[error(
        "the {kind} `{name}` is missing, changed or not ours: the log may have been tampered with; hint: run `audit verify`"
    )]
    Schema {
        /// What it is, such as `trigger`.
        kind: String,
        /// Its name.
        name: String,
    },
    /// The log is not what was signed.
    #[error(transparent)]
    Log(#[from] BadLog),
    /// SQLite failed.
    #[error("the database cannot be opened: {0}")]
    Database(#[from] sqlx::Error),
}

impl Sqlite {
    /// Opens a database for this process alone, and creates it if there is none.
    ///
    /// # Errors
    /// When the file, SQLite, its settings, the schema or the log is not as it must be; nothing was changed then,
    /// apart from an empty database.
    pub async fn open(path: &Path, signing: Signing) -> Result<Sqlite, OpenError> {
        let place = Place::claim(path)?;
        let mut connection = connection::writing(&place.path).await?;
        schema::migrate(&mut connection).await?;
        batch::prepare(&mut connection).await?;
        let tree = log::read(&mut connection, &signing).await?;
        let readers = connection::reading(&place.path);
        Ok(Sqlite { readers, writer: Writer::start(connection, place, tree, signing.signer) })
    }
}

#[async_trait]
impl Store for Sqlite {
    fn commit(&self, change: Change) -> Commit {
        self.writer.commit(change)
    }

    async fn open_runs(&self) -> Result<Vec<StoredRun>, StoreError> {
        read::open_runs(&self.readers).await
    }

    async fn run(&self, id: RunId) -> Result<Option<StoredRun>, StoreError> {
        read::run(&self.readers, id).await
    }

    async fn runs(&self, filter: &RunFilter, page: Page) -> Result<Vec<RunRow>, StoreError> {
        read::runs(&self.readers, filter, page).await
    }

    async fn records(&self, filter: &RecordFilter, page: Page) -> Result<Vec<StoredRecord>, StoreError> {
        read::records(&self.readers, filter, page).await
    }

    async fn record(&self, id: &str) -> Result<Option<StoredRecord>, StoreError> {
        read::record(&self.readers, id).await
    }

    async fn payload(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        read::payload(&self.readers, digest).await
    }

    async fn reply(&self, caller: &str, key: &str) -> Result<Option<SavedReply>, StoreError> {
        read::reply(&self.readers, caller, key).await
    }

    async fn checkpoint(&self) -> Result<Option<StoredCheckpoint>, StoreError> {
        read::checkpoint(&self.readers).await
    }

    async fn close(&self) {
        // The last connection to close folds the WAL into the database file, and only the writer may.
        self.readers.close().await;
        self.writer.close().await;
    }
}

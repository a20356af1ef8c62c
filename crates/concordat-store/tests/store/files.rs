//! A database in a folder of its own, and ways to reach into it behind the store's back.

use std::path::PathBuf;
use std::sync::Arc;

use concordat_ledger::{Checkpoint, Signer, Verifier};
use concordat_store::verify::{self, Sound, Unsound};
use concordat_store::{OpenError, Signing, Sqlite};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tempfile::TempDir;

pub(crate) struct Place {
    folder: TempDir,
}

pub(crate) fn signer(seed: u8) -> Signer {
    Signer::from_seed("log.example/test", &[seed; 32]).unwrap()
}

pub(crate) fn key() -> Verifier {
    signer(1).verifier().clone()
}

impl Place {
    pub(crate) fn new() -> Place {
        Place { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("concordat.db")
    }

    pub(crate) async fn try_open(&self) -> Result<Sqlite, OpenError> {
        Sqlite::open(&self.path(), Signing { signer: signer(1), earlier: Vec::new() }).await
    }

    pub(crate) async fn open(&self) -> Arc<Sqlite> {
        Arc::new(self.try_open().await.unwrap())
    }

    pub(crate) async fn verify(&self) -> Result<Sound, Unsound> {
        verify::database(&self.path(), vec![key()], None).await
    }

    pub(crate) async fn verify_against(&self, trusted: Checkpoint) -> Result<Sound, Unsound> {
        verify::database(&self.path(), vec![key()], Some(trusted)).await
    }

    /// A connection with none of the store's settings, as an intruder would have it.
    pub(crate) async fn intruder(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.path()).pragma("recursive_triggers", "OFF");
        options.connect().await.unwrap()
    }

    /// Puts back what the schema said before.
    pub(crate) async fn restore(&self, schema: String) {
        let mut intruder = self.intruder().await;
        let lost =
            "SELECT group_concat('DROP TRIGGER ' || name, ';') FROM sqlite_schema WHERE type = 'trigger'";
        let lost: String = sqlx::query_scalar(lost).fetch_one(&mut intruder).await.unwrap();
        for statements in [lost, schema] {
            let statements: &'static str = statements.leak();
            sqlx::raw_sql(statements).execute(&mut intruder).await.unwrap();
        }
    }

    /// Runs statements as an intruder.
    pub(crate) async fn attack(&self, statements: &'static str) -> Result<(), sqlx::Error> {
        let mut intruder = self.intruder().await;
        let outcome = sqlx::raw_sql(statements).execute(&mut intruder).await.map(drop);
        intruder.close().await.unwrap();
        outcome
    }
}

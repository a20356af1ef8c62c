//! A database of a test's own, and ways to reach into it behind the store's back.

use std::sync::Arc;

use concordat_engine::ports::Store;
use concordat_ledger::{Checkpoint, Signer, Verifier};
use concordat_store::verify::{self, Sound, Unsound};
use concordat_store::{Database, OpenError, Signing};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, SqliteConnection};
use tempfile::TempDir;

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// Makes two tests of each function: one for each kind of database.
macro_rules! on_both {
    ($($test:ident,)+) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::$test(crate::place::Kind::Sqlite).await;
                }
            )+
        }
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::$test(crate::place::Kind::Postgres).await;
                }
            )+
        }
    };
}
pub(crate) use on_both;

/// A database, empty at first.
pub(crate) struct Place {
    pub(crate) kind: Kind,
    pub(crate) database: Database,
    /// Its address or path.
    text: String,
    _folder: TempDir,
}

pub(crate) fn signer(seed: u8) -> Signer {
    Signer::from_seed("log.example/test", &[seed; 32]).unwrap()
}

pub(crate) fn key() -> Verifier {
    signer(1).verifier().clone()
}

pub(crate) fn signing() -> Signing {
    Signing::by(signer(1))
}

impl Place {
    pub(crate) fn new(kind: Kind) -> Place {
        let folder = tempfile::tempdir().unwrap();
        let text = match kind {
            Kind::Sqlite => folder.path().join("concordat.db").to_str().unwrap().to_owned(),
            Kind::Postgres => concordat_tests_postgres::shared().unwrap().database().unwrap(),
        };
        Place { kind, database: text.parse().unwrap(), text, _folder: folder }
    }

    /// Where it is.
    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// The file of SQLite.
    pub(crate) fn path(&self) -> &std::path::Path {
        std::path::Path::new(&self.text)
    }

    pub(crate) async fn try_open(&self) -> Result<Arc<dyn Store>, OpenError> {
        self.database.open(signing()).await
    }

    pub(crate) async fn open(&self) -> Arc<dyn Store> {
        self.try_open().await.unwrap()
    }

    /// Why it is not opened.
    pub(crate) async fn refusal(&self) -> OpenError {
        self.try_open().await.err().expect("it is refused")
    }

    pub(crate) async fn verify(&self) -> Result<Sound, Unsound> {
        verify::database(&self.database, vec![key()], None).await
    }

    pub(crate) async fn verify_against(&self, trusted: Checkpoint) -> Result<Sound, Unsound> {
        verify::database(&self.database, vec![key()], Some(trusted)).await
    }

    /// Runs statements as an intruder.
    pub(crate) async fn attack(&self, statements: &str) -> Result<(), sqlx::Error> {
        let statements: &'static str = self.kind.dialect(statements).leak();
        match self.kind {
            Kind::Sqlite => {
                let mut intruder = self.sqlite().await;
                let outcome = sqlx::raw_sql(statements).execute(&mut intruder).await.map(drop);
                intruder.close().await.unwrap();
                outcome
            }
            Kind::Postgres => {
                let mut intruder = self.postgres().await;
                let outcome = sqlx::raw_sql(statements).execute(&mut intruder).await.map(drop);
                intruder.close().await.unwrap();
                outcome
            }
        }
    }

    /// Does what an owner of the database can always do: it takes the triggers away.
    pub(crate) async fn free(&self) {
        let triggers = match self.kind {
            Kind::Sqlite => {
                "DROP TRIGGER record_is_appended; DROP TRIGGER record_is_not_changed;
                 DROP TRIGGER record_is_not_deleted; DROP TRIGGER payload_is_not_changed;
                 DROP TRIGGER checkpoint_is_appended; DROP TRIGGER checkpoint_is_not_changed;
                 DROP TRIGGER checkpoint_is_not_deleted"
            }
            Kind::Postgres => {
                "DROP FUNCTION record_is_appended CASCADE; DROP FUNCTION checkpoint_is_appended CASCADE;
                 DROP FUNCTION is_never_changed CASCADE;
                 ALTER TABLE record DROP CONSTRAINT record_has_its_hash;
                 ALTER TABLE payload DROP CONSTRAINT payload_has_its_digest"
            }
        };
        self.attack(triggers).await.unwrap();
    }

    /// Runs statements that no trigger sees, and leaves the schema as it was.
    pub(crate) async fn damage(&self, statements: &str) {
        match self.kind {
            Kind::Sqlite => {
                let mut intruder = self.sqlite().await;
                let triggers = "FROM sqlite_schema WHERE type = 'trigger'";
                let ask: &'static str = format!("SELECT group_concat(sql, ';') {triggers}").leak();
                let schema: String = sqlx::query_scalar(ask).fetch_one(&mut intruder).await.unwrap();
                intruder.close().await.unwrap();
                self.free().await;
                self.attack(statements).await.unwrap();
                let mut intruder = self.sqlite().await;
                let ask: &'static str =
                    format!("SELECT group_concat('DROP TRIGGER ' || name, ';') {triggers}").leak();
                let lost: String = sqlx::query_scalar(ask).fetch_one(&mut intruder).await.unwrap();
                intruder.close().await.unwrap();
                for statements in [lost, schema] {
                    self.attack(&statements).await.unwrap();
                }
            }
            Kind::Postgres => {
                let around = format!(
                    "SET session_replication_role = replica;
                     ALTER TABLE record DROP CONSTRAINT record_has_its_hash;
                     {statements};
                     ALTER TABLE record ADD CONSTRAINT record_has_its_hash
                         CHECK (leaf = sha256('\\x00'::bytea || body)) NOT VALID;
                     UPDATE pg_constraint SET convalidated = true WHERE conname = 'record_has_its_hash'"
                );
                self.attack(&around).await.unwrap();
            }
        }
    }

    /// A connection with none of the store's settings, as an intruder would have it.
    async fn sqlite(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(&self.text).pragma("recursive_triggers", "OFF");
        options.connect().await.unwrap()
    }

    async fn postgres(&self) -> PgConnection {
        let options: PgConnectOptions = self.text.parse().unwrap();
        options.options([("search_path", "concordat")]).connect().await.unwrap()
    }
}

impl Kind {
    /// The few words in which the two differ, from SQLite's.
    fn dialect(self, statements: &str) -> String {
        match self {
            Kind::Sqlite => statements.to_owned(),
            Kind::Postgres => {
                statements.replace("zeroblob(32)", "decode(repeat('00', 32), 'hex')").replace(" x'", " '\\x")
            }
        }
    }
}

//! Somebody with write access to a database file, and none of the store's settings.

use std::path::Path;

use concordat_ledger::tree::leaf_hash;
use concordat_ledger::{Frontier, Record, Signer};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqliteConnection};

/// The intruder's connection.
pub struct Intruder(SqliteConnection);

/// The log as it lies in a database: bytes of records, and signed heads with their sizes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The records' bytes.
    pub records: Vec<Vec<u8>>,
    /// The checkpoints.
    pub checkpoints: Vec<(u64, String)>,
}

impl Intruder {
    /// Opens a database file.
    ///
    /// # Errors
    /// When it is none any more.
    pub async fn open(path: &Path) -> sqlx::Result<Intruder> {
        let options = SqliteConnectOptions::new().filename(path).pragma("recursive_triggers", "OFF");
        options.disable_statement_logging().connect().await.map(Intruder)
    }

    /// Runs statements.
    ///
    /// # Errors
    /// When the database refuses them.
    pub async fn run(&mut self, statements: &str) -> sqlx::Result<()> {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statements.to_owned())).execute(&mut self.0).await.map(drop)
    }

    /// Takes all triggers and checks away, as the owner of a database can.
    pub async fn free(&mut self) {
        let ask = "SELECT 'DROP TRIGGER ' || name FROM sqlite_schema WHERE type = 'trigger'";
        let drops: Vec<String> = sqlx::query_scalar(ask).fetch_all(&mut self.0).await.unwrap();
        for drop in drops {
            self.run(&drop).await.unwrap();
        }
        self.run("PRAGMA ignore_check_constraints = ON").await.unwrap();
    }

    /// The statements that make the triggers.
    pub async fn triggers(&mut self) -> String {
        let ask = "SELECT coalesce(group_concat(sql, ';'), '') FROM sqlite_schema WHERE type = 'trigger'";
        sqlx::query_scalar(ask).fetch_one(&mut self.0).await.unwrap()
    }

    /// The log that is stored.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn log(&mut self) -> sqlx::Result<Stored> {
        let rows = sqlx::query("SELECT body FROM record ORDER BY idx").fetch_all(&mut self.0).await?;
        let records = rows.iter().map(|row| row.try_get(0)).collect::<sqlx::Result<_>>()?;
        let rows =
            sqlx::query("SELECT size, note FROM checkpoint ORDER BY size").fetch_all(&mut self.0).await?;
        let checkpoints =
            rows.iter().map(|row| Ok((row.try_get::<i64, _>(0)?.unsigned_abs(), row.try_get(1)?)));
        Ok(Stored { records, checkpoints: checkpoints.collect::<sqlx::Result<_>>()? })
    }

    /// Everything that verification is about, read past all indices.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn everything(&mut self) -> sqlx::Result<Vec<String>> {
        let mut all = Vec::new();
        for ask in [
            "SELECT idx || ' ' || id || ' ' || type || ' ' || subject || ' ' || subject_seq || ' ' || time || ' ' || hex(leaf) || hex(body) FROM record NOT INDEXED ORDER BY idx",
            "SELECT size || ' ' || note FROM checkpoint NOT INDEXED ORDER BY size",
            "SELECT hex(digest) || ' ' || hex(body) FROM payload NOT INDEXED ORDER BY digest",
        ] {
            all.extend(sqlx::query_scalar::<_, String>(ask).fetch_all(&mut self.0).await?);
        }
        Ok(all)
    }

    /// Puts another log in the place of the one that is stored, with leaves and columns that fit it.
    pub async fn put(&mut self, log: &Stored) {
        self.run("BEGIN; DELETE FROM record; DELETE FROM checkpoint").await.unwrap();
        for (index, body) in (0_i64..).zip(&log.records) {
            let read = Record::read(body).unwrap();
            sqlx::query("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
                .bind(index)
                .bind(read.id())
                .bind(read.kind())
                .bind(read.subject())
                .bind(i64::try_from(read.subject_seq().get()).unwrap())
                .bind(read.time())
                .bind(read.leaf().as_bytes().as_slice())
                .bind(body.as_slice())
                .execute(&mut self.0)
                .await
                .unwrap();
        }
        for (size, note) in &log.checkpoints {
            sqlx::query("INSERT INTO checkpoint VALUES (?, ?)")
                .bind(i64::try_from(*size).unwrap())
                .bind(note)
                .execute(&mut self.0)
                .await
                .unwrap();
        }
        self.run("COMMIT").await.unwrap();
    }

    /// Closes the file, with everything in it and nothing beside it.
    pub async fn close(mut self) {
        let _ = self.run("PRAGMA wal_checkpoint(TRUNCATE)").await;
        let _ = self.0.close().await;
    }
}

impl Stored {
    /// Signs every checkpoint from `from` records on anew.
    pub fn sign(&mut self, from: u64, signer: &Signer) {
        let mut tree = Frontier::new();
        let mut checkpoints = self.checkpoints.iter_mut().peekable();
        for body in &self.records {
            tree.append(leaf_hash(body));
            if let Some((_, note)) = checkpoints.next_if(|(size, _)| *size == tree.size())
                && tree.size() >= from
            {
                *note = signer.checkpoint(&tree).note().to_owned();
            }
        }
    }
}

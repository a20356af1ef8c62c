//! Connections with the settings that our promises rest on, each read back from SQLite.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Row as _, SqliteConnection, SqlitePool};

use crate::open::OpenError;

/// The first version in which a WAL file that two connections reset cannot corrupt the database.
const OLDEST: [u32; 3] = [3, 51, 3];

/// How long a statement waits for a lock that somebody else holds, such as a backup program.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many reads run at the same time.
const READERS: u32 = 4;

/// Rows that SQLite's thread may be ahead of us: a wake-up for each row would cost more than the row.
const ROWS_AHEAD: usize = 512;

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(PATIENCE)
        .row_buffer_size(ROWS_AHEAD)
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        .disable_statement_logging()
}

/// The one connection that writes.
pub(super) async fn writing(path: &Path) -> Result<SqliteConnection, OpenError> {
    let options = options(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .pragma("recursive_triggers", "ON")
        // What is deleted is overwritten.
        .pragma("secure_delete", "ON")
        // 16 MiB: pages that are written again and again reach the database file once in a while only.
        .pragma("wal_autocheckpoint", "4096")
        .pragma("journal_size_limit", "67108864");
    let mut connection = options.connect().await?;
    let version: String =
        sqlx::query("SELECT sqlite_version()").fetch_one(&mut connection).await?.try_get(0)?;
    new_enough(&version)?;
    for (name, ask, wanted) in [
        ("journal_mode", "PRAGMA journal_mode", "wal"),
        ("synchronous", "PRAGMA synchronous", "2"),
        ("foreign_keys", "PRAGMA foreign_keys", "1"),
        ("recursive_triggers", "PRAGMA recursive_triggers", "1"),
        ("secure_delete", "PRAGMA secure_delete", "1"),
        ("trusted_schema", "PRAGMA trusted_schema", "0"),
    ] {
        let found: String = sqlx::query(ask).fetch_one(&mut connection).await?.try_get_unchecked(0)?;
        if found != wanted {
            let hint = "is the file on a local disk?";
            return Err(OpenError::Setting { program: "SQLite", name, wanted, found, hint });
        }
    }
    #[cfg(feature = "failpoints")]
    die_before_commit(&mut connection).await?;
    Ok(connection)
}

/// Brings what an earlier process left in the WAL to the database file, and the disk.
///
/// That process may have been killed before its last sync, or have ended because a sync failed. What it wrote is
/// read all the same, and must not be told before it is durable; and after a failed sync no later one brings it to
/// disk, since the kernel no longer knows that it has to. So it is written once more.
pub(super) async fn settle(connection: &mut SqliteConnection) -> Result<(), OpenError> {
    let row = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(connection).await?;
    if row.try_get::<i64, _>(0)? != 0 {
        tracing::warn!(
            "another program reads the database, so its WAL could not be emptied: what was written before this start may not be synced, and what was forgotten may still stand there"
        );
    }
    Ok(())
}

/// A batch is one statement, so only SQLite itself can say when everything is written and not yet committed.
#[cfg(feature = "failpoints")]
async fn die_before_commit(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    use concordat_engine::failpoint;
    connection.lock_handle().await?.set_commit_hook(|| {
        failpoint::reach(failpoint::BEFORE_COMMIT);
        true
    });
    Ok(())
}

/// Connections that read, and cannot write.
pub(crate) fn reading(path: &Path) -> SqlitePool {
    let options = options(path).read_only(true).pragma("query_only", "ON");
    SqlitePoolOptions::new().max_connections(READERS).test_before_acquire(false).connect_lazy_with(options)
}

/// One connection that reads, and cannot write.
pub(crate) async fn reading_alone(path: &Path) -> sqlx::Result<SqliteConnection> {
    let absolute = std::path::absolute(path)?;
    options(&absolute).read_only(true).pragma("query_only", "ON").connect().await
}

fn new_enough(version: &str) -> Result<(), OpenError> {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let found = [(); 3].map(|()| parts.next().unwrap_or(0));
    if found >= OLDEST {
        return Ok(());
    }
    let why = "may corrupt a database in WAL mode";
    Err(OpenError::Old { program: "SQLite", found: version.to_owned(), why, wanted: "3.51.3" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_may_corrupt_a_database_are_refused() {
        for old in ["", "3", "3.51", "3.7.0", "3.50.4", "3.51.2", "2.99.99", "3.51.x"] {
            assert!(matches!(new_enough(old), Err(OpenError::Old { .. })), "{old}");
        }
        for good in ["3.51.3", "3.51.10", "3.52.0", "4.0.0", "3.51.3.1"] {
            assert!(new_enough(good).is_ok(), "{good}");
        }
    }
}

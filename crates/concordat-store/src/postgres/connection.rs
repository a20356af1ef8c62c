//! Connections with the settings that our promises rest on, each read back from the server.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions as _, PgConnection, PgPool, Row as _};

use crate::open::OpenError;

/// Everything of ours is in a schema of its own, so a database may be shared with other programs. What is not named
/// here is looked for before it: temporary tables, which anybody may make, would stand in for ours.
const SEARCH_PATH: &str = "concordat, pg_temp";

/// The oldest version that is tested and that the PostgreSQL project still repaired when this was written.
const OLDEST: i64 = 150_000;

/// How many reads run at the same time.
const READERS: u32 = 4;

/// How long a read waits for a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// Each setting, what it must be, and what may help.
const NEEDED: [(&str, &str, &str); 8] = [
    ("fsync", "on", "without it a power cut loses what was acknowledged"),
    ("full_page_writes", "on", "without it a power cut damages the database"),
    ("synchronous_commit", "on", "is it fixed by the server?"),
    ("session_replication_role", "origin", "with another one the log's triggers do nothing"),
    ("server_encoding", "UTF8", "create the database with `ENCODING 'UTF8'`"),
    ("transaction_read_only", "off", "is this a standby? Give the address of the primary"),
    ("search_path", SEARCH_PATH, "a proxy that drops settings cannot stand in between"),
    ("row_security", "off", "is it fixed by the server?"),
];

/// Plans are kept, and the first are made while the tables are empty, when reading all of one looks cheapest.
/// Whatever is asked here has an index.
const ALONG_INDEXES: (&str, &str) = ("enable_seqscan", "off");

fn options(address: &PgConnectOptions) -> PgConnectOptions {
    address
        .clone()
        .application_name("concordat")
        .options([
            ("search_path", SEARCH_PATH),
            ("row_security", "off"),
            ("jit", "off"),
            ("statement_timeout", "0"),
            ("lock_timeout", "0"),
            ("idle_in_transaction_session_timeout", "0"),
            ("idle_session_timeout", "0"),
            // A server that no longer hears from this machine lets go of the session, and of its lock, soon.
            ("tcp_keepalives_idle", "10"),
            ("tcp_keepalives_interval", "5"),
            ("tcp_keepalives_count", "3"),
        ])
        .disable_statement_logging()
}

/// The one connection that writes.
pub(super) async fn writing(address: &PgConnectOptions) -> Result<PgConnection, OpenError> {
    let options = options(address).options([
        ("synchronous_commit", "on"),
        ("default_transaction_read_only", "off"),
        ("default_transaction_isolation", "read committed"),
        ("plan_cache_mode", "force_generic_plan"),
        ALONG_INDEXES,
    ]);
    let mut connection = options.connect().await?;
    let version = sqlx::query(
        "SELECT current_setting('server_version_num')::bigint, current_setting('server_version')",
    );
    let version = version.fetch_one(&mut connection).await?;
    new_enough(version.try_get(0)?, version.try_get(1)?)?;
    let names: Vec<&str> = NEEDED.iter().map(|(name, ..)| *name).collect();
    let ask = sqlx::query_scalar(
        "SELECT current_setting(name) FROM unnest($1::text[]) WITH ORDINALITY AS asked (name, place) ORDER BY place",
    );
    let found: Vec<String> = ask.bind(names).fetch_all(&mut connection).await?;
    for ((name, wanted, hint), found) in NEEDED.into_iter().zip(found) {
        if found != wanted {
            return Err(OpenError::Setting { program: "PostgreSQL", name, wanted, found, hint });
        }
    }
    Ok(connection)
}

/// Connections that read, and cannot write.
pub(crate) fn reading(address: &PgConnectOptions) -> PgPool {
    let options = options(address).options([("default_transaction_read_only", "on"), ALONG_INDEXES]);
    PgPoolOptions::new().max_connections(READERS).acquire_timeout(PATIENCE).connect_lazy_with(options)
}

/// One connection that reads much, in the order of keys, and cannot write.
pub(crate) async fn reading_alone(address: &PgConnectOptions) -> sqlx::Result<PgConnection> {
    let options = options(address).options([
        ("default_transaction_read_only", "on"),
        ("default_transaction_isolation", "repeatable read"),
        // The whole log is read along its key; sorting it would need as much disk again.
        ("enable_sort", "off"),
        ("enable_hashjoin", "off"),
        ("max_parallel_workers_per_gather", "0"),
    ]);
    options.connect().await
}

fn new_enough(number: i64, found: &str) -> Result<(), OpenError> {
    if number >= OLDEST {
        return Ok(());
    }
    let why = "is too old";
    Err(OpenError::Old { program: "PostgreSQL", found: found.to_owned(), why, wanted: "15" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_servers_are_refused() {
        for (number, text) in [(140_022, "14.22"), (90_624, "9.6.24"), (0, "")] {
            let refused = new_enough(number, text).unwrap_err().to_string();
            assert!(refused.contains(text) && refused.contains("15 or newer"), "{refused}");
        }
        assert!(new_enough(150_000, "15.0").is_ok() && new_enough(180_001, "18.1").is_ok());
    }
}

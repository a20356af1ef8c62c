//! The tables and the triggers that guard them. Migrations are only added to.
//!
//! A database whose schema is not exactly ours is refused: a missing trigger would let history be rewritten, and
//! a foreign one would write along with us.

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqliteConnection};

use crate::open::OpenError;

/// Every change of the schema, in order; the position is the version before it.
const MIGRATIONS: &[&str] =
    &[include_str!("migrations/0001_first.sql"), include_str!("migrations/0002_forgetting.sql")];

const VERSIONS: &str = "CREATE TABLE schema_version (version INTEGER PRIMARY KEY) STRICT";

/// Brings a database to the newest schema, and refuses one that is not ours.
pub(super) async fn migrate(connection: &mut SqliteConnection) -> Result<(), OpenError> {
    raise(connection).await?;
    let mut fresh = SqliteConnectOptions::new().in_memory(true).disable_statement_logging().connect().await?;
    raise(&mut fresh).await?;
    let (ours, found) = (objects(&mut fresh).await?, objects(connection).await?);
    fresh.close().await?;
    let odd = |one: &[Object], other: &[Object]| one.iter().find(|object| !other.contains(object)).cloned();
    match odd(&ours, &found).or_else(|| odd(&found, &ours)) {
        None => Ok(()),
        Some((kind, name, _)) => Err(OpenError::Schema { kind, name }),
    }
}

/// Kind, name and text of something in the schema.
type Object = (String, String, String);

async fn raise(connection: &mut SqliteConnection) -> Result<(), OpenError> {
    let newest = MIGRATIONS.len();
    let version = version(connection).await?;
    if version > newest {
        return Err(OpenError::Newer { found: version, newest });
    }
    for (before, migration) in MIGRATIONS.iter().enumerate().skip(version) {
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        if before == 0 {
            sqlx::raw_sql(VERSIONS).execute(&mut *transaction).await?;
        }
        sqlx::raw_sql(*migration).execute(&mut *transaction).await?;
        let after = i64::try_from(before + 1).unwrap_or(i64::MAX);
        sqlx::query("INSERT INTO schema_version (version) VALUES (?)")
            .bind(after)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
    }
    Ok(())
}

/// How many migrations the database has seen; 0 for an empty one.
async fn version(connection: &mut SqliteConnection) -> Result<usize, OpenError> {
    let objects = objects(connection).await?;
    if objects.is_empty() {
        return Ok(0);
    }
    if !objects.iter().any(|(_, name, _)| name == "schema_version") {
        return Err(OpenError::Foreign);
    }
    let versions = sqlx::query("SELECT coalesce(max(version), 0) FROM schema_version");
    let version: i64 = versions.fetch_one(connection).await?.try_get(0)?;
    usize::try_from(version).map_err(|_| OpenError::Foreign)
}

async fn objects(connection: &mut SqliteConnection) -> Result<Vec<Object>, OpenError> {
    // Statistics and automatic indexes are SQLite's own.
    let ask = "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY type, name";
    let rows = sqlx::query(ask).fetch_all(connection).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))).collect()
}

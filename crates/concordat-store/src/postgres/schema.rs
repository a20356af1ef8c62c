//! The tables and the triggers that guard them. Migrations are only added to.
//!
//! A schema that is not exactly ours is refused: a missing trigger would let history be rewritten, and a foreign
//! one would write along with us. What is ours is what the server itself makes of the migrations, in a schema that
//! is taken back at once; so servers that describe the same table in other words do no harm.

use sqlx::{Connection as _, PgConnection, Row as _};

use crate::open::OpenError;

/// Every change of the schema, in order; the position is the version before it.
const MIGRATIONS: &[&str] =
    &[include_str!("migrations/0001_first.sql"), include_str!("migrations/0002_forgetting.sql")];

const VERSIONS: &str = "CREATE TABLE schema_version (version bigint PRIMARY KEY)";

/// Brings a database to the newest schema, and refuses one that is not ours.
pub(super) async fn migrate(connection: &mut PgConnection) -> Result<(), OpenError> {
    raise(connection).await?;
    let found = objects(connection).await?;
    let mut scratch = connection.begin().await?;
    sqlx::raw_sql("CREATE SCHEMA concordat_compared; SET LOCAL search_path = concordat_compared, pg_temp")
        .execute(&mut *scratch)
        .await?;
    sqlx::raw_sql(VERSIONS).execute(&mut *scratch).await?;
    for migration in MIGRATIONS {
        sqlx::raw_sql(*migration).execute(&mut *scratch).await?;
    }
    let ours = objects(&mut scratch).await?;
    scratch.rollback().await?;
    let odd = |one: &[Object], other: &[Object]| one.iter().find(|object| !other.contains(object)).cloned();
    match odd(&ours, &found).or_else(|| odd(&found, &ours)) {
        None => Ok(()),
        Some((kind, name, _)) => Err(OpenError::Schema { kind, name }),
    }
}

/// Kind, name and description of something in the schema.
type Object = (String, String, String);

async fn raise(connection: &mut PgConnection) -> Result<(), OpenError> {
    let newest = MIGRATIONS.len();
    let version = version(connection).await?;
    if version > newest {
        return Err(OpenError::Newer { found: version, newest });
    }
    for (before, migration) in MIGRATIONS.iter().enumerate().skip(version) {
        let mut transaction = connection.begin().await?;
        if before == 0 {
            sqlx::raw_sql("CREATE SCHEMA IF NOT EXISTS concordat").execute(&mut *transaction).await?;
            sqlx::raw_sql(VERSIONS).execute(&mut *transaction).await?;
        }
        sqlx::raw_sql(*migration).execute(&mut *transaction).await?;
        let after = i64::try_from(before + 1).unwrap_or(i64::MAX);
        sqlx::query("INSERT INTO schema_version (version) VALUES ($1)")
            .bind(after)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
    }
    Ok(())
}

/// How many migrations the database has seen; 0 for one without our schema, or with an empty one.
async fn version(connection: &mut PgConnection) -> Result<usize, OpenError> {
    let tables = "
        SELECT relname::text FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
        WHERE nspname = 'concordat'
    ";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut *connection).await?;
    if tables.is_empty() {
        return Ok(0);
    }
    if !tables.iter().any(|name| name == "schema_version") {
        return Err(OpenError::Foreign);
    }
    let versions = sqlx::query("SELECT coalesce(max(version), 0)::bigint FROM schema_version");
    let version: i64 = versions.fetch_one(connection).await?.try_get(0)?;
    usize::try_from(version).map_err(|_| OpenError::Foreign)
}

async fn objects(connection: &mut PgConnection) -> Result<Vec<Object>, OpenError> {
    let rows = sqlx::query(include_str!("objects.sql")).fetch_all(connection).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))).collect()
}

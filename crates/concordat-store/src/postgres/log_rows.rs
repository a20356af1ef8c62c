//! What a start asks PostgreSQL.

use sqlx::{PgConnection, Row as _};

use crate::log::Stored;

/// How many records there are between two indices, and their hashes end to end.
pub(super) const LEAVES: &str = "
    SELECT
        count(*),
        string_agg(leaf, ''::bytea ORDER BY idx)
    FROM record
    WHERE idx >= $1 AND idx < $2
";

impl Stored for PgConnection {
    async fn ends(&mut self) -> sqlx::Result<(i64, i64)> {
        let ends = sqlx::query("SELECT coalesce(min(idx), 0), coalesce(max(idx) + 1, 0) FROM record");
        let ends = ends.fetch_one(self).await?;
        Ok((ends.try_get(0)?, ends.try_get(1)?))
    }

    async fn leaves(&mut self, from: i64, until: i64) -> sqlx::Result<(i64, Vec<u8>)> {
        let row = sqlx::query(LEAVES).bind(from).bind(until).fetch_one(self).await?;
        Ok((row.try_get(0)?, row.try_get::<Option<_>, _>(1)?.unwrap_or_default()))
    }

    async fn notes(&mut self) -> sqlx::Result<Vec<(i64, String)>> {
        let notes = sqlx::query("SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 2");
        notes.fetch_all(self).await?.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }

    async fn bodies(&mut self, from: i64, until: i64) -> sqlx::Result<Vec<(i64, Vec<u8>, Vec<u8>)>> {
        let ask = "SELECT idx, leaf, body FROM record WHERE idx >= $1 AND idx < $2 ORDER BY idx";
        let rows = sqlx::query(ask).bind(from).bind(until);
        let cells = |row: &sqlx::postgres::PgRow| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
        rows.fetch_all(self).await?.iter().map(cells).collect()
    }
}

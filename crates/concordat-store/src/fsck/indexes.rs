//! SQLite's own examination: pages that are damaged, and indices that lack a row or lead to another one.
//!
//! Records are found by indices, and verification reads past them. So whoever can write the file could hide a record
//! from searches and leave the log as it was signed. An index is a projection of its table, and is made anew.

use sqlx::SqliteConnection;

use super::{Difference, Examined};

/// Examines the file, and makes its indices anew where that is wanted and needed.
pub(super) async fn all(
    database: &mut SqliteConnection,
    repair: bool,
    examined: &mut Examined,
) -> sqlx::Result<()> {
    let complaints = complaints(database).await?;
    if repair && !complaints.is_empty() {
        sqlx::raw_sql("REINDEX").execute(&mut *database).await?;
        if self::complaints(database).await?.is_empty() {
            examined.of_indexes += complaints.len() as u64;
            examined.repaired += 1;
        }
    }
    for written in complaints {
        let (row, stored) = ("index".to_owned(), String::new());
        examined.differs(Difference { table: "(file)", row, column: "(index)", stored, written });
    }
    Ok(())
}

async fn complaints(database: &mut SqliteConnection) -> sqlx::Result<Vec<String>> {
    let said: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check(100)").fetch_all(database).await?;
    Ok(said.into_iter().filter(|line| line != "ok").collect())
}

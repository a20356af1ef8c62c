//! Statements that both databases understand, apart from how they write a parameter.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{PgConnection, SqliteConnection};

use crate::row::Cells;

/// A statement with one parameter, or more of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) sqlite: &'static str,
    pub(super) postgres: &'static str,
}

/// A statement around one parameter.
macro_rules! asked {
    ($before:literal, $after:literal) => {
        Asked { sqlite: concat!($before, "?", $after), postgres: concat!($before, "$1", $after) }
    };
}
pub(super) use asked;

/// A parameter.
#[derive(Debug, Clone)]
pub(super) enum Bound {
    Number(i64),
    Text(Option<String>),
    Bytes(Vec<u8>),
}

/// A connection that can be asked.
pub(super) trait Asks {
    type Row: Cells + Send;

    /// The rows that answer.
    async fn many(&mut self, asked: Asked, bound: Vec<Bound>) -> sqlx::Result<Vec<Self::Row>>;
}

macro_rules! bind {
    ($statement:expr, $bound:expr) => {{
        let mut query = sqlx::query($statement);
        for bound in $bound {
            query = match bound {
                Bound::Number(number) => query.bind(number),
                Bound::Text(text) => query.bind(text),
                Bound::Bytes(bytes) => query.bind(bytes),
            };
        }
        query
    }};
}

impl Asks for SqliteConnection {
    type Row = SqliteRow;

    async fn many(&mut self, asked: Asked, bound: Vec<Bound>) -> sqlx::Result<Vec<SqliteRow>> {
        bind!(asked.sqlite, bound).fetch_all(self).await
    }
}

impl Asks for PgConnection {
    type Row = PgRow;

    async fn many(&mut self, asked: Asked, bound: Vec<Bound>) -> sqlx::Result<Vec<PgRow>> {
        bind!(asked.postgres, bound).fetch_all(self).await
    }
}

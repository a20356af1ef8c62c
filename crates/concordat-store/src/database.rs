//! Where a database is: a file of SQLite, or an address of PostgreSQL.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use concordat_engine::ports::Store;
use sqlx::postgres::PgConnectOptions;

use crate::open::{OpenError, Signing};
use crate::postgres::Postgres;
use crate::sqlite::Sqlite;

/// Where a database is.
#[derive(Debug, Clone)]
pub enum Database {
    /// A file of SQLite.
    File(PathBuf),
    /// A database of a PostgreSQL server.
    Server(Address),
}

/// The address of a database of PostgreSQL. It may hold a password, so it is shown without.
#[derive(Clone)]
pub struct Address(pub(crate) Arc<PgConnectOptions>);

/// An address that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is not an address of a PostgreSQL database ({0}); hint: `postgres://USER@HOST/DATABASE`")]
pub struct BadAddress(String);

impl Database {
    /// Opens the database for this process alone, and makes its tables if there are none.
    ///
    /// # Errors
    /// When the database, its settings, its schema or the log is not as it must be; nothing was changed then, apart
    /// from an empty database.
    pub async fn open(&self, signing: Signing) -> Result<Arc<dyn Store>, OpenError> {
        Ok(match self {
            Database::File(path) => Arc::new(Sqlite::open(path, signing).await?),
            Database::Server(address) => Arc::new(Postgres::open(address, signing).await?),
        })
    }
}

impl Database {
    /// Where the database's server listens; nothing, for a file and for a server that is reached by a socket's file.
    #[must_use]
    pub fn host_and_port(&self) -> Option<(&str, u16)> {
        match self {
            Database::File(_) => None,
            Database::Server(Address(options)) if options.get_socket().is_some() => None,
            Database::Server(Address(options)) => Some((options.get_host(), options.get_port())),
        }
    }
}

impl FromStr for Database {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Database, BadAddress> {
        if text.starts_with("postgres:") || text.starts_with("postgresql:") {
            return text.parse().map(Database::Server);
        }
        Ok(Database::File(PathBuf::from(text)))
    }
}

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Address, BadAddress> {
        // What the parser says may quote the address, password and all.
        let options: PgConnectOptions =
            text.parse().map_err(|_: sqlx::Error| BadAddress("it cannot be read".to_owned()))?;
        Ok(Address(Arc::new(options)))
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Database::File(path) => path.display().fmt(f),
            Database::Server(address) => address.fmt(f),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Address(options) = self;
        let user = options.get_username();
        let database = options.get_database().unwrap_or(user);
        match options.get_socket() {
            Some(folder) => write!(f, "postgres://{user}@localhost/{database}?host={}", folder.display()),
            None => write!(f, "postgres://{user}@{}:{}/{database}", options.get_host(), options.get_port()),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_from_a_file_and_keeps_its_password() {
        for (text, shown) in [
            ("concordat-data/concordat.db", "concordat-data/concordat.db"),
            ("postgres.db", "postgres.db"),
            ("postgres://ada:geheim@db.example/log", "postgres://ada@db.example:5432/log"),
            ("postgresql://ada@localhost/log?host=/run/pg", "postgres://ada@localhost/log?host=/run/pg"),
            ("postgres://ada:geheim@db.example:6000", "postgres://ada@db.example:6000/ada"),
        ] {
            let database: Database = text.parse().unwrap();
            assert_eq!(database.to_string(), shown);
            assert!(!format!("{database:?}").contains("geheim"));
        }
        let listens = |text: &str| {
            let database: Database = text.parse().unwrap();
            database.host_and_port().map(|(host, port)| format!("{host}:{port}"))
        };
        assert_eq!(listens("postgres://ada@db.example/log"), Some("db.example:5432".to_owned()));
        assert_eq!(listens("postgresql://ada@localhost/log?host=/run/pg"), None);
        assert_eq!(listens("concordat.db"), None);
        let refused = "postgres://ada:geheim@:x/".parse::<Database>().unwrap_err().to_string();
        assert!(
            refused.contains("postgres://USER@HOST/DATABASE") && !refused.contains("geheim"),
            "{refused}"
        );
    }
}

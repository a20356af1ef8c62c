//! What PostgreSQL's errors mean for a transaction.

use sqlx::postgres::{PgDatabaseError, PgSeverity};

use crate::writer::Failure;

/// A statement that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Trouble {
    /// The session is lost, and the transaction with it, unless it was just being committed.
    #[error("the connection to the database was lost ({0})")]
    Lost(String),
    /// What was to be stored breaks a rule of the log.
    #[error("{0}")]
    Refused(String),
    /// It may work later.
    #[error("the database has no room for the transaction at the moment ({0})")]
    Busy(String),
    /// It must not be tried again.
    #[error("{0}")]
    Over(String),
    /// Nobody knows whether the transaction was committed.
    #[error("the connection to the database was lost during a commit ({0})")]
    Unknown(String),
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Failure {
        let why = trouble.to_string();
        match trouble {
            Trouble::Lost(_) | Trouble::Busy(_) => Failure::Busy(why),
            Trouble::Refused(_) => Failure::Refused(why),
            Trouble::Over(_) => Failure::Over(why),
            Trouble::Unknown(_) => Failure::Unknown(why),
        }
    }
}

impl Trouble {
    pub(super) fn of(error: &sqlx::Error) -> Trouble {
        let why = error.to_string();
        match error {
            sqlx::Error::Encode(_) => Trouble::Refused(why),
            sqlx::Error::Database(error) => match error.try_downcast_ref::<PgDatabaseError>() {
                Some(error) => of_server(error),
                None => Trouble::Lost(why),
            },
            _ => Trouble::Lost(why),
        }
    }
}

fn of_server(error: &PgDatabaseError) -> Trouble {
    let why = error.message().to_owned();
    if matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic) {
        return Trouble::Lost(why);
    }
    let code = error.code();
    match (code.get(..2).unwrap_or_default(), error.constraint()) {
        _ if code == "LG001" => Trouble::Refused(why),
        _ if code == DISK_FULL => Trouble::Over("the disk is full".to_owned()),
        // These keys say where the log ends, which the writer knows, unless it is not alone.
        ("LG", _) | (RULE_BROKEN, Some("record_pkey" | "checkpoint_pkey")) => {
            Trouble::Over("another process wrote to the log".to_owned())
        }
        (RULE_BROKEN, Some("record_has_its_hash" | "payload_has_its_digest")) => Trouble::Over(
            "bytes changed on their way to the database; hint: test the memory of both machines".to_owned(),
        ),
        (RULE_BROKEN, constraint) => Trouble::Refused(in_words(constraint, why)),
        (ODD_VALUE, _) => Trouble::Refused(why),
        // Whether a statement that is cancelled while it commits did so is not said, so it counts as lost.
        (CANCELLED, _) => Trouble::Lost(why),
        (TRANSACTION_FAILED | NO_RESOURCES | IN_USE, _) => Trouble::Busy(why),
        _ => Trouble::Over(why),
    }
}

const ODD_VALUE: &str = "22";
const RULE_BROKEN: &str = "23";
const TRANSACTION_FAILED: &str = "40";
const NO_RESOURCES: &str = "53";
const DISK_FULL: &str = "53100";
const IN_USE: &str = "55";
const CANCELLED: &str = "57";
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// A broken rule of the schema; our triggers speak for themselves.
fn in_words(constraint: Option<&str>, message: String) -> String {
    match constraint {
        Some("reply_pkey") => "an answer is stored under this `Idempotency-Key` already".to_owned(),
        Some("record_id_key") => "a record with this id is stored already".to_owned(),
        Some("record_subject_subject_seq_key") => {
            "the subject has other records than the change was made for".to_owned()
        }
        _ => message,
    }
}

/// Whether somebody else holds the lock that was waited for.
pub(super) fn is_held(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref()
        == Some(LOCK_NOT_AVAILABLE)
}

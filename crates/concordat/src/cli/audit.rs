//! `audit`: reads the log, and verifies a database without any server.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use concordat_ledger::{Checkpoint, Verifier};
use concordat_server::api::audit::{LogEntry, RecordsQuery};

use concordat_store::verify::{self, Unsound};
use concordat_store::{BadAddress, Database};
use serde::Serialize;

use super::caret::visible;
use super::exit::Exit;
use super::failure::Failure;
use super::session::Session;
use crate::log_key;

#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Verify a database: every record, hash, checkpoint and payload. Needs no server, and disturbs none.
    Verify {
        /// The database: a file of SQLite, or the address of a PostgreSQL database.
        #[arg(
            default_value = "concordat-data/concordat.db",
            env = "CONCORDAT_DATABASE",
            hide_env_values = true,
            value_name = "FILE|ADDRESS"
        )]
        database: String,
        /// A file with the log's public keys, one a line. Get it from elsewhere than the database: whoever can
        /// change both can forge both. Without it, the one beside the file is taken; there is none beside an address.
        #[arg(long, value_name = "FILE")]
        verifier_keys: Option<PathBuf>,
        /// A file with a checkpoint that you kept: the log must continue it.
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
    },
    /// Print records of the log.
    Records {
        /// Only records at or after this index.
        #[arg(long, value_name = "INDEX")]
        from: Option<u64>,
        /// The most records, 1 to 1000.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: Option<u32>,
        /// Only records of this type, such as `gate.decided`.
        #[arg(long = "type", value_name = "TYPE")]
        kind: Option<String>,
        /// Only records of this subject, such as a run.
        #[arg(long, value_name = "SUBJECT")]
        subject: Option<String>,
    },
    /// Print the newest signed checkpoint. Keep it: it proves later that nothing before it was changed.
    Checkpoint,
}

#[derive(Debug, Serialize)]
struct Sound {
    records: u64,
    root: String,
    checkpoints: u64,
    subjects: u64,
    payloads: u64,
}

/// A record as a line; the whole of it is in the JSON form.
fn line(entry: &LogEntry) -> [String; 5] {
    let record: serde_json::Value = serde_json::from_str(entry.record.get()).unwrap_or_default();
    let text = |name: &str| record.get(name).and_then(serde_json::Value::as_str).unwrap_or("?").to_owned();
    [entry.index.to_string(), text("time"), text("type"), text("subject"), text("id")]
}

pub(super) async fn run(session: &Session, command: Audit) -> Result<Exit, Failure> {
    match command {
        Audit::Verify { database, verifier_keys, checkpoint } => {
            let database = database.parse().map_err(|error: BadAddress| Failure::Usage(error.to_string()))?;
            let sound = verified(session, &database, verifier_keys, checkpoint).await?;
            session.output.show(&sound, |sound| {
                let Sound { records, root, checkpoints, subjects, payloads } = sound;
                format!(
                    "the log is what was signed\n  {records} records of {subjects} subjects under {checkpoints} \
                     checkpoints, {payloads} payloads\n  root {root}"
                )
            });
        }
        Audit::Records { from, limit, kind, subject } => {
            let list = session
                .client()?
                .records(&RecordsQuery { from, limit, kind, subject, ..RecordsQuery::default() })
                .await?;
            session.output.show(&list, |list| {
                let rows = list.items.iter().map(line);
                session.output.table(["index", "time", "type", "subject", "record"], rows)
            });
            if let (Some(from), false) = (list.next_from, session.output.is_json()) {
                session.output.say(&format!("there may be more: add `--from {from}`"));
            }
        }
        Audit::Checkpoint => session.output.data(&session.client()?.checkpoint().await?),
    }
    Ok(Exit::Success)
}

async fn verified(
    session: &Session,
    database: &Database,
    keys: Option<PathBuf>,
    checkpoint: Option<PathBuf>,
) -> Result<Sound, Failure> {
    let keys = match keys {
        Some(keys) => keys,
        None => beside(session, database)?,
    };
    let keys = verifiers(&keys)?;
    let trusted = match checkpoint {
        None => None,
        Some(file) => {
            let note = read(&file)?;
            let opened = Checkpoint::open(note.as_bytes(), &keys);
            Some(opened.map_err(|error| Failure::Unverifiable(format!("`{}`: {error}", file.display())))?)
        }
    };
    if matches!(database, Database::File(path) if !path.is_file()) {
        return Err(Failure::Unverifiable(format!("there is no database `{database}`")));
    }
    let sound = verify::database(database, keys, trusted).await.map_err(|error| unsound(&error))?;
    Ok(Sound {
        records: sound.log.size,
        root: sound.log.root.to_string(),
        checkpoints: sound.log.checkpoints,
        subjects: sound.log.subjects,
        payloads: sound.payloads,
    })
}

/// The public key that lies beside a database.
fn beside(session: &Session, database: &Database) -> Result<PathBuf, Failure> {
    let Database::File(path) = database else {
        return Err(Failure::Usage(format!(
            "there is no public key beside an address; hint: give `--verifier-keys`, such as the data folder's `{}`",
            log_key::PUBLIC
        )));
    };
    let beside = path.with_file_name(log_key::PUBLIC);
    let shown = beside.display();
    session.output.say(&format!("note: the public key is the one beside the database (`{shown}`); for proof, use a copy kept elsewhere"));
    Ok(beside)
}

fn unsound(error: &Unsound) -> Failure {
    let words = visible(&match error {
        Unsound::Fault(fault) => fault.to_string(),
        other => other.to_string(),
    });
    if error.is_fault() { Failure::Tampered(words) } else { Failure::Unverifiable(words) }
}

fn verifiers(file: &Path) -> Result<Vec<Verifier>, Failure> {
    let text = read(file)?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let wrong = |error| Failure::Unverifiable(format!("`{}`: {error}", file.display()));
    lines.map(|line| line.parse().map_err(wrong)).collect()
}

fn read(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file)
        .map_err(|why| Failure::Unverifiable(format!("`{}` cannot be read: {why}", file.display())))
}

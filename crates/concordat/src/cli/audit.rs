//! `audit`: reads the log, and verifies a database without any server.

mod records;
mod tail;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use concordat_ledger::{Checkpoint, Verifier};

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
    /// Print records of the log: all of them in order, or those that mention something.
    Records(Box<records::Options>),
    /// Print the log as it grows, in a form that other programs read.
    Tail(tail::Tail),
    /// Post the log as it grows to another program, without ever leaving something out.
    Forward(tail::Forward),
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
        Audit::Records(options) => return records::run(session, *options).await,
        Audit::Tail(options) => return tail::tail(session, options).await,
        Audit::Forward(options) => return tail::forward(session, options).await,
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

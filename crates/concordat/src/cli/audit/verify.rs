//! `audit verify`: a database, or evidence that somebody handed over, against its signatures. No server takes part.

use std::path::{Path, PathBuf};

use clap::Args;
use concordat_store::verify::{self, Progress, Unsound};
use concordat_store::{BadAddress, Database};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::super::caret::visible;
use super::super::exit::Exit;
use super::super::failure::Failure;
use super::super::session::Session;
use super::{kept, read, verifiers};
use crate::evidence::{self, Brought, Form, Proven, Wrong};
use crate::log_key;

#[derive(Debug, Args)]
pub(in crate::cli) struct Options {
    /// What to verify: the file of a database, the address of a PostgreSQL database, an evidence pack (`.tar`), the
    /// folder that one was unpacked to, or a `records.jsonl` with its `checkpoint` beside it.
    #[arg(
        default_value = "concordat-data/concordat.db",
        env = "CONCORDAT_DATABASE",
        hide_env_values = true,
        value_name = "PATH|ADDRESS"
    )]
    database: String,
    /// A file with the log's public keys, one a line. Get it from elsewhere than the database: whoever can
    /// change both can forge both. Without it, the one beside the file is taken; there is none beside an address.
    #[arg(long, value_name = "FILE")]
    verifier_keys: Option<PathBuf>,
    /// A file with a checkpoint that you kept: the log must continue it.
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// A file with a trust policy (c2sp.org/tlog-policy): its quorum must have cosigned the checkpoint that you kept.
    #[arg(long, requires = "checkpoint", value_name = "FILE")]
    policy: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Sound {
    records: u64,
    root: String,
    checkpoints: u64,
    subjects: u64,
    payloads: u64,
}

pub(super) async fn run(session: &Session, options: Options) -> Result<Exit, Failure> {
    let place = Path::new(&options.database);
    // An address is no path; what is neither a folder nor evidence is a database.
    if let (true, Some(form)) = (place.exists(), evidence::form(place)) {
        let proven = handed_over(session, place, form, &options)?;
        session.output.show(&proven, told);
        return Ok(Exit::Success);
    }
    let sound = database(session, &options).await?;
    session.output.show(&sound, |sound| {
        let Sound { records, root, checkpoints, subjects, payloads } = sound;
        format!(
            "the log is what was signed\n  {records} records of {subjects} subjects under {checkpoints} \
             checkpoints, {payloads} payloads\n  root {root}"
        )
    });
    Ok(Exit::Success)
}

async fn database(session: &Session, options: &Options) -> Result<Sound, Failure> {
    let database: Database =
        options.database.parse().map_err(|error: BadAddress| Failure::Usage(error.to_string()))?;
    let keys = match &options.verifier_keys {
        Some(keys) => verifiers(keys)?,
        None => verifiers(&beside(session, &database)?)?,
    };
    let checkpoint = options.checkpoint.as_deref();
    let trusted = checkpoint.map(|file| kept(file, &keys, options.policy.as_deref())).transpose()?;
    if matches!(&database, Database::File(path) if !path.is_file()) {
        return Err(Failure::Unverifiable(format!("there is no database `{database}`")));
    }
    let bar = bar();
    let watch = |Progress { records, of }: Progress| show(&bar, records, of);
    let sound = verify::watched(&database, keys, trusted, &watch).await;
    bar.finish_and_clear();
    let sound = sound.map_err(|error| unsound(&error))?;
    Ok(Sound {
        records: sound.log.size,
        root: sound.log.root.to_string(),
        checkpoints: sound.log.checkpoints,
        subjects: sound.log.subjects,
        payloads: sound.payloads,
    })
}

fn handed_over(session: &Session, place: &Path, form: Form, options: &Options) -> Result<Proven, Failure> {
    let keys = options.verifier_keys.as_deref().map(verifiers).transpose()?.unwrap_or_default();
    if let (Some(file), Some(policy)) = (&options.checkpoint, &options.policy) {
        // Whether the evidence continues this checkpoint is looked at with the evidence.
        kept(file, &keys, Some(policy))?;
    }
    let brought = Brought { keys, checkpoint: options.checkpoint.as_deref().map(read).transpose()? };
    let bar = bar();
    let proven = evidence::verify(place, form, brought, &|records, of| show(&bar, records, Some(of)));
    bar.finish_and_clear();
    let proven = proven.map_err(|wrong| unproven(&wrong))?;
    if proven.own_keys {
        session.output.say(
            "note: the public key is the one in the evidence; for proof, give a copy from elsewhere with `--verifier-keys`",
        );
    }
    Ok(proven)
}

fn told(proven: &Proven) -> String {
    let Proven { origin, first, size, records, root, subjects, addressed, continues, .. } = proven;
    let range = match records {
        0 => format!("no records after the first {first}"),
        1 => format!("record {first} of {subjects} subject"),
        _ => format!("{records} records ({first} to {}) of {subjects} subjects", size.saturating_sub(1)),
    };
    let kept = match continues {
        Some(kept) => format!("\n  it continues your checkpoint of {kept} records"),
        None => String::new(),
    };
    format!(
        "the evidence is what was signed\n  {range} of the log {origin}, {addressed} policies and payloads\n  root {root} \
         of {size} records{kept}"
    )
}

/// The public key that lies beside a database.
pub(super) fn beside(session: &Session, database: &Database) -> Result<PathBuf, Failure> {
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
    let words = match error {
        Unsound::Fault(fault) => format!("{fault}: {}", fault.meaning()),
        other => other.to_string(),
    };
    ended(error.is_fault(), &words)
}

fn unproven(wrong: &Wrong) -> Failure {
    ended(wrong.is_fault(), &wrong.to_string())
}

fn ended(is_fault: bool, words: &str) -> Failure {
    let words = visible(words);
    if is_fault { Failure::Tampered(words) } else { Failure::Unverifiable(words) }
}

/// Drawn on standard error, and only where that is a terminal.
fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{pos} records verified, {per_sec} {wide_bar} {eta}");
    ProgressBar::no_length().with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn show(bar: &ProgressBar, records: u64, of: Option<u64>) {
    if let Some(of) = of {
        bar.set_length(of);
    }
    bar.set_position(records);
}

//! `audit`: reads the log, and verifies a database or evidence without any server.

mod erase;
mod forward;
mod fsck;
mod hold;
mod prune;
mod receipt;
mod records;
mod report;
mod rotate_key;
mod tail;
mod tiles;
mod verify;
mod witness;

use std::fs;
use std::path::Path;

use clap::Subcommand;
use concordat_ledger::{Checkpoint, Verifier};

use super::exit::Exit;
use super::failure::Failure;
use super::session::Session;

#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Verify a database, or evidence that you were handed: every record, hash, checkpoint and payload. Needs no
    /// server, and disturbs none.
    Verify(verify::Options),
    /// Compare everything that a database keeps beside its records with the records, and name every row that differs.
    Fsck(fsck::Options),
    /// Write a report, an export or an evidence pack, from a database without any server or made by a server.
    Report(Box<report::Report>),
    /// Print records of the log: all of them in order, or those that mention something.
    Records(Box<records::Options>),
    /// Print the log as it grows, in a form that other programs read.
    Tail(tail::Tail),
    /// Send the log as it grows to another program, by HTTP or by syslog, without ever leaving something out.
    Forward(Box<forward::Forward>),
    /// Print the newest signed checkpoint. Keep it: it proves later that nothing before it was changed.
    Checkpoint,
    /// Fetch the proof that a record is in the log, or verify one without a server.
    Receipt(receipt::Options),
    /// Export the log as tiles (c2sp.org/tlog-tiles) into a folder that any web server can hold.
    Tiles(tiles::Options),
    /// Let a new key sign the log. The server must be stopped.
    RotateKey(rotate_key::Options),
    /// Have what a contract, an event or a question holds forgotten because somebody may ask for it. Proofs still hold.
    Erase(erase::Options),
    /// Have everything forgotten that is older than it is to be kept, but for what is held.
    Prune(prune::Options),
    /// Keep contracts from being forgotten, or let them go.
    #[command(subcommand)]
    Hold(hold::Hold),
    /// Run a witness, which sees the log grow and nothing else, or have a checkpoint cosigned by witnesses.
    #[command(subcommand)]
    Witness(witness::Witness),
}

pub(super) async fn run(session: &Session, command: Audit) -> Result<Exit, Failure> {
    match command {
        Audit::Erase(options) => return erase::run(session, options).await,
        Audit::Prune(options) => return prune::run(session, options).await,
        Audit::Hold(command) => return hold::run(session, command).await,
        Audit::Receipt(options) => return receipt::run(session, options).await,
        Audit::RotateKey(options) => return rotate_key::run(session, options).await,
        Audit::Tiles(options) => return tiles::run(session, options).await,
        Audit::Witness(command) => return witness::run(session, command).await,
        Audit::Verify(options) => return verify::run(session, options).await,
        Audit::Fsck(options) => return fsck::run(session, options).await,
        Audit::Report(command) => return report::run(session, *command).await,
        Audit::Records(options) => return records::run(session, *options).await,
        Audit::Tail(options) => return tail::tail(session, options).await,
        Audit::Forward(options) => return forward::forward(session, *options).await,
        Audit::Checkpoint => session.output.data(&session.client()?.checkpoint().await?),
    }
    Ok(Exit::Success)
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

fn bytes(file: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(file).map_err(|why| Failure::Unverifiable(format!("`{}` cannot be read: {why}", file.display())))
}

/// A checkpoint that somebody kept; with a trust policy, its quorum must have cosigned it.
fn kept(file: &Path, keys: &[Verifier], policy: Option<&Path>) -> Result<Checkpoint, Failure> {
    let odd = |error: &dyn std::fmt::Display| Failure::Unverifiable(format!("`{}`: {error}", file.display()));
    let note = bytes(file)?;
    match policy {
        None => Checkpoint::open(&note, keys).map_err(|error| odd(&error)),
        Some(policy) => {
            let accepted = receipt::trust(policy)?.open_with(&note, keys);
            accepted.map(|accepted| accepted.checkpoint).map_err(|error| odd(&error))
        }
    }
}

//! `audit tiles`: writes the log into a folder as tiles, and continues a folder that was written before.

use std::path::PathBuf;

use concordat_ledger::Checkpoint;
use serde::Serialize;

use super::verifiers;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::tiles::{Folder, TilesError};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Options {
    /// The folder. What stands there is continued: full tiles are never written again.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The records as well. They are not for everybody: hashes are no secret, records may be.
    #[arg(long)]
    entries: bool,
    /// A file with the log's public keys, one a line.
    #[arg(long, default_value = "concordat-data/log.vkey", value_name = "FILE")]
    verifier_keys: PathBuf,
}

#[derive(Debug, Serialize)]
struct Exported {
    records: u64,
    root: String,
    tiles: usize,
    bundles: usize,
}

pub(in crate::cli) async fn run(session: &Session, options: Options) -> Result<Exit, Failure> {
    let client = session.client()?;
    let keys = verifiers(&options.verifier_keys)?;
    let note = client.checkpoint().await?;
    let checkpoint = Checkpoint::open(note.as_bytes(), &keys)
        .map_err(|error| Failure::Unverifiable(format!("the server's checkpoint: {error}")))?;
    let mut folder = Folder::at(&options.folder);
    let tiles = folder.missing(checkpoint.size());
    for tile in &tiles {
        folder.add(*tile, &client.tile(&tile.to_string()).await?)?;
    }
    let records = if options.entries { folder.missing_records(checkpoint.size()) } else { Vec::new() };
    for tile in &records {
        let path = format!("entries/{}", tile.within_level());
        folder.add_records(*tile, &client.tile(&path).await?)?;
    }
    folder.sign(&checkpoint, &keys)?;
    let (size, root) = (checkpoint.size(), checkpoint.root().to_string());
    let exported = Exported { records: size, root, tiles: tiles.len(), bundles: records.len() };
    session.output.show(&exported, |exported| {
        let Exported { records, root, tiles, bundles } = exported;
        let with = if options.entries { format!(", {bundles} new files of records") } else { String::new() };
        format!("the folder holds the log of {records} records\n  {tiles} new tiles{with}\n  root {root}")
    });
    Ok(Exit::Success)
}

impl From<TilesError> for Failure {
    fn from(error: TilesError) -> Failure {
        let words = error.to_string();
        match error {
            TilesError::Hashes { .. } | TilesError::Records { .. } | TilesError::Forked { .. } => {
                Failure::Tampered(words)
            }
            TilesError::Unwritten(error) => error.into(),
            TilesError::File { .. } | TilesError::Length { .. } => Failure::Unverifiable(words),
        }
    }
}

//! `policy build`: a folder as the archive of a bundle.

use std::path::PathBuf;

use clap::Args;
use concordat_policy::Bundle;
use concordat_policy::bundle::archive;
use serde::Serialize;

use super::super::exit::Exit;
use super::super::failure::Failure;
use super::super::session::Session;
use crate::policies;

#[derive(Debug, Args)]
pub(in super::super) struct Build {
    /// The folder.
    folder: PathBuf,
    /// The archive to write, such as `bundle.tar.gz`.
    #[arg(long, short = 'f', value_name = "FILE")]
    file: PathBuf,
}

#[derive(Serialize)]
struct Built {
    revision: String,
    bytes: usize,
}

pub(super) fn run(session: &Session, command: &Build) -> Result<Exit, Failure> {
    let files = policies::files_of(&command.folder).map_err(super::wrong)?;
    // What no server would take is not packed.
    let bundle = Bundle::from_files(files.iter().map(|(path, bytes)| (path, bytes))).map_err(super::wrong)?;
    let packed = archive::pack(&files).map_err(super::wrong)?;
    let unwritable = |why| super::wrong(format!("`{}` cannot be written: {why}", command.file.display()));
    std::fs::write(&command.file, &packed).map_err(unwritable)?;
    let built = Built { revision: bundle.revision().to_string(), bytes: packed.len() };
    session.output.show(&built, |built| format!("{}  {} bytes", built.revision, built.bytes));
    Ok(Exit::Success)
}

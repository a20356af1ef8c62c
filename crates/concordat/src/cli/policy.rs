//! `policy`: the policy in force, and whether a folder of Rego could be.

use std::path::PathBuf;

use clap::Subcommand;
use concordat_policy::{Bundle, Policy as Loaded};
use serde::Serialize;

use super::caret::visible;
use super::exit::Exit;
use super::failure::Failure;
use super::session::Session;
use crate::policies;

#[derive(Debug, Subcommand)]
pub(super) enum Policy {
    /// Show the revision in force.
    Show,
    /// Load a folder of Rego as a server would, and print its revision.
    Check {
        /// The folder; without it, the standard policy.
        folder: Option<PathBuf>,
    },
}

#[derive(Debug, Serialize)]
struct Checked {
    revision: String,
    files: usize,
}

pub(super) async fn run(session: &Session, command: Policy) -> Result<Exit, Failure> {
    match command {
        Policy::Show => {
            session.output.show(&session.client()?.policy().await?, |policy| policy.revision.clone())
        }
        Policy::Check { folder } => {
            let checked = check(folder)?;
            session.output.show(&checked, |checked| format!("{}  {} files", checked.revision, checked.files));
        }
    }
    Ok(Exit::Success)
}

fn check(folder: Option<PathBuf>) -> Result<Checked, Failure> {
    let bundle = match folder {
        Some(folder) => {
            policies::of_folder(&folder).map_err(|error| Failure::Documents(visible(&error.to_string())))?
        }
        None => Bundle::standard(),
    };
    let loaded = Loaded::load(&bundle).map_err(|error| Failure::Documents(visible(&error.to_string())))?;
    Ok(Checked { revision: loaded.revision().to_string(), files: bundle.deciding().count() })
}

//! `policy`: the policy in force, and whether a folder of Rego could be.

use std::path::PathBuf;

use clap::Subcommand;
use concordat_policy::testing::{self, Tested};
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
    /// Run the Rego tests of a folder with the evaluator that a server has.
    Test {
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
            session.output.show(&session.client()?.policy().await?, |policy| policy.revision.clone());
        }
        Policy::Check { folder } => {
            let bundle = bundle(folder)?;
            let loaded = Loaded::load(&bundle).map_err(wrong)?;
            let checked =
                Checked { revision: loaded.revision().to_string(), files: bundle.deciding().count() };
            session.output.show(&checked, |checked| format!("{}  {} files", checked.revision, checked.files));
        }
        Policy::Test { folder } => {
            let tested = testing::run(&bundle(folder)?).map_err(wrong)?;
            session.output.show(&tested, |tested| summary(tested));
            if tested.is_empty() {
                session
                    .output
                    .say("there are no tests: write rules named `test_…` in files named `…_test.rego`");
            }
            return Ok(if tested.iter().all(|one| one.failure.is_none()) {
                Exit::Success
            } else {
                Exit::Negative
            });
        }
    }
    Ok(Exit::Success)
}

fn bundle(folder: Option<PathBuf>) -> Result<Bundle, Failure> {
    folder.map_or_else(|| Ok(Bundle::standard()), |folder| policies::of_folder(&folder).map_err(wrong))
}

fn wrong(error: impl std::fmt::Display) -> Failure {
    Failure::Documents(visible(&error.to_string()))
}

fn summary(tested: &[Tested]) -> String {
    let failed =
        tested.iter().filter_map(|one| Some(format!("{}: {}\n", one.test, visible(one.failure.as_ref()?))));
    let failed: Vec<String> = failed.collect();
    format!("{}{} tests, {} failed", failed.concat(), tested.len(), failed.len())
}

//! `policy`: policies from the author's first test to the one in force.

mod bench;
mod build;
mod check;
mod eval;
mod prove;
mod revisions;
mod test;

use std::path::PathBuf;

use clap::Subcommand;
use concordat_policy::Bundle;

use super::caret::visible;
use super::exit::Exit;
use super::failure::Failure;
use super::session::Session;
use crate::policies;

#[derive(Debug, Subcommand)]
pub(super) enum Policy {
    /// Find everything that is wrong with a policy, as a server would before it is put in force.
    Check(check::Check),
    /// Pack a folder into an archive, as OPA bundles are; the same folder gives the same bytes.
    Build(build::Build),
    /// Run the Rego tests of a folder with the evaluator that a server has.
    Test(test::Test),
    /// Evaluate a query over a folder, and say how it came to its value.
    Eval(eval::Eval),
    /// Measure what a decision of a gate costs.
    Bench(bench::Bench),
    /// Search for inputs that break the `invariant_…` rules of a folder.
    Prove(prove::Prove),
    /// Work with the policies of a server.
    #[command(flatten)]
    Revisions(revisions::Command),
}

pub(super) async fn run(session: &Session, command: Policy) -> Result<Exit, Failure> {
    match command {
        Policy::Build(command) => build::run(session, &command),
        Policy::Check(command) => check::run(session, &command).await,
        Policy::Test(command) => test::run(session, command).await,
        Policy::Eval(command) => eval::run(session, &command),
        Policy::Bench(command) => bench::run(session, &command),
        Policy::Prove(command) => prove::run(session, &command),
        Policy::Revisions(command) => revisions::run(session, command).await,
    }
}

fn bundle(folder: Option<PathBuf>) -> Result<Bundle, Failure> {
    folder.map_or_else(|| Ok(Bundle::standard()), |folder| policies::of_folder(&folder).map_err(wrong))
}

fn wrong(error: impl std::fmt::Display) -> Failure {
    Failure::Documents(visible(&error.to_string()))
}

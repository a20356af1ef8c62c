//! `audit hold`: keeps contracts from being forgotten.

use clap::Subcommand;
use concordat_server::api::contents::{self, NewHold, ReleaseHold};

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Hold {
    /// Keep a contract, or everything of your organisation, from being forgotten.
    Set {
        /// The contract; everything of your organisation without it.
        #[arg(long, value_name = "RUN")]
        contract: Option<String>,
        /// Why. It is recorded.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Let what was held be forgotten again.
    Release {
        /// The hold's id, `hold_…`.
        hold: String,
        /// Why. It is recorded.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// List what is held of your organisation, oldest first.
    List,
}

pub(in crate::cli) async fn run(session: &Session, command: Hold) -> Result<Exit, Failure> {
    let client = session.client()?;
    let one = |hold: &contents::Hold| table(session, std::slice::from_ref(hold));
    match command {
        Hold::Set { contract, reason } => {
            session.output.show(&client.set_hold(&NewHold { contract, reason }).await?, one);
        }
        Hold::Release { hold, reason } => {
            session.output.show(&client.release_hold(&hold, &ReleaseHold { reason }).await?, one);
        }
        Hold::List => session.output.show(&client.holds().await?, |list| table(session, &list.items)),
    }
    Ok(Exit::Success)
}

fn table(session: &Session, holds: &[contents::Hold]) -> String {
    let rows = holds.iter().map(|hold| {
        [
            hold.id.clone(),
            hold.contract.clone().unwrap_or_else(|| "everything".to_owned()),
            hold.by.clone(),
            session.age(hold.since),
            hold.reason.clone(),
        ]
    });
    session.output.table(["hold", "keeps", "by", "age", "reason"], rows)
}

//! `agent credentials`: what one agent knows us by.
//!
//! Secrets come from a file or from standard input, so that they stand in no history of commands; what is wrong with them
//! is told without them.

use std::io::Read as _;

use clap::Subcommand;
use concordat_server::api::agents::{AgentCredentials, AgentDetail, CredentialsGiven};
use serde_json::Value;

use crate::cli::caret::visible;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::client::Client;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Credentials {
    /// Set them, in place of those that there are.
    Set {
        /// The agent's id or name.
        agent: String,
        /// The file, `-` for standard input: `{"type": "bearer", "token": "…"}`, or one of the other types of
        /// `--agent-credentials`, without `origin`; or a list of two, of which one is a `client_certificate`.
        #[arg(short, long, value_name = "FILE")]
        file: String,
        /// Why; it becomes part of the log.
        #[arg(long, value_name = "REASON")]
        reason: String,
    },
    /// Set others where there are some already; the next attempt takes them.
    Rotate {
        /// The agent's id or name.
        agent: String,
        /// The file, as for `set`.
        #[arg(short, long, value_name = "FILE")]
        file: String,
        /// Why; it becomes part of the log.
        #[arg(long, value_name = "REASON")]
        reason: String,
    },
    /// Show their kind, their fingerprint, and who set them when.
    Show {
        /// The agent's id or name.
        agent: String,
    },
    /// Take them away: what `--agent-credentials` says of the agent's origin counts again.
    Remove {
        /// The agent's id or name.
        agent: String,
        /// Why; it becomes part of the log.
        #[arg(long, value_name = "REASON")]
        reason: String,
    },
}

pub(super) async fn run(session: &Session, client: &Client, command: Credentials) -> Result<(), Failure> {
    let agent = match command {
        Credentials::Set { agent, file, reason } => {
            client.set_credentials(&agent, &CredentialsGiven { credentials: read(&file)?, reason }).await?
        }
        Credentials::Rotate { agent, file, reason } => {
            if client.agent(&agent).await?.credentials.is_none() {
                let said = "the agent has no credentials that others could take the place of; hint: `agent credentials set`";
                return Err(Failure::Usage(said.to_owned()));
            }
            client.set_credentials(&agent, &CredentialsGiven { credentials: read(&file)?, reason }).await?
        }
        Credentials::Show { agent } => client.agent(&agent).await?,
        Credentials::Remove { agent, reason } => client.remove_credentials(&agent, &reason).await?,
    };
    let AgentDetail { credentials, .. } = agent;
    session.output.show(&credentials, |credentials| match credentials {
        Some(known) => line(session, known),
        None => "the agent has no credentials of its own".to_owned(),
    });
    Ok(())
}

/// What is shown of them.
pub(super) fn line(session: &Session, known: &AgentCredentials) -> String {
    let AgentCredentials { kind, origin, fingerprint, by, at, used } = known;
    let unused = if *used { "" } else { "; not used: the agent is at another origin now" };
    let (kind, origin, age) = (visible(kind), visible(origin), session.age(*at));
    format!("knows us by {kind} {fingerprint} at {origin}, set by {} {age} ago{unused}", visible(by))
}

fn read(file: &str) -> Result<Value, Failure> {
    let mut text = String::new();
    let read = match file {
        "-" => std::io::stdin().read_to_string(&mut text).map(drop),
        path => std::fs::read_to_string(path).map(|read| text = read),
    };
    read.map_err(|why| Failure::Usage(format!("the credentials cannot be read: {why}")))?;
    let place = |error: serde_json::Error| format!("line {}, column {}", error.line(), error.column());
    serde_json::from_str(&text)
        .map_err(|error| Failure::Usage(format!("the credentials are not JSON: {}", place(error))))
}

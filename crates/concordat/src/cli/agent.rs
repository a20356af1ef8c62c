//! `agent`: the registry, for those who run it.

use std::path::PathBuf;

use clap::Subcommand;
use concordat_server::api::agents::{AgentDetail, AgentRow, AgentsQuery, CardAsked, Speaks};

use super::caret::visible;
use super::document::Document;
use super::exit::Exit;
use super::failure::{Failure, in_documents};
use super::output::{percent, word};
use super::session::Session;
use super::wrap::wrap;

#[derive(Debug, Subcommand)]
pub(super) enum Agent {
    /// List agents.
    List {
        /// Only those that claim this skill.
        #[arg(long, value_name = "SKILL")]
        skill: Option<String>,
        /// Only those that are registered for this domain.
        #[arg(long, value_name = "DOMAIN")]
        domain: Option<String>,
    },
    /// Show one agent, with how far it is trusted.
    Get {
        /// Its id or name.
        agent: String,
    },
    /// Register an agent.
    Register {
        /// The registration in YAML or JSON, `-` for standard input.
        #[arg(short, long, value_name = "FILE")]
        file: String,
    },
    /// Draft a registration out of an agent's A2A card, or of an MCP server's tools, to be read, completed and
    /// registered.
    Import {
        /// The agent's address, or its card's; with `--mcp`, the server's endpoint.
        url: String,
        /// It is an MCP server, and its tools are the skills.
        #[arg(long, conflicts_with = "card_key")]
        mcp: bool,
        /// A domain that it is wanted for; may be given several times.
        #[arg(long = "domain", value_name = "DOMAIN", required = true)]
        domains: Vec<String>,
        /// Who answers for it; without it, its host.
        #[arg(long, value_name = "OWNER")]
        owner: Option<String>,
        /// The file with the public key in PEM (Ed25519 or P-256) that the card has to be signed by.
        #[arg(long, value_name = "FILE")]
        card_key: Option<PathBuf>,
    },
    /// Keep work from an agent.
    Suspend {
        /// Its id or name.
        agent: String,
        /// Why; it becomes part of the log.
        #[arg(long, value_name = "REASON")]
        reason: String,
    },
    /// Give a suspended agent work again.
    Restore {
        /// Its id or name.
        agent: String,
        /// Why; it becomes part of the log.
        #[arg(long, value_name = "REASON")]
        reason: String,
    },
}

pub(super) async fn run(session: &Session, command: Agent) -> Result<Exit, Failure> {
    let show = |agent: &AgentDetail| session.output.show(agent, |agent| text(session, agent));
    match command {
        Agent::List { skill, domain } => {
            let list = session.client()?.agents(&AgentsQuery { skill, domain }).await?;
            session.output.show(&list, |list| table(session, &list.items));
        }
        Agent::Get { agent } => show(&session.client()?.agent(&agent).await?),
        Agent::Register { file } => {
            let sent = wrap(vec![Document::read(&file)?], None, None)?;
            let registered = session.client()?.register(sent.body.clone(), sent.media_type).await;
            show(&registered.map_err(|error| in_documents(error, &sent))?);
        }
        Agent::Import { url, mcp, domains, owner, card_key } => {
            let protocol = if mcp { Speaks::Mcp } else { Speaks::A2a };
            let unreadable = |why| Failure::Usage(format!("the card's key cannot be read: {why}"));
            let key = card_key.map(std::fs::read_to_string).transpose().map_err(unreadable)?;
            let draft = session.client()?.import(&CardAsked { protocol, url, domains, owner, key }).await?;
            for note in &draft.notes {
                session.output.say(&format!("note: {}", visible(note)));
            }
            // In every form the registration alone: it is what `agent register -f` reads.
            session.output.data(&serde_json::to_string_pretty(&draft.registration).unwrap_or_default());
        }
        Agent::Suspend { agent, reason } => show(&session.client()?.suspend(&agent, &reason).await?),
        Agent::Restore { agent, reason } => show(&session.client()?.restore(&agent, &reason).await?),
    }
    Ok(Exit::Success)
}

fn table(session: &Session, agents: &[AgentRow]) -> String {
    let rows = agents.iter().map(|agent| {
        [
            agent.name.clone(),
            word(&agent.state),
            agent.domains.join(", "),
            agent.skills.join(", "),
            agent.in_flight.to_string(),
            agent.owner.clone(),
        ]
    });
    session.output.table(["name", "state", "domains", "skills", "busy", "owner"], rows)
}

fn text(session: &Session, agent: &AgentDetail) -> String {
    let row = &agent.row;
    let mut text = format!("{}  {}  {}\n", visible(&row.name), row.id, word(&row.state));
    if let Some(suspension) = &agent.suspended {
        text.push_str(&format!("  suspended by {}: {}\n", suspension.by, visible(&suspension.reason)));
    }
    text.push_str(&format!(
        "  at {}, owned by {}, registered {} ago\n",
        visible(&row.url),
        visible(&row.owner),
        session.age(agent.registered)
    ));
    text.push_str(&format!("  domains: {}\n  skills: {}\n", row.domains.join(", "), row.skills.join(", ")));
    if !agent.trust.is_empty() {
        let rows = agent.trust.iter().map(|trust| {
            let (bound, mean) = (percent(trust.lower_bound), percent(trust.mean));
            [trust.domain.clone(), trust.skill.clone(), bound, mean, trust.evidence.to_string()]
        });
        let table =
            session.output.table(["domain", "skill", "trusted at least", "expected", "outcomes"], rows);
        text.push_str(&format!("\n{table}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::cli::arguments::Arguments;

    #[test]
    fn the_key_of_a_card_is_not_the_callers() {
        let line = "concordat agent import https://a.example --domain finance --domain hr --card-key bureau.pem \
                    --key-file mine";
        assert!(Arguments::try_parse_from(line.split_whitespace()).is_ok());
    }
}

//! `agent`: the registry, for those who run it.

mod bulk;
mod credentials;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use concordat_server::api::agents::{
    AgentDetail, AgentList, AgentRow, AgentState, ApprovalGiven, CardAsked, Difference, Health, ProbeAsked,
    RefreshAsked, Speaks,
};

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
    List(Wanted),
    /// Show one agent, with how far it is trusted and what its skills have shown.
    Get {
        /// Its id or name.
        agent: String,
    },
    /// Register an agent. Where policy wants people to look first, it waits until somebody approves it.
    Register {
        /// The registration in YAML or JSON, `-` for standard input.
        #[arg(short, long, value_name = "FILE")]
        file: String,
    },
    /// Change an agent's registration; where policy wants people to look first, the change waits.
    Update {
        /// Its name, to be sure that the file is of this agent: the file has it, too.
        agent: Option<String>,
        /// The whole registration in YAML or JSON, `-` for standard input.
        #[arg(short, long, value_name = "FILE")]
        file: String,
        /// Why; it becomes part of the log.
        #[arg(long, value_name = "REASON")]
        reason: String,
        /// The revision that you changed; without it, the one in force when this is run.
        #[arg(long, value_name = "REVISION")]
        from: Option<String>,
    },
    /// Show what the change that waits would change.
    Diff {
        /// Its id or name.
        agent: String,
    },
    /// Read an agent's A2A card again. What it says anew waits: see it with `diff`, and let it come with `approve`.
    Refresh {
        /// Its id or name.
        agent: String,
        /// Why; it becomes part of the log.
        #[arg(long, value_name = "REASON")]
        reason: String,
        /// The file with the public key in PEM (Ed25519 or P-256) that the card has to be signed by; without it, the one
        /// that was registered, if there is one.
        #[arg(long, value_name = "FILE")]
        card_key: Option<PathBuf>,
    },
    /// Approve what waits: a change of an agent's registration, or else the agent itself.
    Approve {
        /// Its id or name.
        agent: String,
        /// Why; it becomes part of the log.
        #[arg(long, value_name = "REASON")]
        reason: String,
        /// The revision that you looked at: nothing else is approved then.
        #[arg(long, value_name = "REVISION")]
        revision: Option<String>,
        /// Let the agent work where little is at stake only.
        #[arg(long)]
        probation: bool,
    },
    /// Decline the change of an agent's registration that waits.
    Decline {
        /// Its id or name.
        agent: String,
        /// Why; it becomes part of the log.
        #[arg(long, value_name = "REASON")]
        reason: String,
    },
    /// Try an agent's skills with their examples: the agent does what they ask for.
    Probe {
        /// Its id or name.
        agent: String,
        /// Only this skill.
        #[arg(long, value_name = "SKILL")]
        skill: Option<String>,
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
    /// Write the registrations of agents, one in a line of JSON.
    Export(Wanted),
    /// Register every agent of a file, one in a line of JSON; those that are registered otherwise are changed.
    ImportAll {
        /// The file, as `agent export` writes it.
        #[arg(short, long, value_name = "FILE")]
        file: PathBuf,
        /// Why; it becomes part of the log where an agent is changed.
        #[arg(long, value_name = "REASON")]
        reason: String,
    },
    /// Keep work from an agent.
    Suspend {
        /// Its id or name.
        agent: String,
        /// Why; it becomes part of the log.
        #[arg(long, value_name = "REASON")]
        reason: String,
    },
    /// Keep work from an agent because something was found that has to be looked at.
    Quarantine {
        /// Its id or name.
        agent: String,
        /// Why; it becomes part of the log.
        #[arg(long, value_name = "REASON")]
        reason: String,
    },
    /// Give an agent work again that was suspended or put in quarantine.
    Restore {
        /// Its id or name.
        agent: String,
        /// Why; it becomes part of the log.
        #[arg(long, value_name = "REASON")]
        reason: String,
    },
    /// Put an agent on probation: it gets work where little is at stake.
    Probation {
        /// Its id or name.
        agent: String,
        /// Why; it becomes part of the log.
        #[arg(long, value_name = "REASON")]
        reason: String,
    },
    /// Say what an agent knows us by, which is sealed, sent to its origin alone and never shown again.
    Credentials {
        #[command(subcommand)]
        command: credentials::Credentials,
    },
    /// Take an agent out of use for good; its name stays taken.
    Retire {
        /// Its id or name.
        agent: String,
        /// Why; it becomes part of the log.
        #[arg(long, value_name = "REASON")]
        reason: String,
    },
}

/// Which agents.
#[derive(Debug, Args)]
pub(super) struct Wanted {
    /// Only those that claim this skill.
    #[arg(long, value_name = "SKILL")]
    skill: Option<String>,
    /// Only those that are registered for this domain.
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<String>,
    /// Only those that stand so: proposed, probation, eligible, quarantined, suspended or retired.
    #[arg(long, value_name = "STATE", value_parser = state)]
    state: Option<AgentState>,
    /// Only those with this tag.
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Only those that were assessed against this regime.
    #[arg(long, value_name = "REGIME")]
    compliance: Option<String>,
    /// Only those that are trusted at least so far, in basis points: 7000 are 70 %.
    #[arg(long, value_name = "POINTS", value_parser = clap::value_parser!(u16).range(0..=10_000))]
    least_trust: Option<u16>,
}

impl Wanted {
    /// Whether only some agents are wanted.
    fn is_narrow(&self) -> bool {
        let Wanted { skill, domain, state, tag, compliance, least_trust } = self;
        let words = [skill, domain, tag, compliance];
        state.is_some() || least_trust.is_some() || words.into_iter().any(Option::is_some)
    }
}

fn state(text: &str) -> Result<AgentState, String> {
    let read = serde_json::from_value(text.into());
    read.map_err(|_| "say proposed, probation, eligible, quarantined, suspended or retired".to_owned())
}

pub(super) async fn run(session: &Session, command: Agent) -> Result<Exit, Failure> {
    let show = |agent: &AgentDetail| session.output.show(agent, |agent| text(session, agent));
    let client = session.client()?;
    let place = async |agent: String, verb: &str, reason: String| client.place(&agent, verb, &reason).await;
    match command {
        Agent::List(wanted) => {
            let narrow = wanted.is_narrow();
            let list = AgentList { items: bulk::listed(&client, wanted).await?, next_cursor: None };
            session.output.show(&list, |list| match list.items.as_slice() {
                [] => nobody(narrow).to_owned(),
                rows => table(session, rows),
            });
        }
        Agent::Get { agent } => show(&client.agent(&agent).await?),
        Agent::Register { file } => {
            let sent = wrap(vec![Document::read(&file)?], None, None)?;
            let registered = client.register(sent.body.clone(), sent.media_type).await;
            show(&registered.map_err(|error| in_documents(error, &sent))?);
        }
        Agent::Update { agent, file, reason, from } => {
            show(&update(session, agent.as_deref(), &file, &reason, from).await?);
        }
        Agent::Diff { agent } => {
            let agent = client.agent(&agent).await?;
            let changes = agent.proposed.map(|proposed| proposed.changes).unwrap_or_default();
            session.output.show(&changes, |changes| difference(changes));
        }
        Agent::Refresh { agent, reason, card_key } => {
            let key = public_key(card_key)?;
            show(&client.refresh(&agent, &RefreshAsked { reason, key }).await?);
        }
        Agent::Approve { agent, reason, revision, probation } => {
            let given = ApprovalGiven { reason, revision, probation };
            show(&client.approve(&agent, "approve", &given).await?);
        }
        Agent::Decline { agent, reason } => {
            let given = ApprovalGiven { reason, revision: None, probation: false };
            show(&client.approve(&agent, "decline", &given).await?);
        }
        Agent::Probe { agent, skill } => show(&client.probe(&agent, &ProbeAsked { skill }).await?),
        Agent::Import { url, mcp, domains, owner, card_key } => {
            let protocol = if mcp { Speaks::Mcp } else { Speaks::A2a };
            let key = public_key(card_key)?;
            let draft = client.import(&CardAsked { protocol, url, domains, owner, key }).await?;
            for note in &draft.notes {
                session.output.say(&format!("note: {}", visible(note)));
            }
            // In every form the registration alone: it is what `agent register -f` reads.
            session.output.data(&serde_json::to_string_pretty(&draft.registration).unwrap_or_default());
        }
        Agent::Export(wanted) => bulk::export(session, &client, wanted).await?,
        Agent::ImportAll { file, reason } => return bulk::import(session, &client, &file, &reason).await,
        Agent::Suspend { agent, reason } => show(&client.suspend(&agent, &reason).await?),
        Agent::Quarantine { agent, reason } => show(&place(agent, "quarantine", reason).await?),
        Agent::Restore { agent, reason } => show(&client.restore(&agent, &reason).await?),
        Agent::Probation { agent, reason } => show(&place(agent, "probation", reason).await?),
        Agent::Credentials { command } => credentials::run(session, &client, command).await?,
        Agent::Retire { agent, reason } => show(&place(agent, "retire", reason).await?),
    }
    Ok(Exit::Success)
}

fn public_key(file: Option<PathBuf>) -> Result<Option<String>, Failure> {
    let unreadable = |why| Failure::Usage(format!("the card's key cannot be read: {why}"));
    file.map(std::fs::read_to_string).transpose().map_err(unreadable)
}

/// Sends a whole registration in place of the one in force, or of the one that was changed.
async fn update(
    session: &Session,
    named: Option<&str>,
    file: &str,
    reason: &str,
    from: Option<String>,
) -> Result<AgentDetail, Failure> {
    let client = session.client()?;
    let document = Document::read(file)?;
    let name = whose(&document.value()?, named).map_err(Failure::Usage)?;
    let from = match from {
        Some(from) => from,
        None => client.agent(&name).await?.row.revision,
    };
    let sent = wrap(vec![document], None, None)?;
    let revised = client.revise(&name, &from, reason, sent.body.clone(), sent.media_type).await;
    revised.map_err(|error| in_documents(error, &sent))
}

/// The name in a registration, which is the one that was named if any was.
fn whose(registration: &serde_json::Value, named: Option<&str>) -> Result<String, String> {
    let name = registration.get("name").and_then(serde_json::Value::as_str);
    let name = name.ok_or("the registration has no `name`")?;
    match named {
        Some(named) if named != name => Err(format!(
            "the registration is of `{}`, not of `{}`; hint: give the file of that agent, or leave the name out",
            visible(name),
            visible(named)
        )),
        _ => Ok(name.to_owned()),
    }
}

/// What is said where no agent is found.
fn nobody(narrow: bool) -> &'static str {
    if narrow {
        "no agent is so; hint: `agent list` without options shows every agent"
    } else {
        "there are no agents; hint: `agent register` registers one, and `agent import` drafts what it needs"
    }
}

/// What a change would change, one place in a line.
fn difference(changes: &[Difference]) -> String {
    let told = |value: &Option<serde_json::Value>| value.as_ref().map(ToString::to_string);
    let line = |sign: char, value: String| format!("  {sign} {}", visible(&value));
    let lines = changes.iter().flat_map(|one| {
        let (before, after) = (told(&one.before), told(&one.after));
        let sides = [before.map(|value| line('-', value)), after.map(|value| line('+', value))];
        std::iter::once(visible(&one.path)).chain(sides.into_iter().flatten())
    });
    let text: Vec<String> = lines.collect();
    if text.is_empty() { "nothing waits for approval".to_owned() } else { text.join("\n") }
}

fn table(session: &Session, agents: &[AgentRow]) -> String {
    let rows = agents.iter().map(|agent| {
        [
            agent.name.clone(),
            word(&agent.state),
            agent.domains.join(", "),
            agent.skills.join(", "),
            agent.in_flight.to_string(),
            agent.health.as_ref().map_or_else(String::new, |health| percent(health.error_rate)),
            agent.health.as_ref().map_or_else(String::new, |health| format!("{} ms", health.p95_ms)),
            agent.owner.clone(),
        ]
    });
    session.output.table(["name", "state", "domains", "skills", "busy", "errors", "p95", "owner"], rows)
}

fn text(session: &Session, agent: &AgentDetail) -> String {
    let row = &agent.row;
    let mut text = format!("{}  {}  {}\n", visible(&row.name), row.id, word(&row.state));
    if let Some(placed) = &agent.placed {
        text.push_str(&format!("  {} by {}: {}\n", word(&row.state), placed.by, visible(&placed.reason)));
    }
    if let Some(proposed) = &agent.proposed {
        let (by, reason) = (&proposed.placed.by, visible(&proposed.placed.reason));
        text.push_str(&format!(
            "  a change by {by} waits for approval: {reason}\n{}\n",
            difference(&proposed.changes)
        ));
    }
    for tried in &agent.tried {
        let problems: Vec<String> = tried.problems.iter().map(|problem| visible(problem)).collect();
        let problems = if problems.is_empty() { String::new() } else { format!(": {}", problems.join("; ")) };
        let (skill, age) = (&tried.skill, session.age(tried.at));
        let earlier =
            if tried.outdated { " (an earlier revision: this one has shown nothing yet)" } else { "" };
        let result = match tried.result.as_str() {
            "unknown" => "unknown, and not tried again by itself: `agent probe` does",
            result => result,
        };
        text.push_str(&format!("  {skill} was tried {age} ago{earlier}: {result}{problems}\n"));
        for one in &tried.examples {
            let name = one.name.as_ref().map_or_else(|| format!("example {}", one.nth), |name| visible(name));
            let place = one.instance.as_ref().map(|url| format!(" at {}", visible(url))).unwrap_or_default();
            text.push_str(&format!("    {name}{place}: {} in {} ms\n", one.result, one.latency_ms));
        }
    }
    text.push_str(&format!(
        "  at {}, owned by {}, registered {} ago\n",
        visible(&row.url),
        visible(&row.owner),
        session.age(agent.registered)
    ));
    if let Some(known) = &agent.credentials {
        text.push_str(&format!("  {}\n", credentials::line(session, known)));
    }
    text.push_str(&format!("  domains: {}\n  skills: {}\n", row.domains.join(", "), row.skills.join(", ")));
    text.push_str(&well(agent));
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

/// What it is busy with, and what happened at it lately.
fn well(agent: &AgentDetail) -> String {
    let (row, load) = (&agent.row, &agent.load);
    let waiting = if row.waiting == 0 { String::new() } else { format!(", {} steps wait", row.waiting) };
    let mut text = format!("  busy with {} of {} calls{waiting}\n", row.in_flight, load.concurrency);
    if let Some(health) = &row.health {
        text.push_str(&format!("  in five minutes: {}\n", lately(health)));
    }
    for skill in load.skills.iter().filter(|skill| skill.breaker != "closed") {
        text.push_str(&format!("  {} is left alone: its breaker is {}\n", skill.skill, skill.breaker));
    }
    for one in &load.instances {
        let region = one.region.as_ref().map(|region| format!(" in {}", visible(region))).unwrap_or_default();
        let breaker =
            if one.breaker == "closed" { String::new() } else { format!(", its breaker is {}", one.breaker) };
        let health = one.health.as_ref().map(|health| format!(": {}", lately(health))).unwrap_or_default();
        let url = visible(&one.url);
        text.push_str(&format!("  {url}{region}: busy with {}{breaker}{health}\n", one.in_flight));
    }
    text
}

fn lately(health: &Health) -> String {
    let errors: Vec<String> = health.errors.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let errors = if errors.is_empty() { String::new() } else { format!(" ({})", errors.join(", ")) };
    let Health { calls, p50_ms, p95_ms, p99_ms, .. } = health;
    let share = percent(health.error_rate);
    format!(
        "{calls} calls, {share} without a result{errors}, within {p50_ms}/{p95_ms}/{p99_ms} ms (p50/p95/p99)"
    )
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use serde_json::json;

    use super::whose;
    use crate::cli::arguments::Arguments;

    #[test]
    fn a_change_is_of_the_agent_that_was_named() {
        let registration = json!({"name": "bureau"});
        for named in [None, Some("bureau")] {
            assert_eq!(whose(&registration, named).as_deref(), Ok("bureau"));
        }
        let told = whose(&registration, Some("other\u{7}")).unwrap_err();
        assert!(told.starts_with("the registration is of `bureau`, not of `other"), "{told}");
        assert!(!told.contains('\u{7}') && whose(&json!({}), None).is_err());
        for line in ["update -f a.json --reason b", "update bureau -f a.json --reason b"] {
            let words = ["concordat", "agent"].into_iter().chain(line.split_whitespace());
            assert!(Arguments::try_parse_from(words).is_ok(), "{line}");
        }
    }

    #[test]
    fn a_list_knows_whether_it_was_narrowed() {
        use crate::cli::arguments::Command;
        for (line, narrow) in [("list", false), ("list --tag night", true), ("list --least-trust 1", true)] {
            let words = ["concordat", "agent"].into_iter().chain(line.split_whitespace());
            let Ok(Arguments { command: Command::Agent(super::Agent::List(wanted)), .. }) =
                Arguments::try_parse_from(words)
            else {
                panic!("{line}");
            };
            assert_eq!(wanted.is_narrow(), narrow, "{line}");
        }
    }

    #[test]
    fn the_key_of_a_card_is_not_the_callers() {
        let line = "concordat agent import https://a.example --domain finance --domain hr --card-key bureau.pem \
                    --key-file mine";
        assert!(Arguments::try_parse_from(line.split_whitespace()).is_ok());
    }
}

//! Many agents at once: listed page by page, written out, read back.
//!
//! Each is registered or changed by a request of its own, so that each is put before policy and recorded alone; what was
//! done before something went wrong stays done, and the same file can be sent again.

use std::path::Path;

use concordat_server::api::agents::{AgentRow, AgentsQuery};
use serde_json::Value;

use super::Wanted;
use crate::cli::caret::visible;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::client::{Client, ClientError};

const JSON: &str = "application/json";

/// Every agent that is wanted, by name.
pub(super) async fn listed(client: &Client, wanted: Wanted) -> Result<Vec<AgentRow>, Failure> {
    let Wanted { skill, domain, state, tag, compliance, least_trust } = wanted;
    let mut query =
        AgentsQuery { skill, domain, state, tag, compliance, least_trust, limit: None, cursor: None };
    let mut rows = Vec::new();
    loop {
        let page = client.agents(&query).await?;
        rows.extend(page.items);
        match page.next_cursor {
            Some(next) => query.cursor = Some(next),
            None => return Ok(rows),
        }
    }
}

/// Writes registrations, one a line.
pub(super) async fn export(session: &Session, client: &Client, wanted: Wanted) -> Result<(), Failure> {
    for row in listed(client, wanted).await? {
        let agent = client.agent(&row.id).await?;
        session.output.data(&agent.registration.to_string());
    }
    Ok(())
}

/// Registers, or changes, every agent of a file.
pub(super) async fn import(
    session: &Session,
    client: &Client,
    file: &Path,
    reason: &str,
) -> Result<Exit, Failure> {
    let unreadable = |why| Failure::Usage(format!("`{}` cannot be read: {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(unreadable)?;
    let mut failed = 0_usize;
    for (nth, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let told = match one(client, line, reason).await {
            Ok(told) => told,
            Err(error) => {
                failed += 1;
                format!("failed: {error}")
            }
        };
        session.output.data(&format!("{}: {}", nth + 1, visible(&told)));
    }
    match failed {
        0 => Ok(Exit::Success),
        many => Err(Failure::Usage(format!("{many} agents could not be registered: see above"))),
    }
}

async fn one(client: &Client, line: &str, reason: &str) -> Result<String, String> {
    let value: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let name = value.get("name").and_then(Value::as_str).ok_or("it has no `name`")?.to_owned();
    let words = |error: ClientError| error.to_string();
    match client.register(line.as_bytes().to_vec(), JSON).await {
        Ok(agent) => Ok(format!("{name} is registered, and {}", crate::cli::output::word(&agent.row.state))),
        Err(ClientError::Refused(refused)) if refused.problem.code == "agent-name-taken" => {
            let known = client.agent(&name).await.map_err(words)?;
            if known.registration == value {
                return Ok(format!("{name} is registered so already"));
            }
            let (seen, body) = (known.row.revision, line.as_bytes().to_vec());
            let changed = client.revise(&name, &seen, reason, body, JSON).await.map_err(words)?;
            let waits = changed.proposed.is_some();
            Ok(format!("{name} is changed{}", if waits { ", which waits for approval" } else { "" }))
        }
        Err(error) => Err(words(error)),
    }
}

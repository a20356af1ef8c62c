//! The draft of a registration out of a server's list of tools, with the schemas that it gives them.
//!
//! A list is a claim, and a stranger's text: what cannot be a skill here is left out, and said. Descriptions of tools
//! are not taken over; they are written for models, and are where those are talked into things.

use std::time::Duration;

use concordat_engine::ports::{CardDraft, CardWanted};
use concordat_model::agent::Registration;
use concordat_model::name::{AgentName, SkillName};
use concordat_model::schema::Schema;
use serde_json::{Value, json};

use super::client::{McpClient, NotReady};
use super::exchange::Failure;
use super::hearing::Tool;
use crate::egress::Endpoint;
use crate::http::{Deadline, tame};

/// How long a list may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most pages of a list, and the most tools of a draft.
const MOST_PAGES: usize = 10;
const MOST_TOOLS: usize = 100;

/// Asks a server for its tools, and makes a draft of them.
pub(crate) async fn import(client: &McpClient, wanted: &CardWanted) -> Result<CardDraft, String> {
    if wanted.key.is_some() {
        return Err("a list of tools is not signed; hint: leave the key out".to_owned());
    }
    let at = Endpoint::parse(&wanted.url).map_err(|error| error.to_string())?;
    let tools = listed(client, &at).await.map_err(|why| format!("no list of tools came: {why}"))?;
    draft(tools, &at, wanted)
}

async fn listed(client: &McpClient, at: &Endpoint) -> Result<Vec<Tool>, String> {
    let within = Deadline::of(PATIENCE);
    let line = client.line(at, "import");
    let manner = match client.ready(&line, within).await {
        Ok(manner) => manner,
        Err(NotReady::Failure(failure)) => return Err(said(failure)),
        Err(NotReady::OtherVersion) => return Err("the server agrees to no revision of ours".to_owned()),
    };
    let tools = client.tools(&line, &manner, within, MOST_PAGES).await;
    line.leave(&manner, within).await;
    tools.map_err(said)
}

fn said(failure: Failure) -> String {
    match failure {
        Failure::Trouble(trouble) => trouble.to_string(),
        Failure::Refused(refusal) => format!("the server says: {}", refusal.message),
    }
}

fn draft(tools: Vec<Tool>, at: &Endpoint, wanted: &CardWanted) -> Result<CardDraft, String> {
    let (mut skills, mut left) = (Vec::new(), Vec::new());
    for tool in tools {
        match skill(&tool) {
            Ok(_) if skills.len() >= MOST_TOOLS => left.push((tool.name, "there are too many")),
            Ok(skill) => skills.push(skill),
            Err(why) => left.push((tool.name, why)),
        }
    }
    let mut notes = Vec::new();
    if !left.is_empty() {
        let shown: Vec<String> =
            left.iter().take(5).map(|(name, why)| format!("`{}`: {why}", tame(name, 60))).collect();
        notes.push(format!("{} of its tools are left out: {}", left.len(), shown.join(", ")));
    }
    notes.push("a list of tools has no examples: give an `example` for each skill".to_owned());
    let host = at.url().host_str().unwrap_or_default();
    let registration = json!({
        "name": name(&at.host_port().to_string())?,
        "description": format!("the tools of the MCP server at {at}"),
        "owner": wanted.owner.clone().unwrap_or_else(|| host.to_owned()),
        "binding": {"type": "mcp", "url": wanted.url},
        "domains": wanted.domains,
        "skills": skills,
    });
    let registration = Registration::read(registration)
        .map_err(|problems| format!("no registration comes of its list of tools: {problems}"))?;
    Ok(CardDraft { registration, notes, signed: false })
}

/// A tool as a skill, or why it cannot be one.
fn skill(tool: &Tool) -> Result<Value, &'static str> {
    if tool.name.parse::<SkillName>().is_err() {
        return Err("its name is no name of a skill");
    }
    let mut skill = json!({"name": tool.name});
    for (member, schema) in [("input", &tool.input), ("output", &tool.output)] {
        let Some(schema) = schema else { continue };
        if asks_for_headers(schema) {
            return Err("it wants arguments in headers");
        }
        if Schema::compile(schema).is_err() {
            return Err("its schema is no JSON Schema that can be used");
        }
        if let Some(members) = skill.as_object_mut() {
            members.insert(member.to_owned(), schema.clone());
        }
    }
    Ok(skill)
}

/// Whether a schema marks arguments that have to stand in headers too. Depth is bounded by whoever read it.
fn asks_for_headers(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => {
            members.iter().any(|(name, value)| name == "x-mcp-header" || asks_for_headers(value))
        }
        Value::Array(items) => items.iter().any(asks_for_headers),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn name(host: &str) -> Result<AgentName, String> {
    let plain: String = host.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let slug =
        plain.to_ascii_lowercase().split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-");
    slug.parse().map_err(|error: concordat_model::name::BadName| error.to_string())
}

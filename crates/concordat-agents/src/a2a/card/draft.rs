//! A registration out of a card: which interface, which skills, and what the administrator should know.

use concordat_engine::ports::{CardDraft, CardWanted};
use concordat_model::agent::{A2aAnswers, A2aProtocol, A2aVersion, Registration};
use concordat_model::name::{AgentName, SkillName};
use serde_json::{Value, json};

use super::CardError;
use super::read::{Card, Interface};
use crate::egress::Endpoint;
use crate::http::tame;

/// The longest description that is taken over, in characters.
const DESCRIPTION: usize = 500;
/// The longest name of an agent that is made of a card's.
const NAME: usize = 60;

/// Makes a draft of a card that stands at `base`.
pub(super) fn draft(card: &Card, base: &Endpoint, wanted: &CardWanted) -> Result<CardDraft, CardError> {
    let mut notes = Vec::new();
    if let Some(extension) = card.capabilities.extensions.iter().find(|extension| extension.required) {
        return Err(CardError::Extension(tame(&extension.uri, 200)));
    }
    let binding = binding(card, base)?;
    if !card.security_requirements.is_empty() || !card.security.is_empty() {
        notes.push(
            "the agent asks for credentials; hint: give them to the server with `--agent-credentials`, or its work \
             ends with `agent-auth-required`"
                .to_owned(),
        );
    }
    let (skills, left): (Vec<&str>, Vec<&str>) =
        card.skills.iter().map(|skill| skill.id.as_str()).partition(|id| id.parse::<SkillName>().is_ok());
    if !left.is_empty() {
        let shown: Vec<String> = left.iter().take(5).map(|id| format!("`{}`", tame(id, 60))).collect();
        notes.push(format!(
            "{} of its skills are left out, because their ids are not names here: {}",
            left.len(),
            shown.join(", ")
        ));
    }
    notes.push("a card has no schemas: give `input`, `output` and an `example` for each skill".to_owned());
    let host = base.host_port().to_string();
    let owner = wanted.owner.clone().unwrap_or_else(|| base.url().host_str().unwrap_or_default().to_owned());
    let registration = json!({
        "name": name(&card.name, &host)?,
        "description": tame(&card.description, DESCRIPTION),
        "owner": owner,
        "binding": binding,
        "domains": wanted.domains,
        "skills": skills.into_iter().map(|id| json!({"name": id})).collect::<Vec<_>>(),
    });
    let registration =
        Registration::read(registration).map_err(|problems| CardError::Registration(problems.to_string()))?;
    Ok(CardDraft { registration, notes, signed: false })
}

/// The first interface that we speak: the card lists them as the agent prefers them.
fn binding(card: &Card, base: &Endpoint) -> Result<Value, CardError> {
    let spoken = card.supported_interfaces.iter().find_map(|one| Some((one, protocol(one)?)));
    let Some((interface, (protocol, version))) = spoken else {
        let declared: Vec<String> = card.supported_interfaces.iter().take(5).map(said).collect();
        let declared = if declared.is_empty() { "it declares none".to_owned() } else { declared.join(", ") };
        return Err(CardError::NoInterface(declared));
    };
    let place = Endpoint::parse(&interface.url)?;
    if place.host_port() != base.host_port() || place.is_https() != base.is_https() {
        return Err(CardError::ForeignHost { interface: tame(&interface.url, 200) });
    }
    let answers = match &card.capabilities {
        able if able.streaming => A2aAnswers::Streaming,
        able if able.push_notifications && version == A2aVersion::V1 => A2aAnswers::Pushing,
        _ => A2aAnswers::Blocking,
    };
    let mut binding = json!({
        "type": "a2a", "url": interface.url, "protocol": protocol, "version": version, "answers": answers,
    });
    if !interface.tenant.is_empty()
        && let Some(members) = binding.as_object_mut()
    {
        members.insert("tenant".to_owned(), json!(interface.tenant));
    }
    Ok(binding)
}

fn protocol(interface: &Interface) -> Option<(A2aProtocol, A2aVersion)> {
    let version = match interface.protocol_version.split('.').take(2).collect::<Vec<_>>().as_slice() {
        ["1", ..] => A2aVersion::V1,
        ["0", "3"] => A2aVersion::V03,
        _ => return None,
    };
    match (interface.protocol_binding.as_str(), version) {
        ("JSONRPC", version) => Some((A2aProtocol::JsonRpc, version)),
        ("HTTP+JSON", A2aVersion::V1) => Some((A2aProtocol::HttpJson, version)),
        _ => None,
    }
}

fn said(interface: &Interface) -> String {
    format!("{} {}", tame(&interface.protocol_binding, 60), tame(&interface.protocol_version, 20))
}

/// A name in our alphabet out of what the card calls the agent, or else out of its host.
fn name(called: &str, host: &str) -> Result<AgentName, CardError> {
    let slug = |text: &str| {
        let plain: String = text
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
            .take(NAME)
            .collect();
        plain.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
    };
    let named = Some(slug(called)).filter(|name| !name.is_empty()).unwrap_or_else(|| slug(host));
    named.parse().map_err(|error: concordat_model::name::BadName| CardError::Registration(error.to_string()))
}

//! How an agent is reached: the protocol that it speaks, and where.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;
use crate::span::Span;

/// How an agent is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Binding {
    /// `POST {url}/execute` with JSON-RPC 2.0, the method being the skill.
    Execute {
        /// The agent's base URL.
        url: String,
        /// How long the agent may take until its answer begins; without it, as long as the step may take.
        #[serde(default, rename = "firstByte", skip_serializing_if = "Option::is_none")]
        first_byte: Option<Span>,
        /// Whether the agent can be asked what became of work whose answer was lost, with the method `outcome`.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        reconciles: bool,
    },
    /// The Agent2Agent protocol. The parameters are the data part of a message whose metadata names the skill.
    A2a {
        /// The URL of the interface, as the agent's card declares it.
        url: String,
        /// The protocol binding of that interface.
        protocol: A2aProtocol,
        /// The protocol version of that interface.
        #[serde(default)]
        version: A2aVersion,
        /// The tenant of that interface, if it declares one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tenant: Option<String>,
        /// How answers come.
        #[serde(default)]
        answers: A2aAnswers,
        /// The public key in PEM (Ed25519 or P-256) that its card has to be signed by whenever it is read again.
        #[serde(default, rename = "cardKey", skip_serializing_if = "Option::is_none")]
        card_key: Option<String>,
    },
    /// The Model Context Protocol over streamable HTTP. The skill is the tool, the parameters are its arguments.
    Mcp {
        /// The URL of the server's endpoint.
        url: String,
    },
}

/// Which of A2A's protocol bindings an interface speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum A2aProtocol {
    /// JSON-RPC 2.0, `JSONRPC` in a card.
    #[serde(rename = "jsonrpc")]
    JsonRpc,
    /// HTTP with JSON, `HTTP+JSON` in a card.
    #[serde(rename = "http_json")]
    HttpJson,
}

/// Which version of A2A an interface speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum A2aVersion {
    /// 1.0.
    #[default]
    #[serde(rename = "1.0")]
    V1,
    /// 0.3, over JSON-RPC only.
    #[serde(rename = "0.3")]
    V03,
}

/// How the answers of an A2A agent come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum A2aAnswers {
    /// The agent answers when the work is done.
    #[default]
    Blocking,
    /// The agent answers at once, and is asked again and again.
    Polling,
    /// The agent tells what happens while it happens.
    Streaming,
    /// The agent answers at once, calls us when something has happened, and is asked again then. Where agents cannot
    /// reach us, it is asked as with `polling`.
    Pushing,
}

/// How a public key in PEM begins (RFC 7468).
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----";

/// The longest public key in PEM, in bytes; those of the curves that are used take less than 200.
const LONGEST_KEY: usize = 1024;

/// The longest name of a tenant, in bytes.
const LONGEST_TENANT: usize = 128;

impl Binding {
    /// The agent's base URL.
    #[must_use]
    pub fn url(&self) -> &str {
        match self {
            Binding::Execute { url, .. } | Binding::A2a { url, .. } | Binding::Mcp { url } => url,
        }
    }

    /// The public key in PEM that its card has to be signed by, if it is held to one.
    #[must_use]
    pub fn card_key(&self) -> Option<&str> {
        match self {
            Binding::A2a { card_key, .. } => card_key.as_deref(),
            Binding::Execute { .. } | Binding::Mcp { .. } => None,
        }
    }

    /// The same way to another place.
    #[must_use]
    pub fn at(&self, place: &str) -> Binding {
        let mut binding = self.clone();
        match &mut binding {
            Binding::Execute { url, .. } | Binding::A2a { url, .. } | Binding::Mcp { url } => {
                place.clone_into(url);
            }
        }
        binding
    }

    /// Whether the agent can be asked what became of work whose answer was lost.
    ///
    /// A2A 1.0 has its tasks listed by our own name for the exchange; 0.3 has nothing to ask by, and neither has MCP.
    #[must_use]
    pub fn reconciles(&self) -> bool {
        match self {
            Binding::Execute { reconciles, .. } => *reconciles,
            Binding::A2a { version, .. } => *version == A2aVersion::V1,
            Binding::Mcp { .. } => false,
        }
    }

    /// Whether questions about lost work are a method beside the skills, which no skill may then be called by.
    pub(super) fn asks_by_method(&self) -> bool {
        matches!(self, Binding::Execute { reconciles: true, .. })
    }

    /// What is wrong with it, as far as its form tells.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let Binding::A2a { protocol, version, tenant, card_key, .. } = self else { return Vec::new() };
        let mut found = Vec::new();
        if *version == A2aVersion::V03 && *protocol == A2aProtocol::HttpJson {
            let message = "agents of A2A 0.3 are reached over `jsonrpc` only";
            found.push(Problem::new("agent-binding", "/binding/protocol", message));
        }
        if *version == A2aVersion::V03 && tenant.is_some() {
            found.push(Problem::new("agent-binding", "/binding/tenant", "A2A 0.3 has no tenants"));
        }
        let fits = |tenant: &String| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
            (1..=LONGEST_TENANT).contains(&tenant.len())
                && tenant.bytes().all(plain)
                && tenant.bytes().any(|byte| byte != b'.')
        };
        let is_key = |pem: &String| pem.len() <= LONGEST_KEY && pem.trim_start().starts_with(PUBLIC_KEY);
        if card_key.as_ref().is_some_and(|pem| !is_key(pem)) {
            let message = format!("the key of a card is a public key in PEM: it begins with `{PUBLIC_KEY}`");
            found.push(Problem::new("agent-binding", "/binding/cardKey", message));
        }
        if tenant.as_ref().is_some_and(|tenant| !fits(tenant)) {
            let message = format!("a tenant has 1 to {LONGEST_TENANT} letters, digits and `-_.~`");
            found.push(Problem::new("agent-binding", "/binding/tenant", message));
        }
        found
    }
}

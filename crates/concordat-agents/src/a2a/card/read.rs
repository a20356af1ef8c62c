//! A card as it stands, read out of bounded JSON: 1.0, or 0.3 with its interfaces in other members.

use serde::Deserialize;
use serde_json::Value;

/// The longest name, id, URL or version, in characters; descriptions may be four times as long.
const LONGEST: usize = 1024;
/// The most interfaces, and the most extensions.
const MOST: usize = 32;

/// What we read of a card.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Card {
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) version: String,
    #[serde(default)]
    pub(super) supported_interfaces: Vec<Interface>,
    #[serde(default)]
    pub(super) capabilities: Capabilities,
    #[serde(default)]
    pub(super) security_requirements: Vec<Value>,
    /// The same in 0.3.
    #[serde(default)]
    pub(super) security: Vec<Value>,
    #[serde(default)]
    pub(super) skills: Vec<Skill>,
    // What 0.3 has in place of interfaces.
    url: Option<String>,
    preferred_transport: Option<String>,
    #[serde(default)]
    additional_interfaces: Vec<Transport>,
    protocol_version: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Interface {
    pub(super) url: String,
    pub(super) protocol_binding: String,
    pub(super) protocol_version: String,
    #[serde(default)]
    pub(super) tenant: String,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Capabilities {
    #[serde(default)]
    pub(super) streaming: bool,
    #[serde(default, rename = "pushNotifications")]
    pub(super) push_notifications: bool,
    #[serde(default)]
    pub(super) extensions: Vec<Extension>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Extension {
    #[serde(default)]
    pub(super) uri: String,
    #[serde(default)]
    pub(super) required: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Skill {
    pub(super) id: String,
}

#[derive(Debug, Deserialize)]
struct Transport {
    url: String,
    transport: String,
}

/// Reads a card, or says what is wrong with it.
pub(super) fn card(document: Value) -> Result<Card, String> {
    let mut card: Card = serde_json::from_value(document).map_err(|error| error.to_string())?;
    if card.supported_interfaces.is_empty() {
        card.supported_interfaces = interfaces_03(&mut card);
    }
    let short = |what: &str, text: &str, longest: usize| {
        if text.chars().count() > longest {
            return Err(format!("its {what} is longer than {longest} characters"));
        }
        Ok(())
    };
    short("name", &card.name, LONGEST)?;
    short("version", &card.version, LONGEST)?;
    short("description", &card.description, 4 * LONGEST)?;
    for interface in &card.supported_interfaces {
        short("interface's URL", &interface.url, 2 * LONGEST)?;
        short("interface's binding", &interface.protocol_binding, LONGEST)?;
    }
    for (what, count) in
        [("interfaces", card.supported_interfaces.len()), ("extensions", card.capabilities.extensions.len())]
    {
        if count > MOST {
            return Err(format!("it has {count} {what}; at most {MOST} are read"));
        }
    }
    Ok(card)
}

fn interfaces_03(card: &mut Card) -> Vec<Interface> {
    let version = card.protocol_version.take().unwrap_or_else(|| "0.3".to_owned());
    let first = card.url.take().map(|url| Transport {
        url,
        transport: card.preferred_transport.take().unwrap_or_else(|| "JSONRPC".to_owned()),
    });
    first
        .into_iter()
        .chain(std::mem::take(&mut card.additional_interfaces))
        .map(|Transport { url, transport }| Interface {
            url,
            protocol_binding: transport,
            protocol_version: version.clone(),
            tenant: String::new(),
        })
        .collect()
}

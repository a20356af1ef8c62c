//! The signatures of a card: JWS over the canonical form of the card without its signatures.
//!
//! What is signed are the members that the protocol has, less those that say nothing (empty texts, lists, maps);
//! what a server adds for older clients is not signed. So a card is tried as it stands and in that form, and what is
//! read afterwards is the form that the signature covers, and nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use concordat_model::digest::canonical;
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::CardError;

/// A key that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the key is neither an Ed25519 nor a P-256 public key in PEM")]
pub(crate) struct BadKey;

/// The most signatures that are tried.
const MOST: usize = 8;

#[derive(Deserialize)]
struct Signature {
    protected: String,
    signature: String,
}

#[derive(Deserialize)]
struct Protected {
    alg: Algorithm,
    #[serde(default)]
    crit: Option<Value>,
}

/// The card as far as `key` vouches for it.
pub(super) fn verified(mut document: Value, key: &str) -> Result<Value, CardError> {
    let (key, algorithm) = read_key(key)?;
    let taken = document.as_object_mut().and_then(|card| card.remove("signatures"));
    let signatures: Vec<Signature> = match taken {
        Some(Value::Array(list)) if list.len() > MOST => return Err(CardError::Signature("it has too many")),
        Some(list) => serde_json::from_value(list)
            .map_err(|_| CardError::Signature("its `signatures` are not in the form of JWS"))?,
        None => return Err(CardError::Signature("it has none")),
    };
    let plain = plain(known(&document));
    for form in [document, plain] {
        let Ok(bytes) = canonical(&form) else { continue };
        let payload = URL_SAFE_NO_PAD.encode(bytes);
        if signatures.iter().any(|signature| vouches(signature, &payload, &key, algorithm)) {
            return Ok(form);
        }
    }
    Err(CardError::Signature("none of them verifies"))
}

fn read_key(pem: &str) -> Result<(DecodingKey, Algorithm), BadKey> {
    let of_ed = DecodingKey::from_ed_pem(pem.as_bytes()).map(|key| (key, Algorithm::EdDSA));
    of_ed
        .or_else(|_| DecodingKey::from_ec_pem(pem.as_bytes()).map(|key| (key, Algorithm::ES256)))
        .map_err(|_| BadKey)
}

/// The algorithm is the key's own: what a header asks for is compared, and never obeyed.
fn vouches(signature: &Signature, payload: &str, key: &DecodingKey, algorithm: Algorithm) -> bool {
    let protected = URL_SAFE_NO_PAD.decode(&signature.protected).ok();
    let header = protected.and_then(|bytes| serde_json::from_slice::<Protected>(&bytes).ok());
    let sound = header.is_some_and(|header| header.alg == algorithm && header.crit.is_none());
    let message = format!("{}.{payload}", signature.protected);
    sound
        && crypto::verify(&signature.signature, message.as_bytes(), key, algorithm)
            .is_ok_and(|verifies| verifies)
}

const CARD: [&str; 14] = [
    "name",
    "description",
    "supportedInterfaces",
    "provider",
    "version",
    "documentationUrl",
    "capabilities",
    "securitySchemes",
    "securityRequirements",
    "defaultInputModes",
    "defaultOutputModes",
    "skills",
    "iconUrl",
    "signatures",
];
const CAPABILITIES: [&str; 4] = ["streaming", "pushNotifications", "extensions", "extendedAgentCard"];
const SKILL: [&str; 8] =
    ["id", "name", "description", "tags", "examples", "inputModes", "outputModes", "securityRequirements"];
const SCHEME: [&str; 5] = [
    "apiKeySecurityScheme",
    "httpAuthSecurityScheme",
    "oauth2SecurityScheme",
    "openIdConnectSecurityScheme",
    "mtlsSecurityScheme",
];

/// The members that 1.0 has, where servers are known to add others.
fn known(document: &Value) -> Value {
    let mut card = only(document, &CARD);
    let Some(members) = card.as_object_mut() else { return card };
    if let Some(capabilities) = members.get_mut("capabilities") {
        *capabilities = only(capabilities, &CAPABILITIES);
    }
    let skills = members.get_mut("skills").and_then(Value::as_array_mut);
    skills.into_iter().flatten().for_each(|skill| *skill = only(skill, &SKILL));
    let schemes = members.get_mut("securitySchemes").and_then(Value::as_object_mut);
    schemes.into_iter().flat_map(Map::values_mut).for_each(|scheme| *scheme = only(scheme, &SCHEME));
    card
}

fn only(value: &Value, names: &[&str]) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.iter().filter(|(name, _)| names.contains(&name.as_str()));
            Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
        }
        other => other.clone(),
    }
}

/// Without what says nothing. Lists keep their places apart from that, as the official SDK has it.
fn plain(value: Value) -> Value {
    fn kept(value: Value) -> Option<Value> {
        match value {
            Value::Null => None,
            Value::String(text) if text.is_empty() => None,
            Value::Array(items) => {
                let items: Vec<Value> = items.into_iter().filter_map(kept).collect();
                (!items.is_empty()).then_some(Value::Array(items))
            }
            Value::Object(members) => {
                let members: Map<_, _> =
                    members.into_iter().filter_map(|(name, value)| Some((name, kept(value)?))).collect();
                (!members.is_empty()).then_some(Value::Object(members))
            }
            other => Some(other),
        }
    }
    kept(value).unwrap_or_default()
}

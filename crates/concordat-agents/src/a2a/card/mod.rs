//! Agent cards: what an agent says of itself at a well-known place, and the draft of a registration out of it.
//!
//! A card is a claim, and a stranger's text. It is fetched through the egress rule like everything else, read within
//! bounds, and its signature is verified where somebody configured a key. What comes out is a draft: the
//! administrator says for which domains, and registers it or does not. Trust, preference and performance that a card
//! claims are never taken over, and a card has no schemas of its skills.
//!
//! The interface has to be where the card is: who controls one host may not have work sent to another.

mod draft;
mod read;
mod signature;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use concordat_engine::ports::{CardDraft, CardWanted};
use concordat_model::agent::Binding;
use reqwest::Method;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderName, HeaderValue};

use crate::egress::{BadEndpoint, Endpoint};
use crate::http::{Deadline, Head, Http, Malformed, Outgoing, Trouble, strict, tame};

pub(crate) use signature::BadKey;

/// Where a card is, below an agent's address.
const WELL_KNOWN: &str = ".well-known/agent-card.json";
/// How long a card may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest card, in bytes.
const LARGEST: usize = 256 * 1024;

/// Why there is no draft.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CardError {
    #[error(transparent)]
    Endpoint(#[from] BadEndpoint),
    #[error("there is no card at `{place}`: {why}")]
    Unreachable { place: String, why: Trouble },
    #[error("there is no card at `{place}`: status {status}")]
    Absent { place: String, status: u16 },
    #[error("the card is larger than {LARGEST} bytes")]
    TooLarge,
    #[error("the card is not an agent card: {0}")]
    Form(String),
    #[error(transparent)]
    Key(#[from] BadKey),
    #[error("no signature of the card is by this key: {0}")]
    Signature(&'static str),
    #[error(
        "the card declares the interface `{interface}`, which is not where the card is; hint: import the card that \
         stands there, or register the agent by hand"
    )]
    ForeignHost { interface: String },
    #[error("the card declares no interface that Concordat speaks: {0}")]
    NoInterface(String),
    #[error("the card requires the extension `{0}`, which Concordat does not speak")]
    Extension(String),
    #[error("no registration comes of this card: {0}")]
    Registration(String),
}

/// Fetches a card, and makes a draft of it.
pub(crate) async fn import(http: &Arc<Http>, wanted: &CardWanted) -> Result<CardDraft, CardError> {
    let base = Endpoint::parse(&wanted.url)?;
    let place =
        if base.url().path().ends_with(".json") { base.url().clone() } else { base.below(WELL_KNOWN) };
    let body = match fetch(http, &base, place.clone()).await {
        // Below an interface there is no card: it is where the host has it. It declares its own interfaces.
        Err(absent @ CardError::Absent { .. }) => match at_the_host(&base).filter(|other| *other != place) {
            Some(place) => fetch(http, &base, place).await.map_err(|_| absent)?,
            None => return Err(absent),
        },
        body => body?,
    };
    let mut limits = http.limits().clone();
    limits.values = 20_000;
    let document = strict::read(&body, &limits).map_err(|why| CardError::Form(why.to_string()))?;
    let (document, signed) = match &wanted.key {
        Some(key) => (signature::verified(document, key)?, true),
        None => (document, false),
    };
    let signatures = document.get("signatures").is_some();
    let card = read::card(document).map_err(CardError::Form)?;
    let mut drafted = draft::draft(&card, &base, wanted)?;
    if let Binding::A2a { card_key, .. } = &mut drafted.registration.binding {
        card_key.clone_from(&wanted.key);
    }
    if signatures && !signed {
        drafted.notes.push("the card is signed, and nobody gave a key to verify that with".to_owned());
    }
    Ok(CardDraft { signed, ..drafted })
}

/// Where a host has its card.
fn at_the_host(base: &Endpoint) -> Option<reqwest::Url> {
    base.url().join(&format!("/{WELL_KNOWN}")).ok()
}

async fn fetch(http: &Http, base: &Endpoint, place: reqwest::Url) -> Result<Vec<u8>, CardError> {
    let unreachable = |why: Trouble| CardError::Unreachable { place: tame(place.as_str(), 200), why };
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(HeaderName::from_static("a2a-version"), HeaderValue::from_static("1.0"));
    let outgoing = Outgoing {
        endpoint: base,
        method: Method::GET,
        url: place.clone(),
        headers,
        body: Vec::new(),
        first_byte: None,
    };
    let within = Deadline::of(PATIENCE);
    let response = http.send(outgoing, within).await.map_err(unreachable)?;
    let due = &["application/json", "application/a2a+json"];
    let head = Head::read(response.status(), response.headers(), due, http.limits())
        .map_err(|why| unreachable(why.into()))?;
    if !head.status.is_success() {
        return Err(CardError::Absent { place: tame(place.as_str(), 200), status: head.status.as_u16() });
    }
    head.content.map_err(|why| unreachable(why.into()))?;
    match http.body(response, within).await {
        Ok(body) if body.len() > LARGEST => Err(CardError::TooLarge),
        Err(Trouble::Malformed(Malformed::TooLarge { .. })) => Err(CardError::TooLarge),
        Ok(body) => Ok(body),
        Err(why) => Err(unreachable(why)),
    }
}

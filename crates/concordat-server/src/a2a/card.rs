//! The agent card: how this server is spoken to, and what it does.
//!
//! The public card is the same for everybody and names nothing that somebody registered: templates say what an
//! organisation works on, so they stand in the card for those with a key, if policy lets them read templates.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use concordat_engine::Caller;
use concordat_model::contract::ContractDocument;
use concordat_model::digest::Digest;
use concordat_policy::input::{Action, ResourceKind};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HOST, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::PLACE;
use super::wrong::Wrong;
use crate::app::{App, Shared};

/// How long the card may be kept by who fetched it.
const FRESH: &str = "public, max-age=300";
/// How the card calls our keys.
const KEY: &str = "key";

/// The card that everybody may see.
pub(super) async fn public(State(app): State<Shared>, request: Request) -> Response {
    let headers = request.headers();
    let text = card(&url(&app, headers), &[any_contract()]).to_string();
    let tag = format!("\"{}\"", Digest::of(text.as_bytes()));
    let known = headers.get_all(IF_NONE_MATCH).iter().any(|sent| sent.as_bytes() == tag.as_bytes());
    let mut response = match known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => text.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(FRESH));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(ETAG, tag);
    }
    response
}

/// The card for who has a key: with the templates that they may read.
pub(super) async fn extended(app: &App, who: &Caller, url: &str) -> Result<Value, Wrong> {
    app.permit(who, Action::TemplatesRead, ResourceKind::Template, None).await?;
    let skills: Vec<Value> = app.engine.templates().all().map(skill).chain([any_contract()]).collect();
    Ok(card(url, &skills))
}

/// Where this server is reached from outside. Keys must not travel in the clear, so a name is taken to stand for TLS,
/// unless the operator says otherwise; only addresses, such as those of the loopback, are not.
pub(super) fn url(app: &App, headers: &HeaderMap) -> String {
    if let Some(url) = &app.public_url {
        return format!("{}{PLACE}", url.trim_end_matches('/'));
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let bare = host
        .rsplit_once(':')
        .map_or(host, |(name, port)| if port.bytes().all(|c| c.is_ascii_digit()) { name } else { host });
    let address = bare.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
    let scheme = if address || bare.eq_ignore_ascii_case("localhost") { "http" } else { "https" };
    format!("{scheme}://{host}{PLACE}")
}

fn card(url: &str, skills: &[Value]) -> Value {
    let interface = |binding: &str| json!({"url": url, "protocolBinding": binding, "protocolVersion": "1.0"});
    json!({
        "name": "Concordat",
        "description": "Carries out contracts: each is put before policy, done by agents that policy permits, and \
                        recorded in a log that strangers can verify. Send a contract, or a template with its input, \
                        as data.",
        "version": env!("CARGO_PKG_VERSION"),
        "supportedInterfaces": [interface("JSONRPC"), interface("HTTP+JSON")],
        "capabilities": {"streaming": true, "pushNotifications": true, "extendedAgentCard": true},
        "securitySchemes": {KEY: {"httpAuthSecurityScheme": {
            "scheme": "Bearer", "description": "an API key of this server, `cdt_…`",
        }}},
        "securityRequirements": [{"schemes": {KEY: {"list": []}}}],
        "defaultInputModes": ["application/json"],
        "defaultOutputModes": ["application/json"],
        "skills": skills,
    })
}

/// What every server does.
fn any_contract() -> Value {
    json!({
        "id": "contract",
        "name": "Carry out a contract",
        "description": "Takes one contract as data: `{\"template\": \"name@version\", \"input\": {…}}`, \
                        `{\"contract\": {…}, \"input\": {…}}`, or a whole document of kind `Contract`. Its schema is \
                        at `/schemas/contract.json`.",
        "tags": ["contract", "policy", "audit"],
        "examples": ["{\"template\": \"loan-approval\", \"input\": {\"applicant_id\": \"ap-1\"}}"],
    })
}

/// A template as a skill.
fn skill(document: &ContractDocument) -> Value {
    let name = document.metadata.name.to_string();
    let whole = match &document.metadata.version {
        Some(version) => format!("{name}@{version}"),
        None => name.clone(),
    };
    let tags: Vec<String> =
        document.spec.domain.iter().map(ToString::to_string).chain(["template".to_owned()]).collect();
    json!({
        "id": whole, "name": name, "description": document.spec.objective, "tags": tags,
        "examples": [json!({"template": whole, "input": {}}).to_string()],
    })
}

//! Cards as they come, and as they should not.

use jsonwebtoken::EncodingKey;
use serde_json::{Value, json};

use super::*;
use crate::egress::Egress;
use crate::execute::testing::{Agent, Then};
use crate::http::Limits;

fn card(base: &str) -> Value {
    json!({
        "name": "Credit Bureau", "description": "Knows\u{202e} who pays", "version": "2.0.0",
        "supportedInterfaces": [
            {"url": format!("{base}/grpc"), "protocolBinding": "GRPC", "protocolVersion": "1.0"},
            {"url": format!("{base}/rest"), "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0.1", "tenant": "acme"},
            {"url": format!("{base}/rpc"), "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
        ],
        "capabilities": {"streaming": true},
        "defaultInputModes": ["application/json"], "defaultOutputModes": ["application/json"],
        "skills": [{"id": "check_credit", "name": "Check", "description": "", "tags": []}, {"id": "Assess Risk"}],
    })
}

fn http(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

const JSON: &str = "content-type: application/json\r\n";

/// What comes of the card that an agent serves; its own address is known only once it listens.
async fn imported(serve: impl Fn(&str) -> Vec<u8>, key: Option<&str>) -> (Result<CardDraft, String>, String) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let agent = Agent::at(listener, vec![serve(&base)], Then::Next);
    let said = import_from(&base, key).await;
    (said, agent.heard().first().cloned().unwrap_or_default())
}

async fn import_from(url: &str, key: Option<&str>) -> Result<CardDraft, String> {
    let http = Arc::new(Http::new(Limits::default(), Egress { allow_loopback: true, ..Egress::default() }));
    let wanted = CardWanted {
        protocol: concordat_engine::ports::CardProtocol::A2a,
        url: url.to_owned(),
        key: key.map(str::to_owned),
        owner: None,
        domains: vec!["finance".parse().unwrap()],
    };
    import(&http, &wanted).await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_card_becomes_a_draft() {
    let (draft, asked) = imported(|base| http("200 OK", JSON, &card(base).to_string()), None).await;
    assert!(asked.starts_with("GET /.well-known/agent-card.json HTTP/1.1"), "{asked}");
    let CardDraft { registration, notes, signed } = draft.unwrap();
    let written = serde_json::to_value(&registration).unwrap();
    let url = registration.binding.url();
    assert!(url.ends_with("/rest"), "{url}");
    assert_eq!(
        written,
        json!({
            "name": "credit-bureau", "description": "Knows who pays", "owner": "127.0.0.1",
            "binding": {
                "type": "a2a", "url": url, "protocol": "http_json", "version": "1.0", "tenant": "acme",
                "answers": "streaming",
            },
            "domains": ["finance"], "skills": [{"name": "check_credit"}], "limits": {"concurrency": 64},
        })
    );
    assert!(!signed && notes.len() == 2 && notes[0].contains("`Assess Risk`"), "{notes:?}");
}

#[tokio::test]
async fn a_card_of_0_3_says_it_in_other_members() {
    let card = |base: &str| {
        json!({
            "name": "Old", "protocolVersion": "0.3.0", "url": format!("{base}/"), "preferredTransport": "JSONRPC",
            "skills": [{"id": "check_credit"}],
        })
    };
    let (draft, _) = imported(|base| http("200 OK", JSON, &card(base).to_string()), None).await;
    let written = serde_json::to_value(draft.unwrap().registration.binding).unwrap();
    assert_eq!((&written["version"], &written["protocol"]), (&json!("0.3"), &json!("jsonrpc")));
}

#[tokio::test]
async fn bad_cards_are_refused_with_a_sentence() {
    let with = |pointer: &'static str, value: Value| {
        move |base: &str| {
            let mut card = card(base);
            let (parent, member) = pointer.rsplit_once('/').unwrap();
            card.pointer_mut(parent).unwrap()[member] = value.clone();
            http("200 OK", JSON, &card.to_string())
        }
    };
    let interface = |url: &str, binding: &str, version: &str| json!([{"url": url, "protocolBinding": binding, "protocolVersion": version}]);
    let many: Vec<Value> = (0..101).map(|n| json!({"id": format!("s{n}")})).collect();
    let place = "/supportedInterfaces";
    for (change, wanted) in [
        (with(place, interface("https://evil.example/", "JSONRPC", "1.0")), "is not where the card is"),
        (with(place, interface("http://10.0.0.1/", "JSONRPC", "1.0")), "is not where the card is"),
        (with(place, interface("http://127.0.0.1:1/", "JSONRPC", "1.0")), "is not where the card is"),
        (with(place, interface("file:///etc/passwd", "JSONRPC", "1.0")), "agents are reached by https"),
        (with(place, interface("http://u:p@127.0.0.1/", "JSONRPC", "1.0")), "carries credentials"),
        (with(place, interface("http://a", "GRPC", "1.0")), "no interface that Concordat speaks: GRPC 1.0"),
        (
            with(place, interface("http://a", "JSONRPC", "2.0")),
            "no interface that Concordat speaks: JSONRPC 2.0",
        ),
        (with(place, interface("http://a", "HTTP+JSON", "0.3")), "no interface that Concordat speaks"),
        (with(place, json!([])), "it declares none"),
        (with(place, json!("none")), "is not an agent card: invalid type"),
        (with("/skills", json!([])), "an agent has 1 to 100 skills, not 0"),
        (with("/skills", json!(many)), "an agent has 1 to 100 skills, not 101"),
        (with("/skills", json!([{"id": "a"}, {"id": "a"}])), "registered twice"),
        (with("/name", json!(7)), "is not an agent card"),
        (with("/name", json!("x".repeat(2000))), "its name is longer than 1024"),
        (with("/description", json!("x".repeat(9000))), "its description is longer than 4096"),
        (
            with("/capabilities", json!({"extensions": [{"uri": "urn:x", "required": true}]})),
            "requires the extension `urn:x`",
        ),
    ] {
        let (draft, _) = imported(change, None).await;
        let said = draft.unwrap_err();
        assert!(said.contains(wanted), "expected `{wanted}`, but: {said}");
    }
}

#[tokio::test]
async fn bad_servers_of_cards_are_refused_with_a_sentence() {
    let deep = format!(r#"{{"name":{}1{}}}"#, "[".repeat(100), "]".repeat(100));
    let large = format!(r#"{{"name":"{}"}}"#, "x".repeat(300_000));
    for (bytes, wanted) in [
        (http("302 Away", "location: http://10.0.0.1/\r\n", ""), "redirects are not followed"),
        (http("404 None", "", ""), "status 404"),
        (http("200 OK", "content-type: text/html\r\n", "<h1>"), "the agent's reply is `text/html`"),
        (http("200 OK", &format!("{JSON}content-encoding: gzip\r\n"), "x"), "content encoding"),
        (http("200 OK", JSON, "[]"), "is not an agent card"),
        (http("200 OK", JSON, "{"), "is not an agent card"),
        (http("200 OK", JSON, r#"{"name":"a","name":"b"}"#), "the key `name` twice"),
        (http("200 OK", JSON, &deep), "nested deeper"),
        (http("200 OK", JSON, &large), "the card is larger than"),
        (http("200 OK", JSON, &"x".repeat(2_000_000)), "the card is larger than"),
    ] {
        let (draft, _) = imported(|_| bytes.clone(), None).await;
        let said = draft.unwrap_err();
        assert!(said.contains(wanted), "expected `{wanted}`, but: {said}");
    }
    for (url, wanted) in [
        ("http://agents.example", "reached by plain http"),
        ("https://169.254.169.254/", "a link-local"),
        ("https://10.0.0.1/card.json", "a private"),
        ("ftp://agents.example", "scheme"),
        ("https://user@agents.example", "credentials"),
    ] {
        let said = import_from(url, None).await.unwrap_err();
        assert!(said.contains(wanted), "{url}: expected `{wanted}`, but: {said}");
    }
}

/// The example of RFC 8410, which the whole world has.
const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
const OTHER: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";

/// The card with a signature under this header.
fn signed(mut card: Value, header: &str) -> Value {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
    let payload = BASE64.encode(concordat_model::digest::canonical(&card).unwrap());
    let protected = BASE64.encode(header);
    let key = EncodingKey::from_ed_pem(PRIVATE.as_bytes()).unwrap();
    let message = format!("{protected}.{payload}");
    let signature =
        jsonwebtoken::crypto::sign(message.as_bytes(), &key, jsonwebtoken::Algorithm::EdDSA).unwrap();
    card["signatures"] = json!([{"protected": protected, "signature": signature}]);
    card
}

#[tokio::test]
async fn a_signature_counts_where_a_key_is_given() {
    type Change = fn(&mut Value);
    let plain: Change = |_| {};
    let good = r#"{"alg":"EdDSA","kid":"k"}"#;
    let none = "no signature of the card is by this key";
    for (what, header, change, key, wanted) in [
        ("sound", good, plain, Some(PUBLIC), Ok(true)),
        ("no key", good, plain, None, Ok(false)),
        ("for older clients", good, |card| card["additionalInterfaces"] = json!([]), Some(PUBLIC), Ok(true)),
        ("another key", good, plain, Some(OTHER), Err(none)),
        ("another card", good, |card| card["skills"] = json!([{"id": "x"}]), Some(PUBLIC), Err(none)),
        (
            "unsigned",
            good,
            |card| drop(card.as_object_mut().unwrap().remove("signatures")),
            Some(PUBLIC),
            Err(none),
        ),
        ("no algorithm", r#"{"alg":"none"}"#, plain, Some(PUBLIC), Err(none)),
        ("another algorithm", r#"{"alg":"HS256"}"#, plain, Some(PUBLIC), Err(none)),
        ("critical", r#"{"alg":"EdDSA","crit":["b64"]}"#, plain, Some(PUBLIC), Err(none)),
        ("odd", good, |card| card["signatures"] = json!("x"), Some(PUBLIC), Err(none)),
        ("no PEM", good, plain, Some("secret"), Err("neither an Ed25519 nor a P-256")),
    ] {
        let serve = |base: &str| {
            // The form that is signed has nothing empty in it.
            let mut card = card(base);
            card["skills"] = json!([{"id": "check_credit", "name": "Check"}]);
            let mut card = signed(card, header);
            change(&mut card);
            http("200 OK", JSON, &card.to_string())
        };
        let (draft, _) = imported(serve, key).await;
        match (draft, wanted) {
            (Ok(draft), Ok(signed)) => assert_eq!(draft.signed, signed, "{what}"),
            (Err(said), Err(wanted)) => assert!(said.contains(wanted), "{what}: {said}"),
            (said, _) => panic!("{what}: {said:?}"),
        }
    }
}

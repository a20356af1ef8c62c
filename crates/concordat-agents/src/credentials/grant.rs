//! Tokens that are fetched: OAuth 2.0 with client credentials (RFC 6749, section 4.4).
//!
//! A token is asked for when one is needed, kept until shortly before it lapses, and asked for once however many calls
//! need it. Its server is reached like any agent: through the egress rule, without redirects, within bounds and within
//! the time of the call. An agent that does not take a token makes it forgotten.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use super::{is_secret, sensitive};
use crate::egress::Endpoint;
use crate::http::{Deadline, Head, Http, NotSent, Outgoing, strict, tame};

/// How long a token counts whose server does not say.
const UNSAID: Duration = Duration::from_secs(60);
/// The longest time before its end at which a token is not used any more.
const MARGIN: Duration = Duration::from_secs(60);
/// The longest time for which a token is kept.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// The longest time that its server may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How tokens for one origin are asked for; clones share the one that is held.
#[derive(Clone)]
pub(crate) struct Grant {
    server: Endpoint,
    /// The client's name and secret.
    client: HeaderValue,
    form: Arc<str>,
    held: Arc<Mutex<Option<Held>>>,
}

struct Held {
    header: HeaderValue,
    until: Instant,
}

impl Grant {
    /// A grant; none when the client's name or secret is not 1 to 8192 visible characters.
    pub(super) fn new(server: Endpoint, id: &str, secret: &str, scope: Option<&str>) -> Option<Grant> {
        let encoded = |text: &str| Some(form("", text)?.split_off(1)).filter(|_| is_secret(text));
        let pair = STANDARD.encode(format!("{}:{}", encoded(id)?, encoded(secret)?));
        let client = sensitive(&format!("Basic {pair}"))?;
        let mut whole = form("grant_type", "client_credentials")?;
        if let Some(scope) = scope {
            whole = format!("{whole}&{}", form("scope", scope)?);
        }
        Some(Grant { server, client, form: whole.into(), held: Arc::default() })
    }

    /// The value of `Authorization`, fetched if none is held.
    pub(crate) async fn token(&self, http: &Http, deadline: Deadline) -> Result<HeaderValue, NotSent> {
        let late = || self.failed("it did not answer in time".to_owned());
        let mut held = timeout_at(deadline.at, self.held.lock()).await.map_err(|_| late())?;
        if let Some(Held { header, until }) = &*held
            && *until > Instant::now()
        {
            return Ok(header.clone());
        }
        let asked = Instant::now();
        let (header, life) = self.fetch(http, deadline.at_most(PATIENCE)).await?;
        // From when it was asked for, so that a slow answer does not make it last longer.
        let until = asked + life.min(LONGEST).saturating_sub(MARGIN.min(life / 10));
        *held = Some(Held { header: header.clone(), until });
        Ok(header)
    }

    /// Forgets a token that an agent did not take.
    pub(crate) async fn forget(&self, refused: &HeaderValue) {
        let mut held = self.held.lock().await;
        if held.as_ref().is_some_and(|held| held.header == *refused) {
            *held = None;
        }
    }

    async fn fetch(&self, http: &Http, within: Deadline) -> Result<(HeaderValue, Duration), NotSent> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(AUTHORIZATION, self.client.clone());
        let outgoing = Outgoing {
            endpoint: &self.server,
            method: Method::POST,
            url: self.server.url().clone(),
            headers,
            body: self.form.as_bytes().to_vec(),
            first_byte: None,
        };
        let failed = |why: &dyn fmt::Display| self.failed(why.to_string());
        let response = http.send_bare(outgoing, within).await.map_err(|why| failed(&why))?;
        let head = Head::read(response.status(), response.headers(), &["application/json"], http.limits())
            .map_err(|why| failed(&why))?;
        head.content.map_err(|why| failed(&why))?;
        let body = http.body(response, within).await.map_err(|why| failed(&why))?;
        let value = strict::read(&body, http.limits()).map_err(|why| failed(&why))?;
        if !head.status.is_success() {
            let code = value.get("error").and_then(Value::as_str).unwrap_or("no reason");
            return Err(self.failed(format!("status {} with `{}`", head.status.as_u16(), tame(code, 60))));
        }
        read(&value).map_err(|why| failed(&why))
    }

    fn failed(&self, why: String) -> NotSent {
        NotSent::Token { server: self.server.to_string(), why }
    }
}

/// The token and how long it counts.
fn read(value: &Value) -> Result<(HeaderValue, Duration), &'static str> {
    let kind = value.get("token_type").and_then(Value::as_str).unwrap_or_default();
    if !kind.eq_ignore_ascii_case("bearer") {
        return Err("its token is not of the type `Bearer`");
    }
    let token = value.get("access_token").and_then(Value::as_str).filter(|token| is_secret(token));
    let header = token.and_then(|token| sensitive(&format!("Bearer {token}")));
    let life = match value.get("expires_in") {
        None | Some(Value::Null) => UNSAID,
        Some(seconds) => {
            Duration::from_secs(seconds.as_u64().ok_or("its `expires_in` is not a number of seconds")?)
        }
    };
    Ok((header.ok_or("its token is not 1 to 8192 visible characters")?, life))
}

/// `name=value`, as forms have it; the way of the URL parser.
fn form(name: &str, value: &str) -> Option<String> {
    let mut url = Url::parse("http://x").ok()?;
    url.query_pairs_mut().append_pair(name, value);
    url.query().map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::credentials::Credentials;
    use crate::egress::Egress;
    use crate::execute::testing::{Agent, Then};
    use crate::http::{Limits, Trouble};

    fn http(status: &str, body: &str) -> Vec<u8> {
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }

    fn token(text: &str, life: u64) -> Vec<u8> {
        let token = json!({"access_token": text, "token_type": "bearer", "expires_in": life});
        http("200 OK", &token.to_string())
    }

    fn known(agent: &Agent, token_url: &str) -> Http {
        let text = json!([{
            "origin": format!("http://127.0.0.1:{}", agent.port), "type": "oauth2", "tokenUrl": token_url,
            "clientId": "con cordat", "clientSecret": "t0p:s3cret", "scope": "work more",
        }]);
        let credentials = Credentials::read(&text.to_string()).unwrap();
        Http::known_by(Limits::default(), Egress { allow_loopback: true, ..Egress::default() }, credentials)
    }

    fn url(server: &Agent) -> String {
        format!("http://127.0.0.1:{}/token", server.port)
    }

    /// Asks an agent something; what came of that.
    async fn ask(http: &Http, agent: &Agent) -> Result<u16, Trouble> {
        let endpoint = Endpoint::parse(&format!("http://127.0.0.1:{}/work", agent.port)).unwrap();
        let outgoing = Outgoing {
            endpoint: &endpoint,
            method: Method::POST,
            url: endpoint.url().clone(),
            headers: HeaderMap::new(),
            body: b"{}".to_vec(),
            first_byte: None,
        };
        let response = http.send(outgoing, Deadline::of(Duration::from_secs(5))).await?;
        Ok(response.status().as_u16())
    }

    #[tokio::test]
    async fn a_token_is_fetched_once_and_told_to_its_origin_alone() {
        let server = Agent::speaking(token("abc", 3600), Then::Next).await;
        let (agent, other) = (
            Agent::speaking(http("200 OK", "{}"), Then::Next).await,
            Agent::speaking(http("200 OK", "{}"), Then::Next).await,
        );
        let http = known(&agent, &url(&server));
        let (first, second) = tokio::join!(ask(&http, &agent), ask(&http, &agent));
        assert_eq!((first, second), (Ok(200), Ok(200)));
        assert_eq!(ask(&http, &other).await, Ok(200));
        assert_eq!((server.requests(), agent.requests()), (1, 2));
        assert!(agent.heard().iter().all(|head| head.contains("authorization: Bearer abc\r\n")));
        assert!(!other.heard()[0].contains("authorization"), "{:?}", other.heard());
        let asked = &server.heard()[0];
        let pair = STANDARD.encode("con+cordat:t0p%3As3cret");
        assert!(asked.contains(&format!("authorization: Basic {pair}\r\n")), "{asked}");
        assert!(asked.ends_with("\r\n\r\ngrant_type=client_credentials&scope=work+more"), "{asked}");
    }

    #[tokio::test]
    async fn a_token_that_lapsed_or_was_refused_is_not_told_again() {
        for (name, life, statuses) in
            [("lapsed", 0, ["200 OK", "200 OK"]), ("refused", 3600, ["401 Who?", "200 OK"])]
        {
            let server = Agent::saying(vec![token("old", life), token("new", life)], Then::Next).await;
            let agent = Agent::saying(statuses.map(|status| http(status, "{}")).into(), Then::Next).await;
            let http = known(&agent, &url(&server));
            for _ in statuses {
                ask(&http, &agent).await.unwrap();
            }
            assert_eq!(server.requests(), 2, "{name}");
            assert!(agent.heard()[1].contains("authorization: Bearer new\r\n"), "{name}");
        }
    }

    #[tokio::test]
    async fn without_a_token_nothing_is_sent() {
        let bare = |body: &str| http("200 OK", body);
        for (bytes, wanted) in [
            (
                http("401 No", r#"{"error":"invalid_client\u001b[0m"}"#),
                "status 401 with `invalid_client [0m`",
            ),
            (http("400 No", "{}"), "status 400 with `no reason`"),
            (http("500 No", "<h1>"), "not JSON"),
            (bare(r#"{"access_token":"a","token_type":"mac"}"#), "not of the type `Bearer`"),
            (bare(r#"{"access_token":"a\r\nx: y","token_type":"Bearer"}"#), "its token is not 1 to 8192"),
            (bare(r#"{"token_type":"Bearer"}"#), "its token is not 1 to 8192"),
            (bare(r#"{"access_token":"a","token_type":"Bearer","expires_in":"soon"}"#), "`expires_in`"),
            (
                b"HTTP/1.1 302 Away\r\nlocation: http://10.0.0.1/\r\ncontent-length: 0\r\n\r\n".to_vec(),
                "redirects",
            ),
            (
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99999999\r\n\r\n"
                    .to_vec(),
                "larger than",
            ),
        ] {
            let server = Agent::speaking(bytes, Then::Next).await;
            let agent = Agent::speaking(http("200 OK", "{}"), Then::Next).await;
            let said = ask(&known(&agent, &url(&server)), &agent).await.unwrap_err();
            assert!(matches!(said, Trouble::NotSent(NotSent::Token { .. })), "{said:?}");
            let said = said.to_string();
            assert!(said.contains(wanted) && !said.contains("s3cret"), "{wanted}: {said}");
            assert_eq!(agent.requests(), 0, "{wanted}");
        }
        let agent = Agent::speaking(http("200 OK", "{}"), Then::Next).await;
        let said = ask(&known(&agent, "http://10.0.0.1/token"), &agent).await.unwrap_err().to_string();
        assert!(said.contains("no token from `http://10.0.0.1/token`: `10.0.0.1:80`"), "{said}");
    }
}

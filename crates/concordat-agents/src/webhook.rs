//! Tells webhooks that a contract has changed: one request, of whose reply only the status counts.
//!
//! Addresses come from whoever sends contracts, so they pass the rule of `egress` as agents' addresses do. Webhooks have
//! connections of their own, and are told as a stranger tells: what agents know us by is for agents, even where both are
//! at one host.

use std::time::Duration;

use concordat_engine::ports::{NotTold, Notice, Webhook};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode, Url};

use crate::egress::{Egress, Endpoint};
use crate::http::{Deadline, Http, Limits, Outgoing};

/// How long a webhook may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest address, token and credentials together, in bytes.
const LONGEST: usize = 4096;
/// What A2A calls the header of the token.
const TOKEN: HeaderName = HeaderName::from_static("x-a2a-notification-token");

/// The way to webhooks.
pub(crate) struct Webhooks {
    http: Http,
    egress: Egress,
}

impl Webhooks {
    pub(crate) fn new(egress: Egress) -> Webhooks {
        Webhooks { http: Http::new(Limits::default(), egress.clone()), egress }
    }

    /// Whether it could be told, as far as that is known without asking the network.
    pub(crate) fn hears(&self, webhook: &Webhook) -> Result<(), String> {
        let (endpoint, _) = place(webhook)?;
        headers(webhook, "")?;
        self.egress.check(&endpoint).map_err(|error| error.to_string())
    }

    /// Tells it, once.
    pub(crate) async fn notify(&self, notice: Notice) -> Result<(), NotTold> {
        let Notice { webhook, media_type, body } = notice;
        let (endpoint, url) = place(&webhook).map_err(NotTold::Yet)?;
        let headers = headers(&webhook, media_type).map_err(NotTold::Yet)?;
        let method = Method::POST;
        let outgoing =
            Outgoing { endpoint: &endpoint, method, url, headers, body: body.into_bytes(), first_byte: None };
        // The trouble's own words hold the address, which may be a secret.
        let quiet = || NotTold::Yet(format!("{} cannot be reached", webhook.origin()));
        let response = self.http.send_bare(outgoing, Deadline::of(PATIENCE)).await.map_err(|_| quiet())?;
        match response.status() {
            status if status.is_success() => Ok(()),
            StatusCode::GONE => Err(NotTold::Gone),
            status => Err(NotTold::Yet(format!("{} answers {status}", webhook.origin()))),
        }
    }
}

/// The host that the rule is about, and the whole address: what a webhook wants in its query is its own affair.
fn place(webhook: &Webhook) -> Result<(Endpoint, Url), String> {
    if webhook.url.len() > LONGEST {
        return Err(format!("the webhook's address is longer than {LONGEST} bytes"));
    }
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '\\';
    let url = webhook.url.as_str();
    if url.contains(odd) || url.contains('#') {
        return Err("a webhook's address has no fragment, blank or backslash".to_owned());
    }
    let url: Url =
        url.parse().map_err(|_| "a webhook's address is like `https://hook.example/in`".to_owned())?;
    let mut bare = url.clone();
    bare.set_query(None);
    let endpoint = Endpoint::parse(bare.as_str()).map_err(|error| error.to_string())?;
    Ok((endpoint, url))
}

fn headers(webhook: &Webhook, media_type: &str) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    if let Ok(media_type) = HeaderValue::from_str(media_type) {
        headers.insert(CONTENT_TYPE, media_type);
    }
    if let Some(token) = &webhook.token {
        headers.insert(TOKEN, secret(token).ok_or("the webhook's `token` is not visible ASCII")?);
    }
    if let Some((scheme, credentials)) = &webhook.authorization {
        // A scheme is a token of HTTP, as header names are.
        if scheme.parse::<HeaderName>().is_err() {
            return Err("the webhook's authentication `scheme` is a word like `Bearer`".to_owned());
        }
        let value = secret(format!("{scheme} {credentials}").trim_end());
        headers.insert(AUTHORIZATION, value.ok_or("the webhook's `credentials` are not visible ASCII")?);
    }
    Ok(headers)
}

/// A header's value that is never shown.
fn secret(text: &str) -> Option<HeaderValue> {
    let visible = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    let fine = (1..=LONGEST).contains(&text.len()) && text.bytes().all(visible);
    let mut value = HeaderValue::from_str(text).ok().filter(|_| fine)?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::execute::testing::read_request;

    fn webhook(url: &str) -> Webhook {
        Webhook { url: url.to_owned(), token: None, authorization: None }
    }

    #[test]
    fn addresses_pass_the_rule_for_agents() {
        let closed = Webhooks::new(Egress::default());
        let open = Webhooks::new(Egress { allow_loopback: true, ..Egress::default() });
        for (url, outside, here) in [
            ("https://hook.example/in?key=1", true, true),
            ("http://hook.example/in", false, false),
            ("http://127.0.0.1:9/in", false, true),
            ("https://169.254.169.254/latest?x", false, false),
            ("https://10.0.0.1/", false, false),
            ("https://[::1]/", false, true),
            ("https://a:b@hook.example/", false, false),
            ("https://hook.example/#in", false, false),
            ("https://hook.example/ in", false, false),
            ("ftp://hook.example/", false, false),
            ("hook", false, false),
        ] {
            let heard = [&closed, &open].map(|webhooks| webhooks.hears(&webhook(url)).is_ok());
            assert_eq!(heard, [outside, here], "{url}");
        }
    }

    #[test]
    fn what_cannot_stand_in_a_header_is_refused() {
        let open = Webhooks::new(Egress::default());
        let with = |token: Option<&str>, authorization: Option<(&str, &str)>| Webhook {
            token: token.map(str::to_owned),
            authorization: authorization.map(|(scheme, text)| (scheme.to_owned(), text.to_owned())),
            ..webhook("https://hook.example")
        };
        for (webhook, fine) in [
            (with(Some("t-1"), Some(("Bearer", "abc"))), true),
            (with(None, Some(("Basic", "YTpi"))), true),
            (with(Some("a\r\nb: c"), None), false),
            (with(Some(""), None), false),
            (with(None, Some(("Bearer x:", "abc"))), false),
            (with(None, Some(("Bearer", "a\nb"))), false),
        ] {
            assert_eq!(open.hears(&webhook).is_ok(), fine, "{:?}", webhook.token);
        }
    }

    #[tokio::test]
    async fn a_webhook_recognises_us_and_only_a_success_counts() {
        let webhooks = Webhooks::new(Egress { allow_loopback: true, ..Egress::default() });
        for (status, told) in [
            ("200 OK", Ok(())),
            ("204 No Content", Ok(())),
            ("410 Gone", Err(NotTold::Gone)),
            ("302 Found", Err(NotTold::Yet("302 Found".to_owned()))),
            ("500 Internal Server Error", Err(NotTold::Yet("500 Internal Server Error".to_owned()))),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let origin = format!("http://{}", listener.local_addr().unwrap());
            let reply = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nlocation: /\r\n\r\n");
            let heard = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read_request(&mut stream).await.unwrap();
                tokio::io::AsyncWriteExt::write_all(&mut stream, reply.as_bytes()).await.unwrap();
                request
            });
            let webhook = Webhook {
                token: Some("t-1".to_owned()),
                authorization: Some(("Bearer".to_owned(), "abc".to_owned())),
                ..webhook(&format!("{origin}/in?key=1"))
            };
            let notice = Notice { webhook, media_type: "application/json", body: "{}".to_owned() };
            let told = told.map_err(|why| match why {
                NotTold::Yet(status) => NotTold::Yet(format!("{origin} answers {status}")),
                NotTold::Gone => NotTold::Gone,
            });
            assert_eq!(webhooks.notify(notice).await, told);
            let request = heard.await.unwrap();
            for line in [
                "POST /in?key=1 ",
                "x-a2a-notification-token: t-1",
                "authorization: Bearer abc",
                "\r\n\r\n{}",
            ] {
                assert!(request.contains(line), "{line} is not in {request}");
            }
        }
    }
}

//! One request and its answer, bounded.

use std::error::Error;
use std::time::Duration;

use concordat_server::api::problem::Problem;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, Url, redirect};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::{ClientError, Refused};

/// The longest answer that is read, in bytes.
const MOST: usize = 64 * 1024 * 1024;
/// How often a request is sent again when the server asks to come back.
const RETRIES: u32 = 2;
/// The code of a refusal after which the server may have done what it was asked all the same.
const UNKNOWN: &str = "outcome-unknown";
/// The longest pause that is kept before trying again, in seconds; beyond it the user is told.
const PATIENCE: u64 = 5;

/// A client of one server.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    key: Option<HeaderValue>,
    /// How often a request is sent again when the server asks to come back.
    retries: u32,
}

impl Client {
    /// A client of the server at this address, with the key that it presents.
    ///
    /// # Errors
    /// The address is none, or the key cannot be sent.
    pub fn new(server: &str, key: Option<&str>) -> Result<Client, ClientError> {
        let bad = || ClientError::Address { address: server.to_owned() };
        let base = Url::parse(server).map_err(|_| bad())?;
        let plain =
            matches!(base.scheme(), "http" | "https") && base.query().is_none() && base.fragment().is_none();
        let host =
            base.host_str().filter(|_| plain && base.username().is_empty() && base.password().is_none());
        let local = matches!(host.ok_or_else(bad)?, "localhost" | "127.0.0.1" | "[::1]");
        let key = key.map(bearer).transpose()?;
        let mut http = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(Duration::from_secs(5))
            .user_agent(concat!("concordat/", env!("CARGO_PKG_VERSION")));
        if local {
            // A proxy would look for the server on its own machine.
            http = http.no_proxy();
        }
        let http = http
            .build()
            .map_err(|error| ClientError::Odd { server: server.to_owned(), why: error.to_string() })?;
        Ok(Client { http, base, key, retries: RETRIES })
    }

    /// The same client, which tells at once when the server asks to come back.
    #[must_use]
    pub fn impatient(self) -> Client {
        Client { retries: 0, ..self }
    }

    /// The server's address, as it was given.
    #[must_use]
    pub fn server(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    pub(super) fn call(&self, method: Method, path: &[&str]) -> Call<'_> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            // What people type as an id is escaped, so it stays within its segment.
            segments.pop_if_empty().extend(path);
        }
        let mut request = self.http.request(method, url);
        if let Some(key) = &self.key {
            request = request.header(AUTHORIZATION, key.clone());
        }
        Call { client: self, request }
    }
}

fn bearer(key: &str) -> Result<HeaderValue, ClientError> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", key.trim())).map_err(|_| ClientError::Key)?;
    value.set_sensitive(true);
    Ok(value)
}

/// A request that is being put together.
pub(super) struct Call<'a> {
    client: &'a Client,
    request: RequestBuilder,
}

impl Call<'_> {
    pub(super) fn query(mut self, query: &impl Serialize) -> Self {
        self.request = self.request.query(query);
        self
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub(super) fn document(mut self, body: Vec<u8>, media_type: &str) -> Self {
        self.request = self.request.header(CONTENT_TYPE, media_type).body(body);
        self
    }

    pub(super) fn body(mut self, body: &impl Serialize) -> Self {
        self.request = self.request.json(body);
        self
    }

    /// Sends the request and reads the whole answer. When the server asks to come back soon, it is sent again:
    /// the server did nothing then.
    pub(super) async fn send(self) -> Result<Answer, ClientError> {
        let mut tries = 0;
        loop {
            let again = self.request.try_clone();
            let response = self.client.exchange(again, Some(Duration::from_secs(60))).await;
            match response {
                Err(ClientError::Refused(refused))
                    if tries < self.client.retries
                        && matches!(refused.problem.status, 429 | 503)
                        && refused.problem.code != UNKNOWN =>
                {
                    let Some(pause) = refused.retry_after.filter(|pause| *pause <= PATIENCE) else {
                        return Err(ClientError::Refused(refused));
                    };
                    tries += 1;
                    tokio::time::sleep(Duration::from_secs(pause)).await;
                }
                Err(other) => return Err(other),
                Ok(response) => return self.client.whole(response).await,
            }
        }
    }

    /// Sends the request and hands over the answer unread, for streams.
    pub(super) async fn open(self) -> Result<Response, ClientError> {
        self.client.exchange(Some(self.request), None).await
    }
}

impl Client {
    /// Sends one request; whatever is not a success is an error.
    async fn exchange(
        &self,
        request: Option<RequestBuilder>,
        timeout: Option<Duration>,
    ) -> Result<Response, ClientError> {
        let unsent = || ClientError::Odd {
            server: self.server().to_owned(),
            why: "the request cannot be sent".to_owned(),
        };
        let mut request = request.ok_or_else(unsent)?;
        if let Some(timeout) = timeout {
            request = request.timeout(timeout);
        }
        let response = request.send().await.map_err(|error| self.failed(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (status, retry_after) = (response.status(), retry_after(response.headers()));
        let answer = self.whole(response).await?;
        let problem =
            serde_json::from_slice(&answer.body).unwrap_or_else(|_| unexplained(status, &answer.body));
        Err(ClientError::Refused(Box::new(Refused { problem, retry_after })))
    }

    async fn whole(&self, mut response: Response) -> Result<Answer, ClientError> {
        let headers = std::mem::take(response.headers_mut());
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| self.failed(&error))? {
            body.extend_from_slice(&piece);
            if body.len() > MOST {
                let why = format!("the answer has more than {MOST} bytes");
                return Err(ClientError::Odd { server: self.server().to_owned(), why });
            }
        }
        Ok(Answer { server: self.server().to_owned(), headers, body })
    }

    pub(super) fn failed(&self, error: &reqwest::Error) -> ClientError {
        let server = self.server().to_owned();
        let mut innermost = error.source();
        while let Some(deeper) = innermost.and_then(Error::source) {
            innermost = Some(deeper);
        }
        let why = if error.is_timeout() {
            "it took too long".to_owned()
        } else {
            innermost.map_or_else(|| error.to_string(), ToString::to_string)
        };
        match error.is_connect() || error.is_builder() {
            true => ClientError::Unreachable { server, why },
            false => ClientError::Broken { server, why },
        }
    }
}

fn retry_after(headers: &HeaderMap) -> Option<u64> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

/// What is told of a refusal that came from something else than Concordat, such as a proxy.
fn unexplained(status: reqwest::StatusCode, body: &[u8]) -> Problem {
    let title = status.canonical_reason().unwrap_or("refused").to_owned();
    let said: String = String::from_utf8_lossy(body).trim().chars().take(200).collect();
    let detail = if said.is_empty() { format!("{}: {title}", status.as_u16()) } else { said };
    Problem {
        kind: "about:blank".to_owned(),
        title,
        status: status.as_u16(),
        code: "unexplained".to_owned(),
        detail,
        errors: Vec::new(),
        reasons: Vec::new(),
        decision_id: None,
        incident: None,
        retryable: false,
    }
}

/// A whole answer.
pub(super) struct Answer {
    server: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        serde_json::from_slice(&self.body)
            .map_err(|error| ClientError::Odd { server: self.server.clone(), why: error.to_string() })
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        self.body
    }

    pub(super) fn text(self) -> Result<String, ClientError> {
        let server = self.server;
        String::from_utf8(self.body)
            .map_err(|_| ClientError::Odd { server, why: "the answer is not UTF-8".to_owned() })
    }
}

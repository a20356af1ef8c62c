//! What agents know us by: a token, a key, a token that is fetched or a certificate, for one origin each.
//!
//! They come from the operator's file, or from the registry for one agent alone, which then counts. They stand in no
//! registration and no record, are never shown, and leave only for the scheme, host and port that they were given for,
//! as the URL parser understood those.

mod certificate;
mod grant;
#[cfg(test)]
mod tls_tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use serde::Deserialize;

use crate::egress::{BadEndpoint, Endpoint, HostPort};

pub(crate) use certificate::Shown;
pub(crate) use grant::Grant;

/// Credentials by origin; clones share them.
#[derive(Clone, Default)]
pub struct Credentials(Arc<HashMap<Origin, Known>>);

/// What one origin knows us by: what we say, what we show, or both.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) said: Option<Said>,
    /// The certificate that we show when a connection is made.
    pub(crate) shown: Option<Shown>,
}

/// What we say with each request.
pub(crate) enum Said {
    /// A header that is always the same.
    Header(HeaderName, HeaderValue),
    /// In `Authorization`, a token that is fetched.
    Token(Grant),
}

/// One of the operator's credentials.
enum Credential {
    Said(Said),
    Shown(Shown),
}

/// Scheme, host and port.
#[derive(PartialEq, Eq, Hash)]
struct Origin {
    https: bool,
    host_port: HostPort,
}

/// Credentials that cannot be used. The secret is in none of the messages.
#[derive(Debug, thiserror::Error)]
pub enum BadCredentials {
    /// Not the form.
    #[error(
        "the credentials are not a list of `origin` with `type: bearer` and `token`, `type: api_key` with `header` and `key`, `type: oauth2` with `tokenUrl`, `clientId`, `clientSecret` and perhaps `scope`, or `type: client_certificate` with `certificate`, `key` and perhaps `authority`: line {line}, column {column}"
    )]
    Form {
        /// Where it is wrong.
        line: usize,
        /// Where in the line.
        column: usize,
    },
    /// The origin is no URL.
    #[error(transparent)]
    Endpoint(#[from] BadEndpoint),
    /// More than an origin.
    #[error("`{origin}` has a path; credentials are for an origin, such as `https://agents.example`")]
    Path {
        /// The text as it came.
        origin: String,
    },
    /// Two of a kind for one place.
    #[error("there are two credentials for `{origin}`; hint: one that is said, and beside it a certificate")]
    Twice {
        /// The text as it came.
        origin: String,
    },
    /// A header that is not for credentials.
    #[error("`{header}` is no header for a key")]
    Header {
        /// The text as it came.
        header: String,
    },
    /// A certificate that cannot be shown.
    #[error(
        "`certificate`, `key` and `authority` for `{origin}` are texts in PEM, and the origin begins with `https`"
    )]
    Certificate {
        /// The text as it came.
        origin: String,
    },
    /// A secret that cannot stand in a header.
    #[error("the secret for `{origin}` is not 1 to 8192 visible ASCII characters")]
    Secret {
        /// The text as it came.
        origin: String,
    },
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase", deny_unknown_fields)]
enum Written {
    Bearer {
        origin: String,
        token: String,
    },
    ApiKey {
        origin: String,
        header: String,
        key: String,
    },
    // The tag has no place for a digit in snake case.
    #[serde(rename = "oauth2")]
    OAuth {
        origin: String,
        token_url: String,
        client_id: String,
        client_secret: String,
        scope: Option<String>,
    },
    ClientCertificate {
        origin: String,
        certificate: String,
        key: String,
        authority: Option<String>,
    },
}

/// The longest secret, in bytes.
const LONGEST: usize = 8192;

/// Headers that mean something else to HTTP, or to our protocols.
const TAKEN: [&str; 14] = [
    "accept",
    "accept-encoding",
    "a2a-version",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "idempotency-key",
    "te",
    "traceparent",
    "transfer-encoding",
    "upgrade",
];

impl Credentials {
    /// Reads credentials in JSON.
    ///
    /// # Errors
    /// [`BadCredentials`] says which, and never the secret.
    pub fn read(text: &str) -> Result<Credentials, BadCredentials> {
        Credentials::apart(text, "")
    }

    /// The same, whose connections with a certificate are kept apart from those of others under this name.
    pub(crate) fn apart(text: &str, name: &str) -> Result<Credentials, BadCredentials> {
        let written: Vec<Written> = serde_json::from_str(text)
            .map_err(|error| BadCredentials::Form { line: error.line(), column: error.column() })?;
        let mut read: HashMap<Origin, Known> = HashMap::new();
        for one in written {
            let (Written::Bearer { origin, .. }
            | Written::ApiKey { origin, .. }
            | Written::OAuth { origin, .. }
            | Written::ClientCertificate { origin, .. }) = &one;
            let origin = origin.clone();
            let endpoint = Endpoint::parse(&origin)?;
            if endpoint.url().path() != "/" {
                return Err(BadCredentials::Path { origin });
            }
            let known = read.entry(Origin::of(&endpoint)).or_default();
            let before = match credential(one, name)? {
                Credential::Said(said) => known.said.replace(said).is_some(),
                Credential::Shown(shown) => known.shown.replace(shown).is_some(),
            };
            if before {
                return Err(BadCredentials::Twice { origin });
            }
        }
        Ok(Credentials(Arc::new(read)))
    }

    /// What this endpoint knows us by, if it knows us.
    pub(crate) fn of(&self, endpoint: &Endpoint) -> Option<&Known> {
        self.0.get(&Origin::of(endpoint))
    }
}

fn credential(written: Written, name: &str) -> Result<Credential, BadCredentials> {
    match written {
        Written::Bearer { origin, token } => match sensitive(&format!("Bearer {token}")) {
            Some(value) => Ok(Credential::Said(Said::Header(AUTHORIZATION, value))),
            None => Err(BadCredentials::Secret { origin }),
        },
        Written::ApiKey { origin, header, key } => {
            let named = header.parse::<HeaderName>().ok().filter(|name| !is_taken(name.as_str()));
            let header = named.ok_or(BadCredentials::Header { header })?;
            sensitive(&key)
                .map(|value| Credential::Said(Said::Header(header, value)))
                .ok_or(BadCredentials::Secret { origin })
        }
        Written::OAuth { origin, token_url, client_id, client_secret, scope } => {
            let server = Endpoint::parse(&token_url)?;
            Grant::new(server, &client_id, &client_secret, scope.as_deref())
                .map(|grant| Credential::Said(Said::Token(grant)))
                .ok_or(BadCredentials::Secret { origin })
        }
        Written::ClientCertificate { origin, certificate, key, authority } => {
            let is_https = Endpoint::parse(&origin)?.is_https();
            let place = format!("{origin} {name}");
            let shown = Shown::read(&place, &certificate, &key, authority.as_deref());
            shown.filter(|_| is_https).map(Credential::Shown).ok_or(BadCredentials::Certificate { origin })
        }
    }
}

/// Whether a text may be a secret.
fn is_secret(text: &str) -> bool {
    let visible = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(visible)
}

/// A header's value that is never shown.
fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok().filter(|_| is_secret(text))?;
    value.set_sensitive(true);
    Some(value)
}

impl Origin {
    fn of(endpoint: &Endpoint) -> Origin {
        Origin { https: endpoint.is_https(), host_port: endpoint.host_port().clone() }
    }
}

fn is_taken(header: &str) -> bool {
    TAKEN.contains(&header) || header.starts_with("concordat-")
}

/// The same ones, not equal ones: nobody compares secrets.
impl PartialEq for Credentials {
    fn eq(&self, other: &Credentials) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Credentials {}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_belong_to_one_origin() {
        let text = r#"[
            {"origin": "https://agents.example", "type": "bearer", "token": "t0ps3cret"},
            {"origin": "https://agents.example:8443", "type": "api_key", "header": "X-Api-Key", "key": "k3y"}
        ]"#;
        let read = Credentials::read(text).unwrap();
        for (endpoint, header) in [
            ("https://agents.example/a2a", Some("authorization")),
            ("https://AGENTS.example./x", Some("authorization")),
            ("https://agents.example:443", Some("authorization")),
            ("https://agents.example:8443/rpc", Some("x-api-key")),
            ("http://agents.example/a2a", None),
            ("https://agents.example:444/", None),
            ("https://agents.example.evil.example/", None),
            ("https://x.agents.example/", None),
            ("https://agents.exampl/", None),
        ] {
            let endpoint = Endpoint::parse(endpoint).unwrap();
            let found = match read.of(&endpoint).and_then(|known| known.said.as_ref()) {
                Some(Said::Header(name, value)) => {
                    assert!(value.is_sensitive());
                    Some(name.as_str())
                }
                Some(Said::Token(_)) | None => None,
            };
            assert_eq!(found, header, "{endpoint}");
        }
        let shown = format!("{read:?}");
        assert!(!shown.contains("t0ps3cret"), "{shown}");
    }

    #[test]
    fn bad_credentials_are_refused_without_the_secret() {
        let one = |origin: &str, rest: &str| format!(r#"[{{"origin": "{origin}", {rest}}}]"#);
        let bearer = r#""type": "bearer", "token": "t0ps3cret""#;
        for (text, wanted) in [
            ("t0ps3cret".to_owned(), "are not a list"),
            (one("https://a.example", r#""type": "basic", "token": "t0ps3cret""#), "are not a list"),
            (one("https://a.example", r#""type": "api_key", "key": "t0ps3cret""#), "are not a list"),
            (one("agents.example", bearer), "is not a URL"),
            (one("https://a.example/x", bearer), "has a path"),
            (
                one("https://a.example", r#""type": "api_key", "header": "Host", "key": "t0ps3cret""#),
                "`Host` is no header",
            ),
            (
                one("https://a.example", r#""type": "api_key", "header": "Concordat-Run", "key": "x""#),
                "`Concordat-Run` is no header",
            ),
            (
                one("https://a.example", r#""type": "api_key", "header": "a b", "key": "t0ps3cret""#),
                "`a b` is no header",
            ),
            (one("https://a.example", r#""type": "bearer", "token": "t0ps3cret\r\nx: y""#), "the secret for"),
            (one("https://a.example", r#""type": "api_key", "header": "x", "key": """#), "the secret for"),
            (
                one(
                    "https://a.example",
                    r#""type": "oauth2", "tokenUrl": "https://b.example/t", "clientId": "c", "clientSecret": "t0ps3cret\n""#,
                ),
                "the secret for",
            ),
            (
                one(
                    "https://a.example",
                    r#""type": "oauth2", "tokenUrl": "b", "clientId": "c", "clientSecret": "t0ps3cret""#,
                ),
                "is not a URL",
            ),
            (one("https://a.example", r#""type": "oauth2", "clientSecret": "t0ps3cret""#), "are not a list"),
            (
                format!(
                    r#"[{{"origin": "https://a.example", {bearer}}}, {{"origin": "https://A.example:443", {bearer}}}]"#
                ),
                "two credentials",
            ),
        ] {
            let said = Credentials::read(&text).unwrap_err().to_string();
            assert!(said.contains(wanted) && !said.contains("t0ps3cret"), "{text}: {said}");
        }
    }
}

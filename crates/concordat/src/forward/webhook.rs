//! Records by HTTP: one request a batch, signed as Standard Webhooks says if there is a secret.
//!
//! ```text
//!   webhook-id: concordat-local-7-12            the same whenever these records are sent again
//!   webhook-timestamp: 1769903999
//!   webhook-signature: v1,<base64 of HMAC-SHA256(secret, id.timestamp.body)> v1,<by another secret>
//! ```
//!
//! The receiver has the records when it says 2xx, and not otherwise. Redirects are not followed: the body, the
//! header and the signature are for one receiver only.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use concordat_agents::egress::{Egress, Endpoint, Guard};
use concordat_ledger::Record;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode, Url, redirect};
use serde_json::Value;
use sha2::Sha256;

use super::{Manners, NotTaken, PATIENCE, denied, unreadable};
use crate::forms::Form;

/// The longest pause that a receiver may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);
/// Most bytes of an answer that are read, for what a collector refused.
const MOST: usize = 64 * 1024;

/// A secret that receivers know as well, 24 to 64 bytes; its text form is `whsec_` and base64.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl FromStr for Secret {
    type Err = String;

    fn from_str(text: &str) -> Result<Secret, String> {
        let bytes = text.strip_prefix("whsec_").and_then(|text| STANDARD.decode(text).ok());
        bytes.filter(|bytes| (24..=64).contains(&bytes.len())).map(Secret).ok_or_else(|| {
            "a secret is `whsec_` and the base64 of 24 to 64 bytes; hint: `echo whsec_$(openssl rand -base64 32)`"
                .to_owned()
        })
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// The secrets in a file, one a line: all of them sign, so that one can take over from another.
    ///
    /// # Errors
    /// The file cannot be read, is open to others, or holds something else.
    pub fn read(path: &Path) -> Result<Vec<Secret>, String> {
        use std::os::unix::fs::PermissionsExt as _;
        let named = |why: &dyn fmt::Display| format!("`{}`: {why}", path.display());
        let mode = std::fs::metadata(path).map_err(|why| named(&why))?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(named(&format!("others may read it (mode {mode:03o}); hint: chmod 600")));
        }
        let text = std::fs::read_to_string(path).map_err(|why| named(&why))?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let secrets: Vec<Secret> =
            lines.map(str::parse).collect::<Result<_, String>>().map_err(|why| named(&why))?;
        if secrets.is_empty() { Err(named(&"it holds no secret")) } else { Ok(secrets) }
    }

    /// One signature, as it stands in the header.
    pub(super) fn sign(&self, id: &str, now: i64, body: &str) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(format!("{id}.{now}.{body}").as_bytes());
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    }
}

/// A receiver by HTTP.
#[derive(Debug)]
pub struct Webhook {
    http: reqwest::Client,
    to: Url,
    form: Form,
    header: Option<(String, String)>,
    secrets: Vec<Secret>,
}

impl Webhook {
    pub(super) fn new(to: Url, form: Form, manners: Manners, egress: Arc<Egress>) -> Result<Webhook, String> {
        // The rule is about hosts; what a receiver wants in its query is its own affair.
        let mut plain = to.clone();
        plain.set_query(None);
        let endpoint = Endpoint::parse(plain.as_str()).map_err(|error| error.to_string())?;
        egress.check(&endpoint).map_err(|error| denied(&error, endpoint.host_port()))?;
        let mut http = reqwest::Client::builder()
            .dns_resolver(Arc::new(Guard::new(egress, endpoint.host_port().port())))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .timeout(PATIENCE)
            .user_agent(concat!("concordat/", env!("CARGO_PKG_VERSION")));
        if let Some(pem) = &manners.authorities {
            let authorities =
                reqwest::Certificate::from_pem_bundle(pem).map_err(|error| error.to_string())?;
            http = http.tls_certs_only(authorities);
        }
        let http = http.build().map_err(|error| error.to_string())?;
        Ok(Webhook { http, to, form, header: manners.header, secrets: manners.secrets })
    }

    pub(super) async fn hand(&self, batch: &[(u64, Record)], now: i64) -> Result<Option<String>, NotTaken> {
        let body = self.form.write(batch).map_err(|error| unreadable(&error))?;
        let id = id(batch);
        let mut request = self.http.post(self.to.clone()).header(CONTENT_TYPE, self.form.media_type());
        if let Some((name, value)) = &self.header {
            request = request.header(name, value);
        }
        if !self.secrets.is_empty() {
            let signed = self.secrets.iter().filter_map(|secret| secret.sign(&id, now, &body));
            let signed: Vec<String> = signed.collect();
            request = request
                .header("webhook-timestamp", now.to_string())
                .header("webhook-signature", signed.join(" "));
        }
        let answer = request.header("webhook-id", id).body(body).send().await;
        let answer = answer
            .map_err(|error| NotTaken::yet(format!("the receiver cannot be reached: {}", words(error))))?;
        match answer.status() {
            status if status.is_success() => Ok(self.refused(answer).await),
            StatusCode::GONE => {
                Err(NotTaken::Ever("the receiver is gone (410) and wants no more".to_owned()))
            }
            status if status.is_redirection() => {
                Err(NotTaken::yet(format!("the receiver answers {status}; redirects are not followed")))
            }
            status => Err(NotTaken::Yet {
                why: format!("the receiver answers {status}"),
                after: pause(answer.headers(), now),
            }),
        }
    }

    /// What an OpenTelemetry collector took the request for but not all of the records. They must not be sent again.
    async fn refused(&self, mut answer: Response) -> Option<String> {
        if self.form != Form::Otlp {
            return None;
        }
        let mut body = Vec::new();
        while let Ok(Some(piece)) = answer.chunk().await {
            body.extend_from_slice(&piece);
            if body.len() > MOST {
                return None;
            }
        }
        let told: Value = serde_json::from_slice(&body).ok()?;
        let part = told.get("partialSuccess")?;
        let rejected = part.get("rejectedLogRecords")?;
        // 64-bit numbers are texts in OTLP's JSON, and not every collector knows it.
        let count =
            rejected.as_u64().or_else(|| rejected.as_str()?.parse().ok()).filter(|count| *count > 0)?;
        let why = part.get("errorMessage").and_then(Value::as_str).unwrap_or("it does not say why");
        Some(format!("the collector refused {count} records for good: {}", why.escape_debug()))
    }
}

/// The same for the same records of the same log.
fn id(batch: &[(u64, Record)]) -> String {
    let (Some((first, record)), Some((last, _))) = (batch.first(), batch.last()) else {
        return String::new();
    };
    // A full stop would end the id where it is signed.
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
    let source: String = record.source().chars().map(plain).collect();
    format!("{source}-{first}-{last}")
}

/// When the receiver wants to be asked again: seconds, or a moment.
fn pause(headers: &HeaderMap, now: i64) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = match text.parse::<u64>() {
        Ok(seconds) => seconds,
        Err(_) => {
            let at: Timestamp = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
            u64::try_from(at.as_second() - now).unwrap_or(0)
        }
    };
    Some(Duration::from_secs(seconds).min(LONGEST_PAUSE))
}

/// What went wrong, down to its cause: "error sending request" alone helps nobody.
fn words(error: reqwest::Error) -> String {
    use std::error::Error as _;
    let error = error.without_url();
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words
}

//! The head of a reply: what no body can make right comes first.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, DATE, HeaderMap, RETRY_AFTER};

use super::limits::Limits;
use super::saying::tame;
use super::trouble::Malformed;

/// The longest time for which an agent may ask to be left alone.
const LONGEST_RETRY_AFTER: u64 = 3600;

/// What stands in the head of a reply, once it may be read at all.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    /// The content type, one of those that are due.
    pub(crate) content: Result<&'static str, Malformed>,
    /// How long the agent asks to be left alone, where it says that it is busy.
    pub(crate) retry_after: Option<Duration>,
}

impl Head {
    /// Refuses a redirect, a flood of headers and a compressed body. `due` holds the content types that are read;
    /// the first is the one that was asked for.
    pub(crate) fn read(
        status: StatusCode,
        headers: &HeaderMap,
        due: &'static [&'static str],
        limits: &Limits,
    ) -> Result<Head, Malformed> {
        let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        if headers.len() > limits.headers || bytes > limits.header_bytes {
            return Err(Malformed::Headers { fields: limits.headers, bytes: limits.header_bytes });
        }
        if status.is_redirection() {
            return Err(Malformed::Redirect { status: status.as_u16() });
        }
        let answers = status.is_success() || status.is_client_error() || status.is_server_error();
        if !answers {
            return Err(Malformed::Status { status: status.as_u16() });
        }
        if let Some(encoding) = headers.get(CONTENT_ENCODING) {
            return Err(Malformed::ContentEncoding { found: shown(encoding.as_bytes(), limits) });
        }
        let retry_after = if matches!(status.as_u16(), 429 | 503) { retry_after(headers) } else { None };
        let content = content_type(headers, due, limits)
            .map_err(|found| Malformed::ContentType { found, due: due.first().copied().unwrap_or_default() });
        Ok(Head { status, content, retry_after })
    }

    /// Whether the agent says that it has too much to do.
    pub(crate) fn is_busy(&self) -> bool {
        self.status == StatusCode::TOO_MANY_REQUESTS || self.retry_after.is_some()
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let asked = text(RETRY_AFTER)?;
    let seconds = match asked.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) if !asked.is_empty() && asked.bytes().all(|byte| byte.is_ascii_digit()) => Duration::MAX,
        Err(_) => {
            let until = httpdate::parse_http_date(asked).ok()?;
            // Without its own time, a date says that the agent has too much to do, and not for how long.
            let now = text(DATE).and_then(|now| httpdate::parse_http_date(now).ok()).unwrap_or(until);
            until.duration_since(now).unwrap_or_default()
        }
    };
    Some(seconds.min(Duration::from_secs(LONGEST_RETRY_AFTER)))
}

/// The content type where it is one of `due`, alone or with `charset=utf-8`; else what it is, made safe to show.
fn content_type(
    headers: &HeaderMap,
    due: &'static [&'static str],
    limits: &Limits,
) -> Result<&'static str, String> {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (first, second) = (types.next(), types.next());
    let Some(first) = first else { return Err("nothing".to_owned()) };
    let text = String::from_utf8_lossy(first.as_bytes()).to_ascii_lowercase();
    let (essence, parameter) = text.split_once(';').unwrap_or((&text, ""));
    let plain = matches!(parameter.trim(), "" | "charset=utf-8" | "charset=\"utf-8\"") && second.is_none();
    let right = due.iter().find(|due| **due == essence.trim()).filter(|_| plain);
    right.copied().ok_or_else(|| shown(first.as_bytes(), limits))
}

fn shown(bytes: &[u8], limits: &Limits) -> String {
    tame(&String::from_utf8_lossy(bytes), limits.message)
}

//! One call, one request, one answer.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Response;
use reqwest::header::CONTENT_LENGTH;
use tokio::time::{Instant, timeout_at};

use super::answer::{Answer, Malformed, NotSent, Unknown};
use super::call::Call;
use super::connections::Connections;
use super::departure::Departure;
use super::limits::Limits;
use super::reply::Head;
use super::saying::tame;
use crate::egress::Egress;

/// Nothing is awaited longer than a day, whatever a caller says.
const LONGEST_DEADLINE: Duration = Duration::from_secs(24 * 3600);

/// Calls agents by the `execute` binding. Made once; calls may run side by side.
#[derive(Debug)]
pub struct ExecuteClient {
    egress: Arc<Egress>,
    limits: Limits,
    connections: Connections,
}

impl ExecuteClient {
    /// A client that keeps to `limits` and goes only where `egress` allows.
    #[must_use]
    pub fn new(limits: Limits, egress: Egress) -> ExecuteClient {
        let egress = Arc::new(egress);
        let connections = Connections::new(egress.clone(), limits.clone());
        ExecuteClient { egress, limits, connections }
    }

    /// Sends `call` once and says what is known afterwards. Returns within the call's deadline.
    pub async fn call(&self, call: &Call) -> Answer {
        match self.exchange(call).await {
            Ok(answer) | Err(answer) => answer,
        }
    }

    async fn exchange(&self, call: &Call) -> Result<Answer, Answer> {
        let deadline = Deadline::of(call.deadline.min(LONGEST_DEADLINE));
        let response = self.send(call, deadline).await?;
        let head = Head::read(response.status(), response.headers(), &self.limits)?;
        let error_status = head.is_error();
        match self.body(response, deadline).await {
            Ok(body) => Ok(head.answer(&body, &call.id, &self.limits)),
            // What an error status means does not depend on a body that could not be read.
            Err(_) if error_status => Ok(head.status_alone()),
            Err(answer) => Err(answer),
        }
    }

    /// Sends the request and waits for the head of the reply.
    async fn send(&self, call: &Call, deadline: Deadline) -> Result<Response, Answer> {
        self.egress.check(&call.endpoint).map_err(NotSent::from)?;
        let body = call.body();
        let departure = Departure::default();
        let sending = self
            .connections
            .to(call.endpoint.host_port().port())?
            .post(call.endpoint.below("execute"))
            .headers(call.headers()?)
            // The body is a stream to the client, which would otherwise send it in chunks.
            .header(CONTENT_LENGTH, body.len())
            .body(departure.body(body))
            .send();
        let first_byte = call.first_byte.unwrap_or(LONGEST_DEADLINE);
        match timeout_at(deadline.or_after(first_byte), sending).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) if departure.withdraw() => Err(self.not_connected(call, &error).into()),
            Ok(Err(error)) => Err(self.broken(&error)),
            Err(_) if departure.withdraw() => {
                let within = deadline.whole.min(first_byte);
                Err(NotSent::Timeout { endpoint: call.endpoint.to_string(), within }.into())
            }
            Err(_) if deadline.is_over() => Err(Unknown::Late { within: deadline.whole }.into()),
            Err(_) => Err(Unknown::NotBegun { within: first_byte }.into()),
        }
    }

    /// Reads the body piece by piece, and no further than the limit.
    async fn body(&self, mut response: Response, deadline: Deadline) -> Result<Vec<u8>, Answer> {
        let limit = self.limits.body;
        let declared = response.content_length().unwrap_or_default();
        if usize::try_from(declared).map_or(true, |declared| declared > limit) {
            return Err(Malformed::TooLarge { limit }.into());
        }
        let mut body = Vec::new();
        loop {
            let idle = self.limits.idle;
            let piece = timeout_at(deadline.or_after(idle), response.chunk())
                .await
                .map_err(|_| match deadline.is_over() {
                    true => Unknown::Late { within: deadline.whole },
                    false => Unknown::Stalled { within: idle },
                })?
                .map_err(|error| self.broken(&error))?;
            let Some(piece) = piece else { return Ok(body) };
            if body.len() + piece.len() > limit {
                return Err(Malformed::TooLarge { limit }.into());
            }
            body.extend_from_slice(&piece);
        }
    }

    fn not_connected(&self, call: &Call, error: &reqwest::Error) -> NotSent {
        let endpoint = call.endpoint.to_string();
        if error.is_timeout() {
            return NotSent::Timeout { endpoint, within: self.limits.connect };
        }
        NotSent::Connect { endpoint, why: tame(&innermost(error), self.limits.message) }
    }

    /// The request left, and no whole reply came back: either the agent broke the protocol or the line broke.
    fn broken(&self, error: &reqwest::Error) -> Answer {
        let why = tame(&innermost(error), self.limits.message);
        let Limits { headers: fields, header_bytes: bytes, .. } = self.limits;
        match Fault::of(error) {
            Fault::Head => Malformed::Headers { fields, bytes }.into(),
            Fault::Framing => Malformed::NotHttp { why }.into(),
            Fault::Line => Unknown::Broken { why }.into(),
        }
    }
}

/// What broke, as far as the HTTP reader's error tells.
enum Fault {
    /// More head than is read.
    Head,
    /// Bytes that are not HTTP.
    Framing,
    /// The connection.
    Line,
}

impl Fault {
    fn of(error: &reqwest::Error) -> Fault {
        let http = sources(error).find_map(|source| source.downcast_ref::<hyper::Error>());
        let io = sources(error).filter_map(|source| source.downcast_ref::<io::Error>()).last();
        match (http, io.map(io::Error::kind)) {
            (Some(http), _) if http.is_parse_too_large() => Fault::Head,
            (Some(http), _) if http.is_parse() => Fault::Framing,
            // The reader of chunked bodies reports broken chunks this way.
            (_, Some(ErrorKind::InvalidInput | ErrorKind::InvalidData)) => Fault::Framing,
            _ => Fault::Line,
        }
    }
}

/// When a call must be over.
#[derive(Clone, Copy)]
struct Deadline {
    at: Instant,
    whole: Duration,
}

impl Deadline {
    fn of(whole: Duration) -> Deadline {
        Deadline { at: Instant::now() + whole, whole }
    }

    /// The end of the wait for one thing: its own limit, or the whole call's.
    fn or_after(self, limit: Duration) -> Instant {
        self.at.min(Instant::now() + limit)
    }

    fn is_over(self) -> bool {
        self.at <= Instant::now()
    }
}

fn sources<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

fn innermost(error: &reqwest::Error) -> String {
    sources(error).last().map(ToString::to_string).unwrap_or_default()
}

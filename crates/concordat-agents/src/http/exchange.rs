//! One request, one reply: the part that every binding over HTTP has in common.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderMap};
use reqwest::{Method, Response, StatusCode, Url};
use tokio::time::{Instant, timeout_at};

use super::connections::Connections;
use super::departure::Departure;
use super::events::EventStream;
use super::limits::Limits;
use super::saying::tame;
use super::trouble::{Malformed, NotSent, Trouble, Unknown};
use crate::credentials::{Credentials, Said, Shown};
use crate::egress::{Egress, Endpoint};

/// Nothing is awaited longer than a day, whatever a caller says.
const LONGEST_DEADLINE: Duration = Duration::from_secs(24 * 3600);

/// The way to agents: guarded connections, and bounds on what comes back. Made once; exchanges run side by side.
#[derive(Debug)]
pub(crate) struct Http {
    egress: Arc<Egress>,
    limits: Limits,
    connections: Connections,
    credentials: Credentials,
}

/// What is sent, and where.
#[derive(Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) method: Method,
    /// A place at the endpoint's own host and port, which is what the egress rule was asked about.
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// How long the reply may take to begin; without it, as long as the exchange may take.
    pub(crate) first_byte: Option<Duration>,
}

impl Http {
    pub(crate) fn new(limits: Limits, egress: Egress) -> Http {
        Http::known_by(limits, egress, Credentials::default())
    }

    /// The same for agents that want to know who asks.
    pub(crate) fn known_by(limits: Limits, egress: Egress, credentials: Credentials) -> Http {
        let egress = Arc::new(egress);
        let connections = Connections::new(egress.clone(), limits.clone());
        Http { egress, limits, connections, credentials }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Sends the request, with what its agent knows us by, and waits for the head of the reply.
    pub(crate) async fn send(
        &self,
        mut outgoing: Outgoing<'_>,
        deadline: Deadline,
    ) -> Result<Response, Trouble> {
        let (endpoint, operators) = (outgoing.endpoint, &self.credentials);
        let own = endpoint.credentials().and_then(|own| own.of(endpoint));
        let Some(known) = own.or_else(|| operators.of(endpoint)) else {
            return self.send_bare(outgoing, deadline).await;
        };
        let shown = known.shown.as_ref();
        match &known.said {
            None => self.send_as(outgoing, deadline, shown).await,
            Some(Said::Header(name, value)) => {
                outgoing.headers.insert(name.clone(), value.clone());
                self.send_as(outgoing, deadline, shown).await
            }
            Some(Said::Token(grant)) => {
                // Nothing is fetched for a place that may not be contacted.
                self.egress.check(endpoint).map_err(NotSent::from)?;
                let token = grant.token(self, deadline).await?;
                outgoing.headers.insert(AUTHORIZATION, token.clone());
                let response = self.send_as(outgoing, deadline, shown).await?;
                if response.status() == StatusCode::UNAUTHORIZED {
                    grant.forget(&token).await;
                }
                Ok(response)
            }
        }
    }

    /// The events of a reply.
    pub(crate) fn stream(&self, response: Response, within: Deadline) -> EventStream<'_> {
        EventStream::new(self, response, within)
    }

    /// The same as a stranger.
    pub(crate) async fn send_bare(
        &self,
        outgoing: Outgoing<'_>,
        deadline: Deadline,
    ) -> Result<Response, Trouble> {
        self.send_as(outgoing, deadline, None).await
    }

    async fn send_as(
        &self,
        outgoing: Outgoing<'_>,
        deadline: Deadline,
        shown: Option<&Shown>,
    ) -> Result<Response, Trouble> {
        let Outgoing { endpoint, method, url, headers, body, first_byte } = outgoing;
        self.egress.check(endpoint).map_err(NotSent::from)?;
        let departure = Departure::default();
        let request =
            self.connections.to(endpoint.host_port().port(), shown)?.request(method, url).headers(headers);
        // The body is a stream to the client, which would otherwise send it in chunks.
        let sending = request.header(CONTENT_LENGTH, body.len()).body(departure.body(body)).send();
        let first_byte = first_byte.unwrap_or(LONGEST_DEADLINE);
        match timeout_at(deadline.or_after(first_byte), sending).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) if departure.withdraw() => Err(self.not_connected(endpoint, &error).into()),
            Ok(Err(error)) => Err(self.broken(&error)),
            Err(_) if departure.withdraw() => {
                let within = deadline.whole.min(first_byte);
                Err(NotSent::Timeout { endpoint: endpoint.to_string(), within }.into())
            }
            Err(_) if deadline.is_over() => Err(Unknown::Late { within: deadline.whole }.into()),
            Err(_) => Err(Unknown::NotBegun { within: first_byte }.into()),
        }
    }

    /// Reads the body piece by piece, and no further than the limit.
    pub(crate) async fn body(&self, mut response: Response, deadline: Deadline) -> Result<Vec<u8>, Trouble> {
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

    fn not_connected(&self, endpoint: &Endpoint, error: &reqwest::Error) -> NotSent {
        let endpoint = endpoint.to_string();
        if error.is_timeout() {
            return NotSent::Timeout { endpoint, within: self.limits.connect };
        }
        NotSent::Connect { endpoint, why: tame(&innermost(error), self.limits.message) }
    }

    /// The request left, and no whole reply came back: either the agent broke the protocol or the line broke.
    pub(crate) fn broken(&self, error: &reqwest::Error) -> Trouble {
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
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    pub(crate) at: Instant,
    pub(crate) whole: Duration,
}

impl Deadline {
    /// So long from now, and never longer than a day, whatever a caller says.
    pub(crate) fn of(whole: Duration) -> Deadline {
        let whole = whole.min(LONGEST_DEADLINE);
        Deadline { at: Instant::now() + whole, whole }
    }

    /// The end of the wait for one thing: its own limit, or the whole call's.
    pub(crate) fn or_after(self, limit: Duration) -> Instant {
        self.at.min(Instant::now() + limit)
    }

    /// The same, but earlier by a tenth, and by at most `reserve`: what is left is for tidying up.
    pub(crate) fn less(self, reserve: Duration) -> Deadline {
        let less = reserve.min(self.whole / 10);
        Deadline { at: self.at - less, whole: self.whole - less }
    }

    /// The same, but at most `limit` from now.
    pub(crate) fn at_most(self, limit: Duration) -> Deadline {
        Deadline { at: self.or_after(limit), ..self }
    }

    /// Whether the time is over.
    pub(crate) fn is_over(self) -> bool {
        self.at <= Instant::now()
    }
}

fn sources<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

fn innermost(error: &reqwest::Error) -> String {
    sources(error).last().map(ToString::to_string).unwrap_or_default()
}

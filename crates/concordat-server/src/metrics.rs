//! Figures about the service, in Prometheus' text form. No ids stand in labels.
//!
//! What the API sees is counted here; what happens inside (how contracts end, what gates answer, what agents reply)
//! is counted by the engine and read at the moment of asking.

mod now;

use std::fmt::{self, Write as _};
use std::hash::{Hash, Hasher};
use std::time::Duration;

use axum::extract::MatchedPath;
use concordat_engine::Engine;
use http::{Method, StatusCode};
use now::Now;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

/// Everything that is counted.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    durations: Family<RouteLabel, Histogram, fn() -> Histogram>,
    submitted: Family<Status, Counter>,
    refused: Counter,
    pub(crate) streams: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    route: Route,
    method: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabel {
    route: Route,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Status {
    status: String,
}

/// A route's template, never the path itself; nothing for what matched no route.
#[derive(Debug, Clone)]
struct Route(Option<MatchedPath>);

impl Route {
    fn as_str(&self) -> &str {
        self.0.as_ref().map_or("none", MatchedPath::as_str)
    }
}

impl PartialEq for Route {
    fn eq(&self, other: &Route) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Route {}

impl Hash for Route {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl EncodeLabelValue for Route {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        match self.as_str().split_once(crate::verb::INSIDE) {
            Some((path, verb)) => write!(encoder, "{path}:{verb}"),
            None => encoder.write_str(self.as_str()),
        }
    }
}

/// From half a millisecond to ten seconds.
const BUCKETS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

impl Metrics {
    pub(crate) fn new(engine: &Engine) -> Metrics {
        let mut registry = Registry::with_prefix("concordat");
        let requests = Family::<Request, Counter>::default();
        let durations: Family<RouteLabel, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(BUCKETS));
        let submitted = Family::<Status, Counter>::default();
        let refused = Counter::default();
        let streams = Gauge::default();
        registry.register("http_requests", "Requests answered, by route and status", requests.clone());
        registry.register_with_unit(
            "http_request_duration",
            "How long requests took until their answer began",
            Unit::Seconds,
            durations.clone(),
        );
        registry.register(
            "contracts_accepted",
            "Contracts taken in, by their status at that moment",
            submitted.clone(),
        );
        registry.register("access_refusals", "Requests that the access gate did not permit", refused.clone());
        registry.register("sse_connections", "Open streams of events", streams.clone());
        registry.register("build", "What is running", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        let revision = engine.policy_revision().to_string();
        registry.register("policy_revision", "The policy in force", Info::new([("revision", revision)]));
        registry.register_collector(Box::new(Now(engine.clone())));
        Metrics { registry, requests, durations, submitted, refused, streams }
    }

    /// A request was answered.
    pub(crate) fn served(
        &self,
        route: Option<MatchedPath>,
        method: &Method,
        status: StatusCode,
        took: Duration,
    ) {
        let route = Route(route);
        let request = Request { route: route.clone(), method: known(method), status: status.as_u16() };
        self.requests.get_or_create(&request).inc();
        self.durations.get_or_create(&RouteLabel { route }).observe(took.as_secs_f64());
    }

    /// A contract was taken in.
    pub(crate) fn accepted(&self, status: &str) {
        self.submitted.get_or_create(&Status { status: status.to_owned() }).inc();
    }

    /// The access gate did not permit something.
    pub(crate) fn forbidden(&self) {
        self.refused.inc();
    }

    /// Everything, in Prometheus' text form.
    pub(crate) fn text(&self) -> Result<String, fmt::Error> {
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }
}

/// A method's name; whatever a client makes up is one more name, not many.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

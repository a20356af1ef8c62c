//! Figures about the service, in Prometheus' text form. No ids stand in labels.
//!
//! What the API sees is counted here; what happens inside (how contracts end, what gates answer, what agents reply)
//! is counted by the engine and read at the moment of asking.

use std::fmt::{self, Write as _};
use std::hash::{Hash, Hasher};
use std::time::Duration;

use axum::extract::MatchedPath;
use concordat_engine::Engine;
use http::{Method, StatusCode};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeLabelValue, EncodeMetric, LabelValueEncoder, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
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

/// What the engine and the system say at the moment of asking.
struct Now(Engine);

impl fmt::Debug for Now {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Now")
    }
}

impl Collector for Now {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let mut gauge = |name: &str, help: &str, unit: Option<&Unit>, value: i64| {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?)
        };
        let log_size = *self.0.log_size().borrow();
        gauge("contracts_active", "Contracts that are not over", None, signed(self.0.open_runs() as u64))?;
        gauge(
            "audit_entries",
            "Records in the log, durable and covered by a checkpoint",
            None,
            signed(log_size),
        )?;
        gauge("reviews_open", "Questions that wait for people", None, signed(self.0.open_reviews() as u64))?;
        gauge("engine_halted", "1 when no work is taken in", None, i64::from(self.0.halted().is_some()))?;
        let limits = self.0.limits();
        gauge("calls_in_flight", "Calls to agents under way", None, i64::from(limits.calls))?;
        let waiting = signed(limits.waiting as u64);
        gauge("steps_waiting", "Steps that could run and wait for an agent", None, waiting)?;
        let open = signed(limits.breakers_open as u64);
        gauge("breakers_open", "Circuit breakers that let nothing pass", None, open)?;
        let half_open = signed(limits.breakers_half_open as u64);
        gauge("breakers_half_open", "Circuit breakers that let one call try", None, half_open)?;
        if let Some(bytes) = resident() {
            gauge("process_resident_memory", "Memory in use", Some(&Unit::Bytes), signed(bytes))?;
        }
        self.figures(&mut encoder)
    }
}

impl Now {
    /// What the engine counted.
    fn figures(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let figures = self.0.figures();
        let decisions = figures
            .decisions
            .iter()
            .map(|((gate, answer), n)| ([("gate", gate.as_str()), ("answer", *answer)], *n));
        family(encoder, "decisions", "Answers of gates", decisions)?;
        let ended = figures.ended.iter().map(|(status, n)| ([("status", *status)], *n));
        family(encoder, "contracts", "Contracts that came to their end", ended)?;
        let answers = figures.answers.iter().map(|(kind, n)| ([("kind", *kind)], *n));
        family(encoder, "agent_answers", "What came back from agents", answers)?;
        let help = "How long agents took in all";
        let counter =
            encoder.encode_descriptor("agent_answering", help, Some(&Unit::Seconds), MetricType::Counter)?;
        ConstCounter::new(figures.answering.as_secs_f64()).encode(counter)?;
        let help = "How often circuit breakers opened";
        let counter = encoder.encode_descriptor("breaker_openings", help, None, MetricType::Counter)?;
        ConstCounter::new(self.0.limits().breaker_openings).encode(counter)?;
        let shed = self.0.shed();
        let shed = shed.iter().map(|(what, n)| ([("because_of", what.as_str())], *n));
        family(encoder, "submissions_shed", "Submissions refused because there was too much to do", shed)?;
        let counter =
            encoder.encode_descriptor("trust_changes", "Changes of trust", None, MetricType::Counter)?;
        ConstCounter::new(figures.trust_changes).encode(counter)
    }
}

/// One counter for each set of labels.
fn family<'a, const N: usize>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    counts: impl Iterator<Item = ([(&'static str, &'a str); N], u64)>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (labels, count) in counts {
        ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

/// The memory that the process holds, where the system tells.
fn resident() -> Option<u64> {
    let told = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = told.split(' ').nth(1)?.parse().ok()?;
    // Linux runs on pages of 4 KiB wherever Concordat is built for.
    pages.checked_mul(4096)
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

//! What every handler works with, and what an operator may set.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use concordat_engine::{Caller, Engine};
use concordat_ledger::Verifier;
use concordat_model::id::AgentId;
use concordat_policy::Asked;
use concordat_policy::bundle::archive::Trusted;
use concordat_policy::input::{Action, Resource, ResourceKind};
use http::Uri;
use tokio::sync::{Semaphore, watch};

use crate::metrics::Metrics;
use crate::refusal::Refusal;
use crate::reports::Reports;
use crate::{openapi, routes};

/// What an operator may set.
#[derive(Debug, Clone)]
pub struct Config {
    /// The names under which clients reach this server, besides those of the loopback and the listener's own
    /// address: without ports, such as `concordat.example`.
    pub hosts: Vec<String>,
    /// Where clients reach this server, such as `https://concordat.example`, for what tells them so. Without it, that
    /// is the name that they used.
    pub public_url: Option<String>,
    /// Whose signatures of policy bundles count, and whether there has to be one.
    pub bundles: Trusted,
    /// The log's public keys, for reports.
    pub log_keys: Vec<Verifier>,
    /// The most connections at a time.
    pub connections: usize,
    /// The most connections at a time from one address.
    pub connections_per_address: usize,
    /// The most streams of events at a time.
    pub streams: usize,
    /// How long a client may take to send its headers.
    pub header_patience: Duration,
    /// How long requests may take to finish once the server stops.
    pub drain: Duration,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            hosts: Vec::new(),
            public_url: None,
            bundles: Trusted::default(),
            log_keys: Vec::new(),
            connections: 1024,
            connections_per_address: 256,
            streams: 256,
            header_patience: Duration::from_secs(5),
            drain: Duration::from_secs(20),
        }
    }
}

/// What every handler works with.
pub(crate) struct App {
    pub(crate) engine: Engine,
    pub(crate) hosts: Vec<String>,
    pub(crate) public_url: Option<String>,
    /// Whose signatures of policy bundles count.
    pub(crate) bundles: Trusted,
    /// The log's public keys.
    pub(crate) log_keys: Vec<Verifier>,
    /// Reports that are being made or wait to be fetched.
    pub(crate) reports: Arc<Reports>,
    pub(crate) metrics: Metrics,
    /// The description of the API, as it is served.
    pub(crate) description: Bytes,
    /// Streams that may still be opened.
    pub(crate) streams: Arc<Semaphore>,
    /// Becomes true when the server stops: streams end then.
    pub(crate) stopping: watch::Sender<bool>,
}

/// The state of every route.
pub(crate) type Shared = Arc<App>;

impl App {
    pub(crate) fn new(engine: Engine, config: &Config) -> App {
        let loopback = ["localhost", "127.0.0.1", "[::1]"];
        let public = config.public_url.as_deref().and_then(|url| url.parse::<Uri>().ok());
        let public = public.as_ref().and_then(Uri::host);
        let hosts = config.hosts.iter().map(String::as_str).chain(public).map(str::to_ascii_lowercase);
        App {
            log_keys: config.log_keys.clone(),
            reports: Arc::new(Reports::new()),
            metrics: Metrics::new(&engine),
            engine,
            hosts: loopback.into_iter().map(str::to_owned).chain(hosts).collect(),
            public_url: config.public_url.clone(),
            bundles: config.bundles.clone(),
            description: openapi::describe(routes::all()).into(),
            streams: Arc::new(Semaphore::new(config.streams)),
            stopping: watch::Sender::new(false),
        }
    }

    /// The names of agents, by their ids.
    pub(crate) fn names(&self) -> impl Fn(AgentId) -> Option<String> + '_ {
        |id| Some(self.engine.agent(&id.to_string()).ok()?.registration.name.to_string())
    }

    /// Asks the access gate about something that belongs to the caller's own organisation.
    pub(crate) async fn permit_own(
        &self,
        who: &Caller,
        action: Action,
        kind: ResourceKind,
    ) -> Result<Asked, Refusal> {
        let tenant = Some(who.principal.tenant.clone());
        let resource = Resource { kind, id: None, tenant, submitter: None, gate: None };
        Ok(self.engine.permit(who, action, resource).await?)
    }

    /// Asks the access gate about something that belongs to the whole installation.
    pub(crate) async fn permit(
        &self,
        who: &Caller,
        action: Action,
        kind: ResourceKind,
        id: Option<String>,
    ) -> Result<Asked, Refusal> {
        let resource = Resource { kind, id, tenant: None, submitter: None, gate: None };
        Ok(self.engine.permit(who, action, resource).await?)
    }
}

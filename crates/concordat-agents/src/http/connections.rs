//! HTTP clients, one for each port that agents are reached on, and one for each origin that is shown a certificate.
//!
//! The client's resolver is told a name but no port, and the egress rule needs both (see `egress::guard`), so a
//! client serves one port. There are few ports in practice; when somebody registers agents on very many, old
//! clients go, which costs no more than new connections.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::Policy;

use super::limits::Limits;
use super::trouble::NotSent;
use crate::credentials::Shown;
use crate::egress::{Egress, Guard};

/// The most clients that are kept.
const MOST_CLIENTS: usize = 64;

/// How long an unused connection is kept. Shorter than the five seconds after which common servers hang up:
/// a request sent into a closing connection has an unknown outcome.
const KEEP_IDLE: Duration = Duration::from_secs(4);

/// Unused connections that are kept for one agent.
const KEEP_PER_AGENT: usize = 32;

/// A port, and the origin that a certificate is for.
type Place = (u16, Option<String>);

#[derive(Debug)]
pub(super) struct Connections {
    egress: Arc<Egress>,
    limits: Limits,
    by_place: Mutex<HashMap<Place, Client>>,
}

impl Connections {
    pub(super) fn new(egress: Arc<Egress>, limits: Limits) -> Connections {
        Connections { egress, limits, by_place: Mutex::default() }
    }

    /// The client for `port` and whoever is shown a certificate, built when it is asked for the first time.
    pub(super) fn to(&self, port: u16, shown: Option<&Shown>) -> Result<Client, NotSent> {
        let place = (port, shown.map(|shown| shown.origin().to_owned()));
        let mut clients = self.by_place.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&place) {
            return Ok(client.clone());
        }
        let client = self.build(port, shown).map_err(|why| NotSent::Client { why: why.to_string() })?;
        if clients.len() >= MOST_CLIENTS {
            clients.clear();
        }
        clients.insert(place, client.clone());
        Ok(client)
    }

    fn build(&self, port: u16, shown: Option<&Shown>) -> reqwest::Result<Client> {
        let client = Client::builder()
            .dns_resolver(Arc::new(Guard::new(self.egress.clone(), port)))
            .redirect(Policy::none())
            .no_proxy()
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .http1_max_headers(self.limits.headers)
            .connect_timeout(self.limits.connect)
            .pool_idle_timeout(KEEP_IDLE)
            .pool_max_idle_per_host(KEEP_PER_AGENT)
            .tcp_nodelay(true)
            .user_agent(concat!("concordat/", env!("CARGO_PKG_VERSION")));
        match shown {
            Some(shown) => shown.by(client),
            None => client,
        }
        .build()
    }
}

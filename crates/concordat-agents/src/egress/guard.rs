//! The rule at the moment of connecting: a name is resolved, and refused whole if any address of it is closed.
//!
//! One good address beside a bad one is how rebinding attacks look, so nothing is filtered out. The HTTP client
//! tells its resolver a name but no port, and our own sockets are known by port: so each guard is made for one
//! port. The client skips its resolver for literal addresses; those are checked before it is asked.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::{Egress, Endpoint, Forbidden};

/// Resolves names for connections to one port.
#[derive(Debug, Clone)]
pub struct Guard {
    egress: Arc<Egress>,
    port: u16,
}

/// Why a name was not resolved.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unresolved {
    #[error("`{name}` is not a host name")]
    NotAName { name: String },
    #[error("`{name}` has no address")]
    Empty { name: String },
    #[error("`{name}` was not resolved: {why}")]
    Failed { name: String, why: std::io::Error },
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
}

impl Guard {
    /// A guard of connections to this port.
    #[must_use]
    pub fn new(egress: Arc<Egress>, port: u16) -> Guard {
        Guard { egress, port }
    }

    /// All addresses of `name`, or the reason why not even one may be used.
    pub(crate) fn vet(&self, name: &str, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Unresolved> {
        let endpoint = Endpoint::parse(&format!("https://{name}:{}/", self.port))
            .map_err(|_| Unresolved::NotAName { name: name.to_owned() })?;
        if found.is_empty() {
            return Err(Unresolved::Empty { name: name.to_owned() });
        }
        for address in &found {
            self.egress.check_address(endpoint.host_port(), address.ip())?;
        }
        Ok(found)
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let name = name.as_str();
            let found = tokio::net::lookup_host((name, guard.port))
                .await
                .map_err(|why| Unresolved::Failed { name: name.to_owned(), why })?;
            let vetted = guard.vet(name, found.collect())?;
            Ok(Box::new(vetted.into_iter()) as Addrs)
        })
    }
}

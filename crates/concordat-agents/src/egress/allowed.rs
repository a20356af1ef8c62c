//! What an operator opens beyond `https` to public addresses: one place, or a network of the organisation's own.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

use super::{BadEndpoint, HostPort, Range};

/// Where agents may live because an operator said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    /// One host and port: it may lie in a private, shared or loopback range, and be reached by plain `http`.
    Place(HostPort),
    /// A network in a private or shared range, such as `10.20.0.0/16`: by `https`, on every port.
    Network(IpNet),
}

/// A text that opens nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAllowed {
    /// Not a host and a port.
    #[error(transparent)]
    Place(#[from] BadEndpoint),
    /// Not a network.
    #[error("`{0}` is not a network; hint: write it as `10.20.0.0/16` or `fd12::/16`")]
    Form(String),
    /// More than, or other than, a network of one's own.
    #[error("`{0}` is not within a private or shared range; hint: only networks of one's own can be opened")]
    Wide(IpNet),
}

impl Allowed {
    /// Whether the operator named this place.
    pub(super) fn names(&self, host: &HostPort) -> bool {
        matches!(self, Allowed::Place(place) if place == host)
    }

    /// Whether the address, without any disguise, is of a network that the operator named.
    pub(super) fn holds(&self, address: IpAddr) -> bool {
        matches!(self, Allowed::Network(network) if network.contains(&address))
    }
}

impl FromStr for Allowed {
    type Err = BadAllowed;

    fn from_str(text: &str) -> Result<Allowed, BadAllowed> {
        if !text.contains('/') {
            return Ok(Allowed::Place(text.parse()?));
        }
        let network: IpNet = text.parse().map_err(|_| BadAllowed::Form(text.to_owned()))?;
        // What lies between two addresses of one closed range is of that range: the ranges are blocks themselves.
        let own = |address| matches!(Range::of(address), Some(Range::Private | Range::Shared));
        if own(network.network()) && own(network.broadcast()) {
            Ok(Allowed::Network(network.trunc()))
        } else {
            Err(BadAllowed::Wide(network))
        }
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Allowed::Place(place) => place.fmt(f),
            Allowed::Network(network) => network.fmt(f),
        }
    }
}

impl serde::Serialize for Allowed {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

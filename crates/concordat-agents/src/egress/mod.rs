//! May this endpoint be contacted?
//!
//! Agents' addresses come from people who register agents, so they are input like any other: without this rule
//! an "agent" could be our own database or the cloud's metadata service. The rule is asked three times: when
//! an endpoint is registered, before each call, and with the addresses that its name resolves to at the moment
//! of connecting, because a name may answer differently each time it is asked.
//!
//! ```text
//!   text --Endpoint::parse--> Endpoint --Egress::check--> scheme, literal address, own sockets
//!                                            |
//!                             connect: Guard (DNS) --Egress::check_address--> every address of the name
//! ```
//!
//! Not here: pinning an agent's origin to what was registered, which is the registry's business.

mod address;
mod allowed;
mod endpoint;
mod guard;

#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};

pub use address::Range;
pub use allowed::{Allowed, BadAllowed};
pub use endpoint::{BadEndpoint, Endpoint, Host, HostPort};
pub use guard::Guard;

/// What an operator allows beyond `https` to public addresses, and what stays closed whatever is allowed.
#[derive(Debug, Clone, Default)]
pub struct Egress {
    /// Lets agents live on this machine: literal loopback addresses and `localhost`, also by plain `http`.
    pub allow_loopback: bool,
    /// Places and networks of the organisation's own.
    pub allow: Vec<Allowed>,
    /// Our own listening, database and queue sockets. An unspecified address (`0.0.0.0`) stands for every
    /// loopback address of that port; the machine's other addresses are named one by one.
    pub deny: Vec<SocketAddr>,
}

/// Why an endpoint may not be contacted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// Plain `http` without an operator's rule.
    #[error(
        "`{host}` is reached by plain http; hint: use https, or let an operator allow this host and port"
    )]
    PlainHttp {
        /// The host and port that were asked for.
        host: HostPort,
    },
    /// A name of this machine, while loopback is closed.
    #[error("`{host}` is a name of this machine; hint: let an operator allow loopback")]
    ThisMachine {
        /// The host and port that were asked for.
        host: HostPort,
    },
    /// An address in a range that is not the public internet.
    #[error("`{host}` leads to `{address}`, which is {range}{}", range.way_out())]
    Range {
        /// The host and port that were asked for.
        host: HostPort,
        /// The address behind it.
        address: IpAddr,
        /// The range that the address lies in.
        range: Range,
    },
    /// One of our own sockets.
    #[error("`{host}` leads to `{address}`, which is one of our own sockets")]
    OwnSocket {
        /// The host and port that were asked for.
        host: HostPort,
        /// The socket behind it.
        address: SocketAddr,
    },
}

impl Egress {
    /// Decides what can be decided without asking the network: scheme, names of this machine, literal addresses.
    ///
    /// # Errors
    /// [`Forbidden`] names the first reason against the endpoint.
    pub fn check(&self, endpoint: &Endpoint) -> Result<(), Forbidden> {
        let host = endpoint.host_port();
        let open = self.allows(host) || (self.allow_loopback && host.is_this_machine());
        match host.host() {
            Host::Address(address) => self.check_address(host, *address)?,
            Host::Name(_) if host.is_this_machine() && !open => {
                return Err(Forbidden::ThisMachine { host: host.clone() });
            }
            Host::Name(_) => {}
        }
        if endpoint.is_https() || open { Ok(()) } else { Err(Forbidden::PlainHttp { host: host.clone() }) }
    }

    /// Decides about one address of `host`: the literal one, or one that its name resolved to.
    ///
    /// # Errors
    /// [`Forbidden`] when the address is one of our own sockets or in a range that is closed for this host.
    pub fn check_address(&self, host: &HostPort, address: IpAddr) -> Result<(), Forbidden> {
        let plain = address.to_canonical();
        if self.deny.iter().any(|own| own.port() == host.port() && is_same_machine(own.ip(), plain)) {
            return Err(Forbidden::OwnSocket {
                host: host.clone(),
                address: SocketAddr::new(address, host.port()),
            });
        }
        let Some(range) = Range::of(address) else { return Ok(()) };
        let open = match range {
            Range::Loopback => self.allows(host) || (self.allow_loopback && host.is_this_machine()),
            Range::Private | Range::Shared => {
                self.allows(host) || self.allow.iter().any(|allowed| allowed.holds(address))
            }
            Range::LinkLocal | Range::Multicast | Range::Unspecified | Range::Embedded | Range::Reserved => {
                false
            }
        };
        if open { Ok(()) } else { Err(Forbidden::Range { host: host.clone(), address, range }) }
    }

    fn allows(&self, host: &HostPort) -> bool {
        self.allow.iter().any(|allowed| allowed.names(host))
    }
}

/// Whether connecting to `asked` may arrive at a socket that listens on `own`.
fn is_same_machine(own: IpAddr, asked: IpAddr) -> bool {
    let own = own.to_canonical();
    own == asked || (own.is_unspecified() && asked.is_loopback())
}

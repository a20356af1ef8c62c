//! Records by syslog: RFC 5424 messages, one a record, by TCP (RFC 6587), TLS (RFC 5425) or UDP (RFC 5426).
//!
//! Syslog has no word for "I have it". So each batch has a connection of its own: we end it, and the receiver, which
//! reads until that end, closes its side. Where it breaks off instead, everything is sent again. By UDP nobody knows
//! what arrived; that is said once when it begins.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use concordat_agents::egress::{Egress, Endpoint, Host, HostPort};
use concordat_ledger::Record;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;

use super::{NotTaken, denied, unreadable};
use crate::forms::{Form, Message};

/// Most bytes of a datagram, over IPv4.
const MOST_DATAGRAM: usize = 65_507;
/// Most bytes that a receiver may say, which is nothing in syslog.
const MOST_SAID: u64 = 64 * 1024;

/// How messages travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Encrypted, to a receiver that proves its name.
    Tls,
    /// In the open, in order.
    Tcp,
    /// In the open, each for itself.
    Udp,
}

impl Way {
    /// The way that an address begins with, and the rest of it.
    pub(super) fn of(text: &str) -> Option<(Way, &str)> {
        let ways = [("syslog+tls://", Way::Tls), ("syslog+tcp://", Way::Tcp), ("syslog+udp://", Way::Udp)];
        ways.into_iter().find_map(|(start, way)| {
            let host = text.strip_prefix(start)?;
            Some((way, host.strip_suffix('/').unwrap_or(host)))
        })
    }
}

/// A receiver by syslog.
pub struct Syslog {
    way: Way,
    host: HostPort,
    form: Form,
    egress: Arc<Egress>,
    tls: Option<TlsConnector>,
}

impl std::fmt::Debug for Syslog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Syslog").field("way", &self.way).field("host", &self.host).finish_non_exhaustive()
    }
}

impl Syslog {
    pub(super) fn new(
        way: Way,
        host: HostPort,
        form: Form,
        egress: Arc<Egress>,
        authorities: Option<&[u8]>,
    ) -> Result<Syslog, String> {
        // The same rule as for agents: in the open only where an operator allows this very host and port.
        let scheme = if way == Way::Tls { "https" } else { "http" };
        let endpoint = Endpoint::parse(&format!("{scheme}://{host}/")).map_err(|error| error.to_string())?;
        egress.check(&endpoint).map_err(|error| match way {
            Way::Tls => denied(&error, &host),
            Way::Tcp | Way::Udp => format!(
                "`{host}` is reached in the open; hint: use `syslog+tls://`, or allow it with `--allow {host}` ({error})"
            ),
        })?;
        let tls = (way == Way::Tls).then(|| connector(authorities)).transpose()?;
        Ok(Syslog { way, host, form, egress, tls })
    }

    pub(super) async fn hand(&self, batch: &[(u64, Record)]) -> Result<Option<String>, NotTaken> {
        let messages = self.form.messages(batch).map_err(|error| unreadable(&error))?;
        let addresses = self.addresses().await?;
        if self.way == Way::Udp {
            return self.datagrams(&addresses, &messages).await;
        }
        let framed: String = messages.iter().map(Message::framed).collect();
        let failed = |why: io::Error| NotTaken::yet(format!("the receiver broke off: {why}"));
        let stream = self.connect(&addresses).await?;
        match (&self.tls, self.name()) {
            (Some(tls), Some(name)) => {
                let stream = tls.connect(name, stream).await;
                let stream = stream.map_err(|why| NotTaken::yet(format!("there is no TLS: {why}")))?;
                deliver(stream, framed.as_bytes()).await.map_err(failed)?;
            }
            (Some(_), None) => return Err(NotTaken::Ever("TLS needs a receiver with a name".to_owned())),
            (None, _) => deliver(stream, framed.as_bytes()).await.map_err(failed)?,
        }
        Ok(None)
    }

    fn name(&self) -> Option<ServerName<'static>> {
        match self.host.host() {
            Host::Name(name) => ServerName::try_from(name.clone()).ok(),
            Host::Address(address) => Some(ServerName::IpAddress((*address).into())),
        }
    }

    /// Every address of the receiver, or none of them.
    async fn addresses(&self) -> Result<Vec<SocketAddr>, NotTaken> {
        let unknown = |why: &str| NotTaken::yet(format!("the receiver `{}` is not found: {why}", self.host));
        let found: Vec<SocketAddr> = match self.host.host() {
            Host::Address(address) => vec![SocketAddr::new(*address, self.host.port())],
            Host::Name(name) => {
                let found = tokio::net::lookup_host((name.as_str(), self.host.port())).await;
                found.map_err(|why| unknown(&why.to_string()))?.collect()
            }
        };
        for address in &found {
            let checked = self.egress.check_address(&self.host, address.ip());
            checked.map_err(|error| unknown(&error.to_string()))?;
        }
        if found.is_empty() { Err(unknown("it has no address")) } else { Ok(found) }
    }

    async fn connect(&self, addresses: &[SocketAddr]) -> Result<TcpStream, NotTaken> {
        let stream = TcpStream::connect(addresses).await;
        stream.map_err(|why| NotTaken::yet(format!("the receiver cannot be reached: {why}")))
    }

    async fn datagrams(
        &self,
        addresses: &[SocketAddr],
        messages: &[Message],
    ) -> Result<Option<String>, NotTaken> {
        let failed = |why: io::Error| NotTaken::yet(format!("the receiver cannot be reached: {why}"));
        let here: IpAddr = match addresses.first() {
            Some(SocketAddr::V6(_)) => Ipv6Addr::UNSPECIFIED.into(),
            _ => Ipv4Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((here, 0)).await.map_err(failed)?;
        socket.connect(addresses).await.map_err(failed)?;
        let mut large = 0;
        for message in messages {
            let mut text = message.text();
            if text.len() > MOST_DATAGRAM {
                text = message.too_long();
                large += 1;
            }
            socket.send(text.as_bytes()).await.map_err(failed)?;
        }
        let told = format!(
            "{large} records are too long for a datagram and were told without their text; hint: use `syslog+tcp://`"
        );
        Ok((large > 0).then_some(told))
    }
}

/// Writes everything, ends, and waits until the receiver ends as well.
async fn deliver(mut stream: impl AsyncRead + AsyncWrite + Unpin, content: &[u8]) -> io::Result<()> {
    stream.write_all(content).await?;
    stream.shutdown().await?;
    match tokio::io::copy(&mut stream.take(MOST_SAID), &mut tokio::io::sink()).await {
        Ok(MOST_SAID) => Err(io::Error::other("it talks instead of listening")),
        Ok(_) => Ok(()),
        // Many close a TLS connection without a word, which nobody can mistake for a message here.
        Err(why) if why.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
        Err(why) => Err(why),
    }
}

fn connector(authorities: Option<&[u8]>) -> Result<TlsConnector, String> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    let builder = match authorities {
        None => builder.with_platform_verifier().map_err(|error| error.to_string())?,
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            for authority in CertificateDer::pem_slice_iter(pem) {
                let authority =
                    authority.map_err(|error| format!("the authorities cannot be read: {error:?}"))?;
                roots.add(authority).map_err(|error| error.to_string())?;
            }
            builder.with_root_certificates(roots)
        }
    };
    Ok(TlsConnector::from(Arc::new(builder.with_no_client_auth())))
}

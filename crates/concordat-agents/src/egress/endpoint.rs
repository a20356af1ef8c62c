//! An agent's endpoint, parsed once and decided on as parsed.
//!
//! Two parsers that read one text differently are how such rules are broken, so the text is read by the `url`
//! crate that the HTTP client uses as well, and nobody looks at the text again.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::Url;

use crate::credentials::Credentials;

/// The longest endpoint that is read, in bytes.
const LONGEST: usize = 2048;

/// The base address of an agent: `http` or `https`, no credentials, no query, no fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
    host_port: HostPort,
    /// What the agent there knows us by, where that is its own.
    credentials: Option<Credentials>,
}

/// Why a text is not an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadEndpoint {
    /// The text is longer than 2048 bytes.
    #[error("the endpoint has {length} bytes; at most 2048 are read")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// Spaces, control characters and backslashes, which URL parsers drop or turn silently.
    #[error("the endpoint `{}` holds a space, a control character or a backslash", .text.escape_debug())]
    Characters {
        /// The text as it came.
        text: String,
    },
    /// The text is not an absolute URL.
    #[error("`{text}` is not a URL: {why}")]
    NotAUrl {
        /// The text as it came.
        text: String,
        /// What the URL parser said.
        why: String,
    },
    /// The scheme is neither `http` nor `https`.
    #[error("`{text}` has the scheme `{scheme}`; agents are reached by https")]
    Scheme {
        /// The text as it came.
        text: String,
        /// The scheme in it.
        scheme: String,
    },
    /// The URL carries a user name or a password, which are not repeated here.
    #[error("the endpoint of `{host}` carries credentials; hint: give them to the registry, not to the URL")]
    Credentials {
        /// The host in the URL.
        host: String,
    },
    /// The URL has a query or a fragment.
    #[error("`{text}` has a query or a fragment; an endpoint ends with its path")]
    Tail {
        /// The text as it came.
        text: String,
    },
    /// A host without a port, or port 0.
    #[error("`{text}` names no port that can be reached; write `host:port` with a port of 1 to 65535")]
    Port {
        /// The text as it came.
        text: String,
    },
}

impl Endpoint {
    /// Reads an endpoint such as `https://agents.example/credit`.
    ///
    /// # Errors
    /// [`BadEndpoint`] says what an endpoint may not hold.
    pub fn parse(text: &str) -> Result<Endpoint, BadEndpoint> {
        if text.len() > LONGEST {
            return Err(BadEndpoint::TooLong { length: text.len() });
        }
        if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
            return Err(BadEndpoint::Characters { text: text.to_owned() });
        }
        let url = Url::parse(text)
            .map_err(|why| BadEndpoint::NotAUrl { text: text.to_owned(), why: why.to_string() })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(BadEndpoint::Scheme { text: text.to_owned(), scheme: url.scheme().to_owned() });
        }
        let host = url.host_str().unwrap_or_default();
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BadEndpoint::Credentials { host: host.to_owned() });
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(BadEndpoint::Tail { text: text.to_owned() });
        }
        let host = Host::from_url(host);
        match url.port_or_known_default() {
            Some(port) if port > 0 => {
                Ok(Endpoint { url, host_port: HostPort { host, port }, credentials: None })
            }
            _ => Err(BadEndpoint::Port { text: text.to_owned() }),
        }
    }

    /// The host and the port, the scheme's own port where none was written.
    #[must_use]
    pub fn host_port(&self) -> &HostPort {
        &self.host_port
    }

    /// Whether the connection is encrypted.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The same of an agent that has credentials of its own.
    pub(crate) fn known_by(self, credentials: Option<Credentials>) -> Endpoint {
        Endpoint { credentials, ..self }
    }

    /// What the agent there knows us by, where that is its own.
    pub(crate) fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// The endpoint itself.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// The address of something below the endpoint: `https://a.example/credit` and `execute` give
    /// `https://a.example/credit/execute`.
    pub(crate) fn below(&self, name: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("{}/{name}", self.url.path().trim_end_matches('/')));
        url
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

/// A host as the URL parser understood it: `0x7f.1` is an address by now.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name in lower case, without a dot at its end.
    Name(String),
    /// A literal address.
    Address(IpAddr),
}

impl Host {
    fn from_url(host: &str) -> Host {
        let six = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if let Some(address) = six.and_then(|text| text.parse::<Ipv6Addr>().ok()) {
            return Host::Address(address.into());
        }
        match host.parse::<Ipv4Addr>() {
            Ok(address) => Host::Address(address.into()),
            Err(_) => Host::Name(host.trim_end_matches('.').to_ascii_lowercase()),
        }
    }
}

/// A host with its port, as `agents.example:8443` or `[::1]:8001`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPort {
    host: Host,
    port: u16,
}

impl HostPort {
    /// The host.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port, 1 to 65535.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether this is `localhost`, a name below it, or a literal loopback address.
    #[must_use]
    pub fn is_this_machine(&self) -> bool {
        match &self.host {
            Host::Name(name) => name == "localhost" || name.ends_with(".localhost"),
            Host::Address(address) => address.is_loopback(),
        }
    }
}

impl std::str::FromStr for HostPort {
    type Err = BadEndpoint;

    fn from_str(text: &str) -> Result<HostPort, BadEndpoint> {
        let without_port = || BadEndpoint::Port { text: text.to_owned() };
        let (host, port) = text.rsplit_once(':').ok_or_else(without_port)?;
        let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(without_port)?;
        let endpoint = Endpoint::parse(&format!("https://{host}/"))?;
        let second_port = host.contains(':') && !host.ends_with(']');
        if second_port || endpoint.url.path() != "/" {
            return Err(without_port());
        }
        Ok(HostPort { host: endpoint.host_port.host, port })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Name(name) => write!(f, "{name}:{}", self.port),
            Host::Address(IpAddr::V4(four)) => write!(f, "{four}:{}", self.port),
            Host::Address(IpAddr::V6(six)) => write!(f, "[{six}]:{}", self.port),
        }
    }
}

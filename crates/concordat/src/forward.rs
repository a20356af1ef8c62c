//! The way of records to other programs: webhooks and collectors by HTTP, and syslog.
//!
//! ```text
//!   records ─▶ Form ─▶ Receiver ─┬─ POST, signed if there is a secret ──▶ 2xx: it has them
//!                                ├─ syslog by TCP or TLS ──▶ it closes after our end: it has read them
//!                                └─ syslog by UDP ──▶ nobody knows
//! ```
//!
//! A receiver's address is checked by the rule for agents' addresses, so that a slip of the pen leads into nobody's
//! own network. What is to be done when a receiver does not take something is for the caller; this room only says
//! whether a later try may go better.

pub mod syslog;
pub mod webhook;

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use concordat_agents::egress::{BadEndpoint, Egress, Forbidden, HostPort};
use concordat_ledger::Record;
use concordat_ledger::record::RecordError;
use reqwest::Url;

use crate::forms::Form;
use syslog::{Syslog, Way};
use webhook::Webhook;

/// How long a receiver may take for everything that it is sent together.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where records go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// By HTTP, to this address.
    Http(Url),
    /// By syslog, to this host and port.
    Syslog(Way, HostPort),
}

/// An address that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadDestination {
    /// The part after `syslog+…://` is not a host with a port.
    #[error(transparent)]
    Host(#[from] BadEndpoint),
    /// It is of another kind.
    #[error(
        "`{0}` is no address that records can go to; hint: `https://…`, `syslog+tls://host:port`, `syslog+tcp://…` or `syslog+udp://…`"
    )]
    Kind(String),
}

impl FromStr for Destination {
    type Err = BadDestination;

    fn from_str(text: &str) -> Result<Destination, BadDestination> {
        let kind = || BadDestination::Kind(text.to_owned());
        if let Some((way, host)) = Way::of(text) {
            return Ok(Destination::Syslog(way, host.parse()?));
        }
        let url = Url::parse(text).map_err(|_| kind())?;
        if matches!(url.scheme(), "http" | "https") { Ok(Destination::Http(url)) } else { Err(kind()) }
    }
}

/// Why records were not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// A later try may go better; perhaps the receiver said how much later.
    #[error("{why}")]
    Yet {
        /// Why not now.
        why: String,
        /// When the receiver wants to be asked again.
        after: Option<Duration>,
    },
    /// No try will go better.
    #[error("{0}")]
    Ever(String),
}

impl NotTaken {
    /// It may go better later.
    pub(crate) fn yet(why: impl Into<String>) -> NotTaken {
        NotTaken::Yet { why: why.into(), after: None }
    }
}

/// How a receiver is spoken to, besides its address.
#[derive(Debug, Clone, Default)]
pub struct Manners {
    /// What a receiver's address may be.
    pub egress: Egress,
    /// A header for receivers by HTTP.
    pub header: Option<(String, String)>,
    /// The secrets that requests are signed with.
    pub secrets: Vec<webhook::Secret>,
    /// The certificates of the authorities that count, as PEM; the machine's own where there are none.
    pub authorities: Option<Vec<u8>>,
}

/// Somebody who takes records.
#[derive(Debug)]
pub enum Receiver {
    /// By HTTP.
    Http(Webhook),
    /// By syslog.
    Syslog(Syslog),
}

impl Receiver {
    /// The receiver at this address.
    ///
    /// # Errors
    /// What keeps records from going there whatever happens.
    pub fn new(to: &Destination, form: Form, manners: Manners) -> Result<Receiver, String> {
        let egress = Arc::new(manners.egress.clone());
        match to {
            Destination::Http(url) => Webhook::new(url.clone(), form, manners, egress).map(Receiver::Http),
            Destination::Syslog(..) if manners.header.is_some() || !manners.secrets.is_empty() => {
                Err("a header or a secret is for receivers by http; hint: leave it out for syslog".to_owned())
            }
            Destination::Syslog(way, host) => {
                let authorities = manners.authorities.as_deref();
                Syslog::new(*way, host.clone(), form, egress, authorities).map(Receiver::Syslog)
            }
        }
    }

    /// Hands records over once; `now` is the time in seconds. What is told besides is for people.
    ///
    /// # Errors
    /// They were not taken, or it is not known whether they were.
    pub async fn hand(&self, batch: &[(u64, Record)], now: i64) -> Result<Option<String>, NotTaken> {
        let handed = async {
            match self {
                Receiver::Http(webhook) => webhook.hand(batch, now).await,
                Receiver::Syslog(syslog) => syslog.hand(batch).await,
            }
        };
        let late = || NotTaken::yet(format!("the receiver takes more than {} s", PATIENCE.as_secs()));
        tokio::time::timeout(PATIENCE, handed).await.map_err(|_| late())?
    }
}

/// An address is closed, and how it is opened here.
fn denied(why: &Forbidden, host: &HostPort) -> String {
    format!("{why}; where that is meant, `--allow {host}` or, for this machine, `--allow-loopback`")
}

/// A record of which no form can be made is no receiver's fault.
fn unreadable(error: &RecordError) -> NotTaken {
    NotTaken::Ever(error.to_string())
}

#[cfg(test)]
mod tests;

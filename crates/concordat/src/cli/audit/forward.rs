//! `audit forward`: the log as it grows, to another program.
//!
//! Whoever forwards keeps a cursor in a file, and moves it on only after the receiver has taken what was sent. So
//! nothing is left out whatever breaks, and after a break something may be sent twice: each record has its id and its
//! index. Where nobody can know what was taken (syslog by UDP), that is said.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use concordat_agents::egress::{Allowed, Egress};
use concordat_engine::ports::{Clock as _, SystemClock};
use concordat_ledger::Record;

use super::super::exit::Exit;
use super::super::failure::Failure;
use super::super::session::Session;
use super::tail::{MOST, Wanted, next};
use crate::forward::syslog::Way;
use crate::forward::webhook::Secret;
use crate::forward::{BadDestination, Destination, Manners, NotTaken, Receiver};
use crate::whole_file;

/// The pauses between two tries: the first, and the longest that nobody asked for.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(60));

#[derive(Debug, clap::Args)]
pub(in super::super) struct Forward {
    #[command(flatten)]
    wanted: Wanted,
    /// Where records go: `https://…`, such as a webhook or a collector's `/v1/logs`, or `syslog+tls://host:port`,
    /// `syslog+tcp://…` or `syslog+udp://…`, by which records may be lost. Redirects are not followed.
    #[arg(long, value_name = "ADDRESS", value_parser = destination)]
    to: Destination,
    /// The file that says how far the receiver has everything; it is made at the first record.
    #[arg(long, value_name = "FILE")]
    cursor: PathBuf,
    /// A file with one header for the receiver, such as `Authorization: Bearer …`.
    #[arg(long, value_name = "FILE")]
    header: Option<PathBuf>,
    /// A private file with `whsec_…` secrets, one a line: each request is signed with all of them, as Standard Webhooks
    /// says.
    #[arg(long, value_name = "FILE")]
    webhook_secret: Option<PathBuf>,
    /// A file with the certificates, as PEM, of the authorities that vouch for the receiver, in place of the machine's.
    #[arg(long, value_name = "FILE")]
    authorities: Option<PathBuf>,
    /// A host and port in a network of one's own, or reached in the open, where records may go all the same; or a whole
    /// network of one's own, such as `10.20.0.0/16`, in which they are encrypted.
    #[arg(long, value_name = "HOST:PORT|NETWORK")]
    allow: Vec<Allowed>,
    /// Lets the receiver live on this machine, and be reached in the open.
    #[arg(long)]
    allow_loopback: bool,
}

fn destination(text: &str) -> Result<Destination, BadDestination> {
    text.parse()
}

impl Forward {
    fn receiver(&self) -> Result<Receiver, Failure> {
        let header = self.header.as_deref().map(header).transpose()?;
        let authorities =
            self.authorities.as_deref().map(|path| std::fs::read(path).map_err(|why| cannot(path, &why)));
        let secrets = self.webhook_secret.as_deref().map(Secret::read).transpose().map_err(Failure::Usage)?;
        let manners = Manners {
            egress: Egress {
                allow_loopback: self.allow_loopback,
                allow: self.allow.clone(),
                deny: Vec::new(),
            },
            header,
            secrets: secrets.unwrap_or_default(),
            authorities: authorities.transpose()?,
        };
        Receiver::new(&self.to, self.wanted.form, manners).map_err(Failure::Usage)
    }
}

pub(super) async fn forward(session: &Session, options: Forward) -> Result<Exit, Failure> {
    let receiver = options.receiver()?;
    if matches!(options.to, Destination::Syslog(Way::Udp, _)) {
        session.output.say("by UDP nobody knows what arrives; hint: use `syslog+tls://` or `syslog+tcp://`");
    }
    let client = session.client()?;
    let mut following = client.follow_log(options.wanted.query(cursor(&options.cursor)?));
    loop {
        let batch = next(&mut following, MOST).await?;
        let Some((last, _)) = batch.last() else { continue };
        deliver(session, &receiver, &batch).await?;
        whole_file::write_private(&options.cursor, format!("{}\n", last + 1).as_bytes())
            .map_err(|error| Failure::Usage(error.to_string()))?;
    }
}

/// Sends until the receiver has taken it.
async fn deliver(session: &Session, receiver: &Receiver, batch: &[(u64, Record)]) -> Result<(), Failure> {
    let mut pause = PAUSES.0;
    loop {
        let (why, after) = match receiver.hand(batch, SystemClock.now().as_second()).await {
            Ok(told) => {
                told.iter().for_each(|told| session.output.say(told));
                return Ok(());
            }
            Err(NotTaken::Ever(why)) => return Err(Failure::Conflict(why)),
            Err(NotTaken::Yet { why, after }) => (why, after),
        };
        let wait = after.unwrap_or_default().max(pause);
        session.output.say(&format!("{why}; it is sent again in {} ms", wait.as_millis()));
        tokio::time::sleep(wait).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

fn header(path: &Path) -> Result<(String, String), Failure> {
    let text = std::fs::read_to_string(path).map_err(|why| cannot(path, &why))?;
    let named = text.trim().split_once(':');
    let named = named.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
    named.ok_or_else(|| {
        Failure::Usage(format!("`{}` does not hold a header like `Name: value`", path.display()))
    })
}

/// Where to go on.
fn cursor(path: &Path) -> Result<Option<u64>, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) => text.trim().parse().map(Some).map_err(|_| {
            Failure::Usage(format!("`{}` does not hold an index: delete it to begin anew", path.display()))
        }),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(cannot(path, &why)),
    }
}

fn cannot(path: &Path, why: &io::Error) -> Failure {
    Failure::Usage(format!("`{}` cannot be used: {why}", path.display()))
}

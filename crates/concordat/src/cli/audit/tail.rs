//! `audit tail`: the log as it grows, in a form that other programs read, to the output.

use std::time::Duration;

use concordat_ledger::Record;
use concordat_server::api::audit::RecordsQuery;

use super::super::exit::Exit;
use super::super::failure::Failure;
use super::super::session::Session;
use crate::client::Follow;
use crate::forms::Form;

/// The most records that are sent together.
pub(super) const MOST: usize = 256;
/// How long a batch waits for one more record.
const LINGER: Duration = Duration::from_millis(50);

#[derive(Debug, clap::Args)]
pub(in super::super) struct Tail {
    #[command(flatten)]
    wanted: Wanted,
    /// Begin at this index instead of at the first record.
    #[arg(long, value_name = "INDEX")]
    from: Option<u64>,
    /// End after so many records instead of waiting for more.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// Which records, and how they look.
#[derive(Debug, clap::Args)]
pub(super) struct Wanted {
    /// The form.
    #[arg(long, value_enum, default_value_t)]
    pub(super) form: Form,
    /// Only records of this type.
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Only records of this subject.
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
}

impl Wanted {
    pub(super) fn query(&self, from: Option<u64>) -> RecordsQuery {
        RecordsQuery {
            from,
            kind: self.kind.clone(),
            subject: self.subject.clone(),
            ..RecordsQuery::default()
        }
    }
}

pub(super) async fn tail(session: &Session, options: Tail) -> Result<Exit, Failure> {
    let client = session.client()?;
    let mut following = client.follow_log(options.wanted.query(options.from));
    let mut left = options.limit.unwrap_or(usize::MAX);
    while left > 0 {
        let batch = next(&mut following, left.min(MOST)).await?;
        left -= batch.len();
        session.output.data(written(options.wanted.form, &batch)?.trim_end());
    }
    Ok(Exit::Success)
}

/// What there is, at least one record.
pub(super) async fn next(following: &mut Follow<'_>, most: usize) -> Result<Vec<(u64, Record)>, Failure> {
    let mut batch = Vec::new();
    while batch.len() < most {
        let next = if batch.is_empty() {
            following.next().await?
        } else {
            match tokio::time::timeout(LINGER, following.next()).await {
                Ok(next) => next?,
                Err(_) => break,
            }
        };
        let Some(next) = next else { break };
        let record = Record::read(next.text.as_bytes())
            .map_err(|error| Failure::Usage(format!("record {} cannot be read: {error}", next.index)))?;
        batch.push((next.index, record));
    }
    Ok(batch)
}

fn written(form: Form, batch: &[(u64, Record)]) -> Result<String, Failure> {
    form.write(batch).map_err(|error| Failure::Usage(error.to_string()))
}

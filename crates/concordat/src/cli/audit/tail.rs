//! `audit tail` and `audit forward`: the log as it grows, in a form that other programs read, to the output or to an
//! address.
//!
//! Whoever forwards keeps a cursor in a file, and moves it on only after the receiver has said that it took what was
//! sent. So nothing is left out whatever breaks, and after a break something may be sent twice: each record has its
//! id and its index.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use concordat_ledger::Record;
use concordat_server::api::audit::RecordsQuery;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Url, redirect};

use super::super::exit::Exit;
use super::super::failure::Failure;
use super::super::session::Session;
use crate::client::Follow;
use crate::forms::Form;
use crate::whole_file;

/// The most records that are sent together.
const MOST: usize = 256;
/// How long a batch waits for one more record.
const LINGER: Duration = Duration::from_millis(50);
/// How long a receiver may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The pauses between two tries: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(60));

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

#[derive(Debug, clap::Args)]
pub(in super::super) struct Forward {
    #[command(flatten)]
    wanted: Wanted,
    /// Where records are posted to, such as a collector's `https://…/v1/logs`. Redirects are not followed.
    #[arg(long, value_name = "URL")]
    to: Url,
    /// The file that says how far the receiver has everything; it is made at the first record.
    #[arg(long, value_name = "FILE")]
    cursor: PathBuf,
    /// A file with one header for the receiver, such as `Authorization: Bearer …`.
    #[arg(long, value_name = "FILE")]
    header: Option<PathBuf>,
}

/// Which records, and how they look.
#[derive(Debug, clap::Args)]
struct Wanted {
    /// The form.
    #[arg(long, value_enum, default_value_t)]
    form: Form,
    /// Only records of this type.
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Only records of this subject.
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
}

impl Wanted {
    fn query(&self, from: Option<u64>) -> RecordsQuery {
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

pub(super) async fn forward(session: &Session, options: Forward) -> Result<Exit, Failure> {
    let receiver = Receiver::new(&options)?;
    let client = session.client()?;
    let mut following = client.follow_log(options.wanted.query(cursor(&options.cursor)?));
    loop {
        let batch = next(&mut following, MOST).await?;
        let Some((last, _)) = batch.last() else { continue };
        receiver.deliver(session, written(options.wanted.form, &batch)?).await;
        whole_file::write_private(&options.cursor, format!("{}\n", last + 1).as_bytes())
            .map_err(|error| Failure::Usage(error.to_string()))?;
    }
}

/// What there is, at least one record.
async fn next(following: &mut Follow<'_>, most: usize) -> Result<Vec<(u64, Record)>, Failure> {
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

/// Who records are posted to.
struct Receiver {
    http: reqwest::Client,
    to: Url,
    header: Option<(String, String)>,
    form: Form,
}

impl Receiver {
    fn new(options: &Forward) -> Result<Receiver, Failure> {
        let header = match &options.header {
            None => None,
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|why| cannot(path, &why))?;
                let named = text
                    .trim()
                    .split_once(':')
                    .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
                let wrong = || {
                    Failure::Usage(format!("`{}` does not hold a header like `Name: value`", path.display()))
                };
                Some(named.ok_or_else(wrong)?)
            }
        };
        let http = reqwest::Client::builder().redirect(redirect::Policy::none()).timeout(PATIENCE).build();
        let http = http.map_err(|error| Failure::Usage(error.to_string()))?;
        Ok(Receiver { http, to: options.to.clone(), header, form: options.wanted.form })
    }

    /// Posts until the receiver says that it took it.
    async fn deliver(&self, session: &Session, body: String) {
        let mut pause = PAUSES.0;
        loop {
            let mut request = self.http.post(self.to.clone()).header(CONTENT_TYPE, self.form.media_type());
            if let Some((name, value)) = &self.header {
                request = request.header(name, value);
            }
            let why = match request.body(body.clone()).send().await {
                Ok(answer) if answer.status().is_success() => return,
                Ok(answer) => format!("the receiver answers {}", answer.status()),
                Err(error) => format!("the receiver cannot be reached: {}", error.without_url()),
            };
            session.output.say(&format!("{why}; it is sent again in {} ms", pause.as_millis()));
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }
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

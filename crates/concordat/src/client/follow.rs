//! Follows records as they come, across broken connections: those of a contract until it is over, or of the whole log.

use std::collections::VecDeque;
use std::time::Duration;

use concordat_server::api::audit::RecordsQuery;
use reqwest::{Method, Response};

use super::Client;
use super::error::ClientError;
use super::sse::{Frame, Reader};
use crate::progress::Told;

/// How many connections may fail in a row before the watcher is told.
const TRIES: u32 = 5;
/// The longest pause between two connections, in milliseconds, whatever the server asks for.
const LONGEST_PAUSE: u64 = 10_000;
/// The longest silence: the server sends a sign of life every fifteen seconds.
const SILENCE: Duration = Duration::from_secs(60);

/// A record that is followed.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its index in the log.
    pub index: u64,
    /// The record, as far as people are told of it.
    pub told: Told,
    /// Its canonical bytes.
    pub text: String,
}

/// Records as they come.
pub struct Follow<'a> {
    client: &'a Client,
    of: Of,
    after: Option<u64>,
    connection: Option<(Response, Reader)>,
    ready: VecDeque<Record>,
    failures: u32,
    pause: Duration,
    over: bool,
}

/// Whose records are followed.
enum Of {
    Run(String),
    Log(Box<RecordsQuery>),
}

impl Client {
    /// Follows the log from this query's `from` on; it takes `type` and `subject` besides. There is no end.
    #[must_use]
    pub fn follow_log(&self, query: RecordsQuery) -> Follow<'_> {
        Follow { of: Of::Log(Box::new(query)), ..self.follow("", None) }
    }

    /// Follows a contract from its first record to its last, or from the one after `after`.
    #[must_use]
    pub fn follow(&self, run: &str, after: Option<u64>) -> Follow<'_> {
        Follow {
            client: self,
            of: Of::Run(run.to_owned()),
            after,
            connection: None,
            ready: VecDeque::new(),
            failures: 0,
            pause: Duration::from_millis(500),
            over: false,
        }
    }
}

impl Follow<'_> {
    /// The next record; `None` once the contract is over. Dropping the future loses nothing.
    ///
    /// # Errors
    /// The server refuses, or cannot be reached again and again.
    pub async fn next(&mut self) -> Result<Option<Record>, ClientError> {
        loop {
            if let Some(record) = self.ready.pop_front() {
                self.after = Some(record.index);
                self.over |= matches!(self.of, Of::Run(_)) && record.told.kind == "contract.ended";
                return Ok(Some(record));
            }
            if self.over {
                return Ok(None);
            }
            match self.advance().await {
                Ok(()) => self.failures = 0,
                Err(error) if !passing(&error) || self.failures == TRIES => return Err(error),
                Err(_) => {
                    self.connection = None;
                    self.failures += 1;
                    tokio::time::sleep(self.pause * self.failures).await;
                }
            }
        }
    }

    /// Connects, or reads one piece of the stream.
    async fn advance(&mut self) -> Result<(), ClientError> {
        let Some((response, reader)) = &mut self.connection else {
            let response = self.connect().await?;
            self.connection = Some((response, Reader::default()));
            // Only a connection that brings something counts as a success.
            return self.read_on().await;
        };
        let piece = tokio::time::timeout(SILENCE, response.chunk()).await;
        let piece = piece.map_err(|_| broken(self.client, "nothing came for a minute"))?;
        let piece = piece.map_err(|error| self.client.failed(&error))?;
        let Some(piece) = piece else { return Err(broken(self.client, "the server closed the stream")) };
        let frames = reader.push(&piece).map_err(|error| odd(self.client, &error.to_string()))?;
        if let Some(pause) = reader.retry_ms() {
            self.pause = Duration::from_millis(pause.min(LONGEST_PAUSE));
        }
        for frame in frames {
            let record =
                record(&frame).ok_or_else(|| odd(self.client, "an event of the stream cannot be read"))?;
            // A server may repeat the record that was asked to be resumed after.
            if self.after.is_none_or(|after| record.index > after) {
                self.ready.push_back(record);
            }
        }
        Ok(())
    }

    async fn read_on(&mut self) -> Result<(), ClientError> {
        Box::pin(self.advance()).await
    }

    async fn connect(&self) -> Result<Response, ClientError> {
        let mut call = match &self.of {
            Of::Run(run) => self.client.call(Method::GET, &["v1", "contracts", run, "events"]),
            Of::Log(query) => self.client.call(Method::GET, &["v1", "audit", "records"]).query(&**query),
        };
        call = call.header("accept", "text/event-stream");
        if let Some(after) = self.after {
            call = call.header("last-event-id", &after.to_string());
        }
        call.open().await
    }
}

fn record(frame: &Frame) -> Option<Record> {
    let index = frame.id.as_ref()?.parse().ok()?;
    Some(Record { index, told: serde_json::from_str(&frame.data).ok()?, text: frame.data.clone() })
}

/// Whether a later try may go better.
fn passing(error: &ClientError) -> bool {
    match error {
        ClientError::Unreachable { .. } | ClientError::Broken { .. } => true,
        ClientError::Refused(refused) => matches!(refused.problem.status, 429 | 502 | 503 | 504),
        ClientError::Address { .. } | ClientError::Key | ClientError::Odd { .. } => false,
    }
}

fn broken(client: &Client, why: &str) -> ClientError {
    ClientError::Broken { server: client.server().to_owned(), why: why.to_owned() }
}

fn odd(client: &Client, why: &str) -> ClientError {
    ClientError::Odd { server: client.server().to_owned(), why: why.to_owned() }
}

//! `submit`: sends contracts, and says what became of them.

use concordat_engine::ports::{Clock, SystemClock};
use concordat_model::document::Notation;
use concordat_model::span::Span;
use concordat_server::api::contracts::Receipt;

use super::document::Document;
use super::exit::Exit;
use super::failure::{Failure, in_documents};
use super::session::Session;
use super::watch::{self, Manner};
use super::wrap::{Wrapped, wrap};
use crate::client::{Client, ClientError};
use crate::progress::Watched;

#[derive(Debug, clap::Args)]
pub(super) struct Submit {
    #[command(flatten)]
    pub(super) what: What,

    #[command(flatten)]
    stay: Stay,

    /// Makes the same submission harmless to repeat; a fresh one is made when it is left out.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

/// Whether to stay until the contracts are over.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Stay {
    /// Wait until every contract is over; the exit code says how.
    #[arg(long, conflicts_with = "watch")]
    wait: bool,

    /// Wait, and show what happens meanwhile.
    #[arg(long)]
    watch: bool,

    /// With --wait or --watch: how long, such as `5m`. The contracts go on afterwards.
    #[arg(long, value_name = "SPAN")]
    timeout: Option<Span>,
}

/// What is submitted or planned.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct What {
    /// A Contract or a Submission in YAML or JSON, `-` for standard input; several become one submission.
    #[arg(short, long, num_args = 1.., value_name = "FILE")]
    file: Vec<String>,

    /// A known contract, as NAME or NAME@VERSION.
    #[arg(long, value_name = "NAME")]
    template: Option<String>,

    /// The contract's input: JSON or YAML itself, or @FILE.
    #[arg(long, value_name = "INPUT")]
    input: Option<String>,
}

impl What {
    /// Reads everything, checks that it can be read as documents, and puts it together.
    pub(super) fn read(&self) -> Result<Wrapped, Failure> {
        let twice = self
            .file
            .iter()
            .map(String::as_str)
            .chain(self.input.as_deref().and_then(|input| input.strip_prefix('@')));
        if twice.filter(|file| *file == "-").count() > 1 {
            return Err(Failure::Usage("standard input can be read only once".to_owned()));
        }
        let files = self.file.iter().map(|file| Document::read(file)).collect::<Result<_, _>>()?;
        let input = match self.input.as_deref() {
            None => None,
            Some(input) => Some(match input.strip_prefix('@') {
                Some(file) => Document::read(file)?,
                // JSON is read as YAML too, but says better what is wrong with JSON.
                None => Document {
                    name: "--input".to_owned(),
                    bytes: input.as_bytes().to_vec(),
                    notation: if input.trim_start().starts_with(['{', '[', '"']) {
                        Notation::Json
                    } else {
                        Notation::Yaml
                    },
                },
            }),
        };
        Ok(wrap(files, self.template.as_deref(), input)?)
    }
}

pub(super) async fn run(session: &Session, submit: Submit) -> Result<Exit, Failure> {
    let wrapped = submit.what.read()?;
    let client = session.client()?;
    let key = submit.idempotency_key.clone().unwrap_or_else(|| SystemClock.uuid().to_string());
    let sent = client.submit(wrapped.body.clone(), wrapped.media_type, &key).await;
    let submitted = sent.map_err(|error| {
        if matches!(error, ClientError::Broken { .. }) {
            session
                .output
                .say(&format!("hint: repeat it with `--idempotency-key {key}`: it is taken in once at most"));
        }
        in_documents(error, &wrapped)
    })?;
    if submitted.replayed {
        session.output.say("this submission was taken in before; nothing new was started");
    }
    taken_in(session, &client, submitted.receipt, submit.stay).await
}

/// Says what was taken in, or stays until it is over.
pub(super) async fn taken_in(
    session: &Session,
    client: &Client,
    receipt: Receipt,
    stay: Stay,
) -> Result<Exit, Failure> {
    if !stay.wait && !stay.watch {
        session.output.show(&receipt, |receipt| table(session, receipt));
        return watch::explain(session, client, receipt.contracts.iter().map(|line| line.run.as_str())).await;
    }
    let watched =
        receipt.contracts.into_iter().map(|line| Watched { run: line.run, label: line.label }).collect();
    let manner = Manner { quiet: stay.wait, timeout: stay.timeout };
    watch::until_over(session, client, watched, manner).await
}

fn table(session: &Session, receipt: &Receipt) -> String {
    let rows = receipt
        .contracts
        .iter()
        .map(|line| [line.run.clone(), line.label.clone(), line.contract.clone(), line.status.clone()]);
    session.output.table(["run", "label", "contract", "status"], rows)
}

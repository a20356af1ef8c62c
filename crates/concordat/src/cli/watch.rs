//! `watch`: follows contracts until they are over, and answers with how they ended.
//!
//! Leaving early leaves the contracts alone.

use concordat_model::span::Span;
use concordat_server::api::contracts::{Cause, ContractDetail};
use tokio::signal::unix::{SignalKind, signal};

use super::exit::Exit;
use super::failure::{Failure, reasons};
use super::session::Session;
use super::{caret::visible, contract};
use crate::client::Client;
use crate::progress::{Watched, follow};

#[derive(Debug, clap::Args)]
pub(super) struct Watch {
    /// The contracts' runs.
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<String>,

    /// How long to watch, such as `5m`. The contracts go on afterwards.
    #[arg(long, value_name = "SPAN")]
    timeout: Option<Span>,
}

/// How contracts are watched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// Nothing is shown before the end.
    pub(super) quiet: bool,
    /// How long.
    pub(super) timeout: Option<Span>,
}

/// Why watching ended before the contracts did.
enum Left {
    Interrupted,
    Terminated,
    Elapsed,
}

pub(super) async fn run(session: &Session, watch: Watch) -> Result<Exit, Failure> {
    let client = session.client()?;
    let watched = watch.runs.into_iter().map(|run| Watched { label: run.clone(), run }).collect();
    until_over(session, &client, watched, Manner { quiet: false, timeout: watch.timeout }).await
}

/// Watches until all are over, then shows them; the exit says how they ended.
pub(super) async fn until_over(
    session: &Session,
    client: &Client,
    watched: Vec<Watched>,
    manner: Manner,
) -> Result<Exit, Failure> {
    let again = || {
        let runs: Vec<&str> = watched.iter().map(|one| one.run.as_str()).collect();
        session.again(&format!("watch {}", runs.join(" ")))
    };
    let followed = tokio::select! {
        followed = follow(client, &watched, manner.quiet) => followed,
        left = left(manner.timeout) => {
            let (exit, why) = match left? {
                Left::Interrupted => (Exit::Interrupted, "detached"),
                Left::Terminated => (Exit::Terminated, "detached"),
                Left::Elapsed => (Exit::Elapsed, "the wait is over"),
            };
            session.output.say(&format!("{why}; the contracts go on. Look again with:"));
            session.output.data(&again());
            return Ok(exit);
        }
    };
    followed?;
    let mut details = Vec::with_capacity(watched.len());
    for one in &watched {
        details.push(client.contract(&one.run).await?);
    }
    match details.as_slice() {
        [only] => session.output.show(only, |only| contract::detail(session, only)),
        several => session
            .output
            .show(&several, |several| contract::table(session, several.iter().map(|one| &one.row))),
    }
    verdict(session, client, &details).await
}

async fn left(timeout: Option<Span>) -> Result<Left, Failure> {
    let listen = |kind| {
        signal(kind).map_err(|error| Failure::Internal(anyhow::anyhow!("signals cannot be heard: {error}")))
    };
    let (mut interrupted, mut terminated) =
        (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    let elapsed = async {
        match timeout {
            Some(span) => tokio::time::sleep(span.duration()).await,
            None => std::future::pending().await,
        }
    };
    Ok(tokio::select! {
        _ = interrupted.recv() => Left::Interrupted,
        _ = terminated.recv() => Left::Terminated,
        () = elapsed => Left::Elapsed,
    })
}

/// Says why contracts that are over already did not come to a good end; the exit says so too.
pub(super) async fn explain(
    session: &Session,
    client: &Client,
    runs: impl Iterator<Item = &str>,
) -> Result<Exit, Failure> {
    let mut details = Vec::new();
    for run in runs {
        details.push(client.contract(run).await?);
    }
    verdict(session, client, &details).await
}

async fn verdict(session: &Session, client: &Client, details: &[ContractDetail]) -> Result<Exit, Failure> {
    let mut exit = Exit::Success;
    for detail in details {
        let one = Exit::of_status(&detail.row.status);
        if one == Exit::Success {
            continue;
        }
        if exit == Exit::Success {
            exit = one;
        }
        let mut words = format!(
            "{} ({}) was not completed: {}",
            visible(&detail.row.label),
            detail.row.run,
            detail.row.status
        );
        words.push_str(&why(client, detail.cause.as_ref()).await);
        words.push_str(&format!(
            "\n  hint: `{}` tells the whole story",
            session.again(&format!("why {}", detail.row.run))
        ));
        session.output.say(&words);
    }
    Ok(exit)
}

/// Why a contract stopped: policy's own reasons, or else the cause in the server's words.
async fn why(client: &Client, cause: Option<&Cause>) -> String {
    let Some(cause) = cause else { return String::new() };
    let text = format!("\n  {}", visible(&cause.text));
    let Some(id) = &cause.decision else { return text };
    // Whoever may submit may not be allowed to read decisions; the cause says enough then.
    let because = match client.decision(id).await {
        Ok(detail) => reasons(&detail.decision.answer.reasons),
        Err(_) => text,
    };
    format!("{because}\n  decision: {}", visible(id))
}

//! `cancel`, `kill`, `pause`, `resume`, `extend` and `retry`: what people order contracts to do.

use clap::Subcommand;
use concordat_model::span::Span;

use super::contract;
use super::exit::Exit;
use super::failure::Failure;
use super::session::Session;
use super::submit::{Stay, taken_in};

#[derive(Debug, Subcommand)]
pub(super) enum Order {
    /// Cancel a contract: nothing new starts, and finished steps are undone where it says so.
    Cancel(Given),
    /// End a contract at once: nothing is waited for, nothing is undone.
    Kill(Given),
    /// Pause a contract: nothing new begins until it is resumed.
    Pause(Given),
    /// Resume a paused contract.
    Resume(Given),
    /// Put off the deadline of a contract.
    Extend {
        #[command(flatten)]
        given: Given,
        /// How much later, such as `15m`.
        #[arg(long, value_name = "SPAN")]
        by: Span,
    },
    /// Try a contract that is over again from a step; what was done before it is taken over.
    Retry {
        #[command(flatten)]
        given: Given,
        /// The step.
        #[arg(long, value_name = "STEP")]
        from: String,
        #[command(flatten)]
        stay: Stay,
    },
}

/// Which contract, and why.
#[derive(Debug, clap::Args)]
pub(super) struct Given {
    /// Its run.
    run: String,
    /// Why; it becomes part of the log.
    #[arg(long, value_name = "REASON")]
    reason: String,
}

pub(super) async fn run(session: &Session, order: Order) -> Result<Exit, Failure> {
    let client = session.client()?;
    let detail = match &order {
        Order::Cancel(given) => client.order(&given.run, "cancel", &given.reason).await?,
        Order::Kill(given) => client.order(&given.run, "kill", &given.reason).await?,
        Order::Pause(given) => client.order(&given.run, "pause", &given.reason).await?,
        Order::Resume(given) => client.order(&given.run, "resume", &given.reason).await?,
        Order::Extend { given, by } => client.extend(&given.run, &by.to_string(), &given.reason).await?,
        Order::Retry { given, from, stay } => {
            let receipt = client.retry(&given.run, from, &given.reason).await?;
            return taken_in(session, &client, receipt, *stay).await;
        }
    };
    session.output.show(&detail, |one| contract::detail(session, one));
    Ok(Exit::Success)
}

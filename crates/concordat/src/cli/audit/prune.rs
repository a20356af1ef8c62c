//! `audit prune`: has contents forgotten that are older than they are to be kept.

use clap::ValueEnum;
use concordat_server::api::contents::{Kind, Prune};
use jiff::Span;
use jiff::tz::TimeZone;

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Options {
    /// Which contents.
    #[arg(long, value_enum)]
    kind: Which,
    /// How long they are kept after they are over, such as `400d` or `7y`: at least 180 days.
    #[arg(long, value_name = "TIME")]
    older_than: Span,
    /// Why they are forgotten sooner than that, if they are. It is recorded.
    #[arg(long, value_name = "TEXT")]
    below_floor: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    /// What contracts were given and gave, and what was asked about them.
    Contracts,
    /// What events said.
    Events,
    /// What was asked and answered behind OPA's doors.
    Decisions,
}

pub(in crate::cli) async fn run(session: &Session, options: Options) -> Result<Exit, Failure> {
    let Options { kind, older_than, below_floor } = options;
    let kind = match kind {
        Which::Contracts => Kind::Contracts,
        Which::Events => Kind::Events,
        Which::Decisions => Kind::Decisions,
    };
    let before = session.now().to_zoned(TimeZone::UTC).checked_sub(older_than.abs());
    let before = before.map_err(|error| Failure::Usage(format!("`--older-than`: {error}")))?.timestamp();
    let pruned = session.client()?.prune(&Prune { kind, before, below_floor }).await?;
    session.output.show(&pruned, |pruned| {
        let mut text = format!("{} forgotten, with {} payloads", pruned.forgotten, pruned.payloads);
        for (count, why) in [(pruned.held, "held"), (pruned.open, "within something that is not over")] {
            if count > 0 {
                text.push_str(&format!("\n{count} kept: {why}"));
            }
        }
        text
    });
    Ok(Exit::Success)
}

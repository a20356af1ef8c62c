//! `audit erase`: has contents forgotten because somebody may ask for it.

use concordat_server::api::contents::Erase;

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Options {
    #[command(flatten)]
    wanted: Wanted,
    /// On which ground, such as an article of law and the number of the request. It is recorded: name nobody in it.
    #[arg(long, value_name = "TEXT")]
    basis: String,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Wanted {
    /// A contract that is over, with everything within it and the events that it heard.
    #[arg(long, value_name = "RUN")]
    contract: Option<String>,
    /// An event, `evt_…`.
    #[arg(long, value_name = "ID")]
    event: Option<String>,
    /// A question behind OPA's doors, `dec_…`.
    #[arg(long, value_name = "ID")]
    decision: Option<String>,
    /// Everything that tells of this person or thing: what contracts name as `governance.subject`, and events as
    /// `subject`.
    #[arg(long, value_name = "TEXT")]
    subject: Option<String>,
}

pub(in crate::cli) async fn run(session: &Session, options: Options) -> Result<Exit, Failure> {
    let Options { wanted: Wanted { contract, event, decision, subject }, basis } = options;
    let erased = session.client()?.erase(&Erase { contract, event, decision, subject, basis }).await?;
    session.output.show(&erased, |erased| {
        let owners = erased.erased.iter().map(|owner| format!("\n  {owner}"));
        format!(
            "{} payloads are gone, of{}\nthe log says so in {}",
            erased.payloads,
            owners.collect::<String>(),
            erased.records.join(", ")
        )
    });
    Ok(Exit::Success)
}

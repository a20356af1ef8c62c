//! `audit records`: reads the log, and looks for what its records mention.

use concordat_server::api::audit::{LogEntry, RecordsQuery};
use jiff::Timestamp;

use super::super::exit::Exit;
use super::super::failure::Failure;
use super::super::session::Session;

#[derive(Debug, clap::Args)]
pub(in super::super) struct Options {
    /// Only records that mention this, whatever it is: an id, a person, an agent, a contract, a reason, a rule.
    #[arg(value_name = "WORD")]
    q: Option<String>,
    /// Only records at or after this index.
    #[arg(long, value_name = "INDEX")]
    from: Option<u64>,
    /// The most records, 1 to 1000.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: Option<u32>,
    /// Only records of this type, such as `gate.decided`.
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Only records of this subject, such as a run.
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
    /// Only records of this time or later.
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Only records before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// Only records that mention this id.
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Only records that mention this person or program as somebody who did something.
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Only records that mention the agent of this name.
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// Only records that mention a contract of this name.
    #[arg(long, value_name = "NAME")]
    contract: Option<String>,
    /// Only records that mention this code of a reason or an error.
    #[arg(long, value_name = "CODE")]
    reason: Option<String>,
    /// Only decisions with a check of this rule.
    #[arg(long, value_name = "NAME")]
    rule: Option<String>,
    /// Only decisions with this answer: `permit`, `review` or `deny`.
    #[arg(long, value_name = "ANSWER", value_parser = ["permit", "review", "deny"])]
    answer: Option<String>,
}

impl From<Options> for RecordsQuery {
    fn from(options: Options) -> RecordsQuery {
        let Options { q, from, limit, kind, subject, since, until, .. } = options;
        let Options { id, actor, agent, contract, reason, rule, answer, .. } = options;
        RecordsQuery {
            from,
            limit,
            kind,
            subject,
            since,
            until,
            q,
            id,
            actor,
            agent,
            contract,
            reason,
            rule,
            answer,
        }
    }
}

pub(super) async fn run(session: &Session, options: Options) -> Result<Exit, Failure> {
    let list = session.client()?.records(&options.into()).await?;
    session.output.show(&list, |list| {
        let rows = list.items.iter().map(line);
        session.output.table(["index", "time", "type", "subject", "record"], rows)
    });
    if !list.items.is_empty() && !session.output.is_json() {
        session.output.say("the receipt of each of them: `concordat audit receipt RECORD`");
    }
    if let (Some(from), false) = (list.next_from, session.output.is_json()) {
        session.output.say(&format!("there may be more: add `--from {from}`"));
    }
    Ok(Exit::Success)
}

/// A record as a line; the whole of it is in the JSON form.
fn line(entry: &LogEntry) -> [String; 5] {
    let record: serde_json::Value = serde_json::from_str(entry.record.get()).unwrap_or_default();
    let text = |name: &str| record.get(name).and_then(serde_json::Value::as_str).unwrap_or("?").to_owned();
    [entry.index.to_string(), text("time"), text("type"), text("subject"), text("id")]
}

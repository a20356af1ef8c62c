//! `contract`: lists contracts, shows one.

use clap::Subcommand;
use concordat_server::api::contracts::{
    ContractDetail, ContractRow, ContractsQuery, EventsQuery, ItemRow, LegRow, Origin, OriginKind, StepRow,
    StepState,
};

use super::caret::visible;
use super::exit::Exit;
use super::failure::Failure;
use super::output::word;
use super::session::Session;

#[derive(Debug, Subcommand)]
pub(super) enum Contract {
    /// List contracts, newest first.
    List {
        /// Only those with this status word, such as `running` or `denied`.
        #[arg(long, value_name = "WORD")]
        status: Option<String>,
        /// Only those of this submission.
        #[arg(long, value_name = "SUBMISSION")]
        submission: Option<String>,
        /// The most contracts, 1 to 1000.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: Option<u32>,
        /// Where the list before ended.
        #[arg(long, value_name = "CURSOR")]
        cursor: Option<String>,
    },
    /// Show one contract.
    Get {
        /// Its run.
        run: String,
    },
    /// Rate the work of a contract that is over: once, as evidence on the agents that did it.
    Rate {
        /// Its run.
        run: String,
        /// From 1 (of no use) to 5 (nothing to wish for).
        #[arg(value_name = "1..5", value_parser = clap::value_parser!(u8).range(1..=5))]
        rating: u8,
    },
    /// Show the records of one contract.
    Events {
        /// Its run.
        run: String,
        /// Only records after this index of the log.
        #[arg(long, value_name = "INDEX")]
        after: Option<u64>,
    },
}

pub(super) async fn run(session: &Session, command: Contract) -> Result<Exit, Failure> {
    let client = session.client()?;
    match command {
        Contract::List { status, submission, limit, cursor } => {
            let list = client.contracts(&ContractsQuery { limit, cursor, status, submission }).await?;
            session.output.show(&list, |list| table(session, list.items.iter()));
            if let (Some(cursor), false) = (&list.next_cursor, session.output.is_json()) {
                session.output.say(&format!("there are more: add `--cursor {cursor}`"));
            }
        }
        Contract::Get { run } => {
            session.output.show(&client.contract(&run).await?, |one| detail(session, one));
        }
        Contract::Rate { run, rating } => {
            session.output.show(&client.rate(&run, rating).await?, |rated| {
                format!(
                    "{}: {} of 5 counts for {} of its agents",
                    visible(&rated.run),
                    rated.rating,
                    rated.counted
                )
            });
        }
        Contract::Events { run, after } => {
            let events = client.events(&run, &EventsQuery { after, limit: None }).await?;
            session.output.show(&events, |events| {
                let rows = events.items.iter().map(|event| {
                    [event.index.to_string(), event.time.clone(), event.kind.clone(), event.id.clone()]
                });
                session.output.table(["index", "time", "type", "record"], rows)
            });
            if let (Some(after), false) = (events.next_after, session.output.is_json()) {
                session.output.say(&format!("there may be more: add `--after {after}`"));
            }
        }
    }
    Ok(Exit::Success)
}

/// Contracts, one line each.
pub(super) fn table<'a>(session: &Session, rows: impl Iterator<Item = &'a ContractRow>) -> String {
    let rows = rows.map(|row| {
        [
            row.run.clone(),
            row.label.clone(),
            row.status.clone(),
            format!("{}/{}", row.settled, row.steps),
            row.domain.clone().unwrap_or_default(),
            row.submitter.clone(),
            session.age(row.received),
        ]
    });
    session.output.table(["run", "label", "status", "steps", "domain", "submitter", "age"], rows)
}

/// One contract with its steps.
pub(super) fn detail(session: &Session, one: &ContractDetail) -> String {
    let row = &one.row;
    let mut text = format!("{}  {}  {}\n", row.run, visible(&row.label), row.status);
    text.push_str(&format!("  {}\n", visible(&one.objective)));
    let domain = row.domain.as_deref().unwrap_or("no domain");
    text.push_str(&format!(
        "  {domain}, {} risk, from {}, {} ago\n",
        one.governance.risk,
        row.submitter,
        session.age(row.received)
    ));
    if let Some(origin) = &one.origin {
        text.push_str(&format!("  {}\n", visible(&came(origin))));
    }
    if let Some(pause) = &one.pause {
        let age = session.age(pause.since);
        text.push_str(&format!("  paused by {} {age} ago: {}\n", pause.by, visible(&pause.reason)));
    }
    if let Some(cause) = &one.cause {
        text.push_str(&format!("  stopped: {}\n", visible(&cause.text)));
    }
    for (steps, what) in [(&one.undone, "undone"), (&one.not_undone, "NOT undone, a person must look")] {
        if !steps.is_empty() {
            text.push_str(&format!("  {what}: {}\n", steps.join(", ")));
        }
    }
    for review in &one.open_reviews {
        let question =
            review.question.as_ref().map_or_else(String::new, |asked| format!(": {}", visible(asked)));
        text.push_str(&format!("  waits for a person: {}{question}\n", review.id));
    }
    if let Some(fallback) = &one.fallback {
        text.push_str(&format!("  carried out by its fallback: {fallback}\n"));
    }
    let rows = one.step_list.iter().flat_map(rows);
    let table = session.output.table(["step", "state", "agent", "try", "note"], rows);
    text.push_str(&format!("\n{table}\n"));
    if let Some(output) = &one.output {
        text.push_str(&format!("\noutput:\n{}\n", serde_json::to_string_pretty(output).unwrap_or_default()));
    }
    text
}

/// How a contract came about.
fn came(origin: &Origin) -> String {
    let run = origin.run.as_deref().unwrap_or("?");
    match origin.kind {
        OriginKind::Nested => format!("within {run}"),
        OriginKind::Retried => format!(
            "{run} again from {}: {}",
            origin.from.as_deref().unwrap_or("?"),
            origin.reason.as_deref().unwrap_or("")
        ),
        OriginKind::Triggered => format!(
            "started by the trigger {} ({})",
            origin.trigger.as_deref().unwrap_or("?"),
            origin.occasion.as_deref().unwrap_or("?")
        ),
    }
}

/// A step, and those of its items that need a look.
fn rows(step: &StepRow) -> Vec<[String; 5]> {
    const MOST: usize = 10;
    let mut rows = vec![row(&step.id, &step.doing, step.undo.as_ref())];
    if let (Some(items), Some([.., note])) = (&step.items, rows.first_mut()) {
        let failed = if items.failed > 0 { format!(", {} failed", items.failed) } else { String::new() };
        *note = format!(
            "{} of {} items done{failed}",
            items.count.saturating_sub(items.open + items.failed),
            items.count
        );
        let odd = items.shown.iter().filter(|item| {
            matches!(
                item.doing.state,
                StepState::Failed
                    | StepState::Parked
                    | StepState::InReview
                    | StepState::Held
                    | StepState::Asking
            )
        });
        let named = |item: &ItemRow| format!("{}[{}]", step.id, item.item);
        rows.extend(odd.take(MOST).map(|item| row(&named(item), &item.doing, item.undo.as_ref())));
    }
    rows
}

fn row(id: &str, doing: &LegRow, undone: Option<&LegRow>) -> [String; 5] {
    let leg = undone.unwrap_or(doing);
    let state = match undone {
        Some(undo) => format!("undo {}", word(&undo.state)),
        None => word(&leg.state),
    };
    let note = leg.error.as_ref().map(|error| format!("{}: {}", error.code, error.message));
    let within = || leg.run.as_ref().map(|run| format!("as {run}"));
    [
        id.to_owned(),
        state,
        leg.agent.as_ref().map(|agent| agent.name.clone()).unwrap_or_default(),
        leg.attempt.map(|attempt| attempt.to_string()).unwrap_or_default(),
        note.or_else(|| leg.waiting_for.clone()).or_else(within).unwrap_or_default(),
    ]
}

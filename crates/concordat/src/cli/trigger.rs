//! `trigger`: what starts contracts by itself, at events or at moments.

use clap::Subcommand;
use concordat_model::document;
use concordat_model::problem::Problems;
use concordat_model::trigger::TriggerDocument;
use concordat_server::api::triggers::TriggerDetail;
use serde_json::Value;

use super::caret::visible;
use super::document::Document;
use super::exit::Exit;
use super::failure::{Failure, in_documents};
use super::session::Session;
use super::wrap::wrap;

#[derive(Debug, Subcommand)]
pub(super) enum Trigger {
    /// Write a trigger, or write it anew. It starts contracts in your name.
    Apply {
        /// The trigger in YAML or JSON, `-` for standard input.
        #[arg(short, long, value_name = "FILE")]
        file: String,
    },
    /// List the triggers.
    List,
    /// Show one trigger.
    Show {
        /// Its name.
        name: String,
    },
    /// Take a trigger away. What it has started goes on.
    Remove {
        /// Its name.
        name: String,
    },
}

pub(super) async fn run(session: &Session, command: Trigger) -> Result<Exit, Failure> {
    let show = |trigger: &TriggerDetail| session.output.show(trigger, |one| text(session, one));
    match command {
        Trigger::Apply { file } => {
            let document = Document::read(&file)?;
            let typed = document::typed::<TriggerDocument>(document.value()?);
            let trigger = typed.map_err(|problem| document.wrong(Problems::from(problem)))?;
            let sent = wrap(vec![document], None, None)?;
            let name = trigger.metadata.name.as_str();
            let applied = session.client()?.apply_trigger(name, sent.body.clone(), sent.media_type).await;
            show(&applied.map_err(|error| in_documents(error, &sent))?);
        }
        Trigger::List => {
            let list = session.client()?.triggers().await?;
            session.output.show(&list, |list| table(session, &list.items));
        }
        Trigger::Show { name } => show(&session.client()?.trigger(&name).await?),
        Trigger::Remove { name } => {
            let removed = session.client()?.remove_trigger(&name).await?;
            session.output.show(&removed, |one| format!("{} is taken away", visible(&one.name)));
        }
    }
    Ok(Exit::Success)
}

fn table(session: &Session, triggers: &[TriggerDetail]) -> String {
    let rows = triggers.iter().map(|one| {
        [one.name.clone(), starts(one), said(one, "/spec/template"), one.owner.clone(), last(session, one)]
    });
    session.output.table(["trigger", "starts at", "template", "owner", "last"], rows)
}

fn text(session: &Session, one: &TriggerDetail) -> String {
    let mut text = format!("{}  {} at {}\n", visible(&one.name), said(one, "/spec/template"), starts(one));
    text.push_str(&format!("  in the name of {}, since {} ago\n", one.owner, session.age(one.since)));
    if let Some(next) = one.next {
        text.push_str(&format!("  next: {next:.0}\n"));
    }
    let last = last(session, one);
    if !last.is_empty() {
        text.push_str(&format!("  last: {}\n", visible(&last)));
    }
    text
}

/// The event or the schedule that starts it.
fn starts(one: &TriggerDetail) -> String {
    match one.document.pointer("/spec/event/type").and_then(Value::as_str) {
        Some(kind) => kind.to_owned(),
        None => format!("{} ({})", said(one, "/spec/schedule/cron"), said(one, "/spec/schedule/timezone")),
    }
}

fn last(session: &Session, one: &TriggerDetail) -> String {
    let Some(last) = &one.last else { return String::new() };
    let refused = last.refused.as_ref().map_or_else(String::new, |why| format!(", refused: {why}"));
    format!("{} ago ({}){refused}", session.age(last.at), last.occasion)
}

fn said(one: &TriggerDetail, pointer: &str) -> String {
    one.document.pointer(pointer).and_then(Value::as_str).unwrap_or("?").to_owned()
}

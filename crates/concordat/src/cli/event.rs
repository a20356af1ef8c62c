//! `event`: publishes events.

use clap::Subcommand;
use concordat_engine::ports::{Clock, SystemClock};
use concordat_model::document::Notation;
use serde_json::{Value, json};

use super::document::Document;
use super::exit::Exit;
use super::failure::{Failure, in_documents};
use super::session::Session;
use super::wrap::wrap;
use crate::client::ClientError;

/// Where events come from that are typed.
const SOURCE: &str = "/concordat/cli";

#[derive(Debug, Subcommand)]
pub(super) enum Event {
    /// Publish an event: a file with a whole one, or its type and data.
    Publish(Box<Publish>),
}

#[derive(Debug, clap::Args)]
pub(super) struct Publish {
    /// An event of CloudEvents 1.0 in JSON or YAML, `-` for standard input.
    #[arg(short, long, value_name = "FILE", required_unless_present = "kind", conflicts_with = "kind")]
    file: Option<String>,
    /// What kind of event it is, such as `com.example.order.paid`.
    #[arg(long = "type", value_name = "TYPE", id = "kind")]
    kind: Option<String>,
    /// What it says: JSON or YAML.
    #[arg(long, value_name = "DATA", requires = "kind")]
    data: Option<String>,
    /// What it is about.
    #[arg(long, value_name = "SUBJECT", requires = "kind")]
    subject: Option<String>,
    /// Where it comes from.
    #[arg(long, value_name = "SOURCE", requires = "kind", default_value = SOURCE)]
    source: String,
    /// Its id: the same source and id is one event, however often it is published. A fresh one is made when it is
    /// left out.
    #[arg(long, value_name = "ID", requires = "kind")]
    id: Option<String>,
}

pub(super) async fn run(session: &Session, command: Event) -> Result<Exit, Failure> {
    let Event::Publish(publish) = command;
    let (document, id) = match &publish.file {
        Some(file) => (Document::read(file)?, None),
        None => {
            let id = publish.id.clone().unwrap_or_else(|| SystemClock.uuid().to_string());
            (typed(&publish, &id)?, Some(id))
        }
    };
    let sent = wrap(vec![document], None, None)?;
    let published = session.client()?.publish(sent.body.clone(), sent.media_type).await;
    let published = published.map_err(|error| {
        if let (ClientError::Broken { .. }, Some(id)) = (&error, &id) {
            session.output.say(&format!("hint: repeat it with `--id {id}`: it is taken in once at most"));
        }
        in_documents(error, &sent)
    })?;
    if published.replayed {
        session.output.say("this event was published before; nobody hears of it twice");
    }
    session.output.show(&published.event, |event| event.id.clone());
    Ok(Exit::Success)
}

/// The event that was typed.
fn typed(publish: &Publish, id: &str) -> Result<Document, Failure> {
    let data = match &publish.data {
        None => Value::Null,
        Some(data) => {
            let notation =
                if data.trim_start().starts_with(['{', '[', '"']) { Notation::Json } else { Notation::Yaml };
            Document { name: "--data".to_owned(), bytes: data.as_bytes().to_vec(), notation }.value()?
        }
    };
    let mut event = json!({
        "specversion": "1.0", "id": id, "source": publish.source, "type": publish.kind, "data": data,
    });
    if let (Some(subject), Some(event)) = (&publish.subject, event.as_object_mut()) {
        event.insert("subject".to_owned(), json!(subject));
    }
    let bytes = event.to_string().into_bytes();
    Ok(Document { name: "the event".to_owned(), bytes, notation: Notation::Json })
}

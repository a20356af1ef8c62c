//! A report that a server makes: ordered, watched, fetched.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::time::Duration;

use concordat_report::making::Form;
use concordat_report::template;
use concordat_server::api::reports::{ReportForm, ReportOrder, ReportState, ReportStatus};
use serde_json::Value;

use super::super::super::exit::Exit;
use super::super::super::failure::Failure;
use super::super::super::session::Session;
use super::{Report, bar, moment, part};
use crate::client::Client;

/// How often a report is looked after.
const LOOK: Duration = Duration::from_millis(200);

pub(super) async fn run(session: &Session, command: &Report, form: Form) -> Result<Exit, Failure> {
    let client = session.client()?;
    let order = ReportOrder {
        template: template(&command.template)?,
        from: command.from.as_deref().map(moment).transpose()?,
        to: command.to.as_deref().map(moment).transpose()?,
        form: wire(form),
        payloads: command.payloads,
        checkpoint: command.checkpoint.as_deref().map(super::super::read).transpose()?,
    };
    let done = made(&client, client.order_report(&order).await?).await?;
    let part = part(&command.file);
    let unwritable = |why: std::io::Error| {
        Failure::Usage(format!("`{}` cannot be written: {why}", command.file.display()))
    };
    let mut out = BufWriter::new(File::create(&part).map_err(unwritable)?);
    client.report_content(&done.id, |piece| out.write_all(piece).map_err(unwritable)).await?;
    out.flush().map_err(unwritable)?;
    fs::rename(&part, &command.file).map_err(unwritable)?;
    session.output.show(&done, |done| {
        let bytes = done.bytes.unwrap_or_default();
        format!("`{}` written: {bytes} bytes of {} records", command.file.display(), done.of)
    });
    Ok(Exit::Success)
}

/// Waits until a report is made.
async fn made(client: &Client, mut status: ReportStatus) -> Result<ReportStatus, Failure> {
    let bar = bar();
    loop {
        bar.set_length(status.of);
        bar.set_position(status.records);
        match status.state {
            ReportState::Done => {
                bar.finish_and_clear();
                return Ok(status);
            }
            ReportState::Failed => {
                bar.finish_and_clear();
                let why = status.problem.unwrap_or_default();
                return Err(Failure::Conflict(format!("the server did not make the report: {why}")));
            }
            ReportState::Running => tokio::time::sleep(LOOK).await,
        }
        status = client.report(&status.id).await?;
    }
}

/// A template of the server's by its name, or one's own as it stands in a file.
fn template(name: &str) -> Result<Value, Failure> {
    if template::names().contains(&name) {
        return Ok(Value::String(name.to_owned()));
    }
    let own = fs::read(name)
        .map_err(|_| Failure::Usage(template::BadTemplate::Unknown(name.to_owned()).to_string()))?;
    concordat_model::document::read_value(&own, concordat_model::document::Notation::Yaml)
        .map_err(|problems| Failure::Usage(format!("`{name}`: {problems}")))
}

fn wire(form: Form) -> ReportForm {
    match form {
        Form::Html => ReportForm::Html,
        Form::Pdf => ReportForm::Pdf,
        Form::Json => ReportForm::Json,
        Form::Csv => ReportForm::Csv,
        Form::JsonLines => ReportForm::Jsonl,
        Form::RecordsCsv => ReportForm::RecordsCsv,
        Form::Parquet => ReportForm::Parquet,
        Form::Pack => ReportForm::Tar,
    }
}

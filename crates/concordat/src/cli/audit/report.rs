//! `audit report`: a report, an export or an evidence pack, from a database without any server, or made by a server.

mod log;
mod remote;

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use clap::Args;
use concordat_report::making::{self, Form, Made, NotMade, Order};
use concordat_report::template::{self, Template};
use concordat_store::{BadAddress, Database, Reading};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::super::exit::Exit;
use super::super::failure::Failure;
use super::super::session::Session;
use log::Log;

#[derive(Debug, Args)]
pub(in super::super) struct Report {
    /// The file to write. Its ending says what: .html, .pdf, .csv, .json for the report; .jsonl, .records.csv and
    /// .parquet for the records; .tar for the evidence pack.
    #[arg(long, short = 'f', value_name = "FILE")]
    file: PathBuf,
    /// What is reported: general, eu-ai-act, soc2, iso-42001, hipaa, owasp-agentic, or a file of your own.
    #[arg(long, default_value = "general", value_name = "NAME|FILE")]
    template: String,
    /// From this day or moment on, such as 2026-11-01 or 2026-11-01T08:00:00Z. Days begin in UTC.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Before this day or moment.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Read this database, a file of SQLite or the address of a PostgreSQL database. Without it, the server is asked.
    #[arg(long, env = "CONCORDAT_DATABASE", hide_env_values = true, value_name = "FILE|ADDRESS")]
    database: Option<String>,
    /// A file with the log's public keys, one a line. Without it, the one beside the file is taken.
    #[arg(long, value_name = "FILE", requires = "database")]
    verifier_keys: Option<PathBuf>,
    /// A file with a checkpoint that you kept: the pack proves that the log continues it.
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Put the payloads that the records name into the pack: inputs, parameters and results in plain text.
    #[arg(long)]
    payloads: bool,
}

#[derive(Debug, Serialize)]
struct Written {
    file: String,
    first: u64,
    end: u64,
    root: Option<String>,
    bytes: u64,
}

pub(super) async fn run(session: &Session, command: Report) -> Result<Exit, Failure> {
    let form = form(&command.file)?;
    let Some(database) = &command.database else { return remote::run(session, &command, form).await };
    let database = self::database(database)?;
    let order = order(session, &command, &database, form)?;
    let unreadable = |why| Failure::Unverifiable(format!("`{database}` cannot be read: {why}"));
    if matches!(&database, Database::File(path) if !path.is_file()) {
        return Err(Failure::NotFound(format!("there is no database `{database}`")));
    }
    let mut log = Log(Reading::of(&database).map_err(unreadable)?);
    let (made, bytes) = write(&mut log, &order, &command.file).await?;
    let Made { first, end, root } = made;
    let written = Written { file: command.file.display().to_string(), first, end, root, bytes };
    session.output.show(&written, said);
    Ok(Exit::Success)
}

fn said(written: &Written) -> String {
    let Written { file, first, end, root, bytes } = written;
    let records = match end.checked_sub(*first) {
        None | Some(0) => "no records in this period".to_owned(),
        Some(count) => format!("{count} records, {first} to {}", end - 1),
    };
    let root = root.as_deref().map_or("not signed".to_owned(), |root| format!("root {root}"));
    format!("`{file}` written: {bytes} bytes\n  {records}\n  {root}")
}

fn database(text: &str) -> Result<Database, Failure> {
    text.parse().map_err(|error: BadAddress| Failure::Usage(error.to_string()))
}

fn form(file: &Path) -> Result<Form, Failure> {
    let name = file.display().to_string();
    Form::of_file(&name).ok_or_else(|| {
        Failure::Usage(format!(
            "`{name}` does not say what to write; hint: end it with .html, .pdf, .json, .csv, .jsonl, .records.csv, .parquet or .tar"
        ))
    })
}

fn order(session: &Session, command: &Report, database: &Database, form: Form) -> Result<Order, Failure> {
    let keys = match &command.verifier_keys {
        Some(keys) => keys.clone(),
        None => super::verify::beside(session, database)?,
    };
    let earlier = command.checkpoint.as_deref().map(super::read).transpose()?;
    Ok(Order {
        template: template(&command.template)?,
        from: command.from.as_deref().map(moment).transpose()?.map(recorded),
        to: command.to.as_deref().map(moment).transpose()?.map(recorded),
        form,
        keys: super::verifiers(&keys)?,
        payloads: command.payloads,
        earlier,
    })
}

/// A template of ours by its name, or one's own by its path.
fn template(name: &str) -> Result<Template, Failure> {
    let usage = |error: template::BadTemplate| Failure::Usage(error.to_string());
    if template::names().contains(&name) {
        return Template::named(name).map_err(usage);
    }
    match fs::read_to_string(name) {
        Ok(text) => Template::read(&text).map_err(|error| Failure::Usage(format!("`{name}`: {error}"))),
        Err(_) => Template::named(name).map_err(usage),
    }
}

/// A time as records have it.
fn recorded(time: Timestamp) -> String {
    format!("{time:.6}")
}

/// A moment, or the beginning of a day.
fn moment(text: &str) -> Result<Timestamp, Failure> {
    // What is longer than a day is a moment; a date would be read from its beginning.
    let day =
        || text.parse::<Date>().ok().filter(|_| !text.contains(['T', ' ']))?.to_zoned(TimeZone::UTC).ok();
    let moment = text.parse::<Timestamp>().ok().or_else(|| Some(day()?.timestamp()));
    moment.ok_or_else(|| {
        Failure::Usage(format!("`{text}` is no time; hint: write it like 2026-11-01 or 2026-11-01T08:00:00Z"))
    })
}

/// Where a file is written before it is whole.
fn part(file: &Path) -> PathBuf {
    let mut part = file.as_os_str().to_owned();
    part.push(".part");
    PathBuf::from(part)
}

/// Writes beside the file first: what is there under its name is whole.
async fn write(log: &mut Log, order: &Order, file: &Path) -> Result<(Made, u64), Failure> {
    let part = part(file);
    let unwritable = |why| Failure::Usage(format!("`{}` cannot be written: {why}", file.display()));
    let mut out = BufWriter::with_capacity(1 << 18, File::create(&part).map_err(unwritable)?);
    let bar = bar();
    let mut progress = |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    };
    let made = making::make(log, order, &mut out, &mut progress).await;
    let made = made.map_err(|why| failure(&why)).and_then(|made| {
        let out = out.into_inner().map_err(|error| unwritable(error.into_error()))?;
        out.sync_all().map_err(unwritable)?;
        let bytes = out.metadata().map_err(unwritable)?.len();
        fs::rename(&part, file).map_err(unwritable)?;
        Ok((made, bytes))
    });
    bar.finish_and_clear();
    if made.is_err() {
        // Half a report is none; that it could not be taken away is no news beside why it was not made.
        let _ = fs::remove_file(&part);
    }
    made
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {pos} of {len} records");
    ProgressBar::new(0).with_style(style.unwrap_or(ProgressStyle::default_bar()))
}

fn failure(why: &NotMade) -> Failure {
    match why {
        NotMade::Root { .. } | NotMade::Forked(_) | NotMade::Record(_) => Failure::Tampered(why.to_string()),
        NotMade::Template(_) | NotMade::Nothing | NotMade::Write(_) => Failure::Usage(why.to_string()),
        NotMade::Source(_) | NotMade::Checkpoint(_) | NotMade::Earlier(_) | NotMade::Frontier(_) => {
            Failure::Unverifiable(why.to_string())
        }
        NotMade::Draw(_) => Failure::Internal(anyhow::anyhow!("{why}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_moments_are_times() {
        for (text, time) in [
            ("2026-11-01", "2026-11-01T00:00:00.000000Z"),
            ("2026-11-01T08:00:00Z", "2026-11-01T08:00:00.000000Z"),
            ("2026-11-01T08:00:00.5+02:00", "2026-11-01T06:00:00.500000Z"),
        ] {
            assert_eq!(recorded(moment(text).unwrap()), time);
        }
        for odd in ["", "yesterday", "2026-13-01", "2026-11-01T08:00:00"] {
            assert!(moment(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn an_unknown_template_is_named_with_those_that_there_are() {
        let refused = template("sox").unwrap_err().to_string();
        assert!(refused.contains("owasp-agentic"), "{refused}");
    }
}

//! `audit fsck`: whether what a database keeps beside its records is what they say, row by row.

use std::path::Path;

use clap::Args;
use concordat_store::fsck::{self, CannotExamine, Difference, Examined};
use concordat_store::{BadAddress, Database, OpenError};
use serde::Serialize;

use super::super::caret::visible;
use super::super::exit::Exit;
use super::super::failure::Failure;
use super::super::session::Session;

#[derive(Debug, Args)]
pub(in crate::cli) struct Options {
    /// The database: a file of SQLite, or the address of a PostgreSQL database.
    #[arg(
        default_value = "concordat-data/concordat.db",
        env = "CONCORDAT_DATABASE",
        hide_env_values = true,
        value_name = "FILE|ADDRESS"
    )]
    database: String,
    /// Make rows of runs and indices anew where they are not what the records say. No server may use the database. Records,
    /// checkpoints and payloads are never changed.
    #[arg(long)]
    repair: bool,
}

/// What was found, for programs.
#[derive(Debug, Serialize)]
struct Report {
    records: u64,
    checkpoints: u64,
    payloads: u64,
    runs: u64,
    forgotten_runs: u64,
    absent_payloads: u64,
    different: u64,
    repaired: u64,
    differences: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    table: &'static str,
    row: String,
    column: &'static str,
    stored: String,
    written: String,
}

pub(super) async fn run(session: &Session, options: Options) -> Result<Exit, Failure> {
    let database: Database =
        options.database.parse().map_err(|error: BadAddress| Failure::Usage(error.to_string()))?;
    if matches!(&database, Database::File(path) if !Path::is_file(path)) {
        return Err(Failure::Unverifiable(format!("there is no database `{database}`")));
    }
    let examined =
        if options.repair { fsck::repair(&database).await } else { fsck::examine(&database).await };
    let examined = examined.map_err(|error| cannot(&error))?;
    let exit = exit(&examined);
    session.output.show(&report(examined), told);
    Ok(exit)
}

/// Rows of runs and indices that were repaired are as they should be; all else stays wrong.
fn exit(examined: &Examined) -> Exit {
    match examined.different {
        0 => Exit::Success,
        all if examined.repaired > 0 && all == examined.of_runs + examined.of_indexes => Exit::Success,
        _ => Exit::Negative,
    }
}

fn report(examined: Examined) -> Report {
    let Examined {
        records,
        checkpoints,
        payloads,
        runs,
        differences,
        different,
        forgotten,
        absent,
        repaired,
        ..
    } = examined;
    let line = |difference: Difference| Line {
        table: difference.table,
        row: visible(&difference.row),
        column: difference.column,
        stored: visible(&difference.stored),
        written: visible(&difference.written),
    };
    let differences = differences.into_iter().map(line).collect();
    let (forgotten_runs, absent_payloads) = (forgotten, absent);
    Report {
        records,
        checkpoints,
        payloads,
        runs,
        forgotten_runs,
        absent_payloads,
        different,
        repaired,
        differences,
    }
}

fn told(report: &Report) -> String {
    let Report {
        records,
        checkpoints,
        payloads,
        runs,
        forgotten_runs,
        absent_payloads,
        different,
        repaired,
        differences,
    } = report;
    let mut told = format!(
        "{records} records, {checkpoints} checkpoints, {payloads} payloads, {runs} runs: {different} differences\n"
    );
    for Line { table, row, column, stored, written } in differences {
        if *table == "(file)" {
            told.push_str(&format!("  {written}\n"));
            continue;
        }
        told.push_str(&format!(
            "  {table} {row}, {column}: `{stored}` is stored, the records say `{written}`\n"
        ));
    }
    let shown = differences.len() as u64;
    if *different > shown {
        told.push_str(&format!("  and {} more\n", different - shown));
    }
    if *forgotten_runs > 0 {
        told.push_str(&format!(
            "what {forgotten_runs} runs held was forgotten, and the log says so; their rows are as they stood\n"
        ));
    }
    if *absent_payloads > 0 {
        told.push_str(&format!(
            "{absent_payloads} payloads that runs name are not stored, and no record says that they were forgotten\n"
        ));
    }
    if *repaired > 0 {
        told.push_str(&format!("{repaired} rows of runs and indices were made anew\n"));
    } else if differences.iter().any(|line| ["run", "(file)"].contains(&line.table)) {
        told.push_str("hint: stop the server, and make rows of runs and indices anew with `--repair`\n");
    }
    if differences.iter().any(|line| !["run", "(file)"].contains(&line.table)) {
        told.push_str(
            "hint: records, checkpoints and payloads are never repaired; run `audit verify`, then restore a backup\n",
        );
    }
    told
}

fn cannot(error: &CannotExamine) -> Failure {
    let words = visible(&error.to_string());
    match error {
        CannotExamine::Open(OpenError::InUse { .. }) => Failure::Usage(words),
        CannotExamine::Row(_) => Failure::Tampered(words),
        CannotExamine::Open(_) | CannotExamine::Database(_) => Failure::Unverifiable(words),
    }
}

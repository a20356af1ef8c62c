//! `policy eval`: what a query over a folder comes to for an input, and how it came to that.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use concordat_policy::testing::query::{self, Answer, Explain, Query};
use serde_json::Value;

use super::{bundle, wrong};
use crate::cli::caret::visible;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;

/// An input is far smaller; what is larger no gate would be told.
const LARGEST: u64 = 16 * 1024 * 1024;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Eval {
    /// The folder and the query; with one of them, the query over the standard policy.
    #[arg(required = true, num_args = 1..=2, value_names = ["FOLDER", "QUERY"])]
    asked: Vec<String>,
    /// The input as JSON; `-` reads it from standard input.
    #[arg(short, long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Say how it came to that.
    #[arg(long, value_enum, value_name = "WHAT")]
    explain: Option<How>,
    /// The form of the answer; `--output json` is `--format json`.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// The longest that it may take.
    #[arg(long, default_value_t = 5, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
}

/// What is said beside the answer.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum How {
    /// The value of every rule in the packages that the query names.
    Rules,
    /// The condition at which each of their bodies stops.
    Fails,
    /// The lines that were evaluated.
    Coverage,
}

/// The form of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Format {
    /// The values alone.
    #[default]
    Human,
    /// What `opa eval` prints.
    Json,
}

pub(super) fn run(session: &Session, eval: &Eval) -> Result<Exit, Failure> {
    let (folder, text) = match eval.asked.as_slice() {
        [folder, text] => (Some(PathBuf::from(folder)), text),
        [text] => (None, text),
        _ => return Err(Failure::Usage("name a folder and a query".to_owned())),
    };
    let input = eval.input.as_deref().map(read).transpose()?;
    let explain = match eval.explain {
        None => Explain::Nothing,
        Some(How::Rules) => Explain::Rules,
        Some(How::Fails) => Explain::Fails,
        Some(How::Coverage) => Explain::Coverage,
    };
    let asked = Query { text, input: input.as_deref(), timeout: Duration::from_secs(eval.timeout), explain };
    let answer = query::query(&bundle(folder)?, &asked).map_err(wrong)?;
    let json = session.output.is_json() || eval.format == Format::Json;
    session.output.data(&if json {
        serde_json::to_string_pretty(&answer).unwrap_or_default()
    } else {
        human(&answer)
    });
    if answer.result.is_empty() {
        session.output.say("undefined: no rule gives this a value for this input");
        return Ok(Exit::Negative);
    }
    Ok(Exit::Success)
}

/// A whole input, from a file or from standard input.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().take(LARGEST).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(LARGEST).read_to_end(&mut bytes))
    };
    read.map_err(|why| Failure::Usage(format!("the input `{}` cannot be read: {why}", path.display())))?;
    Ok(bytes)
}

fn human(answer: &Answer) -> String {
    let mut text = String::new();
    for result in &answer.result {
        let bindings = result.get("bindings").filter(|bindings| *bindings != &serde_json::json!({}));
        let expressions = result.get("expressions").and_then(Value::as_array);
        let values = expressions.into_iter().flatten().filter_map(|one| one.get("value"));
        for value in bindings.map_or_else(|| values.collect::<Vec<&Value>>(), |bindings| vec![bindings]) {
            text.push_str(&format!("{value:#}\n"));
        }
    }
    for one in &answer.rules {
        let value = match (&one.value, &one.error) {
            (Some(value), _) => value.to_string(),
            (None, Some(error)) => format!("error: {error}"),
            (None, None) => "undefined".to_owned(),
        };
        text.push_str(&format!("{}:{}  {} is {}\n", one.file, one.line, one.rule, visible(&value)));
    }
    for one in &answer.fails {
        let condition = &one.condition;
        text.push_str(&format!(
            "{}:{}  {} stops at `{}`\n",
            condition.file,
            condition.line,
            one.rule,
            visible(&condition.text)
        ));
        for valued in &condition.values {
            text.push_str(&format!("    {} is {}\n", visible(&valued.expression), visible(&valued.value)));
        }
    }
    for (file, lines) in answer.coverage.iter().flat_map(|coverage| &coverage.files) {
        let numbers: Vec<String> = lines.covered.iter().map(u32::to_string).collect();
        text.push_str(&format!("{file}: {}\n", numbers.join(" ")));
    }
    for line in &answer.printed {
        text.push_str(&format!("printed {}\n", visible(line.trim_end())));
    }
    text
}

//! `decision`: one gate's answer with everything that explains it.

use clap::Subcommand;
use concordat_server::api::audit::RecordsQuery;
use concordat_server::api::decisions::{CheckResult, DecisionDetail};
use concordat_server::api::why::DecisionReplay;

use super::caret::visible;
use super::exit::Exit;
use super::failure::{Failure, reasons};
use super::output::word;
use super::session::Session;
use crate::client::Client;

#[derive(Debug, Subcommand)]
pub(super) enum Decision {
    /// Show one decision.
    Get {
        /// Its id, `dec_…`.
        decision: String,
    },
    /// Make a decision again from what is stored, and tell whether every byte is the same.
    Replay {
        /// Its id, `dec_…`.
        decision: String,
    },
    /// Print a Rego test that holds as long as policy answers the same to the same question.
    TestFrom {
        /// Its id, `dec_…`.
        decision: String,
    },
    /// Print what gates were asked, one JSON object a line, for `policy prove --decisions`.
    Export {
        /// The most decisions, oldest first.
        #[arg(long, default_value_t = 10_000)]
        most: usize,
    },
}

pub(super) async fn run(session: &Session, command: Decision) -> Result<Exit, Failure> {
    let client = session.client()?;
    match command {
        Decision::Get { decision } => session.output.show(&client.decision(&decision).await?, text),
        Decision::Replay { decision } => {
            let replay = client.replay_decision(&decision).await?;
            let same = replay.same;
            session.output.show(&replay, replayed);
            return Ok(if same { Exit::Success } else { Exit::Negative });
        }
        Decision::TestFrom { decision } => {
            session.output.data(&test_of(&client.decision(&decision).await?));
        }
        Decision::Export { most } => export(session, &client, most).await?,
    }
    Ok(Exit::Success)
}

fn replayed(replay: &DecisionReplay) -> String {
    if replay.same {
        return format!("{}  the same again, byte for byte", replay.was.id);
    }
    let answer = |decision: &concordat_server::api::decisions::Decision| {
        format!("{}{}", word(&decision.answer.kind), reasons(&decision.answer.reasons))
    };
    format!("{}  NOT the same\n  was {}\n  now {}", replay.was.id, answer(&replay.was), answer(&replay.again))
}

/// A Rego test of one real decision: the same question has to get the same answer, for the same reasons and agents.
fn test_of(detail: &DecisionDetail) -> String {
    let decision = &detail.decision;
    let gate = word(&decision.gate);
    let json = |value: &serde_json::Value| serde_json::to_string_pretty(value).unwrap_or_default();
    let input = json(&detail.input).replace("  ", "\t");
    let codes: Vec<String> =
        decision.answer.reasons.iter().map(|reason| format!("{:?}", reason.code)).collect();
    let codes = if codes.is_empty() { "set()".to_owned() } else { format!("{{{}}}", codes.join(", ")) };
    let permitted: Vec<String> = decision.permitted.iter().map(|id| format!("{id:?}")).collect();
    let agents = match gate.as_str() {
        "dispatch" if permitted.is_empty() => "\n\tobject.get(answer, \"permitted\", []) == []".to_owned(),
        "dispatch" => format!("\n\t{{id | some id in answer.permitted}} == {{{}}}", permitted.join(", ")),
        _ => String::new(),
    };
    let name = decision.id.to_lowercase();
    format!(
        "# From {id}, made at {time} under {policy}.\npackage concordat.{gate}_decisions_test\n\nimport \
         data.concordat.{gate}\n\ntest_{name} if {{\n\tanswer := {gate}.decision with input as asked_{name}\n\tanswer.answer == \
         {kind:?}\n\t{{reason.code | some reason in object.get(answer, \"reasons\", [])}} == {codes}{agents}\n}}\n\nasked_{name} := \
         {input}\n",
        id = decision.id,
        time = detail.time,
        policy = decision.provenance.policy,
        kind = word(&decision.answer.kind),
    )
}

async fn export(session: &Session, client: &Client, most: usize) -> Result<(), Failure> {
    let kind = Some("gate.decided".to_owned());
    let mut query = RecordsQuery { kind, limit: Some(1000), ..RecordsQuery::default() };
    let mut left = most;
    loop {
        let page = client.records(&query).await?;
        for entry in page.items.iter().take(left) {
            let Some(id) = decision_in(entry.record.get()) else { continue };
            let detail = client.decision(&id).await?;
            let line = serde_json::json!({"gate": word(&detail.decision.gate), "input": detail.input});
            session.output.data(&line.to_string());
        }
        left = left.saturating_sub(page.items.len());
        match page.next_from {
            Some(from) if left > 0 && !page.items.is_empty() => query.from = Some(from),
            _ => return Ok(()),
        }
    }
}

/// The decision that a record holds.
fn decision_in(record: &str) -> Option<String> {
    let record: serde_json::Value = serde_json::from_str(record).ok()?;
    Some(record.pointer("/data/decision/id")?.as_str()?.to_owned())
}

/// A decision in words.
pub(super) fn text(detail: &DecisionDetail) -> String {
    let decision = &detail.decision;
    let name = |id: &String| detail.agents.get(id).unwrap_or(id).clone();
    let about = match (&detail.attempt, &detail.run) {
        (Some(attempt), Some(run)) => format!("step {} of {run}", visible(&attempt.step)),
        (_, Some(run)) => run.clone(),
        (_, None) => detail.subject.clone(),
    };
    let mut text = format!(
        "{}  {} answers {}, about {about}\n",
        decision.id,
        word(&decision.gate),
        word(&decision.answer.kind)
    );
    text.push_str(&format!("  at {}, record {} of the log", detail.time, detail.index));
    text.push_str(&reasons(&decision.answer.reasons));
    for check in &decision.checks {
        let sign = match check.result {
            CheckResult::Pass => "✓",
            CheckResult::Fail => "✗",
            CheckResult::Warn => "!",
        };
        text.push_str(&format!(
            "\n  {sign} {} ({}): {}",
            visible(&check.policy),
            word(&check.severity),
            visible(&check.message)
        ));
    }
    if !decision.permitted.is_empty() {
        let names: Vec<String> = decision.permitted.iter().map(name).collect();
        text.push_str(&format!("\n  permitted: {}", names.join(", ")));
        if let Some(strategy) = &decision.strategy {
            text.push_str(&format!("\n  chosen by: {}", visible(strategy)));
        }
        if !decision.regions.is_empty() {
            text.push_str(&format!("\n  stays in: {}", visible(&decision.regions.join(", "))));
        }
    }
    for (agent, why) in &decision.excluded {
        let why: Vec<String> = why.iter().map(|reason| visible(&reason.message)).collect();
        text.push_str(&format!("\n  excluded: {}: {}", name(agent), why.join("; ")));
    }
    text.push_str(&format!(
        "\n  policy {}\n  input  {}",
        decision.provenance.policy, decision.provenance.input
    ));
    text
}

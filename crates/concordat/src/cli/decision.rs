//! `decision`: one gate's answer with everything that explains it.

use clap::Subcommand;
use concordat_server::api::decisions::{CheckResult, DecisionDetail};

use super::caret::visible;
use super::exit::Exit;
use super::failure::{Failure, reasons};
use super::output::word;
use super::session::Session;

#[derive(Debug, Subcommand)]
pub(super) enum Decision {
    /// Show one decision.
    Get {
        /// Its id, `dec_…`.
        decision: String,
    },
}

pub(super) async fn run(session: &Session, command: Decision) -> Result<Exit, Failure> {
    let Decision::Get { decision } = command;
    session.output.show(&session.client()?.decision(&decision).await?, text);
    Ok(Exit::Success)
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

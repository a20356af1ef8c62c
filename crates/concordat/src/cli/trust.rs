//! `trust`: why an agent is trusted so far, whether that follows from the log, and a person's word as evidence.
//!
//! Nothing here sets a score.

use clap::{Args, Subcommand, ValueEnum};
use concordat_model::trust::Seen;
use concordat_server::api::trust::{TestimonyGiven, TrustExplained, TrustIn, TrustQuery, TrustReplay};
use serde_json::Value;

use super::caret::visible;
use super::exit::Exit;
use super::failure::Failure;
use super::output::{percent, word};
use super::session::Session;

#[derive(Debug, Subcommand)]
pub(super) enum Trust {
    /// Explain how far an agent is trusted, in words and numbers.
    Explain {
        /// Its id or name.
        agent: String,
        /// Only with this skill.
        #[arg(long, value_name = "SKILL")]
        skill: Option<String>,
        /// Only in this domain.
        #[arg(long, value_name = "DOMAIN")]
        domain: Option<String>,
    },
    /// Compute all trust again from the log, and say whether it comes out bit for bit the same.
    Replay,
    /// Enter outcomes that Concordat did not see as evidence, with your name and a reason. It sets no score.
    Override {
        #[command(flatten)]
        about: About,
        /// How many good outcomes, at most 20.
        #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=20))]
        good: u16,
        /// How many bad outcomes, at most 20.
        #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=20))]
        bad: u16,
    },
    /// Enter that an agent broke a rule; a critical violation also suspends it.
    Violation {
        #[command(flatten)]
        about: About,
        /// How bad it is.
        #[arg(long, value_enum, value_name = "SEVERITY")]
        severity: Degree,
    },
}

/// What somebody says something about, and why.
#[derive(Debug, Args)]
pub(super) struct About {
    /// The agent's id or name.
    agent: String,
    /// With which skill.
    #[arg(long, value_name = "SKILL")]
    skill: String,
    /// In which domain.
    #[arg(long, value_name = "DOMAIN")]
    domain: String,
    /// Why; it becomes part of the log.
    #[arg(long, value_name = "REASON")]
    reason: String,
}

/// How bad a violation is.
#[derive(Debug, Clone, Copy, ValueEnum, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Degree {
    /// Worth a line in the log.
    Low,
    /// Worth a look.
    Medium,
    /// People should decide.
    High,
    /// The agent gets no more work until somebody restores it.
    Critical,
}

pub(super) async fn run(session: &Session, command: Trust) -> Result<Exit, Failure> {
    let client = session.client()?;
    let testimony = |about: &About| TestimonyGiven {
        skill: about.skill.clone(),
        domain: about.domain.clone(),
        good: 0,
        bad: 0,
        violation: None,
        reason: about.reason.clone(),
    };
    let show = |explained: &TrustExplained| session.output.show(explained, |all| text(session, all));
    match command {
        Trust::Explain { agent, skill, domain } => {
            show(&client.explain_trust(&agent, &TrustQuery { skill, domain }).await?);
        }
        Trust::Replay => {
            let replayed = client.replay_trust().await?;
            session.output.show(&replayed, again);
            return Ok(if replayed.same { Exit::Success } else { Exit::Negative });
        }
        Trust::Override { about, good, bad } => {
            let given = TestimonyGiven { good, bad, ..testimony(&about) };
            show(&client.testify(&about.agent, &given).await?);
        }
        Trust::Violation { about, severity } => {
            let given = TestimonyGiven { violation: Some(word(&severity)), ..testimony(&about) };
            show(&client.testify(&about.agent, &given).await?);
        }
    }
    Ok(Exit::Success)
}

fn again(replayed: &TrustReplay) -> String {
    let TrustReplay { changes, fault, .. } = replayed;
    match fault {
        None => {
            format!("{changes} changes of trust, computed again from the log: every bit came out the same")
        }
        Some(fault) => format!("trust does not follow from the log: {}", visible(fault)),
    }
}

fn text(session: &Session, explained: &TrustExplained) -> String {
    let TrustExplained { agent, name, owner, frozen, items } = explained;
    let mut text = format!("{}  {agent}  owned by {}", visible(name), visible(owner));
    if let Some(since) = frozen {
        text.push_str(&format!("\nnothing is learnt since {since}"));
    }
    if items.is_empty() {
        text.push_str(
            "\nnothing was seen of it yet: it is trusted as far as anybody unknown, at least 2.5 %",
        );
    }
    for item in items {
        text.push_str(&format!("\n\n{}", one(session, item)));
    }
    text
}

fn one(session: &Session, item: &TrustIn) -> String {
    let mut text = format!("{} in {}", visible(&item.skill), visible(&item.domain));
    let bounds = item.at_risk.iter().map(|at| format!("{} at {} risk", percent(at.lower_bound), at.risk));
    let bounds: Vec<String> = bounds.collect();
    text.push_str(&format!("\n  trusted at least {}", bounds.join(", ")));
    if let Some(delivery) = item.dimensions.iter().find(|side| side.dimension == "delivery") {
        let weighs = delivery.good.saturating_add(delivery.bad);
        text.push_str(&format!("\n  {}, because it rests on {} outcomes", unsure(weighs), outcomes(weighs)));
    }
    if item.at_risk.first().is_some_and(|lowest| lowest.unproven) {
        text.push_str(
            "\n  it has yet to prove itself: where others have, it gets a small part of the low-risk work",
        );
    }
    // Trust is the product of the bounds, each to the power of its weight.
    let pull = |bound: u16, weight: u16| f64::from(weight) * (f64::from(bound.max(1)) / 10_000.0).ln();
    let sides = item.dimensions.iter().map(|side| (pull(side.lower_bound, side.weight), side));
    if let Some((_, weakest)) = sides.min_by(|one, other| one.0.total_cmp(&other.0)) {
        text.push_str(&format!("\n  what holds it back most is {}", weakest.dimension));
    }
    let rows = item.dimensions.iter().map(|side| {
        [
            side.dimension.clone(),
            percent(side.weight),
            outcomes(side.good),
            outcomes(side.bad),
            format!("{} / {}", outcomes(side.presumed_good), outcomes(side.presumed_bad)),
            percent(side.lower_bound),
        ]
    });
    let columns = ["dimension", "weighs", "good", "bad", "presumed", "at least"];
    text.push_str(&format!("\n{}\n", session.output.table(columns, rows)));
    let field = &item.field;
    let [short, long] = [field.short, field.long].map(|share| share / 10_000);
    let state = if field.shaken { "shaken: choosing is open to all whom policy permits" } else { "steady" };
    let domain = match field.seen {
        0 => "of the domain nothing was seen yet".to_owned(),
        _ => {
            format!("the domain is {state}; {short} % of outcomes are good lately, {long} % in the long run")
        }
    };
    text.push_str(&format!("  {domain}"));
    if field.trials > 0 {
        let (trials, share) = (field.trials, percent(field.trial_share));
        text.push_str(&format!(
            "\n  agents without proof had {trials} low-risk outcomes there, {share} of the latest"
        ));
    }
    for change in &item.changes {
        let risk = change.risk.as_ref().map(|risk| format!(" at {risk} risk")).unwrap_or_default();
        let (index, hour, formula) = (change.index, change.hour, &change.formula);
        text.push_str(&format!(
            "\n  {hour}  record {index}: {}{risk} ({formula})",
            visible(&seen(&change.seen))
        ));
    }
    text
}

/// What was seen, in words; what this version does not know, as it came.
fn seen(told: &Value) -> String {
    serde_json::from_value::<Seen>(told.clone()).map_or_else(|_| told.to_string(), |seen| seen.to_string())
}

/// How much of a judgement is not yet filled with what was seen: two parts in two more than was seen.
fn unsure(micros: u64) -> String {
    let two = 2_000_000_u128;
    let share = two * 1_000 / (u128::from(micros) + two);
    format!("unsure to {}.{} %", share / 10, share % 10)
}

/// Millionths of outcomes, to two places.
fn outcomes(micros: u64) -> String {
    let hundredths = (micros + 5_000) / 10_000;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

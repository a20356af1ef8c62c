//! Revisions of the policy on a server: published, looked at, compared, promoted, taken back.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use concordat_server::api::policies::{
    DiffQuery, ImpactQuery, ImpactReport, PolicyDetail, PolicyPromotion, PolicyRevision, Stage,
};
use jiff::Timestamp;

use super::bundle;
use crate::cli::caret::visible;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::word;
use crate::cli::session::Session;
use crate::client::Client;
use crate::policies;

/// Publish a folder or an archive: it is looked over and kept, and decides nothing yet.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Publish {
    /// The folder, or the archive of a bundle, which keeps its signature.
    path: PathBuf,
}

/// A revision: its digest, or the beginning of it.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Named {
    /// The revision: `sha256:…`, or enough of its digits.
    revision: String,
}

/// Two revisions.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Diff {
    /// The revision: `sha256:…`, or enough of its digits.
    revision: String,
    /// The revision that it is compared with; the one in force where nothing is said.
    #[arg(long, value_name = "REVISION")]
    against: Option<String>,
}

/// Where a revision is to go.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Promote {
    /// The revision: `sha256:…`, or enough of its digits.
    revision: String,
    /// What it may do then: `shadow`, `canary=10%`, `enforced` or `off`.
    #[arg(long, value_name = "STAGE", value_parser = stage)]
    to: (Stage, Option<u16>),
    /// Why; it becomes part of the log.
    #[arg(long, value_name = "REASON")]
    reason: String,
    /// Pass over the usual proofs, until this time; then what was in force before comes back.
    #[arg(long, value_name = "TIME")]
    break_glass_until: Option<Timestamp>,
    /// As a canary: the percentage of decisions in which it may differ before it is taken back.
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    most_differ: Option<u16>,
}

/// What is taken back, and why.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Withdraw {
    /// The revision: `sha256:…`, or enough of its digits.
    revision: String,
    /// Why; it becomes part of the log.
    #[arg(long, value_name = "REASON")]
    reason: String,
}

/// Why the policy in force is taken back.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RollBack {
    /// Why; it becomes part of the log.
    #[arg(long, value_name = "REASON")]
    reason: String,
}

/// Which stored decisions are asked again.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Impact {
    /// The revision (`sha256:…`, or enough of its digits), or a folder or an archive, which is published first.
    policy: String,
    /// Only decisions made at or after this time.
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Only decisions made before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
}

/// What is done to the revisions of a server.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    /// List the revisions, newest first.
    List,
    /// Show a revision and its files.
    Show(Named),
    /// Publish a folder or an archive: it is looked over and kept, and decides nothing yet.
    Publish(Publish),
    /// Show what a revision changes.
    Diff(Diff),
    /// Show what a revision would have decided otherwise: stored decisions are asked again.
    Impact(Impact),
    /// Let a revision be on trial, come into force, or be off.
    Promote(Promote),
    /// Take a revision off trial.
    Withdraw(Withdraw),
    /// Take the policy in force back: the one before it is in force again.
    Rollback(RollBack),
}

pub(super) async fn run(session: &Session, command: Command) -> Result<Exit, Failure> {
    let client = session.client()?;
    match command {
        Command::List => {
            session.output.show(&client.policies().await?, |list| table(session, &list.items));
        }
        Command::Show(Named { revision }) => {
            let revision = find(&client, &revision).await?;
            session.output.show(&client.policy_revision(&revision).await?, |detail| shown(session, detail));
        }
        Command::Publish(Publish { path }) => {
            let published = publish(session, &client, &path).await?;
            session.output.show(&published, |one| line(session, one));
        }
        Command::Diff(Diff { revision, against }) => {
            let revision = find(&client, &revision).await?;
            let against = match against {
                Some(against) => Some(find(&client, &against).await?),
                None => None,
            };
            let diff = client.policy_diff(&revision, &DiffQuery { against }).await?;
            if diff.files.is_empty() {
                session.output.say("they are the same");
            }
            session.output.show(&diff, |diff| {
                diff.files.iter().map(|file| visible_lines(&file.diff)).collect::<Vec<_>>().concat()
            });
        }
        Command::Promote(promote) => {
            let stands = self::promote(&client, promote).await?;
            session.output.show(&stands, |one| line(session, one));
        }
        Command::Withdraw(Withdraw { revision, reason }) => {
            let revision = find(&client, &revision).await?;
            let stands = client.withdraw_policy(&revision, &reason).await?;
            session.output.show(&stands, |one| line(session, one));
        }
        Command::Rollback(RollBack { reason }) => {
            session.output.show(&client.roll_back_policy(&reason).await?, |one| line(session, one));
        }
        Command::Impact(Impact { policy, since, until }) => {
            let path = PathBuf::from(&policy);
            let revision = if path.exists() {
                publish(session, &client, &path).await?.revision
            } else {
                find(&client, &policy).await?
            };
            let report = client.policy_impact(&revision, &ImpactQuery { since, until }).await?;
            session.output.show(&report, |report| impact(session, report));
        }
    }
    Ok(Exit::Success)
}

async fn promote(client: &Client, promote: Promote) -> Result<PolicyRevision, Failure> {
    let revision = find(client, &promote.revision).await?;
    let (to, share) = promote.to;
    let promotion = PolicyPromotion {
        to,
        share,
        reason: promote.reason,
        break_glass: promote.break_glass_until,
        most_differ: promote.most_differ,
    };
    Ok(client.promote_policy(&revision, &promotion).await?)
}

async fn publish(session: &Session, client: &Client, path: &Path) -> Result<PolicyRevision, Failure> {
    let (body, media_type) = if path.is_dir() {
        (bundle(Some(path.to_owned()))?.document(), "application/json")
    } else {
        // As it is, with its signature.
        (policies::archive_at(path).map_err(super::wrong)?, "application/gzip")
    };
    let published = client.publish_policy(body, media_type).await?;
    for warning in &published.warnings {
        session.output.say(&format!(
            "warning: {}:{}:{}: {}",
            visible(&warning.file),
            warning.line,
            warning.column,
            visible(&warning.message)
        ));
    }
    Ok(published.revision)
}

/// The one revision whose digest begins so, or that has this label.
async fn find(client: &Client, named: &str) -> Result<String, Failure> {
    let digits = named.strip_prefix("sha256:").unwrap_or(named);
    let all = client.policies().await?.items;
    let begins = |one: &&PolicyRevision| {
        let own = one.revision.strip_prefix("sha256:").unwrap_or(&one.revision);
        (digits.len() >= 4 && own.starts_with(digits)) || one.label.as_deref() == Some(named)
    };
    let mut found = all.iter().filter(begins);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one.revision.clone()),
        (Some(_), Some(_)) => Err(Failure::Usage(format!(
            "`{}` names several revisions: give more of its digits",
            visible(named)
        ))),
        (None, _) => Err(Failure::NotFound(format!("there is no policy revision `{}`", visible(named)))),
    }
}

fn stage(text: &str) -> Result<(Stage, Option<u16>), String> {
    match text.split_once('=') {
        None if text == "off" => Ok((Stage::Off, None)),
        None if text == "shadow" => Ok((Stage::Shadow, None)),
        None if text == "enforced" => Ok((Stage::Enforced, None)),
        Some(("canary", share)) => Ok((Stage::Canary, Some(percent(share)?))),
        _ => Err("it is `shadow`, `canary=10%`, `enforced` or `off`".to_owned()),
    }
}

/// A percentage with at most two decimals, as basis points.
fn percent(text: &str) -> Result<u16, String> {
    let digits = text.strip_suffix('%').unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let wrong = || format!("`{text}` is not a percentage like `10%` or `0.5%`");
    if part.len() > 2 {
        return Err(wrong());
    }
    let whole: u16 = whole.parse().map_err(|_| wrong())?;
    let part: u16 = format!("{part:0<2}").parse().map_err(|_| wrong())?;
    let points = whole.checked_mul(100).and_then(|points| points.checked_add(part)).ok_or_else(wrong)?;
    if points > 10_000 { Err(wrong()) } else { Ok(points) }
}

fn short(revision: &str) -> String {
    revision.strip_prefix("sha256:").unwrap_or(revision).chars().take(12).collect()
}

fn stands(one: &PolicyRevision) -> String {
    match one.share {
        Some(share) => format!("canary {}.{:02} %", share / 100, share % 100),
        None => word(&one.stage),
    }
}

fn table(session: &Session, revisions: &[PolicyRevision]) -> String {
    let rows = revisions.iter().map(|one| {
        let trial = one.trial.map(|trial| format!("{} of {} differ", trial.differed, trial.asked));
        [
            short(&one.revision),
            stands(one),
            one.label.clone().unwrap_or_default(),
            one.author.clone().unwrap_or_else(|| "(installed)".to_owned()),
            session.age(one.published),
            one.tests.to_string(),
            trial.unwrap_or_default(),
        ]
    });
    session.output.table(["revision", "stage", "label", "author", "age", "tests", "trial"], rows)
}

fn line(session: &Session, one: &PolicyRevision) -> String {
    let author = one.author.as_deref().unwrap_or("the operator's folder");
    let mut text = format!(
        "{}\n  {}, from {}, published {} ago, {} tests",
        one.revision,
        stands(one),
        visible(author),
        session.age(one.published),
        one.tests
    );
    if let Some(expires) = one.expires {
        text.push_str(&format!("\n  WITHOUT THE USUAL PROOFS until {expires}"));
    }
    if let Some(trial) = one.trial {
        text.push_str(&format!(
            "\n  on trial: asked {}, differed {}, failed {}",
            trial.asked, trial.differed, trial.failed
        ));
    }
    if let Some(seen) = &one.impact {
        text.push_str(&format!(
            "\n  impact seen by {} against {}: {} of {} asked again, {} differ",
            visible(&seen.by),
            short(&seen.against),
            seen.replayed,
            seen.decisions,
            seen.differ
        ));
    }
    text
}

fn shown(session: &Session, detail: &PolicyDetail) -> String {
    let files = detail.bundle.get("files").and_then(serde_json::Value::as_object);
    let names = files.into_iter().flatten().map(|(path, text)| {
        let lines = text.as_str().map_or(0, |text| text.lines().count());
        format!("\n  {} ({lines} lines)", visible(path))
    });
    format!("{}{}", line(session, &detail.revision), names.collect::<Vec<_>>().concat())
}

fn impact(session: &Session, report: &ImpactReport) -> String {
    let mut text = format!(
        "{} decisions, {} asked again, {} not\n",
        report.decisions,
        report.replayed,
        report.decisions - report.replayed
    );
    for (why, count) in &report.not_replayable {
        text.push_str(&format!("  {count} could not be asked again: {}\n", why.replace('_', " ")));
    }
    text.push_str(&format!("\nof {} against {}:\n", short(&report.revision), short(&report.against)));
    for (count, what) in [
        (report.same, "the same"),
        (report.same_answer, "the same answer, with other reasons or remarks"),
        (report.would_permit, "would be permitted"),
        (report.would_review, "would go to people"),
        (report.would_deny, "would be denied"),
        (report.other_agents, "would be permitted to other agents"),
        (report.rerouted, "of them would have gone to another agent"),
    ] {
        text.push_str(&format!("  {count:>8} {what}\n"));
    }
    let counts = |title: &str, counts: &std::collections::BTreeMap<String, u64>| {
        let lines = counts.iter().map(|(name, count)| format!("  {count:>8} {}\n", visible(name)));
        let lines: Vec<String> = lines.collect();
        if lines.is_empty() { String::new() } else { format!("\n{title}:\n{}", lines.concat()) }
    };
    text.push_str(&counts("reasons that would be new", &report.codes_new));
    text.push_str(&counts("reasons that would be gone", &report.codes_gone));
    text.push_str(&counts("permits that agents would gain", &report.agents_gained));
    text.push_str(&counts("permits that agents would lose", &report.agents_lost));
    if !report.samples.is_empty() {
        let rows = report.samples.iter().map(|flip| {
            let routed = match (&flip.agent, &flip.would_agent) {
                (Some(was), Some(would)) => format!("{was} → {would}"),
                _ => flip.codes.join(" "),
            };
            [flip.decision.clone(), flip.gate.clone(), flip.was.clone(), flip.would.clone(), routed]
        });
        let head = ["decision", "gate", "was", "would", "why"];
        text.push_str(&format!("\n{}", session.output.table(head, rows)));
    }
    text
}

fn visible_lines(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", visible(line))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_words() {
        for (text, wanted) in [
            ("off", Some((Stage::Off, None))),
            ("shadow", Some((Stage::Shadow, None))),
            ("enforced", Some((Stage::Enforced, None))),
            ("canary=10%", Some((Stage::Canary, Some(1_000)))),
            ("canary=0.5%", Some((Stage::Canary, Some(50)))),
            ("canary=0.05", Some((Stage::Canary, Some(5)))),
            ("canary=100", Some((Stage::Canary, Some(10_000)))),
            ("canary=101%", None),
            ("canary=-1", None),
            ("canary=1.234", None),
            ("canary", None),
            ("on", None),
        ] {
            assert_eq!(stage(text).ok(), wanted, "{text}");
        }
    }
}

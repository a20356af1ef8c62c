//! Policy: who wrote what came into force, who brought it there, and what was taken back.

use std::collections::BTreeMap;

use concordat_model::digest::Digest;
use concordat_model::policy_book::{PolicyEvent, Stage, Withdrawal};

use super::listed::{Listed, cut, short};
use crate::counts::Counts;
use crate::entry::Entry;
use crate::report::Section;

pub(super) const CHANGES: &str = "type=policy.*";
const PUBLISHED: &str = "type=policy.published";
const REFUSED: &str = "type=policy.refused";
pub(super) const PROMOTED: &str = "type=policy.promoted";
const ENFORCED: &str = "type=policy.promoted data.to.stage=enforced";
const ROLLED_BACK: &str = "type=policy.rolled_back";
const WITHDRAWN: &str = "type=policy.withdrawn";

pub(super) const QUERIES: &[&str] =
    &[CHANGES, PUBLISHED, REFUSED, PROMOTED, ENFORCED, ROLLED_BACK, WITHDRAWN];

/// What was done to policies.
#[derive(Debug, Default)]
pub(super) struct Policies {
    changes: Listed,
    authors: BTreeMap<Digest, String>,
}

impl Policies {
    pub(super) fn note(&mut self, entry: &Entry<'_>) {
        if !entry.record.kind().starts_with("policy.") {
            return;
        }
        let Some(event) = entry.data::<PolicyEvent>() else { return };
        if let PolicyEvent::Published { revision, author, .. } = &event {
            self.authors.insert(*revision, author.to_string());
        }
        let row = self.row(&event);
        self.changes.push(entry, row);
    }

    fn author(&self, revision: &Digest) -> String {
        self.authors.get(revision).cloned().unwrap_or_else(|| "published before the period".to_owned())
    }

    /// What happened, to which revision, its author, who did it, and the rest.
    #[expect(clippy::too_many_lines, reason = "one row for each event, easier to check in one piece")]
    fn row(&self, event: &PolicyEvent) -> [String; 5] {
        let nobody = || "—".to_owned();
        match event {
            PolicyEvent::Installed { revision, tests } => [
                "installed, in force".to_owned(),
                short(revision),
                "came with the program".to_owned(),
                nobody(),
                format!("{tests} tests"),
            ],
            PolicyEvent::Published { revision, label, author, tests, warnings, .. } => [
                "published".to_owned(),
                short(revision),
                author.to_string(),
                author.to_string(),
                format!("{} {tests} tests hold, {warnings} warnings", label.as_deref().unwrap_or_default()),
            ],
            PolicyEvent::Refused { sent, author, first, errors, .. } => [
                "refused".to_owned(),
                short(sent),
                author.to_string(),
                author.to_string(),
                cut(&format!("{errors} errors, the first: {first}")),
            ],
            PolicyEvent::ImpactSeen { revision, impact, .. } => [
                "impact seen".to_owned(),
                short(revision),
                self.author(revision),
                impact.by.to_string(),
                format!(
                    "{} of {} decisions asked again would differ from {}",
                    impact.differ,
                    impact.replayed,
                    short(impact.against)
                ),
            ],
            PolicyEvent::Promoted { revision, to, by, reason, break_glass, .. } => [
                match (to, break_glass) {
                    (Stage::Canary { share }, _) => {
                        format!("promoted to canary ({} of 10000)", share.points())
                    }
                    (stage, None) => format!("promoted to {}", stage.as_str()),
                    (stage, Some(_)) => format!("promoted to {}, breaking the glass", stage.as_str()),
                },
                short(revision),
                self.author(revision),
                by.to_string(),
                cut(&match break_glass {
                    Some(until) => format!("until {until}: {reason}"),
                    None => reason.clone(),
                }),
            ],
            PolicyEvent::Withdrawn { revision, cause } => {
                let (by, why) = withdrawal(cause);
                ["withdrawn from trial".to_owned(), short(revision), self.author(revision), by, why]
            }
            PolicyEvent::RolledBack { revision, to, cause } => {
                let (by, why) = withdrawal(cause);
                let why = format!("back to {}: {why}", short(to));
                ["rolled back".to_owned(), short(revision), self.author(revision), by, why]
            }
        }
    }

    pub(super) fn section(&self, counts: &Counts) -> Section {
        let figures = vec![
            counts.figure("policies.changes", "Changes to policy", CHANGES, ""),
            counts.figure("policies.published", "Revisions published", PUBLISHED, CHANGES),
            counts.figure("policies.refused", "Bundles refused at the gate", REFUSED, CHANGES),
            counts.figure("policies.enforced", "Promotions into force", ENFORCED, CHANGES),
            counts.figure("policies.withdrawn", "Withdrawn from trial", WITHDRAWN, CHANGES),
            counts.figure("policies.rolled_back", "Rolled back", ROLLED_BACK, CHANGES),
        ];
        Section {
            id: "policies",
            title: "Policy changes",
            about: "Every change to what decides: its author, who brought it into force, and the digest under which the \
                    whole bundle is stored. The bundles in force are in the evidence pack, so they can be compared line \
                    by line.",
            figures,
            charts: Vec::new(),
            tables: vec![self.changes.table(
                "policies.list",
                "Changes",
                &["change", "revision", "author", "by", "why"],
                CHANGES,
                None,
            )],
        }
    }
}

/// Who took something back, and why.
fn withdrawal(cause: &Withdrawal) -> (String, String) {
    let itself = || "by itself".to_owned();
    match cause {
        Withdrawal::Person { by, reason, .. } => (by.to_string(), cut(reason)),
        Withdrawal::Disagreed { asked, differed } => {
            (itself(), format!("differed in {differed} of {asked} decisions"))
        }
        Withdrawal::Failed { asked, failed } => (itself(), format!("gave no answer in {failed} of {asked}")),
        Withdrawal::Expired => (itself(), "nobody confirmed it in time".to_owned()),
    }
}

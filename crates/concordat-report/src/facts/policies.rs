//! Policy: who wrote what came into force, who brought it there, and what was taken back.

use std::collections::BTreeMap;

use concordat_model::digest::Digest;
use concordat_model::policy_book::{PolicyEvent, Stage, Withdrawal};

use super::listed::{Listed, cut, short};
use crate::counts::Counts;
use crate::entry::Entry;
use crate::report::{Enforced, Section};

pub(super) const CHANGES: &str = "type=policy.*";
const PUBLISHED: &str = "type=policy.published";
const REFUSED: &str = "type=policy.refused";
pub(super) const PROMOTED: &str = "type=policy.promoted";
const ENFORCED: &str = "type=policy.promoted data.to.stage=enforced";
const ROLLED_BACK: &str = "type=policy.rolled_back";
const WITHDRAWN: &str = "type=policy.withdrawn";

pub(super) const QUERIES: &[&str] =
    &[CHANGES, PUBLISHED, REFUSED, PROMOTED, ENFORCED, ROLLED_BACK, WITHDRAWN];

/// The most revisions whose changes are shown line by line.
const MOST_PUBLISHED: usize = 100;

/// What was done to policies.
#[derive(Debug, Default)]
pub(super) struct Policies {
    changes: Listed,
    authors: BTreeMap<Digest, String>,
    /// The revision that the next one is compared with: the newest, or before any was published, the one in force.
    newest: Option<Digest>,
    pub(super) published: Vec<Published>,
    pub(super) more: u64,
}

/// A revision that was published or came with the program, and the one before it.
#[derive(Debug, Clone)]
pub struct Published {
    /// The record that says so.
    pub index: u64,
    /// When, as it claims.
    pub time: String,
    /// The revision.
    pub revision: Digest,
    /// The one before it, as far as the period knows.
    pub against: Option<Digest>,
    /// Who sent it; none if it came with the program.
    pub author: Option<String>,
    /// Who brought it into force.
    pub enforced: Vec<Enforced>,
}

impl Policies {
    pub(super) fn note(&mut self, entry: &Entry<'_>) {
        if !entry.record.kind().starts_with("policy.") {
            return self.in_force(entry);
        }
        let Some(event) = entry.data::<PolicyEvent>() else { return };
        match &event {
            PolicyEvent::Published { revision, author, .. } => {
                self.authors.insert(*revision, author.to_string());
                self.publish(entry, *revision, Some(author.to_string()));
            }
            PolicyEvent::Installed { revision, .. } => self.publish(entry, *revision, None),
            PolicyEvent::Promoted { revision, to: Stage::Enforced, by, .. } => {
                let published = self.published.iter_mut().rfind(|published| published.revision == *revision);
                let enforced = Enforced { by: by.to_string(), leaf: entry.index };
                published.into_iter().for_each(|published| published.enforced.push(enforced.clone()));
            }
            _ => {}
        }
        let row = self.row(&event);
        self.changes.push(entry, row);
    }

    /// Before anything was published in the period, what was in force then is what the first change is made to.
    fn in_force(&mut self, entry: &Entry<'_>) {
        let place = match entry.record.kind() {
            "log.started" => "/policy",
            "gate.decided" => "/decision/provenance/policy",
            _ => return,
        };
        if self.published.is_empty() {
            self.newest = entry.text(place).and_then(|revision| revision.parse().ok()).or(self.newest);
        }
    }

    fn publish(&mut self, entry: &Entry<'_>, revision: Digest, author: Option<String>) {
        let against = self.newest.replace(revision);
        if self.published.len() == MOST_PUBLISHED {
            self.more += 1;
            return;
        }
        self.published.push(Published {
            index: entry.index,
            time: entry.record.time().to_owned(),
            revision,
            against,
            author,
            enforced: Vec::new(),
        });
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
                    whole bundle is stored. Below the list stands what each revision changes against the one before \
                    it, line by line; the bundles themselves are in the evidence pack.",
            figures,
            charts: Vec::new(),
            tables: vec![self.changes.table(
                "policies.list",
                "Changes",
                &["change", "revision", "author", "by", "why"],
                CHANGES,
                None,
            )],
            ..Section::default()
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

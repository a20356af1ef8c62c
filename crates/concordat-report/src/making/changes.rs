//! What each published policy changes, line by line: the one part of a report that needs payloads.

use concordat_model::digest::Digest;
use serde_json::Value;

use super::{Making, NotMade, Source, failed};
use crate::facts::{Facts, Published};
use crate::report::{Change, Changed, Report};
use crate::revision_diff;

/// The most lines of a file's diff that are shown; the rest is counted, and the bundles are in the evidence pack.
const MOST_LINES: usize = 400;

impl<S: Source> Making<'_, S> {
    /// Puts beside the changes to policy what they changed.
    pub(super) async fn changes(&mut self, facts: &Facts, report: &mut Report) -> Result<(), NotMade> {
        let Some(section) = report.sections.iter_mut().find(|section| section.id == "policies") else {
            return Ok(());
        };
        for published in facts.published() {
            section.changes.push(self.change(published).await?);
        }
        section.more_changes = facts.more_published();
        Ok(())
    }

    async fn change(&mut self, published: &Published) -> Result<Change, NotMade> {
        let (files, note) = match &published.against {
            None => (Vec::new(), Some("no record of the period names a revision before it".to_owned())),
            Some(against) if *against == published.revision => {
                (Vec::new(), Some("it is the revision that was there already".to_owned()))
            }
            Some(against) => match (self.bundle(against).await?, self.bundle(&published.revision).await?) {
                (Some(old), Some(new)) => {
                    let files = revision_diff::between(&old, &new);
                    let same = files.is_empty().then(|| "no file and no data changed".to_owned());
                    (files.into_iter().map(|file| shown(file.path, &file.diff)).collect(), same)
                }
                (old, _) => {
                    let missing = if old.is_none() { against } else { &published.revision };
                    (
                        Vec::new(),
                        Some(format!("the bundle {missing} is not stored, so nothing can be compared")),
                    )
                }
            },
        };
        Ok(Change {
            leaf: published.index,
            time: published.time.clone(),
            revision: published.revision.to_string(),
            against: published.against.map(|against| against.to_string()),
            author: published.author.clone(),
            enforced: published.enforced.clone(),
            files,
            note,
        })
    }

    async fn bundle(&mut self, revision: &Digest) -> Result<Option<Value>, NotMade> {
        let body = failed(self.source.payload(revision).await)?;
        Ok(body.and_then(|body| serde_json::from_slice(&body).ok()))
    }
}

/// A file's diff without its two lines of heading, up to the bound.
fn shown(path: String, diff: &str) -> Changed {
    let lines: Vec<&str> = diff.lines().skip(2).collect();
    let count = |sign: char| lines.iter().filter(|line| line.starts_with(sign)).count() as u64;
    let (added, removed) = (count('+'), count('-'));
    let more = lines.len().saturating_sub(MOST_LINES) as u64;
    let lines = lines.into_iter().take(MOST_LINES).map(str::to_owned).collect();
    Changed { path, added, removed, lines, more }
}

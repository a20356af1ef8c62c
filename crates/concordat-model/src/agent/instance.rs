//! Where an agent is: one place, or several that do the same work under one identity.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Registration;
use crate::name::RegionName;
use crate::problem::Problem;

/// One place where an agent works. All of them speak the same protocol and have the same skills.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// Its base URL.
    pub url: String,
    /// The region that it works in, as those who answer for it say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<RegionName>,
}

/// The most instances of one agent: policy is told of each, and its input is bounded.
const MOST: usize = 16;

impl Registration {
    /// Where work is sent: every instance, or the one that the binding names.
    pub fn urls(&self) -> impl Iterator<Item = &str> {
        let only = self.instances.is_empty().then(|| self.binding.url());
        self.instances.iter().map(|one| one.url.as_str()).chain(only)
    }

    /// Each place where it works, as it is named where there are several; else the one, which needs no name.
    #[must_use]
    pub fn places(&self) -> Vec<Option<&str>> {
        match self.instances.as_slice() {
            [] | [_] => vec![None],
            several => several.iter().map(|one| Some(one.url.as_str())).collect(),
        }
    }

    /// The regions that it works in: those of its instances, or else those that its `region:` tags name.
    #[must_use]
    pub fn regions(&self) -> BTreeSet<RegionName> {
        let here: BTreeSet<RegionName> = self.instances.iter().filter_map(|one| one.region.clone()).collect();
        if !here.is_empty() {
            return here;
        }
        let tagged = self.compliance.iter().filter_map(|tag| tag.strip_prefix("region:"));
        tagged.filter_map(|region| region.parse().ok()).collect()
    }

    /// What is wrong with its instances.
    pub(super) fn misplaced(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        let mut wrong =
            |at: String, message: String| found.push(Problem::new("agent-instances", at, message));
        if self.instances.len() > MOST {
            wrong(
                "/instances".to_owned(),
                format!("an agent has at most {MOST} instances, not {}", self.instances.len()),
            );
        }
        let mut seen = BTreeSet::new();
        for (nth, instance) in self.instances.iter().enumerate() {
            if !seen.insert(instance.url.trim_end_matches('/')) {
                wrong(
                    format!("/instances/{nth}/url"),
                    format!("the instance `{}` is listed twice", instance.url),
                );
            }
        }
        if !self.instances.is_empty() && !seen.contains(self.binding.url().trim_end_matches('/')) {
            let message =
                "the `url` of the binding is one of the `instances`, where there are any: list it, too";
            wrong("/instances".to_owned(), message.to_owned());
        }
        found
    }
}

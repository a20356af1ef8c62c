//! Moods: how an agent misbehaves when a test or a demonstration tells it to.
//!
//! A mood is set from outside and never by a call's parameters: a contract that can ask for a failure is not a
//! contract that anybody would run.

use serde::{Deserialize, Serialize};

use super::skills::draw;

/// What an agent does to a share of its calls; the rest is served well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mood {
    /// What it does to them.
    pub manner: Manner,
    /// How many of a hundred calls it does it to, 0 to 100.
    #[serde(default = "every_call")]
    pub share: u8,
    /// Which ones: the same seed picks the same calls.
    #[serde(default)]
    pub seed: u64,
}

/// A way of treating a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Manner {
    /// Does the work and answers.
    Work,
    /// Answers with an error and does nothing.
    Fail,
    /// Takes the call, does nothing and never answers.
    Stall,
    /// Does the work, and answers with something that breaks the skill's output schema.
    Lie,
    /// Does the work, and drops the connection instead of answering.
    Crash,
}

fn every_call() -> u8 {
    100
}

impl Mood {
    /// Serves every call well.
    pub const WELL: Mood = Mood { manner: Manner::Work, share: 100, seed: 0 };

    /// Treats every call in this manner.
    #[must_use]
    pub fn always(manner: Manner) -> Mood {
        Mood { manner, ..Mood::WELL }
    }

    /// Treats about `share` of a hundred calls in this manner.
    #[must_use]
    pub fn sometimes(manner: Manner, share: u8, seed: u64) -> Mood {
        Mood { manner, share, seed }
    }

    /// The manner for one call, which is drawn from what names the call: its key and its attempt.
    pub(super) fn toward(self, key: &str, attempt: &str) -> Manner {
        let drawn = draw(&["mood", &self.seed.to_string(), key, attempt], 100);
        if drawn < u64::from(self.share) { self.manner } else { Manner::Work }
    }
}

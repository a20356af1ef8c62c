//! How a contract is getting on, for people who watch: a fold over its records, a sentence for each event, and a
//! live view on a terminal.
//!
//! ```text
//!   SSE ─► Told ─► Progress ─┬─► sentence, one line an event     (no terminal, or a log)
//!                            └─► lines, redrawn after each event (a terminal)
//! ```
//!
//! Nothing here decides anything: what a contract's state *is* only the server says.

mod follow;
mod live;
mod sentence;

use std::collections::BTreeMap;

use concordat_model::name::StepName;
use concordat_model::run::event::{Ending, Event, Reply};
use concordat_model::step_id::StepId;
use concordat_model::work::Leg;
use serde::Deserialize;
use serde_json::Value;

pub use follow::{Watched, follow};
pub use live::Live;

/// A record of a contract, as far as a watcher needs it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Told {
    /// What happened, as a record type.
    #[serde(rename = "type")]
    pub kind: String,
    /// When, in RFC 3339.
    pub time: String,
    /// The event itself.
    pub data: Value,
}

impl Told {
    /// The event, if this program knows it; a newer server may tell of others.
    #[must_use]
    pub fn event(&self) -> Option<Event> {
        serde_json::from_value(self.data.clone()).ok()
    }
}

/// How one contract is getting on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    label: String,
    phase: String,
    steps: Vec<String>,
    marks: BTreeMap<String, Mark>,
    items: BTreeMap<StepName, Items>,
    ended: bool,
}

/// How far the items of a step are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Items {
    count: u32,
    done: u32,
    failed: u32,
}

/// Where one step stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    sign: Sign,
    note: String,
}

/// The sign in front of a step; the words beside it say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Waits,
    Works,
    Asks,
    Done,
    Undone,
    Skipped,
    Failed,
}

impl Sign {
    fn shown(self) -> &'static str {
        match self {
            Sign::Waits => "·",
            Sign::Works => "▸",
            Sign::Asks => "?",
            Sign::Done => "✓",
            Sign::Undone => "↺",
            Sign::Skipped => "–",
            Sign::Failed => "✗",
        }
    }
}

impl Progress {
    /// A contract of which nothing is known yet but its steps, in the order in which they are shown.
    #[must_use]
    pub fn new(label: impl Into<String>, steps: impl IntoIterator<Item = String>) -> Progress {
        Progress {
            label: label.into(),
            phase: "received".to_owned(),
            steps: steps.into_iter().collect(),
            marks: BTreeMap::new(),
            items: BTreeMap::new(),
            ended: false,
        }
    }

    /// What the contract is called.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Whether the contract is over.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Folds one record, and says it in a sentence when it is worth one.
    pub fn apply(&mut self, told: &Told) -> Option<String> {
        let Some(event) = told.event() else {
            return Some(format!("{} (unknown to this version)", told.kind));
        };
        self.mark(&event);
        self.turn(&event);
        sentence::of(&event)
    }

    /// The view of the contract and its steps, one line each.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let width = self.steps.iter().map(|step| step.chars().count()).max().unwrap_or(0);
        let line = |step: &String| match self.marks.get(step) {
            Some(Mark { sign, note }) => format!("  {} {step:width$}  {note}", sign.shown()),
            None if self.ended => format!("  – {step:width$}  not run"),
            None => format!("  · {step:width$}  waits"),
        };
        let done = |sign: Sign| matches!(sign, Sign::Done | Sign::Skipped | Sign::Undone | Sign::Failed);
        let settled = self.marks.values().filter(|mark| done(mark.sign)).count();
        let head = format!("{}  {}  {settled}/{}", self.label, self.phase, self.steps.len());
        std::iter::once(head).chain(self.steps.iter().map(line)).collect()
    }

    fn mark(&mut self, event: &Event) {
        let whole: StepId;
        let (step, sign, note) = match event {
            Event::Skipped { step, because } => (step, Sign::Skipped, sentence::skip(*because).to_owned()),
            Event::Reused { step, .. } => {
                whole = step.clone().into();
                (&whole, Sign::Done, "done in an earlier run".to_owned())
            }
            Event::Spread { step, count, .. } => {
                self.items.insert(step.clone(), Items { count: *count, done: 0, failed: 0 });
                whole = step.clone().into();
                (&whole, Sign::Works, format!("0 of {count} items done"))
            }
            Event::Listening { attempt, until, .. } => {
                let until = until.map_or_else(String::new, |until| format!(" until {until:.0}"));
                (&attempt.step, Sign::Waits, format!("waits{until}"))
            }
            Event::Heard { attempt, .. } => (&attempt.step, Sign::Waits, "heard an event".to_owned()),
            Event::Delegated { attempt, run, .. } => {
                (&attempt.step, Sign::Works, format!("carried out as {run}"))
            }
            Event::Recalled { attempt, .. } => {
                (&attempt.step, Sign::Works, "answered before, being checked".to_owned())
            }
            Event::Concluded { attempt, .. } => (&attempt.step, Sign::Done, "done".to_owned()),
            Event::Dispatched { attempt, agent_name, .. } => {
                let verb = if attempt.leg == Leg::Undo { "being undone by" } else { "with" };
                (&attempt.step, Sign::Works, format!("{verb} {agent_name}{}", sentence::nth(attempt)))
            }
            Event::Answered { attempt, reply: Reply::Output { .. }, latency_ms } => {
                (&attempt.step, Sign::Works, format!("answered in {latency_ms} ms, being checked"))
            }
            Event::Answered { attempt, reply, .. } => (&attempt.step, Sign::Works, sentence::reply(reply)),
            // That people are asked is told by the review.
            Event::Told { attempt, .. } => (&attempt.step, Sign::Works, "its agent was told".to_owned()),
            Event::Released { attempt, .. } => match attempt.leg {
                Leg::Do => (&attempt.step, Sign::Done, "done".to_owned()),
                Leg::Undo => (&attempt.step, Sign::Undone, "undone".to_owned()),
            },
            Event::Retrying { attempt, .. } => {
                (&attempt.step, Sign::Waits, format!("tried again soon{}", sentence::nth(attempt)))
            }
            Event::Failed { attempt, error, .. } => {
                (&attempt.step, Sign::Failed, format!("{}: {}", error.code, sentence::plain(&error.message)))
            }
            Event::Parked { attempt } => {
                (&attempt.step, Sign::Asks, "outcome unknown, waits for a person".to_owned())
            }
            Event::ReviewOpened { about, review, .. } => match sentence::step_of(about) {
                Some(step) => (step, Sign::Asks, format!("waits for a person: {review}")),
                None => return,
            },
            _ => return,
        };
        if step.item.is_some() {
            return self.count(&step.name, sign);
        }
        let step = step.to_string();
        if !self.steps.contains(&step) {
            self.steps.push(step.clone());
        }
        self.marks.insert(step, Mark { sign, note });
    }

    /// Counts what became of an item, on the line of its step.
    fn count(&mut self, step: &StepName, sign: Sign) {
        let Some(items) = self.items.get_mut(step) else { return };
        match sign {
            Sign::Done => items.done += 1,
            Sign::Failed => items.failed += 1,
            _ => return,
        }
        let mut note = format!("{} of {} items done", items.done, items.count);
        if items.failed > 0 {
            note.push_str(&format!(", {} failed", items.failed));
        }
        self.marks.insert(step.to_string(), Mark { sign: Sign::Works, note });
    }

    fn turn(&mut self, event: &Event) {
        let phase = match event {
            Event::Waiting => "waits for other contracts",
            Event::Started => "running",
            Event::ReviewOpened { about, .. } if sentence::step_of(about).is_none() => "waits for a person",
            Event::Paused { .. } => "paused",
            Event::Resumed { .. } => "running",
            Event::FellBack { .. } => "carried out by its fallback",
            Event::Closing { .. } => "stopping",
            Event::Undoing { .. } => "being undone",
            Event::Ended { ending } => {
                self.ended = true;
                if matches!(ending, Ending::Completed { .. }) { "completed" } else { "stopped" }
            }
            _ => return,
        };
        phase.clone_into(&mut self.phase);
    }
}

#[cfg(test)]
mod tests;

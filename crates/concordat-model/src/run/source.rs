//! What references lead to in a run.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Run;
use super::leg::LegState;
use crate::name::StepName;
use crate::reference::{Source, Sourced};
use crate::work::Leg;

impl Run {
    /// What stands behind a source, read from a step's place.
    #[must_use]
    pub fn source(&self, source: &Source, from: usize) -> Sourced {
        let written = self.state.steps().get(from).map_or(from, |step| step.written);
        match source {
            Source::Input => Sourced::Value(self.contract.input().clone()),
            Source::Previous => written.checked_sub(1).map_or(Sourced::Missing, |step| self.output_of(step)),
            Source::Item => self.item(from).map_or(Sourced::Missing, Sourced::Value),
            Source::Event => Sourced::Missing,
            // Within an item, the step's own output is that of the item.
            Source::Step(name) => match self.contract.index(name) {
                Some(step) if step == written => self.output_of(from),
                Some(step) => self.output_of(step),
                None => Sourced::Missing,
            },
            Source::Status(name) => {
                self.status_of(name).map_or(Sourced::Missing, |status| plain(json!(status)))
            }
            Source::Error(name) => self.error_of(name),
        }
    }

    /// What a step answered, once it was released.
    #[must_use]
    pub fn output_of(&self, step: usize) -> Sourced {
        match self.state.leg(step, Leg::Do) {
            Some(LegState::Done { output, .. }) => match self.payloads.get(output) {
                Some(value) => Sourced::Value(value.clone()),
                None => Sourced::Missing,
            },
            Some(LegState::Skipped { .. } | LegState::Failed { tolerated: true, .. }) => Sourced::Skipped,
            _ => Sourced::Missing,
        }
    }

    /// The item that the step at this place is done for.
    fn item(&self, place: usize) -> Option<Arc<Value>> {
        let state = self.state.steps().get(place)?;
        let items = self.state.steps().get(state.written)?.items?;
        let item = self.payloads.get(&items.list)?.get(usize::try_from(state.item?).ok()?)?;
        Some(Arc::new(item.clone()))
    }

    fn status_of(&self, name: &StepName) -> Option<&'static str> {
        match self.state.leg(self.contract.index(name)?, Leg::Do)? {
            LegState::Done { .. } => Some("done"),
            LegState::Skipped { .. } => Some("skipped"),
            LegState::Failed { .. } => Some("failed"),
            _ => None,
        }
    }

    fn error_of(&self, name: &StepName) -> Sourced {
        let leg = self.contract.index(name).and_then(|step| self.state.leg(step, Leg::Do));
        match leg {
            Some(LegState::Failed { error, .. }) => {
                plain(json!({"code": error.code, "message": error.message}))
            }
            Some(LegState::Done { .. } | LegState::Skipped { .. }) => Sourced::Skipped,
            _ => Sourced::Missing,
        }
    }
}

fn plain(value: Value) -> Sourced {
    Sourced::Value(Arc::new(value))
}

//! The end of a run that did everything: its result, and whether it is acceptable.

use std::sync::Arc;

use concordat_model::reference::{Sourced, resolve};
use concordat_model::run::THE_END;
use concordat_model::run::event::{Cause, Ending, Event};
use serde_json::{Map, Value};

use super::Turn;
use crate::error::EngineError;

impl Turn<'_> {
    pub(super) fn finish(&mut self) -> Result<(), EngineError> {
        match self.result() {
            Ok(result) => {
                let (output, _) = self.put(Arc::new(result))?;
                self.tell(Event::Ended { ending: Ending::Completed { output } })
            }
            Err(message) => self.close(Cause::Unacceptable { message }),
        }
    }

    fn result(&self) -> Result<Value, String> {
        let contract = &self.run.contract;
        let source = |source: &_| self.run.source(source, THE_END);
        for (nth, test) in contract.acceptance().iter().enumerate() {
            if !test.holds(&source) {
                return Err(format!("the acceptance condition {} does not hold", nth + 1));
            }
        }
        match &contract.spec().output {
            Some(output) => resolve(output, &source).map_err(|lost| lost.to_string()),
            None => Ok(self.last_outputs()),
        }
    }

    /// The output of every step that no other step needs, by the step's name.
    fn last_outputs(&self) -> Value {
        let contract = &self.run.contract;
        let last =
            contract.steps().iter().enumerate().filter(|(at, _)| contract.plan().followers(*at).is_empty());
        let outputs = last.filter_map(|(at, step)| match self.run.output_of(at) {
            Sourced::Value(value) => Some((step.document.id.to_string(), Value::clone(&value))),
            Sourced::Skipped | Sourced::Missing => None,
        });
        Value::Object(outputs.collect::<Map<_, _>>())
    }
}

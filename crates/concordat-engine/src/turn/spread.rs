//! Steps that are done once for each of several items: spread over them, and their results put together.

use std::sync::Arc;

use concordat_model::agree::MAX_ITEMS;
use concordat_model::reference::Sourced;
use concordat_model::run::due::Ask;
use concordat_model::run::event::{Event, Failure};
use serde_json::Value;

use super::Turn;
use crate::error::EngineError;

impl Turn<'_> {
    pub(super) fn spread(&mut self, ask: &Ask, each: &Value) -> Result<(), EngineError> {
        let items = match self.resolved(ask, each) {
            Ok(items) => items,
            Err(error) => return self.fail(ask.attempt.clone(), error),
        };
        let count = match items.as_array().map(Vec::len) {
            Some(count) if count <= MAX_ITEMS => u32::try_from(count).unwrap_or(u32::MAX),
            Some(count) => {
                let message = format!("a step is done for at most {MAX_ITEMS} items, not {count}");
                return self.fail(ask.attempt.clone(), failure("too-many-items", message));
            }
            None => {
                let message = "`forEach` leads to something that is not a list".to_owned();
                return self.fail(ask.attempt.clone(), failure("not-a-list", message));
            }
        };
        let (items, _) = self.put(Arc::new(items))?;
        self.tell(Event::Spread { step: ask.attempt.step.name.clone(), items, count })
    }

    /// Every item is settled: the results stand in the order of the items, null where one failed or was skipped.
    pub(super) fn gather(&mut self, ask: &Ask) -> Result<(), EngineError> {
        let Some(items) = self.run.state.steps().get(ask.step).and_then(|step| step.items) else {
            return Ok(());
        };
        let outputs = (items.first..items.first + items.count).map(|place| match self.run.output_of(place) {
            Sourced::Value(value) => Value::clone(&value),
            Sourced::Skipped | Sourced::Missing => Value::Null,
        });
        let outputs = outputs.collect();
        self.conclude(ask.attempt.clone(), Value::Array(outputs))
    }
}

fn failure(code: &str, message: String) -> Failure {
    Failure { code: code.to_owned(), message, decision: None }
}

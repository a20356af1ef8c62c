//! The beginning of an attempt: each kind of step in its own way.

use concordat_model::agree::{Kind, Way};
use concordat_model::contract::Emission;
use concordat_model::run::due::Ask;
use concordat_model::run::event::Failure;
use concordat_model::work::Leg;
use serde_json::{Value, json};

use super::Turn;
use crate::error::EngineError;

impl Turn<'_> {
    pub(super) fn begin(&mut self, ask: &Ask) -> Result<(), EngineError> {
        let contract = self.run.contract.clone();
        let Some(state) = self.run.state.steps().get(ask.step) else { return Ok(()) };
        let Some(step) = contract.steps().get(state.written) else { return Ok(()) };
        if ask.attempt.leg == Leg::Undo {
            return self.offer(ask);
        }
        if let (Some(each), None) = (&step.document.for_each, state.item) {
            return self.spread(ask, each);
        }
        match &step.kind {
            Kind::Skill(_) => self.offer(ask),
            Kind::Review(question) => self.question(ask, question),
            Kind::Wait(wait) => self.listen(ask, wait),
            Kind::Emit(emission) => self.emit(ask, emission),
            Kind::Contract(nested) => self.delegate(ask, nested),
            Kind::OneOf(ways) => self.choose(ask, ways),
        }
    }

    /// Takes the first way whose condition holds.
    fn choose(&mut self, ask: &Ask, ways: &[Way]) -> Result<(), EngineError> {
        let open = |way: &&Way| {
            way.when.as_ref().is_none_or(|when| when.holds(&|source| self.run.source(source, ask.step)))
        };
        match ways.iter().find(open).map(|way| way.then.clone()) {
            Some(chosen) => self.conclude(ask.attempt.clone(), json!({"chosen": chosen})),
            None => {
                let message = "no branch's condition holds: add a last branch without `when`".to_owned();
                self.fail(
                    ask.attempt.clone(),
                    Failure { code: "no-branch".to_owned(), message, decision: None },
                )
            }
        }
    }

    /// Publishes an event; it is recorded with the step's result.
    fn emit(&mut self, ask: &Ask, emission: &Emission) -> Result<(), EngineError> {
        let subject = Value::from(emission.subject.clone());
        let said = json!({"subject": subject, "data": emission.data});
        match self.resolved(ask, &said) {
            Ok(said) => {
                let told =
                    self.core.told_by_step(&self.run, &ask.attempt, emission.event.clone(), &said, self.at);
                let output = json!({"event": told.id, "id": told.event.id, "source": told.event.source});
                self.published.push((told, ask.attempt.clone()));
                self.conclude(ask.attempt.clone(), output)
            }
            Err(error) => self.fail(ask.attempt.clone(), error),
        }
    }
}

//! Steps that wait: for events, for a length of time, for a moment.

use std::sync::Arc;

use concordat_model::agree::Wait;
use concordat_model::cloud_event::Expectation;
use concordat_model::run::Run;
use concordat_model::run::due::Ask;
use concordat_model::run::event::{Attempt, Event, Failure};
use concordat_model::run::leg::LegState;
use concordat_model::span::Span;
use concordat_model::work::Leg;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Turn;
use crate::error::EngineError;
use crate::events::Told;

impl Turn<'_> {
    pub(super) fn listen(&mut self, ask: &Ask, wait: &Wait) -> Result<(), EngineError> {
        let attempt = ask.attempt.clone();
        let (expectation, until) = match self.expectation(ask, wait) {
            Ok(expected) => expected,
            Err(error) => return self.fail(attempt, error),
        };
        let (expectation, _) = self.put(Arc::new(expectation))?;
        self.tell(Event::Listening { attempt: attempt.clone(), expectation, until })?;
        self.listening.extend(expected_events(&self.run, &attempt).map(|wanted| (attempt, wanted)));
        Ok(())
    }

    fn expectation(&self, ask: &Ask, wait: &Wait) -> Result<(Value, Option<Timestamp>), Failure> {
        let after = |span: Span| self.at.checked_add(span.duration()).unwrap_or(Timestamp::MAX);
        match wait {
            Wait::For(span) => Ok((json!({"for": span}), Some(after(*span)))),
            Wait::Until(moment) => {
                let moment = self.resolved(ask, &Value::from(moment.as_str()))?;
                let at: Option<Timestamp> = moment.as_str().and_then(|text| text.parse().ok());
                let message = || format!("`until` leads to {moment}, which is not an RFC 3339 time");
                let at = at.ok_or_else(|| failure("not-a-time", message()))?;
                Ok((json!({"until": at}), Some(at)))
            }
            Wait::Event { event, correlate, count, window, within } => {
                let correlate = self.resolved(ask, correlate)?.as_object().cloned().unwrap_or_default();
                let wanted = Expectation { event: event.clone(), correlate, count: *count, window: *window };
                let wanted = serde_json::to_value(&wanted)
                    .map_err(|error| failure("wait-invalid", error.to_string()))?;
                Ok((wanted, within.map(after)))
            }
        }
    }

    /// An event came that may be what a step waits for.
    pub(super) fn heard(&mut self, attempt: &Attempt, told: &Told) -> Result<(), EngineError> {
        let Some(wanted) = expected_events(&self.run, attempt) else { return Ok(()) };
        let Some(place) = self.run.place(&attempt.step) else { return Ok(()) };
        let known = match self.run.state.leg(place, Leg::Do) {
            Some(LegState::Listening { heard, .. }) => heard.iter().any(|(_, id, _)| *id == told.id),
            _ => true,
        };
        // It may be told twice: by whoever published it, and by whoever looked for what came before.
        if known || !wanted.fits(&told.event) {
            return Ok(());
        }
        let (content, _) = self.put(Arc::new(told.content()?))?;
        self.tell(Event::Heard { attempt: attempt.clone(), heard: told.id, content, at: told.at })?;
        let Some(LegState::Listening { heard, .. }) = self.run.state.leg(place, Leg::Do) else {
            return Ok(());
        };
        let mut heard = heard.clone();
        heard.sort();
        let moments: Vec<Timestamp> = heard.iter().map(|(at, ..)| *at).collect();
        let Some(range) = wanted.met_by(&moments) else { return Ok(()) };
        let met = heard.get(range).unwrap_or_default();
        let events: Vec<Value> = met
            .iter()
            .filter_map(|(.., content)| self.run.payload(content))
            .map(|event| Value::clone(event))
            .collect();
        let output = match events.as_slice() {
            [one] if wanted.count <= 1 => one.clone(),
            _ => json!({"events": events}),
        };
        self.conclude(attempt.clone(), output)
    }

    /// The moment came until which a step waited.
    pub(super) fn elapse(&mut self, ask: &Ask) -> Result<(), EngineError> {
        match expected_events(&self.run, &ask.attempt) {
            None => self.conclude(ask.attempt.clone(), json!({"at": self.at})),
            Some(wanted) => {
                let message = format!("no fitting event `{}` came in time", wanted.event);
                self.fail(ask.attempt.clone(), failure("wait-timeout", message))
            }
        }
    }
}

/// What a listening step waits for, when it waits for events.
pub(crate) fn expected_events(run: &Run, attempt: &Attempt) -> Option<Expectation> {
    let place = run.place(&attempt.step)?;
    let LegState::Listening { number, expectation, .. } = run.state.leg(place, Leg::Do)? else { return None };
    let wanted = run.payload(expectation).filter(|_| *number == attempt.number)?;
    serde_json::from_value(Value::clone(wanted)).ok()
}

fn failure(code: &str, message: String) -> Failure {
    Failure { code: code.to_owned(), message, decision: None }
}

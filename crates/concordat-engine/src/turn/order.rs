//! What people order a run to do: stop, hold, go on, take longer.

use concordat_model::run::Phase;
use concordat_model::run::event::{Cause, Event};

use super::Turn;
use crate::error::EngineError;
use crate::input::{Order, Ordered};
use concordat_model::id::RunId;

impl Turn<'_> {
    /// Carries out an order, or refuses it in a state in which it makes no sense.
    pub(super) fn ordered(&mut self, ordered: Ordered) -> Result<(), EngineError> {
        let Ordered { order, by, reason, access } = ordered;
        let state = &self.run.state;
        let stopping = matches!(state.phase, Phase::Closing(_) | Phase::Undoing(_));
        let refusal = match &order {
            _ if state.is_ended() => Some("is over"),
            Order::Cancel if stopping => Some("is stopping already"),
            Order::Pause if state.paused.is_some() => Some("is paused already"),
            Order::Resume if state.paused.is_none() => Some("is not paused"),
            Order::Extend(_) if stopping => Some("is stopping already"),
            Order::Extend(_) if state.deadline.is_none() => Some("has no deadline, or none that runs yet"),
            Order::Extend(span) if self.extended(*span) <= state.deadline => {
                Some("would not get a later deadline")
            }
            _ => None,
        };
        if let Some(why) = refusal {
            return Err(EngineError::Conflict(format!("the run `{}` {why}", self.run.id)));
        }
        let decision = access.decision.id;
        self.decided(access, None)?;
        match order {
            Order::Cancel => self.close(Cause::Cancelled { by, reason, access: decision }),
            Order::Kill => self.close(Cause::Killed { by, reason, access: decision }),
            Order::Pause => self.tell(Event::Paused { by, reason, access: decision }),
            Order::Resume => self.tell(Event::Resumed { by, reason, access: decision }),
            Order::Extend(span) => match self.extended(span) {
                Some(deadline) => self.tell(Event::Extended { deadline, by, reason, access: decision }),
                None => Ok(()),
            },
        }
    }

    /// The deadline, so much later.
    fn extended(&self, span: concordat_model::span::Span) -> Option<jiff::Timestamp> {
        self.run.state.deadline?.checked_add(span.duration()).ok()
    }

    /// The contract around this one stops.
    pub(super) fn close_around(&mut self, run: RunId, at_once: bool) -> Result<(), EngineError> {
        let stopping = matches!(self.run.state.phase, Phase::Closing(_) | Phase::Undoing(_));
        if self.run.state.is_ended() || (stopping && !at_once) {
            return Ok(());
        }
        self.close(Cause::Around { run, at_once })
    }
}

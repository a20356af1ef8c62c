//! The release gate: what an agent answered becomes usable only here.

use concordat_model::decision::{Answer, Decision, Gate};
use concordat_model::run::Phase;
use concordat_model::run::due::Ask;
use concordat_model::run::event::{About, Event};
use concordat_model::run::leg::LegState;
use concordat_model::trust::Seen;
use concordat_model::work::Outcome;
use concordat_policy::{Authorized, Refusal, Released};

use super::Turn;
use super::offer::refused;
use crate::error::EngineError;
use crate::gates;

impl Turn<'_> {
    pub(super) fn release(&mut self, ask: &Ask) -> Result<(), EngineError> {
        let contract = self.run.contract.clone();
        let place = self.run.state.steps().get(ask.step).map(|step| step.written);
        let Some(step) = place.and_then(|place| contract.steps().get(place)) else { return Ok(()) };
        let Some(outcome) = self.outcome(ask) else { return Ok(()) };
        let input = gates::release(&self.run, step, &outcome, &self.core.world.read(), self.at);
        match self.core.policies.panel().release(self.decision_id(), &input, outcome) {
            Ok(Released { outcome, asked }) => {
                let decision = self.decided(asked, Some(ask.attempt.clone()))?;
                self.hold_against(ask, &decision);
                match self.decomposed(ask, step, &outcome) {
                    Some(steps) => self.delegate_steps(ask, step, steps, outcome.decision()),
                    None => {
                        self.tell(released(outcome))?;
                        self.remember(ask);
                        Ok(())
                    }
                }
            }
            Err(refusal) => self.withheld(ask, refusal),
        }
    }

    fn outcome(&self, ask: &Ask) -> Option<Outcome> {
        let LegState::Answered { agent, output, .. } = self.run.state.leg(ask.step, ask.attempt.leg)? else {
            return None;
        };
        let skill = self.run.step(ask.step)?.skill(ask.attempt.leg)?;
        Some(Outcome {
            run: self.run.id,
            attempt: ask.attempt.clone(),
            skill: skill.clone(),
            agent: *agent,
            output: self.run.payload(output)?.clone(),
            digest: *output,
        })
    }

    fn withheld(&mut self, ask: &Ask, refusal: Refusal<Outcome>) -> Result<(), EngineError> {
        let Refusal { asked, held } = refusal;
        let decision = self.decided(asked, Some(ask.attempt.clone()))?;
        self.hold_against(ask, &decision);
        let stopping = matches!(self.run.state.phase, Phase::Closing(_));
        match &decision.answer {
            // Nobody needs the result of a run that stops, so nobody is asked about it.
            Answer::Review { .. } if !stopping => {
                let about = About::Step { gate: Gate::Release, attempt: ask.attempt.clone() };
                self.open_review(about, Some(decision.id), held.digest, None)
            }
            _ => self.fail(ask.attempt.clone(), refused(&decision)),
        }
    }
}

impl Turn<'_> {
    /// Notes a rule that the agent broke by its answer, if the gate says so. A result that was taken over from an earlier
    /// run was held against it there.
    fn hold_against(&mut self, ask: &Ask, decision: &Decision) {
        let Some(severity) = decision.violation() else { return };
        let recalled =
            |event: &Event| matches!(event, Event::Recalled { attempt, .. } if *attempt == ask.attempt);
        if self.events.iter().any(recalled) {
            return;
        }
        if let Some(LegState::Answered { agent, .. }) = self.run.state.leg(ask.step, ask.attempt.leg) {
            self.see(ask.step, &ask.attempt, *agent, Seen::Violated { severity });
        }
    }
}

/// The event by which a result becomes usable: only from an outcome that policy released.
fn released(outcome: Authorized<Outcome>) -> Event {
    let decision = outcome.decision();
    Event::Released { attempt: outcome.into_inner().attempt, decision }
}

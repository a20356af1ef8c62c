//! Telling an agent what a person answered: the dispatch gate is asked about it as about any work.
//!
//! Authority is current, not historical: an agent that was suspended since it asked is refused by policy, and one
//! whose registration changed is not told at all. The call is paid already, so it takes nothing from the budget.

use concordat_model::agent::Agent;
use concordat_model::run::due::Ask;
use concordat_model::run::event::Failure;
use concordat_model::run::leg::LegState;
use concordat_model::work::{Telling, Work};
use concordat_policy::input::DispatchInput;

use super::Turn;
use super::offer::wanted;
use crate::error::EngineError;

impl Turn<'_> {
    pub(super) fn tell_agent(&mut self, ask: &Ask) -> Result<(), EngineError> {
        let leg = self.run.state.leg(ask.step, ask.attempt.leg).cloned();
        let Some(LegState::Telling { inquiry, answer, .. }) = leg else { return Ok(()) };
        let contract = self.run.contract.clone();
        let place = self.run.state.steps().get(ask.step).map(|step| step.written);
        let Some(step) = place.and_then(|place| contract.steps().get(place)) else { return Ok(()) };
        let Some((skill, _)) = wanted(step, ask) else { return Ok(()) };
        let now = self.core.world.read().registry.agent(inquiry.agent).map(|agent| agent.revision);
        if now != Some(inquiry.revision) {
            let message =
                "the agent's registration changed since it asked, so it is not told the answer".to_owned();
            let error = Failure { code: "agent-changed".to_owned(), message, decision: None };
            return self.fail(ask.attempt.clone(), error);
        }
        let Some(offered) = self.comes_forward(ask, &skill) else { return Ok(()) };
        let held = |digest| self.run.payload(digest).cloned().ok_or(EngineError::PayloadMissing(*digest));
        let telling = Telling {
            agent: inquiry.agent,
            task: inquiry.task.clone(),
            nth: inquiry.nth,
            answer: held(&answer)?,
            question: inquiry.question,
            digest: answer,
        };
        let work = Work {
            run: self.run.id,
            attempt: ask.attempt.clone(),
            skill,
            params: held(&inquiry.params)?,
            params_digest: inquiry.params,
            timeout: self.time_for(ask, step),
            telling: Some(Box::new(telling)),
        };
        self.put_before(ask, offered, work, None)
    }
}

/// Gives back to the budget what the call took when the work was given: it is the same call.
pub(super) fn is_paid(input: &mut DispatchInput, agent: Option<&Agent>) {
    let contract = &mut input.contract;
    contract.budget_calls_left = contract.budget_calls_left.map(|left| left.saturating_add(1));
    let cost = agent.and_then(|agent| agent.registration.cost);
    if let (Some(left), Some(cost)) = (&mut contract.budget_cost_left, cost)
        && left.currency == cost.currency()
    {
        left.micros = left.micros.saturating_add(cost.micros());
    }
}

//! Sentences for what is more than one agent doing one step: how a contract came about, items, waits, events, choices,
//! contracts within it, and results that were there already.

use concordat_model::agree::{Kind, Wait};
use concordat_model::name::{ContractName, PrincipalName};
use concordat_model::run::Run;
use concordat_model::run::event::{Attempt, Event, Origin};
use concordat_model::step_id::StepId;
use serde_json::Value;

use super::Teller;
use super::line::{Line, plain, work};
use crate::awaited;
use crate::sentence::{capital, piece};
use crate::story::chosen;

impl Teller<'_> {
    pub(super) fn shaped(&self, event: &Event) -> Line {
        match event {
            Event::Reused { step, .. } => plain(self.reused(&step.clone().into())),
            Event::Recalled { attempt, agent, decision, from, .. } => {
                let (what, agent) = (capital(&work(attempt)), self.name(*agent));
                let text = format!(
                    "{what} uses what `{agent}` answered before, to the same question in {from}, instead of asking it \
                     again."
                );
                Some((text, Some(*decision)))
            }
            Event::Spread { step, count, .. } => {
                let items = piece(usize::try_from(*count).unwrap_or(usize::MAX), "item");
                let most =
                    self.view.run.step(self.view.run.place(&step.clone().into())?)?.document.max_parallel;
                let most = most.map_or_else(String::new, |most| format!(", at most {most} at a time"));
                plain(format!("Step `{step}` is done once for each of {items}{most}."))
            }
            Event::Listening { attempt, expectation, until } => {
                let awaited = awaited::told(&self.view.run, expectation, *until);
                plain(format!("{} waits for {awaited}.", capital(&work(attempt))))
            }
            Event::Heard { attempt, heard, content, .. } => {
                let what = capital(&work(attempt));
                let wanted = self.wanted(attempt);
                let nth = match (wanted, self.story.nth_heard(attempt, *heard)) {
                    (Some(wanted), Some(nth)) if wanted > 1 => format!(" ({nth}, and it waits for {wanted})"),
                    _ => String::new(),
                };
                plain(format!("{what} heard {}{nth}.", self.event(content)))
            }
            Event::Concluded { attempt, .. } => plain(self.concluded(attempt)?),
            Event::Delegated { attempt, run, decision: None, .. } => {
                plain(format!("{} is carried out as a contract of its own, {run}.", capital(&work(attempt))))
            }
            Event::Delegated { attempt, run, decision, .. } => {
                let agent = capital(&self.agent(attempt));
                let text = format!(
                    "{agent} answered {} with steps of its own, which are carried out as the contract {run}.",
                    work(attempt)
                );
                Some((text, *decision))
            }
            Event::FellBack { run, .. } => {
                plain(format!("The fallback is carried out instead, as the contract {run}."))
            }
            Event::Returned { run, used } => {
                let calls = usize::try_from(used.calls.unwrap_or(0)).unwrap_or(usize::MAX);
                plain(format!(
                    "The contract {run} within it is over, after {} to agents.",
                    piece(calls, "call")
                ))
            }
            _ => None,
        }
    }

    fn reused(&self, step: &StepId) -> String {
        match &self.view.run.state.origin {
            Origin::Retried { run, .. } => format!("The result of step `{step}` was taken over from {run}."),
            _ => format!("The result of step `{step}` was taken over from an earlier run."),
        }
    }

    /// How many events a step waits for.
    fn wanted(&self, attempt: &Attempt) -> Option<u32> {
        let run = &self.view.run;
        match &run.step(run.place(&attempt.step)?)?.kind {
            Kind::Wait(Wait::Event { count, .. }) => Some(*count),
            _ => None,
        }
    }

    /// An event that a step heard.
    fn event(&self, content: &concordat_model::digest::Digest) -> String {
        let payload = self.view.run.payload(content);
        let said = |name| payload.and_then(|event| event.get(name)).and_then(Value::as_str);
        match (said("type"), said("source")) {
            (Some(kind), Some(source)) => format!("the event `{kind}` of `{source}`"),
            _ => "an event that it waits for".to_owned(),
        }
    }

    /// How a step that no agent does came to its result; nothing where the event before tells it.
    fn concluded(&self, attempt: &Attempt) -> Option<String> {
        let run = &self.view.run;
        let place = run.place(&attempt.step)?;
        let step = run.step(place)?;
        let name = &attempt.step;
        let items = run.state.steps().get(place)?.items;
        Some(match (&step.kind, items) {
            (_, Some(items)) if items.failed == 0 => format!("Step `{name}` is done for all its items."),
            (_, Some(items)) => format!(
                "Step `{name}` is done for its items, {} of {} having failed.",
                items.failed, items.count
            ),
            (Kind::Review(_), None) => return None,
            (Kind::Wait(Wait::Event { .. }), None) => format!("Step `{name}` has what it waited for."),
            (Kind::Wait(_), None) => format!("The wait of step `{name}` is over."),
            (Kind::Emit(emission), None) => {
                format!("Step `{name}` published the event `{}`.", emission.event)
            }
            (Kind::OneOf(_), None) => match chosen(run, place) {
                Some(chosen) => format!("The choice `{name}` took `{chosen}`."),
                None => format!("The choice `{name}` was made."),
            },
            (Kind::Contract(_) | Kind::Skill(_), None) => match self.story.within(name) {
                Some(within) => format!("Step `{name}` has the result of {within}."),
                None => format!("Step `{name}` has its result."),
            },
        })
    }
}

/// The question of a step, as it was written.
pub(super) fn question<'r>(run: &'r Run, attempt: &Attempt) -> Option<&'r str> {
    match &run.step(run.place(&attempt.step)?)?.kind {
        Kind::Review(question) => Some(&question.question),
        _ => None,
    }
}

/// How the contract came about.
pub(super) fn received(
    submitter: &PrincipalName,
    contract: &ContractName,
    awaited: usize,
    origin: &Origin,
) -> String {
    match (origin, awaited) {
        (Origin::Submitted, 0) => format!("`{submitter}` sent the contract `{contract}`."),
        (Origin::Submitted, n) => format!(
            "`{submitter}` sent the contract `{contract}`, to begin after {}.",
            piece(n, "other contract")
        ),
        (Origin::Nested { run, .. }, _) => {
            format!("The contract `{contract}` is carried out within {run}, which `{submitter}` sent.")
        }
        (Origin::Retried { run, from, reason }, _) => {
            format!("`{submitter}` tried {run} again from step `{from}`: “{reason}”.")
        }
        (Origin::Triggered { trigger, occasion }, _) => format!(
            "The trigger `{trigger}` started the contract `{contract}` in the name of `{submitter}` ({occasion})."
        ),
    }
}

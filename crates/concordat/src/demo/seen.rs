//! What was seen of a case when nothing moved any more, and where that is not what the case expects.
//!
//! Everything is read from the records of the log and from the API's answers; nothing is taken from memory that the
//! server shares. Pure: whoever carries cases out brings the records.

use std::collections::BTreeMap;
use std::fmt::Debug;

use concordat_model::decision::{Answer, Decision, Gate};
use concordat_model::run::event::{Ending, Event, Failure};
use concordat_model::work::Leg;
use serde_json::Value;

use super::case::{Admission, Before, Expect, misfit};

/// What was seen of one case.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Seen {
    /// The codes of the problems for which the document was not taken in.
    pub problems: Vec<String>,
    /// The contracts that were taken in, as they were written.
    pub runs: Vec<SeenRun>,
    /// The names of the agents that the records name by id.
    pub agents: BTreeMap<String, String>,
}

/// What was seen of one contract.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenRun {
    /// The run.
    pub run: String,
    /// What it is called within its submission.
    pub label: String,
    /// The status word.
    pub status: String,
    /// The classified domain.
    pub domain: Option<String>,
    /// The result, once it is completed.
    pub output: Option<Value>,
    /// Its events, each with its index in the log.
    pub events: Vec<(u64, Event)>,
}

impl Seen {
    /// Everything in which this differs from what was expected; empty when nothing does.
    #[must_use]
    pub fn differs(&self, expect: &Expect) -> Vec<String> {
        let mut told = Vec::new();
        same(&mut told, "the problems are", &expect.problems, &self.problems);
        if !expect.problems.is_empty() {
            return told;
        }
        if let [one] = self.runs.as_slice() {
            one.differs(expect, &mut told);
        }
        for (label, status) in &expect.contracts {
            let found = self.runs.iter().find(|run| run.label == *label).map_or("absent", |run| &run.status);
            same(&mut told, &format!("`{label}` is"), status.as_str(), found);
        }
        self.checks_order(&expect.order, &mut told);
        self.checks_failures(&expect.failed, &mut told);
        for (agent, code) in &expect.passed_over {
            let reasons = self.passed_over(agent.as_str());
            if !reasons.contains(code) {
                told.push(format!("`{agent}` was kept out for {reasons:?}, and not for `{code}`"));
            }
        }
        told
    }

    fn checks_order(&self, order: &[Before], told: &mut Vec<String>) {
        for before in order {
            let released = self.first(&before.first, |event| {
                matches!(event, Event::Released { .. } | Event::Concluded { .. })
            });
            let given = self.first(&before.then, |event| {
                matches!(event, Event::Dispatched { .. } | Event::Concluded { .. })
            });
            if !matches!((released, given), (Some(released), Some(given)) if released < given) {
                told.push(format!("`{before}` does not hold: released at {released:?}, given at {given:?}"));
            }
        }
    }

    fn checks_failures(&self, failed: &BTreeMap<String, String>, told: &mut Vec<String>) {
        for (step, code) in failed {
            let found = self.of_step(step).find_map(|(_, event)| match event {
                Event::Failed { attempt, error, .. } if attempt.leg == Leg::Do => Some(error),
                _ => None,
            });
            match found {
                Some(Failure { code: found, .. }) if found == code => {}
                Some(Failure { code: found, message, .. }) => {
                    told.push(format!("`{step}` failed with `{found}` ({message}) and not with `{code}`"));
                }
                None => told.push(format!("`{step}` did not fail")),
            }
        }
    }

    /// The index of the first event of a step's doing that is of this kind.
    fn first(&self, step: &str, kind: impl Fn(&Event) -> bool) -> Option<u64> {
        self.of_step(step).find(|(_, event)| kind(event)).map(|(index, _)| index)
    }

    /// The events of a step's doing; in a submission the step is written `contract.step`.
    fn of_step(&self, step: &str) -> impl Iterator<Item = (u64, &Event)> {
        let (label, step) = match step.split_once('.') {
            Some((label, step)) if self.runs.len() > 1 => (Some(label.to_owned()), step.to_owned()),
            _ => (None, step.to_owned()),
        };
        let runs = self.runs.iter().filter(move |run| label.as_ref().is_none_or(|label| *label == run.label));
        let events = runs.flat_map(|run| &run.events).map(|(index, event)| (*index, event));
        events.filter(move |(_, event)| done_on(event).is_some_and(|on| on == step))
    }

    /// The codes for which an agent was kept out of any step.
    fn passed_over(&self, agent: &str) -> Vec<String> {
        let decisions =
            self.runs.iter().flat_map(|run| run.events.iter().filter_map(|(_, event)| decision(event)));
        let excluded = decisions.flat_map(|decision| &decision.excluded);
        let its =
            excluded.filter(|(id, _)| self.agents.get(&id.to_string()).is_some_and(|name| name == agent));
        let mut codes: Vec<String> =
            its.flat_map(|(_, reasons)| reasons).map(|reason| reason.code.clone()).collect();
        codes.sort();
        codes.dedup();
        codes
    }
}

impl SeenRun {
    fn differs(&self, expect: &Expect, told: &mut Vec<String>) {
        if let Some(domain) = &expect.domain {
            same(told, "the domain is", domain.as_str(), self.domain.as_deref().unwrap_or("unknown"));
        }
        if let Some(status) = expect.status {
            same(told, "the contract is", status.as_str(), &self.status);
        }
        if let Some(wanted) = expect.admission {
            same(told, "the admit gate answers", &Some(wanted), &self.admission());
        }
        for code in expect.codes.iter().filter(|code| !self.reasons().contains(code)) {
            told.push(format!("the admit gate gives {:?}, and not `{code}`", self.reasons()));
        }
        if let Some(skipped) = &expect.skipped {
            same(told, "what was skipped is", &sorted(skipped), &sorted(&self.skipped()));
        }
        if let Some(recalled) = &expect.recalled {
            same(told, "what was answered from an earlier result is", recalled, &self.recalled());
        }
        if let Some(undone) = &expect.undone {
            same(told, "what was undone is", undone, &self.undone());
        }
        if let Some(wanted) = &expect.output {
            told.extend(misfit(wanted, self.output.as_ref().unwrap_or(&Value::Null)));
        }
    }

    /// What the admit gate said first.
    fn admitted(&self) -> Option<&Decision> {
        self.events
            .iter()
            .filter_map(|(_, event)| decision(event))
            .find(|decision| decision.gate == Gate::Admit)
    }

    fn admission(&self) -> Option<Admission> {
        Some(match self.admitted()?.answer {
            Answer::Permit => Admission::Permit,
            Answer::Review { .. } => Admission::Review,
            Answer::Deny { .. } => Admission::Deny,
        })
    }

    fn reasons(&self) -> Vec<&String> {
        let reasons = self.admitted().into_iter().flat_map(|decision| decision.answer.reasons());
        reasons.map(|reason| &reason.code).collect()
    }

    fn skipped(&self) -> Vec<String> {
        let skipped = self.events.iter().filter_map(|(_, event)| match event {
            Event::Skipped { step, .. } => Some(step.to_string()),
            _ => None,
        });
        skipped.collect()
    }

    fn recalled(&self) -> Vec<String> {
        let recalled = self.events.iter().filter_map(|(_, event)| match event {
            Event::Recalled { attempt, .. } => Some(attempt.step.to_string()),
            _ => None,
        });
        recalled.collect()
    }

    /// The steps that were undone, in the order of undoing.
    #[must_use]
    pub fn undone(&self) -> Vec<String> {
        let ended = self.events.iter().find_map(|(_, event)| match event {
            Event::Ended { ending: Ending::Stopped { undone, .. } } => Some(undone),
            _ => None,
        });
        ended.into_iter().flatten().map(ToString::to_string).collect()
    }
}

fn decision(event: &Event) -> Option<&Decision> {
    match event {
        Event::Decided { decision, .. } => Some(decision),
        _ => None,
    }
}

/// The step that an event of doing is about.
fn done_on(event: &Event) -> Option<String> {
    match event {
        Event::Dispatched { attempt, .. }
        | Event::Released { attempt, .. }
        | Event::Concluded { attempt, .. }
        | Event::Failed { attempt, .. } => (attempt.leg == Leg::Do).then(|| attempt.step.to_string()),
        _ => None,
    }
}

fn same<T: PartialEq + Debug + ?Sized>(told: &mut Vec<String>, what: &str, wanted: &T, found: &T) {
    if wanted != found {
        told.push(format!("{what} {found:?} and not {wanted:?}"));
    }
}

fn sorted(names: &[String]) -> Vec<&String> {
    let mut names: Vec<&String> = names.iter().collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests;

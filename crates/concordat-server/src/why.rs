//! A run's story in words that a business user understands: admission, routing, waiting, refusal, failure, undo.
//!
//! It is told from the records alone, so it says the same today and in five years. Names of agents that never got
//! a step are not in the records; whoever calls knows them or does not.

mod sentence;

use concordat_engine::{EngineError, RunView, status};
use concordat_model::decision::{Answer, Decision, Gate};
use concordat_model::id::{AgentId, DecisionId};
use concordat_model::run::Phase;
use concordat_model::run::event::{About, Ending, Event, Reply};
use concordat_model::work::{Attempt, Leg};
use jiff::Timestamp;

use crate::api::why::{Why, WhyLine};
use crate::story::{Story, reasons};
use sentence::{and, capital, listed, percent, piece, until};

/// Tells what happened to a run and why. `name` knows agents by their ids.
pub(crate) fn tell(view: &RunView, name: &dyn Fn(AgentId) -> Option<String>) -> Result<Why, EngineError> {
    let story = Story::read(view)?;
    let teller = Teller { view, story: &story, name };
    let mut lines = Vec::with_capacity(story.events.len());
    for (at, event) in &story.events {
        if let Some((text, decision)) = teller.line(event) {
            lines.push(WhyLine { at: *at, text, decision: decision.map(|decision| decision.to_string()) });
        }
    }
    Ok(Why { headline: teller.headline(), lines })
}

struct Teller<'a> {
    view: &'a RunView,
    story: &'a Story,
    name: &'a dyn Fn(AgentId) -> Option<String>,
}

type Line = Option<(String, Option<DecisionId>)>;

impl Teller<'_> {
    fn headline(&self) -> String {
        let state = &self.view.run.state;
        let name = &self.view.run.contract.document().metadata.name;
        let told = match &state.phase {
            Phase::Received => "was received, and policy has not answered yet".to_owned(),
            Phase::InReview(_) => format!("waits for a reviewer before it may run{}", self.asked()),
            Phase::Waiting => {
                format!("waits for {} to complete first", piece(state.depends_on.len(), "other contract"))
            }
            Phase::Running => self.running(),
            Phase::Closing(cause) => format!("is stopping: {}", self.story.cause(self.view, cause)),
            Phase::Undoing(cause) => {
                format!("is being undone, because {}", self.story.cause(self.view, cause))
            }
            Phase::Ended { ending: Ending::Completed { .. }, .. } => "was completed".to_owned(),
            Phase::Ended { cause, ending: Ending::Stopped { undone, not_undone }, .. } => {
                let why = cause.as_ref().map(|cause| format!(": {}", self.story.cause(self.view, cause)));
                let word = match status(state) {
                    "denied" => "was not let in",
                    "rejected" => "was rejected",
                    "cancelled" => "was cancelled",
                    _ => "failed",
                };
                format!("{word}{}{}", why.unwrap_or_default(), after(undone, not_undone))
            }
        };
        format!("The contract `{name}` {told}.")
    }

    fn asked(&self) -> String {
        let state = &self.view.run.state;
        let open = state.reviews.values().find_map(|open| open.decision);
        match open.and_then(|id| self.story.decision(id)) {
            Some(decision) => format!(": {}", reasons(decision)),
            None => String::new(),
        }
    }

    fn running(&self) -> String {
        let state = &self.view.run.state;
        let steps = state.steps().len();
        let settled = steps.saturating_sub(state.unsettled());
        let mut told = format!("is running, {settled} of {} settled", piece(steps, "step"));
        let busy = self.with(|leg| matches!(leg, concordat_model::run::leg::LegState::Dispatched { .. }));
        if !busy.is_empty() {
            told.push_str(&format!(
                ", {} with {}",
                listed(&busy),
                if busy.len() == 1 { "an agent" } else { "agents" }
            ));
        }
        if !state.reviews.is_empty() {
            told.push_str(&format!(
                ", and {} open for people",
                match state.reviews.len() {
                    1 => "a review is".to_owned(),
                    n => format!("{n} reviews are"),
                }
            ));
        }
        told
    }

    fn with(&self, is: impl Fn(&concordat_model::run::leg::LegState) -> bool) -> Vec<String> {
        let contract = &self.view.run.contract;
        let steps = contract.steps().iter().zip(self.view.run.state.steps());
        steps.filter(|(_, state)| is(&state.doing)).map(|(step, _)| step.document.id.to_string()).collect()
    }

    fn line(&self, event: &Event) -> Line {
        match event {
            Event::Received { submitter, name, depends_on, .. } => plain(match depends_on.len() {
                0 => format!("`{}` sent the contract `{name}`.", submitter.name),
                n => format!(
                    "`{}` sent the contract `{name}`, to begin after {}.",
                    submitter.name,
                    piece(n, "other contract")
                ),
            }),
            Event::Classified { classification } => plain(self.classified(classification)),
            Event::Decided { decision, attempt } => self.decided(decision, attempt.as_ref()),
            Event::Waiting => {
                plain("It was admitted, and waits for the contracts that it depends on.".to_owned())
            }
            Event::Started => plain("Work began.".to_owned()),
            Event::ReviewOpened { review, about, decision, expires, .. } => {
                Some((self.review_opened(&review.to_string(), about, *expires), *decision))
            }
            Event::ReviewAnswered { verdict, by, reason, access, .. } => {
                use concordat_model::run::event::Verdict;
                let did = match verdict {
                    Verdict::Approve => "approved, so policy was asked again",
                    Verdict::Reject => "rejected",
                };
                Some((format!("`{}` {did}: “{reason}”.", by.name), Some(*access)))
            }
            Event::ReviewLapsed { .. } => {
                plain("Nobody answered the review in time, which counts as no.".to_owned())
            }
            Event::Skipped { step, because } => {
                use concordat_model::run::event::Skip;
                plain(match because {
                    Skip::ConditionFalse => format!("Step `{step}` was skipped: its condition did not hold."),
                    Skip::NothingBefore => {
                        format!("Step `{step}` was skipped: every step that it needs was skipped, too.")
                    }
                })
            }
            Event::Dispatched { .. } => self.dispatched(event),
            Event::Answered { attempt, reply, .. } => self.answered(attempt, reply),
            Event::Released { attempt, decision } => Some((self.released(attempt), Some(*decision))),
            Event::Retrying { attempt, at } => {
                let (what, n) = (work(attempt), attempt.number);
                plain(format!("{} is tried again (try {n}), not before {}.", capital(&what), until(*at)))
            }
            Event::Failed { attempt, error, tolerated } => {
                let what = capital(&work(attempt));
                let rest = if *tolerated { " The contract goes on without it." } else { "" };
                Some((format!("{what} failed for good: {}.{rest}", error.message), error.decision))
            }
            Event::Parked { attempt } => plain(format!(
                "Nobody knows whether {} was done. Doing it twice would do harm, so it is not sent again until a \
                 person has found out.",
                work(attempt)
            )),
            Event::Closing { cause } => plain(format!(
                "The contract stops: {}. Nothing new begins.",
                self.story.cause(self.view, cause)
            )),
            Event::Undoing { steps } => {
                let steps: Vec<String> = steps.iter().map(ToString::to_string).collect();
                plain(format!("What was done is undone, last things first: {}.", listed(&steps)))
            }
            Event::Ended { ending: Ending::Completed { .. } } => {
                plain("Everything was done, and the result is acceptable.".to_owned())
            }
            Event::Ended { ending: Ending::Stopped { undone, not_undone } } => {
                plain(format!("It is over{}.", after(undone, not_undone)))
            }
        }
    }

    fn classified(&self, classification: &concordat_model::classification::Classification) -> String {
        use concordat_model::classification::Verdict;
        let declared = self.view.run.contract.spec().domain.as_ref();
        match (&classification.verdict, declared) {
            (Verdict::Domain { domain, confidence }, Some(other)) if other != domain => format!(
                "Its text was recognised as work in `{domain}` ({} sure), although it declares `{other}`.",
                percent(*confidence)
            ),
            (Verdict::Domain { domain, confidence }, _) => {
                format!("Its text was recognised as work in `{domain}` ({} sure).", percent(*confidence))
            }
            (Verdict::Abstained { because }, Some(declared)) => format!(
                "Its text does not show which field of work it belongs to: {because}. It declares `{declared}`."
            ),
            (Verdict::Abstained { because }, None) => {
                format!("Its text does not show which field of work it belongs to: {because}.")
            }
        }
    }

    fn decided(&self, decision: &Decision, attempt: Option<&Attempt>) -> Line {
        let step = attempt.map(work).unwrap_or_default();
        let why = reasons(decision);
        let text = match (decision.gate, &decision.answer) {
            // What they let happen is told by what happened.
            (Gate::Access | Gate::Dispatch | Gate::Release, Answer::Permit) => return None,
            (Gate::Admit, Answer::Permit) => format!("Policy admitted it{}.", remarks(decision)),
            (Gate::Admit, Answer::Review { .. }) => {
                format!("Policy wants people to look before it may run: {why}.")
            }
            (Gate::Admit, Answer::Deny { .. }) => format!("Policy does not let it run: {why}."),
            (Gate::Access, _) => format!("Policy did not permit a request: {why}."),
            (Gate::Dispatch, Answer::Review { .. }) => {
                format!(
                    "Policy wants people to look before {step} is given to an agent: {why}.{}",
                    self.passed(decision)
                )
            }
            (Gate::Dispatch, Answer::Deny { .. }) => {
                format!("Policy lets no agent do {step}: {why}.{}", self.passed(decision))
            }
            (Gate::Release, Answer::Review { .. }) => {
                format!("Policy wants people to look before the result of {step} is used: {why}.")
            }
            (Gate::Release, Answer::Deny { .. }) => {
                format!("Policy does not let the result of {step} be used: {why}.")
            }
        };
        Some((text, Some(decision.id)))
    }

    fn review_opened(&self, review: &str, about: &About, expires: Timestamp) -> String {
        let asked = match about {
            About::Admission => "whether the contract may run".to_owned(),
            About::Step { gate: Gate::Release, attempt } => {
                format!("whether the result of {} may be used", work(attempt))
            }
            About::Step { attempt, .. } => format!("whether {} may be given to an agent", work(attempt)),
            About::Reconciliation { attempt } => {
                format!("to find out whether {} was done, and whether it may be sent again", work(attempt))
            }
        };
        format!("People are asked {asked} (review {review}, until {}).", until(expires))
    }

    fn dispatched(&self, event: &Event) -> Line {
        let Event::Dispatched { attempt, agent, agent_name, decision, draws, .. } = event else {
            return None;
        };
        let mut text = format!("{} went to `{agent_name}`", capital(&work(attempt)));
        if attempt.number > 1 {
            text.push_str(&format!(" (try {})", attempt.number));
        }
        let asked = self.story.decision(*decision);
        let others = asked.map_or(0, |decision| decision.permitted.len().saturating_sub(1));
        let drawn =
            |wanted: AgentId| draws.iter().find(|draw| draw.agent == wanted).map(|draw| percent(draw.drawn));
        match (others, drawn(*agent)) {
            (0, _) => text.push_str(": of the agents that offer the skill, policy permitted only this one"),
            (_, None) => {
                text.push_str(&format!(": policy permitted it and {}", piece(others, "other agent")))
            }
            (_, Some(own)) => {
                let mut rest: Vec<_> = draws.iter().filter(|draw| draw.agent != *agent).collect();
                rest.sort_by_key(|draw| std::cmp::Reverse(draw.drawn));
                let shown = rest.iter().take(3);
                let rivals: Vec<String> = shown
                    .map(|draw| format!("{} of `{}`", percent(draw.drawn), self.name(draw.agent)))
                    .collect();
                text.push_str(&format!(
                    ": policy permitted it and {}, and it won the draw, which weighs what was seen of each: {own} \
                     against {}",
                    piece(others, "other agent"),
                    and(&rivals)
                ));
            }
        }
        text.push('.');
        text.push_str(&asked.map(|decision| self.passed(decision)).unwrap_or_default());
        Some((text, Some(*decision)))
    }

    /// Who was passed over, and why.
    fn passed(&self, decision: &Decision) -> String {
        const SHOWN: usize = 5;
        let mut passed: Vec<String> = decision
            .excluded
            .iter()
            .take(SHOWN)
            .map(|(agent, reasons)| {
                let why: Vec<String> = reasons.iter().map(|reason| plainly(&reason.message)).collect();
                format!("`{}` ({})", self.name(*agent), why.join(", "))
            })
            .collect();
        let more = decision.excluded.len().saturating_sub(SHOWN);
        if more > 0 {
            passed.push(piece(more, "more agent"));
        }
        if passed.is_empty() { String::new() } else { format!(" Passed over: {}.", and(&passed)) }
    }

    fn name(&self, agent: AgentId) -> String {
        let known = self.story.name(agent).map(str::to_owned).or_else(|| (self.name)(agent));
        known.unwrap_or_else(|| agent.to_string())
    }

    fn agent(&self, attempt: &Attempt) -> String {
        let agent = self.story.agent_of(attempt);
        agent.map_or_else(|| "the agent".to_owned(), |agent| format!("`{}`", self.name(agent)))
    }

    fn answered(&self, attempt: &Attempt, reply: &Reply) -> Line {
        let (agent, what) = (capital(&self.agent(attempt)), work(attempt));
        plain(match reply {
            Reply::Output { misfits, .. } if misfits.is_empty() => return None,
            Reply::Output { misfits, .. } => format!(
                "{agent} answered {what} with something of another form than was agreed: {}.",
                misfits.first().map_or("", String::as_str)
            ),
            Reply::Failure { message, .. } => format!("{agent} could not do {what}: {message}."),
            Reply::Unknown { message, .. } => {
                format!(
                    "{agent} gave no answer to {what}, so it is not known whether it was done: {message}."
                )
            }
            Reply::Interrupted => {
                format!("Concordat stopped while {} worked on {what}.", self.agent(attempt))
            }
        })
    }

    fn released(&self, attempt: &Attempt) -> String {
        let latency = self.story.events.iter().rev().find_map(|(_, event)| match event {
            Event::Answered { attempt: one, latency_ms, .. } if one == attempt => Some(*latency_ms),
            _ => None,
        });
        let took = latency.map(|ms| format!(" in {}", sentence::duration(ms))).unwrap_or_default();
        let did = match attempt.leg {
            Leg::Do => "did",
            Leg::Undo => "undid",
        };
        format!(
            "{} {did} step `{}`{took}, and policy let the result be used.",
            capital(&self.agent(attempt)),
            attempt.step
        )
    }
}

/// A policy's message within another sentence.
fn plainly(message: &str) -> String {
    message.trim_end_matches('.').to_owned()
}

fn plain(text: String) -> Line {
    Some((text, None))
}

fn work(attempt: &Attempt) -> String {
    match attempt.leg {
        Leg::Do => format!("step `{}`", attempt.step),
        Leg::Undo => format!("the undoing of step `{}`", attempt.step),
    }
}

/// Checks that hold but should be known.
fn remarks(decision: &Decision) -> String {
    use concordat_model::decision::CheckResult;
    let remarks = decision.checks.iter().filter(|check| check.result != CheckResult::Pass);
    let remarks: Vec<String> = remarks.map(|check| plainly(&check.message)).collect();
    if remarks.is_empty() { String::new() } else { format!(", with a remark: {}", remarks.join("; ")) }
}

fn after(
    undone: &[concordat_model::name::StepName],
    not_undone: &[concordat_model::name::StepName],
) -> String {
    let names = |steps: &[concordat_model::name::StepName]| {
        listed(&steps.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    match (undone.is_empty(), not_undone.is_empty()) {
        (true, true) => "; nothing had to be undone".to_owned(),
        (false, true) => format!("; everything that was done is undone: {}", names(undone)),
        (true, false) => format!("; {} could not be undone, and a person must look", names(not_undone)),
        (false, false) => format!(
            "; {} undone, but {} could not be undone, and a person must look",
            names(undone) + if undone.len() == 1 { " is" } else { " are" },
            names(not_undone)
        ),
    }
}

#[cfg(test)]
mod tests;

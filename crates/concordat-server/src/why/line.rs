//! One sentence for each event that people want to know of.

use concordat_model::classification::{Classification, Verdict as Classified};
use concordat_model::decision::{Answer, CheckResult, Decision, Gate, Strategy};
use concordat_model::id::{AgentId, DecisionId};
use concordat_model::run::event::{Draw, Ending, Event, Reply, Skip};
use concordat_model::step_id::StepId;
use concordat_model::work::{Attempt, Leg};

use super::shaped::received;
use super::{Teller, after};
use crate::detail::not_chosen;
use crate::inquiry;
use crate::sentence::{and, capital, duration, listed, percent, piece, until};
use crate::story::reasons;

/// A sentence, and the decision behind it.
pub(super) type Line = Option<(String, Option<DecisionId>)>;

impl Teller<'_> {
    /// The sentence for an event, and the decision behind it; nothing where another event tells it.
    pub(super) fn line(&self, event: &Event) -> Line {
        match event {
            Event::Received { submitter, name, depends_on, origin, .. } => {
                plain(received(&submitter.name, name, depends_on.len(), origin))
            }
            Event::Classified { classification } => plain(self.classified(classification)),
            Event::Decided { decision, attempt } => self.decided(decision, attempt.as_ref()),
            Event::Waiting => {
                plain("It was admitted, and waits for the contracts that it depends on.".to_owned())
            }
            Event::Started => plain("Work began.".to_owned()),
            Event::ReviewOpened { .. }
            | Event::ReviewAnswered { .. }
            | Event::ReviewLapsed { .. }
            | Event::Paused { .. }
            | Event::Resumed { .. }
            | Event::Extended { .. } => self.people(event),
            Event::Skipped { step, because } => plain(self.skipped(step, *because)),
            Event::Reused { .. }
            | Event::Recalled { .. }
            | Event::Spread { .. }
            | Event::Listening { .. }
            | Event::Heard { .. }
            | Event::Concluded { .. }
            | Event::Delegated { .. }
            | Event::FellBack { .. }
            | Event::Returned { .. } => self.shaped(event),
            Event::Dispatched { .. } => self.dispatched(event),
            Event::Asked { .. } | Event::Told { .. } => self.asked_back(event),
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
            Event::Parked { attempt } => plain(parked(attempt)),
            Event::Closing { cause } => {
                let why = self.story.cause(self.view, cause);
                plain(format!("The contract stops: {why}. Nothing new begins."))
            }
            Event::Undoing { steps } => {
                let steps: Vec<String> = steps.iter().map(ToString::to_string).collect();
                plain(format!("What was done is undone, last things first: {}.", listed(&steps)))
            }
            Event::Ended { ending: Ending::Completed { .. } } => plain(self.completed()),
            Event::Ended { ending: Ending::Stopped { undone, not_undone } } => {
                plain(format!("It is over{}.", after(undone, not_undone)))
            }
        }
    }

    /// What an agent asked, and that it was told.
    fn asked_back(&self, event: &Event) -> Line {
        match event {
            Event::Asked { attempt, question, .. } => {
                let asks = inquiry::asks(&self.view.run, question);
                plain(format!("{asks} before it goes on with {}.", work(attempt)))
            }
            Event::Told { attempt, agent, decision, .. } => {
                let (agent, what) = (self.name(*agent), work(attempt));
                Some((format!("`{agent}` was told the answer, and goes on with {what}."), Some(*decision)))
            }
            _ => None,
        }
    }

    fn completed(&self) -> String {
        let told = match self.story.fallback() {
            Some(_) => "The fallback was completed, and its result is the contract's.",
            None => "Everything was done, and the result is acceptable.",
        };
        told.to_owned()
    }

    fn classified(&self, classification: &Classification) -> String {
        let declared = self.view.run.contract.spec().domain.as_ref();
        match (&classification.verdict, declared) {
            (Classified::Domain { domain, confidence }, Some(other)) if other != domain => format!(
                "Its text was recognised as work in `{domain}` ({} sure), although it declares `{other}`.",
                percent(*confidence)
            ),
            (Classified::Domain { domain, confidence }, _) => {
                format!("Its text was recognised as work in `{domain}` ({} sure).", percent(*confidence))
            }
            (Classified::Abstained { because }, Some(declared)) => format!(
                "Its text does not show which field of work it belongs to: {because}. It declares `{declared}`."
            ),
            (Classified::Abstained { because }, None) => {
                format!("Its text does not show which field of work it belongs to: {because}.")
            }
        }
    }

    fn decided(&self, decision: &Decision, attempt: Option<&Attempt>) -> Line {
        let step = attempt.map(work).unwrap_or_default();
        let why = reasons(decision);
        let text = match (decision.gate, &decision.answer) {
            // What they let happen is told by what happened.
            (
                Gate::Access | Gate::Dispatch | Gate::Release | Gate::Enroll | Gate::Promote,
                Answer::Permit,
            ) => return None,
            (Gate::Admit, Answer::Permit) => format!("Policy admitted it{}.", remarks(decision)),
            (Gate::Admit, Answer::Review { .. }) => {
                format!("Policy wants people to look before it may run: {why}.")
            }
            (Gate::Admit, Answer::Deny { .. }) => format!("Policy does not let it run: {why}."),
            (Gate::Access | Gate::Enroll | Gate::Promote, _) => {
                format!("Policy did not permit a request: {why}.")
            }
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

    fn skipped(&self, step: &StepId, because: Skip) -> String {
        let why = match because {
            Skip::ConditionFalse => "its condition did not hold".to_owned(),
            Skip::NothingBefore => "every step that it needs was skipped, too".to_owned(),
            Skip::NotChosen => not_chosen(self.view, &step.name),
        };
        format!("Step `{step}` was skipped: {why}.")
    }

    fn dispatched(&self, event: &Event) -> Line {
        let Event::Dispatched { attempt, agent, agent_name, decision, draws, instance, .. } = event else {
            return None;
        };
        let mut text = format!("{} went to `{agent_name}`", capital(&work(attempt)));
        if let Some(instance) = instance {
            text.push_str(&format!(" at {instance}"));
        }
        if attempt.number > 1 {
            text.push_str(&format!(" (try {})", attempt.number));
        }
        let asked = self.story.decision(*decision);
        let others = asked.map_or(0, |decision| decision.permitted.len().saturating_sub(1));
        let strategy = asked.and_then(|decision| decision.strategy);
        match others {
            0 => text.push_str(": of the agents that offer the skill, policy permitted only this one"),
            _ => text.push_str(&format!(
                ": policy permitted it and {}{}",
                piece(others, "other agent"),
                self.won(strategy, *agent, draws)
            )),
        }
        text.push('.');
        text.push_str(&asked.map(|decision| self.passed(decision)).unwrap_or_default());
        Some((text, Some(*decision)))
    }

    /// How an agent came before the others that were permitted.
    fn won(&self, strategy: Option<Strategy>, agent: AgentId, draws: &[Draw]) -> String {
        let what = match strategy {
            None | Some(Strategy::Explore) => "it won the draw, which weighs what was seen of each",
            Some(Strategy::Best) => "it is proven most",
            Some(Strategy::Cheapest) => return ", and it costs least".to_owned(),
            Some(Strategy::Ranked) => return ", and ranks it first".to_owned(),
        };
        let Some(own) = draws.iter().find(|draw| draw.agent == agent) else { return String::new() };
        let mut rest: Vec<_> = draws.iter().filter(|draw| draw.agent != agent).collect();
        rest.sort_by_key(|draw| std::cmp::Reverse(draw.drawn));
        let shown = rest.iter().take(3);
        let rivals: Vec<String> =
            shown.map(|draw| format!("{} of `{}`", percent(draw.drawn), self.name(draw.agent))).collect();
        format!(", and {what}: {} against {}", percent(own.drawn), and(&rivals))
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

    pub(super) fn name(&self, agent: AgentId) -> String {
        let known = self.story.name(agent).map(str::to_owned).or_else(|| (self.name)(agent));
        known.unwrap_or_else(|| agent.to_string())
    }

    pub(super) fn agent(&self, attempt: &Attempt) -> String {
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
        let took =
            self.story.latency_of(attempt).map(|ms| format!(" in {}", duration(ms))).unwrap_or_default();
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

fn parked(attempt: &Attempt) -> String {
    format!(
        "Nobody knows whether {} was done. Doing it twice would do harm, so it is not sent again until a person has \
         found out.",
        work(attempt)
    )
}

/// A policy's message within another sentence.
fn plainly(message: &str) -> String {
    message.trim_end_matches('.').to_owned()
}

pub(super) fn plain(text: String) -> Line {
    Some((text, None))
}

pub(super) fn work(attempt: &Attempt) -> String {
    match attempt.leg {
        Leg::Do => format!("step `{}`", attempt.step),
        Leg::Undo => format!("the undoing of step `{}`", attempt.step),
    }
}

/// Checks that hold but should be known.
fn remarks(decision: &Decision) -> String {
    let remarks = decision.checks.iter().filter(|check| check.result != CheckResult::Pass);
    let remarks: Vec<String> = remarks.map(|check| plainly(&check.message)).collect();
    if remarks.is_empty() { String::new() } else { format!(", with a remark: {}", remarks.join("; ")) }
}

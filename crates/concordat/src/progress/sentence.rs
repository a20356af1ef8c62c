//! One event in one sentence.

use concordat_model::decision::{Answer, Decision, Gate};
use concordat_model::run::event::{About, Attempt, Cause, Ending, Event, Origin, Reply, Skip, Verdict};
use concordat_model::step_id::StepId;
use concordat_model::work::Leg;

use crate::cli::caret::visible;

/// The sentence for an event, unless the next event says the same better.
pub(super) fn of(event: &Event) -> Option<String> {
    Some(match event {
        Event::Received { name, submitter, origin, .. } => {
            format!("received `{name}` from {}{}", submitter.name, came(origin))
        }
        Event::Classified { classification } => match classification.domain() {
            Some(domain) => format!("classified as {domain}"),
            None => "classified as nothing in particular: the classifier abstains".to_owned(),
        },
        Event::Decided { decision, attempt } => return decided(decision, attempt.as_ref()),
        Event::Waiting => "waits for the contracts that it depends on".to_owned(),
        Event::Started => "started".to_owned(),
        Event::ReviewOpened { review, about, .. } => {
            format!("{} waits for a person: {review}", subject(about))
        }
        Event::ReviewAnswered { review, verdict, by, reason, .. } => {
            let verb = if *verdict == Verdict::Approve { "approved" } else { "rejected" };
            format!("{} {verb} {review}: {}", by.name, plain(reason))
        }
        Event::ReviewLapsed { review } => format!("nobody answered {review} in time"),
        Event::Skipped { step, because } => format!("{step}: skipped, {}", skip(*because)),
        Event::Reused { .. }
        | Event::Spread { .. }
        | Event::Listening { .. }
        | Event::Heard { .. }
        | Event::Concluded { .. }
        | Event::Delegated { .. }
        | Event::FellBack { .. }
        | Event::Returned { .. }
        | Event::Recalled { .. } => return shaped(event),
        Event::Paused { .. } | Event::Resumed { .. } | Event::Extended { .. } => return ordered(event),
        Event::Dispatched { attempt, agent_name, skill, .. } => {
            format!("{}: `{skill}` sent to {agent_name}{}", leg(attempt), nth(attempt))
        }
        Event::Answered { attempt, reply: Reply::Output { .. }, latency_ms } => {
            format!("{}: answered in {latency_ms} ms", leg(attempt))
        }
        Event::Asked { attempt, .. } => {
            format!("{}: its agent asks something before it goes on", leg(attempt))
        }
        Event::Told { attempt, .. } => format!("{}: its agent was told, and goes on", leg(attempt)),
        Event::Answered { attempt, reply: other, .. } => format!("{}: {}", leg(attempt), reply(other)),
        Event::Released { attempt, .. } => match attempt.leg {
            Leg::Do => format!("{}: done", attempt.step),
            Leg::Undo => format!("{}: undone", attempt.step),
        },
        Event::Retrying { attempt, .. } => format!("{}: will be tried again{}", leg(attempt), nth(attempt)),
        Event::Failed { attempt, error, tolerated } => {
            let tolerated = if *tolerated { "; the contract goes on without it" } else { "" };
            format!("{}: failed, {}: {}{tolerated}", leg(attempt), error.code, plain(&error.message))
        }
        Event::Parked { attempt } => format!("{}: its outcome is unknown, a person must look", leg(attempt)),
        Event::Closing { cause } => format!("stopping: {}", why(cause)),
        Event::Undoing { steps } => format!("undoing {}", names(steps)),
        Event::Ended { ending: Ending::Completed { .. } } => "completed".to_owned(),
        Event::Ended { ending: Ending::Stopped { undone, not_undone } } => stopped(undone, not_undone),
    })
}

/// What is more than one agent doing one step.
fn shaped(event: &Event) -> Option<String> {
    Some(match event {
        Event::Reused { step, .. } => format!("{step}: its earlier result is taken over"),
        Event::Spread { step, count, .. } => format!("{step}: once for each of {count} items"),
        Event::Listening { attempt, until, .. } => {
            format!(
                "{}: waits{}",
                attempt.step,
                until.map_or_else(String::new, |until| format!(" until {until:.0}"))
            )
        }
        Event::Heard { attempt, .. } => format!("{}: an event came that it waits for", attempt.step),
        Event::Concluded { attempt, .. } => format!("{}: done", attempt.step),
        Event::Delegated { attempt, run, .. } => format!("{}: carried out as {run}", attempt.step),
        Event::FellBack { run, .. } => format!("the fallback is carried out as {run}"),
        Event::Returned { run, .. } => format!("{run} is over"),
        Event::Recalled { attempt, from, .. } => {
            format!("{}: the same was answered before, in {from}", attempt.step)
        }
        _ => return None,
    })
}

/// What people ordered.
fn ordered(event: &Event) -> Option<String> {
    Some(match event {
        Event::Paused { by, reason, .. } => format!("paused by {by}: {}", plain(reason)),
        Event::Resumed { by, reason, .. } => format!("resumed by {by}: {}", plain(reason)),
        Event::Extended { deadline, by, reason, .. } => {
            format!("deadline put off to {deadline:.0} by {by}: {}", plain(reason))
        }
        _ => return None,
    })
}

/// How it ended before it was complete.
fn stopped(undone: &[StepId], not_undone: &[StepId]) -> String {
    let mut told = "stopped".to_owned();
    for (steps, what) in [(undone, "undone"), (not_undone, "NOT undone, a person must look")] {
        if !steps.is_empty() {
            told.push_str(&format!("; {what}: {}", names(steps)));
        }
    }
    told
}

/// Only what stops or holds work is worth a line: a permit is followed by what it permits.
fn decided(decision: &Decision, attempt: Option<&Attempt>) -> Option<String> {
    let (verb, reasons) = match &decision.answer {
        Answer::Permit if decision.gate == Gate::Admit => return Some("admitted by policy".to_owned()),
        Answer::Permit => return None,
        Answer::Review { reasons } => ("wants a person to look", reasons),
        Answer::Deny { reasons } => ("denies", reasons),
    };
    let reasons: Vec<String> = reasons.all().iter().map(|reason| plain(&reason.message)).collect();
    let what = attempt.map_or_else(String::new, |attempt| format!("{}: ", leg(attempt)));
    Some(format!("{what}policy ({}) {verb}: {} [{}]", decision.gate, reasons.join("; "), decision.id))
}

/// Why a step did not run.
pub(super) fn skip(because: Skip) -> &'static str {
    match because {
        Skip::ConditionFalse => "its condition does not hold",
        Skip::NothingBefore => "every step that it needs was skipped",
        Skip::NotChosen => "the choice before it led elsewhere",
    }
}

/// What came instead of a result.
pub(super) fn reply(reply: &Reply) -> String {
    match reply {
        Reply::Output { .. } => "answered".to_owned(),
        Reply::Failure { code, message, .. } => format!("{code}: {}", plain(message)),
        Reply::Unknown { message, .. } => format!("nobody knows whether it was done: {}", plain(message)),
        Reply::Interrupted => "interrupted by a restart".to_owned(),
    }
}

/// Which try it is, when it is not the first.
pub(super) fn nth(attempt: &Attempt) -> String {
    if attempt.number > 1 { format!(" (attempt {})", attempt.number) } else { String::new() }
}

/// The step that a review is about; none for the contract as a whole.
pub(super) fn step_of(about: &About) -> Option<&StepId> {
    match about {
        About::Admission => None,
        About::Step { attempt, .. }
        | About::Reconciliation { attempt }
        | About::Question { attempt }
        | About::Asked { attempt } => Some(&attempt.step),
    }
}

/// Text of others, harmless and short enough for one line.
pub(super) fn plain(text: &str) -> String {
    let shown: String = visible(text).chars().take(300).collect();
    if shown.chars().count() < text.chars().count() { format!("{shown}…") } else { shown }
}

fn subject(about: &About) -> String {
    step_of(about).map_or_else(|| "the contract".to_owned(), ToString::to_string)
}

fn leg(attempt: &Attempt) -> String {
    match attempt.leg {
        Leg::Do => attempt.step.to_string(),
        Leg::Undo => format!("undoing {}", attempt.step),
    }
}

fn names(steps: &[StepId]) -> String {
    let names: Vec<String> = steps.iter().map(StepId::to_string).collect();
    names.join(", ")
}

/// How it came about, unless somebody simply sent it.
fn came(origin: &Origin) -> String {
    match origin {
        Origin::Submitted => String::new(),
        Origin::Nested { run, .. } => format!(", within {run}"),
        Origin::Retried { run, from, .. } => format!(", {run} again from {from}"),
        Origin::Triggered { trigger, .. } => format!(", started by the trigger {trigger}"),
    }
}

fn why(cause: &Cause) -> String {
    match cause {
        Cause::StepFailed { step, .. } => format!("the step `{step}` failed"),
        Cause::Cancelled { by, reason, .. } => format!("cancelled by {by}: {}", plain(reason)),
        Cause::Killed { by, reason, .. } => format!("ended at once by {by}: {}", plain(reason)),
        Cause::Around { run, .. } => format!("{run}, the contract around it, stops"),
        Cause::Deadline => "its deadline passed".to_owned(),
        Cause::Dependency { run } => format!("{run}, which it depends on, did not complete"),
        Cause::Exceeded { limit } => format!("it has grown beyond what a run may be: {}", plain(limit)),
        Cause::Unacceptable { message } => format!("the result is not acceptable: {}", plain(message)),
        Cause::Rejected { .. } => "people did not approve it".to_owned(),
        Cause::Denied { decision } => format!("policy denies it [{decision}]"),
    }
}

//! The account of a contract in a few lines: who did what, why that agent, who was kept out, what was refused.
//!
//! Made from the records alone. For the whole story with every decision there is `concordat why`.

use std::collections::BTreeMap;

use concordat_model::decision::{Answer, Decision, Gate};
use concordat_model::run::event::{Attempt, Draw, Event, Failure, Reply, Skip};
use concordat_model::work::Leg;

use super::seen::{Seen, SeenRun};

/// One step: the step, the agent, what became of it, and why that agent.
pub type Row = [String; 4];

/// What became of one step, as its events add up.
#[derive(Default)]
struct Account {
    agent: String,
    became: String,
    chosen: String,
    undone: Option<String>,
    tries: u32,
}

/// One line for each step, in the order in which they were given to agents.
#[must_use]
pub fn rows(run: &SeenRun, seen: &Seen) -> Vec<Row> {
    let mut order: Vec<String> = Vec::new();
    let mut accounts: BTreeMap<String, Account> = BTreeMap::new();
    let mut asked: Option<&Decision> = None;
    for (_, event) in &run.events {
        if let Event::Decided { decision, .. } = event {
            asked = Some(decision.as_ref());
        }
        let Some(step) = step_of(event) else { continue };
        if !order.contains(&step) {
            order.push(step.clone());
        }
        accounts.entry(step).or_default().take(event, asked, seen);
    }
    let row = |step: String| accounts.remove(&step).map(|account| account.row(step));
    order.into_iter().filter_map(row).collect()
}

impl Account {
    fn take(&mut self, event: &Event, asked: Option<&Decision>, seen: &Seen) {
        match event {
            Event::Skipped { because, .. } => self.became = format!("skipped: {}", skipped(*because)),
            Event::Dispatched { attempt: Attempt { leg: Leg::Undo, .. }, agent_name, .. } => {
                self.undone = Some(agent_name.to_string());
            }
            Event::Dispatched { attempt, agent_name, draws, .. } => {
                self.agent = agent_name.to_string();
                self.tries = attempt.number;
                self.chosen = chosen(draws, asked, seen);
            }
            Event::Answered { attempt: Attempt { leg: Leg::Do, .. }, reply, .. } => {
                self.became = came(reply);
            }
            Event::Released { attempt: Attempt { leg: Leg::Do, .. }, .. } => {
                self.became = match self.tries {
                    0 | 1 => "done".to_owned(),
                    tries => format!("done, try {tries}"),
                };
            }
            Event::Released { .. } => {
                let by = self.undone.take().unwrap_or_default();
                self.became = format!("done, then undone by {by}");
            }
            Event::Failed { attempt: Attempt { leg: Leg::Do, .. }, error, tolerated, .. } => {
                self.became = failed(error, *tolerated);
            }
            Event::Failed { error, .. } => self.became = format!("done, NOT undone: {}", error.message),
            Event::Parked { .. } => self.became = "outcome unknown: a person must look".to_owned(),
            Event::ReviewOpened { .. } => self.became = "waits for a person".to_owned(),
            _ => {}
        }
    }

    fn row(self, step: String) -> Row {
        let or_dash = |text: String| if text.is_empty() { "–".to_owned() } else { text };
        [step, or_dash(self.agent), self.became, or_dash(self.chosen)]
    }
}

/// Who was kept out of which steps, and why, in policy's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptOut {
    /// The agent.
    pub agent: String,
    /// The steps.
    pub steps: Vec<String>,
    /// Why: a sentence each.
    pub why: Vec<String>,
}

/// Who was kept out; an agent that was kept out of several steps for the same reasons is named once.
#[must_use]
pub fn kept_out(run: &SeenRun, seen: &Seen) -> Vec<KeptOut> {
    let mut kept: Vec<KeptOut> = Vec::new();
    for (_, event) in &run.events {
        let Event::Decided { decision, attempt: Some(attempt) } = event else { continue };
        for (agent, reasons) in &decision.excluded {
            let (agent, step) = (named(seen, &agent.to_string()), attempt.step.to_string());
            let why: Vec<String> = reasons.iter().map(|reason| reason.message.clone()).collect();
            match kept.iter_mut().find(|one| one.agent == agent && one.why == why) {
                Some(one) if one.steps.contains(&step) => {}
                Some(one) => one.steps.push(step),
                None => kept.push(KeptOut { agent, steps: vec![step], why }),
            }
        }
    }
    kept
}

/// What policy refused or handed to people, each with its reasons and the ways out.
#[must_use]
pub fn refusals(run: &SeenRun) -> Vec<(String, Vec<String>)> {
    let told = run.events.iter().filter_map(|(_, event)| {
        let Event::Decided { decision, attempt } = event else { return None };
        let (verb, reasons) = match &decision.answer {
            Answer::Permit => return None,
            Answer::Review { reasons } => ("asks a person about", reasons),
            Answer::Deny { reasons } => ("refuses", reasons),
        };
        let what = attempt
            .as_ref()
            .map_or_else(|| "the contract".to_owned(), |attempt| format!("`{}`", attempt.step));
        let lines = reasons.all().iter().flat_map(|reason| {
            let fix = reason.fix.as_ref().map(|fix| format!("way out: {fix}"));
            std::iter::once(reason.message.clone()).chain(fix)
        });
        Some((format!("policy {verb} {what}"), lines.collect()))
    });
    told.collect()
}

/// Why it was this agent.
fn chosen(draws: &[Draw], asked: Option<&Decision>, seen: &Seen) -> String {
    let excluded = asked.filter(|asked| asked.gate == Gate::Dispatch).map_or(0, |asked| asked.excluded.len());
    match (draws, excluded) {
        ([] | [_], 0) => "nobody else offers it".to_owned(),
        ([] | [_], _) => "the only one permitted".to_owned(),
        (several, _) => {
            let mut several: Vec<&Draw> = several.iter().collect();
            several.sort_by_key(|draw| std::cmp::Reverse(draw.drawn));
            let drawn = |draw: &&Draw| {
                format!("{} {}", named(seen, &draw.agent.to_string()), draw.drawn.points() / 100)
            };
            let told: Vec<String> = several.iter().map(drawn).collect();
            format!("drew highest: {}", told.join(", "))
        }
    }
}

fn named(seen: &Seen, agent: &str) -> String {
    seen.agents.get(agent).cloned().unwrap_or_else(|| agent.to_owned())
}

fn step_of(event: &Event) -> Option<String> {
    use concordat_model::run::event::About;
    match event {
        Event::Skipped { step, .. } => Some(step.to_string()),
        Event::Dispatched { attempt, .. }
        | Event::Answered { attempt, .. }
        | Event::Released { attempt, .. }
        | Event::Failed { attempt, .. }
        | Event::Parked { attempt }
        | Event::ReviewOpened {
            about:
                About::Step { attempt, .. }
                | About::Reconciliation { attempt }
                | About::Question { attempt }
                | About::Asked { attempt },
            ..
        } => Some(attempt.step.to_string()),
        _ => None,
    }
}

fn skipped(because: Skip) -> &'static str {
    match because {
        Skip::ConditionFalse => "its condition does not hold",
        Skip::NothingBefore => "what it needs was skipped",
        Skip::NotChosen => "the choice before it led elsewhere",
    }
}

fn came(reply: &Reply) -> String {
    match reply {
        Reply::Output { misfits, .. } if misfits.is_empty() => "answered".to_owned(),
        Reply::Output { .. } => "answered something else".to_owned(),
        Reply::Failure { message, .. } | Reply::Unknown { message, .. } => message.clone(),
        Reply::Interrupted => "interrupted".to_owned(),
    }
}

fn failed(error: &Failure, tolerated: bool) -> String {
    let verb = match (error.code.as_str(), tolerated) {
        ("policy-denied", _) => return "refused by policy: nobody was called".to_owned(),
        (_, true) => "failed, and goes on without",
        (_, false) => "failed",
    };
    format!("{verb}: {}", error.message)
}

#[cfg(test)]
mod tests;

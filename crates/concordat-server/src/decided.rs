//! One decision in words that a business user understands: what was asked, what policy said, why, and the way out.

use std::collections::BTreeMap;

use concordat_engine::ports::StoredRecord;
use concordat_model::decision::{Answer, CheckResult, Decision, Gate, Reason, Strategy};
use concordat_policy::Explanation;
use serde_json::Value;

use crate::api::why::{Because, DecisionWhy};
use crate::sentence::listed;

/// Tells why a gate answered as it did. `names` knows the agents by id.
pub(crate) fn tell(
    decision: &Decision,
    stored: &StoredRecord,
    input: &Value,
    explanation: Explanation,
    names: &BTreeMap<String, String>,
) -> DecisionWhy {
    let mut lines: Vec<String> = decision.answer.reasons().iter().map(sentence).collect();
    lines.extend(remarks(decision));
    lines.extend(agents(decision, names));
    if let Some(other) = decision.compared.as_ref().filter(|other| other.differs) {
        let codes =
            if other.codes.is_empty() { String::new() } else { format!(" ({})", other.codes.join(", ")) };
        lines.push(format!("The policy on trial would have answered {}{codes}.", word(&other.answer)));
    }
    let because = explanation.because.into_iter();
    DecisionWhy {
        decision: decision.id.to_string(),
        headline: format!("{} {}", asked(decision.gate, stored, input), answered(decision)),
        lines,
        because: because
            .map(|one| Because { code: one.code, file: one.file, line: one.line, rule: one.rule })
            .collect(),
        rules: explanation.rules.into_iter().map(|(name, value)| (name, value.to_string())).collect(),
        policy: decision.provenance.policy.to_string(),
    }
}

/// What was asked.
fn asked(gate: Gate, stored: &StoredRecord, input: &Value) -> String {
    let text = |pointer: &str| input.pointer(pointer).and_then(Value::as_str).unwrap_or("?").to_owned();
    match gate {
        Gate::Access => {
            let (who, what) = (text("/principal/name"), text("/action"));
            let which = input.pointer("/resource/id").and_then(Value::as_str);
            let which = which.map(|id| format!(" ({id})")).unwrap_or_default();
            format!("`{who}` asked for `{what}`{which}.")
        }
        Gate::Admit => format!("May the contract `{}` run?", text("/contract/name")),
        Gate::Dispatch => {
            let (step, skill) = (text("/step/id"), text("/step/skill"));
            let undo = if text("/step/leg") == "undo" { "undo " } else { "" };
            format!(
                "Which agents may {undo}`{skill}` for the step `{step}` of the contract `{}`?",
                text("/contract/name")
            )
        }
        Gate::Release => format!(
            "May the result of the step `{}` of the contract `{}` be used?",
            text("/step/id"),
            text("/contract/name")
        ),
        Gate::Enroll if text("/change") == "probe" => {
            format!("May `{}` of the agent `{}` be tried?", text("/tried/skill"), text("/agent/name"))
        }
        Gate::Enroll => {
            let (agent, from, to) = (text("/agent/name"), text("/from"), text("/to"));
            let wants = format!("as `{}` wants", text("/by/name"));
            match text("/change").as_str() {
                "register" => format!("May the agent `{agent}` be registered as {to}, {wants}?"),
                "revise" => format!("May the registration of the agent `{agent}` be changed, {wants}?"),
                _ => format!("May the agent `{agent}` go from {from} to {to}, {wants}?"),
            }
        }
        Gate::Promote => format!(
            "May the policy {} go from `{}` to `{}`, as `{}` wants (record {})?",
            text("/revision/digest"),
            text("/from"),
            text("/to"),
            text("/publisher/name"),
            stored.index
        ),
    }
}

fn answered(decision: &Decision) -> String {
    let waits = decision.answer.reasons().iter().any(|reason| PASSING.contains(&reason.code.as_str()));
    match &decision.answer {
        Answer::Permit if decision.gate == Gate::Dispatch => {
            let how = match decision.strategy {
                None | Some(Strategy::Explore) => "",
                Some(Strategy::Best) => " Who is proven most gets the work.",
                Some(Strategy::Cheapest) => " Who costs least gets the work.",
                Some(Strategy::Ranked) => " The first of them gets the work.",
            };
            format!("Policy permits {} of them.{how}", decision.permitted.len())
        }
        Answer::Permit => "Policy permits it.".to_owned(),
        Answer::Review { .. } => "Policy does not decide this alone: people are asked.".to_owned(),
        Answer::Deny { .. } if waits => "Not now: it is asked again by itself.".to_owned(),
        Answer::Deny { .. } => "Policy does not permit it.".to_owned(),
    }
}

/// Codes of refusals that pass without anybody doing anything.
const PASSING: [&str; 5] = ["agent_busy", "breaker_open", "rate_limited", "retry_budget", "policy_timeout"];

/// A reason as a sentence, with the way out.
fn sentence(reason: &Reason) -> String {
    let message = capital(&reason.message);
    match &reason.fix {
        Some(fix) => format!("{message} ({}). What helps: {fix}.", reason.code),
        None => format!("{message} ({}).", reason.code),
    }
}

/// What was noted beside the reasons.
fn remarks(decision: &Decision) -> impl Iterator<Item = String> {
    let reasons = decision.answer.reasons();
    let beside =
        decision.checks.iter().filter(|check| reasons.iter().all(|reason| reason.code != check.policy));
    beside.map(|check| {
        let sign = match check.result {
            CheckResult::Pass => "It holds that",
            CheckResult::Fail => "It was noted, and did not stop it, that",
            CheckResult::Warn => "It was noted that",
        };
        format!("{sign} {} ({}).", check.message, check.policy)
    })
}

/// Which agents may, and why the others may not.
fn agents(decision: &Decision, names: &BTreeMap<String, String>) -> Vec<String> {
    let name = |id: &concordat_model::id::AgentId| {
        let id = id.to_string();
        names.get(&id).map_or(id, |name| format!("`{name}`"))
    };
    let mut lines = Vec::new();
    if !decision.permitted.is_empty() {
        let permitted: Vec<String> = decision.permitted.iter().map(name).collect();
        lines.push(format!("Permitted: {}.", listed(&permitted)));
    }
    for (id, reasons) in &decision.excluded {
        let why: Vec<String> =
            reasons.iter().map(|reason| format!("{} ({})", reason.message, reason.code)).collect();
        lines.push(format!("Not {}: {}.", name(id), why.join("; ")));
    }
    lines
}

fn word(answer: &str) -> &str {
    match answer {
        "permit" => "yes",
        "review" => "that people look",
        _ => "no",
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

//! What the demonstration prints: short titles, quiet tables, and a line where a table would be too much.

use std::time::Duration;

use concordat_server::api::agents::{AgentDetail, Trust};
use concordat_server::api::reviews::Verdict;

use super::account::{self, KeptOut};
use super::play::{Played, Reviewed};
use super::programme::Scene;
use super::seen::{Seen, SeenRun};
use crate::cli::output::{Form, Output, percent};

/// The output: data for people on standard output, progress on standard error.
#[must_use]
pub fn output() -> Output {
    Output::new(Form::Table, false)
}

/// The agents and the trust that they have earned, the most trusted first; each by the skill in which it has proven
/// least.
#[must_use]
pub fn trust(output: &Output, agents: &[AgentDetail]) -> String {
    let mut rows: Vec<(u16, [String; 5])> = agents.iter().filter_map(trusted).collect();
    rows.sort_by(|one, other| other.0.cmp(&one.0).then_with(|| one.1.cmp(&other.1)));
    indented(&output.table(
        ["agent", "answers", "least proven in", "good on average", "surely at least"],
        rows.into_iter().map(|(_, row)| row),
    ))
}

fn trusted(agent: &AgentDetail) -> Option<(u16, [String; 5])> {
    let least: &Trust = agent.trust.iter().min_by_key(|trust| trust.lower_bound)?;
    let answers: u32 = agent.trust.iter().map(|trust| trust.evidence).sum();
    let row = [
        agent.row.name.clone(),
        answers.to_string(),
        least.skill.clone(),
        percent(least.mean),
        percent(least.lower_bound),
    ];
    Some((least.lower_bound, row))
}

/// Everything that is told of one scene.
#[must_use]
pub fn scene(output: &Output, scene: &Scene, played: &Played) -> String {
    let several = played.seen.runs.len() > 1;
    let mut told: Vec<String> =
        played.seen.runs.iter().flat_map(|run| contract(output, run, &played.seen, several)).collect();
    told.extend(played.reviewed.iter().flat_map(review));
    told.extend(scene.case.expect.output.iter().map(|output| format!("  the result holds {output}")));
    let differs = played.seen.differs(&scene.case.expect);
    told.extend(differs.into_iter().map(|differs| format!("  UNEXPECTED: {differs}")));
    told.join("\n")
}

fn contract(output: &Output, run: &SeenRun, seen: &Seen, several: bool) -> Vec<String> {
    let label = if several { format!("{}: ", run.label) } else { String::new() };
    let domain = run.domain.as_deref().unwrap_or("no domain");
    let mut told = vec![format!("  {label}{}  ({domain}, {})", run.status, run.run)];
    let rows = account::rows(run, seen);
    if !rows.is_empty() {
        told.push(indented(&output.table(["step", "agent", "what became of it", "why this agent"], rows)));
    }
    let undone = run.undone();
    if !undone.is_empty() {
        told.push(format!("  undone, last things first: {}", undone.join(", ")));
    }
    for KeptOut { agent, steps, why } in account::kept_out(run, seen) {
        told.push(format!("  {agent} was kept out of {}:", steps.join(", ")));
        told.extend(why.iter().map(|why| format!("    {why}")));
    }
    for (refusal, lines) in account::refusals(run) {
        told.push(format!("  {refusal}:"));
        told.extend(lines.iter().map(|line| format!("    {line}")));
    }
    told
}

fn review(reviewed: &Reviewed) -> [String; 2] {
    let Reviewed { submitter, submitter_was_told, by, verdict } = reviewed;
    let answered = match verdict {
        Verdict::Approve => "approved it",
        Verdict::Reject => "rejected it",
    };
    [
        format!("  {submitter}, who submitted it, tried to answer:\n    {submitter_was_told}"),
        format!("  {by}, who did not, {answered}"),
    ]
}

/// What the scenes came to, one line each.
#[must_use]
pub fn summary(output: &Output, scenes: &[(Scene, Played)]) -> String {
    let row = |(scene, played): &(Scene, Played)| {
        let calls: u32 = played.details.iter().map(|detail| detail.calls).sum();
        let mut ends: Vec<&str> = played.seen.runs.iter().map(|run| run.status.as_str()).collect();
        ends.dedup();
        let expected =
            if played.seen.differs(&scene.case.expect).is_empty() { "as expected" } else { "UNEXPECTED" };
        [
            scene.folder.to_owned(),
            ends.join(", "),
            calls.to_string(),
            seconds(played.took),
            expected.to_owned(),
        ]
    };
    indented(&output.table(["contract", "ended", "calls", "took", ""], scenes.iter().map(row)))
}

/// A length of time as people read it.
#[must_use]
pub fn seconds(took: Duration) -> String {
    format!("{:.2} s", took.as_secs_f64())
}

fn indented(table: &str) -> String {
    let lines: Vec<String> = table.lines().map(|line| format!("    {line}").trim_end().to_owned()).collect();
    lines.join("\n")
}

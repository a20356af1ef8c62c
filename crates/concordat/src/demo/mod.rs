//! The demonstration: a whole installation on one machine, with agents that really work.
//!
//! ```text
//!   set the stage ─► agents earn trust ─► cases, one after the other ─► the log is verified
//! ```
//!
//! Nothing is arranged behind the server's back: people have keys, agents have ports, and everything goes through
//! the API. The cases are those of `contracts/`, with what they expect; the demonstration succeeds only if every one
//! of them ends as expected.
//!
//! Reading order: [`programme`] what is shown, [`stage`] who takes part, [`play`] how a case is carried out, [`seen`]
//! and [`account`] what is made of it, `telling` how it is printed, [`witness`] the end.

pub mod agents;
pub mod case;

pub mod programme;
pub mod stage;
pub mod trials;

pub mod account;
pub mod play;
pub mod seen;
pub mod telling;
pub mod witness;

mod stopwatch;

use anyhow::Result;

use crate::cli::exit::Exit;
use crate::cli::output::{Output, word};
use play::Played;
use programme::{Scene, programme};
use stage::{Person, Stage};
use stopwatch::Stopwatch;

/// How the demonstration is run.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct DemoOptions {
    /// Leaves everything running afterwards, and prints the address and the keys.
    #[arg(long)]
    pub keep: bool,
}

/// Runs the demonstration. The exit says whether everything went as expected.
///
/// # Errors
/// Something could not be set up, or broke on the way.
pub async fn run(options: DemoOptions) -> Result<Exit> {
    let output = telling::output();
    let begun = Stopwatch::start();
    let stage = Stage::set().await?;
    let shown = tokio::select! {
        shown = show(&stage, &output) => shown,
        _ = tokio::signal::ctrl_c() => Ok(Exit::Interrupted),
    };
    if let Ok(exit @ (Exit::Success | Exit::Negative)) = &shown {
        let went = if *exit == Exit::Success {
            "Everything went as expected"
        } else {
            "Something did not go as expected"
        };
        output.data(&format!("\n{went}, in {}.", telling::seconds(begun.elapsed())));
        if options.keep {
            output.data(&kept(&stage));
            // Whoever cannot wait for Ctrl-C stops here like whoever pressed it.
            let _ = tokio::signal::ctrl_c().await;
        }
    }
    stage.strike().await?;
    shown
}

async fn show(stage: &Stage, output: &Output) -> Result<Exit> {
    let skills = stage.skills();
    output.data(&format!(
        "Concordat at {}\n{} agents with {} skills are registered, and nobody has proven anything yet.",
        stage.server.url,
        stage.agents.len(),
        skills.len(),
    ));
    let begun = Stopwatch::start();
    stage.earn(&skills).await?;
    let agents = stage.registry().await?;
    let answers: u32 = agents.iter().flat_map(|agent| &agent.trust).map(|trust| trust.evidence).sum();
    let took = telling::seconds(begun.elapsed());
    output.data(&format!("\nAgents earn trust: {answers} answers to work of little risk, in {took}"));
    output.data(&telling::trust(output, &agents));
    output.data("  The standard policy asks for 50 % where the risk is medium, 70 % where it is high, 80 % where it is critical.");
    let mut played = Vec::new();
    for (nth, scene) in programme()?.into_iter().enumerate() {
        output.data(&format!("\n{}. {}: {}", nth + 1, scene.folder, scene.case.name));
        let one = stage.play(scene.document.clone(), &scene.case, true).await?;
        output.data(&telling::scene(output, &scene, &one));
        played.push((scene, one));
    }
    output.data(&format!("\nWhat it came to\n{}\n", telling::summary(output, &played)));
    let witness = witness::witness(stage).await?;
    output.data(&format!(
        "\nlog verified: {} records under checkpoint {}, and under {} checkpoints before it",
        witness.records,
        witness.root,
        witness.checkpoints.saturating_sub(1),
    ));
    output.data(&format!(
        "agents asked: each of the {} calls that they saw has its decision in the log",
        witness.calls
    ));
    Ok(verdict(&played))
}

fn verdict(played: &[(Scene, Played)]) -> Exit {
    match played.iter().all(|(scene, played)| played.seen.differs(&scene.case.expect).is_empty()) {
        true => Exit::Success,
        false => Exit::Negative,
    }
}

/// How to look around in what is left running.
fn kept(stage: &Stage) -> String {
    let people = &stage.people;
    let person = |person: &Person| {
        let roles: Vec<String> = person.roles.iter().map(word).collect();
        format!("  CONCORDAT_KEY={}  # {}: {}", person.key, person.name, roles.join(", "))
    };
    let all = [&people.sam, &people.rita, &people.ada, &people.otto, &people.ann, &people.pat];
    let keys: Vec<String> = all.map(person).to_vec();
    format!(
        "\nIt stays up until Ctrl-C:\n\n  export CONCORDAT_SERVER={}\n{}\n\nThe database is in {}.",
        stage.server.url,
        keys.join("\n"),
        stage.folder().display(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn everything_goes_as_expected() {
        assert_eq!(run(DemoOptions::default()).await.unwrap(), Exit::Success);
    }

    #[test]
    fn one_unexpected_end_is_enough_for_a_no() {
        let scene = programme().unwrap().remove(0);
        assert_eq!(verdict(&[]), Exit::Success);
        assert_eq!(verdict(&[(scene, Played::default())]), Exit::Negative);
    }

    #[test]
    fn the_thresholds_that_are_told_are_those_of_the_policy() {
        let policy = include_str!("../../../../policies/dispatch/dispatch.rego");
        assert!(
            policy.contains(r#"least_trust := {"low": 0, "medium": 5000, "high": 7000, "critical": 8000}"#)
        );
    }
}

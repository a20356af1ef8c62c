//! `adapt`: does choosing by trust do better than the rules that others choose by?

use clap::Subcommand;
use serde::Serialize;

use super::exit::Exit;
use super::failure::Failure;
use super::session::Session;
use crate::adapt::market::Scene;
use crate::adapt::rule::Rule;
use crate::adapt::{Bench, Mean};

#[derive(Debug, Subcommand)]
pub(super) enum Adapt {
    /// Simulate agents that change and cheat, and compare how rules of choice do. Needs no server.
    Bench {
        /// How many markets to simulate; market N has the seed N.
        #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
        seeds: u32,
        /// How many tasks each market has; half-way its agents change.
        #[arg(long, default_value_t = 4000, value_name = "N", value_parser = clap::value_parser!(u32).range(20..=1_000_000))]
        tasks: u32,
        /// Three agents are malicious instead of one: a whitewasher, a colluder and a milker; a tenth of the tasks matter.
        #[arg(long)]
        attack: bool,
    },
}

/// One rule's row, as JSON.
#[derive(Debug, Serialize)]
struct Row {
    rule: &'static str,
    regret_first_half: Mean,
    regret_second_half: Mean,
    success_before_drift: Mean,
    success_at_end: Mean,
    tasks_to_malicious: Mean,
    of_these_registering_again: Mean,
    of_these_praised: Mean,
    of_these_milking: Mean,
}

pub(super) fn run(session: &Session, command: &Adapt) -> Result<Exit, Failure> {
    let Adapt::Bench { seeds, tasks, attack } = *command;
    let scene = if attack { Scene::Attack } else { Scene::Drift };
    let bench = Bench { scene, seeds, tasks };
    let rows: Vec<Row> = Rule::ALL.iter().map(|rule| row(&bench, *rule)).collect();
    session.output.show(&rows, |rows| {
        let columns = [
            "rule",
            "regret before",
            "regret after",
            "right before",
            "right at the end",
            "to the malicious",
            "registering again",
            "praised",
            "milking",
        ];
        let cells = rows.iter().map(|row| {
            [
                row.rule.to_owned(),
                whole(row.regret_first_half),
                whole(row.regret_second_half),
                share(row.success_before_drift),
                share(row.success_at_end),
                whole(row.tasks_to_malicious),
                whole(row.of_these_registering_again),
                whole(row.of_these_praised),
                whole(row.of_these_milking),
            ]
        });
        let table = session.output.table(columns, cells);
        format!("{seeds} markets of {tasks} tasks; means with their standard errors\n{table}")
    });
    Ok(Exit::Success)
}

fn row(bench: &Bench, rule: Rule) -> Row {
    let [before, after, settled, last, malicious, registering_again, praised, milking] = bench.run(rule);
    Row {
        rule: rule.name(),
        regret_first_half: before,
        regret_second_half: after,
        success_before_drift: settled,
        success_at_end: last,
        tasks_to_malicious: malicious,
        of_these_registering_again: registering_again,
        of_these_praised: praised,
        of_these_milking: milking,
    }
}

fn whole(Mean { mean, error }: Mean) -> String {
    format!("{mean:.1} ± {error:.1}")
}

fn share(Mean { mean, error }: Mean) -> String {
    format!("{mean:.3} ± {error:.3}")
}

//! What can be typed.

use crate::demo::DemoOptions;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::output::Form;
use super::{
    adapt, agent, audit, contract, decision, event, key, order, plan, policy, replay, review, schema, serve,
    submit, template, trigger, trust, watch, why,
};

/// Concordat carries out contracts: governed by policy, done by trusted agents, recorded so that it can be proved.
#[derive(Debug, Parser)]
#[command(name = "concordat", version, disable_help_subcommand = true, arg_required_else_help = true)]
#[command(after_help = "Exit codes: `concordat help exit-codes`.")]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What every command understands.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// The server.
    #[arg(
        long,
        global = true,
        env = "CONCORDAT_SERVER",
        default_value = "http://127.0.0.1:7420",
        value_name = "URL"
    )]
    pub server: String,

    /// Your key. Leave it in the environment or use `--key-file`: a command line is seen by others.
    #[arg(long, global = true, env = "CONCORDAT_KEY", hide_env_values = true, value_name = "KEY")]
    pub key: Option<String>,

    /// A file that holds your key; goes before CONCORDAT_KEY.
    #[arg(long, global = true, env = "CONCORDAT_KEY_FILE", value_name = "FILE")]
    pub key_file: Option<PathBuf>,

    /// The form of the data on standard output.
    #[arg(short, long, global = true, value_enum, default_value_t, value_name = "FORM")]
    pub output: Form,

    /// No colours; NO_COLOR does the same.
    #[arg(long, global = true)]
    pub no_color: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show everything at work: a server, sample agents, real contracts, and a log that verifies.
    Demo(DemoOptions),
    /// Run a server.
    Serve(Box<serve::Serve>),
    /// Submit contracts.
    Submit(submit::Submit),
    /// Say what would happen to contracts, without submitting them.
    Plan(plan::Plan),
    /// Watch contracts until they are over.
    Watch(watch::Watch),
    /// Explain a contract or a decision.
    Why(why::Why),
    /// Make every decision about a contract again, without any effect, and say whether they come out the same.
    Replay(replay::Replay),
    #[command(flatten)]
    Order(order::Order),
    /// Look at contracts.
    #[command(subcommand)]
    Contract(contract::Contract),
    /// Publish events: what steps wait for, and what pulls triggers.
    #[command(subcommand)]
    Event(event::Event),
    /// Write what starts contracts by itself.
    #[command(subcommand)]
    Trigger(trigger::Trigger),
    /// Answer what policy will not decide alone, and the questions that contracts ask.
    #[command(subcommand)]
    Review(review::Review),
    /// Look at decisions.
    #[command(subcommand)]
    Decision(decision::Decision),
    /// Run the registry of agents.
    #[command(subcommand)]
    Agent(agent::Agent),
    /// See why agents are trusted, and say what Concordat did not see.
    #[command(subcommand)]
    Trust(trust::Trust),
    /// Measure how well agents are chosen.
    #[command(subcommand)]
    Adapt(adapt::Adapt),
    /// Look at the contracts that submissions can name.
    #[command(subcommand)]
    Template(template::Template),
    /// Look at policy, check policies.
    #[command(subcommand)]
    Policy(policy::Policy),
    /// Read the log and verify it.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Hand out keys and take them back.
    #[command(subcommand)]
    Key(key::Key),
    /// Print the JSON Schema of a document.
    Schema(schema::Schema),
    /// Explain a command, or `exit-codes`.
    Help {
        /// The command, or `exit-codes`.
        topic: Vec<String>,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn command_lines_are_read() {
        for (line, fine) in [
            ("serve", true),
            ("demo --keep", true),
            ("serve --listen 127.0.0.1:0 --allow-loopback-agents", true),
            ("submit -f a.yaml --input {}", true),
            ("submit -f a.yaml b.yaml -f c.yaml --watch", true),
            ("submit --template loan@1.2.0 --wait --timeout 5m", true),
            ("submit -f a.yaml --wait --watch", false),
            ("plan -f a.yaml --offline", true),
            ("watch run_1 run_2 --timeout soon", false),
            ("cancel run_1", false),
            ("cancel run_1 --reason late", true),
            ("pause run_1 --reason late", true),
            ("kill run_1 --reason stuck", true),
            ("resume run_1", false),
            ("extend run_1 --by 15m --reason slow", true),
            ("extend run_1 --by soon --reason slow", false),
            ("extend run_1 --reason slow", false),
            ("retry run_1 --from b --reason fixed", true),
            ("retry run_1 --from b --reason fixed --watch --timeout 5m", true),
            ("retry run_1 --reason fixed", false),
            ("replay run_1", true),
            ("replay", false),
            ("event publish -f event.json", true),
            ("event publish --type order.paid --data {}", true),
            ("event publish -f event.json --type order.paid", false),
            ("event publish --data {}", false),
            ("event publish", false),
            ("trigger apply -f nightly.yaml", true),
            ("trigger show nightly", true),
            ("trigger remove", false),
            ("review approve rev_1 --reason fine", true),
            ("review approve rev_1", false),
            ("agent register", false),
            ("agent register -f -", true),
            ("key create ann --role submitter --role reviewer", true),
            ("audit receipt dec_1 --out r.txt --record r.json", true),
            ("audit receipt", false),
            ("audit receipt --verify r.txt", false),
            ("audit receipt dec_1 --verify r.txt --record r.json", false),
            ("audit tiles site --entries", true),
            ("audit verify --policy p.txt", false),
            ("audit rotate-key --now --end-overlap", false),
            ("audit witness serve", false),
            ("audit witness serve --log a+1+b --listen 127.0.0.1:0", true),
            ("audit witness submit", false),
            ("key create ann --role king", false),
            ("schema contract", true),
            ("schema trigger", true),
            ("schema house", false),
            ("help exit-codes", true),
            ("dance", false),
            ("why run_1 -o json --no-color", true),
            ("why run_1 -o xml", false),
        ] {
            let arguments = Arguments::try_parse_from(std::iter::once("concordat").chain(line.split(' ')));
            assert_eq!(arguments.is_ok(), fine, "{line}");
        }
    }
}

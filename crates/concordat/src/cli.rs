//! The command line: one file a group of commands, and around them what they share.
//!
//! Standard output carries data, standard error talk. Each kind of end has its own exit number ([`exit`]).
//! Errors say the way out. A command that waits may be left with Ctrl-C: that never cancels a contract.
//!
//! Reading order: `arguments` (what can be typed), [`session`] (what every command works with), then any group.

pub mod document;
pub mod exit;
pub mod failure;
pub mod output;
pub mod session;
pub mod wrap;

pub mod caret;

mod arguments;
mod watch;

mod adapt;
mod agent;
mod audit;
mod contract;
mod decision;
mod event;
mod help;
mod key;
mod order;
mod plan;
mod policy;
mod replay;
mod review;
mod schema;
mod serve;
mod submit;
mod template;
mod trigger;
mod trust;
mod why;

use std::ffi::OsString;
use std::process::ExitCode;

use arguments::{Arguments, Command};
use clap::Parser;
use exit::Exit;
use failure::Failure;
use session::Session;

/// Carries out a command line, the program's name included.
pub async fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and versions arrive here too; clap knows where each belongs.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Success.into() };
        }
    };
    let session = Session::new(arguments.global);
    match Box::pin(carry_out(&session, arguments.command)).await {
        Ok(exit) => exit.into(),
        Err(failure) => {
            let exit = failure.exit();
            session.output.say(&match exit {
                Exit::Internal => format!("concordat failed: {failure}"),
                _ => failure.to_string(),
            });
            exit.into()
        }
    }
}

async fn carry_out(session: &Session, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Demo(options) => Ok(crate::demo::run(options).await?),
        Command::Serve(serve) => serve::run(session, *serve).await,
        Command::Submit(submit) => submit::run(session, submit).await,
        Command::Plan(plan) => plan::run(session, plan).await,
        Command::Watch(watch) => watch::run(session, watch).await,
        Command::Why(why) => why::run(session, &why.id).await,
        Command::Replay(replay) => replay::run(session, &replay.run).await,
        Command::Order(order) => order::run(session, order).await,
        Command::Event(event) => event::run(session, event).await,
        Command::Trigger(trigger) => trigger::run(session, trigger).await,
        Command::Contract(contract) => contract::run(session, contract).await,
        Command::Review(review) => review::run(session, review).await,
        Command::Decision(decision) => decision::run(session, decision).await,
        Command::Agent(agent) => agent::run(session, agent).await,
        Command::Trust(trust) => trust::run(session, trust).await,
        Command::Adapt(adapt) => adapt::run(session, &adapt),
        Command::Template(template) => template::run(session, template).await,
        Command::Policy(policy) => policy::run(session, policy).await,
        Command::Audit(audit) => audit::run(session, audit).await,
        Command::Key(key) => key::run(session, key).await,
        Command::Schema(schema) => schema::run(session, schema),
        Command::Help { topic } => help::run(session, &topic),
    }
}

//! `help`: explains a command, or the exit codes.

use clap::CommandFactory;

use super::arguments::Arguments;
use super::caret::visible;
use super::exit::{self, Exit};
use super::failure::Failure;
use super::session::Session;

pub(super) fn run(session: &Session, topic: &[String]) -> Result<Exit, Failure> {
    if topic == ["exit-codes"] {
        session.output.data(&exit::page());
        return Ok(Exit::Success);
    }
    let mut command = Arguments::command();
    command.build();
    for word in topic {
        let unknown =
            || Failure::Usage(format!("there is no help about `{}`: try `concordat help`", visible(word)));
        command = command.find_subcommand(word).cloned().ok_or_else(unknown)?;
    }
    session.output.data(&command.render_long_help().ansi().to_string());
    Ok(Exit::Success)
}

//! Long runs and benchmarks, as commands that anyone can run. Each prints its command line and what it found.
//!
//! ```text
//! cargo run --release -p concordat-tests --bin campaign -- crash --kills 50
//! cargo run --release -p concordat-tests --bin campaign -- governed
//! cargo run --release -p concordat-tests --bin campaign -- hostile
//! ```

#![expect(clippy::print_stdout, reason = "a campaign tells what it found")]

mod check;
mod crash;
mod governed;
mod hostile;
mod house;

use clap::{Parser, Subcommand};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Kill a server at random moments under load, and look whether anything was lost.
    Crash(crash::Options),
    /// Measure what one governed contract of ten steps costs.
    Governed(governed::Options),
    /// Send bodies that try to hurt their reader, and show how they are refused.
    Hostile(hostile::Options),
    /// A server in a process of its own, for the other commands.
    #[command(hide = true)]
    Serve(Box<concordat::config::ServeConfig>),
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    // Rego is evaluated on the worker threads, and deep rules need deep stacks; the memory is virtual.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().thread_stack_size(64 << 20).enable_all().build()?;
    runtime.block_on(async {
        match arguments.command {
            Command::Crash(options) => crash::run(&options).await,
            Command::Governed(options) => governed::run(&options).await,
            Command::Hostile(options) => hostile::run(&options).await,
            Command::Serve(options) => house::serve(*options).await,
        }
    })
}

//! Long runs and benchmarks, as commands that anyone can run. Each prints its command line and what it found.
//!
//! ```text
//! cargo run --release -p concordat-tests --bin campaign -- bench
//! cargo run --release -p concordat-tests --bin campaign -- crash --kills 500 --store both
//! cargo run --release -p concordat-tests --bin campaign -- disk
//! cargo run --release -p concordat-tests --bin campaign -- durability
//! cargo run --release -p concordat-tests --bin campaign -- evidence --records 1000000
//! cargo run --release -p concordat-tests --bin campaign -- foreign --documents 100000
//! cargo run --release -p concordat-tests --bin campaign -- hostile
//! cargo run --release -p concordat-tests --bin campaign -- modules --seeds 1000
//! cargo run --release -p concordat-tests --bin campaign -- opa
//! cargo run --release -p concordat-tests --bin campaign -- policies
//! cargo run --release -p concordat-tests --bin campaign -- simulate --seeds 20000
//! cargo run --release -p concordat-tests --bin campaign -- tamper --mutations 10000
//! ```

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a campaign tells what it found")]

mod bench;
mod corpus;
mod crash;
mod disk;
mod durability;
mod evidence;
mod foreign;
mod hostile;
mod house;
mod loans;
mod modules;
mod opa;
mod policies;
mod simulate;
mod tamper;
mod trace;

use clap::{Parser, Subcommand};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure what contracts cost on both stores, beside a program that only makes their calls.
    Bench(bench::Options),
    /// Kill a server under load, at random moments and around every commit, and look whether anything was lost.
    Crash(crash::Options),
    /// Let the disk fail at its n-th write or sync, for every n, and look what becomes of the server.
    Disk(disk::Options),
    /// Watch the system calls of a server, and look whether anything left it before it was on disk.
    Durability(durability::Options),
    /// Write evidence of many records and verify it, and tell how fast and with how much memory.
    Evidence(evidence::Options),
    /// Compare trees, proofs and canonical bytes with programs that we did not write.
    Foreign(foreign::Options),
    /// Send bodies that try to hurt their reader, and show how they are refused.
    Hostile(hostile::Options),
    /// Change policies at random, and look whether each is reported on, and answers in time.
    Modules(modules::Options),
    /// Measure decisions behind OPA's doors, and replace their modules under load.
    Opa(opa::Options),
    /// Ask stored decisions again of other policies, and change the policy in force under load.
    Policies(policies::Options),
    /// Simulate the engine with faults of every kind, and check every promise after every step.
    Simulate(simulate::Options),
    /// Change copies of a log in every way, and demand that the offline verifier finds each change where it is.
    Tamper(tamper::Options),
    /// The calls of contracts and nothing else, for `bench`.
    #[command(hide = true)]
    Floor(bench::floor::Options),
    /// A server in a process of its own, for the other commands.
    #[command(hide = true)]
    Serve(Box<concordat::config::ServeConfig>),
}

fn main() -> anyhow::Result<std::process::ExitCode> {
    // A server looks at policies in another process of its own program, which is this one.
    if concordat::policy_worker::is_meant(&std::env::args_os().collect::<Vec<_>>()) {
        return Ok(concordat::policy_worker::work());
    }
    campaign().map(|()| std::process::ExitCode::SUCCESS)
}

fn campaign() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let Command::Simulate(options) = &arguments.command {
        // Each story has a runtime of its own.
        return simulate::run(options);
    }
    // Rego is evaluated on the worker threads, and deep rules need deep stacks; the memory is virtual.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().thread_stack_size(64 << 20).enable_all().build()?;
    runtime.block_on(async {
        match arguments.command {
            Command::Bench(options) => bench::run(&options).await,
            Command::Crash(options) => crash::run(&options).await,
            Command::Disk(options) => disk::run(&options).await,
            Command::Durability(options) => durability::run(&options).await,
            Command::Evidence(options) => evidence::run(&options),
            Command::Foreign(options) => {
                foreign::run(&options);
                Ok(())
            }
            Command::Floor(options) => bench::floor::serve(options).await,
            Command::Hostile(options) => hostile::run(&options).await,
            Command::Modules(options) => modules::run(&options).await,
            Command::Opa(options) => opa::run(&options).await,
            Command::Policies(options) => policies::run(&options).await,
            Command::Simulate(_) => Ok(()),
            Command::Tamper(options) => tamper::run(&options).await,
            Command::Serve(options) => house::serve(*options).await,
        }
    })
}

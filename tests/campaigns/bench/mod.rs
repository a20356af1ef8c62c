//! What contracts cost: Concordat on SQLite and on PostgreSQL in one run, beside a floor that only makes the same
//! HTTP calls, and beside the disk's own rate. Every system is a process of its own, so that its processor time is
//! its own; agent and load share the machine with it. `README.md` has the figures of a whole run.
//!
//! ```text
//!  load ──contract──► floor │ SQLite │ PostgreSQL ──call──► agent ──"that was the last"──► load
//! ```
//!
//! A contract is timed from its request to its last call. Read CPU-ms and ratios: on a machine that others use too,
//! seconds say little.

mod agent;
mod aims;
mod bed;
pub(crate) mod clock;
mod disk;
pub(crate) mod floor;
mod latency;
mod load;
mod registry;
mod shape;
mod size;
mod small;
mod standing;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use self::aims::Aims;
use self::bed::System;

#[derive(Args)]
pub(crate) struct Options {
    /// What is measured; without it, everything.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Section>,
    /// Which systems; without it, all.
    #[arg(long, value_delimiter = ',')]
    systems: Vec<System>,
    /// A short version of everything: less time, smaller sizes.
    #[arg(long)]
    quick: bool,
    /// How long each load lasts, in seconds; 10 without it.
    #[arg(long)]
    seconds: Option<u64>,
    /// How many are in flight at a time.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64])]
    in_flight: Vec<u32>,
    /// The most steps of a contract; 10,000 without it.
    #[arg(long)]
    steps: Option<u32>,
    /// How many contracts wait while the server stands idle and is started again; 10,000 without it.
    #[arg(long)]
    open: Option<u32>,
    /// How many agents the large registry holds; 100,000 without it.
    #[arg(long)]
    agents: Option<u32>,
    /// How many records the log shall have before the server is started again.
    #[arg(long, default_value_t = 0)]
    records: u32,
    /// The folder for the databases; it should not be in memory.
    #[arg(long, default_value = ".")]
    folder: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Section {
    /// The contract of ten steps with so many in flight.
    Small,
    /// Latency at half of what the system can do.
    Latency,
    /// What a step costs in contracts of many steps.
    Size,
    /// Many contracts that wait: what they cost, and how long a start takes.
    Standing,
    /// A large registry beside a small one.
    Registry,
}

impl Options {
    fn systems(&self) -> Vec<System> {
        let all = [System::Floor, System::Sqlite, System::Postgres];
        all.into_iter().filter(|one| self.systems.is_empty() || self.systems.contains(one)).collect()
    }

    /// The systems with a store.
    fn stores(&self) -> Vec<System> {
        self.systems().into_iter().filter(|system| *system != System::Floor).collect()
    }

    fn time(&self) -> Duration {
        Duration::from_secs(self.seconds.unwrap_or(if self.quick { 2 } else { 10 }))
    }

    fn steps(&self) -> u32 {
        self.steps.unwrap_or(if self.quick { 100 } else { 10_000 })
    }

    fn open(&self) -> u32 {
        self.open.unwrap_or(if self.quick { 200 } else { 10_000 })
    }

    fn agents(&self) -> u32 {
        self.agents.unwrap_or(if self.quick { 1000 } else { 100_000 })
    }

    fn wants(&self, section: Section) -> bool {
        self.only.is_empty() || self.only.contains(&section)
    }
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    println!("campaign {}", arguments.join(" "));
    let disk = |when: &str| {
        let rate = disk::syncs(&options.folder, options.time() / 5)?;
        println!("\nthe disk {when}: {rate:.0} fdatasync/s of 4 KiB");
        anyhow::Ok(())
    };
    let mut aims = Aims::default();
    disk("before")?;
    if options.wants(Section::Small) {
        small::measure(options, &mut aims).await?;
    }
    if options.wants(Section::Latency) {
        latency::measure(options, &mut aims).await?;
    }
    if options.wants(Section::Size) {
        size::measure(options, &mut aims).await?;
    }
    if options.wants(Section::Standing) {
        standing::measure(options, &mut aims).await?;
    }
    if options.wants(Section::Registry) {
        registry::measure(options, &mut aims).await?;
    }
    disk("after")?;
    aims.print();
    std::fs::remove_file(options.folder.join("probe"))?;
    Ok(())
}

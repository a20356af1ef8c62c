//! `simulate`: tells the stories of many seeds, one thread a core.
//!
//! `campaign simulate --seeds 20000 --steps 300`, in a release build on two cores, 10 min 27 s: 12,570,236 steps,
//! 8,678,781 records, 45,297 crashes, 149,151 faults of agents and of the way to them, 9,598 faults of the disk,
//! 43,741 orders of people, 218,918 contracts acknowledged; every promise held.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{anyhow, bail};
use concordat_tests::simulation::{self, Told};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// How many seeds.
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Steps with faults for each seed; the quiet end comes after them.
    #[arg(long, default_value_t = 2000)]
    steps: u64,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let Options { seeds, from, steps } = options;
    println!("campaign simulate --seeds {seeds} --from {from} --steps {steps}");
    let (next, all) = (AtomicU64::new(*from), Mutex::new(Sum::default()));
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let broken = std::thread::scope(|scope| {
        let work = || -> Result<(), simulation::Broken> {
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= from + seeds {
                    return Ok(());
                }
                let told = simulation::tell(seed, *steps, None)
                    .inspect_err(|_| next.store(u64::MAX / 2, Ordering::Relaxed))?;
                if let Ok(mut all) = all.lock() {
                    all.add(&told);
                }
            }
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().find_map(|thread| match thread.join() {
            Ok(Ok(())) => None,
            Ok(Err(broken)) => Some(anyhow!(broken)),
            Err(_) => Some(anyhow!("a story crashed")),
        })
    });
    let all = all.into_inner().map_err(|_| anyhow!("a story crashed"))?;
    all.print();
    match broken {
        Some(broken) => bail!(broken),
        None => all.is_full(),
    }
}

/// What all seeds together came to.
#[derive(Default)]
struct Sum {
    seeds: u64,
    steps: u64,
    counts: BTreeMap<&'static str, u64>,
}

/// What must happen at least once in so many steps; a campaign in which it does not shows nothing.
const EXPECTED: [(&str, u64); 14] = [
    ("crash", 1_000),
    ("agent: failed", 1_000),
    ("agent: unreachable", 1_000),
    ("agent: busy", 2_000),
    ("agent: malformed", 2_000),
    ("agent: misfit", 2_000),
    ("agent: request lost", 2_000),
    ("agent: answer lost", 2_000),
    ("agent: hanging", 4_000),
    ("disk: busy", 8_000),
    ("disk: full", 30_000),
    ("disk: silent", 8_000),
    ("acknowledged", 1_000),
    ("order obeyed", 4_000),
];

impl Sum {
    fn add(&mut self, told: &Told) {
        self.seeds += 1;
        self.steps += told.steps;
        for (kind, count) in &told.counts {
            *self.counts.entry(kind).or_default() += count;
        }
    }

    fn print(&self) {
        println!("{} seeds, {} steps", self.seeds, self.steps);
        for (kind, count) in &self.counts {
            println!("  {count:>10}  {kind}");
        }
    }

    /// Whether enough went wrong for the promises to mean something.
    fn is_full(&self) -> anyhow::Result<()> {
        for (kind, steps) in EXPECTED {
            let happened = self.counts.get(kind).copied().unwrap_or(0);
            if happened * steps < self.steps {
                bail!("vacuous: `{kind}` happened {happened} times in {} steps", self.steps);
            }
        }
        println!("every promise held");
        Ok(())
    }
}

//! The contract of ten steps (1 → 8 → 1): one HTTP call and two Rego decisions a step, every decision and result in
//! the log and on disk.

use super::Options;
use super::aims::Aims;
use super::bed::{Bed, System};
use super::clock::millis;
use super::disk;
use super::shape::Shape;

pub(super) async fn measure(options: &Options, aims: &mut Aims) -> anyhow::Result<()> {
    println!("\n## A contract of ten steps (1 → 8 → 1)\n");
    println!(
        "| system | in flight | contracts/s | of the floor | CPU-ms | of the floor | database CPU-ms | KiB grown | KiB written | records | records/fdatasync | p50 ms | p99 ms | MiB | missed |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    for &in_flight in &options.in_flight {
        let mut floor = None;
        for system in options.systems() {
            let line = one(options, system, in_flight).await?;
            if system == System::Floor {
                floor = Some((line.a_second, line.cpu));
            }
            line.print(system, in_flight, floor);
            if system != System::Floor {
                let what = format!("Concordat a contract of ten steps, {system}, {in_flight} in flight");
                aims.at_most(what, "≤ 5 CPU-ms", 5.0, line.cpu, " CPU-ms");
            }
            if system != System::Floor && in_flight == 64 {
                let what = format!("contracts of ten steps, {system}, 64 in flight");
                aims.at_least(what, "≥ 300/s", 300.0, line.a_second, "/s");
            }
        }
    }
    Ok(())
}

/// What a line of the table says, most of it for one contract.
struct Line {
    a_second: f64,
    cpu: f64,
    database_cpu: f64,
    grown: f64,
    written: f64,
    records: f64,
    a_sync: f64,
    p50: f64,
    p99: f64,
    peak: f64,
    missed: usize,
}

async fn one(options: &Options, system: System, in_flight: u32) -> anyhow::Result<Line> {
    let bed = Bed::start(system, &options.folder, &[]).await?;
    // Connections, caches and the first trust are not what is measured.
    bed.caller.closed(Shape::Small, in_flight, options.time() / 5).await?;
    bed.over().await?;
    let before = disk::syncs(&options.folder, options.time() / 10)?;
    let used = bed.used().await?;
    let found = bed.caller.closed(Shape::Small, in_flight, options.time()).await?;
    bed.over().await?;
    let used = bed.used().await?.since(used);
    let after = disk::syncs(&options.folder, options.time() / 10)?;
    let each = |all: f64| all / f64::from(found.contracts);
    let line = Line {
        a_second: found.a_second(),
        cpu: each(used.cpu),
        database_cpu: each(used.database_cpu),
        grown: each(used.grown) / 1024.0,
        written: each(used.written) / 1024.0,
        records: each(used.records),
        a_sync: used.records / found.seconds / f64::midpoint(before, after),
        p50: millis(found.at(500)),
        p99: millis(found.at(990)),
        peak: bed.house.peak_mib()?,
        missed: found.missed,
    };
    bed.house.stop()?;
    Ok(line)
}

impl Line {
    fn print(&self, system: System, in_flight: u32, floor: Option<(f64, f64)>) {
        let Line { a_second, cpu, database_cpu, grown, written, records, a_sync, p50, p99, peak, missed } =
            self;
        let ratio = |of: f64| if of > 0.0 { format!("{of:.2}") } else { String::new() };
        let (slower, dearer) = floor.map_or((0.0, 0.0), |(rate, floor)| (a_second / rate, cpu / floor));
        println!(
            "| {system} | {in_flight} | {a_second:.0} | {} | {cpu:.2} | {} | {database_cpu:.2} | {grown:.1} | {written:.1} | {records:.0} | {a_sync:.2} | {p50:.1} | {p99:.1} | {peak:.0} | {missed} |",
            ratio(slower),
            ratio(dearer),
        );
    }
}

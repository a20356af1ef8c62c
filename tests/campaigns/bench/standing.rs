//! Many contracts that wait for an event: what they cost while nothing happens, and how long a server needs that was
//! killed with them.

use super::Options;
use super::aims::Aims;
use super::bed::{Bed, System};
use super::clock::{millis, now};
use super::shape::Shape;

pub(super) async fn measure(options: &Options, aims: &mut Aims) -> anyhow::Result<()> {
    println!("\n## {} contracts that wait\n", options.open());
    println!(
        "| system | records | taken in/s | CPU-ms each | MiB | idle CPU-ms/s | database's | start ms | CPU-ms of it | MiB after |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for system in options.stores() {
        one(options, system, aims).await?;
    }
    Ok(())
}

async fn one(options: &Options, system: System, aims: &mut Aims) -> anyhow::Result<()> {
    let most = (options.open() + 1000).to_string();
    let flags = ["--max-open", &most, "--max-open-per-tenant", &most];
    let bed = Bed::start(system, &options.folder, &flags).await?;
    let (used, began) = (bed.used().await?, now());
    bed.caller.leave(Shape::Waiting, options.open()).await?;
    let (taken, seconds) = (bed.used().await?.since(used), began.elapsed().as_secs_f64());
    let count = f64::from(options.open());
    fill(&bed, options.records).await?;

    let memory = bed.house.resident_mib()?;
    let before = bed.used().await?;
    tokio::time::sleep(options.time()).await;
    let idle = bed.used().await?.since(before);
    let rest = options.time().as_secs_f64();

    let (bed, start) = bed.again()?;
    let cpu = bed.house.cpu_ms()?;
    let open = bed.figure("contracts_active").await?.unwrap_or_default();
    anyhow::ensure!(open >= count, "after the start {open} contracts are open, not {count}");
    let records = before.records;
    println!(
        "| {system} | {records:.0} | {:.0} | {:.2} | {memory:.0} | {:.1} | {:.1} | {:.0} | {cpu:.0} | {:.0} |",
        count / seconds,
        taken.cpu / count,
        idle.cpu / rest,
        idle.database_cpu / rest,
        millis(start),
        bed.house.resident_mib()?,
    );
    if count >= 10_000.0 {
        let what = format!("start with {count} open runs and {records} records, {system}");
        aims.at_most(what, "≤ 5 s", 5.0, start.as_secs_f64(), " s");
    }
    bed.house.stop()
}

/// Carries out contracts until the log has so many records.
async fn fill(bed: &Bed, records: u32) -> anyhow::Result<()> {
    while bed.used().await?.records < f64::from(records) {
        bed.caller.closed(Shape::Small, 64, std::time::Duration::from_secs(5)).await?;
    }
    Ok(())
}

//! What a step costs in contracts of 10 to 10,000 steps, wide and deep, beside a step of the small contract.
//!
//! A document has at most 20,000 values, so 1,000 steps are written down, and beyond that they are items of lists.

use super::Options;
use super::aims::Aims;
use super::bed::{Bed, System};
use super::clock::{millis, now};
use super::shape::Shape;

/// The steps from which on they are no longer written down.
const WRITTEN: u32 = 1000;

/// A kind of large contract, by its name.
type Kind = (&'static str, fn(u32) -> Shape);

const KINDS: [Kind; 4] = [
    ("wide", Shape::Wide),
    ("deep", Shape::Deep),
    ("wide items", Shape::WideItems),
    ("deep items", Shape::DeepItems),
];

pub(super) async fn measure(options: &Options, aims: &mut Aims) -> anyhow::Result<()> {
    println!("\n## A step in contracts of many steps (one contract at a time)\n");
    println!(
        "| system | contract | steps | CPU-ms a step | of a small one's | database CPU-ms a step | KiB written a step | ms | MiB | ended |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for system in options.stores() {
        let small = one(options, system, "1 → 8 → 1", Shape::Small, None).await?.unwrap_or(f64::NAN);
        for (name, shape) in KINDS {
            let written = matches!(shape(0), Shape::Wide(_) | Shape::Deep(_));
            for steps in [10, 100, 1000, 10_000] {
                if steps > options.steps() || (written && steps > WRITTEN) {
                    continue;
                }
                let cost = one(options, system, name, shape(steps), Some(small)).await?;
                if steps >= 1000 {
                    let what = format!("a step of {steps}, {name}, {system}");
                    // One that failed did less than it was to do, so its cost says nothing.
                    let ratio = cost.map_or(f64::INFINITY, |cost| cost / small);
                    aims.at_most(what, "≤ 1.5 × a small one's", 1.5, ratio, " ×");
                }
            }
        }
    }
    Ok(())
}

/// Carries out contracts of about 1,000 steps in all, at least one; gives the CPU-ms of a step, if they completed.
async fn one(
    options: &Options,
    system: System,
    name: &str,
    shape: Shape,
    small: Option<f64>,
) -> anyhow::Result<Option<f64>> {
    let bed = Bed::start(system, &options.folder, &["--max-steps", "10000"]).await?;
    // Connections, caches and the first trust are not what is measured.
    for _ in 0..20 {
        bed.caller.carry_out(Shape::Small, now()).await?;
    }
    bed.over().await?;
    let (times, calls) = ((1000 / shape.calls()).max(1), shape.calls());
    let (used, began) = (bed.used().await?, now());
    for _ in 0..times {
        tokio::select! {
            called = bed.caller.carry_out(shape, now()) => { called?; },
            // One that fails does not come to its last call.
            ended = bed.ended_early() => ended?,
        }
    }
    bed.over().await?;
    let (used, took) = (bed.used().await?.since(used), began.elapsed());
    let steps = f64::from(times * calls);
    let cost = used.cpu / steps;
    let status = bed.caller.last_status().await?;
    let ratio = small.map_or(1.0, |small| cost / small);
    println!(
        "| {system} | {name} | {calls} | {cost:.2} | {ratio:.2} | {:.2} | {:.1} | {:.0} | {:.0} | {} |",
        used.database_cpu / steps,
        used.written / 1024.0 / steps,
        millis(took) / f64::from(times),
        bed.house.peak_mib()?,
        status,
    );
    bed.house.stop()?;
    Ok((status == "completed").then_some(cost))
}

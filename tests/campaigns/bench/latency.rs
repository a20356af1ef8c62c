//! Latency at half of what a system can do, without coordinated omission: contracts are sent when they are due, and
//! timed from then on, whatever became of those before.
//!
//! The timer that sends them is up to a millisecond late, for the floor as well; what governing adds is the
//! difference.

use super::Options;
use super::aims::Aims;
use super::bed::{Bed, System};
use super::clock::millis;
use super::load::Found;
use super::shape::Shape;

pub(super) async fn measure(options: &Options, aims: &mut Aims) -> anyhow::Result<()> {
    println!("\n## Latency at half of the capacity\n");
    println!(
        "| system | contract | sent/s | p50 ms | p90 ms | p99 ms | p99.9 ms | p50 over the floor's | p99 over the floor's | missed |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for (shape, name) in [(Shape::One, "1 step"), (Shape::Small, "1 → 8 → 1")] {
        for system in options.stores() {
            let bed = Bed::start(system, &options.folder, &[]).await?;
            let capacity = bed.caller.closed(shape, 64, options.time() / 2).await?.a_second();
            bed.over().await?;
            let found = bed.caller.open(shape, capacity / 2.0, options.time()).await?;
            bed.house.stop()?;
            let bed = Bed::start(System::Floor, &options.folder, &[]).await?;
            bed.caller.open(shape, capacity / 2.0, options.time() / 5).await?;
            let floor = bed.caller.open(shape, capacity / 2.0, options.time()).await?;
            bed.house.stop()?;
            print(System::Floor, name, capacity / 2.0, &floor, None);
            print(system, name, capacity / 2.0, &found, Some(&floor));
            if shape == Shape::One {
                let added = |share| millis(found.at(share)) - millis(floor.at(share));
                let what = |part| format!("added to a contract of one step, {part}, {system}");
                aims.at_most(what("p50"), "≤ 3 ms", 3.0, added(500), " ms");
                aims.at_most(what("p99"), "≤ 15 ms", 15.0, added(990), " ms");
            }
        }
    }
    Ok(())
}

fn print(system: System, contract: &str, rate: f64, found: &Found, floor: Option<&Found>) {
    let at = |share| millis(found.at(share));
    let over =
        |share| floor.map_or(String::new(), |floor| format!("{:.1}", at(share) - millis(floor.at(share))));
    println!(
        "| {system} | {contract} | {rate:.0} | {:.1} | {:.1} | {:.1} | {:.1} | {} | {} | {} |",
        at(500),
        at(900),
        at(990),
        at(999),
        over(500),
        over(990),
        found.missed,
    );
}

//! A large registry: what a contract takes when the registry holds many agents, beside one that holds few.
//!
//! In both, a hundred agents offer the skill that is asked for, so that policy is asked about as many. The rest offer
//! other skills; and in a last line all of them offer this one, of whom policy is asked about the most trusted ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use concordat::client::Client;
use serde_json::{Value, json};

use super::Options;
use super::aims::Aims;
use super::bed::{Bed, System};
use super::clock::{millis, now};
use super::shape::Shape;

/// How many agents offer the skill.
const OFFERING: u32 = 100;
/// How often both are measured, in turns, since the machine wanders.
const ROUNDS: u32 = 5;

pub(super) async fn measure(options: &Options, aims: &mut Aims) -> anyhow::Result<()> {
    let all = options.agents();
    println!("\n## A registry of {all} agents, {OFFERING} of which offer the skill\n");
    let few = bed(options, OFFERING, false).await?;
    let many = bed(options, all, false).await?;
    println!("| round | p50 ms with {OFFERING} | p50 ms with {all} | beside it |");
    println!("|---|---|---|---|");
    let mut ratios = Vec::new();
    for round in 1..=ROUNDS {
        let (one, other) = (half(options, &few).await?, half(options, &many).await?);
        ratios.push(other / one);
        println!("| {round} | {one:.2} | {other:.2} | {:.3} |", other / one);
    }
    ratios.sort_by(f64::total_cmp);
    let median = ratios.get(ratios.len() / 2).copied().unwrap_or_default();
    let what = format!(
        "p50 of a contract with {all} agents in the registry, beside {OFFERING} (median of {ROUNDS})"
    );
    aims.at_most(what, "≤ 1.10 x", 1.10, median, " x");
    println!(
        "\nMiB: {:.0} with {OFFERING}, {:.0} with {all}",
        few.house.resident_mib()?,
        many.house.resident_mib()?
    );
    few.house.stop()?;
    many.house.stop()?;

    let same = bed(options, all, true).await?;
    println!("p50 where all {all} offer the skill: {:.2} ms", half(options, &same).await?);
    same.house.stop()
}

/// The time in milliseconds that half of the contracts do not exceed.
async fn half(options: &Options, bed: &Bed) -> anyhow::Result<f64> {
    let found = bed.caller.closed(Shape::Small, 1, options.time()).await?;
    Ok(millis(found.at(500)))
}

/// A server with so many agents, a hundred of which offer the skill, or all of them.
async fn bed(options: &Options, agents: u32, same: bool) -> anyhow::Result<Bed> {
    let bed = Bed::start(System::Sqlite, &options.folder, &[]).await?;
    let (admin, next, began) = (Arc::new(bed.admin()?), Arc::new(AtomicU32::new(1)), now());
    let registering = (0..64).map(|_| {
        let (admin, next, like) = (admin.clone(), next.clone(), bed.caller.agent.registration());
        tokio::spawn(async move {
            loop {
                let nth = next.fetch_add(1, Ordering::Relaxed);
                if nth >= agents {
                    return anyhow::Ok(());
                }
                register(&admin, &like, nth, same || nth < OFFERING).await?;
            }
        })
    });
    for one in registering.collect::<Vec<_>>() {
        one.await??;
    }
    println!("{agents} agents registered in {:.1} s", began.elapsed().as_secs_f64());
    bed.caller.closed(Shape::Small, 1, options.time() / 5).await?;
    Ok(bed)
}

async fn register(admin: &Client, like: &Value, nth: u32, offers: bool) -> anyhow::Result<()> {
    let mut one = like.clone();
    let mut set = |pointer: &str, name: String| {
        if let Some(place) = one.pointer_mut(pointer) {
            *place = json!(name);
        }
    };
    set("/name", format!("agent-{nth}"));
    if !offers {
        set("/skills/0/name", format!("skill_{}", nth % 1000));
    }
    admin.register(serde_json::to_vec(&one)?, "application/json").await?;
    Ok(())
}

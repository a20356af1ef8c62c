//! Whoever sends contracts while others publish hostile policies: how much longer it takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::ensure;
use concordat::client::Client;
use serde_json::json;

use super::submit;
use crate::bench::clock::now;
use crate::corpus::{self, Case};
use crate::house::House;

/// The time between two contracts of the bystander.
const PACE: Duration = Duration::from_millis(50);

/// Measures a bystander at rest and beside two clients that publish hostile policies one after another.
pub(super) async fn measure(house: &House, authors: [&Client; 2], seconds: u64) -> anyhow::Result<()> {
    let (url, key) = (house.url.clone(), house.key.clone());
    let process = house.process();
    let client = || Client::new(&url, key.as_deref()).map(Client::impatient);
    let idle = submitting(&client()?, "idle", seconds).await?;
    let (done, refused) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let cases = Arc::new(hostile(corpus::read()?));
    let publishing: Vec<_> = authors
        .into_iter()
        .cloned()
        .zip(0_u64..)
        .map(|(author, nth)| {
            let (done, refused, cases) = (done.clone(), refused.clone(), cases.clone());
            tokio::spawn(async move {
                for (case, turn) in cases.iter().cycle().skip(nth as usize * cases.len() / 2).zip(0_u64..) {
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                    let files = serde_json::to_vec(&json!({ "files": case.files(turn * 2 + nth) }))?;
                    let published = author.publish_policy(files, "application/json").await;
                    ensure!(published.is_err(), "`{}` was published", case.name);
                    refused.fetch_add(1, Ordering::Relaxed);
                }
                anyhow::Ok(())
            })
        })
        .collect();
    let beside = submitting(&client()?, "beside", seconds).await?;
    done.store(true, Ordering::Relaxed);
    for publisher in publishing {
        publisher.await??;
    }
    ensure!(house.process() == process && client()?.policy().await.is_ok(), "the server is another one");
    println!(
        "{} hostile policies refused by the process {process}; a bystander's contracts took {} ms (p50) and {} ms (p99) \
         alone, {} ms and {} ms meanwhile: {:.1} times",
        refused.load(Ordering::Relaxed),
        share(&idle, 50),
        share(&idle, 99),
        share(&beside, 50),
        share(&beside, 99),
        share(&beside, 99) / share(&idle, 99).max(0.1)
    );
    Ok(())
}

/// What keeps its reader busy, rather than what is only mistaken.
fn hostile(cases: Vec<Case>) -> Vec<Case> {
    const KINDS: [&str; 9] =
        ["growing", "nested", "recursion", "loops", "allocating", "large", "deep", "many", "slow"];
    let kind = |case: &Case| KINDS.iter().any(|kind| case.name.starts_with(kind));
    // Some of them only look hostile, and pass.
    cases.into_iter().filter(|case| kind(case) && case.text.contains("# expect: ")).collect()
}

/// Submits small contracts at a steady rate; how long each took, in milliseconds, in order of size.
async fn submitting(client: &Client, name: &str, seconds: u64) -> anyhow::Result<Vec<f64>> {
    let mut took = Vec::new();
    let mut pace = tokio::time::interval(PACE);
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let started = now();
    while started.elapsed().as_secs() < seconds {
        pace.tick().await;
        let before = now();
        submit(client, "plain", &format!("{name}{}", took.len())).await?;
        took.push(before.elapsed().as_secs_f64() * 1e3);
    }
    took.sort_by(f64::total_cmp);
    Ok(took)
}

/// The value below which so many in a hundred lie, to a tenth.
fn share(of: &[f64], hundredths: usize) -> f64 {
    let at = (of.len() * hundredths / 100).min(of.len().saturating_sub(1));
    of.get(at).map_or(0.0, |value| (value * 10.0).round() / 10.0)
}

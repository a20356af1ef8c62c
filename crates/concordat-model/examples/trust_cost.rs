//! What one look at trust costs: `cargo run --release -p concordat-model --example trust_cost`.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measuring program reads the clock and prints"
)]

use std::hint::black_box;
use std::time::Instant;

use concordat_model::contract::Risk;
use concordat_model::digest::Digest;
use concordat_model::id::{AgentId, RunId};
use concordat_model::trust::{Cause, Fit, Seen, TrustBook, TrustKey};
use concordat_model::work::{Attempt, Leg};
use jiff::{SignedDuration, Timestamp};

const BATCHES: u32 = 50;
const LOOKS: u32 = 1_000;

const RIGHT: Seen = Seen::Completed { latency_ms: 10, allowed_ms: 1000, schema: Fit::Fits, price: None };

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!(
        "{:>9} {:>9} {:>7} {:>9} | {:>9} {:>9} {:>9} {:>9}",
        "right", "failed", "fields", "idle days", "view ns", "high ns", "belief ns", "bound"
    );
    for (right, failed) in [(0, 0), (6, 0), (95, 5), (950, 50), (9_000, 1_000), (9_999, 1), (5, 15)] {
        for (fields, idle_days) in [(1, 0), (1, 40), (10, 40), (100, 40)] {
            measure(right, failed, fields, idle_days)?;
        }
    }
    Ok(())
}

fn measure(right: u32, failed: u32, fields: u32, idle_days: i64) -> Result<(), Box<dyn std::error::Error>> {
    let start: Timestamp = "2026-05-01T13:20:00Z".parse()?;
    let now = start + SignedDuration::from_hours(24 * idle_days);
    let mut book = TrustBook::default();
    let keys = (0..fields).map(key).collect::<Result<Vec<_>, _>>()?;
    for key in &keys {
        see(&mut book, key, right, failed, start)?;
    }
    let Some(key) = keys.first() else { return Ok(()) };
    let view = nanoseconds(|| {
        black_box(book.view(black_box(key), now));
    });
    let high = nanoseconds(|| {
        black_box(book.view_at(black_box(key), Risk::High, now));
    });
    let belief = nanoseconds(|| {
        black_box(book.belief(black_box(key), now));
    });
    let bound = book.view(key, now).lower_bound;
    println!(
        "{right:>9} {failed:>9} {fields:>7} {idle_days:>9} | {view:>9.0} {high:>9.0} {belief:>9.0} {bound:>9}"
    );
    Ok(())
}

fn key(field: u32) -> Result<TrustKey, Box<dyn std::error::Error>> {
    Ok(TrustKey {
        agent: AgentId::new(uuid::Uuid::from_u128(1)),
        revision: Digest::of(b"one"),
        domain: format!("domain-{field}").parse()?,
        skill: "assess_risk".parse()?,
    })
}

fn see(
    book: &mut TrustBook,
    key: &TrustKey,
    right: u32,
    failed: u32,
    at: Timestamp,
) -> Result<(), Box<dyn std::error::Error>> {
    let attempt = Attempt { step: "risk".parse()?, leg: Leg::Do, number: 1 };
    let cause = Cause::attempt(RunId::new(uuid::Uuid::from_u128(7)), attempt);
    for (seen, times) in [(RIGHT, right), (Seen::Malformed, failed)] {
        for _ in 0..times {
            if let Some(change) = book.observe(key, seen, Some(Risk::Low), cause.clone(), at) {
                book.apply(&change)?;
            }
        }
    }
    Ok(())
}

/// The time of one look, as the mean of the fastest batch: other programs slow the rest.
fn nanoseconds(mut look: impl FnMut()) -> f64 {
    let batch = || {
        let begun = Instant::now();
        for _ in 0..LOOKS {
            look();
        }
        begun.elapsed().as_nanos() as f64 / f64::from(LOOKS)
    };
    std::iter::repeat_with(batch).take(BATCHES as usize).fold(f64::INFINITY, f64::min)
}

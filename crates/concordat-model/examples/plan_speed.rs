//! How long a large contract takes to be validated and planned, and what one event of a large run costs.
//!
//! `cargo run --release -p concordat-model --example plan_speed`

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "this is a benchmark")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use concordat_model::agree::{Contract, ContractForm};
use serde_json::{Value, json};

fn main() {
    println!("steps  edges   validated and planned (best of 5)");
    for (steps, edges) in [(10, 20), (100, 500), (1_000, 5_000), (10_000, 50_000)] {
        let document = serde_json::from_value(contract(steps, edges / steps)).unwrap();
        let form = ContractForm { contract: document, input: json!({}) };
        let best = (0..5).map(|_| once(&form)).min().unwrap_or_default();
        println!("{steps:>6} {edges:>6}   {:.1} ms", best.as_secs_f64() * 1000.0);
    }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn once(form: &ContractForm) -> Duration {
    let form = form.clone();
    let began = Instant::now();
    black_box(Arc::new(Contract::agree(form).unwrap()));
    began.elapsed()
}

/// Each step needs so many of the steps shortly before it.
fn contract(steps: usize, needs: usize) -> Value {
    let step = |nth: usize| {
        let needs: Vec<String> =
            (1..=needs).filter_map(|back| Some(format!("s{}", nth.checked_sub(back * back)?))).collect();
        let with = needs.first().map(|need| format!("${{steps.{need}.output}}")).unwrap_or_default();
        json!({"id": format!("s{nth}"), "skill": "work", "needs": needs, "with": {"x": with}})
    };
    let steps: Vec<Value> = (0..steps).map(step).collect();
    json!({
        "apiVersion": "concordat/v1", "kind": "Contract", "metadata": {"name": "large"},
        "spec": {"objective": "Measure", "steps": steps},
    })
}

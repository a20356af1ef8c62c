//! Random graphs under random orders, against a small model of what must come of them, on both stores.
//!
//! The model knows nothing of events, gates or storage: it walks the steps in order and says how each must end. What
//! it says does not depend on timing; where timing decides, it says what must hold all the same.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use concordat_engine::ports::{AgentTransport, Arrival, Dispatch, Fault};
use concordat_engine::{Caller, Engine, Order, RunView, status};
use concordat_model::contract::FailureKind;
use concordat_model::id::RunId;
use concordat_model::run::event::Event;
use concordat_model::work::Leg;
use concordat_tests::{Storage, first_caller, on_both, start_with};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

/// Graphs for each store.
const GRAPHS: u32 = 40;
/// The most steps of a graph.
const MOST_STEPS: usize = 9;

on_both! {
    every_graph_comes_to_what_the_model_says,
}

/// A step as chance makes it.
#[derive(Debug, Clone)]
struct Step {
    needs: BTreeSet<usize>,
    /// The tries that fail before one succeeds.
    fails: u32,
    retries: u32,
    skipped_on_error: bool,
    condition: Option<bool>,
    undone: bool,
}

/// What people do meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meddling {
    Nothing,
    PauseAndResume,
    Cancel,
    Kill,
}

#[derive(Debug, Clone)]
struct Graph {
    steps: Vec<Step>,
    compensates: bool,
    meddling: Meddling,
    /// The records that are waited for before anybody meddles.
    patience: usize,
}

/// How a step must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Done,
    Skipped,
    FailedAndTolerated,
    Fatal,
    /// It comes after something fatal.
    Never,
}

/// The model.
fn fates(steps: &[Step]) -> Vec<Fate> {
    let mut fates: Vec<Fate> = Vec::new();
    for step in steps {
        let before: Vec<Fate> = step.needs.iter().map(|need| fates[*need]).collect();
        let passed_over = |fate: &Fate| matches!(fate, Fate::Skipped | Fate::FailedAndTolerated);
        fates.push(if before.iter().any(|fate| matches!(fate, Fate::Fatal | Fate::Never)) {
            Fate::Never
        } else if !before.is_empty() && before.iter().all(passed_over) || step.condition == Some(false) {
            Fate::Skipped
        } else if step.fails <= step.retries {
            Fate::Done
        } else if step.skipped_on_error {
            Fate::FailedAndTolerated
        } else {
            Fate::Fatal
        });
    }
    fates
}

fn step(nth: usize) -> impl Strategy<Value = Step> {
    let fails = prop_oneof![6 => Just(0u32), 2 => 1..3u32, 1 => Just(9)];
    let condition = prop_oneof![5 => Just(None), 1 => any::<bool>().prop_map(Some)];
    let needs = proptest::collection::btree_set(0..nth.max(1), 0..=nth.min(3));
    (needs, fails, 0..3u32, any::<bool>(), condition, any::<bool>()).prop_map(
        move |(needs, fails, retries, skipped_on_error, condition, undone)| Step {
            needs: if nth == 0 { BTreeSet::new() } else { needs },
            fails,
            retries,
            skipped_on_error,
            condition,
            undone,
        },
    )
}

fn graph() -> impl Strategy<Value = Graph> {
    let steps = (1..=MOST_STEPS).prop_flat_map(|count| (0..count).map(step).collect::<Vec<_>>());
    let meddling = prop_oneof![
        3 => Just(Meddling::Nothing),
        2 => Just(Meddling::PauseAndResume),
        1 => Just(Meddling::Cancel),
        1 => Just(Meddling::Kill),
    ];
    (steps, any::<bool>(), meddling, 3..30usize).prop_map(|(steps, compensates, meddling, patience)| Graph {
        steps,
        compensates,
        meddling,
        patience,
    })
}

impl Graph {
    fn submission(&self) -> Value {
        let steps: Vec<Value> = self.steps.iter().enumerate().map(|(nth, step)| step.document(nth)).collect();
        let spec = json!({
            "objective": "Quote the shipping cost of an online order and update the product catalog of the shop",
            "domain": "e-commerce",
            "governance": {"risk": "low", "reversible": true},
            "onFailure": if self.compensates { "compensate" } else { "fail" },
            "steps": steps,
        });
        let contract = json!({"apiVersion": "concordat/v1", "kind": "Contract", "metadata": {"name": "graph"}, "spec": spec});
        json!({"apiVersion": "concordat/v1", "kind": "Submission", "contracts": [{"contract": contract, "input": {}}]})
    }
}

impl Step {
    fn document(&self, nth: usize) -> Value {
        let needs: Vec<String> = self.needs.iter().map(|need| format!("s{need}")).collect();
        let mut step = json!({
            "id": format!("s{nth}"), "skill": format!("work_{nth}"), "needs": needs, "effect": "idempotent",
            "with": {"fails": self.fails}, "onError": if self.skipped_on_error { "skip" } else { "fail" },
        });
        if self.retries > 0 {
            step["retry"] = json!({"max": self.retries, "backoff": "1ms", "on": ["failed"]});
        }
        if let Some(holds) = self.condition {
            step["when"] = json!({"path": "${input}", "exists": holds});
        }
        if self.undone {
            step["compensate"] = json!({"skill": format!("undo_{nth}"), "with": {"fails": 0}});
        }
        step
    }
}

/// Agents that fail so many times as they are told to.
struct Scripted;

#[async_trait]
impl AgentTransport for Scripted {
    async fn dispatch(&self, Dispatch { work, .. }: Dispatch) -> Arrival {
        let work = &work.get().work;
        tokio::task::yield_now().await;
        if u64::from(work.attempt.number) > work.params["fails"].as_u64().unwrap() {
            return Arrival::Completed(json!({"step": work.attempt.step}));
        }
        Arrival::Failed {
            kind: FailureKind::Failed,
            fault: Fault::Agent,
            code: "agent-error",
            message: "as it was told to".to_owned(),
            retry_after_ms: None,
        }
    }

    fn accepts(&self, _: &str) -> Result<(), String> {
        Ok(())
    }
}

async fn every_graph_comes_to_what_the_model_says(storage: Storage) {
    let folder = tempfile::tempdir().unwrap();
    let engine = start_with(&storage.fresh(&folder), Arc::new(Scripted)).await;
    let caller = first_caller(&engine).await;
    for agent in ["north", "east", "south", "west"] {
        let names = (0..MOST_STEPS).flat_map(|nth| [format!("work_{nth}"), format!("undo_{nth}")]);
        let skills: Vec<Value> = names.map(|name| json!({ "name": name })).collect();
        let agent = json!({
            "name": agent, "owner": "acme", "domains": ["e-commerce"], "skills": skills,
            "binding": {"type": "execute", "url": "http://agent.test"},
        });
        engine.register_agent(&caller, agent).await.unwrap();
    }
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    for nth in 0..GRAPHS {
        let graph = graph().new_tree(&mut runner).unwrap().current();
        let view = carry_out(&engine, &caller, &graph).await;
        check(&graph, &view)
            .unwrap_or_else(|wrong| panic!("graph {nth}: {wrong}\n{graph:#?}\n{:#?}", told(&view)));
    }
    engine.stop().await;
}

async fn carry_out(engine: &Engine, caller: &Caller, graph: &Graph) -> RunView {
    let accepted = engine.submit(caller, graph.submission(), None).await.unwrap();
    let run = accepted.receipt.contracts[0].run;
    let far = |view: &RunView| view.records.len() >= graph.patience || view.run.state.is_ended();
    until(engine, caller, run, far).await;
    let order = |order| engine.order(caller, run, order, "because");
    // The run may be over by then; an order that is refused changed nothing.
    match graph.meddling {
        Meddling::Nothing => {}
        Meddling::PauseAndResume => {
            if order(Order::Pause).await.is_ok() {
                drop(order(Order::Resume).await);
            }
        }
        Meddling::Cancel => drop(order(Order::Cancel).await),
        Meddling::Kill => drop(order(Order::Kill).await),
    }
    until(engine, caller, run, |view| view.run.state.is_ended()).await
}

/// Looks again after each growth of the log.
async fn until(engine: &Engine, caller: &Caller, run: RunId, wanted: impl Fn(&RunView) -> bool) -> RunView {
    let mut news = engine.log_size();
    loop {
        news.mark_unchanged();
        let view = engine.run(caller, run).await.unwrap();
        if wanted(&view) {
            return view;
        }
        news.changed().await.unwrap();
    }
}

fn told(view: &RunView) -> Vec<String> {
    view.records
        .iter()
        .map(|stored| format!("{} {}", stored.record.kind(), stored.record.data_text()))
        .collect()
}

/// The steps whose results were released, in order.
fn released(view: &RunView, leg: Leg) -> Vec<usize> {
    let events = view.records.iter().map(|stored| stored.record.data::<Event>().unwrap());
    let steps = events.filter_map(|event| match event {
        Event::Released { attempt, .. } if attempt.leg == leg => Some(attempt.step.to_string()),
        _ => None,
    });
    steps.map(|step| step.trim_start_matches('s').parse().unwrap()).collect()
}

fn check(graph: &Graph, view: &RunView) -> Result<(), String> {
    let fates = fates(&graph.steps);
    let status = status(&view.run.state);
    let (done, undone) = (released(view, Leg::Do), released(view, Leg::Undo));
    let fatal = fates.contains(&Fate::Fatal);
    let closing = view.records.iter().any(|stored| stored.record.kind() == "contract.closing");
    for step in &done {
        if fates[*step] != Fate::Done {
            return Err(format!("s{step} was done, and the model says {:?}", fates[*step]));
        }
        let late = graph.steps[*step].needs.iter().find(|need| {
            let place = |step: usize| done.iter().position(|one| *one == step);
            fates[**need] == Fate::Done && place(**need) > place(*step)
        });
        if let Some(need) = late {
            return Err(format!("s{step} was done before s{need}"));
        }
    }
    let mut steps = view.run.state.steps().iter().zip(&fates).enumerate();
    match (closing, graph.meddling) {
        (false, _) if fatal => Err(format!("it is {status}, and a step must fail")),
        (false, _) => {
            let other = steps.find(|(nth, (step, fate))| match fate {
                Fate::Done => !done.contains(nth),
                Fate::Skipped => step.doing.as_str() != "skipped",
                Fate::FailedAndTolerated => step.doing.as_str() != "failed",
                Fate::Fatal | Fate::Never => true,
            });
            match other {
                Some((nth, (step, fate))) => {
                    Err(format!("s{nth} is {}, and the model says {fate:?}", step.doing.as_str()))
                }
                None if status != "completed" => Err(format!("it is {status}, and must be completed")),
                None => Ok(()),
            }
        }
        (true, Meddling::Nothing | Meddling::PauseAndResume) if !fatal => {
            Err(format!("it is {status}, and nothing must fail"))
        }
        (true, Meddling::Kill) if !fatal && !undone.is_empty() => {
            Err("what is killed undoes nothing".to_owned())
        }
        (true, _) => check_undoing(graph, status, &done, &undone),
    }
}

/// What was done is undone in reverse order of completion, all of it or nothing.
fn check_undoing(graph: &Graph, status: &str, done: &[usize], undone: &[usize]) -> Result<(), String> {
    let mut wanted: Vec<usize> = done.iter().copied().filter(|step| graph.steps[*step].undone).collect();
    wanted.reverse();
    if undone.is_empty() || wanted == undone {
        let all = undone.len() == wanted.len();
        return match status {
            "undone" if !all => Err("it says that it is undone, and it is not".to_owned()),
            "completed" => Err("it says that it is completed, and it was stopped".to_owned()),
            _ => Ok(()),
        };
    }
    if status == "killed" && wanted.starts_with(undone) {
        return Ok(());
    }
    Err(format!("undone were {undone:?}, in reverse order of completion it is {wanted:?}"))
}

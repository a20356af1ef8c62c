//! One life of the engine: from a start to a crash, or to the quiet end.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use concordat_classify::Classifier;
use concordat_engine::ports::{Clock as _, Page, RunFilter, Store};
use concordat_engine::{Bounds, Engine, EngineError, Parts, fold, row};
use concordat_ledger::Signer;
use concordat_model::payload::Secret;
use concordat_model::safe::Safe;
use concordat_model::span::Span;
use concordat_model::template::Templates;
use concordat_policy::{Bundle, Policy};
use concordat_store::Signing;
use concordat_store::memory::{Disk, End, Memory, Passage, Passages};

use super::agents::Agents;
use super::chance::Chance;
use super::checker::Checker;
use super::clients::Clients;
use super::clock::SimClock;
use super::contracts;
use super::people;
use super::story::Story;

/// What is there before a life and after it.
pub(super) struct Surroundings {
    pub(super) disk: Disk,
    pub(super) agents: Agents,
    pub(super) clients: Clients,
    pub(super) clock: SimClock,
    pub(super) passages: Chance,
    pub(super) people: Chance,
    pub(super) story: Story,
    pub(super) checker: Checker,
}

/// A running engine and what surrounds it.
pub(super) struct Life<'s> {
    engine: Engine,
    around: &'s Surroundings,
}

/// The longest that anything may take once nothing goes wrong any more: deadlines are shorter.
const LONGEST: Duration = Duration::from_secs(4 * 60 * 60);

/// Read once: a life is short.
static POLICY: LazyLock<Option<Policy>> = LazyLock::new(|| Policy::load(&Bundle::standard()).ok());
static CLASSIFIER: LazyLock<Option<Classifier>> = LazyLock::new(|| Classifier::standard().ok());

impl<'s> Life<'s> {
    /// Starts the engine; nothing when it crashes while it starts.
    pub(super) async fn begin(around: &'s Surroundings, calm: bool) -> Option<Life<'s>> {
        around.clock.start();
        let began = around.clock.now();
        if calm {
            around.agents.calm_down();
        }
        let seed = began.as_microsecond().unsigned_abs();
        let passages = if calm { smooth(around) } else { rough(around, seed) };
        let signing = Signing::by(signer()?);
        let started = async {
            let store: Arc<dyn Store> = match Memory::open(&around.disk, signing, passages).await {
                Ok(store) => Arc::new(store),
                Err(error) => {
                    around.story.breaks(format!("the log on the disk cannot be opened: {error}"));
                    return None;
                }
            };
            let mut templates = Templates::default();
            templates.add(serde_json::from_value(contracts::template()).ok()?);
            let parts = Parts {
                store,
                transport: Arc::new(around.agents.clone()),
                clock: Arc::new(around.clock.clone()),
                policy: POLICY.clone()?,
                classifier: CLASSIFIER.clone()?,
                templates,
                instance: "simulation".to_owned(),
                install_policy: false,
                inspect: concordat_engine::inspect_here(),
                review_expiry: Span::seconds(600),
                bounds: Bounds { calls: 12, calls_per_tenant: 9, ..Bounds::default() },
                settings: serde_json::Value::Null,
                safe: Safe::new(Secret::new([7; 32])),
            };
            match Engine::start(parts).await {
                Ok(engine) => Some(engine),
                Err(EngineError::Store(_)) => None,
                Err(error) => {
                    around.story.breaks(format!("the engine does not start: {error}"));
                    None
                }
            }
        };
        let engine = tokio::select! {
            biased;
            engine = started => engine?,
            () = around.story.bell() => return None,
        };
        Some(Life { engine, around })
    }

    /// Lets everybody act until the bell rings, or the engine halts.
    pub(super) async fn live(self) {
        let around = self.around;
        let mut halted = self.engine.halting();
        tokio::select! {
            biased;
            () = around.story.bell() => {}
            _ = halted.wait_for(Option::is_some) => {
                around.story.count("halt");
                around.story.step("halt", || "the engine halts".to_owned());
            }
            () = people::act(&self.engine, around) => {}
        }
    }

    /// Nothing goes wrong any more: everything that was begun must come to its end.
    pub(super) async fn end_quietly(self) {
        let around = self.around;
        let quiet = tokio::time::timeout(LONGEST, people::finish(&self.engine, around));
        let over = tokio::select! {
            biased;
            over = quiet => over.is_ok(),
            () = around.story.bell() => return,
        };
        if !over {
            let open = self.engine.open_runs();
            around.story.breaks(format!("{open} runs are not over {LONGEST:?} after the last fault"));
            around.checker.tell_open_runs();
            return;
        }
        if let Some(why) = self.engine.halted() {
            around.story.breaks(format!("the engine halted although nothing went wrong: {why}"));
        }
        self.engine.stop().await;
    }
}

/// Reads everything once more after the end: the log is what was signed, and each row says what its records say.
pub(super) async fn read_again(around: &Surroundings) -> Result<(), String> {
    let signing = Signing::by(signer().ok_or("there is no key")?);
    let store =
        Memory::open(&around.disk, signing, smooth(around)).await.map_err(|error| error.to_string())?;
    let mut filter = RunFilter::default();
    loop {
        let rows = store.runs(&filter, Page::LARGEST).await.map_err(|error| error.to_string())?;
        let Some(last) = rows.last() else { return Ok(()) };
        filter.before = Some(last.id);
        for told in rows {
            let stored = store.run(told.id).await.map_err(|error| error.to_string())?;
            let stored = stored.ok_or_else(|| format!("{} has a row and no records", told.id))?;
            let folded = row(&fold(&stored).map_err(|error| error.to_string())?);
            if folded != told {
                return Err(format!("the row of {} says {told:?}, its records say {folded:?}", told.id));
            }
        }
    }
}

fn signer() -> Option<Signer> {
    Signer::from_seed("simulation.example/log", &[5; 32]).ok()
}

fn smooth(around: &Surroundings) -> Passages {
    let story = around.story.clone();
    let checker = around.checker.clone();
    Box::new(move || {
        story.step("commit", || "commit".to_owned());
        checker.look();
        Passage { before: Duration::from_millis(1), end: End::Durable, after: Duration::ZERO }
    })
}

/// Transactions as chance has them: mostly slow or fast, sometimes not at all.
fn rough(around: &Surroundings, seed: u64) -> Passages {
    let (story, checker) = (around.story.clone(), around.checker.clone());
    let mut chance = around.passages.clone().and(seed);
    Box::new(move || {
        let end = match chance.between(1, 1000) {
            1..=3 => End::Busy,
            4 => End::Full,
            5..=6 => End::Unknown { durable: true },
            7..=8 => End::Unknown { durable: false },
            _ => checker.end_of_a_good_commit(),
        };
        let (before, after) =
            (chance.span(Duration::from_millis(1)), chance.span(Duration::from_micros(200)));
        story.step("commit", || format!("commit in {before:?}: {end:?}"));
        match end {
            End::Busy => story.count("disk: busy"),
            End::Full => story.count("disk: full"),
            End::Unknown { .. } => story.count("disk: silent"),
            End::Durable | End::Lost => {}
        }
        checker.look();
        Passage { before, end, after }
    })
}

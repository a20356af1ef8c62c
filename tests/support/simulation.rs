//! A simulation: the engine with everything around it replaced by what one seed decides.
//!
//! Time is virtual, the disk is [`Disk`], agents and people do what chance tells them, and the program crashes at any
//! step. After every step the checker reads what became durable since, and looks whether every promise still holds.
//! One seed always tells the same story, so a story that goes wrong can be told again.
//!
//! ```text
//!             ┌── people: submit, answer, order, publish, come again with the same key
//!   chance ───┼── agents: do it, fail, lie, hang, lose the answer, come late
//!    (seed)   ├── disk: slow, busy, full, silent; what is not synced is lost in a crash
//!             └── crashes: the engine is dropped wherever it stands, and started again
//!                   │ every step
//!                   ▼
//!                checker: the log alone, the agents' ledgers, the clients' receipts
//! ```
//!
//! A *step* is one thing that happens: a request or order of a person, a transaction on its way to the disk, a record
//! that becomes durable, a call on its way to an agent, an answer on its way back, a crash. What the engine does by
//! itself in between is not counted.

mod agents;
mod chance;
mod checker;
mod clients;
mod clock;
mod contracts;
mod life;
mod people;
mod story;

use std::collections::BTreeMap;

use concordat_store::memory::Disk;
use tokio::runtime::Builder;

pub use checker::Sabotage;

use agents::Agents;
use chance::Chance;
use checker::Checker;
use clients::Clients;
use clock::SimClock;
use life::{Life, Surroundings};
use story::Story;

/// What one seed came to.
#[derive(Debug, Clone)]
pub struct Told {
    /// The digest of everything that happened, in order.
    pub digest: String,
    /// The steps.
    pub steps: u64,
    /// How often what happened: faults by kind, crashes, records, calls, acknowledged contracts.
    pub counts: BTreeMap<&'static str, u64>,
}

/// A promise that did not hold.
#[derive(Debug, Clone, thiserror::Error)]
#[error("seed {seed}, step {step}: {what}\nthe last that happened:\n{last}\ntell it again: {command}")]
pub struct Broken {
    /// The seed.
    pub seed: u64,
    /// The step.
    pub step: u64,
    /// The promise, and what happened instead.
    pub what: String,
    /// The last steps.
    pub last: String,
    /// The command that tells the same story again.
    pub command: String,
}

/// Tells the story of a seed: so many steps with faults, and then a quiet end at which everything must be over.
///
/// # Errors
/// The first promise that does not hold.
pub fn tell(seed: u64, steps: u64, sabotage: Option<Sabotage>) -> Result<Told, Broken> {
    let story = Story::new(steps);
    let disk = Disk::new();
    let checker = Checker::new(disk.clone(), story.clone(), sabotage);
    let mut chance = Chance::of(seed, "lives");
    let surroundings = Surroundings {
        agents: Agents::new(Chance::of(seed, "agents"), story.clone(), checker.clone(), disk.clone()),
        clients: Clients::new(checker.clone()),
        clock: SimClock::new(seed),
        passages: Chance::of(seed, "disk"),
        people: Chance::of(seed, "people"),
        disk,
        story: story.clone(),
        checker,
    };
    loop {
        let last = story.is_over();
        let length = chance.between(20, 400);
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let Ok(runtime) = runtime else { break };
        story.next_bell(length);
        runtime.block_on(async {
            match Life::begin(&surroundings, last).await {
                Some(life) if last => life.end_quietly().await,
                Some(life) => life.live().await,
                None => {}
            }
            surroundings.clock.stop();
        });
        // Whatever was under way is dropped where it stands.
        surroundings.disk.crash();
        drop(runtime);
        if story.broken().is_some() {
            break;
        }
        if last {
            read_again(&surroundings);
            break;
        }
        story.step("crash", || "crash".to_owned());
    }
    surroundings.checker.at_the_end();
    story.told(seed)
}

/// Looks once more at what is left on the disk.
fn read_again(surroundings: &Surroundings) {
    let Ok(runtime) = Builder::new_current_thread().enable_time().start_paused(true).build() else { return };
    if let Err(broken) = runtime.block_on(life::read_again(surroundings)) {
        surroundings.story.breaks(broken);
    }
}

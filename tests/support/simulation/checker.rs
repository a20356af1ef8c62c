//! The checker: what must hold after every step, from the log, the agents' ledgers and the clients' receipts alone.
//!
//! It reads each record once, when it has become durable, and folds the runs as anybody could; it asks the engine
//! nothing. What it says is broken is broken for good, so the story ends there.

mod followed;
mod sabotage;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use concordat_engine::Order;
use concordat_engine::ports::StoredRecord;
use concordat_ledger::Record;
use concordat_model::contract::EffectKind;
use concordat_model::digest::{Digest, canonical};
use concordat_model::id::RunId;
use concordat_model::payload;
use concordat_model::run::event::{Event, Origin};
use concordat_model::work::{Assignment, Attempt, Leg, Work, idempotency_key};
use concordat_store::memory::{Disk, End};
use parking_lot::Mutex;
use serde_json::Value;

use super::story::Story;
use followed::Followed;
pub use sabotage::Sabotage;
use sabotage::Saboteur;

/// Looks at everything that anybody outside can see.
#[derive(Clone)]
pub(super) struct Checker(Arc<Mutex<State>>);

struct State {
    disk: Disk,
    story: Story,
    saboteur: Saboteur,
    read: u64,
    ids: BTreeSet<String>,
    subjects: BTreeMap<String, u64>,
    runs: BTreeMap<RunId, Followed>,
    /// The attempts that came to agents, by idempotency key.
    calls: BTreeMap<String, Vec<Attempt>>,
    /// The key under which each piece of work came.
    keys: BTreeMap<(RunId, String, Leg), String>,
    /// When work that does harm if it is done twice was done: the size of the log then.
    done: BTreeMap<String, u64>,
    /// What agents answered under each key.
    answers: BTreeMap<String, BTreeSet<Digest>>,
    receipts: BTreeMap<String, Vec<RunId>>,
    /// What triggers have started contracts for.
    occasions: BTreeSet<String>,
    obeyed: BTreeMap<(RunId, &'static str), u64>,
}

impl Checker {
    pub(super) fn new(disk: Disk, story: Story, sabotage: Option<Sabotage>) -> Checker {
        Checker(Arc::new(Mutex::new(State {
            disk,
            story,
            saboteur: Saboteur::new(sabotage),
            read: 0,
            ids: BTreeSet::new(),
            subjects: BTreeMap::new(),
            runs: BTreeMap::new(),
            calls: BTreeMap::new(),
            keys: BTreeMap::new(),
            done: BTreeMap::new(),
            answers: BTreeMap::new(),
            receipts: BTreeMap::new(),
            occasions: BTreeSet::new(),
            obeyed: BTreeMap::new(),
        })))
    }

    /// Reads what has become durable.
    pub(super) fn look(&self) {
        self.with(|_| Ok(()));
    }

    /// Work came to an agent, with the size that it was told the log has.
    pub(super) fn called(&self, work: &Assignment, log_size: u64, durable: u64) {
        self.with(|state| {
            let (mut work, mut log_size) = (work.clone(), log_size);
            let mut key = work.work.idempotency_key();
            let times = state.saboteur.meddle_with_call(&mut work, &mut log_size, &mut key);
            (0..times).try_for_each(|_| state.called(&work, log_size, durable, &key))
        });
    }

    /// An agent did what it was asked.
    pub(super) fn applied(&self, key: &str) {
        self.with(|state| {
            let times = state.saboteur.times_done();
            (0..times).try_for_each(|_| state.applied(key))
        });
    }

    /// An agent answered with a result.
    pub(super) fn answered(&self, key: &str, answer: &Value) {
        self.with(|state| {
            let digest = Digest::of_json(answer).map_err(|error| error.to_string())?;
            state.answers.entry(key.to_owned()).or_default().insert(digest);
            Ok(())
        });
    }

    /// A client got a receipt.
    pub(super) fn acknowledged(&self, key: &str, runs: &[RunId]) {
        self.with(|state| {
            let runs = state.saboteur.forge(runs);
            if let Some(missing) = runs.iter().find(|run| !state.runs.contains_key(run)) {
                return Err(format!("the receipt for `{key}` names {missing}, which is not in the log"));
            }
            match state.receipts.insert(key.to_owned(), runs.clone()) {
                Some(before) if !key.is_empty() && before != runs => {
                    Err(format!("`{key}` was answered with {before:?}, and then with {runs:?}"))
                }
                _ => Ok(()),
            }
        });
    }

    /// Somebody was told that an order is obeyed.
    pub(super) fn ordered(&self, run: RunId, order: Order) {
        self.with(|state| {
            let kind = match order {
                Order::Pause => "contract.paused",
                Order::Resume => "contract.resumed",
                Order::Extend(_) => "contract.extended",
                Order::Cancel | Order::Kill => "contract.closing",
            };
            let obeyed = state.obeyed.entry((run, kind)).or_default();
            *obeyed += 1;
            let recorded = state.runs.get(&run).map_or(0, |run| run.times(kind));
            let enough = if kind == "contract.closing" { recorded >= 1 } else { recorded >= *obeyed };
            if enough { Ok(()) } else { Err(format!("{order:?} of {run} was obeyed and is not in the log")) }
        });
    }

    /// Whether doing this work twice would do harm.
    pub(super) fn is_unsafe(&self, work: &Work) -> bool {
        let state = self.0.lock();
        let followed = state.runs.get(&work.run);
        followed.and_then(|run| run.effect(&work.attempt)) == Some(EffectKind::Unsafe)
    }

    /// Runs that are not over.
    pub(super) fn open_runs(&self) -> Vec<RunId> {
        self.look();
        let state = self.0.lock();
        state.runs.iter().filter(|(_, run)| !run.is_over()).map(|(id, _)| *id).collect()
    }

    /// Runs that somebody paused.
    pub(super) fn paused(&self) -> Vec<RunId> {
        self.look();
        let state = self.0.lock();
        let paused = state.runs.iter().filter(|(_, run)| run.is_paused());
        paused.map(|(id, _)| *id).collect()
    }

    /// Says of every run that is not over how it stands.
    pub(super) fn tell_open_runs(&self) {
        let state = self.0.lock();
        for (id, run) in state.runs.iter().filter(|(_, run)| !run.is_over()) {
            state.story.step("open", || format!("{id} is not over: {}", run.stands()));
        }
    }

    /// What becomes of a transaction that nothing disturbs: it is durable, unless the disk was tampered with.
    pub(super) fn end_of_a_good_commit(&self) -> End {
        self.0.lock().saboteur.end_of_commit()
    }

    /// What must hold when everything is over.
    pub(super) fn at_the_end(&self) {
        self.with(|state| {
            let missing = state.receipts.values().flatten().find(|run| !state.runs.contains_key(run));
            if let Some(missing) = missing {
                return Err(format!("{missing} was acknowledged and is lost"));
            }
            match state.runs.iter().find(|(_, run)| !run.is_over()) {
                Some((id, run)) => Err(format!("{id} is not over at the end: {}", run.stands())),
                None => Ok(()),
            }
        });
    }

    /// Reads what has become durable, and then looks at something.
    fn with(&self, look: impl FnOnce(&mut State) -> Result<(), String>) {
        let mut state = self.0.lock();
        let story = state.story.clone();
        if story.broken().is_some() {
            return;
        }
        if let Err(broken) = state.catch_up().and_then(|()| look(&mut state)) {
            story.breaks(broken);
        }
    }
}

impl State {
    fn catch_up(&mut self) -> Result<(), String> {
        let news = self.disk.log_from(self.read);
        for record in self.saboteur.meddle_with_log(self.read, news) {
            self.record(&record)
                .map_err(|broken| format!("record {}, {}: {broken}", self.read, record.kind()))?;
            self.read += 1;
        }
        Ok(())
    }

    fn record(&mut self, record: &Record) -> Result<(), String> {
        self.story.step("record", || {
            format!("{} {} {}", record.kind(), record.subject(), record.subject_seq().get())
        });
        if !self.ids.insert(record.id().to_owned()) {
            return Err(format!("the id {} is in the log twice", record.id()));
        }
        let next = self.subjects.entry(record.subject().to_owned()).or_default();
        if record.subject_seq().get() != *next {
            let (found, subject) = (record.subject_seq().get(), record.subject());
            return Err(format!("{subject} has record {found} where {next} belongs"));
        }
        *next += 1;
        let Ok(id) = record.subject().parse::<RunId>() else { return Ok(()) };
        let stored = StoredRecord { index: self.read, record: record.clone() };
        let event: Event = record.data().map_err(|error| error.to_string())?;
        match self.runs.get_mut(&id) {
            Some(run) => {
                run.apply(&event, &stored)?;
                self.answered_by_the_agent(id, &event)
            }
            None => {
                if let Event::Received { origin: Origin::Triggered { trigger, occasion }, submitter, .. } =
                    &event
                    && !self.occasions.insert(format!("{} {trigger} {occasion}", submitter.tenant))
                {
                    return Err(format!("`{trigger}` started two contracts for {occasion}"));
                }
                let run = Followed::begin(id, &event, stored, &self.disk)?;
                drop(self.runs.insert(id, run));
                Ok(())
            }
        }
    }

    /// A result in the log is one that an agent gave.
    fn answered_by_the_agent(&self, run: RunId, event: &Event) -> Result<(), String> {
        use concordat_model::run::event::Reply;
        let Event::Answered { attempt, reply: Reply::Output { output, .. }, .. } = event else {
            return Ok(());
        };
        let key = idempotency_key(run, attempt);
        // Agents know nothing of the salt that stands behind what is stored.
        let given = self.disk.payload(output).map(|stored| Digest::of(payload::document(&stored)));
        if given.is_some_and(|given| self.answers.get(&key).is_some_and(|answers| answers.contains(&given))) {
            return Ok(());
        }
        Err(format!("no agent gave the result {output} of {key}"))
    }

    fn called(&mut self, work: &Assignment, log_size: u64, durable: u64, key: &str) -> Result<(), String> {
        let Assignment { work, agent, decision, .. } = work;
        let told = format!("{key}, attempt {}", work.attempt.number);
        if log_size > durable {
            return Err(format!("{told}: the agent was told of {log_size} records, {durable} are durable"));
        }
        let stored = self.disk.payload(&work.params_digest);
        if stored.map(|stored| payload::document(&stored).to_vec()) != canonical(&*work.params).ok() {
            return Err(format!("{told}: the parameters are not what their digest says"));
        }
        let run = self.runs.get(&work.run).ok_or_else(|| format!("{told}: there is no such run"))?;
        run.permits(&work.attempt, *agent, *decision, work.params_digest, log_size)
            .map_err(|broken| format!("{told}: {broken}"))?;
        let whose = (work.run, work.attempt.step.to_string(), work.attempt.leg);
        if self.keys.entry(whose).or_insert_with(|| key.to_owned()) != key {
            return Err(format!("{told}: the same work came under another key before"));
        }
        let calls = self.calls.entry(key.to_owned()).or_default();
        if let Some(before) = calls.last()
            && (before.step != work.attempt.step
                || before.leg != work.attempt.leg
                || before.number >= work.attempt.number)
        {
            return Err(format!("{told}: the agent got attempt {} under this key before", before.number));
        }
        calls.push(work.attempt.clone());
        Ok(())
    }

    /// Work that does harm when it is done twice is done twice only when a person said so in between.
    fn applied(&mut self, key: &str) -> Result<(), String> {
        let now = self.read;
        let Some((run, attempt)) = self.calls.get(key).and_then(|calls| calls.last()).and_then(|attempt| {
            let id: RunId = key.split('/').next()?.parse().ok()?;
            Some((self.runs.get(&id)?, attempt))
        }) else {
            return Err(format!("{key} was done, and no call came under this key"));
        };
        if run.effect(attempt) != Some(EffectKind::Unsafe) || attempt.leg == Leg::Undo {
            return Ok(());
        }
        match self.done.insert(key.to_owned(), now) {
            Some(before) if !run.approved_since(&attempt.step, before) => {
                Err(format!("{key} is unsafe and was done twice, and no person said so in between"))
            }
            _ => Ok(()),
        }
    }
}

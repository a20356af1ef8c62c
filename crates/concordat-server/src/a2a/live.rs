//! A task as it goes on: the whole of it, then every change of its state in the order of the log, until it is over.
//!
//! Changes are found by folding the run's records one by one, so that whoever follows a task hears the same, whenever
//! they look.

use std::collections::VecDeque;

use concordat_engine::ports::StoredRecord;
use concordat_engine::{Caller, RunView};
use concordat_model::run::event::Event;
use futures_util::Stream;
use serde_json::{Value, json};

use super::task::{self, State, Task};
use super::wrong::Wrong;
use crate::app::Shared;
use crate::stream::Records;

/// A task that somebody follows.
pub(super) struct Live {
    app: Shared,
    who: Caller,
    view: RunView,
    /// Nothing comes any more once the task is over.
    records: Option<Records>,
    told: State,
    queue: VecDeque<Value>,
}

impl Live {
    /// Begins with the task as it stands.
    pub(super) fn begin(app: &Shared, who: &Caller, view: RunView) -> Result<Live, Wrong> {
        let told = task::state(&view);
        let after = view.records.last().map_or(0, |last| last.index.saturating_add(1));
        let records = match told.is_over() {
            true => None,
            false => Some(Records::of_run(app, who.key, view.run.id, after)?),
        };
        let queue = VecDeque::from([json!({"task": Task::of(app, &view)?})]);
        Ok(Live { app: app.clone(), who: who.clone(), view, records, told, queue })
    }

    /// What is told, one thing after the other.
    pub(super) fn events(self) -> impl Stream<Item = Value> + use<> {
        futures_util::stream::unfold(self, |mut live| async { live.next().await.map(|told| (told, live)) })
    }

    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(told) = self.queue.pop_front() {
                return Some(told);
            }
            let stored = self.records.as_mut()?.next().await?;
            // Who cannot be told ends the stream; the client comes back.
            self.fold(stored)?;
            let state = task::state(&self.view);
            // A task that people let go on is not new again.
            if state == self.told || state == State::Submitted {
                continue;
            }
            self.told = state;
            if state.is_over() {
                self.records = None;
                // Its output came with the records, which the fold does not read.
                self.view = self.app.engine.run(&self.who, self.view.run.id).await.ok()?;
            }
            let task = Task::of(&self.app, &self.view).ok()?;
            self.queue.extend(task.artifact_updates());
            self.queue.push_back(task.status_update());
        }
    }

    fn fold(&mut self, stored: StoredRecord) -> Option<()> {
        let event: Event = stored.record.data().ok()?;
        let at = stored.record.time().parse().ok()?;
        self.view.run.apply(&event, at).ok()?;
        self.view.records.push(stored);
        Some(())
    }
}

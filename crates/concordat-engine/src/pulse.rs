//! What the log says of the program itself: that it started, with what settings, that it lives, that its clock moved.
//!
//! Where a heartbeat is missing between a start and a stop, the log was not written, or somebody took records away.
//! Records are in the order of the log whatever the clock says; that it was moved is only told.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::core::Core;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::ports::Change;
use crate::scribe::Place;

/// How often a living engine says so.
const BEAT: Duration = Duration::from_secs(60);
/// A clock that is further off than this from the time that has passed was moved.
const STEP: SignedDuration = SignedDuration::from_secs(1);

/// A log that was put back to an older state, or replaced, as its operator says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// Why.
    pub reason: String,
    /// How many records it was known to have had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anchored: Option<u64>,
}

impl Engine {
    /// Records that the log does not continue what was there before, and why.
    ///
    /// # Errors
    /// It cannot be recorded.
    pub async fn record_restored(&self, restored: &Restored) -> Result<(), EngineError> {
        tracing::warn!(?restored, "the log is accepted as it was put back");
        self.core.record_of_boot("log.restored", restored).await
    }

    /// Records that another key signs the log from now on.
    ///
    /// # Errors
    /// It cannot be recorded.
    pub async fn record_rotated_key(&self, rotated: &(impl Serialize + Sync)) -> Result<(), EngineError> {
        self.core.record_of_boot("key.rotated", rotated).await
    }
}

impl Core {
    /// Records the start, and which settings are others than at the start before.
    pub(crate) async fn record_start(&self) -> Result<(), EngineError> {
        let started = json!({
            "boot": self.boot,
            "version": env!("CARGO_PKG_VERSION"),
            "policy": self.policies.panel().enforced().revision(),
            "classifier": self.classifier.name(),
            "settings": self.settings,
        });
        let before = self.world.write().settings.replace(self.settings.clone());
        self.record_log("log.started", &started).await?;
        match before.map(|before| changes(&before, &self.settings)) {
            Some(changed) if !changed.is_empty() => {
                self.record_of_boot("config.changed", &json!({"changed": changed})).await
            }
            _ => Ok(()),
        }
    }

    /// Says again and again that the engine lives, and whether its clock was moved.
    pub(crate) async fn keep_pulse(self: Arc<Self>) {
        let mut halted = self.halted.subscribe();
        let started = Instant::now();
        let (mut passed, mut told) = (started, self.clock.now());
        loop {
            tokio::select! {
                biased;
                _ = halted.wait_for(Option::is_some) => return,
                () = tokio::time::sleep(BEAT) => {}
            }
            let (instant, time) = (Instant::now(), self.clock.now());
            let step = moved(instant.duration_since(passed), time.duration_since(told));
            (passed, told) = (instant, time);
            if step.abs() > STEP {
                let step = json!({"ms": i64::try_from(step.as_millis()).unwrap_or(i64::MAX)});
                self.tell("clock.stepped", &step).await;
            }
            let beat = json!({
                "boot": self.boot,
                "up_s": instant.duration_since(started).as_secs(),
                "records": *self.log_size.borrow(),
                "open_runs": self.open.lock().len(),
            });
            self.tell("log.heartbeat", &beat).await;
        }
    }

    async fn tell(&self, kind: &str, data: &Value) {
        if let Err(error) = self.record_of_boot(kind, data).await {
            tracing::warn!(%error, "`{kind}` could not be recorded: {error}");
        }
    }

    /// Records something about this life of the program, under a subject that nobody else writes. What the store
    /// refuses at the moment has no number and stops nobody.
    async fn record_of_boot(&self, kind: &str, data: &impl Serialize) -> Result<(), EngineError> {
        let subject = self.boot.to_string();
        let mut written = self.of_boot.lock().await;
        let place = Place { subject: &subject, seq: *written, at: self.clock.now() };
        let records = vec![self.scribe.seal(&*self.clock, kind, place, data)?];
        let commit = self.store.commit(Change { records, ..Change::default() });
        self.durable_or_refused(commit).await?;
        *written += 1;
        Ok(())
    }
}

/// By how much the clock says otherwise than the time that has passed.
fn moved(passed: Duration, told: SignedDuration) -> SignedDuration {
    told.saturating_sub(SignedDuration::try_from(passed).unwrap_or(SignedDuration::MAX))
}

/// The settings that differ, with what they were and are.
fn changes(before: &Value, after: &Value) -> Map<String, Value> {
    let (empty, of) =
        (Map::new(), |value: &Value, name: &String| value.get(name).cloned().unwrap_or_default());
    let names = [before, after].map(|settings| settings.as_object().unwrap_or(&empty).keys().cloned());
    let names: BTreeSet<String> = names.into_iter().flatten().collect();
    let differ = names.into_iter().filter(|name| of(before, name) != of(after, name));
    differ
        .map(|name| {
            let change = json!({"was": of(before, &name), "is": of(after, &name)});
            (name, change)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_told() {
        let before = json!({"a": 1, "b": [1], "c": null});
        let after = json!({"a": 1, "b": [2], "d": "new"});
        let told = json!({"b": {"was": [1], "is": [2]}, "d": {"was": null, "is": "new"}});
        assert_eq!(Value::Object(changes(&before, &after)), told);
        assert!(changes(&before, &before).is_empty());
    }

    #[test]
    fn a_clock_that_keeps_up_was_not_moved() {
        let minute = Duration::from_secs(60);
        for (told, step) in [(60, 0), (3_660, 3_600), (-10, -70)] {
            assert_eq!(moved(minute, SignedDuration::from_secs(told)), SignedDuration::from_secs(step));
        }
    }
}

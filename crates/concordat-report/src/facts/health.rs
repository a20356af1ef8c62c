//! The log itself: starts and stops, heartbeats, gaps in time, and a clock that was set.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::contracts::figure;
use super::listed::{Listed, Missing};
use super::{Measures, millis};
use crate::counts::Counts;
use crate::entry::Entry;
use crate::ranges::Tally;
use crate::report::{Basis, Figure, Section, Value};

const STARTED: &str = "type=log.started";
const STOPPED: &str = "type=log.stopped";
const RECOVERED: &str = "type=log.recovered";
const HEARTBEAT: &str = "type=log.heartbeat";
const CLOCK: &str = "type=clock.stepped";
const CONFIG: &str = "type=config.changed";
const KEYS: &str = "type=key.rotated|log.key_rotated";
const RESTORED: &str = "type=log.restored";

pub(super) const QUERIES: &[&str] = &[STARTED, STOPPED, RECOVERED, HEARTBEAT, CLOCK, CONFIG, KEYS, RESTORED];

/// A silence of so many milliseconds is listed.
const SILENCE_MS: u64 = 300_000;
/// A record that claims to be so much older than the one before it shows that a clock was set back.
const BACK_MS: u64 = 1_000;

/// What the log says about itself.
#[derive(Debug, Default)]
pub(super) struct Health {
    before: Option<Timestamp>,
    running: BTreeMap<String, Running>,
    unclean: Missing,
    starts: u64,
    back: Tally,
    gaps: Listed,
    expected_beats: u64,
    beats: u64,
    silent: Missing,
}

/// A start that was not stopped yet.
#[derive(Debug)]
struct Running {
    index: u64,
    last_beat: Timestamp,
}

impl Health {
    pub(super) fn note(&mut self, entry: &Entry<'_>, measures: Measures) {
        if let Some(before) = self.before {
            if millis(entry.at, before) > BACK_MS {
                self.back.hit(entry.index);
            }
            let gap = millis(before, entry.at);
            if gap >= SILENCE_MS {
                let up = self.running.contains_key(entry.record.source());
                let said = if up { "between start and stop" } else { "after a stop" };
                self.gaps.push(entry, [(gap / 1000).to_string(), said.to_owned()]);
            }
        }
        self.before = Some(entry.at);
        let source = entry.record.source();
        match entry.record.kind() {
            "log.started" => {
                self.starts += 1;
                let running = Running { index: entry.index, last_beat: entry.at };
                if let Some(before) = self.running.insert(source.to_owned(), running) {
                    self.unclean.push(before.index, format!("started at leaf {}", before.index));
                }
            }
            "log.stopped" => {
                self.beat(source, entry, measures, false);
                self.running.remove(source);
            }
            "log.heartbeat" => self.beat(source, entry, measures, true),
            _ => {}
        }
    }

    /// Counts the heartbeats that should have come since the last one.
    fn beat(&mut self, source: &str, entry: &Entry<'_>, measures: Measures, came: bool) {
        let Some(running) = self.running.get_mut(source) else {
            // The period meets a server that runs already: it is followed from its first heartbeat on.
            if came {
                let running = Running { index: entry.index, last_beat: entry.at };
                self.running.insert(source.to_owned(), running);
                self.expected_beats += 1;
                self.beats += 1;
            }
            return;
        };
        let seconds = millis(running.last_beat, entry.at) / 1000;
        // A beat may come half an interval late without one being missing.
        let half = measures.heartbeat_s / 2;
        let due = if came {
            ((seconds + half) / measures.heartbeat_s).max(1)
        } else {
            seconds / measures.heartbeat_s
        };
        self.expected_beats += due;
        self.beats += u64::from(came);
        let missing = due - u64::from(came);
        if missing > 0 {
            let silence = format!("{missing} between {:.0} and {:.0}", running.last_beat, entry.at);
            for _ in 0..missing {
                self.silent.push(entry.index, &silence);
            }
        }
        running.last_beat = entry.at;
    }

    /// Heartbeats against the time between starts and stops.
    pub(super) fn heartbeats(&self) -> Figure {
        let mut ids = self.silent.ids();
        ids.dedup();
        let basis = Basis {
            query: HEARTBEAT.to_owned(),
            of: Some("type=log.started|log.stopped|log.heartbeat".to_owned()),
            rule: Some(
                "one for each minute from log.started or the heartbeat before to the next heartbeat or log.stopped, rounded to the nearest for a heartbeat and down for a stop",
            ),
            leaves: self.silent.leaves(),
        };
        let value = Value::part(self.beats, self.expected_beats);
        let label = "Heartbeats, of those that were due while the server ran";
        Figure { missing: ids, ..figure("completeness.heartbeats", label, value, basis) }
    }

    pub(super) fn section(&self, counts: &Counts, _: Measures) -> Section {
        let clean = Basis {
            query: STARTED.to_owned(),
            of: Some(STARTED.to_owned()),
            rule: Some("no log.stopped of the same source stands between it and the next log.started"),
            leaves: self.unclean.leaves(),
        };
        let back = Basis {
            query: String::new(),
            rule: Some("time is more than a second before that of the record before"),
            leaves: self.back.leaves.clone(),
            of: None,
        };
        let unclean = Figure {
            missing: self.unclean.ids(),
            ..figure(
                "health.unclean",
                "Starts that were never stopped: crashes, or kills",
                Value::part(self.unclean.total(), self.starts),
                clean,
            )
        };
        let figures = vec![
            counts.figure("health.records", "Records", "", ""),
            counts.figure("health.starts", "Starts", STARTED, ""),
            counts.figure("health.stops", "Stops", STOPPED, STARTED),
            counts.figure("health.recoveries", "Recoveries", RECOVERED, STARTED),
            unclean,
            figure(
                "health.back",
                "Records that claim to be older than the one before",
                Value::count(self.back.count, counts.count("")),
                back,
            ),
            counts.figure("health.clock", "Clock steps that the server noticed", CLOCK, STARTED),
            counts.figure("health.config", "Changes of configuration", CONFIG, STARTED),
            counts.figure(
                "health.restored",
                "Times that the log was put back to an older state, as its operator said",
                RESTORED,
                STARTED,
            ),
            counts.figure("health.keys", "Rotations of the log's key", KEYS, STARTED),
            self.heartbeats(),
        ];
        Section {
            id: "health",
            title: "Health of the log",
            about: "Whether logging was on, and whether its clock went on. Order in the log is the order of the tree, \
                    never of the clock.",
            figures,
            charts: Vec::new(),
            tables: vec![self.gaps.table(
                "health.gaps",
                "Silences of five minutes or more, each at the record that ended it",
                &["seconds", "when"],
                "",
                Some("the time of a record less that of the record before is at least 300 s"),
            )],
            ..Section::default()
        }
    }
}

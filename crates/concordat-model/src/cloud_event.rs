//! Events from outside, and those that steps publish: CloudEvents 1.0 in JSON, with data that is JSON.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::condition::same;
use crate::contract::EventName;
use crate::problem::{Problem, Problems};
use crate::span::Span;

/// An event as it is sent: the context attributes of CloudEvents 1.0, and JSON data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloudEvent {
    /// The version of the specification.
    pub specversion: SpecVersion,
    /// The event's id, unique within its source.
    pub id: String,
    /// Where it comes from.
    pub source: String,
    /// What kind of event it is, such as `com.example.order.paid`.
    #[serde(rename = "type")]
    pub kind: EventName,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// The form of the data; only JSON is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datacontenttype: Option<String>,
    /// What the data looks like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataschema: Option<String>,
    /// What it says.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub data: Value,
}

/// The version of the CloudEvents specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SpecVersion {
    /// The only version.
    #[serde(rename = "1.0")]
    V1,
}

/// The longest id, source and subject, in bytes.
const LONGEST: usize = 512;

impl CloudEvent {
    /// Checks what the form alone does not say.
    ///
    /// # Errors
    /// Everything that is wrong, each with the pointer of its place.
    pub fn check(&self) -> Result<(), Problems> {
        let mut found = Vec::new();
        let subject = self.subject.as_deref().unwrap_or("-");
        for (pointer, text) in [("/id", self.id.as_str()), ("/source", &self.source), ("/subject", subject)] {
            if text.is_empty() || text.len() > LONGEST || text.chars().any(char::is_control) {
                let message = format!("it has 1 to {LONGEST} bytes and no control characters");
                found.push(Problem::new("event-invalid", pointer, message));
            }
        }
        let json = |form: &String| form == "application/json" || form.starts_with("application/json;");
        if !self.datacontenttype.as_ref().is_none_or(json) {
            let message = "only events with `application/json` data are read";
            found.push(Problem::new("event-invalid", "/datacontenttype", message));
        }
        Problems::check(found)
    }
}

/// What a step or a trigger waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The type of the event.
    pub event: EventName,
    /// What its data must say, by name; `order.id` looks within `order`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub correlate: Map<String, Value>,
    /// How many such events.
    pub count: u32,
    /// How close together they must come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Span>,
}

impl Expectation {
    /// Whether this event is one of those that are waited for.
    #[must_use]
    pub fn fits(&self, event: &CloudEvent) -> bool {
        let says = |(path, wanted): (&String, &Value)| {
            path.split('.')
                .try_fold(&event.data, |value, name| value.get(name))
                .is_some_and(|value| same(value, wanted))
        };
        self.event == event.kind && self.correlate.iter().all(says)
    }

    /// Which of the moments at which fitting events came make up what is waited for: the first so many that lie
    /// within one window.
    #[must_use]
    pub fn met_by(&self, moments: &[Timestamp]) -> Option<std::ops::Range<usize>> {
        let count = usize::try_from(self.count.max(1)).ok()?;
        let window = self.window.and_then(|window| SignedDuration::try_from(window.duration()).ok());
        let close = |first: Timestamp, last: Timestamp| {
            window.is_none_or(|window| last.duration_since(first) <= window)
        };
        let runs = moments.windows(count).enumerate();
        runs.filter_map(|(nth, run)| Some((nth, run.first()?, run.last()?)))
            .find(|(_, first, last)| close(**first, **last))
            .map(|(nth, _, _)| nth..nth + count)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(kind: &str, data: &Value) -> CloudEvent {
        serde_json::from_value(
            json!({"specversion": "1.0", "id": "1", "source": "/shop", "type": kind, "data": data}),
        )
        .unwrap()
    }

    #[test]
    fn an_event_fits_by_type_and_by_what_it_says() {
        let wanted: Expectation =
            serde_json::from_value(json!({"event": "paid", "correlate": {"order.id": 7}, "count": 1}))
                .unwrap();
        assert!(wanted.fits(&event("paid", &json!({"order": {"id": 7.0, "x": 1}}))));
        for (kind, data) in [
            ("paid", json!({"order": {"id": 8}})),
            ("paid", json!({"order": 7})),
            ("paid", json!(null)),
            ("shipped", json!({"order": {"id": 7}})),
        ] {
            assert!(!wanted.fits(&event(kind, &data)), "{kind} {data}");
        }
    }

    #[test]
    fn so_many_events_count_only_close_together() {
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
        let wanted = |window| Expectation {
            event: "x".to_owned().try_into().unwrap(),
            correlate: Map::new(),
            count: 3,
            window,
        };
        let moments = [at(0), at(50), at(70), at(100), at(200)];
        assert_eq!(wanted(None).met_by(&moments), Some(0..3));
        assert_eq!(wanted(Some(Span::seconds(60))).met_by(&moments), Some(1..4));
        assert_eq!(wanted(Some(Span::seconds(40))).met_by(&moments), None);
        assert_eq!(wanted(None).met_by(&moments[..2]), None);
    }
}

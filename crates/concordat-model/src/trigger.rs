//! Triggers: which events and which moments start contracts by themselves.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::cloud_event::Expectation;
use crate::contract::{ApiVersion, EventName};
use crate::id::{DecisionId, KeyId};
use crate::name::{PrincipalName, TriggerName};
use crate::principal::Principal;
use crate::problem::{Problem, Problems};
use crate::reference::{Source, references_in};
use crate::span::Span;
use crate::template::TemplateRef;

/// A trigger as somebody wrote it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TriggerDocument {
    /// The version of this format.
    pub api_version: ApiVersion,
    /// What the document is.
    pub kind: TriggerKind,
    /// What the trigger is called.
    pub metadata: TriggerMetadata,
    /// What starts what.
    pub spec: TriggerSpec,
}

/// Marks a document as a trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TriggerKind {
    /// One trigger.
    Trigger,
}

/// What a trigger is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TriggerMetadata {
    /// The trigger's name.
    pub name: TriggerName,
}

/// What starts what: exactly one of `event` and `schedule`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TriggerSpec {
    /// The events that start the contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<TriggerEvents>,
    /// Or the moments that do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// The template of the contract.
    pub template: TemplateRef,
    /// Its input: values, and references into what started it, such as `${event.data.order}`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub input: Map<String, Value>,
    /// What happens when the contract that it started last is not over.
    #[serde(default)]
    pub overlap: Overlap,
}

/// The events that start a contract.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TriggerEvents {
    /// Their type.
    #[serde(rename = "type")]
    pub kind: EventName,
    /// What their data must say, by name; `order.id` looks within `order`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub correlate: Map<String, Value>,
    /// How many it takes; without it, one.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1000))]
    pub count: u32,
    /// How close together so many must come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Span>,
    /// Counted apart for each value of this member of their data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

fn one() -> u32 {
    1
}

/// The moments that start a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Schedule {
    /// Minute, hour, day of the month, month and day of the week, as in a crontab.
    pub cron: String,
    /// The time zone in which they are meant, such as `Europe/Berlin`.
    #[serde(default = "utc")]
    pub timezone: String,
}

fn utc() -> String {
    "UTC".to_owned()
}

/// What happens when the contract that a trigger started last is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// Another one starts beside it.
    #[default]
    Allow,
    /// None starts.
    Skip,
    /// It is cancelled, and another one starts.
    Replace,
}

/// What happened to a trigger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum TriggerEvent {
    /// It was written, for the first time or anew.
    Applied {
        /// The trigger.
        document: Box<TriggerDocument>,
        /// In whose name it starts contracts.
        owner: Principal,
        /// The key with which it was written: it starts nothing once that key is taken back.
        key: KeyId,
        /// The access decision that let it be written.
        access: DecisionId,
    },
    /// It was taken away.
    Removed {
        /// Who took it away.
        by: PrincipalName,
        /// The access decision that let them.
        access: DecisionId,
    },
    /// It started a contract, or could not.
    Fired {
        /// The event or the moment.
        occasion: String,
        /// Why no contract was started, if none was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refused: Option<String>,
    },
}

impl TriggerEvent {
    /// The record type under which the event stands in the log.
    #[must_use]
    pub fn record_type(&self) -> &'static str {
        match self {
            TriggerEvent::Applied { .. } => "trigger.applied",
            TriggerEvent::Removed { .. } => "trigger.removed",
            TriggerEvent::Fired { .. } => "trigger.fired",
        }
    }
}

impl TriggerDocument {
    /// Checks what the form alone does not say.
    ///
    /// # Errors
    /// Everything that is wrong, each with the pointer of its place.
    pub fn check(&self) -> Result<(), Problems> {
        let spec = &self.spec;
        let mut found = Vec::new();
        if spec.event.is_some() == spec.schedule.is_some() {
            found.push(Problem::new(
                "trigger-invalid",
                "/spec",
                "a trigger has exactly one of `event` and `schedule`",
            ));
        }
        if spec.event.as_ref().is_some_and(|event| !(1..=1000).contains(&event.count)) {
            found.push(Problem::new("trigger-invalid", "/spec/event/count", "it takes 1 to 1000 events"));
        }
        if let Some(Err(error)) = spec.schedule.as_ref().map(Schedule::crontab) {
            found.push(Problem::new("schedule-invalid", "/spec/schedule", error));
        }
        match references_in(&Value::Object(spec.input.clone()), "/spec/input") {
            Err((pointer, bad)) => found.push(Problem::new("reference-invalid", pointer, bad.to_string())),
            Ok(references) => found.extend(references.into_iter().filter(|(_, one)| one.source != Source::Event).map(
                |(pointer, one)| {
                    Problem::new("reference-invalid", pointer, format!("`{one}` has no meaning here"))
                        .hint("a trigger's input reads what started it: `${event.data.NAME}`, `${event.time}`")
                },
            )),
        }
        Problems::check(found)
    }
}

impl TriggerEvents {
    /// What is waited for.
    #[must_use]
    pub fn expectation(&self) -> Expectation {
        Expectation {
            event: self.kind.clone(),
            correlate: self.correlate.clone(),
            count: self.count,
            window: self.window,
        }
    }
}

impl Schedule {
    /// The first scheduled moment after this one.
    #[must_use]
    pub fn after(&self, moment: Timestamp) -> Option<Timestamp> {
        let next = self.crontab().ok()?.find_next(moment.to_string().as_str()).ok()?;
        Some(next.timestamp())
    }

    fn crontab(&self) -> Result<cronexpr::Crontab, String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '+');
        if self.cron.len() > 200 || self.timezone.len() > 64 || !self.timezone.chars().all(plain) {
            return Err(
                "a schedule has at most 200 characters, and a time zone is a name such as `Europe/Berlin`"
                    .to_owned(),
            );
        }
        cronexpr::parse_crontab(&format!("{} {}", self.cron, self.timezone))
            .map_err(|error| format!("`{}` in `{}` is not a schedule: {error}", self.cron, self.timezone))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_know_their_time_zone() {
        let schedule = |cron: &str, timezone: &str| Schedule { cron: cron.into(), timezone: timezone.into() };
        for (cron, zone, from, next) in [
            ("0 2 * * *", "UTC", "2026-11-21T06:00:00Z", "2026-11-22T02:00:00Z"),
            ("0 2 * * *", "Europe/Berlin", "2026-11-21T06:00:00Z", "2026-11-22T01:00:00Z"),
            ("0 2 * * *", "Europe/Berlin", "2026-07-01T06:00:00Z", "2026-07-02T00:00:00Z"),
            ("*/15 9-17 * * MON-FRI", "UTC", "2026-11-21T06:00:00Z", "2026-11-23T09:00:00Z"),
        ] {
            let after = schedule(cron, zone).after(from.parse().unwrap());
            assert_eq!(after, Some(next.parse().unwrap()), "{cron} {zone}");
        }
        for (cron, zone) in
            [("", "UTC"), ("61 * * * *", "UTC"), ("* * * * *", "Nowhere/City"), ("* * * * *", "UTC UTC")]
        {
            assert!(schedule(cron, zone).crontab().is_err(), "{cron} {zone}");
        }
    }
}

//! What an agent says about work: a task with its state and what it has brought, or a message.

use concordat_model::doubles::whole;
use serde_json::{Value, json};

use crate::http::Malformed;

/// What comes back for a message.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Heard {
    /// The agent made it a task.
    Task(Task),
    /// The agent answered at once, and keeps nothing.
    Message(Vec<Part>),
}

/// One thing that a stream tells.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Told {
    /// A whole task or a message.
    Whole(Heard),
    /// A task's new state, and why the rest of it cannot be read if so.
    Status { task: TaskId, status: Status, odd: Option<Malformed> },
    /// Something that a task has brought, or a further piece of it.
    Artifact { task: TaskId, artifact: Artifact, append: bool },
}

/// A task's id: the agent's text, but safe in a path and short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TaskId(String);

/// The longest id of a task, in bytes.
const LONGEST_ID: usize = 256;

impl TaskId {
    pub(super) fn parse(text: &str) -> Option<TaskId> {
        let fits = (1..=LONGEST_ID).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic())
            && !text.bytes().all(|byte| byte == b'.');
        fits.then(|| TaskId(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A task, as far as it was told.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Task {
    pub(super) id: TaskId,
    /// The conversation that it belongs to, where the agent says so.
    pub(super) context: Option<TaskId>,
    pub(super) status: Status,
    pub(super) artifacts: Vec<Artifact>,
    /// Why what was heard of it last cannot be read: then nothing that it brought counts.
    pub(super) odd: Option<Malformed>,
}

/// Where a task stands, and what the agent says about that.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Status {
    pub(super) state: State,
    pub(super) said: Vec<Part>,
    /// The id of the message in which it is said.
    pub(super) message: Option<TaskId>,
}

/// The states of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Submitted,
    Working,
    Completed,
    Failed,
    Canceled,
    Rejected,
    InputRequired,
    AuthRequired,
}

impl State {
    /// Whether the agent does nothing more by itself.
    pub(super) fn is_settled(self) -> bool {
        !matches!(self, State::Submitted | State::Working)
    }

    /// Whether nothing can come of it any more, whoever does what.
    pub(super) fn has_ended(self) -> bool {
        matches!(self, State::Completed | State::Failed | State::Canceled | State::Rejected)
    }
}

/// Something that a task has brought.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Artifact {
    pub(super) id: String,
    pub(super) parts: Vec<Part>,
}

/// One part of a message or an artifact.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    Data(Value),
    Text(String),
    /// A file, by its bytes or its address. It is neither read nor fetched.
    File,
}

/// A task that asked something, before it is told the answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) task: &'a TaskId,
    /// The id of the message in which it asked.
    pub(super) asked: Option<&'a TaskId>,
}

impl Known<'_> {
    /// Whether this shows the task as it was: it has not taken in yet what it was told.
    pub(super) fn is_stale(&self, task: &Task) -> bool {
        let Status { state, said, message } = &task.status;
        let same = message.is_some() && message.as_ref() == self.asked;
        *state == State::InputRequired && (same || said.is_empty())
    }
}

impl TaskId {
    /// A task with this id, of which nothing else is known but that it is at work.
    pub(super) fn begun(&self) -> Task {
        let status = Status { state: State::Working, said: Vec::new(), message: None };
        Task { id: self.clone(), context: None, status, artifacts: Vec::new(), odd: None }
    }
}

impl Task {
    /// Takes in what a stream told. False when that was about another task.
    pub(super) fn take(&mut self, told: Told) -> bool {
        match told {
            Told::Whole(Heard::Task(task)) if task.id == self.id => *self = task,
            Told::Status { task, status, odd } if task == self.id => (self.status, self.odd) = (status, odd),
            Told::Artifact { task, artifact, append } if task == self.id => self.bring(artifact, append),
            Told::Whole(_) | Told::Status { .. } | Told::Artifact { .. } => return false,
        }
        true
    }

    fn bring(&mut self, artifact: Artifact, append: bool) {
        let known = self.artifacts.iter_mut().find(|known| known.id == artifact.id);
        match known {
            Some(known) if append => known.parts.extend(artifact.parts),
            Some(known) => *known = artifact,
            None => self.artifacts.push(artifact),
        }
    }

    /// Whether it is done, and what it brought can be read.
    pub(super) fn is_done(&self) -> bool {
        self.odd.is_none() && self.status.state == State::Completed
    }

    /// Whether there is nothing more to be heard of it: it does nothing more by itself, or what is heard makes no sense.
    pub(super) fn is_over(&self) -> bool {
        self.odd.is_some() || self.status.state.is_settled()
    }

    /// What the task brought: its artifacts, or else what the agent said at its end.
    pub(super) fn output(self) -> Option<Value> {
        let pieces: Vec<_> = self.artifacts.into_iter().map(|artifact| artifact.parts).collect();
        output(if pieces.iter().all(Vec::is_empty) { vec![self.status.said] } else { pieces })
    }
}

/// A step's result out of artifacts, or of a message: the data if there is one piece of it, a list of several, else
/// the text as `{"text": …}`. Words beside data are for people. `None` when there are files only, which nobody reads.
///
/// Agents bring a long text in parts, so the parts of one artifact follow on each other; artifacts are lines.
pub(super) fn output(artifacts: Vec<Vec<Part>>) -> Option<Value> {
    if artifacts.iter().all(Vec::is_empty) {
        return Some(Value::Null);
    }
    let (mut data, mut texts) = (Vec::new(), Vec::new());
    for parts in artifacts {
        let mut text = None;
        for part in parts {
            match part {
                Part::Data(value) => data.push(whole(value)),
                Part::Text(more) => text.get_or_insert_with(String::new).push_str(&more),
                Part::File => {}
            }
        }
        texts.extend(text);
    }
    match (data.len(), texts.is_empty()) {
        (1, _) => data.pop(),
        (0, true) => None,
        (0, false) => Some(json!({"text": texts.join("\n")})),
        _ => Some(Value::Array(data)),
    }
}

/// What an agent asks: its text and its data, as far as there are any. Files are neither read nor fetched.
pub(super) fn question(parts: Vec<Part>) -> Value {
    let mut asks = serde_json::Map::new();
    let text = words(&parts);
    if !text.is_empty() {
        asks.insert("text".to_owned(), json!(text));
    }
    let data: Vec<Value> = parts
        .into_iter()
        .filter_map(|part| match part {
            Part::Data(value) => Some(whole(value)),
            Part::Text(_) | Part::File => None,
        })
        .collect();
    match <[Value; 1]>::try_from(data) {
        Ok([one]) => drop(asks.insert("data".to_owned(), one)),
        Err(none) if none.is_empty() => {}
        Err(several) => drop(asks.insert("data".to_owned(), Value::Array(several))),
    }
    Value::Object(asks)
}

/// What the agent says in words.
pub(super) fn words(parts: &[Part]) -> String {
    let texts = parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.as_str()),
        Part::Data(_) | Part::File => None,
    });
    texts.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_made_of_parts() {
        let (data, text) = (|value| Part::Data(value), |text: &str| Part::Text(text.to_owned()));
        for (parts, wanted) in [
            (vec![data(json!({"score": 700.0, "rate": 0.5}))], Some(json!({"score": 700, "rate": 0.5}))),
            (vec![text("here"), data(json!([1.0, {"a": -0.0}]))], Some(json!([1, {"a": 0}]))),
            (vec![data(json!(1)), data(json!(2))], Some(json!([1, 2]))),
            (vec![text("one "), text("two")], Some(json!({"text": "one two"}))),
            (vec![text("{\"not\": \"read\"}")], Some(json!({"text": "{\"not\": \"read\"}"}))),
            (vec![Part::File], None),
            (vec![Part::File, text("see the file")], Some(json!({"text": "see the file"}))),
            (vec![], Some(Value::Null)),
        ] {
            assert_eq!(output(vec![parts]), wanted);
        }
        assert_eq!(output(vec![vec![text("a")], vec![], vec![text("b")]]), Some(json!({"text": "a\nb"})));
    }

    #[test]
    fn ids_of_tasks_are_short_and_harmless() {
        for (text, good) in
            [("t-1", true), ("a/b", true), ("", false), ("..", false), ("a b", false), ("\u{e4}", false)]
        {
            assert_eq!(TaskId::parse(text).is_some(), good, "{text}");
        }
        assert!(TaskId::parse(&"x".repeat(257)).is_none());
    }
}

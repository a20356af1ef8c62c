//! What an agent says, read out of bounded JSON: hostile until it stands in one of our own types.
//!
//! Members that we do not know are left alone, as the protocol asks; what we need is there and of its kind, or the
//! reply is malformed, with the place said. A task whose id and state can be read is a task even so, an odd one: it may
//! have to be called off.

use concordat_model::agent::A2aVersion;
use serde_json::Value;

use super::task::{Artifact, Heard, Part, State, Status, Task, TaskId, Told};
use crate::http::Malformed;
use crate::http::Protocol::A2a;

/// Reads the answer to a message.
pub(super) fn heard(value: Value, version: A2aVersion) -> Result<Heard, Malformed> {
    match told(value, version)? {
        Told::Whole(heard) => Ok(heard),
        Told::Status { .. } | Told::Artifact { .. } => {
            Err(A2a.wrong("an event stands where an answer is due"))
        }
    }
}

/// Reads one event of a stream. In 1.0 a member says what it is, in 0.3 its `kind`.
pub(super) fn told(value: Value, version: A2aVersion) -> Result<Told, Malformed> {
    let mut members = A2a.object(value, "the answer")?;
    let (kind, body) = match version {
        A2aVersion::V1 => {
            let known = ["task", "message", "statusUpdate", "artifactUpdate"];
            let mut found = known.iter().filter_map(|kind| members.remove(*kind).map(|body| (*kind, body)));
            match (found.next(), found.next()) {
                (Some(one), None) => one,
                (Some(_), Some(_)) => return Err(A2a.wrong("it is more than one of task, message and event")),
                (None, _) => return Err(A2a.wrong("it is neither a task nor a message nor an event")),
            }
        }
        A2aVersion::V03 => {
            let kind = match members.get("kind").and_then(Value::as_str) {
                Some("task") => "task",
                Some("message") => "message",
                Some("status-update") => "statusUpdate",
                Some("artifact-update") => "artifactUpdate",
                _ => return Err(A2a.wrong("its `kind` is neither a task nor a message nor an event")),
            };
            (kind, Value::Object(members))
        }
    };
    match kind {
        "task" => Ok(Told::Whole(Heard::Task(task(body, version)?))),
        "message" => {
            Ok(Told::Whole(Heard::Message(parts(A2a.object(body, "the message")?.remove("parts"))?)))
        }
        "statusUpdate" => {
            let mut update = A2a.object(body, "the event")?;
            let task = id(update.get("taskId"))?;
            let (status, odd) = status(update.remove("status"), version)?;
            Ok(Told::Status { task, status, odd })
        }
        _ => {
            let mut update = A2a.object(body, "the event")?;
            let append = update.get("append").and_then(Value::as_bool).unwrap_or_default();
            let artifact = artifact(update.remove("artifact").unwrap_or_default())?;
            Ok(Told::Artifact { task: id(update.get("taskId"))?, artifact, append })
        }
    }
}

/// Reads a task.
pub(super) fn task(value: Value, version: A2aVersion) -> Result<Task, Malformed> {
    let mut task = A2a.object(value, "the task")?;
    let (id, context) = (id(task.get("id"))?, known(task.get("contextId")));
    let (status, unsaid) = status(task.remove("status"), version)?;
    let (artifacts, unread) = apart(artifacts(task.remove("artifacts")));
    Ok(Task { id, context, status, artifacts, odd: unsaid.or(unread) })
}

fn artifacts(value: Option<Value>) -> Result<Vec<Artifact>, Malformed> {
    A2a.list(value, "`artifacts`")?.into_iter().map(artifact).collect()
}

/// What could be read, or why nothing could.
fn apart<T: Default>(read: Result<T, Malformed>) -> (T, Option<Malformed>) {
    match read {
        Ok(value) => (value, None),
        Err(why) => (T::default(), Some(why)),
    }
}

/// Reads the tasks of a context.
pub(super) fn tasks(value: Value, version: A2aVersion) -> Result<Vec<Task>, Malformed> {
    let listed = A2a.object(value, "the list of tasks")?.remove("tasks");
    A2a.list(listed, "`tasks`")?.into_iter().map(|one| task(one, version)).collect()
}

/// Where a task stands, and why what is said about that cannot be read if so.
fn status(value: Option<Value>, version: A2aVersion) -> Result<(Status, Option<Malformed>), Malformed> {
    let mut status = A2a.object(value.unwrap_or_default(), "the status of the task")?;
    let state = status.get("state").and_then(Value::as_str).and_then(|word| state(word, version));
    let state = state.ok_or_else(|| A2a.wrong("the state of the task is none that there is"))?;
    let ((said, message), odd) = apart(said(status.remove("message")));
    Ok((Status { state, said, message }, odd))
}

/// What an agent says about where a task stands, and the id of that.
fn said(value: Option<Value>) -> Result<(Vec<Part>, Option<TaskId>), Malformed> {
    match value {
        None | Some(Value::Null) => Ok((Vec::new(), None)),
        Some(message) => {
            let mut message = A2a.object(message, "the message of the status")?;
            Ok((parts(message.remove("parts"))?, known(message.get("messageId"))))
        }
    }
}

fn state(word: &str, version: A2aVersion) -> Option<State> {
    let plain = match version {
        A2aVersion::V1 => word.strip_prefix("TASK_STATE_")?.to_ascii_lowercase().replace('_', "-"),
        A2aVersion::V03 => word.to_owned(),
    };
    Some(match plain.as_str() {
        "submitted" => State::Submitted,
        "working" => State::Working,
        "completed" => State::Completed,
        "failed" => State::Failed,
        "canceled" => State::Canceled,
        "rejected" => State::Rejected,
        "input-required" => State::InputRequired,
        "auth-required" => State::AuthRequired,
        _ => return None,
    })
}

fn artifact(value: Value) -> Result<Artifact, Malformed> {
    let mut artifact = A2a.object(value, "the artifact")?;
    let id = artifact.get("artifactId").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(Artifact { id, parts: parts(artifact.remove("parts"))? })
}

fn parts(value: Option<Value>) -> Result<Vec<Part>, Malformed> {
    A2a.list(value, "`parts`")?.into_iter().map(part).collect()
}

/// One part: what it holds is said by the member that it has, in either version.
fn part(value: Value) -> Result<Part, Malformed> {
    let mut part = A2a.object(value, "a part")?;
    let known = ["data", "text", "raw", "url", "file"];
    let mut found = known.iter().filter_map(|kind| part.remove(*kind).map(|content| (*kind, content)));
    match (found.next(), found.next()) {
        (Some(("data", value)), None) => Ok(Part::Data(value)),
        (Some(("text", Value::String(text))), None) => Ok(Part::Text(text)),
        (Some(("text", _)), None) => Err(A2a.wrong("the `text` of a part is not text")),
        (Some(_), None) => Ok(Part::File),
        (Some(_), Some(_)) => Err(A2a.wrong("a part is more than one of data, text and file")),
        (None, _) => Err(A2a.wrong("a part is neither data nor text nor a file")),
    }
}

/// An id that we can do without.
fn known(value: Option<&Value>) -> Option<TaskId> {
    value.and_then(Value::as_str).and_then(TaskId::parse)
}

fn id(value: Option<&Value>) -> Result<TaskId, Malformed> {
    known(value).ok_or_else(|| A2a.wrong("the id of the task is not 1 to 256 visible ASCII characters"))
}

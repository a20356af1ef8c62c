//! What callers hear: a run as a task, in the protocol's words.
//!
//! The task's id is the run's. Its context is what its sender called the contract, or else the submission it came with.

use concordat_engine::{RunView, status};
use concordat_model::id::DecisionId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::context;
use crate::api::contracts::ContractDetail;
use crate::api::decisions::Reason;
use crate::app::App;
use crate::detail;
use crate::refusal::Refusal;
use crate::story::Story;

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum State {
    #[serde(rename = "TASK_STATE_SUBMITTED")]
    Submitted,
    #[serde(rename = "TASK_STATE_WORKING")]
    Working,
    #[serde(rename = "TASK_STATE_INPUT_REQUIRED")]
    InputRequired,
    #[serde(rename = "TASK_STATE_COMPLETED")]
    Completed,
    #[serde(rename = "TASK_STATE_FAILED")]
    Failed,
    #[serde(rename = "TASK_STATE_CANCELED")]
    Canceled,
    #[serde(rename = "TASK_STATE_REJECTED")]
    Rejected,
}

impl State {
    const ALL: [State; 7] = [
        State::Submitted,
        State::Working,
        State::InputRequired,
        State::Completed,
        State::Failed,
        State::Canceled,
        State::Rejected,
    ];

    /// What a status word of ours is called there.
    pub(super) fn of(status: &str) -> State {
        let found = State::ALL.into_iter().find(|state| state.statuses().contains(&status));
        found.unwrap_or(State::Working)
    }

    /// The state that the protocol calls so.
    pub(super) fn read(word: &str) -> Option<State> {
        serde_json::from_value(Value::String(word.to_owned())).ok()
    }

    /// The status words of ours that are called so.
    pub(super) fn statuses(self) -> &'static [&'static str] {
        match self {
            State::Submitted => &["received"],
            State::Working => &["running", "waiting", "paused", "closing", "undoing", "falling_back"],
            State::InputRequired => &["in_review"],
            State::Completed => &["completed"],
            State::Failed => &["failed", "undone"],
            State::Canceled => &["cancelled", "killed"],
            State::Rejected => &["denied", "rejected"],
        }
    }

    /// Whether nothing more happens to the task.
    pub(super) fn is_over(self) -> bool {
        matches!(self, State::Completed | State::Failed | State::Canceled | State::Rejected)
    }

    /// Whether a caller who waits is answered now.
    pub(super) fn is_settled(self) -> bool {
        self.is_over() || self == State::InputRequired
    }
}

/// A run in the protocol's words.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Task {
    pub(super) id: String,
    pub(super) context_id: String,
    pub(super) status: Status,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) artifacts: Vec<Artifact>,
    pub(super) metadata: Value,
}

/// Where a task stands, and what is said about that.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Status {
    pub(super) state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Value>,
    timestamp: String,
}

/// What a task has brought.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Artifact {
    artifact_id: &'static str,
    name: String,
    parts: Vec<Value>,
}

impl Task {
    /// A run as it stands.
    pub(super) fn of(app: &App, view: &RunView) -> Result<Task, Refusal> {
        let detail = detail::detail(view, &app.names())?;
        let state = State::of(&detail.row.status);
        let context = context(&detail);
        let said = Said::of(view, &detail, state)?;
        let message = said.map(|said| said.message(&detail.row.run, &context, view.records.len()));
        let last = view.records.last().map(|stored| stored.record.time().to_owned());
        Ok(Task {
            status: Status { state, message, timestamp: last.unwrap_or_default() },
            artifacts: artifact(&detail).into_iter().collect(),
            metadata: json!({"concordat": {
                "status": detail.row.status, "contract": detail.row.contract, "digest": detail.row.digest,
                "submission": detail.row.submission,
            }}),
            id: detail.row.run,
            context_id: context,
        })
    }

    /// When it came to where it stands.
    pub(super) fn since(&self) -> Option<jiff::Timestamp> {
        self.status.timestamp.parse().ok()
    }

    /// The change of its status, as streams tell it.
    pub(super) fn status_update(&self) -> Value {
        json!({"statusUpdate": {"taskId": self.id, "contextId": self.context_id, "status": self.status}})
    }

    /// What it has brought, as streams tell it.
    pub(super) fn artifact_updates(&self) -> impl Iterator<Item = Value> + '_ {
        self.artifacts.iter().map(|artifact| {
            json!({"artifactUpdate": {
                "taskId": self.id, "contextId": self.context_id, "artifact": artifact, "lastChunk": true,
            }})
        })
    }
}

/// The state of a run.
pub(super) fn state(view: &RunView) -> State {
    State::of(status(&view.run.state))
}

fn context(detail: &ContractDetail) -> String {
    if detail.row.label == detail.row.contract {
        detail.row.submission.clone()
    } else {
        context::context(&detail.row.label)
    }
}

fn artifact(detail: &ContractDetail) -> Option<Artifact> {
    let output = detail.output.as_ref()?;
    Some(Artifact {
        artifact_id: "output",
        name: detail.row.contract.clone(),
        parts: vec![json!({"data": output, "mediaType": "application/json"})],
    })
}

/// What is said about a task's state, for people and for programs.
struct Said {
    text: String,
    data: Option<Value>,
}

impl Said {
    fn of(view: &RunView, detail: &ContractDetail, state: State) -> Result<Option<Said>, Refusal> {
        let story = Story::read(view)?;
        Ok(match state {
            State::Submitted | State::Completed => None,
            State::InputRequired => Some(asked(&story, view, detail)),
            State::Working => working(&story, view, detail),
            State::Failed | State::Canceled | State::Rejected => stopped(&story, detail),
        })
    }

    fn message(self, run: &str, context: &str, records: usize) -> Value {
        let mut parts = vec![json!({"text": self.text, "mediaType": "text/plain"})];
        parts.extend(self.data.map(|data| json!({"data": data, "mediaType": "application/json"})));
        // The same each time it is told, so that whoever hears it twice knows.
        let id = format!("{run}.{records}");
        json!({
            "messageId": id, "taskId": run, "contextId": context, "role": "ROLE_AGENT", "parts": parts,
        })
    }
}

/// What people are asked: the input that is required is theirs, not the sender's.
fn asked(story: &Story, view: &RunView, detail: &ContractDetail) -> Said {
    let mut lines = Vec::new();
    let mut reviews = Vec::new();
    for (open, (_, known)) in detail.open_reviews.iter().zip(&view.run.state.reviews) {
        let reasons = reasons(story, known.decision);
        let why = match (&open.question, reasons.is_empty()) {
            (Some(question), _) => question.clone(),
            (None, false) => reasons.iter().map(|one| one.message.as_str()).collect::<Vec<_>>().join("; "),
            (None, true) => "nobody knows whether a step was done".to_owned(),
        };
        lines.push(format!("{} asks: {why}", open.id));
        reviews.push(json!({"review": open, "reasons": reasons}));
    }
    let text = format!(
        "people are asked before this goes on; a reviewer, never the sender, answers with `POST \
         /v1/reviews/{{review}}:decide`. {}",
        lines.join(". ")
    );
    Said { text, data: Some(json!({"reviews": reviews})) }
}

fn working(story: &Story, view: &RunView, detail: &ContractDetail) -> Option<Said> {
    let text = if let Some(pause) = &detail.pause {
        format!("`{}` paused it: {}", pause.by, pause.reason)
    } else if let Some(cause) = &detail.cause {
        format!("it stops: {}", cause.text)
    } else if detail.row.status == "waiting" {
        let nobody = |_| None;
        let waits: Vec<String> = detail::waiting(view, story, &nobody)
            .map(|(step, what)| format!("step `{step}` waits for {what}"))
            .collect();
        waits.join("; ")
    } else {
        return None;
    };
    (!text.is_empty()).then_some(Said { text, data: None })
}

fn stopped(story: &Story, detail: &ContractDetail) -> Option<Said> {
    let cause = detail.cause.as_ref()?;
    let failed = detail.step_list.iter().filter_map(|step| step.doing.error.as_ref());
    let behind = cause.decision.clone().or_else(|| failed.filter_map(|error| error.decision.clone()).next());
    let text = match &behind {
        Some(decision) => format!("{} (decision {decision})", cause.text),
        None => cause.text.clone(),
    };
    let reasons = reasons(story, behind.as_deref().and_then(|decision| decision.parse().ok()));
    let data = json!({
        "cause": cause, "undone": detail.undone, "notUndone": detail.not_undone, "decision": behind,
        "reasons": reasons,
    });
    Some(Said { text, data: Some(data) })
}

fn reasons(story: &Story, decision: Option<DecisionId>) -> Vec<Reason> {
    let decision = decision.and_then(|id| story.decision(id));
    decision.map(|decision| decision.answer.reasons().iter().map(Reason::from).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::State;

    #[test]
    fn each_status_has_one_state() {
        let all: Vec<&str> = State::ALL.iter().flat_map(|state| state.statuses()).copied().collect();
        for status in [
            "received",
            "in_review",
            "waiting",
            "running",
            "paused",
            "closing",
            "undoing",
            "falling_back",
            "completed",
            "denied",
            "rejected",
            "cancelled",
            "killed",
            "failed",
            "undone",
        ] {
            assert_eq!(all.iter().filter(|word| **word == status).count(), 1, "{status}");
            assert!(State::of(status).statuses().contains(&status), "{status}");
        }
        assert_eq!(all.len(), 15);
    }
}

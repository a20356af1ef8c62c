//! What an ending means to the engine: a result, a failure with its own code, or an outcome that nobody knows.
//!
//! | the agent | the engine learns |
//! |---|---|
//! | completed, or a message | a result |
//! | failed, rejected, canceled | a failure of the agent: `agent-error`, `agent-rejected`, `agent-canceled` |
//! | input required | its question, for people; the same task goes on with their answer |
//! | input required, with a question that is too large | a failure of the agent, `agent-question-too-large` |
//! | auth required, 401, 403 | a failure that is not its fault, `agent-auth-required`; the task is cancelled |
//! | nonsense | a failure of the agent, `agent-malformed`; a task that it has named and that has not ended is cancelled |
//! | out of time, and it confirms the cancellation | `agent-withdrawn`, of the kind timeout |
//! | the run was stopped, and it confirms the cancellation | `agent-withdrawn`, nobody's fault |
//! | out of time otherwise, a lost task, a broken line | nobody knows |
//!
//! Nobody is ever asked to type credentials into an answer: whoever runs the agents sets them for the agent, and has the
//! step tried again.

use std::time::Duration;

use concordat_engine::ports::{Arrival, Fault, Found, Withdrawal};
use concordat_model::contract::FailureKind;
use concordat_model::work::RemoteTask;

use super::client::{A2aClient, Ending, Inquiry, Sought, Traced};
use super::refusal::{Reason, Refusal};
use super::speech::{Interface, Order};
use super::task::{State, TaskId};
use crate::transport::{failure, troubled};

/// Has an order carried out; what is known then, in the engine's words.
pub(crate) async fn arrival(
    client: &A2aClient,
    at: &Interface,
    order: &Order,
    withdrawal: Withdrawal,
) -> Arrival {
    match client.carry_out_until(at, order, withdrawal).await {
        Ending::Done(value) => Arrival::Completed(value),
        Ending::Stopped { state, said } => stopped(state, &said),
        Ending::Withdrawn { within } => {
            let message = format!("the agent did not finish within {within:?}, and confirms that it stopped");
            failure(FailureKind::Timeout, Fault::Agent, "agent-withdrawn", message)
        }
        Ending::CalledOff => {
            let message = "the run was stopped, and the agent confirms that it stopped".to_owned();
            failure(FailureKind::Failed, Fault::Nobody, "agent-withdrawn", message)
        }
        Ending::Refused(refusal) => refused(refusal),
        Ending::Trouble(trouble) => troubled(&trouble),
        Ending::Lost { why } => Arrival::Unknown { message: why },
        Ending::Asked(Inquiry { question, task }) => Arrival::Asked { question, task },
        Ending::AskedTooMuch => {
            let message = "the agent asks more than anybody reads".to_owned();
            failure(FailureKind::Failed, Fault::Agent, "agent-question-too-large", message)
        }
    }
}

/// Tells an agent that nobody will answer what it asked.
pub(crate) async fn dismissed(client: &A2aClient, at: &Interface, task: &RemoteTask) {
    if let Some(id) = TaskId::parse(&task.id) {
        client.dismiss(at, &id, &format!("{}/off", task.context)).await;
    }
}

/// What became of the work of a context, in the engine's words.
pub(crate) async fn found(
    client: &A2aClient,
    at: &Interface,
    sought: &Sought<'_>,
    within: Duration,
) -> Found {
    match client.trace(at, sought, within).await {
        Traced::Done(value) => Found::Done(value),
        Traced::NotDone => Found::NotDone,
        Traced::Asked(Inquiry { question, task }) => Found::Asked { question, task },
        Traced::Unknown { why } => Found::Unknown { message: why },
    }
}

fn stopped(state: State, said: &str) -> Arrival {
    let (fault, code, what) = match state {
        State::Failed => (Fault::Agent, "agent-error", "the agent failed"),
        State::Rejected => (Fault::Agent, "agent-rejected", "the agent declines the work"),
        State::Canceled => (Fault::Agent, "agent-canceled", "the agent stopped by itself"),
        State::AuthRequired => (
            Fault::Ours,
            "agent-auth-required",
            "the agent asks for credentials: whoever runs the agents has to set them, and then the contract can be \
             retried from this step",
        ),
        State::Submitted | State::Working | State::Completed | State::InputRequired => {
            return Arrival::Unknown { message: "the task stands still in an odd state".to_owned() };
        }
    };
    let message = if said.is_empty() { what.to_owned() } else { format!("{what}: {said}") };
    failure(FailureKind::Failed, fault, code, message)
}

fn refused(refusal: Refusal) -> Arrival {
    let (kind, fault, code) = match refusal.reason {
        Reason::Busy => (FailureKind::Unavailable, Fault::Nobody, "agent-busy"),
        Reason::BadRequest => (FailureKind::Failed, Fault::Ours, "agent-bad-params"),
        Reason::ContentType => (FailureKind::Failed, Fault::Ours, "agent-content-type"),
        Reason::Credentials => (FailureKind::Failed, Fault::Ours, "agent-auth-required"),
        Reason::ExtensionRequired => (FailureKind::Failed, Fault::Ours, "agent-extension-required"),
        // Its registration is wrong about the interface, whoever wrote it.
        Reason::Version => (FailureKind::Failed, Fault::Ours, "agent-version"),
        Reason::Unsupported | Reason::NoSuchMethod | Reason::PushNotSupported | Reason::NoExtendedCard => {
            (FailureKind::Failed, Fault::Agent, "agent-unsupported")
        }
        Reason::TaskNotFound
        | Reason::TaskNotCancelable
        | Reason::InvalidAgentResponse
        | Reason::Internal
        | Reason::Other => (FailureKind::Failed, Fault::Agent, "agent-error"),
    };
    let retry_after_ms = refusal.retry_after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
    Arrival::Failed { kind, fault, code, message: refusal.message, retry_after_ms }
}

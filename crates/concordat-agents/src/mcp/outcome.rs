//! What an ending means to the engine: a result, a failure with its own code, or an outcome that nobody knows.
//!
//! | the server | the engine learns |
//! |---|---|
//! | a result | a result: what is structured, or the text |
//! | `isError` | a failure of the agent, `agent-error` |
//! | asks for input | a failure that is not its fault, `agent-input-required` |
//! | -32601 | it has no tools: a false claim, `agent-unknown-skill` |
//! | -32602, -32020 | a failure that is not its fault, `agent-bad-params` |
//! | -32022, no revision in common | a failure that is not its fault, `agent-version` |
//! | 401, 403 | a failure that is not its fault, `agent-auth-required` |
//! | trouble before the call | a failure: the work was not sent |
//! | out of time, a broken line, the run was stopped | nobody knows; the protocol has no word for having stopped |
//!
//! The protocol has -32602 for arguments that do not fit and for a tool that there is none of, and many servers say
//! `isError` for both; neither can be told apart here.

use concordat_engine::ports::{Arrival, Fault, Withdrawal};
use concordat_model::contract::FailureKind;

use super::client::{Ending, McpClient, VERSION};
use super::exchange::{Failure, Refusal};
use super::hearing::Heard;
use super::speech::Order;
use crate::egress::Endpoint;
use crate::http::{Trouble, tame};
use crate::transport::{failure, not_asked, troubled};

/// The longest text of a failure that is kept, in characters.
const MESSAGE: usize = 500;

/// Has an order carried out; what is known then, in the engine's words.
pub(crate) async fn arrival(
    client: &McpClient,
    at: &Endpoint,
    order: &Order,
    withdrawal: Withdrawal,
) -> Arrival {
    match client.carry_out(at, order, withdrawal).await {
        Ending::Heard(Heard::Done(value)) => Arrival::Completed(value),
        Ending::Heard(Heard::Failed(said)) => {
            let said = tame(&said, MESSAGE);
            let message = if said.is_empty() { "the tool failed".to_owned() } else { said };
            failure(FailureKind::Failed, Fault::Agent, "agent-error", message)
        }
        Ending::Heard(Heard::Asks) => {
            let message = "the server asks for more before it goes on".to_owned();
            failure(FailureKind::Failed, Fault::Ours, "agent-input-required", message)
        }
        Ending::Refused(refusal) => refused(refusal),
        Ending::Trouble(trouble) => troubled(&trouble),
        Ending::CalledOff => Arrival::Unknown {
            message: "the run was stopped, and the server told; whether it stopped is not known".to_owned(),
        },
        Ending::NotAsked => not_asked(),
        Ending::NotBegun(why) => not_begun(why),
        Ending::OtherVersion => {
            let message = "the server agrees to no revision of MCP that Concordat speaks".to_owned();
            failure(FailureKind::Failed, Fault::Ours, "agent-version", message)
        }
    }
}

/// The call was not sent: whatever came instead of an answer leaves nothing open.
fn not_begun(why: Failure) -> Arrival {
    let before = |message: String| format!("before the work was sent: {message}");
    match why {
        Failure::Refused(refusal) => {
            let message = before(refusal.message);
            refused(Refusal { message, ..refusal })
        }
        Failure::Trouble(Trouble::Malformed(why)) => {
            failure(FailureKind::Failed, Fault::Agent, "agent-malformed", before(why.to_string()))
        }
        Failure::Trouble(Trouble::Unknown(why)) => failure(
            FailureKind::Unavailable,
            Fault::Unreachable,
            "agent-unreachable",
            before(why.to_string()),
        ),
        Failure::Trouble(trouble @ Trouble::NotSent(_)) => troubled(&trouble),
    }
}

fn refused(refusal: Refusal) -> Arrival {
    let Refusal { code, status, busy, message, retry_after } = refusal;
    let (kind, fault, code) = match (code, status) {
        _ if busy => (FailureKind::Unavailable, Fault::Nobody, "agent-busy"),
        (_, 401 | 403 | 407) => (FailureKind::Failed, Fault::Ours, "agent-auth-required"),
        (Some(-32601), _) => (FailureKind::Failed, Fault::FalseClaim, "agent-unknown-skill"),
        (Some(-32602 | -32020), _) => (FailureKind::Failed, Fault::Ours, "agent-bad-params"),
        (Some(VERSION), _) => (FailureKind::Failed, Fault::Ours, "agent-version"),
        (Some(-32021 | -32042), _) => (FailureKind::Failed, Fault::Ours, "agent-input-required"),
        _ => (FailureKind::Failed, Fault::Agent, "agent-error"),
    };
    let retry_after_ms = retry_after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
    Arrival::Failed { kind, fault, code, message, retry_after_ms }
}

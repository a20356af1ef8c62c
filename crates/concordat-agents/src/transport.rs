//! The engine's way to agents: permitted work becomes a call, and what is known afterwards an arrival.

use std::time::Duration;

use async_trait::async_trait;
use concordat_engine::ports::{AgentTransport, Arrival, Dispatch, Fault};
use concordat_model::contract::FailureKind;
use concordat_model::work::Assignment;

use crate::egress::{Egress, Endpoint};
use crate::execute::{Answer, Call, ExecuteClient, Limits, Refusal, RefusalKind};

/// Agents that are reached over HTTP.
pub struct HttpAgents {
    client: ExecuteClient,
    egress: Egress,
}

impl HttpAgents {
    /// Agents at addresses that `egress` allows. How long an agent may work is for the step to say, so the wait
    /// for the first byte has no bound of its own.
    #[must_use]
    pub fn new(egress: Egress) -> HttpAgents {
        let limits = Limits { first_byte: Duration::from_secs(30 * 24 * 60 * 60), ..Limits::default() };
        HttpAgents { client: ExecuteClient::new(limits, egress.clone()), egress }
    }
}

#[async_trait]
impl AgentTransport for HttpAgents {
    async fn dispatch(&self, dispatch: Dispatch) -> Arrival {
        match call(&dispatch) {
            Ok(call) => arrival(self.client.call(&call).await),
            Err(why) => not_sent(why),
        }
    }

    fn accepts(&self, url: &str) -> Result<(), String> {
        let endpoint = Endpoint::parse(url).map_err(|error| error.to_string())?;
        self.egress.check(&endpoint).map_err(|error| error.to_string())
    }
}

fn call(dispatch: &Dispatch) -> Result<Call, String> {
    let Assignment { work, binding, decision, .. } = dispatch.work.get();
    Ok(Call {
        endpoint: Endpoint::parse(binding.url()).map_err(|error| error.to_string())?,
        method: work.skill.to_string(),
        params: work.params.as_ref().clone(),
        id: decision.to_string(),
        decision_id: decision.to_string(),
        idempotency_key: work.idempotency_key(),
        deadline: work.timeout.duration(),
        traceparent: Some(traceparent(dispatch.work.get())),
        log_size: Some(dispatch.log_size),
        attempt: work.attempt.number,
        run: work.run.to_string(),
        step: work.attempt.step.to_string(),
    })
}

/// The W3C trace context: the trace is the run, the parent span is the decision.
fn traceparent(assignment: &Assignment) -> String {
    let span = assignment.decision.uuid().as_u128() & u128::from(u64::MAX);
    format!("00-{:032x}-{:016x}-01", assignment.work.run.uuid().as_u128(), span.max(1))
}

fn not_sent(message: String) -> Arrival {
    let (kind, fault) = (FailureKind::Unavailable, Fault::Unreachable);
    Arrival::Failed { kind, fault, code: "agent-unreachable", message, retry_after_ms: None }
}

fn arrival(answer: Answer) -> Arrival {
    match answer {
        Answer::Completed(value) => Arrival::Completed(value),
        Answer::Refused(refusal) => refused(refusal),
        Answer::Malformed(why) => Arrival::Failed {
            kind: FailureKind::Malformed,
            fault: Fault::Agent,
            code: "agent-malformed",
            message: why.to_string(),
            retry_after_ms: None,
        },
        Answer::NotSent(why) => not_sent(why.to_string()),
        Answer::Unknown(why) => Arrival::Unknown { message: why.to_string() },
    }
}

fn refused(refusal: Refusal) -> Arrival {
    let (kind, fault, code) = match refusal.kind {
        RefusalKind::UnknownSkill => (FailureKind::Failed, Fault::FalseClaim, "agent-unknown-skill"),
        RefusalKind::BadParams => (FailureKind::Failed, Fault::Ours, "agent-bad-params"),
        RefusalKind::Busy => (FailureKind::Unavailable, Fault::Nobody, "agent-busy"),
        RefusalKind::Failed => (FailureKind::Failed, Fault::Agent, "agent-error"),
    };
    let retry_after_ms = refusal.retry_after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
    Arrival::Failed { kind, fault, code, message: refusal.message, retry_after_ms }
}

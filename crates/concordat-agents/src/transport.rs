//! The engine's way to agents: permitted work becomes a call, and what is known afterwards an arrival.

use std::time::Duration;

use async_trait::async_trait;
use concordat_engine::ports::{AgentTransport, Arrival, Dispatch, Fault, Found, Lost};
use concordat_model::agent::{Binding, OUTCOME};
use concordat_model::contract::FailureKind;
use concordat_model::span::Span;
use concordat_model::work::Assignment;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::egress::{Egress, Endpoint};
use crate::execute::{Answer, Call, ExecuteClient, Limits, Refusal, RefusalKind};

/// Agents that are reached over HTTP.
pub struct HttpAgents {
    client: ExecuteClient,
    egress: Egress,
}

impl HttpAgents {
    /// Agents at addresses that `egress` allows. How long an agent may work is for the step to say, and for its
    /// registration how long its answer may take to begin.
    #[must_use]
    pub fn new(egress: Egress) -> HttpAgents {
        HttpAgents { client: ExecuteClient::new(Limits::default(), egress.clone()), egress }
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

    async fn reconcile(&self, lost: Lost) -> Found {
        match question(&lost) {
            Ok(call) => found(self.client.call(&call).await),
            Err(message) => Found::Unknown { message },
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
        first_byte: first_byte(binding),
        traceparent: Some(traceparent(dispatch.work.get())),
        log_size: Some(dispatch.log_size),
        attempt: work.attempt.number,
        run: work.run.to_string(),
        step: work.attempt.step.to_string(),
    })
}

fn first_byte(binding: &Binding) -> Option<Duration> {
    match binding {
        Binding::Execute { first_byte, .. } => first_byte.map(Span::duration),
    }
}

/// How long an agent may take to say what became of work.
const QUESTION: Duration = Duration::from_secs(5);

/// A question under a name of its own, so that nobody takes it for the work that it is about.
fn question(lost: &Lost) -> Result<Call, String> {
    let Lost { work, binding, decision } = lost;
    let params = json!({
        "idempotencyKey": work.idempotency_key,
        "skill": work.skill,
        "run": work.run,
        "step": work.attempt.step,
        "attempt": work.attempt.number,
    });
    Ok(Call {
        endpoint: Endpoint::parse(binding.url()).map_err(|error| error.to_string())?,
        method: OUTCOME.to_owned(),
        params,
        id: format!("{decision}/{OUTCOME}"),
        decision_id: decision.to_string(),
        idempotency_key: format!("{}/{OUTCOME}", work.idempotency_key),
        deadline: QUESTION,
        first_byte: None,
        traceparent: None,
        log_size: None,
        attempt: work.attempt.number,
        run: work.run.to_string(),
        step: work.attempt.step.to_string(),
    })
}

/// What an agent may say about lost work.
#[derive(Deserialize)]
#[serde(tag = "state", rename_all = "snake_case", deny_unknown_fields)]
enum Said {
    Done { output: Value },
    NotDone {},
    Unknown {},
}

fn found(answer: Answer) -> Found {
    let unknown = |message: String| Found::Unknown { message };
    match answer {
        Answer::Completed(value) => match serde_json::from_value(value) {
            Ok(Said::Done { output }) => Found::Done(output),
            Ok(Said::NotDone {}) => Found::NotDone,
            Ok(Said::Unknown {}) => unknown("the agent does not know".to_owned()),
            Err(_) => unknown(
                "the agent says neither `done` with an `output`, nor `not_done`, nor `unknown`".to_owned(),
            ),
        },
        Answer::Refused(Refusal { kind: RefusalKind::UnknownSkill, .. }) => unknown(format!(
            "the agent does not have the method `{OUTCOME}`, although its registration says so"
        )),
        Answer::Refused(refusal) => unknown(format!("the agent refuses to say: {}", refusal.message)),
        Answer::Malformed(why) => unknown(why.to_string()),
        Answer::NotSent(why) => unknown(why.to_string()),
        Answer::Unknown(why) => unknown(why.to_string()),
    }
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

#[cfg(test)]
mod tests {
    use concordat_engine::ports::LostWork;
    use concordat_model::id::{DecisionId, RunId};
    use concordat_model::work::{Attempt, Leg};
    use tokio::net::TcpListener;

    use super::*;
    use crate::execute::testing::{read_request, reply};

    /// Asks an agent that answers the question with `said`; what was found, and what was asked.
    async fn ask(said: &str) -> (Found, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let said = said.to_owned();
        let asked = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let request = read_request(&mut stream).await.unwrap();
            let (_, body) = request.split_once("\r\n\r\n").unwrap();
            let id: Value = serde_json::from_str(body).unwrap();
            reply(&mut stream, &format!(r#"{{"jsonrpc":"2.0","id":{},{said}}}"#, id["id"])).await;
            request
        });
        let lost = Lost {
            work: LostWork {
                run: RunId::new(uuid::Uuid::from_u128(1)),
                attempt: Attempt { step: "pay".parse().unwrap(), leg: Leg::Do, number: 2 },
                skill: "pay".parse().unwrap(),
                idempotency_key: "run_1/pay/do".to_owned(),
            },
            binding: Binding::Execute { url, first_byte: None, reconciles: true },
            decision: DecisionId::new(uuid::Uuid::from_u128(2)),
        };
        let agents = HttpAgents::new(Egress { allow_loopback: true, ..Egress::default() });
        (agents.reconcile(lost).await, asked.await.unwrap())
    }

    #[tokio::test]
    async fn an_agent_says_what_became_of_work() {
        let unknown = |message: &str| Found::Unknown { message: message.to_owned() };
        let neither =
            unknown("the agent says neither `done` with an `output`, nor `not_done`, nor `unknown`");
        for (said, found) in [
            (r#""result":{"state":"done","output":{"paid":7}}"#, Found::Done(json!({"paid": 7}))),
            (r#""result":{"state":"done","output":null}"#, Found::Done(Value::Null)),
            (r#""result":{"state":"not_done"}"#, Found::NotDone),
            (r#""result":{"state":"unknown"}"#, unknown("the agent does not know")),
            (r#""result":{"state":"done"}"#, neither.clone()),
            (r#""result":{"state":"not_done","output":1}"#, neither.clone()),
            (r#""result":{"state":"perhaps"}"#, neither.clone()),
            (r#""result":"done""#, neither),
            (
                r#""error":{"code":-32601,"message":"?"}"#,
                unknown("the agent does not have the method `outcome`, although its registration says so"),
            ),
            (r#""error":{"code":1,"message":"no"}"#, unknown("the agent refuses to say: no")),
            (
                r#""nothing":1"#,
                unknown("the agent's reply is not a JSON-RPC 2.0 response: neither `result` nor `error`"),
            ),
        ] {
            assert_eq!(ask(said).await.0, found, "{said}");
        }
    }

    #[tokio::test]
    async fn the_question_does_not_look_like_the_work() {
        let (_, request) = ask(r#""result":{"state":"not_done"}"#).await;
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("idempotency-key: run_1/pay/do/outcome"), "{head}");
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(
            (&body["method"], &body["params"]["idempotencyKey"]),
            (&json!("outcome"), &json!("run_1/pay/do"))
        );
        assert_eq!((&body["params"]["step"], &body["params"]["attempt"]), (&json!("pay"), &json!(2)));
    }
}

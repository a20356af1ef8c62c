//! The engine's way to agents: permitted work becomes a call, and what is known afterwards an arrival.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use concordat_engine::ports::{
    AgentTransport, Arrival, CardDraft, CardProtocol, CardWanted, Dispatch, Fault, Forsaken, Found, Known,
    Lost, NotTold, Notice, Webhook,
};
use concordat_model::agent::{A2aAnswers, A2aVersion, Binding, OUTCOME};
use concordat_model::contract::FailureKind;
use concordat_model::span::Span;
use concordat_model::work::{Assignment, Attempt, Telling};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::a2a::{self, A2aClient, Hints, Interface, Order};
use crate::credentials::Credentials;
use crate::egress::{Egress, Endpoint};
use crate::execute::{Answer, Call, ExecuteClient, Refusal, RefusalKind};
use crate::http::{Http, Limits, NotSent, Trouble};
use crate::mcp::{self, McpClient};
use crate::webhook::Webhooks;

/// Agents that are reached over HTTP.
pub struct HttpAgents {
    execute: ExecuteClient,
    a2a: A2aClient,
    mcp: McpClient,
    http: Arc<Http>,
    egress: Egress,
    webhooks: Webhooks,
    hints: Hints,
}

impl HttpAgents {
    /// Agents at addresses that `egress` allows. How long an agent may work is for the step to say, and for its
    /// registration how long its answer may take to begin.
    #[must_use]
    pub fn new(egress: Egress) -> HttpAgents {
        HttpAgents::known_by(egress, Credentials::default())
    }

    /// The same, for agents that want to know who asks.
    #[must_use]
    pub fn known_by(egress: Egress, credentials: Credentials) -> HttpAgents {
        let http = Arc::new(Http::known_by(Limits::default(), egress.clone(), credentials));
        HttpAgents {
            execute: ExecuteClient::over(http.clone()),
            a2a: A2aClient::over(http.clone()),
            mcp: McpClient::over(http.clone()),
            http,
            webhooks: Webhooks::new(egress.clone()),
            hints: Hints::default(),
            egress,
        }
    }

    /// The same, where agents that can call us when something has happened reach us at this address.
    #[must_use]
    pub fn reached_at(self, public_url: &str) -> HttpAgents {
        HttpAgents { hints: Hints::at(public_url), ..self }
    }
}

#[async_trait]
impl AgentTransport for HttpAgents {
    async fn dispatch(&self, dispatch: Dispatch) -> Arrival {
        if dispatch.withdrawal.is_ordered() {
            return not_asked();
        }
        let binding = &dispatch.work.get().binding;
        if dispatch.work.get().work.telling.is_some() && !matches!(binding, Binding::A2a { .. }) {
            let message = "an agent of this binding asks nothing, so it is told no answer".to_owned();
            return failure(FailureKind::Failed, Fault::Ours, "agent-not-asked", message);
        }
        let own = match own(dispatch.known.as_ref()) {
            Ok(own) => own,
            Err(why) => return failure(FailureKind::Unavailable, Fault::Nobody, "agent-no-credentials", why),
        };
        let work = match way(&dispatch.work.get().binding, own) {
            Ok(way) => way,
            Err(why) => return not_sent(why),
        };
        match work {
            Way::Execute { endpoint, first_byte } => {
                arrival(self.execute.call(&call(&dispatch, endpoint, first_byte)).await)
            }
            Way::A2a(interface) => {
                let calls_us =
                    (interface.answers, interface.version) == (A2aAnswers::Pushing, A2aVersion::V1);
                let push = calls_us.then(|| self.hints.invite()).flatten();
                let order = Order { push, ..order(&dispatch) };
                if dispatch.work.get().work.telling.is_some() && order.answer.is_none() {
                    return not_sent("the agent's name for the work cannot be said again".to_owned());
                }
                a2a::arrival(&self.a2a, &interface, &order, dispatch.withdrawal).await
            }
            Way::Mcp(endpoint) => match errand(&dispatch) {
                Some(errand) => mcp::arrival(&self.mcp, &endpoint, &errand, dispatch.withdrawal).await,
                None => {
                    let message = "a tool takes an object, and the step gives something else".to_owned();
                    failure(FailureKind::Failed, Fault::Ours, "agent-bad-params", message)
                }
            },
        }
    }

    async fn reconcile(&self, lost: Lost) -> Found {
        let way = own(lost.known.as_ref()).and_then(|own| way(&lost.binding, own));
        match way {
            Ok(Way::Execute { endpoint, .. }) => found(self.execute.call(&question(&lost, endpoint)).await),
            Ok(Way::A2a(interface)) => {
                let Lost { work, decision, task, patience, .. } = &lost;
                let (context, id) =
                    (context(&work.idempotency_key, &work.attempt), format!("{decision}/lost"));
                let context = task.as_ref().map_or(&context, |task| &task.context);
                let answer = task.as_ref().and_then(|task| a2a::Answer::of(task, Value::Null));
                let sought = a2a::Sought { context, id: &id, answer: answer.as_ref() };
                let within = patience.map_or(QUESTION, Span::duration);
                a2a::found(&self.a2a, &interface, &sought, within).await
            }
            Ok(Way::Mcp(_)) => Found::Unknown { message: "MCP has nothing to ask by".to_owned() },
            Err(message) => Found::Unknown { message },
        }
    }

    async fn call_off(&self, forsaken: Forsaken) {
        let way = own(forsaken.known.as_ref()).and_then(|own| way(&forsaken.binding, own));
        if let Ok(Way::A2a(interface)) = way {
            a2a::dismissed(&self.a2a, &interface, &forsaken.task).await;
        }
    }

    async fn describe(&self, wanted: CardWanted) -> Result<CardDraft, String> {
        match wanted.protocol {
            CardProtocol::A2a => a2a::import(&self.http, &wanted).await.map_err(|error| error.to_string()),
            CardProtocol::Mcp => mcp::import(&self.mcp, &wanted).await,
        }
    }

    fn accepts(&self, url: &str) -> Result<(), String> {
        let endpoint = Endpoint::parse(url).map_err(|error| error.to_string())?;
        self.egress.check(&endpoint).map_err(|error| error.to_string())
    }

    fn hears(&self, webhook: &Webhook) -> Result<(), String> {
        self.webhooks.hears(webhook)
    }

    fn knows(&self, credentials: &str, name: &str) -> Result<Known, String> {
        Credentials::apart(credentials, name).map(Known::of).map_err(|error| error.to_string())
    }

    fn hinted(&self, token: &str) -> bool {
        self.hints.take(token)
    }

    async fn notify(&self, notice: Notice) -> Result<(), NotTold> {
        self.webhooks.notify(notice).await
    }
}

/// What an agent knows us by, if that is its own. Whoever keeps it keeps the tokens that were fetched with it.
fn own(known: Option<&Known>) -> Result<Option<Credentials>, String> {
    let Some(known) = known else { return Ok(None) };
    let read = known.read::<Credentials>().cloned();
    read.map(Some).ok_or_else(|| "the agent's credentials were read for another transport".to_owned())
}

/// A binding whose address was read.
enum Way {
    Execute { endpoint: Endpoint, first_byte: Option<Duration> },
    A2a(Interface),
    Mcp(Endpoint),
}

fn way(binding: &Binding, own: Option<Credentials>) -> Result<Way, String> {
    let endpoint = Endpoint::parse(binding.url()).map_err(|error| error.to_string())?.known_by(own);
    Ok(match binding {
        Binding::Execute { first_byte, .. } => {
            Way::Execute { endpoint, first_byte: first_byte.map(Span::duration) }
        }
        Binding::A2a { protocol, version, tenant, answers, .. } => Way::A2a(Interface {
            endpoint,
            protocol: *protocol,
            version: *version,
            tenant: tenant.clone(),
            answers: *answers,
        }),
        Binding::Mcp { .. } => Way::Mcp(endpoint),
    })
}

fn call(dispatch: &Dispatch, endpoint: Endpoint, first_byte: Option<Duration>) -> Call {
    let Assignment { work, decision, .. } = dispatch.work.get();
    Call {
        endpoint,
        method: work.skill.to_string(),
        params: work.params.as_ref().clone(),
        id: decision.to_string(),
        decision_id: decision.to_string(),
        idempotency_key: work.idempotency_key(),
        deadline: work.timeout.duration(),
        first_byte,
        traceparent: Some(traceparent(dispatch.work.get())),
        log_size: Some(dispatch.log_size),
        attempt: work.attempt.number,
        run: work.run.to_string(),
        step: work.attempt.step.to_string(),
    }
}

fn order(dispatch: &Dispatch) -> Order {
    let Assignment { work, decision, .. } = dispatch.work.get();
    let context = context(&work.idempotency_key(), &work.attempt);
    let (idempotency_key, context, answer) = match work.telling.as_deref() {
        None => (work.idempotency_key(), context, None),
        // The same whenever this answer is told, and no other message's.
        Some(Telling { task, nth, answer, .. }) => (
            format!("{context}/answer/{nth}"),
            task.context.clone(),
            a2a::Answer::of(task, answer.as_ref().clone()),
        ),
    };
    Order {
        skill: work.skill.to_string(),
        params: work.params.as_ref().clone(),
        answer,
        context,
        idempotency_key,
        decision: decision.to_string(),
        run: work.run.to_string(),
        step: work.attempt.step.to_string(),
        attempt: work.attempt.number,
        log_size: dispatch.log_size,
        traceparent: traceparent(dispatch.work.get()),
        deadline: work.timeout.duration(),
        push: None,
    }
}

/// Work for an MCP server; none when its parameters are no arguments.
fn errand(dispatch: &Dispatch) -> Option<mcp::Order> {
    let Assignment { work, decision, .. } = dispatch.work.get();
    Some(mcp::Order {
        skill: work.skill.to_string(),
        params: work.params.as_object()?.clone(),
        idempotency_key: work.idempotency_key(),
        decision: decision.to_string(),
        run: work.run.to_string(),
        step: work.attempt.step.to_string(),
        attempt: work.attempt.number,
        log_size: dispatch.log_size,
        traceparent: traceparent(dispatch.work.get()),
        deadline: work.timeout.duration(),
    })
}

/// The name by which one attempt is found again at an A2A agent: earlier attempts have tasks of their own.
fn context(idempotency_key: &str, attempt: &Attempt) -> String {
    format!("{idempotency_key}/{}", attempt.number)
}

/// How long an agent may take to say what became of work.
const QUESTION: Duration = Duration::from_secs(5);

/// A question under a name of its own, so that nobody takes it for the work that it is about.
fn question(lost: &Lost, endpoint: Endpoint) -> Call {
    let Lost { work, decision, .. } = lost;
    let params = json!({
        "idempotencyKey": work.idempotency_key,
        "skill": work.skill,
        "run": work.run,
        "step": work.attempt.step,
        "attempt": work.attempt.number,
    });
    Call {
        endpoint,
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
    }
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

/// Nobody wanted the work any longer before it was sent.
pub(crate) fn not_asked() -> Arrival {
    let message = "the run was stopped before the work was sent".to_owned();
    failure(FailureKind::Unavailable, Fault::Nobody, "agent-not-asked", message)
}

fn not_sent(message: String) -> Arrival {
    failure(FailureKind::Unavailable, Fault::Unreachable, "agent-unreachable", message)
}

/// What it means that no reply could be read, by whichever binding.
pub(crate) fn troubled(trouble: &Trouble) -> Arrival {
    let message = trouble.to_string();
    match trouble {
        Trouble::Malformed(_) => failure(FailureKind::Malformed, Fault::Agent, "agent-malformed", message),
        // The agent has no part in that.
        Trouble::NotSent(NotSent::Token { .. }) => {
            failure(FailureKind::Unavailable, Fault::Nobody, "agent-no-token", message)
        }
        Trouble::NotSent(_) => not_sent(message),
        Trouble::Unknown(_) => Arrival::Unknown { message },
    }
}

pub(crate) fn failure(kind: FailureKind, fault: Fault, code: &'static str, message: String) -> Arrival {
    Arrival::Failed { kind, fault, code, message, retry_after_ms: None }
}

fn arrival(answer: Answer) -> Arrival {
    match answer {
        Answer::Completed(value) => Arrival::Completed(value),
        Answer::Refused(refusal) => refused(refusal),
        Answer::Malformed(why) => troubled(&why.into()),
        Answer::NotSent(why) => troubled(&why.into()),
        Answer::Unknown(why) => troubled(&why.into()),
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
    use concordat_model::id::{AgentId, DecisionId, RunId};
    use concordat_model::work::Leg;
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
            task: None,
            patience: None,
            agent: AgentId::new(uuid::Uuid::from_u128(3)),
            known: None,
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

//! The API over a real engine, real policies and a real database; only the agents are made up.

mod a2a;
mod agents;
mod asked;
mod auth;
mod cards;
mod description;
mod documents;
mod lives;
mod mcp;
mod opa;
mod orders;
mod policies;
mod proofs;
mod reports;
mod shapes;
mod wire;

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::response::Response;
use concordat_classify::Classifier;
use concordat_engine::ports::{AgentTransport, Arrival, Dispatch, Fault, Forsaken, SystemClock};
use concordat_engine::{Engine, Parts};
use concordat_ledger::Signer;
use concordat_model::contract::FailureKind;
use concordat_model::payload::Secret;
use concordat_model::principal::{Principal, Role};
use concordat_model::safe::Safe;
use concordat_model::template::Templates;
use concordat_model::work::{Assignment, RemoteTask};
use concordat_policy::{Bundle, Policy};
use concordat_store::{Signing, Sqlite};
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::app::Config;

/// Agents that answer at once: the skill says how. They remember which of their tasks were called off.
struct Puppets(Arc<parking_lot::Mutex<Vec<String>>>);

/// What an agent does that asks once, or for ever.
fn asks(given: &Assignment) -> Arrival {
    let id = format!("{}-{}", given.work.attempt.step, given.work.skill);
    match &given.work.telling {
        Some(told) if given.work.skill.as_str() == "ask" => {
            assert_eq!((told.task.id.as_str(), told.nth), (id.as_str(), 1));
            Arrival::Completed(json!({"told": told.answer}))
        }
        _ => Arrival::Asked {
            question: json!({"text": "which\nyear?", "data": {"from": 2020}}),
            task: RemoteTask { id, context: "c".to_owned(), asked: None },
        },
    }
}

#[async_trait]
impl AgentTransport for Puppets {
    async fn dispatch(&self, work: Dispatch) -> Arrival {
        match work.work.get().work.skill.as_str() {
            "fail" => Arrival::Failed {
                kind: FailureKind::Failed,
                fault: Fault::Agent,
                code: "agent-error",
                message: "the card was declined".to_owned(),
                retry_after_ms: None,
            },
            "hang" => std::future::pending().await,
            "ask" | "nag" => asks(work.work.get()),
            "lose" => Arrival::Unknown { message: "the connection broke".to_owned() },
            "differ" if work.work.get().binding.url().ends_with("/lost") => {
                Arrival::Unknown { message: "the connection broke".to_owned() }
            }
            "differ" if work.work.get().binding.url().ends_with("/odd") => {
                Arrival::Completed(json!({"ok": false}))
            }
            _ => Arrival::Completed(json!({"ok": true})),
        }
    }

    async fn call_off(&self, forsaken: Forsaken) {
        self.0.lock().push(forsaken.task.id);
    }

    fn accepts(&self, url: &str) -> Result<(), String> {
        if url.starts_with("http://agent.test") {
            Ok(())
        } else {
            Err("only agent.test may be contacted".to_owned())
        }
    }
}

/// A server with keys for a few people, and an agent.
struct Server {
    engine: Engine,
    router: Router,
    admin: String,
    /// The agents' tasks that were called off.
    dismissed: Arc<parking_lot::Mutex<Vec<String>>>,
    _place: tempfile::TempDir,
}

/// What came back.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: http::HeaderMap,
    body: Value,
    text: String,
}

fn principal(name: &str, tenant: &str, roles: &[Role]) -> Principal {
    Principal { name: name.parse().unwrap(), tenant: tenant.parse().unwrap(), roles: roles.to_vec() }
}

impl Server {
    async fn start() -> Server {
        Server::with(&Config::default()).await
    }

    async fn with(config: &Config) -> Server {
        Server::under(config, &Bundle::standard()).await
    }

    async fn under(config: &Config, bundle: &Bundle) -> Server {
        let place = tempfile::tempdir().unwrap();
        let signer = Signer::from_seed("concordat.test/log", &[7; 32]).unwrap();
        let store = Sqlite::open(&place.path().join("log.db"), Signing::by(signer)).await.unwrap();
        let mut templates = Templates::default();
        templates
            .add(serde_json::from_value(contract("lend", &json!([{"id": "a", "skill": "work"}]))).unwrap());
        let dismissed: Arc<parking_lot::Mutex<Vec<String>>> = Arc::default();
        let engine = Engine::start(Parts {
            store: Arc::new(store),
            transport: Arc::new(Puppets(dismissed.clone())),
            clock: Arc::new(SystemClock),
            policy: Policy::load(bundle).unwrap(),
            classifier: Classifier::standard().unwrap(),
            templates,
            instance: "test".to_owned(),
            install_policy: false,
            inspect: concordat_engine::inspect_here(),
            review_expiry: "1h".parse().unwrap(),
            bounds: concordat_engine::Bounds::default(),
            settings: json!({}),
            safe: Safe::new(Secret::new([7; 32])),
        })
        .await
        .unwrap();
        let admin = engine.first_key(principal("root", "acme", &[Role::Admin])).await.unwrap().unwrap().text;
        let router = crate::router(engine.clone(), config);
        let server = Server { engine, router, admin, dismissed, _place: place };
        server.register("worker", &["work", "undo", "fail", "hang", "lose"]).await;
        server
    }

    async fn register(&self, name: &str, skills: &[&str]) {
        let skills: Vec<Value> = skills.iter().map(|skill| json!({"name": skill})).collect();
        let agent = json!({
            "name": name, "owner": "acme", "binding": {"type": "execute", "url": "http://agent.test"},
            "domains": ["finance"], "skills": skills,
        });
        let answer = self.post(&self.admin, "/v1/agents", &agent).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }

    async fn key(&self, name: &str, tenant: &str, roles: &[Role]) -> String {
        let caller = self.engine.recognise(&self.admin).unwrap();
        match tenant {
            "acme" => self.engine.create_key(&caller, principal(name, tenant, roles)).await.unwrap().text,
            // Only an administrator of an organisation makes its keys.
            _ => {
                let mut foreign = caller.clone();
                foreign.principal = principal("root", tenant, &[Role::Admin]);
                self.engine.create_key(&foreign, principal(name, tenant, roles)).await.unwrap().text
            }
        }
    }

    async fn raw(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.raw(request).await;
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: serde_json::from_str(&text).unwrap_or(Value::Null),
            text,
        }
    }

    async fn get(&self, key: &str, path: &str) -> Answer {
        self.send(request("GET", path, Some(key)).body(Body::empty()).unwrap()).await
    }

    async fn post(&self, key: &str, path: &str, body: &Value) -> Answer {
        self.send(posted(path, key, body, None)).await
    }

    async fn put(&self, key: &str, path: &str, body: &Value) -> Answer {
        let request = request("PUT", path, Some(key)).header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// Sends a contract and gives its run.
    async fn submit(&self, key: &str, idempotency: &str, document: &Value) -> String {
        let answer = self.send(posted("/v1/contracts", key, document, Some(idempotency))).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        answer.body["contracts"][0]["run"].as_str().unwrap().to_owned()
    }

    /// Waits until a contract's status is one of these.
    async fn settled(&self, key: &str, run: &str, wanted: &[&str]) -> Value {
        let mut grown = self.engine.log_size();
        loop {
            grown.borrow_and_update();
            let detail = self.get(key, &format!("/v1/contracts/{run}")).await.body;
            if wanted.contains(&detail["status"].as_str().unwrap_or("?")) {
                return detail;
            }
            let patience = std::time::Duration::from_secs(20);
            let grew = tokio::time::timeout(patience, grown.changed()).await;
            grew.unwrap_or_else(|_| panic!("nothing happens, and it stays so: {detail}")).unwrap();
        }
    }

    fn log_size(&self) -> u64 {
        *self.engine.log_size().borrow()
    }
}

fn request(method: &str, path: &str, key: Option<&str>) -> http::request::Builder {
    let request = Request::builder().method(method).uri(path).header("host", "localhost");
    match key {
        Some(key) => request.header("authorization", format!("Bearer {key}")),
        None => request,
    }
}

fn posted(path: &str, key: &str, body: &Value, idempotency: Option<&str>) -> Request<Body> {
    let mut request = request("POST", path, Some(key)).header("content-type", "application/json");
    if let Some(key) = idempotency {
        request = request.header("idempotency-key", key);
    }
    request.body(Body::from(body.to_string())).unwrap()
}

fn contract(name: &str, steps: &Value) -> Value {
    json!({
        "apiVersion": "concordat/v1", "kind": "Contract", "metadata": {"name": name, "version": "1.0.0"},
        "spec": {
            "objective": "Decide a loan application: check the credit score of the borrower and approve the loan",
            "domain": "finance", "governance": {"risk": "low"}, "onFailure": "compensate", "steps": steps,
        },
    })
}

//! How fast the API answers without sockets: `cargo run --release -p concordat-server --example pace`.
//!
//! One caller, one request after another, against a real engine, real policies and a real database in a folder of
//! its own. It prints the mean time of a request; nothing is asserted.

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use concordat_classify::Classifier;
use concordat_engine::ports::{AgentTransport, Arrival, Dispatch, SystemClock};
use concordat_engine::{Engine, Parts};
use concordat_ledger::Signer;
use concordat_model::payload::Secret;
use concordat_model::principal::{Principal, Role};
use concordat_model::safe::Safe;
use concordat_model::template::Templates;
use concordat_policy::{Bundle, Policy};
use concordat_server::{Config, router};
use concordat_store::{Signing, Sqlite};
use http::Request;
use tower::ServiceExt as _;

const CONTRACT: &str = r#"{"apiVersion": "concordat/v1", "kind": "Contract", "metadata": {"name": "lend"}, "spec": {
    "objective": "Decide a loan application: check the credit score of the borrower and approve the loan",
    "domain": "finance", "governance": {"risk": "low"},
    "steps": [{"id": "a", "skill": "work"}, {"id": "b", "skill": "work", "needs": ["a"]}]}}"#;

struct Silent;

#[async_trait]
impl AgentTransport for Silent {
    async fn dispatch(&self, _: Dispatch) -> Arrival {
        std::future::pending().await
    }

    fn accepts(&self, _: &str) -> Result<(), String> {
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let place = tempfile::tempdir()?;
    let signing = Signing::by(Signer::from_seed("pace.test/log", &[7; 32])?);
    let engine = Engine::start(Parts {
        store: Arc::new(Sqlite::open(&place.path().join("log.db"), signing).await?),
        transport: Arc::new(Silent),
        clock: Arc::new(SystemClock),
        policy: Policy::load(&Bundle::standard())?,
        classifier: Classifier::standard()?,
        templates: Templates::default(),
        instance: "pace".to_owned(),
        bounds: concordat_engine::Bounds::default(),
        settings: serde_json::Value::Null,
        safe: Safe::new(Secret::new([7; 32])),
        install_policy: false,
        inspect: concordat_engine::inspect_here(),
        review_expiry: "1h".parse()?,
    })
    .await?;
    let admin = Principal { name: "root".parse()?, tenant: "acme".parse()?, roles: vec![Role::Admin] };
    let key = engine.first_key(admin).await?.ok_or("there is a key already")?.text;
    let api = router(engine, &Config::default());
    pace(&api, &key, "GET", "/livez", "", 20_000).await?;
    pace(&api, &key, "GET", "/v1/me", "", 20_000).await?;
    pace(&api, &key, "GET", "/v1/policy", "", 2_000).await?;
    pace(&api, &key, "POST", "/v1/contracts:plan", CONTRACT, 2_000).await
}

#[expect(clippy::print_stdout, reason = "what it measures is its output")]
async fn pace(
    api: &Router,
    key: &str,
    method: &str,
    path: &str,
    body: &'static str,
    count: u32,
) -> Result<(), Box<dyn Error>> {
    let began = tokio::time::Instant::now();
    for _ in 0..count {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "application/json")
            .body(Body::from(body))?;
        let answer = api.clone().oneshot(request).await?;
        let fine = answer.status().is_success();
        to_bytes(answer.into_body(), usize::MAX).await?;
        if !fine {
            return Err(format!("{method} {path} was refused").into());
        }
    }
    println!("{method} {path}: {:.1} us", began.elapsed().as_secs_f64() * 1e6 / f64::from(count));
    Ok(())
}

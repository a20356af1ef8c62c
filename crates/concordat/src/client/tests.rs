//! The client against a small server of the test: what it sends, how it reads refusals, how it follows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::routing::{get, post};
use tokio::net::TcpListener;

use super::*;

const KEY: &str = "cdt_x_y";

async fn client(router: Router) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    Client::new(&format!("http://{address}"), Some(KEY)).unwrap()
}

fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Response<Body> {
    let mut answer = Response::builder().status(status);
    for (name, value) in headers {
        answer = answer.header(*name, *value);
    }
    answer.body(body.into()).unwrap()
}

#[test]
fn addresses_and_keys_are_checked_first() {
    for (server, fine) in [
        ("http://127.0.0.1:7420", true),
        ("https://concordat.example/behind/a/proxy/", true),
        ("127.0.0.1:7420", false),
        ("ftp://concordat.example", false),
        ("http://user:word@concordat.example", false),
        ("http://concordat.example?x=1", false),
        ("", false),
    ] {
        assert_eq!(Client::new(server, None).is_ok(), fine, "{server}");
    }
    assert!(matches!(Client::new("http://127.0.0.1", Some("a\nb: c")), Err(ClientError::Key)));
}

#[tokio::test]
async fn a_submission_carries_key_type_and_idempotency_key() {
    async fn take(headers: HeaderMap, body: String) -> Response<Body> {
        let header =
            |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("none").to_owned();
        assert_eq!(header("authorization"), format!("Bearer {KEY}"));
        assert_eq!(
            (header("content-type"), header("idempotency-key")),
            ("application/yaml".to_owned(), "k1".to_owned())
        );
        assert_eq!(body, "kind: Contract\n");
        answer(202, &[("idempotency-replayed", "true")], r#"{"submission":"sub_1","contracts":[]}"#)
    }
    let client = client(Router::new().route("/v1/contracts", post(take))).await;
    let submitted = client.submit(b"kind: Contract\n".to_vec(), "application/yaml", "k1").await.unwrap();
    assert!(submitted.replayed);
    assert_eq!(submitted.receipt.submission, "sub_1");
}

#[tokio::test]
async fn what_people_type_stays_within_its_segment() {
    async fn show(Path(run): Path<String>) -> Response<Body> {
        answer(200, &[], serde_json::json!({"headline": run, "lines": []}).to_string())
    }
    let client = client(Router::new().route("/v1/contracts/{run}/why", get(show))).await;
    for run in ["run_1", "a/b", "a?b=c", "a#b", "ä %2f"] {
        assert_eq!(client.why(run).await.unwrap().headline, run);
    }
}

#[tokio::test]
async fn refusals_are_read_whoever_wrote_them() {
    async fn refuse(Path(what): Path<String>) -> Response<Body> {
        let problem = r#"{"type":"/docs/errors/not-found","title":"no","status":404,"code":"not-found","detail":"none","retryable":false}"#;
        match what.as_str() {
            "ours" => answer(404, &[], problem),
            "proxy" => answer(502, &[], "<html>bad gateway</html>"),
            "silent" => answer(503, &[("retry-after", "3600")], ""),
            "elsewhere" => answer(302, &[("location", "http://evil.example/")], ""),
            _ => answer(200, &[], "not JSON"),
        }
    }
    let client = client(Router::new().route("/v1/decisions/{what}", get(refuse))).await;
    for (what, wanted) in [
        ("ours", "404 none"),
        ("proxy", "502 <html>bad gateway</html>"),
        ("silent", "503 503: Service Unavailable"),
        ("elsewhere", "302 302: Found"),
    ] {
        let error = client.decision(what).await.unwrap_err();
        assert_eq!(format!("{} {error}", error.status().unwrap()), wanted);
    }
    assert!(matches!(client.decision("odd").await, Err(ClientError::Odd { .. })));
}

#[tokio::test]
async fn a_server_that_asks_to_come_back_at_once_is_asked_again() {
    async fn busy(State(asked): State<Arc<AtomicU32>>) -> Response<Body> {
        match asked.fetch_add(1, Ordering::SeqCst) {
            0 => answer(429, &[("retry-after", "0")], ""),
            1 => answer(503, &[("retry-after", "0")], ""),
            _ => answer(200, &[], r#"{"revision":"sha256:1"}"#),
        }
    }
    let asked = Arc::new(AtomicU32::new(0));
    let client = client(Router::new().route("/v1/policy", get(busy)).with_state(asked.clone())).await;
    assert_eq!(client.policy().await.unwrap().revision, "sha256:1");
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn nobody_listening_is_said_with_the_way_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = Client::new(&format!("http://{address}"), None).unwrap().me().await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }));
    assert!(error.to_string().contains("start one with `concordat serve` or pass `--server URL`"), "{error}");
}

fn event(index: u64, kind: &str) -> String {
    let record =
        serde_json::json!({"type": kind, "time": "2026-01-31T12:00:00.000000Z", "data": {"n": index}});
    format!("id: {index}\nevent: {kind}\ndata: {record}\n\n")
}

#[tokio::test]
async fn a_broken_stream_is_resumed_where_it_broke() {
    async fn stream(State(asked): State<Arc<AtomicU32>>, headers: HeaderMap) -> Response<Body> {
        let after = headers.get("last-event-id").map(|id| id.to_str().unwrap().to_owned());
        match (asked.fetch_add(1, Ordering::SeqCst), after.as_deref()) {
            (0, None) => answer(
                200,
                &[],
                format!("retry: 0\n\n{}{}", event(3, "contract.received"), event(5, "contract.started")),
            ),
            (1, Some("5")) => answer(503, &[], ""),
            // This one repeats a record, and breaks off within another.
            (2, Some("5")) => answer(
                200,
                &[],
                format!("{}{}id: 9\ndata: {{", event(5, "contract.started"), event(8, "step.answered")),
            ),
            (3, Some("8")) => answer(200, &[], event(9, "contract.ended")),
            odd => answer(418, &[], format!("{odd:?}")),
        }
    }
    let state = Arc::new(AtomicU32::new(0));
    let client =
        client(Router::new().route("/v1/contracts/run_1/events", get(stream)).with_state(state)).await;
    let mut follow = client.follow("run_1", None);
    let mut seen = Vec::new();
    while let Some(record) = follow.next().await.unwrap() {
        seen.push(record.index);
    }
    assert_eq!(seen, [3, 5, 8, 9]);
}

#[tokio::test]
async fn a_refused_stream_is_not_asked_for_again() {
    let router = Router::new().route("/v1/contracts/run_1/events", get(|| async { StatusCode::FORBIDDEN }));
    let client = client(router).await;
    assert_eq!(client.follow("run_1", None).next().await.unwrap_err().status(), Some(403));
}

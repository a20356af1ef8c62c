//! Hostile and mistaken requests: refused at once, with the place, and nothing is stored.

use super::*;

/// A contract with one change.
fn changed(pointer: &str, value: Value) -> String {
    let mut document = contract(
        "lend",
        &json!([{"id": "a", "skill": "work"}, {"id": "b", "skill": "work", "needs": ["a"]}]),
    );
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap();
    match parent {
        Value::Array(items) => items[member.parse::<usize>().unwrap()] = value,
        other => other[member] = value,
    }
    serde_json::to_string_pretty(&document).unwrap()
}

fn sent(media: &str, body: impl Into<Body>, key: &str, path: &str) -> Request<Body> {
    let request = request("POST", path, Some(key)).header("idempotency-key", "k1");
    request.header("content-type", media).body(body.into()).unwrap()
}

/// What is wrong, media type, body, status, code, where the pointer begins, whether there is a line.
type Case = (&'static str, &'static str, Vec<u8>, u16, &'static str, &'static str, bool);

#[expect(clippy::too_many_lines, reason = "a table")]
fn cases() -> Vec<Case> {
    let json = "application/json";
    let yaml = "application/yaml";
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    vec![
        (
            "cycle",
            json,
            changed("/spec/steps/0/needs", json!(["b"])).into(),
            422,
            "plan-cycle",
            "/spec/steps/",
            true,
        ),
        (
            "unknown step",
            json,
            changed("/spec/steps/1/needs/0", json!("ab")).into(),
            422,
            "step-unknown",
            "/spec/steps/1/needs/0",
            true,
        ),
        (
            "step twice",
            json,
            changed("/spec/steps/1/id", json!("a")).into(),
            422,
            "step-twice",
            "/spec/steps/1/id",
            true,
        ),
        (
            "unknown field",
            json,
            changed("/spec/colour", json!("red")).into(),
            422,
            "document-form",
            "/spec/colour",
            true,
        ),
        ("wrong kind", json, changed("/kind", json!("Job")).into(), 422, "document-kind", "/kind", true),
        (
            "range",
            json,
            changed("/spec/steps/0/timeout", json!("90d")).into(),
            422,
            "document-form",
            "/spec/steps/0/timeout",
            true,
        ),
        (
            "retries",
            json,
            changed("/spec/steps/0/retry", json!({"max": 99})).into(),
            422,
            "",
            "/spec/steps/0/retry",
            true,
        ),
        ("big number", json, br#"{"kind": 12345678901234567890}"#.to_vec(), 422, "document-syntax", "", true),
        (
            "reference",
            json,
            changed("/spec/steps/0/with", json!({"x": "${steps.b.output}"})).into(),
            422,
            "",
            "/spec/steps/0/with",
            true,
        ),
        (
            "duplicate",
            json,
            br#"{"kind":"Contract","kind":"Contract"}"#.to_vec(),
            422,
            "document-syntax",
            "",
            true,
        ),
        ("deep", json, deep.clone().into(), 422, "document-syntax", "", true),
        ("deep yaml", yaml, deep.into(), 422, "document-syntax", "", true),
        ("anchor", yaml, b"kind: &a Contract\nspec: *a\n".to_vec(), 422, "document-syntax", "", true),
        ("tag", yaml, b"kind: !!python/object:os.system x\n".to_vec(), 422, "document-syntax", "", true),
        ("merge", yaml, b"a: {b: 1}\nc:\n  <<: {d: 1}\n".to_vec(), 422, "document-syntax", "", true),
        ("two documents", yaml, b"a: 1\n---\nb: 2\n".to_vec(), 422, "document-syntax", "", true),
        (
            "yaml duplicate",
            yaml,
            b"kind: Contract\nkind: Contract\n".to_vec(),
            422,
            "document-syntax",
            "",
            true,
        ),
        ("empty", json, Vec::new(), 422, "document-empty", "", false),
        ("no utf-8", json, vec![b'"', 0xff, b'"'], 422, "document-encoding", "", false),
        ("nul", yaml, b"a: \"\0\"".to_vec(), 422, "document-encoding", "", false),
        ("list", json, b"[]".to_vec(), 422, "document-kind", "/kind", true),
        ("10 MB", json, vec![b' '; 10_000_000], 413, "document-too-large", "", false),
        ("one too many", json, vec![b' '; 256 * 1024 + 1], 413, "document-too-large", "", false),
        ("media", "text/plain", b"{}".to_vec(), 415, "media-type-unsupported", "", false),
        (
            "charset",
            "application/json; charset=utf-16",
            b"{}".to_vec(),
            415,
            "media-type-unsupported",
            "",
            false,
        ),
        (
            "multipart",
            "multipart/form-data; boundary=x",
            b"{}".to_vec(),
            415,
            "media-type-unsupported",
            "",
            false,
        ),
    ]
}

#[tokio::test]
async fn wrong_documents_are_refused_with_their_place() {
    let server = Server::start().await;
    let before = server.log_size();
    for (what, media, body, status, code, pointer, placed) in cases() {
        for path in ["/v1/contracts", "/v1/contracts:plan"] {
            let began = tokio::time::Instant::now();
            let answer = server.send(sent(media, body.clone(), &server.admin, path)).await;
            let took = began.elapsed();
            assert_eq!(answer.status, status, "{what}: {}", answer.text);
            assert_eq!(answer.headers["content-type"], "application/problem+json", "{what}");
            assert!(took.as_millis() < 2000, "{what} took {took:?}");
            let first = &answer.body["errors"][0];
            let found = if first.is_null() { &answer.body["code"] } else { &first["code"] };
            assert!(code.is_empty() || found == code, "{what}: {}", answer.text);
            if !pointer.is_empty() {
                assert!(first["pointer"].as_str().unwrap().starts_with(pointer), "{what}: {}", answer.text);
            }
            assert_eq!(first["line"].is_u64() && first["column"].is_u64(), placed, "{what}: {}", answer.text);
        }
    }
    assert_eq!(server.log_size(), before, "something was stored");
}

#[tokio::test]
async fn bodies_without_a_length_are_bounded_too() {
    let server = Server::start().await;
    let chunk = axum::body::Bytes::from(vec![b' '; 64 * 1024]);
    let read = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = read.clone();
    let chunks = futures_util::stream::iter(0..160).map_chunks(chunk, counted);
    let answer = server
        .send(sent("application/json", Body::from_stream(chunks), &server.admin, "/v1/contracts"))
        .await;
    assert_eq!(answer.status, 413, "{}", answer.text);
    assert!(read.load(std::sync::atomic::Ordering::Relaxed) <= 6);
    let broken =
        futures_util::stream::iter([Ok(axum::body::Bytes::from("{")), Err(std::io::Error::other("reset"))]);
    let answer = server
        .send(sent("application/json", Body::from_stream(broken), &server.admin, "/v1/contracts"))
        .await;
    assert_eq!((answer.status.as_u16(), &answer.body["code"]), (408, &json!("body-incomplete")));
}

trait Chunks {
    fn map_chunks(
        self,
        chunk: axum::body::Bytes,
        read: Arc<std::sync::atomic::AtomicUsize>,
    ) -> impl futures_util::Stream<Item = Result<axum::body::Bytes, std::io::Error>> + Send + 'static;
}

impl<S: futures_util::Stream<Item = i32> + Send + 'static> Chunks for S {
    fn map_chunks(
        self,
        chunk: axum::body::Bytes,
        read: Arc<std::sync::atomic::AtomicUsize>,
    ) -> impl futures_util::Stream<Item = Result<axum::body::Bytes, std::io::Error>> + Send + 'static {
        use futures_util::StreamExt as _;
        self.map(move |_| {
            read.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Ok(chunk.clone())
        })
    }
}

#[tokio::test]
async fn odd_queries_headers_and_ids_are_refused() {
    let server = Server::start().await;
    for (path, status, code, detail) in [
        ("/v1/contracts?statsu=running", 400, "query-invalid", "did you mean `status`?"),
        ("/v1/contracts?zzzzzzz=1", 400, "query-invalid", "there are limit, cursor, status, submission"),
        ("/v1/contracts?limit=0", 400, "query-invalid", "between 1 and 1000"),
        ("/v1/contracts?limit=1001", 400, "query-invalid", "between 1 and 1000"),
        ("/v1/contracts?limit=many", 400, "query-invalid", "limit"),
        ("/v1/contracts?limit=1&limit=2", 400, "query-invalid", "limit"),
        ("/v1/contracts?cursor=AAAA", 400, "cursor-invalid", "cursor"),
        ("/v1/contracts?submission=run_x", 400, "query-invalid", "run_x"),
        ("/v1/agents?skil=x", 400, "query-invalid", "did you mean `skill`?"),
        ("/v1/audit/records?form=1", 400, "query-invalid", "did you mean `from`?"),
        ("/v1/audit/records?from=-1", 400, "query-invalid", "from"),
        ("/v1/me?verbose=1", 400, "query-invalid", "no query"),
        ("/v1/contracts/run_x", 404, "not-found", "`run_x`"),
        ("/v1/contracts/agt_01h455vb4pex5vsknk084sn02q", 404, "not-found", "contract"),
        ("/v1/contracts/run_01h455vb4pex5vsknk084sn02q", 404, "not-found", "contract"),
        ("/v1/decisions/dec_01h455vb4pex5vsknk084sn02q", 404, "not-found", "decision"),
        ("/v1/agents/nobody", 404, "not-found", "`nobody`"),
        ("/v1/templates/nothing", 404, "not-found", "`nothing`"),
        ("/v1/templates/lend@9", 404, "not-found", "`lend@9`"),
    ] {
        let answer = server.get(&server.admin, path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.body["code"].as_str().unwrap()),
            (status, code),
            "{path}: {}",
            answer.text
        );
        assert!(answer.body["detail"].as_str().unwrap().contains(detail), "{path}: {}", answer.text);
    }
    let lend = contract("lend", &json!([{"id": "a", "skill": "work"}]));
    for (key, code) in [
        (None, "idempotency-key-missing"),
        (Some("a b"), "idempotency-key-invalid"),
        (Some(""), "idempotency-key-invalid"),
    ] {
        let answer = server.send(posted("/v1/contracts", &server.admin, &lend, key)).await;
        assert_eq!((answer.status.as_u16(), answer.body["code"].as_str().unwrap()), (400, code));
    }
    for (path, body, pointer) in [
        ("/v1/agents/worker:suspend", json!({"reason": ""}), "/reason"),
        ("/v1/agents/worker:suspend", json!({"reason": "x", "force": true}), ""),
        ("/v1/keys", json!({"name": "A B", "tenant": "acme", "roles": ["viewer"]}), "/name"),
        ("/v1/keys", json!({"name": "a", "tenant": "acme", "roles": []}), "/roles"),
        ("/v1/keys", json!({"name": "a", "tenant": "acme", "roles": ["god"]}), "/roles/0"),
        ("/v1/agents", json!({"name": "a", "trust": 9999}), "/trust"),
    ] {
        let answer = server.post(&server.admin, path, &body).await;
        assert_eq!(answer.status, 422, "{path}: {}", answer.text);
        assert!(
            answer.body["errors"][0]["pointer"].as_str().unwrap().starts_with(pointer),
            "{path}: {}",
            answer.text
        );
    }
}

//! MCP as it goes over the wire: what keeps others out, and what is no request of the protocol.

use super::*;

/// What clients must be able to read.
const BOTH: &str = "application/json, text/event-stream";

fn posted_to(key: Option<&str>, origin: Option<&str>, body: String) -> Request<Body> {
    let mut request = request("POST", "/mcp", key)
        .header("content-type", "application/json")
        .header("accept", BOTH)
        .header("mcp-protocol-version", "2025-11-25");
    if let Some(origin) = origin {
        request = request.header("origin", origin);
    }
    request.body(Body::from(body)).unwrap()
}

fn list() -> String {
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).to_string()
}

#[tokio::test]
async fn only_who_has_a_key_and_is_no_other_site_is_answered() {
    let server = Server::start().await;
    let admin = server.admin.as_str();
    for (key, origin, status) in [
        (Some(admin), None, 200),
        (Some(admin), Some("http://localhost"), 200),
        (Some(admin), Some("http://evil.example"), 403),
        (Some("cdt_x"), None, 401),
        (None, None, 401),
    ] {
        let answer = server.send(posted_to(key, origin, list())).await;
        assert_eq!(answer.status, status, "{key:?} {origin:?}: {}", answer.text);
        assert_eq!(answer.text.contains("search_contracts"), status == 200);
    }
}

/// The revision without a handshake, and what each of its requests says about itself.
const STATELESS: &str = "2026-07-28";

fn about(version: &str) -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

fn asked(method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string()
}

fn hello(version: &str) -> String {
    let client = json!({"name": "t", "version": "1"});
    asked("initialize", &json!({"protocolVersion": version, "capabilities": {}, "clientInfo": client}))
}

#[tokio::test]
async fn requests_say_which_revision_they_speak() {
    let server = Server::start().await;
    let listed = "search_contracts";
    let stateless = asked("tools/list", &json!({"_meta": about(STATELESS)}));
    for (what, version, body, status, word) in [
        ("a revision that is known", Some("2025-06-18"), list(), 200, listed),
        ("none, which was allowed once", None, list(), 200, listed),
        ("one that nobody knows", Some("1999-01-01"), list(), 400, "1999-01-01"),
        ("the newest, with all it asks for", Some(STATELESS), stateless.clone(), 200, listed),
        ("the newest, without what it asks for", Some(STATELESS), list(), 400, "_meta"),
        ("another one than its body", Some("2025-11-25"), stateless.clone(), 400, "does not match"),
        ("only its body", None, stateless, 400, "header"),
        ("a handshake", None, hello("2025-11-25"), 200, "\"protocolVersion\":\"2025-11-25\""),
        (
            "a handshake of another revision than the header",
            Some("2025-06-18"),
            hello("2025-11-25"),
            400,
            "2025",
        ),
        ("a handshake of no known revision", None, hello("1999-01-01"), 200, "\"protocolVersion\":\"20"),
        (
            "a look without a handshake",
            Some(STATELESS),
            asked("server/discover", &json!({"_meta": about(STATELESS)})),
            200,
            STATELESS,
        ),
    ] {
        let method =
            serde_json::from_str::<Value>(&body).unwrap()["method"].as_str().unwrap().parse().unwrap();
        let mut request = posted_to(Some(&server.admin), None, body);
        let headers = request.headers_mut();
        headers.remove("mcp-protocol-version");
        if let Some(version) = version {
            headers.insert("mcp-protocol-version", version.parse().unwrap());
            headers.insert("mcp-method", method);
        }
        let answer = server.send(request).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text);
        assert!(answer.text.contains(word), "{what}: `{word}` is not in {}", answer.text);
        assert!(answer.headers.get("mcp-session-id").is_none(), "{what}");
    }
}

#[tokio::test]
async fn what_is_no_request_is_refused() {
    let server = Server::start().await;
    let json = "application/json";
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let torn = r#"{"jsonrpc": "2.0", "id": 1, "method""#.to_owned();
    let twice = r#"{"jsonrpc": "2.0", "id": 1, "method": "ping", "method": "tools/list"}"#.to_owned();
    for (what, media, accept, body, status, word) in [
        ("too long", json, BOTH, format!("{}{}", list(), " ".repeat(300 * 1024)), 413, "262144"),
        ("too deep", json, BOTH, asked("tools/list", &serde_json::from_str(&deep).unwrap()), 400, "-32700"),
        ("torn", json, BOTH, torn, 400, "-32700"),
        ("a member twice", json, BOTH, twice, 400, "`method`"),
        ("several at once", json, BOTH, format!("[{0},{0}]", list()), 415, ""),
        ("no JSON-RPC", json, BOTH, "{}".to_owned(), 415, ""),
        ("another media type", "text/plain", BOTH, list(), 415, json),
        ("no media type that is answered", json, json, list(), 406, "text/event-stream"),
        ("a method that is none", json, BOTH, asked("tools/burn", &json!({})), 200, "-32601"),
    ] {
        let mut request = posted_to(Some(&server.admin), None, body);
        request.headers_mut().insert("content-type", media.parse().unwrap());
        request.headers_mut().insert("accept", accept.parse().unwrap());
        let answer = server.send(request).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text);
        assert!(answer.text.contains(word), "{what}: `{word}` is not in {}", answer.text);
    }
    // No sessions are kept: there is nothing to listen to, and nothing to end.
    for method in ["GET", "DELETE"] {
        let request = request(method, "/mcp", Some(&server.admin)).header("accept", BOTH);
        assert_eq!(server.send(request.body(Body::empty()).unwrap()).await.status, 405, "{method}");
    }
}

#[tokio::test]
async fn nothing_that_decides_is_a_tool() {
    let server = Server::start().await;
    let answer = server.send(posted_to(Some(&server.admin), None, list())).await;
    let tools = answer.body["result"]["tools"].as_array().unwrap();
    let mut names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["get_contract", "plan", "search_contracts", "submit", "why"]);
}

//! MCP as it goes over the wire: what keeps others out.

use super::*;

fn posted_to(key: Option<&str>, origin: Option<&str>, body: String) -> Request<Body> {
    let mut request = request("POST", "/mcp", key)
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
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
    let long = format!("{}{}", list(), " ".repeat(300 * 1024));
    assert_eq!(server.send(posted_to(Some(admin), None, long)).await.status, 413);
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

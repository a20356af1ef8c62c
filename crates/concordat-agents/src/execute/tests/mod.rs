//! The client against an agent that says whatever the table tells it to, byte for byte.

pub(crate) mod agent;

use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use self::agent::{Agent, Then, read_request};
use super::{Answer, Call, ExecuteClient, Limits};
use crate::egress::Egress;

fn call(endpoint: &str) -> Call {
    Call {
        endpoint: crate::egress::Endpoint::parse(endpoint).unwrap(),
        method: "check_credit".into(),
        params: json!({"applicant_id": "ap-1"}),
        id: "call-1".into(),
        decision_id: "dec_1".into(),
        idempotency_key: "run_1/credit".into(),
        deadline: Duration::from_secs(5),
        first_byte: None,
        traceparent: None,
        log_size: Some(7),
        attempt: 1,
        run: "run_1".into(),
        step: "credit".into(),
    }
}

fn client(limits: Limits) -> ExecuteClient {
    ExecuteClient::new(limits, Egress { allow_loopback: true, ..Egress::default() })
}

fn show(answer: Answer) -> String {
    match answer {
        Answer::Completed(value) => format!("completed: {value}"),
        Answer::Refused(refusal) => format!(
            "refused: {:?} {:?} {} after {:?}: {}",
            refusal.kind, refusal.code, refusal.status, refusal.retry_after, refusal.message
        ),
        Answer::Malformed(why) => format!("malformed: {why}"),
        Answer::NotSent(why) => format!("not sent: {why}"),
        Answer::Unknown(why) => format!("unknown: {why}"),
    }
}

/// One call to an agent that speaks `bytes`: the answer reads as expected, and exactly one request arrived.
async fn check(name: &str, bytes: impl Into<Vec<u8>>, then: Then, expected: &str) {
    let bytes = bytes.into();
    let whole_head = bytes.windows(4).any(|four| four == b"\r\n\r\n");
    // Short enough to wait for, long enough for a busy machine to bring a request over.
    let limits = match then {
        Then::Stall if whole_head => Limits { idle: Duration::from_millis(50), ..Limits::default() },
        _ => Limits::default(),
    };
    let first_byte = (then == Then::Stall).then_some(Duration::from_millis(250));
    let agent = Agent::speaking(bytes, then).await;
    let call = Call { first_byte, ..call(&format!("http://127.0.0.1:{}", agent.port)) };
    let said = show(client(limits).call(&call).await);
    assert!(said.starts_with(expected), "{name}: expected `{expected}`, but: {said}");
    assert_eq!(agent.requests(), 1, "{name}: one call is one request");
}

fn http(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

const JSON: &str = "content-type: application/json\r\n";

fn ok(body: &str) -> String {
    http("200 OK", JSON, body)
}

fn error(status: &str, headers: &str, code: i64, message: &str) -> String {
    let body = json!({"jsonrpc": "2.0", "id": "call-1", "error": {"code": code, "message": message}});
    http(status, &format!("{JSON}{headers}"), &body.to_string())
}

const GOOD: &str = r#"{"jsonrpc":"2.0","id":"call-1","result":{"score":700}}"#;

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn proper_answers() {
    let long = "a\u{202e}\n".repeat(2000);
    let date = "date: Fri, 01 Jan 2027 00:00:00 GMT\r\n";
    for (name, bytes, expected) in [
        ("a result", ok(GOOD), "completed: {\"score\":700}"),
        ("a null result", ok(r#"{"jsonrpc":"2.0","id":"call-1","result":null}"#), "completed: null"),
        (
            "with a charset",
            http("200 OK", "content-type: Application/JSON; charset=UTF-8\r\n", GOOD),
            "completed: {\"score\":700}",
        ),
        (
            "in chunks",
            format!(
                "HTTP/1.1 200 OK\r\n{JSON}transfer-encoding: chunked\r\n\r\n{:x}\r\n{GOOD}\r\n0\r\n\r\n",
                GOOD.len()
            ),
            "completed: {\"score\":700}",
        ),
        (
            "an unknown skill",
            error("200 OK", "", -32601, "no such skill"),
            "refused: UnknownSkill Some(-32601) 200 after None: no such skill",
        ),
        ("bad parameters", error("400 Bad Request", "", -32602, "x"), "refused: BadParams Some(-32602) 400"),
        (
            "a business failure",
            error("200 OK", "", -32010, "beyond the limit"),
            "refused: Failed Some(-32010) 200",
        ),
        ("an error under 500", error("500 Oops", "", -32000, "tired"), "refused: Failed Some(-32000) 500"),
        (
            "429 with Retry-After",
            http("429 Slow Down", "retry-after: 7\r\n", "slow down"),
            "refused: Busy None 429 after Some(7s): status 429",
        ),
        (
            "429 with a date",
            http("429 No", &format!("{date}retry-after: Fri, 01 Jan 2027 00:00:09 GMT\r\n"), ""),
            "refused: Busy None 429 after Some(9s)",
        ),
        (
            "503 with a date long past",
            http("503 No", &format!("{date}retry-after: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), ""),
            "refused: Busy None 503 after Some(0ns)",
        ),
        (
            "503 with a date far away",
            http("503 No", &format!("{date}retry-after: Sat, 01 Jan 2028 00:00:00 GMT\r\n"), ""),
            "refused: Busy None 503 after Some(3600s)",
        ),
        (
            "503 with a date and no other",
            http("503 No", "retry-after: Fri, 01 Jan 2027 00:00:00 GMT\r\n", ""),
            "refused: Busy None 503 after Some(0ns)",
        ),
        ("503 with nonsense", http("503 No", "retry-after: tomorrow\r\n", ""), "unknown: status 503"),
        (
            "429 with more seconds than there are",
            http("429 No", "retry-after: 99999999999999999999999999\r\n", ""),
            "refused: Busy None 429 after Some(3600s)",
        ),
        (
            "503 with Retry-After",
            http("503 No", "retry-after: 999999999\r\n", ""),
            "refused: Busy None 503 after Some(3600s)",
        ),
        (
            "429 as JSON-RPC",
            error("429 No", "retry-after: 1\r\n", -32005, "busy"),
            "refused: Busy Some(-32005) 429 after Some(1s): busy",
        ),
        ("404", http("404 Not Found", "", "nothing here"), "refused: Failed None 404"),
        (
            "a tame message",
            error("200 OK", "", -1, &long),
            "refused: Failed Some(-1) 200 after None: a a a a",
        ),
    ] {
        check(name, bytes, Then::Next, expected).await;
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn hostile_heads() {
    let many = "x: y\r\n".repeat(10_000);
    let wide = format!("x: {}\r\n", "y".repeat(20_000));
    let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(1000));
    for (name, bytes, then, expected) in [
        (
            "a redirect",
            http("302 Found", "location: http://169.254.169.254/\r\n", ""),
            Then::Next,
            "malformed: the agent redirects",
        ),
        (
            "a lasting redirect",
            http("308 Away", "location: /execute2\r\n", ""),
            Then::Next,
            "malformed: the agent redirects",
        ),
        (
            "accepted for later",
            http("202 Accepted", JSON, GOOD),
            Then::Next,
            "malformed: the agent replies with status 202",
        ),
        (
            "no content",
            "HTTP/1.1 204 No\r\n\r\n".to_owned(),
            Then::Next,
            "malformed: the agent replies with status 204",
        ),
        (
            "another protocol",
            "HTTP/1.1 101 Up\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n".to_owned(),
            Then::Close,
            "malformed: the agent replies with status 101",
        ),
        (
            "a page",
            http("200 OK", "content-type: text/html\r\n", GOOD),
            Then::Next,
            "malformed: the agent's reply is `text/html`",
        ),
        (
            "nearly JSON",
            http("200 OK", "content-type: application/json-seq\r\n", GOOD),
            Then::Next,
            "malformed: the agent's reply is `app",
        ),
        (
            "another charset",
            http("200 OK", "content-type: application/json; charset=utf-7\r\n", GOOD),
            Then::Next,
            "malformed: the agent's reply is `app",
        ),
        (
            "two content types",
            http("200 OK", &format!("{JSON}{JSON}"), GOOD),
            Then::Next,
            "malformed: the agent's reply is `app",
        ),
        (
            "no content type",
            http("200 OK", "", GOOD),
            Then::Next,
            "malformed: the agent's reply is `nothing`",
        ),
        (
            "gzip",
            http("200 OK", &format!("{JSON}content-encoding: gzip\r\n"), GOOD),
            Then::Next,
            "malformed: the agent's reply has the content encoding `gzip`",
        ),
        (
            "identity, said aloud",
            http("200 OK", &format!("{JSON}content-encoding: identity\r\n"), GOOD),
            Then::Next,
            "malformed: the agent's reply has the content enc",
        ),
        (
            "10,000 headers",
            http("200 OK", &format!("{JSON}{many}"), GOOD),
            Then::Next,
            "malformed: the agent's reply has more than 64",
        ),
        (
            "65 headers",
            http("200 OK", &format!("{JSON}{}", &many[..6 * 63]), GOOD),
            Then::Next,
            "malformed: the agent's reply has more than 64",
        ),
        (
            "a wide header",
            http("200 OK", &format!("{JSON}{wide}"), GOOD),
            Then::Next,
            "malformed: the agent's reply has more than 64",
        ),
        ("an endless head", endless, Then::Flood, "malformed: the agent's reply has more than 64"),
        (
            "two lengths",
            format!("HTTP/1.1 200 OK\r\n{JSON}content-length: 5\r\ncontent-length: 6\r\n\r\n{GOOD}"),
            Then::Close,
            "malformed: the agent's reply is not HTTP",
        ),
        (
            "not HTTP",
            "SSH-2.0-OpenSSH_9.2\r\n".to_owned(),
            Then::Close,
            "malformed: the agent's reply is not HTTP",
        ),
        (
            "HTTP/2 unasked",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
            Then::Close,
            "malformed: the agent's reply is not HTTP",
        ),
        (
            "HTTP 500",
            http("500 Oops", "content-type: text/html\r\n", "<h1>Oops"),
            Then::Next,
            "unknown: status 500",
        ),
        ("a bad gateway", http("502 Bad", JSON, "{}"), Then::Next, "unknown: status 502"),
        ("503 alone", http("503 Gone", "", ""), Then::Next, "unknown: status 503"),
        (
            "500 and then silence",
            format!("HTTP/1.1 500 Oops\r\n{JSON}content-length: 9\r\n\r\n"),
            Then::Stall,
            "unknown: status 500",
        ),
    ] {
        check(name, bytes, then, expected).await;
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn hostile_bodies() {
    let deep = format!(r#"{{"jsonrpc":"2.0","id":"call-1","result":{}1{}}}"#, "[".repeat(64), "]".repeat(64));
    let bomb = format!(r#"{{"jsonrpc":"2.0","id":"call-1","result":{}"#, "[".repeat(500_000));
    let many = format!(r#"{{"jsonrpc":"2.0","id":"call-1","result":[{}0]}}"#, "0,".repeat(200_000));
    let not_json = "malformed: the agent's reply is not JSON";
    let not_rpc = "malformed: the agent's reply is not a JSON-RPC 2.0 response";
    for (name, body, expected) in [
        (
            "another id",
            r#"{"jsonrpc":"2.0","id":"call-2","result":1}"#,
            "malformed: the agent's reply carries another id",
        ),
        ("no id", r#"{"jsonrpc":"2.0","result":1}"#, "malformed: the agent's reply carries another id"),
        (
            "a null id",
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"?"}}"#,
            "malformed: the agent's reply carries another id",
        ),
        (
            "a number for an id",
            r#"{"jsonrpc":"2.0","id":1,"result":1}"#,
            "malformed: the agent's reply carries another id",
        ),
        ("another version", r#"{"jsonrpc":"1.0","id":"call-1","result":1}"#, not_rpc),
        ("no version", r#"{"id":"call-1","result":1}"#, not_rpc),
        ("a batch", r#"[{"jsonrpc":"2.0","id":"call-1","result":1}]"#, not_rpc),
        ("only text", r#""done""#, not_rpc),
        (
            "result and error",
            r#"{"jsonrpc":"2.0","id":"call-1","result":1,"error":{"code":1,"message":"x"}}"#,
            not_rpc,
        ),
        ("result and null error", r#"{"jsonrpc":"2.0","id":"call-1","result":1,"error":null}"#, not_rpc),
        ("neither", r#"{"jsonrpc":"2.0","id":"call-1"}"#, not_rpc),
        ("an error in text", r#"{"jsonrpc":"2.0","id":"call-1","error":"no"}"#, not_rpc),
        ("an error without a code", r#"{"jsonrpc":"2.0","id":"call-1","error":{"message":"no"}}"#, not_rpc),
        ("a half code", r#"{"jsonrpc":"2.0","id":"call-1","error":{"code":1.5,"message":"no"}}"#, not_rpc),
        ("an error without words", r#"{"jsonrpc":"2.0","id":"call-1","error":{"code":1}}"#, not_rpc),
        (
            "two results",
            r#"{"jsonrpc":"2.0","id":"call-1","result":1,"result":2}"#,
            "malformed: the agent's reply has the key `result` twice",
        ),
        (
            "two keys inside",
            r#"{"jsonrpc":"2.0","id":"call-1","result":{"a":1,"a":2}}"#,
            "malformed: the agent's reply has the key `a` twice",
        ),
        ("too deep", &deep, "malformed: the agent's reply is nested deeper"),
        ("a depth bomb", &bomb, "malformed: the agent's reply is nested deeper"),
        ("a wide tree", &many, "malformed: the agent's reply holds more than 100000"),
        ("NaN", r#"{"jsonrpc":"2.0","id":"call-1","result":NaN}"#, not_json),
        ("a lone surrogate", r#"{"jsonrpc":"2.0","id":"call-1","result":"\udead"}"#, not_json),
        ("two documents", r#"{"jsonrpc":"2.0","id":"call-1","result":1}{}"#, not_json),
        ("half a document", r#"{"jsonrpc":"2.0","id":"call-1","result":{"a""#, not_json),
        ("nothing", "", not_json),
    ] {
        check(name, ok(body), Then::Next, expected).await;
    }
    let mut broken = ok("{\"jsonrpc\":\"2.0\",\"id\":\"call-1\",\"result\":\"??\"}").into_bytes();
    let end = broken.len();
    broken[end - 4..end - 2].copy_from_slice(b"\xc3\x28");
    check("broken UTF-8", broken, Then::Next, not_json).await;
}

#[tokio::test]
async fn hostile_ends() {
    let half = &GOOD[..20];
    let declared = format!("HTTP/1.1 200 OK\r\n{JSON}content-length: 100\r\n\r\n{half}");
    let chunked = format!("HTTP/1.1 200 OK\r\n{JSON}transfer-encoding: chunked\r\n\r\n");
    let endless = format!("HTTP/1.1 200 OK\r\n{JSON}connection: close\r\n\r\n");
    let large = format!("HTTP/1.1 200 OK\r\n{JSON}content-length: 999999999999\r\n\r\n");
    for (name, bytes, then, expected) in [
        ("close before a reply", String::new(), Then::Close, "unknown: the connection"),
        ("reset before a reply", String::new(), Then::Reset, "unknown: the connection"),
        (
            "no first byte",
            String::new(),
            Then::Stall,
            "unknown: the agent's answer did not begin within 250ms",
        ),
        ("half a head", "HTTP/1.1 200 OK\r\ncontent-".to_owned(), Then::Close, "unknown: the connection"),
        (
            "half a head and silence",
            "HTTP/1.1 200 OK\r\ncontent-".to_owned(),
            Then::Stall,
            "unknown: the agent's answer did not begin within 250ms",
        ),
        ("half a body", declared.clone(), Then::Close, "unknown: the connection"),
        ("reset in the body", declared.clone(), Then::Reset, "unknown: the connection"),
        (
            "silence in the body",
            declared,
            Then::Stall,
            "unknown: the agent fell silent in the middle of its answer, for 50ms",
        ),
        ("a chunk cut short", format!("{chunked}40\r\n{half}"), Then::Close, "unknown: the connection"),
        (
            "a chunk of no size",
            format!("{chunked}zz\r\n{half}"),
            Then::Close,
            "malformed: the agent's reply is not HTTP",
        ),
        ("a huge body, declared", large, Then::Stall, "malformed: the agent's reply is larger"),
        (
            "a huge body",
            http("200 OK", JSON, &"x".repeat(1024 * 1024 + 1)),
            Then::Next,
            "malformed: the agent's reply is larger",
        ),
        ("an endless body", endless, Then::Flood, "malformed: the agent's reply is larger"),
        (
            "an endless chunk",
            format!("{chunked}ffffffff\r\n"),
            Then::Flood,
            "malformed: the agent's reply is larger",
        ),
    ] {
        check(name, bytes, then, expected).await;
    }
}

#[tokio::test]
async fn what_is_not_sent() {
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    // Accepts connections, and never shakes hands.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = silent.local_addr().map(|at| (silent, at.port())).unwrap();
    let plain = Agent::speaking(b"HTTP/1.1 400 No TLS here\r\n\r\n".to_vec(), Then::Close).await;
    let client = client(Limits::default());
    for (endpoint, expected) in [
        (format!("http://127.0.0.1:{closed}"), "not sent: no connection to `http://127.0.0.1"),
        (format!("https://127.0.0.1:{closed}"), "not sent: no connection to `https://127.0.0.1"),
        (format!("https://127.0.0.1:{}", silent.1), "not sent: no connection to `https://127.0.0.1"),
        (format!("https://127.0.0.1:{}", plain.port), "not sent: no connection to `https://127.0.0.1"),
        ("https://does-not-exist.invalid".to_owned(), "not sent: no connection to `https://does"),
        ("http://agents.example".to_owned(), "not sent: `agents.example:80` is reached by plain http"),
        ("https://10.0.0.1".to_owned(), "not sent: `10.0.0.1:443` leads to `10.0.0.1`"),
        ("https://169.254.169.254".to_owned(), "not sent: `169.254.169.254:443` leads to"),
    ] {
        let call = Call { deadline: Duration::from_millis(300), ..call(&endpoint) };
        let said = show(client.call(&call).await);
        assert!(said.starts_with(expected), "{endpoint}: expected `{expected}`, but: {said}");
    }
    assert_eq!(plain.requests(), 0);
}

#[tokio::test]
async fn names_of_this_machine_are_resolved_under_the_rule() {
    let agent = Agent::speaking(ok(GOOD).into(), Then::Next).await;
    let endpoint = format!("http://localhost:{}", agent.port);
    assert_eq!(show(client(Limits::default()).call(&call(&endpoint)).await), "completed: {\"score\":700}");
    let own = ([127, 0, 0, 1], agent.port).into();
    let strict = ExecuteClient::new(
        Limits::default(),
        Egress { allow_loopback: true, deny: vec![own], allow: vec![] },
    );
    let said = show(strict.call(&call(&endpoint)).await);
    assert!(said.contains("is one of our own sockets"), "{said}");
    assert_eq!(agent.requests(), 1);
}

#[tokio::test]
async fn ids_that_are_no_headers_are_not_sent() {
    let client = client(Limits::default());
    for bad in ["", "a b", "a\r\nx-evil: 1", "\u{e4}", &"x".repeat(257)] {
        let call = Call { run: bad.to_owned(), ..call("http://127.0.0.1:9") };
        assert!(show(client.call(&call).await).contains("`concordat-run`"), "{bad:?}");
    }
}

#[tokio::test]
async fn every_time_that_is_over_is_said_for_itself() {
    let half = format!("HTTP/1.1 200 OK\r\n{JSON}content-length: 100\r\n\r\n{{");
    let (short, long) = (Duration::from_millis(250), Duration::from_secs(60));
    for (bytes, first_byte, deadline, idle, expected) in [
        ("", None, short, long, "unknown: the agent did not finish within 250ms"),
        ("", Some(long), short, long, "unknown: the agent did not finish within 250ms"),
        ("", Some(short), long, long, "unknown: the agent's answer did not begin within 250ms"),
        (half.as_str(), Some(long), short, long, "unknown: the agent did not finish within 250ms"),
        (
            half.as_str(),
            Some(long),
            long,
            short,
            "unknown: the agent fell silent in the middle of its answer, for 250ms",
        ),
    ] {
        let agent = Agent::speaking(bytes.as_bytes().to_vec(), Then::Stall).await;
        let call = Call { first_byte, deadline, ..call(&format!("http://127.0.0.1:{}", agent.port)) };
        let said = show(client(Limits { idle, ..Limits::default() }).call(&call).await);
        assert!(said.starts_with(expected), "expected `{expected}`, but: {said}");
    }
    // Accepts connections, and never shakes hands.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let call = Call { deadline: long, ..call(&format!("https://{}", silent.local_addr().unwrap())) };
    let said = show(client(Limits { connect: short, ..Limits::default() }).call(&call).await);
    assert!(said.starts_with("not sent: no connection to") && said.ends_with("within 250ms"), "{said}");
}

#[tokio::test]
async fn a_deadline_of_nothing_sends_nothing() {
    let agent = Agent::speaking(ok(GOOD).into(), Then::Next).await;
    let call = Call { deadline: Duration::ZERO, ..call(&format!("http://127.0.0.1:{}", agent.port)) };
    let said = show(client(Limits::default()).call(&call).await);
    assert!(said.starts_with("not sent"), "{said}");
    assert_eq!(agent.requests(), 0);
}

#[tokio::test]
async fn the_request_says_who_asks() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let reading = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let request = read_request(&mut stream).await.unwrap();
        stream.write_all(ok(GOOD).as_bytes()).await.unwrap();
        request
    });
    let call =
        Call { traceparent: Some("00-1-2-01".into()), ..call(&format!("http://127.0.0.1:{port}/credit/")) };
    assert_eq!(show(client(Limits::default()).call(&call).await), "completed: {\"score\":700}");
    let request = reading.await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    for line in [
        "POST /credit/execute HTTP/1.1",
        "content-type: application/json",
        "accept-encoding: identity",
        "concordat-decision: dec_1",
        "idempotency-key: run_1/credit",
        "concordat-deadline-ms: 5000",
        "concordat-run: run_1",
        "concordat-step: credit",
        "concordat-attempt: 1",
        "concordat-log-size: 7",
        "traceparent: 00-1-2-01",
    ] {
        assert!(head.lines().any(|found| found == line), "{line} is missing in\n{head}");
    }
    assert!(!head.contains("transfer-encoding"), "{head}");
    assert_eq!(body.as_bytes(), call.body());
    assert_eq!(
        body,
        r#"{"jsonrpc":"2.0","method":"check_credit","params":{"applicant_id":"ap-1"},"id":"call-1"}"#
    );
}

#[tokio::test]
async fn connections_are_used_again() {
    let agent = Agent::speaking(ok(GOOD).into(), Then::Next).await;
    let client = client(Limits::default());
    let call = call(&format!("http://127.0.0.1:{}", agent.port));
    for _ in 0..50 {
        assert!(matches!(client.call(&call).await, Answer::Completed(_)));
    }
    assert_eq!(agent.requests(), 50);
}

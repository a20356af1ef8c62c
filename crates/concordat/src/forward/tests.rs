use std::net::SocketAddr;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use concordat_ledger::{Draft, SubjectSeq};
use parking_lot::Mutex;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};

use super::webhook::Secret;
use super::*;

const NOW: i64 = 1_769_903_999;

fn record(index: u64, bytes: usize) -> (u64, Record) {
    let draft = Draft {
        id: &format!("rec_{index}"),
        source: "concordat/test.example",
        kind: "gate.decided",
        subject: "run_1",
        subject_seq: SubjectSeq::new(index).unwrap(),
        time: "2026-01-31T23:59:59.000001Z",
        data: &json!({"decision": {"answer": {"kind": "deny"}}, "text": "é=".repeat(bytes / 3)}),
    };
    (index, draft.seal().unwrap())
}

fn here() -> Manners {
    Manners { egress: Egress { allow_loopback: true, ..Egress::default() }, ..Manners::default() }
}

/// A receiver by HTTP that gives these answers in turn, and remembers what it was asked.
#[derive(Default)]
struct Asked {
    answers: Mutex<Vec<Response>>,
    requests: Mutex<Vec<(HeaderMap, String)>>,
}

async fn listening(answers: Vec<Response>) -> (Arc<Asked>, Destination) {
    let asked = Arc::new(Asked { answers: Mutex::new(answers), ..Asked::default() });
    let take = async |State(asked): State<Arc<Asked>>, headers: HeaderMap, body: Bytes| {
        asked.requests.lock().push((headers, String::from_utf8(body.to_vec()).unwrap()));
        let mut answers = asked.answers.lock();
        if answers.is_empty() { StatusCode::OK.into_response() } else { answers.remove(0) }
    };
    let router = Router::new().route("/v1/logs", post(take)).with_state(asked.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = format!("http://{}/v1/logs?token=a", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (asked, to.parse().unwrap())
}

#[tokio::test]
async fn a_webhook_is_signed_with_every_secret() {
    let secrets: Vec<Secret> = vec![
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap(),
        format!("whsec_{}", "A".repeat(64)).parse().unwrap(),
    ];
    let (asked, to) = listening(vec![StatusCode::SERVICE_UNAVAILABLE.into_response()]).await;
    let receiver = Receiver::new(&to, Form::Jsonl, Manners { secrets: secrets.clone(), ..here() }).unwrap();
    let batch = [record(7, 3), record(9, 3)];
    assert!(matches!(receiver.hand(&batch, NOW).await, Err(NotTaken::Yet { .. })));
    assert_eq!(receiver.hand(&batch, NOW + 5).await, Ok(None));
    let requests = asked.requests.lock();
    for ((headers, body), at) in requests.iter().zip([NOW, NOW + 5]) {
        let header = |name| headers[name].to_str().unwrap().to_owned();
        let id = "concordat-test-example-7-9";
        assert_eq!((header("webhook-id"), header("webhook-timestamp")), (id.to_owned(), at.to_string()));
        let signed: Vec<String> = secrets.iter().map(|secret| secret.sign(id, at, body).unwrap()).collect();
        assert_eq!(header("webhook-signature"), signed.join(" "));
        assert_eq!(header("content-type"), "application/x-ndjson");
        assert_eq!(body.as_bytes(), [batch[0].1.bytes(), b"\n", batch[1].1.bytes(), b"\n"].concat());
    }
}

#[test]
fn signatures_are_those_of_standard_webhooks() {
    // The example of the specification's own libraries.
    let secret: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
    let signed = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
    assert_eq!(signed.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    for odd in ["", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_?"] {
        assert!(odd.parse::<Secret>().is_err(), "{odd}");
    }
    assert_eq!(format!("{secret:?}"), "Secret");
}

#[tokio::test]
async fn whatever_is_no_2xx_is_sent_again() {
    let answer = |status: u16, headers: &[(&'static str, &'static str)]| {
        let mut response = StatusCode::from_u16(status).unwrap().into_response();
        for (name, value) in headers {
            response.headers_mut().insert(*name, value.parse().unwrap());
        }
        response
    };
    for (answer, wanted, after) in [
        (answer(302, &[("location", "/elsewhere")]), "redirects are not followed", None),
        (answer(429, &[("retry-after", "7")]), "429", Some(7)),
        (answer(503, &[("retry-after", "Sun, 01 Feb 2026 00:00:09 GMT")]), "503", Some(10)),
        (answer(503, &[("retry-after", "Mon, 01 Feb 2016 00:00:09 GMT")]), "503", Some(0)),
        (answer(503, &[("retry-after", "99999999")]), "503", Some(3600)),
        (answer(503, &[("retry-after", "soon")]), "503", None),
        (answer(400, &[]), "400", None),
    ] {
        let (asked, to) = listening(vec![answer]).await;
        let receiver = Receiver::new(&to, Form::Ocsf, here()).unwrap();
        let Err(NotTaken::Yet { why, after: pause }) = receiver.hand(&[record(1, 3)], NOW).await else {
            panic!("{wanted}")
        };
        assert!(why.contains(wanted), "{why}");
        assert_eq!(pause, after.map(Duration::from_secs), "{why}");
        assert_eq!(asked.requests.lock().len(), 1);
    }
    let (_, to) = listening(vec![answer(410, &[])]).await;
    let gone = Receiver::new(&to, Form::Ocsf, here()).unwrap().hand(&[record(1, 3)], NOW).await;
    assert!(matches!(gone, Err(NotTaken::Ever(_))));
}

#[tokio::test]
async fn what_a_collector_refuses_is_told() {
    let part = |told: &str| (StatusCode::OK, told.to_owned()).into_response();
    let answers = vec![
        part(r#"{"partialSuccess": {"rejectedLogRecords": "2", "errorMessage": "too\nold"}}"#),
        part(r#"{"partialSuccess": {"rejectedLogRecords": "0"}}"#),
        part("{}"),
        part("not JSON"),
    ];
    let (asked, to) = listening(answers).await;
    let receiver = Receiver::new(&to, Form::Otlp, here()).unwrap();
    let mut told = Vec::new();
    for _ in 0..4 {
        told.push(receiver.hand(&[record(1, 3), record(2, 3)], NOW).await.unwrap());
    }
    assert_eq!(told[0].as_deref(), Some("the collector refused 2 records for good: too\\nold"));
    assert_eq!(told[1..], [None, None, None]);
    let body: serde_json::Value = serde_json::from_str(&asked.requests.lock()[0].1).unwrap();
    assert_eq!(body["resourceLogs"][0]["scopeLogs"][0]["logRecords"].as_array().unwrap().len(), 2);
}

/// Reads the messages of a stream by their lengths.
fn messages(mut stream: &[u8]) -> Vec<String> {
    let mut messages = Vec::new();
    while let Some(space) = stream.iter().position(|byte| *byte == b' ') {
        let length: usize = std::str::from_utf8(&stream[..space]).unwrap().parse().unwrap();
        messages.push(String::from_utf8(stream[space + 1..][..length].to_vec()).unwrap());
        stream = &stream[space + 1 + length..];
    }
    assert!(stream.is_empty());
    messages
}

fn syslog(way: &str, address: SocketAddr) -> Destination {
    format!("syslog+{way}://{address}").parse().unwrap()
}

#[tokio::test]
async fn syslog_by_tcp_is_read_to_the_end_or_sent_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = syslog("tcp", listener.local_addr().unwrap());
    let receiver = Receiver::new(&to, Form::Jsonl, here()).unwrap();
    let batch = [record(7, 3), record(8, 60_000)];
    let reading = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut content = Vec::new();
        stream.read_to_end(&mut content).await.unwrap();
        content
    };
    let (handed, content) = tokio::join!(receiver.hand(&batch, NOW), reading);
    assert_eq!(handed, Ok(None));
    let messages = messages(&content);
    assert_eq!(messages.len(), 2);
    let header = "<108>1 2026-01-31T23:59:59.000001Z test.example concordat - gate.decided ";
    assert!(messages[0].starts_with(header), "{}", messages[0]);
    let parameters = r#"[concordat@32473 index="7" id="rec_7" type="gate.decided" subject="run_1" leaf=""#;
    assert!(messages[0].contains(parameters), "{}", messages[0]);
    assert!(messages[1].as_bytes().ends_with(batch[1].1.bytes()));

    // One that goes away in the middle has not read it: what lies unread in its socket makes that a reset.
    let hanging_up = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_exact(&mut [0; 10]).await.unwrap();
    };
    let (handed, ()) = tokio::join!(receiver.hand(&batch, NOW), hanging_up);
    assert!(matches!(handed, Err(NotTaken::Yet { .. })), "{handed:?}");
    drop(listener);
    assert!(matches!(receiver.hand(&batch, NOW).await, Err(NotTaken::Yet { .. })));
}

#[tokio::test]
async fn syslog_by_udp_leaves_no_record_out_unsaid() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let to = syslog("udp", socket.local_addr().unwrap());
    let receiver = Receiver::new(&to, Form::Cef, here()).unwrap();
    let told = receiver.hand(&[record(7, 3), record(8, 60_000)], NOW).await.unwrap().unwrap();
    assert!(told.starts_with("1 records are too long"), "{told}");
    let mut datagram = vec![0; 70_000];
    let mut next = async || {
        let length = socket.recv(&mut datagram).await.unwrap();
        String::from_utf8(datagram[..length].to_vec()).unwrap()
    };
    let (first, second) = (next().await, next().await);
    assert!(first.starts_with("<108>1 ") && first.contains("] CEF:0|"), "{first}");
    assert!(second.contains("id=\"rec_8\"") && second.contains("fetch it by its id"), "{second}");
}

/// A certificate of `localhost` that openssl made, and a server that has it.
fn certificate() -> (Vec<u8>, tokio_rustls::TlsAcceptor) {
    let folder = tempfile::tempdir().unwrap();
    let made = std::process::Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "9",
        ])
        .args(["-subj", "/CN=receiver", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", "key", "-out", "certificate"])
        .current_dir(&folder)
        .output();
    assert!(made.unwrap().status.success());
    let pem = std::fs::read(folder.path().join("certificate")).unwrap();
    let certificate = CertificateDer::from_pem_slice(&pem).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.path().join("key")).unwrap();
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let server = rustls::ServerConfig::builder_with_provider(Arc::new(provider));
    let server = server.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let server = server.with_single_cert(vec![certificate], key).unwrap();
    (pem, tokio_rustls::TlsAcceptor::from(Arc::new(server)))
}

#[tokio::test]
async fn syslog_by_tls_goes_to_who_proves_its_name() {
    let (pem, acceptor) = certificate();
    let listener = TcpListener::bind("localhost:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let to: Destination = format!("syslog+tls://localhost:{port}").parse().unwrap();
    let accept = async || {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = acceptor.accept(stream).await?;
        let mut content = Vec::new();
        stream.read_to_end(&mut content).await?;
        stream.shutdown().await.unwrap_or_default();
        std::io::Result::Ok(content)
    };
    let batch = [record(7, 3)];
    let known = Manners { authorities: Some(pem), ..here() };
    let receiver = Receiver::new(&to, Form::Jsonl, known).unwrap();
    let (handed, content) = tokio::join!(receiver.hand(&batch, NOW), accept());
    assert_eq!((handed, messages(&content.unwrap()).len()), (Ok(None), 1));
    let stranger = Receiver::new(&to, Form::Jsonl, here()).unwrap();
    let (handed, content) = tokio::join!(stranger.hand(&batch, NOW), accept());
    assert!(content.is_err() && handed.unwrap_err().to_string().contains("there is no TLS"));
}

#[test]
fn records_go_where_an_operator_lets_them() {
    let allow = |host: &str| Egress { allow: vec![host.parse().unwrap()], ..Egress::default() };
    let known = |to: &str, egress: Egress| {
        let to = to.parse::<Destination>().map_err(|error| error.to_string())?;
        Receiver::new(&to, Form::Jsonl, Manners { egress, ..Manners::default() }).map(drop)
    };
    for to in [
        "https://siem.example/hook?key=1",
        "syslog+tls://siem.example:6514",
        "syslog+tls://siem.example:6514/",
    ] {
        assert_eq!(known(to, Egress::default()), Ok(()), "{to}");
    }
    for (to, host) in [
        ("http://siem.example/", "siem.example:80"),
        ("https://10.0.0.7/", "10.0.0.7:443"),
        ("syslog+tcp://siem.example:601", "siem.example:601"),
        ("syslog+udp://10.0.0.7:514", "10.0.0.7:514"),
        ("syslog+tls://10.0.0.7:6514", "10.0.0.7:6514"),
    ] {
        let refused = known(to, Egress::default()).unwrap_err();
        assert!(refused.contains("--allow"), "{to}: {refused}");
        assert_eq!(known(to, allow(host)), Ok(()), "{to}");
    }
    for to in ["", "ftp://a/", "syslog://a:1", "syslog+tcp://a", "syslog+tcp://a:0", "https://u:p@a.example/"]
    {
        assert!(known(to, allow("a:1")).is_err(), "{to}");
    }
    assert!(known("https://169.254.169.254/", allow("169.254.169.254:443")).is_err());
}

//! Streams, and connections over real sockets.

use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::*;

fn streamed(server: &Server, run: &str, last: Option<&str>) -> Request<Body> {
    let request = request("GET", &format!("/v1/contracts/{run}/events"), Some(&server.admin));
    let request = request.header("accept", "text/event-stream");
    match last {
        Some(last) => request.header("last-event-id", last),
        None => request,
    }
    .body(Body::empty())
    .unwrap()
}

/// The ids and types of a whole stream.
async fn read(response: Response) -> Vec<(u64, String)> {
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let text = String::from_utf8(to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec()).unwrap();
    assert!(text.starts_with("retry: 3000\n\n"), "{text}");
    let field = |block: &str, name: &str| {
        block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned))
    };
    text.split("\n\n")
        .filter_map(|block| {
            let data: Value = serde_json::from_str(&field(block, "data")?).unwrap();
            let kind = field(block, "event")?;
            assert_eq!(data["type"], kind.as_str());
            Some((field(block, "id")?.parse().unwrap(), kind))
        })
        .collect()
}

#[tokio::test]
async fn a_stream_follows_a_run_to_its_end_and_resumes() {
    let server = Server::start().await;
    let lend = contract(
        "lend",
        &json!([{"id": "a", "skill": "work"}, {"id": "b", "skill": "work", "needs": ["a"]}]),
    );
    let run = server.submit(&server.admin, "one", &lend).await;
    let whole = read(server.raw(streamed(&server, &run, None)).await).await;
    assert_eq!(whole.first().unwrap().1, "contract.received");
    assert_eq!(whole.last().unwrap().1, "contract.ended");
    assert!(whole.windows(2).all(|pair| pair[0].0 < pair[1].0));
    for cut in [0, 3, whole.len() - 2, whole.len() - 1] {
        let last = whole[cut].0.to_string();
        let rest = read(server.raw(streamed(&server, &run, Some(&last))).await).await;
        assert_eq!(rest, whole[cut + 1..], "after {last}");
    }
    let mut paged = Vec::new();
    let mut after = String::new();
    loop {
        let page =
            server.get(&server.admin, &format!("/v1/contracts/{run}/events?limit=3{after}")).await.body;
        let items = page["items"].as_array().unwrap();
        paged.extend(
            items
                .iter()
                .map(|one| (one["index"].as_u64().unwrap(), one["type"].as_str().unwrap().to_owned())),
        );
        let Some(next) = page["next_after"].as_u64() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(paged, whole);
}

#[tokio::test]
async fn a_stream_ends_with_its_key() {
    let server = Server::start().await;
    let run =
        server.submit(&server.admin, "one", &contract("pay", &json!([{"id": "a", "skill": "hang"}]))).await;
    let key = server.key("vic", "acme", &[Role::Viewer]).await;
    let mut request = streamed(&server, &run, None);
    request.headers_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
    let stream = server.raw(request).await;
    let (root, id) =
        (server.engine.recognise(&server.admin).unwrap(), server.engine.recognise(&key).unwrap().key);
    server.engine.revoke_key(&root, id).await.unwrap();
    assert_eq!(read(stream).await, Vec::new());
}

#[tokio::test]
async fn streams_are_bounded() {
    let server = Server::with(&Config { streams: 1, ..Config::default() }).await;
    let run =
        server.submit(&server.admin, "one", &contract("pay", &json!([{"id": "a", "skill": "hang"}]))).await;
    let first = server.raw(streamed(&server, &run, None)).await;
    let second = server.send(streamed(&server, &run, None)).await;
    assert_eq!((second.status.as_u16(), &second.body["code"]), (503, &json!("streams-exhausted")));
    assert!(second.headers["retry-after"].to_str().unwrap().parse::<u32>().is_ok());
    drop(first);
    let mut third = server.raw(streamed(&server, &run, None)).await.into_body().into_data_stream();
    assert_eq!(third.next().await.unwrap().unwrap(), "retry: 3000\n\n");
}

struct Running {
    address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<std::io::Result<()>>,
}

async fn running(server: &Server, config: Config) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, told) = oneshot::channel::<()>();
    let told = async move {
        let _ = told.await;
    };
    let ended = tokio::spawn(crate::serve(server.engine.clone(), listener, config, told));
    Running { address, stop, ended }
}

async fn talk(stream: &mut TcpStream, text: &str) -> String {
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut buffer = vec![0; 4096];
    let read = stream.read(&mut buffer).await.unwrap();
    String::from_utf8_lossy(&buffer[..read]).into_owned()
}

const LIVEZ: &str = "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";

#[tokio::test]
async fn connections_are_served_bounded_and_let_go() {
    let server = Server::start().await;
    let quick = std::time::Duration::from_millis(100);
    let config = Config { connections_per_address: 2, header_patience: quick, ..Config::default() };
    let running = running(&server, config).await;
    let mut first = TcpStream::connect(running.address).await.unwrap();
    assert!(talk(&mut first, LIVEZ).await.starts_with("HTTP/1.1 200"));
    let mut slow = TcpStream::connect(running.address).await.unwrap();
    slow.write_all(b"GET /livez HTTP/1.1\r\nhost: loc").await.unwrap();
    let mut third = TcpStream::connect(running.address).await.unwrap();
    let refused = talk(&mut third, LIVEZ).await;
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("retry-after: 2"), "{refused}");
    drop(third);
    let mut rest = Vec::new();
    // A client that does not finish its headers is let go.
    let _ = slow.read_to_end(&mut rest).await;
    running.stop.send(()).unwrap();
    running.ended.await.unwrap().unwrap();
    assert!(TcpStream::connect(running.address).await.is_err());
}

#[tokio::test]
async fn stopping_ends_streams_and_finishes_requests() {
    let server = Server::start().await;
    let run =
        server.submit(&server.admin, "one", &contract("pay", &json!([{"id": "a", "skill": "hang"}]))).await;
    let running = running(&server, Config::default()).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let ask = format!(
        "GET /v1/contracts/{run}/events HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\naccept: text/event-stream\r\n\r\n",
        running.address, server.admin,
    );
    assert!(talk(&mut stream, &ask).await.starts_with("HTTP/1.1 200"));
    running.stop.send(()).unwrap();
    running.ended.await.unwrap().unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert!(String::from_utf8_lossy(&rest).ends_with("0\r\n\r\n"), "the stream did not end in order");
}

//! An agent that says whatever it is told to, byte for byte.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What the agent does once it has written its bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Then {
    Close,
    Reset,
    /// Keeps the connection open and says nothing more.
    Stall,
    /// Writes the last piece again and again.
    Flood,
    /// Reads the next request on the same connection.
    Next,
}

pub(super) struct Agent {
    pub(super) port: u16,
    requests: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Agent {
    pub(super) async fn speaking(bytes: Vec<u8>, then: Then) -> Agent {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(AtomicUsize::new(0));
        let count = requests.clone();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(converse(stream, bytes.clone(), then, count.clone()));
            }
        });
        Agent { port, requests, task }
    }

    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

async fn converse(mut stream: TcpStream, bytes: Vec<u8>, then: Then, count: Arc<AtomicUsize>) {
    while read_request(&mut stream).await.is_some() {
        count.fetch_add(1, Ordering::SeqCst);
        let _ = stream.write_all(&bytes).await;
        let piece = [b'x'; 65536];
        while then == Then::Flood && stream.write_all(&piece).await.is_ok() {}
        match then {
            Then::Close | Then::Flood => return,
            Then::Reset => return stream.set_zero_linger().unwrap(),
            Then::Stall => std::future::pending().await,
            Then::Next => {}
        }
    }
}

/// The head and the body of one request.
pub(crate) async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let n = stream.read(&mut buffer).await.ok().filter(|n| *n > 0)?;
        read.extend_from_slice(&buffer[..n]);
        let text = String::from_utf8(read.clone()).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.expect("requests say their length").parse().unwrap() {
            return Some(text);
        }
    }
}

/// One answer in JSON.
pub(crate) async fn reply(stream: &mut TcpStream, body: &str) {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + body).as_bytes()).await.unwrap();
}

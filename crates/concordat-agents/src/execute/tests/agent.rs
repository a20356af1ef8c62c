//! An agent that says whatever it is told to, byte for byte.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What the agent does once it has written its bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Then {
    Close,
    Reset,
    /// Keeps the connection open and says nothing more.
    Stall,
    /// Writes the last piece again and again.
    Flood,
    /// Reads the next request on the same connection.
    Next,
}

pub(crate) struct Agent {
    pub(crate) port: u16,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Agent {
    pub(crate) async fn speaking(bytes: Vec<u8>, then: Then) -> Agent {
        Agent::saying(vec![bytes], then).await
    }

    /// Says one text after the other, a request each, and the last one ever after. `then` follows the last.
    pub(crate) async fn saying(texts: Vec<Vec<u8>>, then: Then) -> Agent {
        Agent::at(TcpListener::bind("127.0.0.1:0").await.unwrap(), texts, then)
    }

    /// The same where it listens already.
    pub(crate) fn at(listener: TcpListener, texts: Vec<Vec<u8>>, then: Then) -> Agent {
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let heard = requests.clone();
        let texts = Arc::new(texts);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(converse(stream, texts.clone(), then, heard.clone()));
            }
        });
        Agent { port, requests, task }
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    /// What was asked, in the order of arrival: heads and bodies.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn converse(
    mut stream: TcpStream,
    texts: Arc<Vec<Vec<u8>>>,
    then: Then,
    heard: Arc<Mutex<Vec<String>>>,
) {
    while let Some(request) = read_request(&mut stream).await {
        let nth = {
            let mut heard = heard.lock().unwrap();
            heard.push(request);
            heard.len() - 1
        };
        let last = nth + 1 >= texts.len();
        let _ = stream.write_all(&texts[nth.min(texts.len() - 1)]).await;
        let then = if last { then } else { Then::Next };
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

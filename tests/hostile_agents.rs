//! Agents that lie, flood, drip and send elsewhere, through the whole product: each attempt ends in a word of its own
//! within the step's time, counts as evidence where it should, and is one request at the agent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use concordat_engine::ports::{Page, RecordFilter};
use concordat_tests::{House, status_of};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::a2a::contract_within;

/// What an agent says to work, `$ID` being the request's id, and what the log says of that.
const MANNERS: [(&str, &str, &str); 9] = [
    ("other-id", r#"{"jsonrpc":"2.0","id":"x","result":{}}"#, "agent-malformed"),
    (
        "both",
        r#"{"jsonrpc":"2.0","id":"$ID","result":{},"error":{"code":1,"message":"x"}}"#,
        "agent-malformed",
    ),
    (
        "two",
        r#"{"jsonrpc":"2.0","id":"$ID","result":{}} {"jsonrpc":"2.0","id":"$ID","result":1}"#,
        "agent-malformed",
    ),
    ("deep", "[[[[", "agent-malformed"),
    ("html", "<!doctype html><h1>Welcome", "agent-malformed"),
    ("bomb", "", "agent-malformed"),
    ("away", "", "agent-malformed"),
    ("flood", "", "agent-malformed"),
    ("drip", "", "unknown"),
];

/// One that speaks these manners to whoever asks for work of that name, over any binding.
struct Villain {
    url: String,
    asked: Arc<Mutex<BTreeMap<String, usize>>>,
    task: JoinHandle<()>,
}

impl Drop for Villain {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Villain {
    async fn start() -> Villain {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<BTreeMap<String, usize>>>::default();
        let heard = asked.clone();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(meet(stream, heard.clone()));
            }
        });
        Villain { url, asked, task }
    }

    fn registration(&self, binding: &str) -> Value {
        let bound = match binding {
            "a2a" => json!({"type": "a2a", "url": self.url, "protocol": "jsonrpc"}),
            other => json!({"type": other, "url": self.url}),
        };
        let skills: Vec<Value> =
            MANNERS.iter().map(|(manner, ..)| json!({"name": format!("{manner}.{binding}")})).collect();
        json!({
            "name": format!("villain.{binding}"), "owner": "villain.example", "domains": ["finance"],
            "binding": bound, "skills": skills,
        })
    }
}

/// One request, answered in the manner that it asks for.
async fn meet(mut stream: TcpStream, asked: Arc<Mutex<BTreeMap<String, usize>>>) {
    let Some(body) = read(&mut stream).await else { return };
    let id = body["id"].as_str().unwrap_or_default();
    let begun =
        json!({"jsonrpc": "2.0", "id": id, "result": {"supportedVersions": ["2026-07-28"]}}).to_string();
    let skill = [
        &body["method"],
        &body["params"]["name"],
        &body["params"]["message"]["metadata"]["concordat"]["skill"],
    ]
    .into_iter()
    .filter_map(Value::as_str)
    .find(|word| word.contains('.'));
    let Some(skill) = skill else {
        // Not work: an MCP server says that it is one, and an A2A agent has no tasks to show.
        let _ = stream.write_all(&whole("", &begun)).await;
        return;
    };
    *asked.lock().unwrap().entry(skill.to_owned()).or_default() += 1;
    let manner = skill.split('.').next().unwrap();
    let said = MANNERS.iter().find(|(name, ..)| *name == manner).unwrap().1.replace("$ID", id);
    let _ = match manner {
        "deep" => stream.write_all(&whole("", &"[".repeat(500_000))).await,
        "bomb" => stream.write_all(&whole("content-encoding: gzip\r\n", "\u{1f}\u{8b}")).await,
        "away" => {
            let away = "HTTP/1.1 307 Away\r\nlocation: http://10.0.0.1/\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(away.as_bytes()).await
        }
        "html" => {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n";
            stream.write_all(format!("{head}{said}").as_bytes()).await
        }
        "flood" | "drip" => endless(&mut stream, manner == "flood").await,
        _ => stream.write_all(&whole("", &said)).await,
    };
}

/// A body without end: as fast as it goes, or a byte a second.
async fn endless(stream: &mut TcpStream, fast: bool) -> std::io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n\"";
    stream.write_all(head.as_bytes()).await?;
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    loop {
        if fast {
            stream.write_all(&[b'x'; 65536]).await?;
        } else {
            seconds.tick().await;
            stream.write_all(b"x").await?;
        }
    }
}

fn whole(headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}")
        .into_bytes()
}

/// The document of one request.
async fn read(stream: &mut TcpStream) -> Option<Value> {
    let mut read = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let n = stream.read(&mut piece).await.ok().filter(|n| *n > 0)?;
        read.extend_from_slice(&piece[..n]);
        let text = String::from_utf8_lossy(&read);
        if let Some((_, body)) = text.split_once("\r\n\r\n")
            && let Ok(document) = serde_json::from_str(body)
        {
            return Some(document);
        }
    }
}

/// The most memory that this process has had so far, in KiB.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_agents_get_a_word_and_no_more() {
    let house = House::open().await;
    let villain = Villain::start().await;
    let bindings = ["execute", "a2a", "mcp"];
    for binding in bindings {
        house.register(villain.registration(binding)).await;
    }
    let before = most_memory();
    let house = &house;
    let runs = bindings.iter().flat_map(|binding| MANNERS.iter().map(move |manner| (binding, manner)));
    let all = runs.map(|(binding, (manner, _, word))| async move {
        let skill = format!("{manner}.{binding}");
        let view = house.carry_out(contract_within(&skill, "3s"), json!({})).await;
        let data = view.records.iter().filter_map(|stored| stored.record.data::<Value>().ok());
        let replies: Vec<Value> = data.filter_map(|data| data.get("reply").cloned()).collect();
        let fits = |reply: &Value| reply["code"] == **word || reply["kind"] == **word;
        let sound = status_of(&view) == "failed" && replies.len() == 1 && replies.iter().all(fits);
        (skill.clone(), (!sound).then(|| format!("{skill}: {}: {replies:?}", status_of(&view))))
    });
    let (skills, wrong): (Vec<String>, Vec<Option<String>>) = join_all(all).await.into_iter().unzip();
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let asked = villain.asked.lock().unwrap().clone();
    assert_eq!(asked, skills.iter().map(|skill| (skill.clone(), 1)).collect());
    // Each is evidence against the skill that it claimed.
    let filter = RecordFilter { types: vec!["trust.changed".to_owned()], ..RecordFilter::default() };
    let changes = house.engine.store().records(&filter, Page::LARGEST).await.unwrap();
    let seen: Vec<String> =
        changes.iter().map(|one| one.record.data::<Value>().unwrap().to_string()).collect();
    for skill in &skills {
        assert!(seen.iter().any(|change| change.contains(&format!("\"{skill}\""))), "{skill}: no evidence");
    }
    // What they would have sent is gigabytes; other tests run beside this one.
    let grown = most_memory() - before;
    assert!(grown < 512 * 1024, "{grown} KiB more");
}

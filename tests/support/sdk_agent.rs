//! Agents on the official SDKs of A2A and of MCP, from PyPI: programs that we did not write, in processes of their own.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::foreign;

/// A program that listens, until it is dropped.
struct Program {
    url: String,
    child: Child,
}

impl Program {
    /// Starts it on a free port and waits until it listens.
    fn start(python: &Path, script: &str, words: &[&str]) -> Program {
        let mut child = Command::new(python)
            .arg("-Wignore")
            .arg(foreign::script(script))
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // It complains at length about every task that comes to nothing.
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        assert!(!url.trim().is_empty(), "{script} does not start");
        Program { url: url.trim().to_owned(), child }
    }

    async fn text(&self, path: &str) -> String {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let reply = client.get(format!("{}{path}", self.url)).send().await.unwrap();
        reply.text().await.unwrap()
    }

    async fn ledger(&self) -> Vec<Value> {
        serde_json::from_str(&self.text("/ledger").await).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// An agent on the SDK of A2A.
pub struct SdkAgent(Program);

impl SdkAgent {
    /// Starts it on a free port and waits until it listens.
    pub fn start() -> SdkAgent {
        SdkAgent(Program::start(&foreign::python(), "a2a_agent.py", &[]))
    }

    /// Where it is; its card is at the well-known place below.
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// What it was asked, and what it was told to cancel, in order.
    pub async fn ledger(&self) -> Vec<Value> {
        self.0.ledger().await
    }

    /// The public key that its card is signed by.
    pub async fn key(&self) -> String {
        self.0.text("/key.pem").await
    }

    /// A registration of it under this binding. Skills are told apart by a suffix, so that each agent has its own.
    pub fn registration(&self, suffix: &str, binding: &Value) -> Value {
        let skills: Vec<Value> =
            SKILLS.iter().map(|skill| json!({"name": format!("{skill}.{suffix}")})).collect();
        let mut whole = binding.clone();
        whole["type"] = json!("a2a");
        whole["url"] = json!(format!("{}{}", self.0.url, binding["url"].as_str().unwrap()));
        json!({
            "name": format!("bureau.{suffix}"), "owner": "bureau.example", "domains": ["finance"],
            "binding": whole, "skills": skills,
        })
    }
}

/// A server of tools on the SDK of MCP.
pub struct SdkTools(Program);

impl SdkTools {
    /// Starts it: the SDK of sessions if it is to be the `older` one, with answers as streams if `events`. The names
    /// of its tools end in `suffix`.
    pub fn start(suffix: &str, older: bool, events: bool) -> SdkTools {
        let python = if older { foreign::older_python() } else { foreign::python() };
        SdkTools(Program::start(&python, "mcp_agent.py", &[suffix, if events { "events" } else { "json" }]))
    }

    /// Its endpoint.
    pub fn endpoint(&self) -> String {
        format!("{}/mcp", self.0.url)
    }

    /// Which tools were called, and which calls were cancelled, in order.
    pub async fn ledger(&self) -> Vec<Value> {
        self.0.ledger().await
    }
}

const SKILLS: [&str; 14] = [
    "answer", "fail", "reject", "stop", "ask", "ponder", "nag", "login", "slow", "stuck", "say", "chunks",
    "raise", "file",
];

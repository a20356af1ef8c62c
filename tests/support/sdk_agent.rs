//! An agent on the official A2A SDK, from PyPI: a program that we did not write, in a process of its own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::foreign;

/// The agent, until it is dropped.
pub struct SdkAgent {
    url: String,
    child: Child,
}

impl SdkAgent {
    /// Starts it on a free port and waits until it listens.
    pub fn start() -> SdkAgent {
        let mut child = Command::new(foreign::python())
            .arg("-Wignore")
            .arg(foreign::script("a2a_agent.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // It complains at length about every task that comes to nothing.
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        assert!(!url.trim().is_empty(), "the agent on the A2A SDK does not start");
        SdkAgent { url: url.trim().to_owned(), child }
    }

    /// Where it is; its card is at the well-known place below.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it was asked, and what it was told to cancel, in order.
    pub async fn ledger(&self) -> Vec<Value> {
        serde_json::from_str(&self.text("/ledger").await).unwrap()
    }

    /// The public key that its card is signed by.
    pub async fn key(&self) -> String {
        self.text("/key.pem").await
    }

    async fn text(&self, path: &str) -> String {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let reply = client.get(format!("{}{path}", self.url)).send().await.unwrap();
        reply.text().await.unwrap()
    }

    /// A registration of it under this binding. Skills are told apart by a suffix, so that each agent has its own.
    pub fn registration(&self, suffix: &str, binding: &Value) -> Value {
        let skills: Vec<Value> =
            SKILLS.iter().map(|skill| json!({"name": format!("{skill}.{suffix}")})).collect();
        let mut whole = binding.clone();
        whole["type"] = json!("a2a");
        whole["url"] = json!(format!("{}{}", self.url, binding["url"].as_str().unwrap()));
        json!({
            "name": format!("bureau.{suffix}"), "owner": "bureau.example", "domains": ["finance"],
            "binding": whole, "skills": skills,
        })
    }
}

impl Drop for SdkAgent {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

const SKILLS: [&str; 12] =
    ["answer", "fail", "reject", "stop", "ask", "login", "slow", "stuck", "say", "chunks", "raise", "file"];

//! A server in a process of its own, which can be killed and started again on the same folder.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};
use concordat::config::ServeConfig;
use concordat::server::Server;
use serde_json::{Value, json};

/// Serves until the process is told to end, and says on standard output where, and with which first key.
pub(crate) async fn serve(config: ServeConfig) -> anyhow::Result<()> {
    let server = Server::start(config).await?;
    println!("{}", json!({ "url": server.url, "key": server.first_key }));
    let mut end = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    end.recv().await;
    server.shutdown().await
}

/// A server process.
pub(crate) struct House {
    child: Child,
    /// Where it is reached.
    pub(crate) url: String,
    /// The first key, if this start made it.
    pub(crate) key: Option<String>,
}

impl House {
    /// Starts a server on this folder and waits until it answers.
    pub(crate) fn start(listen: SocketAddr, data: &Path) -> anyhow::Result<House> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([
                "serve",
                "--allow-loopback-agents",
                "--instance",
                "campaign",
                "--listen",
                &listen.to_string(),
                "--data",
            ])
            .arg(data)
            .stdout(Stdio::piped())
            .spawn()
            .context("the server process does not start")?;
        let output = child.stdout.take().context("the server process has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let Ok(told) = serde_json::from_str::<Value>(&line) else {
            bail!("the server process ended before it served (`{}`)", line.trim());
        };
        let text = |name: &str| told.get(name).and_then(Value::as_str).map(str::to_owned);
        Ok(House { url: text("url").context("the server process gives no URL")?, key: text("key"), child })
    }

    /// Ends it as a power cut ends a process: at once.
    pub(crate) fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Ends it in order.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        Command::new("kill").arg(self.child.id().to_string()).status()?;
        self.child.wait()?;
        Ok(())
    }

    /// The processor time that it has used, in milliseconds.
    pub(crate) fn cpu_ms(&self) -> anyhow::Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name in brackets may hold spaces; the 14th and 15th fields are user and system time in 1/100 s.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |nth: usize| fields.get(nth).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
        Ok((ticks(11) + ticks(12)) * 10.0)
    }

    /// The most memory that it has used, in MiB.
    pub(crate) fn peak_mib(&self) -> anyhow::Result<f64> {
        self.memory("VmHWM:")
    }

    /// The memory that it uses now, in MiB.
    pub(crate) fn resident_mib(&self) -> anyhow::Result<f64> {
        self.memory("VmRSS:")
    }

    fn memory(&self, name: &str) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        Ok(kib.unwrap_or(0.0) / 1024.0)
    }
}

impl Drop for House {
    fn drop(&mut self) {
        // A campaign that failed must not leave a server behind; one that was waited for is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A free port of this machine.
pub(crate) fn free_port() -> anyhow::Result<SocketAddr> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

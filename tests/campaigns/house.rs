//! A server in a process of its own, which can be killed and started again on the same folder.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use concordat::config::ServeConfig;
use concordat::server::Server;
use serde_json::{Value, json};

/// Says where the server process is to die.
const POINTS: &str = "CONCORDAT_FAILPOINTS";

/// Serves until the process is told to end, and says on standard output where, and with which first key.
pub(crate) async fn serve(config: ServeConfig) -> anyhow::Result<()> {
    // Only here: the product arms no points.
    if let Ok(points) = std::env::var(POINTS) {
        concordat_engine::failpoint::arm(&points)?;
    }
    let server = match Server::start(config).await {
        Ok(server) => server,
        Err(error) => {
            println!("{error:#}");
            return Err(error);
        }
    };
    println!("{}", json!({ "url": server.url, "key": server.first_key, "process": std::process::id() }));
    let mut end = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    end.recv().await;
    server.shutdown().await
}

/// A server process.
pub(crate) struct House {
    /// The server, or the program that watches it.
    child: Child,
    /// The server.
    process: u32,
    /// Where it is reached.
    pub(crate) url: String,
    /// The first key, if this start made it.
    pub(crate) key: Option<String>,
}

/// Where a server lives.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// Its folder.
    pub(crate) data: PathBuf,
    /// Its database, unless it is in the folder.
    pub(crate) database: Option<String>,
    /// More arguments.
    pub(crate) more: Vec<String>,
    /// A program that watches it, with its arguments.
    pub(crate) watcher: Vec<String>,
}

impl Setup {
    /// A server in a folder, with nothing special about it.
    pub(crate) fn new(listen: SocketAddr, data: &Path) -> Setup {
        Setup { listen, data: data.to_owned(), database: None, more: Vec::new(), watcher: Vec::new() }
    }
}

/// What became of a start.
pub(crate) enum Started {
    /// It answers.
    House(House),
    /// It ended before it served, with these words.
    Dead(ExitStatus, String),
}

impl Started {
    /// The server, when it lives; `name` is what was started.
    pub(crate) fn alive(self, name: &str) -> anyhow::Result<House> {
        match self {
            Started::House(house) => Ok(house),
            Started::Dead(_, said) => bail!("`{name}` ended before the server served (`{said}`)"),
        }
    }
}

impl House {
    /// Starts a server on this folder and waits until it answers.
    pub(crate) fn start(listen: SocketAddr, data: &Path) -> anyhow::Result<House> {
        House::start_in(&Setup::new(listen, data), None)
    }

    /// Starts a server and waits until it answers; `points` says where it is to die.
    pub(crate) fn start_in(setup: &Setup, points: Option<&str>) -> anyhow::Result<House> {
        let started = setup.watcher.first().map_or("the server", String::as_str);
        House::start_or_die(setup, points)?.alive(started)
    }

    /// Starts a server, which may die on the way to its first answer.
    pub(crate) fn start_or_die(setup: &Setup, points: Option<&str>) -> anyhow::Result<Started> {
        let program = std::env::current_exe()?;
        let mut serve = match setup.watcher.as_slice() {
            [] => Command::new(program),
            [watcher, arguments @ ..] => {
                let mut serve = Command::new(watcher);
                serve.args(arguments).arg(program);
                serve
            }
        };
        serve.args(["serve", "--allow-loopback-agents", "--instance", "campaign", "--listen"]);
        serve.arg(setup.listen.to_string()).arg("--data").arg(&setup.data).stdout(Stdio::piped());
        if let Some(database) = &setup.database {
            serve.arg("--database").arg(database);
        }
        serve.args(&setup.more);
        if let Some(points) = points {
            serve.env(POINTS, points);
        }
        House::spawn(&mut serve)
    }

    /// Starts a program that says where it is reached, and waits until it does.
    pub(crate) fn spawn(program: &mut Command) -> anyhow::Result<Started> {
        // Where `RUST_BACKTRACE` is set, every error within Rego would collect one: a third of all time is theirs then.
        program.env("RUST_LIB_BACKTRACE", "0");
        let name = program.get_program().display().to_string();
        let child = program.stdout(Stdio::piped()).spawn();
        let mut child = child.with_context(|| format!("`{name}` does not start"))?;
        let output = child.stdout.take().context("the server process has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let Ok(told) = serde_json::from_str::<Value>(&line) else {
            return Ok(Started::Dead(child.wait()?, line.trim().to_owned()));
        };
        let text = |name: &str| told.get(name).and_then(Value::as_str).map(str::to_owned);
        let url = text("url").context("the server process gives no URL")?;
        let process = told.get("process").and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
        let process = process.unwrap_or(child.id());
        Ok(Started::House(House { process, child, url, key: text("key") }))
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Ends it as a power cut ends a process: at once.
    pub(crate) fn kill(self) -> anyhow::Result<()> {
        self.end("-KILL")
    }

    /// Ends it in order.
    pub(crate) fn stop(self) -> anyhow::Result<()> {
        self.end("-TERM")
    }

    fn end(mut self, signal: &str) -> anyhow::Result<()> {
        Command::new("kill").arg(signal).arg(self.process.to_string()).status()?;
        if self.process != self.child.id() {
            // Whoever watches more than the server would go on; what was seen is written down when it ends.
            while Path::new(&format!("/proc/{}", self.process)).exists() {
                std::thread::sleep(Duration::from_millis(5));
            }
            Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status()?;
        }
        self.child.wait()?;
        Ok(())
    }

    /// Its process.
    pub(crate) fn process(&self) -> u32 {
        self.process
    }

    /// The processor time that it has used, in milliseconds.
    pub(crate) fn cpu_ms(&self) -> anyhow::Result<f64> {
        cpu_ms_of(&self.process.to_string())
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
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        Ok(kib.unwrap_or(0.0) / 1024.0)
    }
}

impl Drop for House {
    fn drop(&mut self) {
        // A campaign that failed must not leave a server behind; one that was waited for is gone already.
        if let Ok(None) = self.child.try_wait() {
            // The server first: without its watcher it would go on.
            let server = self.process.to_string();
            let _ = Command::new("kill").args(["-KILL", &server]).stderr(Stdio::null()).status();
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// The processor time that a process has used, in milliseconds; `self` is this one.
pub(crate) fn cpu_ms_of(process: &str) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name in brackets may hold spaces; the 14th and 15th fields are user and system time in 1/100 s.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |nth: usize| fields.get(nth).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    Ok((ticks(11) + ticks(12)) * 10.0)
}

/// A free port of this machine.
pub(crate) fn free_port() -> anyhow::Result<SocketAddr> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

//! A system under test with everything around it: its process, its database, the agent, and what it used so far.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::ValueEnum;
use concordat::client::Client;
use concordat_server::api::keys::{NewKey, Role};
use concordat_tests_postgres::Server;
use tempfile::TempDir;

use super::agent::Agent;
use super::clock::now;
use super::load::Caller;
use crate::house::{House, Setup, free_port};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum System {
    /// A program that only makes the HTTP calls.
    Floor,
    /// Concordat on SQLite.
    Sqlite,
    /// Concordat on PostgreSQL.
    Postgres,
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            System::Floor => "floor",
            System::Sqlite => "SQLite",
            System::Postgres => "PostgreSQL",
        })
    }
}

/// What was used, in all or between two moments.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Used {
    /// CPU-ms of the process.
    pub(super) cpu: f64,
    /// CPU-ms of the database server, where there is one.
    pub(super) database_cpu: f64,
    /// Bytes by which the database grew.
    pub(super) grown: f64,
    /// Bytes that were written for it, those of its write-ahead log included.
    pub(super) written: f64,
    /// Records in the log.
    pub(super) records: f64,
}

impl Used {
    pub(super) fn since(self, before: Used) -> Used {
        Used {
            cpu: self.cpu - before.cpu,
            database_cpu: self.database_cpu - before.database_cpu,
            grown: self.grown - before.grown,
            written: self.written - before.written,
            records: self.records - before.records,
        }
    }
}

/// A running system.
pub(super) struct Bed {
    pub(super) house: House,
    pub(super) caller: Caller,
    more: Vec<String>,
    folder: TempDir,
    database: Option<(Server, String)>,
    http: reqwest::Client,
    /// Lets read the server's figures; the floor has none.
    key: Option<String>,
}

impl Bed {
    /// Starts a system in a fresh folder under this one, with these flags of `serve`.
    pub(super) async fn start(system: System, under: &Path, flags: &[&str]) -> anyhow::Result<Bed> {
        let folder = tempfile::Builder::new().prefix("bench").tempdir_in(under)?;
        let agent = Agent::start().await?;
        let http = reqwest::Client::builder().no_proxy().build()?;
        let mut more: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
        if system == System::Floor {
            let mut floor = Command::new(std::env::current_exe()?);
            let house = House::spawn(floor.args(["floor", "--agent", &agent.url]))?.alive("the floor")?;
            let client = Client::new(&house.url, None)?;
            let caller = Caller { client, agent, nth: Arc::default() };
            return Ok(Bed { house, caller, more, folder, database: None, http, key: None });
        }
        let database = match system {
            System::Postgres => {
                let server = Server::start(under, &[])?;
                let address = server.database()?;
                more.extend(["--database".to_owned(), address.clone()]);
                Some((server, address))
            }
            _ => None,
        };
        let setup = Setup { more: more.clone(), ..Setup::new(free_port()?, folder.path()) };
        let house = House::start_in(&setup, None)?;
        let admin = Client::new(&house.url, house.key.as_deref())?;
        admin.register(serde_json::to_vec(&agent.registration())?, "application/json").await?;
        let key =
            NewKey { name: "load".to_owned(), tenant: "default".to_owned(), roles: vec![Role::Submitter] };
        let client = Client::new(&house.url, Some(&admin.create_key(&key).await?.key))?;
        let caller = Caller { client, agent, nth: Arc::default() };
        let key = house.key.clone();
        Ok(Bed { house, caller, more, folder, database, http, key })
    }

    /// Who may do everything here.
    pub(super) fn admin(&self) -> anyhow::Result<Client> {
        Ok(Client::new(&self.house.url, self.key.as_deref())?)
    }

    /// Kills it and starts it again; gives itself, and how long it took from start to first answer.
    pub(super) fn again(self) -> anyhow::Result<(Bed, Duration)> {
        let Bed { house, caller, more, folder, database, http, key } = self;
        let listen = house.url.trim_start_matches("http://").parse()?;
        house.kill()?;
        let began = now();
        // The agent answers on another thread meanwhile.
        let setup = Setup { more: more.clone(), ..Setup::new(listen, folder.path()) };
        let house = tokio::task::block_in_place(|| House::start_in(&setup, None))?;
        Ok((Bed { house, caller, more, folder, database, http, key }, began.elapsed()))
    }

    /// What it used so far.
    pub(super) async fn used(&self) -> anyhow::Result<Used> {
        let mut used = Used { cpu: self.house.cpu_ms()?, ..Used::default() };
        match &self.database {
            Some((server, address)) => {
                let number = |sql: &str| -> anyhow::Result<f64> { Ok(server.ask(address, sql)?.parse()?) };
                used.grown = number("select pg_database_size(current_database())")?;
                used.written = number("select pg_current_wal_lsn() - '0/0'")?;
                used.database_cpu = family_cpu_ms(server.process()?)?;
            }
            None => {
                used.grown = size(self.folder.path())?;
                used.written = written(self.house.process())?;
            }
        }
        used.records = self.figure("audit_entries").await?.unwrap_or_default();
        Ok(used)
    }

    /// Waits until every contract is over.
    pub(super) async fn over(&self) -> anyhow::Result<()> {
        while self.figure("contracts_active").await?.is_some_and(|open| open > 0.0) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Comes when there is no contract under way for a second.
    pub(super) async fn ended_early(&self) -> anyhow::Result<()> {
        let mut before = false;
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let none = self.figure("contracts_active").await? == Some(0.0);
            if none && before {
                return Ok(());
            }
            before = none;
        }
    }

    /// A figure that the server gives about itself; the floor gives none.
    pub(super) async fn figure(&self, name: &str) -> anyhow::Result<Option<f64>> {
        let Some(key) = &self.key else { return Ok(None) };
        let answer = self.http.get(format!("{}/metrics", self.house.url)).bearer_auth(key).send().await?;
        let text = answer.error_for_status()?.text().await?;
        let line = text.lines().filter(|line| !line.starts_with('#')).find(|line| line.contains(name));
        let value = line.and_then(|line| line.rsplit(' ').next()).with_context(|| format!("no `{name}`"))?;
        Ok(Some(value.parse()?))
    }
}

/// The bytes of a folder's files.
fn size(folder: &Path) -> anyhow::Result<f64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes as f64)
}

/// The bytes that a process had written to disks.
fn written(process: u32) -> anyhow::Result<f64> {
    let told = fs::read_to_string(format!("/proc/{process}/io"))?;
    let line = told.lines().find_map(|line| line.strip_prefix("write_bytes:"));
    Ok(line.context("the system does not tell what was written")?.trim().parse()?)
}

/// CPU-ms of a process and of its children, those that ended included.
fn family_cpu_ms(first: u32) -> anyhow::Result<f64> {
    let mut ticks = 0.0;
    for entry in fs::read_dir("/proc")? {
        let path: PathBuf = entry?.path();
        // Others end while we look.
        let Ok(stat) = fs::read_to_string(path.join("stat")) else { continue };
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let number = |nth: usize| fields.get(nth).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
        let is_first = path.file_name().is_some_and(|name| name.to_string_lossy() == first.to_string());
        if is_first {
            ticks += number(11) + number(12) + number(13) + number(14);
        } else if number(1) == f64::from(first) {
            ticks += number(11) + number(12);
        }
    }
    Ok(ticks * 10.0)
}

//! The stage: a server with a fresh database, agents on free ports, and a key for everybody who plays a part.
//!
//! Everything on it goes through the API, as it would from another machine. It lives in a folder of its own, which
//! is removed with it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use concordat_engine::ports::{Clock, SystemClock};
use concordat_model::span::Span;
use concordat_server::api::agents::{AgentDetail, AgentsQuery};
use concordat_server::api::contracts::ContractsQuery;
use concordat_server::api::keys::{NewKey, Role};
use futures_util::future::try_join_all;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::agents::{SampleAgent, Skill, fleet, serve};
use super::stopwatch::Stopwatch;
use super::trials::trial;
use crate::bundle_signature::BundleSignature;
use crate::client::Client;
use crate::config::ServeConfig;
use crate::limits::Limits;
use crate::log_key::elsewhere::Elsewhere;
use crate::server::{RunningServer, Server};

/// A server, its agents and its people.
pub struct Stage {
    /// The server.
    pub server: RunningServer,
    /// The handles to the agents, as their owners have them.
    pub agents: Vec<SampleAgent>,
    /// The people, each with a key of their own.
    pub people: People,
    folder: PathBuf,
    stop: watch::Sender<bool>,
}

/// The people, as clients of the server.
pub struct People {
    /// Sends contracts, and may answer reviews of others.
    pub sam: Person,
    /// Answers reviews.
    pub rita: Person,
    /// Runs the agents.
    pub ada: Person,
    /// Asks what happened, and proves it.
    pub otto: Person,
    /// Writes policies.
    pub ann: Person,
    /// Promotes the policies that others wrote.
    pub pat: Person,
}

/// Somebody with a key.
pub struct Person {
    /// Their name.
    pub name: &'static str,
    /// What they may be.
    pub roles: Vec<Role>,
    /// Their key.
    pub key: String,
    /// The client that presents it.
    pub client: Client,
}

/// How long agents may take to earn trust before something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a list is looked at.
const LOOK: Duration = Duration::from_millis(25);

impl Stage {
    /// Sets everything up: nobody has proven anything yet.
    ///
    /// # Errors
    /// Whatever keeps a part from being set up.
    pub async fn set() -> Result<Stage> {
        let folder = fresh_folder()?;
        let config = ServeConfig {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            hosts: Vec::new(),
            public_url: None,
            data: folder.clone(),
            database: None,
            contracts: None,
            policies: None,
            allow_loopback_agents: true,
            allow_agents: Vec::new(),
            log_key: Elsewhere::default(),
            agent_credentials: None,
            safe_key: None,
            install_policies: false,
            bundle_signature: BundleSignature::default(),
            freeze_learning: false,
            probe_every: None,
            accept_restored_log: None,
            review_expiry: Span::seconds(24 * 60 * 60),
            instance: "demo".to_owned(),
            limits: Limits::default(),
        };
        let server = Server::start(config).await?;
        let first = server.first_key.clone().context("a fresh installation makes a first key")?;
        let admin = Client::new(&server.url, Some(&first))?;
        let people = People {
            sam: person(&server.url, &admin, "sam", vec![Role::Submitter, Role::Reviewer]).await?,
            rita: person(&server.url, &admin, "rita", vec![Role::Reviewer]).await?,
            ada: person(&server.url, &admin, "ada", vec![Role::RegistryAdmin]).await?,
            otto: person(&server.url, &admin, "otto", vec![Role::Auditor]).await?,
            ann: person(&server.url, &admin, "ann", vec![Role::PolicyAuthor]).await?,
            pat: person(&server.url, &admin, "pat", vec![Role::PolicyAuthor]).await?,
        };
        let (stop, _) = watch::channel(false);
        let stage = Stage { server, agents: fleet(), people, folder, stop };
        stage.register().await?;
        Ok(stage)
    }

    /// The folder with the database and the log's keys.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The skills that the agents offer, each once.
    #[must_use]
    pub fn skills(&self) -> Vec<&Skill> {
        let offered = self.agents.iter().flat_map(SampleAgent::skills);
        let by_name: BTreeMap<&str, &Skill> = offered.map(|skill| (skill.name, skill.as_ref())).collect();
        by_name.into_values().collect()
    }

    /// Lets agents earn trust in these skills by doing their trials. A skill that several agents share is tried as
    /// often as it is offered, so that each of them gets enough to do.
    ///
    /// # Errors
    /// A trial is refused, or does not come to an end.
    pub async fn earn(&self, skills: &[&Skill]) -> Result<()> {
        let offers = |skill: &Skill| {
            self.agents.iter().filter(|agent| agent.skills().iter().any(|one| one.name == skill.name)).count()
        };
        for round in 0.. {
            let still: Vec<&Skill> = skills.iter().copied().filter(|skill| offers(skill) > round).collect();
            if still.is_empty() {
                break;
            }
            self.earn_once(&still).await?;
        }
        Ok(())
    }

    /// One trial of each skill, all at the same time.
    async fn earn_once(&self, skills: &[&Skill]) -> Result<()> {
        let client = &self.people.sam.client;
        let trials = skills.iter().map(|skill| submit(client, trial(skill)));
        let submitted: Vec<String> = try_join_all(trials).await?.into_iter().flatten().collect();
        let begun = Stopwatch::start();
        loop {
            let query = ContractsQuery { limit: Some(1000), ..ContractsQuery::default() };
            let list = client.contracts(&query).await?.items;
            let mut ours = list.iter().filter(|row| submitted.contains(&row.run));
            if let Some(odd) = ours.clone().find(|row| row.ended.is_some() && row.status != "completed") {
                bail!("the trial `{}` is {}: see `concordat why {}`", odd.contract, odd.status, odd.run);
            }
            if ours.all(|row| row.ended.is_some()) {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                bail!("the trials did not end within {} seconds", PATIENCE.as_secs());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Every agent as the registry knows it, with the trust that it has earned.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn registry(&self) -> Result<Vec<AgentDetail>> {
        let client = &self.people.ada.client;
        let rows = client.agents(&AgentsQuery::default()).await?.items;
        Ok(try_join_all(rows.iter().map(|row| client.agent(&row.id))).await?)
    }

    /// Stops everything, and removes the folder.
    ///
    /// # Errors
    /// The server crashed, or the folder cannot be removed.
    pub async fn strike(self) -> Result<()> {
        self.stop.send_replace(true);
        self.server.shutdown().await?;
        std::fs::remove_dir_all(&self.folder)
            .with_context(|| format!("the folder `{}` cannot be removed", self.folder.display()))
    }

    /// Starts the agents and registers each under the port that it got.
    async fn register(&self) -> Result<()> {
        for agent in &self.agents {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let url = format!("http://{}", listener.local_addr()?);
            let mut stopping = self.stop.subscribe();
            let stopped = async move {
                // An error means that the stage is gone, which stops them as well.
                let _ = stopping.wait_for(|stop| *stop).await;
            };
            tokio::spawn(serve(agent.clone(), listener, stopped));
            let document = serde_json::to_vec(&agent.registration(&url))?;
            let registered = self.people.ada.client.register(document, "application/json").await;
            registered.with_context(|| format!("`{}` cannot be registered", agent.profile().name))?;
        }
        Ok(())
    }
}

/// Sends a submission, and gives the runs of its contracts.
///
/// # Errors
/// The server does not take it in.
pub(super) async fn submit(client: &Client, document: Value) -> Result<Vec<String>> {
    let key = format!("demo-{}", SystemClock.uuid());
    let submitted = client.submit(serde_json::to_vec(&document)?, "application/json", &key).await?;
    Ok(submitted.receipt.contracts.into_iter().map(|line| line.run).collect())
}

async fn person(url: &str, admin: &Client, name: &'static str, roles: Vec<Role>) -> Result<Person> {
    let new = NewKey { name: name.to_owned(), tenant: "default".to_owned(), roles: roles.clone() };
    let key = admin.create_key(&new).await?.key;
    let client = Client::new(url, Some(&key))?;
    Ok(Person { name, roles, key, client })
}

/// A folder that nobody had before, and that nobody else may look into.
fn fresh_folder() -> Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("concordat-demo-{}", SystemClock.uuid().simple()));
    let made = std::fs::DirBuilder::new().mode(0o700).create(&folder);
    made.with_context(|| format!("the folder `{}` cannot be made", folder.display()))?;
    Ok(folder)
}

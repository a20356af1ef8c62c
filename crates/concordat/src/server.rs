//! Puts the parts together: store, policy, classifier, agents, engine, HTTP. Nothing else knows all of them.

use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use concordat_agents::HttpAgents;
use concordat_agents::egress::Egress;
use concordat_classify::Classifier;
use concordat_engine::ports::SystemClock;
use concordat_engine::{Engine, Parts, Restored};
use concordat_ledger::Checkpoint;
use concordat_model::principal::{Principal, Role};
use concordat_policy::{Bundle, Policy};
use concordat_server::Config;
use concordat_store::{Database, Signing};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::agent_credentials;
use crate::config::ServeConfig;
use crate::log_key::rotation::{self, Rotated};
use crate::{anchor, log_key, policies, policy_worker, safe_key, templates};

/// No agent is tried more often than this.
const OFTEN: Duration = Duration::from_secs(60);

/// Starts servers.
#[derive(Debug)]
pub struct Server;

/// A server that takes requests until it is shut down.
pub struct RunningServer {
    /// Where it is reached.
    pub url: String,
    /// The installation's first key, when this start made it. It is stored nowhere.
    pub first_key: Option<String>,
    /// The engine behind it.
    pub engine: Engine,
    /// Where the newest checkpoint is kept.
    data: PathBuf,
    /// How long agents are waited for when it is shut down.
    patience: Duration,
    stop: watch::Sender<bool>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Server {
    /// Opens everything and begins to serve. When this returns, requests are answered.
    ///
    /// # Errors
    /// Whatever keeps a part from being opened, in the operator's words.
    pub async fn start(config: ServeConfig) -> Result<RunningServer> {
        let listener = TcpListener::bind(config.listen).await;
        let listener = listener.with_context(|| format!("nobody can listen on {}", config.listen))?;
        let address = listener.local_addr().context("the listening address cannot be read")?;
        let bundles = config.bundle_signature.trusted()?;
        let Opened { parts, restored, rotated } = open(&config, address).await?;
        let engine = Engine::start(parts).await?;
        if let Some(restored) = restored {
            engine.record_restored(&restored).await?;
        }
        if let Some(rotated) = rotated {
            engine.record_rotated_key(&rotated).await?;
            rotation::told(&config.data)?;
        }
        let first_key = engine.first_key(first_principal()?).await?.map(|key| key.text);
        tokio::spawn(anchor::keep(engine.clone(), config.data.clone()));
        if let Some(every) = config.probe_every {
            let (engine, every) = (engine.clone(), every.duration().max(OFTEN));
            tokio::spawn(async move { engine.keep_probing(every).await });
        }
        let (stop, mut stopping) = watch::channel(false);
        let asked_to_stop = async move {
            // An error means that the running server was dropped, which stops it as well.
            let _ = stopping.wait_for(|stop| *stop).await;
        };
        let patience = config.limits.drain();
        let limits = Config {
            hosts: config.hosts,
            public_url: config.public_url,
            bundles,
            log_keys: log_key::published(&config.data)?,
            ..Config::default()
        };
        let serving = tokio::spawn(concordat_server::serve(engine.clone(), listener, limits, asked_to_stop));
        let url = format!("http://{address}");
        Ok(RunningServer { url, first_key, engine, data: config.data, patience, stop, serving })
    }
}

impl RunningServer {
    /// Takes nothing new in, waits for agents, stops taking requests, lets those in hand finish, and closes the log.
    ///
    /// # Errors
    /// The listener broke before, or a part of the server crashed.
    pub async fn shutdown(self) -> Result<()> {
        self.engine.drain(self.patience).await;
        self.stop.send_replace(true);
        let served = self.serving.await;
        // The log is closed whatever became of the listener.
        if let Err(error) = anchor::write(&self.data, &**self.engine.store()).await {
            tracing::warn!(%error, "{error}");
        }
        self.engine.stop().await;
        served.map_err(|_| anyhow!("the server crashed while it stopped"))?.context("the listener broke")
    }

    /// Waits until the listener breaks, which it should not.
    pub async fn broken(&mut self) {
        let _ = (&mut self.serving).await;
    }
}

/// Everything that was opened, and what the log is to be told of it.
struct Opened {
    parts: Parts,
    restored: Option<Restored>,
    rotated: Option<Rotated>,
}

async fn open(config: &ServeConfig, address: SocketAddr) -> Result<Opened> {
    let folder = || format!("the data folder `{}` cannot be made", config.data.display());
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&config.data).with_context(folder)?;
    let signing = log_key::open(&config.data, &format!("concordat/{}", config.instance), &config.log_key)?;
    let keys: Vec<_> = signing.earlier.iter().chain([signing.signer.verifier()]).cloned().collect();
    let rotated = rotation::untold(&config.data, signing.signer.verifier());
    let anchor = anchor::read(&config.data, &keys);
    let restored = match &config.accept_restored_log {
        None => None,
        Some(reason) => {
            let size = anchor.as_ref().ok().and_then(Option::as_ref).map(Checkpoint::size);
            Some(Restored { reason: reason.clone(), anchored: size })
        }
    };
    let anchor = if restored.is_some() { None } else { anchor? };
    let database = config.database()?;
    let store = database.open(Signing { anchor, ..signing }).await?;
    let bundle = match &config.policies {
        Some(folder) => policies::of_folder(folder)?,
        None => Bundle::standard(),
    };
    let known = match &config.contracts {
        Some(folder) => templates::of_folder(folder)?,
        None => templates::standard()?,
    };
    let egress = Egress {
        allow_loopback: config.allow_loopback_agents,
        allow: config.allow_agents.clone(),
        deny: own_sockets(address, &database).await?,
    };
    let agents = HttpAgents::known_by(egress, agent_credentials::of(config)?);
    let agents = match &config.public_url {
        Some(url) => agents.reached_at(url),
        None => agents,
    };
    let parts = Parts {
        store,
        transport: Arc::new(agents),
        clock: Arc::new(SystemClock),
        policy: Policy::load(&bundle)?,
        install_policy: config.install_policies,
        inspect: policy_worker::inspector(),
        classifier: Classifier::standard()?,
        templates: known,
        instance: config.instance.clone(),
        review_expiry: config.review_expiry,
        bounds: config.limits.bounds(),
        settings: config.settings(),
        safe: safe_key::open(config)?,
    };
    Ok(Opened { parts, restored, rotated })
}

/// Where we listen ourselves, and where our database does: no agent lives there, whatever is allowed.
async fn own_sockets(address: SocketAddr, database: &Database) -> Result<Vec<SocketAddr>> {
    let mut own = vec![address];
    if let Some((host, port)) = database.host_and_port() {
        let unknown =
            || format!("nobody says where the database's host `{host}` is, so agents cannot be kept from it");
        own.extend(tokio::net::lookup_host((host, port)).await.with_context(unknown)?);
    }
    Ok(own)
}

/// Whoever starts an installation plays every part; that they cannot review what they submit is for policy to say.
fn first_principal() -> Result<Principal> {
    Ok(Principal { name: "admin".parse()?, tenant: "default".parse()?, roles: Role::ALL.to_vec() })
}

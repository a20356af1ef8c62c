//! `audit witness`: runs a witness, and asks witnesses.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Subcommand;
use concordat_engine::ports::SystemClock;
use concordat_ledger::{Checkpoint, Cosigner, Verifier};
use reqwest::Url;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::receipt::trust;
use super::verifiers;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::witness::{Asking, WitnessError, Witnessing, ask, router};
use crate::{log_key, whole_file};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Witness {
    /// Run a witness (c2sp.org/tlog-witness). It sees the size and the root of logs, never a record.
    Serve(Serve),
    /// Have the server's newest checkpoint cosigned by witnesses.
    Submit(Submit),
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Serve {
    /// The address to listen on.
    #[arg(long, default_value = "127.0.0.1:7421", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// The file in which the witness keeps what it saw last. Lose it, and the key must be retired.
    #[arg(long, default_value = "witness.json", value_name = "FILE")]
    state: PathBuf,
    /// The file with the witness's private key; it is made if there is none.
    #[arg(long, default_value = "witness.key", value_name = "FILE")]
    witness_key: PathBuf,
    /// The witness's name, such as `audit.example/witness`.
    #[arg(long, default_value = "concordat-witness", value_name = "NAME")]
    name: String,
    /// A log that is witnessed: its public key, as it stands in `log.vkey`; may be given several times.
    #[arg(long = "log", required = true, value_name = "VKEY")]
    logs: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Submit {
    /// Where a witness is reached; may be given several times.
    #[arg(long = "witness", required = true, value_name = "URL")]
    witnesses: Vec<Url>,
    /// A file with the log's public keys, one a line.
    #[arg(long, default_value = "concordat-data/log.vkey", value_name = "FILE")]
    verifier_keys: PathBuf,
    /// Where the cosigned checkpoint is written; standard output without it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// A file with a trust policy: its quorum must have cosigned.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

pub(in crate::cli) async fn run(session: &Session, command: Witness) -> Result<Exit, Failure> {
    match command {
        Witness::Serve(options) => serve(session, options).await,
        Witness::Submit(options) => submit(session, options).await,
    }
}

async fn serve(session: &Session, options: Serve) -> Result<Exit, Failure> {
    let logs: Result<Vec<Verifier>, _> = options.logs.iter().map(|key| key.parse()).collect();
    let logs = logs.map_err(|error| Failure::Usage(format!("`--log`: {error}")))?;
    let (seed, fresh) = log_key::seed(&options.witness_key).map_err(anyhow::Error::new)?;
    let cosigner = Cosigner::from_seed(&options.name, &seed)
        .map_err(|error| Failure::Usage(format!("`--name`: {error}")))?;
    let key = cosigner.witness().to_string();
    // A signal that comes while the witness still starts is heard as well.
    let mut terminated = signal(SignalKind::terminate()).context("signals cannot be heard")?;
    let mut interrupted = signal(SignalKind::interrupt()).context("signals cannot be heard")?;
    let witness = Witnessing::open(cosigner, fresh, logs, &options.state, Arc::new(SystemClock));
    let witness = Arc::new(witness.map_err(|error| Failure::Usage(error.to_string()))?);
    let listener = TcpListener::bind(options.listen).await;
    let listener = listener.with_context(|| format!("nobody can listen on {}", options.listen))?;
    let address = listener.local_addr().context("the listening address cannot be read")?;
    session.output.say(&format!("witnessing at http://{address}; the key of this witness follows"));
    session.output.data(&key);
    let asked_to_stop = async move {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
        }
    };
    let served = axum::serve(listener, router(witness)).with_graceful_shutdown(asked_to_stop).await;
    served.context("the listener broke")?;
    Ok(Exit::Success)
}

async fn submit(session: &Session, options: Submit) -> Result<Exit, Failure> {
    let client = session.client()?;
    let keys = verifiers(&options.verifier_keys)?;
    let policy = options.policy.as_deref().map(trust).transpose()?;
    let note = client.checkpoint().await?;
    let mut checkpoint = Checkpoint::open(note.as_bytes(), &keys)
        .map_err(|error| Failure::Unverifiable(format!("the server's checkpoint: {error}")))?;
    let local = |url: &Url| matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let mut http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    if options.witnesses.iter().all(local) {
        // A proxy would look for the witnesses on its own machine.
        http = http.no_proxy();
    }
    let http = http.build();
    let asking = Asking { server: &client, http: http.context("no connection can be made")? };
    let mut helped = 0;
    for witness in &options.witnesses {
        match ask(&asking, witness, checkpoint.clone()).await {
            Ok(cosigned) => {
                checkpoint = cosigned;
                helped += 1;
            }
            // Two histories of one log are what witnesses are for: nothing else counts then.
            Err(error @ WitnessError::OtherHistory { .. }) => {
                return Err(Failure::Tampered(error.to_string()));
            }
            Err(WitnessError::Server(error)) => return Err(error.into()),
            Err(error) => session.output.say(&error.to_string()),
        }
    }
    if let Some(policy) = policy {
        let accepted = policy.open_with(checkpoint.note().as_bytes(), &keys);
        accepted.map_err(|error| Failure::Unverifiable(error.to_string()))?;
    }
    if helped == 0 {
        return Err(Failure::Unverifiable("no witness cosigned the checkpoint".to_owned()));
    }
    match &options.out {
        Some(file) => whole_file::write(file, checkpoint.note().as_bytes())?,
        None => session.output.data(checkpoint.note()),
    }
    let asked = options.witnesses.len();
    session.output.say(&format!("{helped} of {asked} witnesses cosigned {} records", checkpoint.size()));
    Ok(Exit::Success)
}

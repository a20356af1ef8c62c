//! `serve`: runs a server until it is asked to stop.

use std::io;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::exit::Exit;
use super::failure::Failure;
use super::session::Session;
use crate::config::ServeConfig;
use crate::server::Server;

#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    #[command(flatten)]
    config: ServeConfig,

    /// How the server's own log is written to standard error.
    #[arg(long, env = "CONCORDAT_LOG_FORMAT", value_enum, default_value_t, value_name = "FORM")]
    log_format: LogFormat,

    /// What the server's own log holds, such as `info` or `concordat_engine=debug`.
    #[arg(long, env = "CONCORDAT_LOG", default_value = "info", value_name = "FILTER")]
    log: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

pub(super) async fn run(session: &Session, serve: Serve) -> Result<Exit, Failure> {
    log(&serve)?;
    // Whoever asks to stop while it still starts is heard as well.
    let mut terminated = signal(SignalKind::terminate()).context("signals cannot be heard")?;
    let mut interrupted = signal(SignalKind::interrupt()).context("signals cannot be heard")?;
    let mut server = Server::start(serve.config).await?;
    session.output.say(&format!("serving at {}", server.url));
    if let Some(key) = &server.first_key {
        session
            .output
            .say("the first key of this installation follows; it is shown this once and stored nowhere:");
        session.output.data(key);
        session.output.say("keep it, and let it make the others: `concordat key create NAME --role ROLE`");
    }
    let broken = tokio::select! {
        _ = terminated.recv() => false,
        _ = interrupted.recv() => false,
        () = server.broken() => true,
    };
    session.output.say("stopping: agents that are at work are awaited, contracts go on at the next start");
    let stopped = server.shutdown().await;
    if broken {
        stopped?;
        return Err(anyhow::anyhow!("the listener ended by itself").into());
    }
    stopped?;
    Ok(Exit::Success)
}

fn log(serve: &Serve) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&serve.log).map_err(|error| {
        Failure::Usage(format!(
            "`{}` is not a log filter ({error}): write it like `info` or `concordat_engine=debug`",
            serve.log
        ))
    })?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match serve.log_format {
        LogFormat::Text => log.with_ansi(false).compact().init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
    Ok(())
}

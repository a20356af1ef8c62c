//! `audit rotate-key`: lets a new key sign the log, while the server is stopped.

use std::path::PathBuf;

use anyhow::Error;
use concordat_ledger::Verifier;
use concordat_store::{BadAddress, Database, OpenError};

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::log_key::elsewhere::{self, Elsewhere};
use crate::log_key::{self, LogKeyError, rotation};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Options {
    /// The server's data folder, which holds the key.
    #[arg(long, env = "CONCORDAT_DATA", default_value = "concordat-data", value_name = "DIR")]
    data: PathBuf,
    /// The server's database, if it is not in the data folder.
    #[arg(long, env = "CONCORDAT_DATABASE", hide_env_values = true, value_name = "FILE|ADDRESS")]
    database: Option<String>,
    /// The installation's name in its log, as the server has it.
    #[arg(long, env = "CONCORDAT_INSTANCE", default_value = "local", value_name = "NAME")]
    instance: String,
    #[command(flatten)]
    elsewhere: Elsewhere,
    /// The public half of a key that is elsewhere and takes over, as PEM or as a verifier key; without it, a key is made in
    /// the data folder. The server then needs `--log-key-command`.
    #[arg(long, value_name = "FILE", conflicts_with = "end_overlap")]
    to: Option<PathBuf>,
    /// The old key counts for nothing that is added from now on: for a key that others may have.
    #[arg(long, conflicts_with = "end_overlap")]
    now: bool,
    /// End the overlap that an earlier rotation began: the old key is removed, and counts for nothing from now on.
    #[arg(long)]
    end_overlap: bool,
}

pub(in crate::cli) async fn run(session: &Session, options: Options) -> Result<Exit, Failure> {
    let name = format!("concordat/{}", options.instance);
    let (size, signing) = size(&options, &name).await?;
    let keys = options.data.join(log_key::PUBLIC);
    if options.end_overlap {
        rotation::end(&options.data, &signing, size).map_err(Error::new)?;
        session.output.say(&format!("every key but the newest counts up to {size} records only"));
    } else {
        let to = options.to.as_deref().map(|path| elsewhere::public(path, &name)).transpose();
        let to = to.map_err(|error| Failure::Usage(error.to_string()))?;
        let rotated =
            rotation::rotate(&options.data, &name, size, !options.now, &signing, to).map_err(|error| {
                match error {
                    LogKeyError::Overlap | LogKeyError::Elsewhere | LogKeyError::Known { .. } => {
                        Failure::Conflict(error.to_string())
                    }
                    other => Failure::Internal(Error::new(other)),
                }
            })?;
        session.output.data(&rotated.to);
        session.output.say(match options.now {
            true => "this key signs from now on, and the one before counts for nothing more",
            false => "this key signs from now on, and the one before beside it until `audit rotate-key --end-overlap`",
        });
    }
    session.output.say(&format!("give `{}` to everybody who verifies the log", keys.display()));
    Ok(Exit::Success)
}

/// How many records the log has, and who signs it. Nobody else has it open, and it is what the key before signed.
async fn size(options: &Options, name: &str) -> Result<(u64, Verifier), Failure> {
    let database = match &options.database {
        Some(text) => text.parse().map_err(|error: BadAddress| Failure::Usage(error.to_string()))?,
        None => Database::File(options.data.join("concordat.db")),
    };
    if matches!(&database, Database::File(path) if !path.is_file()) {
        return Err(Failure::Usage(format!("there is no database `{database}`; hint: give `--data`")));
    }
    let signing = log_key::open(&options.data, name, &options.elsewhere).map_err(Error::new)?;
    let verifier = signing.signer.verifier().clone();
    let store = database.open(signing).await.map_err(|error| match error {
        OpenError::InUse { .. } => Failure::Conflict(error.to_string()),
        other => Failure::Internal(Error::new(other)),
    })?;
    let newest = store.checkpoint().await;
    store.close().await;
    Ok((newest.map_err(Error::new)?.map_or(0, |newest| newest.size), verifier))
}

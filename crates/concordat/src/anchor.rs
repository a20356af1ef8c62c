//! The newest checkpoint, kept beside the database and not in it.
//!
//! A database that was put back to an older state, or written anew, is in itself a correct log. It does not continue
//! this checkpoint, though, and then the server does not start: work that was acknowledged is missing. Whoever means
//! it says so, and the log tells it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use concordat_engine::Engine;
use concordat_engine::ports::Store;
use concordat_ledger::note::CheckpointError;
use concordat_ledger::{Checkpoint, Verifier};

use crate::whole_file::{self, Unwritten};

/// The file's name in the data folder.
const NAME: &str = "log.anchor";
/// The largest file that is read: a checkpoint has a few hundred bytes.
const MOST: u64 = 64 * 1024;
/// The pause between two anchors of a log that grows.
const PAUSE: Duration = Duration::from_secs(5);

/// An anchor that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AnchorError {
    /// The file cannot be read.
    #[error("the file `{}` cannot be read: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: io::Error,
    },
    /// The file cannot be written.
    #[error(transparent)]
    Unwritten(#[from] Unwritten),
    /// The file holds no checkpoint of this log.
    #[error("the file `{}` is no checkpoint of this log: {why}; hint: start with `--accept-restored-log REASON` if you know why", path.display())]
    Odd {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: CheckpointError,
    },
}

/// The newest checkpoint that was kept, if there is one.
///
/// # Errors
/// The file cannot be read, or nobody of ours has signed what it holds.
pub fn read(data: &Path, keys: &[Verifier]) -> Result<Option<Checkpoint>, AnchorError> {
    let path = data.join(NAME);
    let mut note = Vec::new();
    match File::open(&path).and_then(|file| file.take(MOST).read_to_end(&mut note)) {
        Ok(_) => {}
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(why) => return Err(AnchorError::File { path, why }),
    }
    Checkpoint::open(&note, keys).map(Some).map_err(|why| AnchorError::Odd { path, why })
}

/// Keeps the newest checkpoint.
pub(crate) async fn write(data: &Path, store: &dyn Store) -> Result<(), AnchorError> {
    let Ok(Some(newest)) = store.checkpoint().await else { return Ok(()) };
    Ok(whole_file::write_private(&data.join(NAME), newest.note.as_bytes())?)
}

/// Keeps the newest checkpoint as the log grows, until the engine halts.
pub async fn keep(engine: Engine, data: PathBuf) {
    let mut size = engine.log_size();
    let keep = async {
        while size.changed().await.is_ok() {
            if let Err(error) = write(&data, &**engine.store()).await {
                tracing::warn!(%error, "{error}");
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    let mut halting = engine.halting();
    tokio::select! {
        _ = halting.wait_for(Option::is_some) => {}
        () = keep => {}
    }
}

//! A witness: it sees the size and the root of a log grow, and says so with its own key (`c2sp.org/tlog-witness`).
//!
//! It is made to run elsewhere, by people who do not work for whoever runs the log. It keeps one thing, the head
//! that it cosigned last of each log, and forgets it never: the new head is on the disk before the answer leaves,
//! and only one request at a time comes between reading the old one and keeping the new one.
//!
//! ```text
//!   POST /add-checkpoint ──▶ Proposal::open ──▶ lock ──▶ judge ──▶ file, fsync ──▶ cosignature
//!                             form, log's key            old size, proof
//! ```

mod client;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
pub use client::{Asking, WitnessError, ask};
use concordat_engine::ports::Clock;
use concordat_ledger::tree::Hash;
use concordat_ledger::witness::{Head, MAX_REQUEST, NotCosigned, Proposal, SIZE_MEDIA_TYPE};
use concordat_ledger::{Cosigner, Verifier};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::whole_file::{self, Unwritten};

/// A witness of some logs.
pub struct Witnessing {
    cosigner: Cosigner,
    logs: Vec<Verifier>,
    clock: Arc<dyn Clock>,
    kept: Mutex<Kept>,
}

/// What was cosigned last of each log, in memory and on the disk.
struct Kept {
    path: PathBuf,
    heads: BTreeMap<String, StoredHead>,
    /// Two witnesses with one file could each cosign another history.
    _lock: File,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredHead {
    size: u64,
    root: Hash,
}

/// A file of heads that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HeadsError {
    /// The file cannot be read or locked.
    #[error("the file `{}` cannot be used: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: io::Error,
    },
    /// Another witness uses it.
    #[error("another witness uses the file `{}`; hint: stop that one first", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// There is none, although this witness's key has been used.
    #[error(
        "the key of this witness was used before, but `{}` is not there: a witness that forgot what it saw may \
         contradict itself; hint: restore the file, or retire the key and make another one", path.display()
    )]
    Forgotten {
        /// The file.
        path: PathBuf,
    },
    /// It holds something else.
    #[error("the file `{}` does not hold the heads of logs: {why}", path.display())]
    Odd {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// It cannot be written.
    #[error(transparent)]
    Unwritten(#[from] Unwritten),
}

impl Witnessing {
    /// A witness that continues what stands in a file. Only one with a fresh key begins a new one.
    ///
    /// # Errors
    /// The file cannot be used, or is missing.
    pub fn open(
        cosigner: Cosigner,
        fresh: bool,
        logs: Vec<Verifier>,
        path: &Path,
        clock: Arc<dyn Clock>,
    ) -> Result<Witnessing, HeadsError> {
        let failed = |why| HeadsError::File { path: path.to_owned(), why };
        let mut beside = path.as_os_str().to_owned();
        beside.push(".lock");
        let lock = File::options().write(true).create(true).truncate(false).open(&beside).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(HeadsError::InUse { path: path.to_owned() }),
            Err(fs::TryLockError::Error(why)) => return Err(failed(why)),
        }
        let heads = match fs::read(path) {
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|error| HeadsError::Odd { path: path.to_owned(), why: error.to_string() })?,
            Err(why) if why.kind() == io::ErrorKind::NotFound && fresh => {
                whole_file::write(path, b"{}\n")?;
                BTreeMap::new()
            }
            Err(why) if why.kind() == io::ErrorKind::NotFound => {
                return Err(HeadsError::Forgotten { path: path.to_owned() });
            }
            Err(why) => return Err(failed(why)),
        };
        let kept = Mutex::new(Kept { path: path.to_owned(), heads, _lock: lock });
        Ok(Witnessing { cosigner, logs, clock, kept })
    }

    /// The cosignature line for a request, once the new head is on the disk.
    ///
    /// # Errors
    /// The request is refused, or the head cannot be kept.
    pub fn add_checkpoint(&self, body: &[u8]) -> Result<String, Refused> {
        let proposal = Proposal::open(body, &self.logs)?;
        let mut kept = self.kept.lock();
        let origin = proposal.checkpoint().origin();
        let latest =
            kept.heads.get(origin).map_or_else(Head::none, |head| Head { size: head.size, root: head.root });
        let head = proposal.judge(latest)?;
        kept.keep(origin, head)?;
        let time = self.clock.now().as_second().try_into().unwrap_or(0);
        Ok(self.cosigner.cosign(proposal.checkpoint(), time))
    }
}

impl Kept {
    /// INVARIANT: memory follows the disk. When writing failed, the old head counts in both.
    fn keep(&mut self, origin: &str, head: Head) -> Result<(), Unwritten> {
        let mut heads = self.heads.clone();
        heads.insert(origin.to_owned(), StoredHead { size: head.size, root: head.root });
        let mut text = serde_json::to_vec_pretty(&heads).unwrap_or_default();
        text.push(b'\n');
        whole_file::write(&self.path, &text)?;
        self.heads = heads;
        Ok(())
    }
}

/// Why there is no cosignature.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The request is not one that is cosigned.
    #[error(transparent)]
    Request(#[from] NotCosigned),
    /// The head cannot be kept, so nothing may be said.
    #[error("nothing can be kept at the moment: {0}")]
    Unkept(#[from] Unwritten),
}

/// The witness as it is reached.
pub fn router(witness: Arc<Witnessing>) -> Router {
    Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
        .with_state(witness)
}

async fn add_checkpoint(State(witness): State<Arc<Witnessing>>, body: Bytes) -> Response {
    let asked = tokio::task::spawn_blocking(move || witness.add_checkpoint(&body)).await;
    let refused = match asked {
        Ok(Ok(line)) => return line.into_response(),
        Ok(Err(refused)) => refused,
        Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    match refused {
        Refused::Request(NotCosigned::Conflict { latest, forked }) => {
            if forked {
                tracing::error!(latest, "a log shows two histories of {latest} records");
            }
            let media = HeaderValue::from_static(SIZE_MEDIA_TYPE);
            (StatusCode::CONFLICT, [(CONTENT_TYPE, media)], format!("{latest}\n")).into_response()
        }
        Refused::Request(refused) => {
            if matches!(refused, NotCosigned::Proof) {
                tracing::error!("a log does not continue what was cosigned last");
            }
            let status = StatusCode::from_u16(refused.status()).unwrap_or(StatusCode::BAD_REQUEST);
            (status, format!("{refused}\n")).into_response()
        }
        Refused::Unkept(error) => {
            tracing::error!(%error, "{error}");
            (StatusCode::SERVICE_UNAVAILABLE, "nothing can be kept at the moment\n").into_response()
        }
    }
}

#[cfg(test)]
mod tests;

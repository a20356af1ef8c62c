//! `audit receipt`: fetches the proof that a record is in the log, and verifies one without any server.

use std::path::{Path, PathBuf};

use concordat_ledger::receipt::{Proven, ReceiptError};
use concordat_ledger::trust::NotTrusted;
use concordat_ledger::{Checkpoint, Receipt, TrustPolicy, Verifier};
use concordat_server::api::audit::{ReceiptQuery, RecordsQuery};
use serde::Serialize;

use super::{bytes, kept, read, verifiers};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::whole_file;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Options {
    /// What is to be proved: a record, `rec_…`; a decision, `dec_…`; or a contract, `run_…`, for its first record.
    #[arg(required_unless_present = "verify", conflicts_with = "verify", value_name = "ID")]
    id: Option<String>,
    /// Verify this receipt instead. Needs no server.
    #[arg(long, requires = "record", value_name = "FILE")]
    verify: Option<PathBuf>,
    /// The very bytes of the record: written here, or read from here with `--verify`.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Where the receipt is written; standard output without it.
    #[arg(long, conflicts_with = "verify", value_name = "FILE")]
    out: Option<PathBuf>,
    /// A checkpoint that was cosigned (`audit witness submit`): the receipt is made for it.
    #[arg(long, conflicts_with = "verify", value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// A file with the log's public keys, one a line.
    #[arg(long, value_name = "FILE")]
    verifier_keys: Option<PathBuf>,
    /// A file with a trust policy (c2sp.org/tlog-policy): its quorum must have cosigned the checkpoint.
    #[arg(long, requires = "verify", value_name = "FILE")]
    policy: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Verified {
    index: u64,
    origin: String,
    size: u64,
    root: String,
    seen_by: Vec<SeenBy>,
}

/// A witness that cosigned, and when.
#[derive(Debug, Serialize)]
struct SeenBy {
    witness: String,
    time: u64,
}

pub(in crate::cli) async fn run(session: &Session, options: Options) -> Result<Exit, Failure> {
    match (&options.id, &options.verify, &options.record) {
        (Some(id), ..) => fetch(session, id, &options).await?,
        (None, Some(receipt), Some(record)) => {
            let verified = verify(receipt, record, &options)?;
            session.output.show(&verified, |verified| {
                let Verified { index, origin, size, root, seen_by } = verified;
                let witnesses = seen_by.iter().map(|seen| format!("\n  seen by {}", seen.witness));
                format!(
                    "the record is in the log\n  record {index} of {size} in {origin}\n  root {root}{}",
                    witnesses.collect::<String>()
                )
            });
        }
        _ => return Err(Failure::Usage("give an id, or `--verify` with `--record`".into())),
    }
    Ok(Exit::Success)
}

async fn fetch(session: &Session, id: &str, options: &Options) -> Result<(), Failure> {
    let client = session.client()?;
    let cosigned = options.checkpoint.as_deref().map(|file| cosigned(file, options)).transpose()?;
    let query = ReceiptQuery { size: cosigned.as_ref().map(Checkpoint::size) };
    let text = client.receipt(id, &query).await?;
    let odd = |error: ReceiptError| Failure::Unverifiable(error.to_string());
    let mut receipt = Receipt::read(text.as_bytes()).map_err(odd)?;
    if let Some(cosigned) = cosigned {
        // The server's checkpoint of this size is another one: it shows us another history than the witness.
        receipt = receipt.under(&cosigned).map_err(|error| Failure::Tampered(error.to_string()))?;
    }
    if let Some(file) = &options.record {
        let query = RecordsQuery { from: Some(receipt.index()), limit: Some(1), ..RecordsQuery::default() };
        let list = client.records(&query).await?;
        let entry = list.items.first().filter(|entry| entry.index == receipt.index());
        let record = entry.ok_or_else(|| Failure::NotFound("the record is not there any more".into()))?;
        whole_file::write(file, record.record.get().as_bytes())?;
    }
    match &options.out {
        Some(file) => whole_file::write(file, receipt.to_string().as_bytes())?,
        None => session.output.data(&receipt.to_string()),
    }
    Ok(())
}

fn cosigned(file: &Path, options: &Options) -> Result<Checkpoint, Failure> {
    let keys = options.verifier_keys.as_deref().ok_or_else(|| {
        Failure::Usage("`--checkpoint` needs the log's public keys: give `--verifier-keys`".into())
    })?;
    kept(file, &verifiers(keys)?, None)
}

fn verify(receipt: &Path, record: &Path, options: &Options) -> Result<Verified, Failure> {
    let policy = options.policy.as_deref().map(trust).transpose()?;
    let keys = match (&options.verifier_keys, &policy) {
        (Some(file), _) => verifiers(file)?,
        (None, Some(policy)) => policy.logs().to_vec(),
        (None, None) => {
            return Err(Failure::Usage("whom do you trust? give `--verifier-keys` or `--policy`".into()));
        }
    };
    let odd =
        |error: &dyn std::fmt::Display| Failure::Unverifiable(format!("`{}`: {error}", receipt.display()));
    let receipt = Receipt::read(&bytes(receipt)?).map_err(|error| odd(&error))?;
    let proven = receipt.verify(&bytes(record)?, &keys).map_err(|error| match error {
        ReceiptError::Proof(_) => Failure::Tampered(error.to_string()),
        other => odd(&other),
    })?;
    let seen_by = policy.map_or(Ok(Vec::new()), |policy| quorum(&policy, &proven, &keys));
    let seen_by = seen_by.map_err(|error| odd(&error))?;
    let Proven { index, checkpoint, .. } = proven;
    Ok(Verified {
        index,
        origin: checkpoint.origin().to_owned(),
        size: checkpoint.size(),
        root: checkpoint.root().to_string(),
        seen_by,
    })
}

fn quorum(policy: &TrustPolicy, proven: &Proven, keys: &[Verifier]) -> Result<Vec<SeenBy>, NotTrusted> {
    let accepted = policy.open_with(proven.checkpoint.note().as_bytes(), keys)?;
    Ok(accepted.seen_by.into_iter().map(|(witness, time)| SeenBy { witness, time }).collect())
}

/// A trust policy from its file.
pub(in crate::cli) fn trust(file: &Path) -> Result<TrustPolicy, Failure> {
    let read = TrustPolicy::read(read(file)?.as_bytes());
    read.map_err(|error| Failure::Unverifiable(format!("`{}`: {error}", file.display())))
}

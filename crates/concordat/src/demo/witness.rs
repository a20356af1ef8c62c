//! At the end: is the log what was signed, and does it say what the agents saw?

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use concordat_ledger::{Checkpoint, Verifier};
use concordat_server::api::audit::RecordsQuery;
use concordat_store::{Database, verify};
use serde_json::Value;

use super::stage::Stage;
use crate::client::Client;
use crate::log_key::PUBLIC;

/// What was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// The number of records in the log.
    pub records: u64,
    /// The number of checkpoints, each found right.
    pub checkpoints: u64,
    /// The root over all records.
    pub root: String,
    /// The calls that agents saw, each with a decision in the log.
    pub calls: usize,
}

/// Verifies the whole log against the checkpoint that the auditor was given, and the agents' ledgers against the log.
///
/// # Errors
/// The log is not what was signed, or an agent was called without a decision.
pub async fn witness(stage: &Stage) -> Result<Witness> {
    let auditor = &stage.people.otto.client;
    let public = std::fs::read_to_string(stage.folder().join(PUBLIC))
        .context("the log's public key cannot be read")?;
    let key: Verifier = public.trim().parse().context("the log's public key cannot be read")?;
    let given = auditor.checkpoint().await?;
    let given = Checkpoint::open(given.as_bytes(), std::slice::from_ref(&key))?;
    let database = Database::File(stage.folder().join("concordat.db"));
    let sound = verify::database(&database, vec![key], Some(given)).await?;
    let decided = dispatched(auditor).await?;
    let ledgers: Vec<_> = stage.agents.iter().flat_map(super::agents::SampleAgent::ledger).collect();
    if let Some(entry) = ledgers.iter().find(|entry| !decided.contains(&entry.decision_id)) {
        bail!(
            "`{}` was called for `{}` under `{}`, which the log does not hold",
            entry.agent,
            entry.step,
            entry.decision_id
        );
    }
    Ok(Witness {
        records: sound.log.size,
        checkpoints: sound.log.checkpoints,
        root: sound.log.root.to_string(),
        calls: ledgers.len(),
    })
}

/// The decisions under which something was given to an agent, as the log tells it.
async fn dispatched(auditor: &Client) -> Result<BTreeSet<String>> {
    let mut decided = BTreeSet::new();
    let mut from = None;
    loop {
        let query = RecordsQuery {
            from,
            limit: Some(1000),
            kind: Some("step.dispatched".to_owned()),
            ..Default::default()
        };
        let page = auditor.records(&query).await?;
        for entry in page.items {
            let record: Value = serde_json::from_str(entry.record.get())?;
            let decision = record.pointer("/data/decision").and_then(Value::as_str);
            decided.insert(decision.context("a dispatch in the log names no decision")?.to_owned());
        }
        match page.next_from {
            Some(next) => from = Some(next),
            None => return Ok(decided),
        }
    }
}

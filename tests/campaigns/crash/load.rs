//! Clients that submit contracts, keep what they are told, and ask again when they are told nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use concordat::client::{Client, ClientError};
use concordat_server::api::audit::RecordsQuery;
use concordat_tests::history::Receipt;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::contracts::{Wish, submission};
use super::now;

/// As whom a caller speaks.
#[derive(Clone)]
pub(super) struct Clients {
    pub(super) submitter: Client,
    pub(super) auditor: Client,
}

/// What clients were told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) receipts: Vec<Receipt>,
    pub(crate) checkpoints: Vec<String>,
}

impl Told {
    pub(super) fn add(&mut self, other: Told) {
        self.receipts.extend(other.receipts);
        self.checkpoints.extend(other.checkpoints);
    }
}

/// Submits contracts until it is over, and does to them what their kind wants done.
pub(super) async fn call(
    clients: Clients,
    caller: u32,
    seed: u64,
    over: Arc<AtomicBool>,
) -> anyhow::Result<Told> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ (u64::from(caller) << 32));
    let mut told = Told::default();
    for nth in 0.. {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let key = format!("c{caller}-{nth}");
        let (document, wish) = submission(&key, rng.next_u32());
        let body = serde_json::to_vec(&document)?;
        let submitted = insist(|| clients.submitter.submit(body.clone(), "application/json", &key)).await?;
        let line = submitted.receipt.contracts.into_iter().next().context("a receipt without a contract")?;
        match wish {
            Wish::Nothing => {}
            Wish::Event => tell(&clients.submitter, &key).await?,
            Wish::Cancel => cancel(&clients.submitter, &line.run).await?,
        }
        let mut receipt = Receipt { key, run: line.run, digest: line.digest, leaf: None };
        if rng.random_range(0..4) == 0 {
            receipt.leaf = Some(first_record(&clients.auditor, &receipt.run).await?);
            told.checkpoints.push(insist(|| clients.auditor.checkpoint()).await?);
        }
        told.receipts.push(receipt);
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..40))).await;
    }
    Ok(told)
}

/// Asks until there is an answer: the server may only have been gone for a moment.
async fn insist<T, F>(ask: impl Fn() -> F) -> Result<T, ClientError>
where
    F: Future<Output = Result<T, ClientError>>,
{
    loop {
        match ask().await {
            Err(error) if worth_another_try(&error) => tokio::time::sleep(Duration::from_millis(10)).await,
            answer => return answer,
        }
    }
}

pub(super) fn worth_another_try(error: &ClientError) -> bool {
    match error {
        ClientError::Refused(refusal) => {
            // On a busy machine policy may have taken too long: it decided nothing then.
            let late = refusal.problem.detail.contains("policy took too long");
            refusal.problem.status >= 500 || refusal.problem.status == 429 || late
        }
        _ => true,
    }
}

/// Publishes what a run waits for.
async fn tell(client: &Client, key: &str) -> anyhow::Result<()> {
    let event = json!({
        "specversion": "1.0", "id": key, "source": "/campaign", "type": "go", "data": {"order": key},
    });
    let body = serde_json::to_vec(&event)?;
    insist(|| client.publish(body.clone(), "application/json")).await?;
    Ok(())
}

/// Cancels a run. An order has no key, so one that was carried out and not answered finds a run that is stopping.
async fn cancel(client: &Client, run: &str) -> anyhow::Result<()> {
    match insist(|| client.cancel(run, "the campaign has changed its mind")).await {
        Ok(_) => Ok(()),
        Err(ClientError::Refused(refusal)) if refusal.problem.status == 409 => Ok(()),
        Err(error) => Err(error).context("a cancellation was refused"),
    }
}

async fn first_record(auditor: &Client, run: &str) -> anyhow::Result<(u64, String)> {
    let query = RecordsQuery { subject: Some(run.to_owned()), limit: Some(1), ..RecordsQuery::default() };
    let list = insist(|| auditor.records(&query)).await?;
    let first = list.items.into_iter().next().context("an acknowledged run has no record")?;
    Ok((first.index, first.leaf))
}

/// Waits until every acknowledged contract is over.
pub(crate) async fn finish(client: &Client, receipts: &[Receipt]) -> anyhow::Result<()> {
    let began = now();
    for receipt in receipts {
        loop {
            let detail = match insist(|| client.contract(&receipt.run)).await {
                Ok(detail) => detail,
                Err(error) => bail!("{} was acknowledged and cannot be seen: {error}", receipt.run),
            };
            if detail.row.ended.is_some() {
                break;
            }
            ensure!(
                began.elapsed() < Duration::from_secs(180),
                "{} does not come to its end: {detail:?}",
                receipt.run
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    Ok(())
}

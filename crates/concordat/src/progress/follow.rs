//! Several contracts followed together: a task for each, one queue for what they see.

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{Live, Progress};
use crate::client::{Client, ClientError, Record};

/// A contract that is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// Its run.
    pub run: String,
    /// What to call it; when it is the run, the server knows better.
    pub label: String,
}

/// Follows contracts until every one is over, and shows what happens unless that is to be `quiet`.
///
/// Dropping the future ends the watching and nothing else.
///
/// # Errors
/// A contract is not known, or the server is lost for good.
pub async fn follow(client: &Client, watched: &[Watched], quiet: bool) -> Result<(), ClientError> {
    let mut contracts = Vec::with_capacity(watched.len());
    for one in watched {
        let detail = client.contract(&one.run).await?;
        let label = if one.label == one.run { detail.row.label } else { one.label.clone() };
        contracts.push(Progress::new(label, detail.step_list.into_iter().map(|step| step.id)));
    }
    let (tell, mut told) = mpsc::channel(64);
    let mut tasks = JoinSet::new();
    for (nth, one) in watched.iter().enumerate() {
        tasks.spawn(forward(client.clone(), one.run.clone(), nth, tell.clone()));
    }
    drop(tell);
    let mut live = (!quiet).then(|| Live::new(contracts));
    while let Some((nth, record)) = told.recv().await {
        let record = record?;
        if let Some(live) = &mut live {
            live.tell(nth, &record.told);
        }
    }
    if let Some(live) = live {
        live.finish();
    }
    Ok(())
}

async fn forward(
    client: Client,
    run: String,
    nth: usize,
    tell: mpsc::Sender<(usize, Result<Record, ClientError>)>,
) {
    let mut follow = client.follow(&run, None);
    while let Some(record) = follow.next().await.transpose() {
        let failed = record.is_err();
        if tell.send((nth, record)).await.is_err() || failed {
            return;
        }
    }
}

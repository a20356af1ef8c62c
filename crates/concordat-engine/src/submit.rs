//! From a request to a durable run: agreed, classified, put before policy, recorded.

use std::sync::Arc;

use concordat_model::agree::Contract;
use concordat_model::digest::Digest;
use concordat_model::id::{RunId, SubmissionId};
use concordat_model::problem::{Problem, Problems};
use concordat_model::run::Run;
use concordat_model::run::event::{Event, Origin};
use concordat_model::submission::{Submission, Submitted};
use concordat_policy::Asked;
use concordat_policy::input::{Action, Resource, ResourceKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::commit::Finished;
use crate::core::Core;
use crate::drive::{Driver, Known};
use crate::engine::{Caller, Engine};
use crate::error::EngineError;
use crate::failpoint;
use crate::gates;
use crate::ports::{Commit, SavedReply, StoreError};
use crate::turn::{Fresh, Reused, Turn};

/// What the caller of a submission is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The submission.
    pub submission: SubmissionId,
    /// Its contracts, as they were written.
    pub contracts: Vec<ReceiptLine>,
}

/// One contract of a submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptLine {
    /// The run of the contract.
    pub run: RunId,
    /// What it is called within the submission.
    pub label: String,
    /// The contract's name.
    pub contract: String,
    /// The digest of contract and input.
    pub digest: Digest,
    /// The status word at the moment of acceptance.
    pub status: String,
}

/// A submission that was taken in, now or by an earlier request with the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// What the caller is told.
    pub receipt: Receipt,
    /// Whether an earlier request was answered so.
    pub replayed: bool,
}

impl Engine {
    /// Takes in a submission; when this returns, it is on disk.
    ///
    /// # Errors
    /// The document is wrong, the caller may not submit, the key was used for another document, or nothing can be
    /// recorded.
    pub async fn submit(
        &self,
        caller: &Caller,
        document: Value,
        key: Option<&str>,
    ) -> Result<Accepted, EngineError> {
        self.core.running()?;
        // Before anything is asked or written: what there is no room for leaves nothing behind.
        let _looking = self.core.look_at(caller)?;
        let fingerprint =
            Digest::of_json(&document).map_err(|error| EngineError::Conflict(error.to_string()))?;
        let resource = Resource {
            kind: ResourceKind::Contract,
            id: None,
            tenant: Some(caller.principal.tenant.clone()),
            submitter: Some(caller.principal.name.clone()),
            gate: None,
        };
        let access = self.permit(caller, Action::ContractsSubmit, resource).await?;
        if let Some(accepted) = self.answered_before(caller, key, &fingerprint).await? {
            return Ok(accepted);
        }
        let submission = Submission::agree(document, &self.core.templates)?;
        let keyed = key.map(|key| Keyed { caller: whole_name(caller), key: key.to_owned(), fingerprint });
        match self.take_in(caller, submission, &access, keyed, Origin::Submitted).await {
            // Another request with the same key was faster.
            Err(EngineError::Store(StoreError::Conflict(why))) if key.is_some() => {
                self.answered_before(caller, key, &fingerprint).await?.ok_or(EngineError::Conflict(why))
            }
            other => other,
        }
    }

    async fn answered_before(
        &self,
        caller: &Caller,
        key: Option<&str>,
        fingerprint: &Digest,
    ) -> Result<Option<Accepted>, EngineError> {
        let Some(key) = key else { return Ok(None) };
        match self.core.store.reply(&whole_name(caller), key).await? {
            None => Ok(None),
            Some(saved) if saved.fingerprint == *fingerprint => {
                let receipt = serde_json::from_str(&saved.body).map_err(|error| EngineError::PayloadOdd {
                    digest: saved.fingerprint,
                    why: error.to_string(),
                })?;
                Ok(Some(Accepted { receipt, replayed: true }))
            }
            Some(_) => Err(EngineError::KeyReused(key.to_owned())),
        }
    }

    /// Opens the runs of a submission, and lets them move once they are on disk.
    pub(crate) async fn take_in(
        &self,
        caller: &Caller,
        submission: Submission,
        access: &Asked,
        keyed: Option<Keyed>,
        origin: Origin,
    ) -> Result<Accepted, EngineError> {
        let core = &self.core;
        not_too_long(&submission, core.most_steps)?;
        let id = SubmissionId::new(core.clock.uuid());
        let runs: Vec<RunId> = submission.contracts.iter().map(|_| RunId::new(core.clock.uuid())).collect();
        let opened = {
            let _as_they_stand = core.standings.read();
            let mut turns = Vec::with_capacity(runs.len());
            for (nth, (submitted, run)) in submission.contracts.into_iter().zip(&runs).enumerate() {
                let depends_on =
                    submission.plan.needs(nth).iter().filter_map(|other| runs.get(*other).copied()).collect();
                let opening = Opening {
                    id: *run,
                    submission: id,
                    caller,
                    depends_on,
                    access,
                    first: nth == 0,
                    origin: origin.clone(),
                    reused: Vec::new(),
                };
                turns.push(open(core, opening, submitted)?);
            }
            self.hand_over_all(id, turns, keyed)?
        };
        self.open_all(opened).await
    }

    /// Hands over the first turns of runs, under the lock under which they were thought through.
    pub(crate) fn hand_over_all(
        &self,
        id: SubmissionId,
        turns: Vec<Turn<'_>>,
        keyed: Option<Keyed>,
    ) -> Result<Opened, EngineError> {
        let receipt =
            Receipt { submission: id, contracts: turns.iter().map(|turn| line(&turn.run)).collect() };
        let reply = match keyed {
            None => None,
            Some(Keyed { caller, key, fingerprint }) => Some(SavedReply {
                caller,
                key,
                fingerprint,
                body: serde_json::to_string(&receipt)
                    .map_err(|error| EngineError::Conflict(error.to_string()))?,
            }),
        };
        let (finished, commit) = self.core.hand_over(turns, reply)?;
        Ok(Opened { receipt, finished, commit })
    }

    /// Waits until runs are durable, and lets them move.
    pub(crate) async fn open_all(&self, opened: Opened) -> Result<Accepted, EngineError> {
        let core = &self.core;
        let Opened { receipt, finished, commit } = opened;
        let committed = match core.durable_or_refused(commit).await {
            Ok(committed) => committed,
            Err(error) => {
                core.take_back(&finished);
                return Err(error);
            }
        };
        start(core, finished, committed.size);
        failpoint::reach(failpoint::BEFORE_ANSWER);
        Ok(Accepted { receipt, replayed: false })
    }
}

/// A caller's name, which is theirs only within their organisation. Neither part can hold a slash.
fn whole_name(caller: &Caller) -> String {
    format!("{}/{}", caller.principal.tenant, caller.principal.name)
}

/// Lets runs move that have just become durable. All become reachable before the first one moves.
pub(crate) fn start(core: &Arc<Core>, finished: Vec<Finished>, log_size: u64) {
    let mut drivers = Vec::with_capacity(finished.len());
    for Finished { run, awaited, at, bytes, effects } in finished {
        drivers.push((Driver::register(core, run, awaited, Known { looked: at, bytes }), effects));
    }
    drivers.iter().for_each(|(driver, _)| driver.follow());
    for (driver, effects) in drivers {
        tokio::spawn(driver.drive(effects, log_size));
    }
}

/// Runs that are on their way to the disk.
pub(crate) struct Opened {
    receipt: Receipt,
    finished: Vec<Finished>,
    commit: Commit,
}

/// The key under which a request is one request, however often it comes.
pub(crate) struct Keyed {
    pub(crate) caller: String,
    pub(crate) key: String,
    pub(crate) fingerprint: Digest,
}

/// How a run begins.
pub(crate) struct Opening<'a> {
    pub(crate) id: RunId,
    pub(crate) submission: SubmissionId,
    pub(crate) caller: &'a Caller,
    pub(crate) depends_on: Vec<RunId>,
    pub(crate) access: &'a Asked,
    /// Whether the access decision is recorded with this run: it is one record, however many contracts it let in.
    pub(crate) first: bool,
    pub(crate) origin: Origin,
    /// What is taken over from an earlier run.
    pub(crate) reused: Vec<Reused>,
}

/// The first turn of a run: received, classified, and everything that is due then.
pub(crate) fn open<'c>(
    core: &'c Core,
    opening: Opening<'_>,
    submitted: Submitted,
) -> Result<Turn<'c>, EngineError> {
    let Submitted { label, contract } = submitted;
    let classification = core.classifier.classify(&gates::words(&contract));
    let access = opening.first.then(|| opening.access.clone());
    let received = |contract: &Contract| Event::Received {
        submission: opening.submission,
        label,
        name: contract.document().metadata.name.clone(),
        contract: contract.digest(),
        submitter: opening.caller.principal.clone(),
        depends_on: opening.depends_on,
        access: opening.access.decision.id,
        origin: opening.origin,
    };
    let fresh = Fresh::run(core, opening.id, contract, received, core.clock.now())?;
    Turn::opening(core, fresh, access, classification, opening.reused)
}

fn line(run: &Run) -> ReceiptLine {
    ReceiptLine {
        run: run.id,
        label: run.state.label.to_string(),
        contract: run.contract.document().metadata.name.to_string(),
        digest: run.contract.digest(),
        status: crate::row::status(&run.state).to_owned(),
    }
}

/// Refuses contracts of more steps than the operator allows.
fn not_too_long(submission: &Submission, most: usize) -> Result<(), EngineError> {
    for (nth, Submitted { contract, .. }) in submission.contracts.iter().enumerate() {
        let steps = contract.steps().len();
        if steps > most {
            let message =
                format!("this server takes contracts of at most {most} steps, and this one has {steps}");
            let problem = Problem::new("contract-size", format!("/contracts/{nth}"), message);
            return Err(Problems::from(
                problem.hint("send it as several contracts, or ask the operator for more (`--max-steps`)"),
            )
            .into());
        }
    }
    Ok(())
}

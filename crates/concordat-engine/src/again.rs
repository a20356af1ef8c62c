//! Doing it again: an ended run tried again from one of its steps, and a run replayed to see whether every decision
//! would be the same.

use std::collections::BTreeSet;

use concordat_model::id::{DecisionId, RunId, SubmissionId};
use concordat_model::name::StepName;
use concordat_model::reference::Sourced;
use concordat_model::run::Run;
use concordat_model::run::event::{Event, Origin};
use concordat_model::run::leg::LegState;
use concordat_model::submission::Submitted;
use concordat_model::work::Leg;
use concordat_policy::input::{Action, ResourceKind};

use crate::engine::{Caller, Engine};
use crate::error::EngineError;
use crate::policies::replay;
use crate::runs::of_run;
use crate::submit::{Accepted, Opening, open};
use crate::turn::Reused;

/// What a replay found. Nothing was sent, and nothing recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// The run.
    pub run: RunId,
    /// The number of records that were folded.
    pub records: u64,
    /// Decisions that came out the same, bit for bit.
    pub same: Vec<DecisionId>,
    /// Decisions that would be others now.
    pub different: Vec<DecisionId>,
    /// Decisions that cannot be made again here: another policy revision made them, or their input is gone.
    pub not_replayable: Vec<DecisionId>,
}

impl Engine {
    /// Tries an ended run again from one of its steps, as a run of its own: what was done before that step is taken
    /// over, and the contract is classified and put before policy anew.
    ///
    /// # Errors
    /// There is no such run or step, the run is not over, the caller may not, or nothing can be recorded.
    pub async fn retry(
        &self,
        caller: &Caller,
        id: RunId,
        from: &StepName,
        reason: &str,
    ) -> Result<Accepted, EngineError> {
        let core = &self.core;
        let _looking = core.look_at(caller)?;
        let run = self.run(caller, id).await?.run;
        let access =
            self.permit(caller, Action::ContractsRetry, of_run(ResourceKind::Contract, &run)).await?;
        if !run.state.is_ended() {
            return Err(EngineError::Conflict(format!(
                "the run `{id}` is not over: cancel it first, or let it end"
            )));
        }
        let Some(step) = run.contract.index(from) else {
            return Err(EngineError::NotFound { what: "step", id: from.to_string() });
        };
        let opening = Opening {
            id: RunId::new(core.clock.uuid()),
            submission: SubmissionId::new(core.clock.uuid()),
            caller,
            depends_on: Vec::new(),
            access: &access,
            first: true,
            origin: Origin::Retried { run: id, from: from.clone(), reason: reason.to_owned() },
            reused: reused(&run, step),
        };
        let submission = opening.submission;
        let submitted = Submitted { label: run.state.label.clone(), contract: (*run.contract).clone() };
        let opened = {
            let _as_they_stand = core.standings.read();
            let turn = open(core, opening, submitted)?;
            self.hand_over_all(submission, vec![turn], None)?
        };
        self.open_all(opened).await
    }

    /// Makes every decision of a run again from what is stored, without any effect.
    ///
    /// # Errors
    /// There is no such run, the caller may not see it, or it cannot be read.
    pub async fn replay(&self, caller: &Caller, id: RunId) -> Result<Replayed, EngineError> {
        let view = self.run(caller, id).await?;
        let records = u64::try_from(view.records.len()).unwrap_or(u64::MAX);
        let mut replayed = Replayed {
            run: id,
            records,
            same: Vec::new(),
            different: Vec::new(),
            not_replayable: Vec::new(),
        };
        for stored in &view.records {
            let Event::Decided { decision, .. } = stored.read()? else { continue };
            let input = self.core.store.payload(&decision.provenance.input).await?;
            let policy = self.core.revision(decision.provenance.policy).await.ok();
            let list = match input.zip(policy) {
                None => &mut replayed.not_replayable,
                Some((input, policy)) if replay(&policy, &decision, &input) == *decision => {
                    &mut replayed.same
                }
                Some(_) => &mut replayed.different,
            };
            list.push(decision.id);
        }
        Ok(replayed)
    }
}

/// What is taken over when a run is tried again from a step: whatever was done, was not undone, and has nothing
/// before it that is done again.
fn reused(run: &Run, from: usize) -> Vec<Reused> {
    let plan = run.contract.plan();
    let (mut kept, mut reused) = (BTreeSet::new(), Vec::new());
    for &step in plan.nodes().iter().filter(|step| **step != from) {
        let settled = |need: &usize| {
            let skipped = matches!(run.state.leg(*need, Leg::Do), Some(LegState::Skipped { .. }));
            kept.contains(need) || (skipped && *need != from)
        };
        if !plan.needs(step).iter().all(settled) {
            continue;
        }
        let undone = !matches!(run.state.leg(step, Leg::Undo), Some(LegState::Waiting));
        let (Some(LegState::Done { agent, .. }), false) = (run.state.leg(step, Leg::Do), undone) else {
            continue;
        };
        if let (Some(id), Sourced::Value(value)) = (run.step_id(step), run.output_of(step)) {
            kept.insert(step);
            reused.push(Reused { step: id.name, agent: *agent, value });
        }
    }
    reused
}

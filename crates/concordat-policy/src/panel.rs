//! The policy in force, and beside it a revision on trial that is asked the same.
//!
//! In shadow the revision on trial decides nothing. As a canary it decides for a share of the contracts, always the
//! same ones, and then the policy in force is the one that is only asked. Either way each decision names the revision
//! that made it, and holds what the other one said ([`Compared`]): one more evaluation, and nothing else.

use std::sync::Arc;

use concordat_model::agent::Agent;
use concordat_model::decision::Compared;
use concordat_model::digest::Digest;
use concordat_model::id::{DecisionId, RunId};
use concordat_model::share::Share;
use concordat_model::work::{Outcome, Work};

use crate::answer::Answered;
use crate::input::{AccessInput, AdmitInput, DispatchInput, EnrollInput, PromoteInput, ReleaseInput};
use crate::policy::{Asked, Permitted, Policy, Probing, Refusal, Released};

/// Who is asked.
#[derive(Debug, Clone)]
pub struct Panel {
    enforced: Arc<Policy>,
    trial: Option<Trial>,
}

/// A revision on trial.
#[derive(Debug, Clone)]
pub struct Trial {
    /// The revision.
    pub policy: Arc<Policy>,
    /// The share of contracts that it decides; nothing in shadow.
    pub share: Share,
}

impl Panel {
    /// The policy in force, with nothing on trial.
    #[must_use]
    pub fn of(enforced: Arc<Policy>) -> Panel {
        Panel { enforced, trial: None }
    }

    /// The same policy in force, with this on trial.
    #[must_use]
    pub fn with_trial(self, trial: Option<Trial>) -> Panel {
        Panel { trial, ..self }
    }

    /// The policy in force.
    #[must_use]
    pub fn enforced(&self) -> &Arc<Policy> {
        &self.enforced
    }

    /// What is on trial.
    #[must_use]
    pub fn trial(&self) -> Option<&Trial> {
        self.trial.as_ref()
    }

    /// May this principal do this? What is not about one contract is decided by the policy in force.
    #[must_use]
    pub fn access(&self, id: DecisionId, input: &AccessInput) -> Asked {
        let mut asked = self.enforced.access(id, input);
        compare(&mut asked, self.trial.as_ref().map(|trial| &*trial.policy));
        asked
    }

    /// May this agent come to stand so? The policy in force decides.
    #[must_use]
    pub fn enroll(&self, id: DecisionId, input: &EnrollInput) -> Asked {
        let mut asked = self.enforced.enroll(id, input);
        compare(&mut asked, self.trial.as_ref().map(|trial| &*trial.policy));
        asked
    }

    /// May this skill of this agent be tried with this work? The policy in force decides.
    ///
    /// # Errors
    /// Everything but a permit, with the work given back.
    pub fn probe(
        &self,
        id: DecisionId,
        input: &EnrollInput,
        work: Work,
        agent: &Agent,
    ) -> Result<Probing, Refusal> {
        let mut answer = self.enforced.probe(id, input, work, agent);
        let other = self.trial.as_ref().map(|trial| &*trial.policy);
        match &mut answer {
            Ok(probing) => compare(&mut probing.asked, other),
            Err(refusal) => compare(&mut refusal.asked, other),
        }
        answer
    }

    /// May this policy come into force? Only the policy in force says.
    #[must_use]
    pub fn promote(&self, id: DecisionId, input: &PromoteInput) -> Asked {
        self.enforced.promote(id, input)
    }

    /// May this contract run?
    #[must_use]
    pub fn admit(&self, run: RunId, id: DecisionId, input: &AdmitInput) -> Asked {
        let (decides, other) = self.for_run(run);
        let mut asked = decides.admit(id, input);
        compare(&mut asked, other);
        asked
    }

    /// Which agents may do this work? `candidates` are the agents of the input's candidates, in their order.
    ///
    /// # Errors
    /// Everything but a permit, with the work given back.
    pub fn dispatch(
        &self,
        id: DecisionId,
        input: &DispatchInput,
        work: Work,
        candidates: &[Arc<Agent>],
    ) -> Result<Permitted, Refusal> {
        let (decides, other) = self.for_run(work.run);
        let mut answer = decides.dispatch(id, input, work, candidates);
        match &mut answer {
            Ok(permitted) => compare(&mut permitted.asked, other),
            Err(refusal) => compare(&mut refusal.asked, other),
        }
        answer
    }

    /// May this result be used?
    ///
    /// # Errors
    /// Everything but a permit, with the outcome given back, unauthorised.
    pub fn release(
        &self,
        id: DecisionId,
        input: &ReleaseInput,
        outcome: Outcome,
    ) -> Result<Released, Refusal<Outcome>> {
        let (decides, other) = self.for_run(outcome.run);
        let mut answer = decides.release(id, input, outcome);
        match &mut answer {
            Ok(released) => compare(&mut released.asked, other),
            Err(refusal) => compare(&mut refusal.asked, other),
        }
        answer
    }

    /// Who decides about a run, and who is only asked.
    fn for_run(&self, run: RunId) -> (&Policy, Option<&Policy>) {
        match &self.trial {
            None => (&self.enforced, None),
            Some(trial) if lot(run, trial.policy.revision()) < trial.share.points() => {
                (&trial.policy, Some(&self.enforced))
            }
            Some(trial) => (&self.enforced, Some(&trial.policy)),
        }
    }
}

/// A run's lot among 10,000: the same for the same revision, and other ones for the next.
fn lot(run: RunId, revision: Digest) -> u16 {
    let drawn = Digest::of(format!("{run}/{revision}").as_bytes());
    let number = drawn.bytes().iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    u16::try_from(number % 10_000).unwrap_or(0)
}

fn compare(asked: &mut Asked, other: Option<&Policy>) {
    let Some(other) = other else { return };
    let decision = &asked.decision;
    let Answered { answer, permitted, strategy, regions, .. } = other.answer_to(decision.gate, &asked.input);
    let codes: Vec<String> = answer.reasons().iter().map(|reason| reason.code.clone()).collect();
    let compared = Compared {
        policy: other.revision(),
        answer: answer.as_str().to_owned(),
        failed: codes.iter().any(|code| code.starts_with("policy_")),
        codes,
        differs: answer.as_str() != decision.answer.as_str()
            || permitted != decision.permitted
            || strategy != decision.strategy
            || regions != decision.regions,
    };
    asked.decision.compared = Some(Box::new(compared));
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_share_of_the_runs_is_about_that_share_and_stays_the_same() {
        let revision = Digest::of(b"revision");
        let runs = || (0..10_000_u128).map(|n| RunId::new(Uuid::from_u128(n)));
        let drawn = |share: u16| runs().filter(|run| lot(*run, revision) < share).collect::<Vec<_>>();
        let (tenth, fifth) = (drawn(1_000), drawn(2_000));
        assert!((900..1_100).contains(&tenth.len()), "{}", tenth.len());
        assert!(tenth.iter().all(|run| fifth.contains(run)), "who is in a share is in every larger one");
        assert_eq!(drawn(0).len(), 0);
        assert_eq!(drawn(10_000).len(), 10_000);
    }
}

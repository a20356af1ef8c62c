//! What a revision would have decided: stored decisions, asked again.
//!
//! Each decision is asked again with the very bytes it was made from, by the evaluator that decides. What cannot be
//! asked again is told first, because a comparison of what is left says little when much is missing.

use std::collections::BTreeMap;
use std::sync::Arc;

use concordat_model::decision::{Decision, Gate, Strategy};
use concordat_model::digest::Digest;
use concordat_model::id::{AgentId, DecisionId};
use concordat_model::payload;
use concordat_model::policy_book::{Impact, PolicyEvent};
use concordat_model::run::event::Event;
use concordat_policy::input::{Action, DispatchInput};
use concordat_policy::{Explanation, Policy, would_choose};
use jiff::Timestamp;

use super::{resource, unknown};
use crate::engine::{Caller, Engine};
use crate::error::EngineError;
use crate::ports::{RecordFilter, StoredRecord};
use crate::reading::Pages;

/// The most decisions that are named as examples of each kind.
const MOST_SAMPLES: usize = 20;

/// Which decisions are asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImpactWanted {
    /// Only those made at or after this time.
    pub since: Option<Timestamp>,
    /// Only those made before this time.
    pub until: Option<Timestamp>,
}

/// What a revision would have decided otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImpactReport {
    /// The revision that was asked.
    pub revision: Digest,
    /// The revision in force.
    pub against: Digest,
    /// How many decisions were looked at.
    pub decisions: u64,
    /// How many of them were asked again.
    pub replayed: u64,
    /// Why the others could not be.
    pub not_replayable: BTreeMap<NotReplayable, u64>,
    /// Those that would have been the same, with the same checks.
    pub same: u64,
    /// Those with the same answer for the same agents, and other reasons or checks.
    pub same_answer: u64,
    /// Those that would have been permits.
    pub would_permit: u64,
    /// Those that would have gone to people.
    pub would_review: u64,
    /// Those that would have been denials.
    pub would_deny: u64,
    /// Permits that would have been for other agents, or with another way to choose among them.
    pub other_agents: u64,
    /// Those of them in which another agent would have got the work.
    pub rerouted: u64,
    /// How often each code would be given where it was not: the rules behind the differences.
    pub codes_new: BTreeMap<String, u64>,
    /// How often each code would not be given where it was.
    pub codes_gone: BTreeMap<String, u64>,
    /// How many permits each agent would have gained.
    pub agents_gained: BTreeMap<AgentId, u64>,
    /// How many permits each agent would have lost.
    pub agents_lost: BTreeMap<AgentId, u64>,
    /// Examples.
    pub samples: Vec<Flip>,
}

/// Why a decision could not be asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotReplayable {
    /// What was asked is not stored any more.
    InputGone,
    /// Another evaluator made it.
    OtherEvaluator,
}

/// A decision that would have been another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flip {
    /// The decision.
    pub decision: DecisionId,
    /// The gate that was asked.
    pub gate: Gate,
    /// What it is about: a run, a key, the policies.
    pub subject: String,
    /// When it was made.
    pub at: String,
    /// The answer it gave.
    pub was: String,
    /// The answer it would give.
    pub would: String,
    /// The codes that would be its reasons.
    pub codes: Vec<String>,
    /// Who got the work, and who would have got it, where that differs.
    pub rerouted: Option<(AgentId, AgentId)>,
}

impl Engine {
    /// Asks stored decisions again, of another revision. That somebody saw it is recorded; nothing else happens.
    ///
    /// # Errors
    /// There is no such revision, the caller may not, or the log cannot be read.
    pub async fn policy_impact(
        &self,
        caller: &Caller,
        revision: Digest,
        wanted: ImpactWanted,
    ) -> Result<ImpactReport, EngineError> {
        let core = &self.core;
        let access = self.permit(caller, Action::PolicyPublish, resource(Some(&revision))).await?;
        if core.world.read().policies.revision(&revision).is_none() {
            return Err(unknown(&revision));
        }
        let candidate = core.revision(revision).await?;
        let mut report = ImpactReport::of(revision, self.policy_revision());
        let filter = RecordFilter { types: vec!["gate.decided".to_owned()], ..RecordFilter::default() };
        let mut pages = Pages::of(&*core.store, filter);
        while let Some(page) = pages.more().await? {
            let mut asked = Vec::with_capacity(page.len());
            for stored in page {
                if within(&stored, wanted)
                    && let Some(decision) = decision(&stored)?
                {
                    let input = core.store.payload(&decision.provenance.input).await?;
                    asked.push((stored, decision, input));
                }
            }
            let candidate = candidate.clone();
            let looking = tokio::task::spawn_blocking(move || {
                for (stored, decision, input) in &asked {
                    report.add(&candidate, stored, decision, input.as_deref());
                }
                report
            });
            report = looking.await.map_err(|error| EngineError::Conflict(error.to_string()))?;
        }
        let impact = Impact {
            against: report.against,
            by: caller.principal.name.clone(),
            decisions: report.decisions,
            replayed: report.replayed,
            differ: report.differ(),
        };
        let event = PolicyEvent::ImpactSeen { revision, impact, access: access.decision.id };
        let _changing = core.policies.changing.lock().await;
        core.change_policy(&event, &[&access], None, None).await?;
        Ok(report)
    }

    /// What explains a decision: as it was stored with a refusal, and asked again for a permit.
    ///
    /// # Errors
    /// What it was made from is not stored any more.
    pub async fn explanation(&self, decision: &Decision) -> Result<Explanation, EngineError> {
        let stored = match decision.provenance.explanation {
            Some(digest) => self.core.store.payload(&digest).await?.map(|bytes| (digest, bytes)),
            None => None,
        };
        if let Some((digest, bytes)) = stored {
            return serde_json::from_slice(payload::document(&bytes))
                .map_err(|error| EngineError::PayloadOdd { digest, why: error.to_string() });
        }
        let digest = decision.provenance.input;
        let input = self.core.store.payload(&digest).await?.ok_or(EngineError::PayloadMissing(digest))?;
        let policy = self.core.revision(decision.provenance.policy).await?;
        Ok(policy.explain_again(decision, &input))
    }

    /// Asks one stored decision again, of the revision that made it, and tells whether every byte is the same.
    ///
    /// # Errors
    /// There is none, or what it was made from is not stored any more.
    pub async fn replay_decision(&self, id: DecisionId) -> Result<(Decision, Decision), EngineError> {
        let (decision, stored) = self.decision(id).await?;
        let digest = decision.provenance.input;
        let Some(input) = self.core.store.payload(&digest).await? else {
            return Err(self.absent(stored.record.subject(), digest).await);
        };
        let policy = self.core.revision(decision.provenance.policy).await?;
        let again = replay(&policy, &decision, &input);
        Ok((decision, again))
    }
}

/// Asks the policy what a stored decision was asked. What was on trial then is not asked again.
pub(crate) fn replay(policy: &Arc<Policy>, decision: &Decision, input: &[u8]) -> Decision {
    let again = policy.replay(decision.gate, decision.id, input);
    Decision { compared: decision.compared.clone(), ..again }
}

fn within(stored: &StoredRecord, wanted: ImpactWanted) -> bool {
    let Ok(at) = stored.record.time().parse::<Timestamp>() else { return false };
    wanted.since.is_none_or(|since| since <= at) && wanted.until.is_none_or(|until| at < until)
}

fn decision(stored: &StoredRecord) -> Result<Option<Box<Decision>>, EngineError> {
    match stored.read()? {
        Event::Decided { decision, .. } => Ok(Some(decision)),
        _ => Ok(None),
    }
}

impl ImpactReport {
    fn of(revision: Digest, against: Digest) -> ImpactReport {
        ImpactReport {
            revision,
            against,
            decisions: 0,
            replayed: 0,
            not_replayable: BTreeMap::new(),
            same: 0,
            same_answer: 0,
            would_permit: 0,
            would_review: 0,
            would_deny: 0,
            other_agents: 0,
            rerouted: 0,
            codes_new: BTreeMap::new(),
            codes_gone: BTreeMap::new(),
            agents_gained: BTreeMap::new(),
            agents_lost: BTreeMap::new(),
            samples: Vec::new(),
        }
    }

    /// How many decisions would have been other ones: another answer, or other agents.
    #[must_use]
    pub fn differ(&self) -> u64 {
        self.would_permit + self.would_review + self.would_deny + self.other_agents
    }

    fn add(&mut self, candidate: &Policy, stored: &StoredRecord, was: &Decision, input: Option<&[u8]>) {
        self.decisions += 1;
        let would = match input {
            None => return self.lost(NotReplayable::InputGone),
            Some(_) if was.provenance.evaluator != Policy::evaluator() => {
                return self.lost(NotReplayable::OtherEvaluator);
            }
            Some(input) => candidate.replay(was.gate, was.id, input),
        };
        self.replayed += 1;
        let codes = |decision: &Decision| -> Vec<String> {
            decision.answer.reasons().iter().map(|reason| reason.code.clone()).collect()
        };
        let (before, after) = (codes(was), codes(&would));
        count(&mut self.codes_new, after.iter().filter(|code| !before.contains(code)).cloned());
        count(&mut self.codes_gone, before.iter().filter(|code| !after.contains(code)).cloned());
        let lost = was.permitted.iter().filter(|id| !would.permitted.contains(id)).copied();
        count(&mut self.agents_lost, lost);
        let gained = would.permitted.iter().filter(|id| !was.permitted.contains(id)).copied();
        count(&mut self.agents_gained, gained);
        let mut rerouted = None;
        match (was.answer.as_str(), would.answer.as_str()) {
            (one, other) if one != other => match other {
                "permit" => self.would_permit += 1,
                "review" => self.would_review += 1,
                _ => self.would_deny += 1,
            },
            _ if was.permitted != would.permitted || strategy(was) != strategy(&would) => {
                rerouted = input.and_then(|input| routed(stored, was, &would, input));
                self.rerouted += u64::from(rerouted.is_some());
                self.other_agents += 1;
            }
            _ if was.answer == would.answer
                && was.checks == would.checks
                && was.excluded == would.excluded =>
            {
                self.same += 1;
                return;
            }
            _ => {
                self.same_answer += 1;
                return;
            }
        }
        if self.samples.len() < MOST_SAMPLES {
            self.samples.push(Flip {
                decision: was.id,
                gate: was.gate,
                subject: stored.record.subject().to_owned(),
                at: stored.record.time().to_owned(),
                was: was.answer.as_str().to_owned(),
                would: would.answer.as_str().to_owned(),
                codes: after,
                rerouted,
            });
        }
    }

    fn lost(&mut self, why: NotReplayable) {
        *self.not_replayable.entry(why).or_default() += 1;
    }
}

/// How an agent is chosen, also by a bundle that does not say so.
fn strategy(decision: &Decision) -> Strategy {
    decision.strategy.unwrap_or(Strategy::Explore)
}

/// Who got the work, and who would have got it, if that is somebody else.
fn routed(
    stored: &StoredRecord,
    was: &Decision,
    would: &Decision,
    input: &[u8],
) -> Option<(AgentId, AgentId)> {
    let input: DispatchInput = serde_json::from_slice(payload::document(input)).ok()?;
    let seed = *Digest::of(format!("{}/{}", stored.record.subject(), was.id).as_bytes()).bytes();
    let before = would_choose(&input, was, seed)?;
    let after = would_choose(&input, would, seed)?;
    (before != after).then_some((before, after))
}

fn count<K: Ord>(counts: &mut BTreeMap<K, u64>, keys: impl Iterator<Item = K>) {
    for key in keys {
        *counts.entry(key).or_default() += 1;
    }
}

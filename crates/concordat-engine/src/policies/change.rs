//! What changes policies: published, promoted, taken back.

use std::sync::Arc;
use std::time::Duration;

use concordat_model::decision::Answer;
use concordat_model::digest::Digest;
use concordat_model::id::DecisionId;
use concordat_model::policy_book::{PolicyEvent, Stage, Withdrawal};
use concordat_model::share::Share;
use concordat_policy::input::{
    Action, BreakGlass, PromoteImpact, PromoteInput, PromoteRevision, PromoteTrial, StageName,
};
use concordat_policy::{Asked, Bundle, Finding, Level, Panel, Policy, Trial, testing};
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::tally::TakeBack;
use super::{POLICY, RevisionView, resource, share, unknown};
use crate::core::Core;
use crate::engine::{Caller, Engine, decided};
use crate::error::EngineError;
use crate::ports::Change;
use crate::scribe::Place;

/// The longest pause between two looks at what expires.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The shortest one.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

/// Where a revision is to go, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promotion {
    /// What it may do then.
    pub to: Stage,
    /// Why.
    pub reason: String,
    /// Until when, if the usual proofs are to be passed over.
    pub break_glass: Option<Timestamp>,
    /// The share of decisions in which a canary may differ before it is taken back.
    pub most_differ: Option<Share>,
}

/// What the keeper of the policies is to do next.
enum Wanted {
    Back(TakeBack),
    Expire,
    Look,
}

/// A bundle that was published.
#[derive(Debug, Clone)]
pub struct PublishedPolicy {
    /// The revision as it is kept.
    pub view: RevisionView,
    /// What its author should look at.
    pub warnings: Vec<Finding>,
    /// Whether it was known before: nothing was changed then.
    pub known: bool,
}

impl Engine {
    /// Keeps a bundle as a revision, if it passes what every bundle has to pass. It decides nothing yet.
    ///
    /// # Errors
    /// The bundle does not pass, with everything that was found; the caller may not; or it cannot be recorded.
    pub async fn publish_policy(
        &self,
        caller: &Caller,
        bundle: Bundle,
    ) -> Result<PublishedPolicy, EngineError> {
        let core = &self.core;
        core.running()?;
        let revision = bundle.revision();
        let access = self.permit(caller, Action::PolicyPublish, resource(Some(&revision))).await?;
        let _changing = core.policies.changing.lock().await;
        if let Ok(view) = self.revision_view(&revision) {
            return Ok(PublishedPolicy { view, warnings: Vec::new(), known: true });
        }
        let document = bundle.document();
        let report = (core.inspect)(document.clone()).await;
        let (by, asked) = (caller.principal.name.clone(), access.decision.id);
        let (errors, warnings): (Vec<Finding>, Vec<Finding>) =
            report.findings.into_iter().partition(|finding| finding.level == Level::Error);
        let number = |all: &[Finding]| u32::try_from(all.len()).unwrap_or(u32::MAX);
        if let Some(first) = errors.first() {
            let first = first.to_string().chars().take(400).collect();
            let event = PolicyEvent::Refused {
                sent: revision,
                author: by,
                first,
                errors: number(&errors),
                access: asked,
            };
            core.change_policy(&event, &[&access], None, None).await?;
            return Err(EngineError::PolicyRefused(errors));
        }
        let label = bundle.label().map(str::to_owned);
        let counting = tokio::task::spawn_blocking(move || testing::count(&bundle)).await;
        let tests = u32::try_from(counting.unwrap_or(0)).unwrap_or(u32::MAX);
        let event = PolicyEvent::Published {
            revision,
            label,
            author: by,
            tests,
            warnings: number(&warnings),
            access: asked,
        };
        core.change_policy(&event, &[&access], Some((revision, document)), None).await?;
        Ok(PublishedPolicy { view: self.revision_view(&revision)?, warnings, known: false })
    }

    /// Lets a revision go to another stage, if the promote gate permits it.
    ///
    /// # Errors
    /// There is none, the caller may not, policy does not permit it, or it cannot be recorded.
    pub async fn promote_policy(
        &self,
        caller: &Caller,
        revision: Digest,
        wanted: Promotion,
    ) -> Result<RevisionView, EngineError> {
        let core = &self.core;
        core.running()?;
        let access = self.permit(caller, Action::PolicyPromote, resource(Some(&revision))).await?;
        let _changing = core.policies.changing.lock().await;
        let view = self.revision_view(&revision)?;
        if view.stage == Stage::Enforced && wanted.to != Stage::Enforced {
            let words = "this policy is in force: promote another one, or roll back, to take it out of force";
            return Err(EngineError::Conflict(words.to_owned()));
        }
        let input = self.promotion(caller, &view, &wanted);
        let asked = core.policies.panel().promote(DecisionId::new(core.clock.uuid()), &input);
        if !matches!(asked.decision.answer, Answer::Permit) {
            core.record_decision(POLICY, &asked).await?;
            return Err(EngineError::Forbidden(Box::new(asked.decision)));
        }
        let loaded = core.revision(revision).await?;
        let Promotion { to, reason, break_glass, most_differ } = wanted;
        let (by, decision) = (caller.principal.name.clone(), asked.decision.id);
        if let Some(until) = break_glass {
            tracing::warn!(%revision, %by, %until, "the usual proofs of a policy are passed over: {reason}");
        }
        let event = PolicyEvent::Promoted { revision, to, by, reason, break_glass, most_differ, decision };
        core.change_policy(&event, &[&access, &asked], None, Some(loaded)).await?;
        self.revision_view(&revision)
    }

    /// Takes the policy in force back: what was in force before is in force again.
    ///
    /// # Errors
    /// There is nothing to go back to, the caller may not, or it cannot be recorded.
    pub async fn roll_back_policy(
        &self,
        caller: &Caller,
        reason: String,
    ) -> Result<RevisionView, EngineError> {
        let core = &self.core;
        core.running()?;
        let revision = self.policy_revision();
        let access = self.permit(caller, Action::PolicyRollBack, resource(Some(&revision))).await?;
        let _changing = core.policies.changing.lock().await;
        let (by, asked) = (caller.principal.name.clone(), access.decision.id);
        let to = core.roll_back(Withdrawal::Person { by, reason, access: asked }, &[&access]).await?;
        self.revision_view(&to)
    }

    /// Takes the revision on trial back.
    ///
    /// # Errors
    /// It is not on trial, the caller may not, or it cannot be recorded.
    pub async fn withdraw_policy(
        &self,
        caller: &Caller,
        revision: Digest,
        reason: String,
    ) -> Result<RevisionView, EngineError> {
        let core = &self.core;
        core.running()?;
        let access = self.permit(caller, Action::PolicyRollBack, resource(Some(&revision))).await?;
        let _changing = core.policies.changing.lock().await;
        let view = self.revision_view(&revision)?;
        if !matches!(view.stage, Stage::Shadow | Stage::Canary { .. }) {
            return Err(EngineError::Conflict(format!("the revision `{revision}` is not on trial")));
        }
        let (by, asked) = (caller.principal.name.clone(), access.decision.id);
        let cause = Withdrawal::Person { by, reason, access: asked };
        core.change_policy(&PolicyEvent::Withdrawn { revision, cause }, &[&access], None, None).await?;
        self.revision_view(&revision)
    }

    /// What the promote gate is told.
    fn promotion(&self, caller: &Caller, view: &RevisionView, wanted: &Promotion) -> PromoteInput {
        let now = self.core.clock.now();
        let revision = &view.revision;
        let impact = revision.impact.as_ref().map(|(impact, at)| PromoteImpact {
            against: impact.against,
            by: impact.by.clone(),
            at: *at,
            decisions: impact.decisions,
            replayed: impact.replayed,
            differ: impact.differ,
        });
        let trial = view.tally.zip(view.standing.as_ref()).map(|(tally, standing)| PromoteTrial {
            since: standing.since,
            asked: tally.asked,
            differed: tally.differed,
            failed: tally.failed,
        });
        let glass =
            |until: Timestamp| BreakGlass { until, ms: until.as_millisecond() - now.as_millisecond() };
        PromoteInput {
            now,
            publisher: caller.principal.clone(),
            reason: wanted.reason.clone(),
            revision: PromoteRevision {
                digest: revision.revision,
                author: revision.author.clone(),
                tests: revision.tests,
                warnings: revision.warnings,
            },
            enforced: self.policy_revision(),
            from: name(view.stage),
            to: name(wanted.to),
            share: matches!(wanted.to, Stage::Canary { .. }).then(|| share(wanted.to)),
            impact,
            trial,
            break_glass: wanted.break_glass.map(glass),
        }
    }
}

fn name(stage: Stage) -> StageName {
    match stage {
        Stage::Off => StageName::Off,
        Stage::Shadow => StageName::Shadow,
        Stage::Canary { .. } => StageName::Canary,
        Stage::Enforced => StageName::Enforced,
    }
}

impl Core {
    /// Brings back what was in force before, and tells what that is.
    async fn roll_back(&self, cause: Withdrawal, asked: &[&Asked]) -> Result<Digest, EngineError> {
        let (revision, to) = {
            let world = self.world.read();
            let back = world.policies.enforced().zip(world.policies.before());
            let (now, before) = back.ok_or_else(|| {
                EngineError::Conflict(
                    "there is no policy to go back to: nothing was in force before".to_owned(),
                )
            })?;
            (now.revision, before.revision)
        };
        let loaded = self.revision(to).await?;
        self.change_policy(&PolicyEvent::RolledBack { revision, to, cause }, asked, None, Some(loaded))
            .await?;
        Ok(to)
    }

    /// One event of the policies, with the decisions that let it happen, made durable and then in force.
    ///
    /// INVARIANT: whoever asks about a run holds `standings` until the answer is handed over, so that no decision of
    /// a revision stands in the log after the record that took it back.
    pub(super) async fn change_policy(
        &self,
        event: &PolicyEvent,
        asked: &[&Asked],
        bundle: Option<(Digest, Vec<u8>)>,
        loaded: Option<Arc<Policy>>,
    ) -> Result<(), EngineError> {
        let commit = {
            let _nobody_asks = self.standings.write();
            let mut world = self.world.write();
            let at = self.clock.now();
            let mut change = Change::default();
            for asked in asked {
                let place = Place { subject: POLICY, seq: world.take_seq(POLICY), at };
                change.records.push(decided(self, asked, place)?);
                change.payloads.extend(asked.payloads());
            }
            let place = Place { subject: POLICY, seq: world.take_seq(POLICY), at };
            change.records.push(self.scribe.seal(&*self.clock, event.record_type(), place, event)?);
            change.payloads.extend(bundle);
            world.policies.apply(event, at);
            self.seat(&world.policies, loaded.as_ref())?;
            self.store.commit(change)
        };
        self.policies.expiry.notify_one();
        self.durable(commit).await.map(drop)
    }

    /// Lets those be asked that the book names: the ones who are asked already, and the one just loaded.
    fn seat(
        &self,
        book: &concordat_model::policy_book::PolicyBook,
        loaded: Option<&Arc<Policy>>,
    ) -> Result<(), EngineError> {
        let before = self.policies.panel();
        let known = [Some(before.enforced()), before.trial().map(|trial| &trial.policy), loaded];
        let find = |revision: &Digest| {
            let found = known.into_iter().flatten().find(|policy| policy.revision() == *revision);
            found.cloned().ok_or_else(|| unknown(revision))
        };
        let Some(enforced) = book.enforced() else { return Ok(()) };
        let panel = Panel::of(find(&enforced.revision)?);
        let trial = book.trial().map(|standing| {
            Ok::<Trial, EngineError>(Trial {
                policy: find(&standing.revision)?,
                share: share(standing.stage),
            })
        });
        *self.policies.panel.write() = Arc::new(panel.with_trial(trial.transpose()?));
        self.policies.count(book);
        Ok(())
    }

    /// Takes back what has to be: what failed or differed too often, and what nobody confirmed in time.
    pub(crate) async fn keep_policies(self: Arc<Self>, mut back: mpsc::UnboundedReceiver<TakeBack>) {
        let mut halted = self.halted.subscribe();
        loop {
            let pause = self.until_expiry();
            let wanted = tokio::select! {
                biased;
                _ = halted.wait_for(Option::is_some) => return,
                taken = back.recv() => taken.map(Wanted::Back),
                () = self.policies.expiry.notified() => Some(Wanted::Look),
                () = tokio::time::sleep(pause) => Some(Wanted::Expire),
            };
            match wanted {
                Some(Wanted::Back(taken)) => self.take_policy_back(taken).await,
                Some(Wanted::Expire) => self.expire().await,
                Some(Wanted::Look) => {}
                None => return,
            }
        }
    }

    /// How long until something on the panel expires; never so short that what cannot be taken back keeps a core busy.
    fn until_expiry(&self) -> Duration {
        let world = self.world.read();
        let standing = [world.policies.enforced(), world.policies.trial()];
        let next = standing.into_iter().flatten().filter_map(|standing| standing.expires).min();
        let left =
            next.map(|next| Duration::try_from(next.duration_since(self.clock.now())).unwrap_or_default());
        left.unwrap_or(LONGEST_PAUSE).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
    }

    async fn expire(&self) {
        let now = self.clock.now();
        let (enforced, trial) = {
            let world = self.world.read();
            let over = |standing: Option<&concordat_model::policy_book::Standing>| {
                standing.filter(|one| one.expires.is_some_and(|until| until <= now)).map(|one| one.revision)
            };
            (over(world.policies.enforced()), over(world.policies.trial()))
        };
        let trial = trial.map(|revision| TakeBack::Trial(revision, Withdrawal::Expired));
        let enforced = enforced.map(|revision| TakeBack::Enforced(revision, Withdrawal::Expired));
        for taken in [trial, enforced].into_iter().flatten() {
            self.take_policy_back(taken).await;
        }
    }

    async fn take_policy_back(&self, taken: TakeBack) {
        let _changing = self.policies.changing.lock().await;
        let stands = |revision: Digest| {
            let world = self.world.read();
            (world.policies.stage(&revision), world.policies.before().is_some())
        };
        let done = match taken {
            TakeBack::Trial(revision, cause) => match stands(revision) {
                (Stage::Shadow | Stage::Canary { .. }, _) => {
                    tracing::warn!(%revision, "the policy on trial is taken back: {cause:?}");
                    let event = PolicyEvent::Withdrawn { revision, cause };
                    self.change_policy(&event, &[], None, None).await
                }
                _ => return,
            },
            TakeBack::Enforced(revision, cause) => match stands(revision) {
                (Stage::Enforced, true) => {
                    tracing::warn!(%revision, "the policy in force is taken back: {cause:?}");
                    self.roll_back(cause, &[]).await.map(drop)
                }
                _ => return,
            },
        };
        if let Err(error) = done {
            tracing::error!(%error, "a policy could not be taken back: {error}");
        }
    }
}

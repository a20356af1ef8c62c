//! What is: everything that a run's events add up to. How they do is in `fold`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;

use crate::agree::Contract;
use crate::classification::Classification;
use crate::digest::Digest;
use crate::id::{AgentId, DecisionId, ReviewId, RunId, SubmissionId};
use crate::name::{PrincipalName, StepName};
use crate::principal::Principal;
use crate::run::event::{About, Allotment, Cause, Ending, Event, Origin};
use crate::run::leg::LegState;
use crate::step_id::StepId;
use crate::work::{Attempt, Leg};

/// Everything that a run's events add up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunState {
    /// Where the run as a whole stands.
    pub phase: Phase,
    /// What it came with.
    pub submission: SubmissionId,
    /// What it is called within that submission.
    pub label: StepName,
    /// Who sent it.
    pub submitter: Principal,
    /// When it was received.
    pub received: Timestamp,
    /// The runs that must be completed before it starts.
    pub depends_on: Vec<RunId>,
    /// What it is about, once the classifier was asked.
    pub classification: Option<Classification>,
    /// When it must be over, once it was admitted.
    pub deadline: Option<Timestamp>,
    /// Calls to agents so far.
    pub calls: u32,
    /// What they cost, in millionths by currency.
    pub spent: BTreeMap<String, u64>,
    /// How it came about.
    pub origin: Origin,
    /// The access decision that let it in.
    pub access: DecisionId,
    /// Since when nothing new begins, and why, if somebody paused it.
    pub paused: Option<Pause>,
    /// Contracts within this one that are not over, and what each may use up.
    pub lent: BTreeMap<RunId, Loan>,
    /// The open reviews.
    pub reviews: BTreeMap<ReviewId, OpenReview>,
    /// What people approved, by what it was about: evidence for policy.
    pub approvals: BTreeMap<About, Approval>,
    /// The contract's steps, and after them the items that steps were spread over.
    pub(super) steps: Vec<StepState>,
    /// Steps done, in the order of completion.
    pub(super) completed: Vec<usize>,
    /// Steps still to be undone, the next one last.
    pub(super) to_undo: Vec<usize>,
    /// Legs that may be offered, that wait for the release gate or for a moment, or that need a decision.
    pub(super) active: BTreeSet<(usize, Leg)>,
    pub(super) in_flight: usize,
    pub(super) unsettled: usize,
    pub(super) undoing: usize,
}

/// A pause that somebody ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Since when.
    pub since: Timestamp,
    /// Who ordered it.
    pub by: PrincipalName,
    /// Why, in their words.
    pub reason: String,
}

/// What a contract within this one may use up, and whom it is carried out for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loan {
    /// The step; none for the fallback.
    pub step: Option<Attempt>,
    /// What it may use up.
    pub allotted: Allotment,
}

/// Where a run as a whole stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// The admit gate was not passed yet.
    Received,
    /// People are asked whether it may run.
    InReview(ReviewId),
    /// It waits for other runs.
    Waiting,
    /// Steps run.
    Running,
    /// Nothing new starts; agents that have work may finish it.
    Closing(Cause),
    /// Finished steps are being undone.
    Undoing(Cause),
    /// The fallback is carried out in place of what failed.
    FallingBack(Cause),
    /// It is over.
    Ended {
        /// Why it stopped early, if it did.
        cause: Option<Cause>,
        /// How it ended.
        ending: Ending,
        /// When.
        at: Timestamp,
    },
}

/// One step's two legs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepState {
    /// Doing it.
    pub doing: LegState,
    /// Undoing it.
    pub undoing: LegState,
    /// The agents that failed at it.
    pub failed_by: Vec<AgentId>,
    /// The agent, and the instance of it, that may have done it although nobody knows: whoever asks there again is given
    /// what was done already.
    pub(super) left_at: Option<(AgentId, String)>,
    /// How many attempts at doing it failed.
    pub failures: u32,
    /// How many attempts at undoing it failed.
    pub undo_failures: u32,
    /// The step of the contract that this is, or that this is an item of.
    pub written: usize,
    /// The item that it is done for, from 0.
    pub item: Option<u32>,
    /// The items that it was spread over.
    pub items: Option<Items>,
    pub(super) open_needs: usize,
    pub(super) failed_needs: u32,
}

/// The items that a step was spread over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Items {
    /// The digest of the list.
    pub list: Digest,
    /// The place of the first item among the run's steps; the others follow.
    pub first: usize,
    /// How many there are.
    pub count: usize,
    /// How many are not settled.
    pub open: usize,
    /// How many failed.
    pub failed: u32,
    /// How many were woken.
    pub(super) woken: usize,
}

/// A question to people that was not answered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenReview {
    /// What it is about.
    pub about: About,
    /// The decision that asked for it.
    pub decision: Option<DecisionId>,
    /// The digest of what they are asked to approve.
    pub payload: Digest,
    /// Since when it waits.
    pub opened: Timestamp,
    /// When it lapses.
    pub expires: Timestamp,
}

/// What a person approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The review.
    pub review: ReviewId,
    /// Who approved.
    pub by: Principal,
    /// When.
    pub at: Timestamp,
    /// The digest of what they saw.
    pub payload: Digest,
}

/// An event that cannot happen in this state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{event}` cannot happen while {what} is {state}")]
pub struct IllegalMove {
    event: &'static str,
    what: String,
    state: String,
}

impl RunState {
    /// The state after a contract was received.
    pub(crate) fn open(contract: &Contract, event: &Event, at: Timestamp) -> Result<RunState, IllegalMove> {
        let Event::Received { submission, label, submitter, depends_on, origin, access, .. } = event else {
            let (what, state) = ("the run".to_owned(), "not received".to_owned());
            return Err(IllegalMove { event: event.record_type(), what, state });
        };
        let waiting = |step| StepState::waiting(step, None, contract.plan().needs(step).len());
        let n = contract.steps().len();
        Ok(RunState {
            phase: Phase::Received,
            submission: *submission,
            label: label.clone(),
            submitter: submitter.clone(),
            received: at,
            depends_on: depends_on.clone(),
            classification: None,
            deadline: None,
            calls: 0,
            spent: BTreeMap::new(),
            origin: origin.clone(),
            access: *access,
            paused: None,
            lent: BTreeMap::new(),
            reviews: BTreeMap::new(),
            approvals: BTreeMap::new(),
            steps: (0..n).map(waiting).collect(),
            completed: Vec::new(),
            to_undo: Vec::new(),
            active: BTreeSet::new(),
            in_flight: 0,
            unsettled: n,
            undoing: 0,
        })
    }

    /// Whether the run is over.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended { .. })
    }

    /// One leg of one step.
    #[must_use]
    pub fn leg(&self, step: usize, leg: Leg) -> Option<&LegState> {
        let step = self.steps.get(step)?;
        Some(match leg {
            Leg::Do => &step.doing,
            Leg::Undo => &step.undoing,
        })
    }

    /// The place of a step, or of one of its items, among the run's steps.
    #[must_use]
    pub fn place(&self, contract: &Contract, step: &StepId) -> Option<usize> {
        let written = contract.index(&step.name)?;
        let Some(item) = step.item else { return Some(written) };
        let items = self.steps.get(written)?.items?;
        let item = usize::try_from(item).ok().filter(|item| *item < items.count)?;
        Some(items.first + item)
    }

    /// Every step in the order of the contract, and after them the items that steps were spread over.
    #[must_use]
    pub fn steps(&self) -> &[StepState] {
        &self.steps
    }

    /// Steps done, in the order of completion.
    #[must_use]
    pub fn completed(&self) -> &[usize] {
        &self.completed
    }

    /// The legs that want something, in the order of the contract.
    pub fn active(&self) -> impl Iterator<Item = (usize, Leg)> + '_ {
        self.active.iter().copied()
    }

    /// Whether nothing is left to undo.
    pub(super) fn undo_is_over(&self) -> bool {
        self.in_flight == 0 && self.undoing == 0 && self.to_undo.is_empty()
    }

    /// How many attempts are with agents.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// How many steps are not settled.
    #[must_use]
    pub fn unsettled(&self) -> usize {
        self.unsettled
    }
}

impl StepState {
    /// The instance of an agent that has the work or may have done it, where that is one of several.
    #[must_use]
    pub fn left_at(&self, agent: AgentId) -> Option<&str> {
        self.left_at.as_ref().filter(|(left, _)| *left == agent).map(|(_, instance)| instance.as_str())
    }

    pub(super) fn waiting(written: usize, item: Option<u32>, open_needs: usize) -> StepState {
        StepState {
            doing: LegState::Waiting,
            undoing: LegState::Waiting,
            failed_by: Vec::new(),
            left_at: None,
            failures: 0,
            undo_failures: 0,
            written,
            item,
            items: None,
            open_needs,
            failed_needs: 0,
        }
    }
}

impl IllegalMove {
    pub(super) fn new(event: &Event, what: String, state: &dyn fmt::Display) -> IllegalMove {
        IllegalMove { event: event.record_type(), what, state: state.to_string() }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Received => "received",
            Phase::InReview(_) => "in_review",
            Phase::Waiting => "waiting",
            Phase::Running => "running",
            Phase::Closing(_) => "closing",
            Phase::Undoing(_) => "undoing",
            Phase::FallingBack(_) => "falling_back",
            Phase::Ended { .. } => "ended",
        })
    }
}

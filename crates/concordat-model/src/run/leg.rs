//! One leg of one step: what it is, and every move that it can make.

use jiff::Timestamp;

use crate::digest::Digest;
use crate::id::{AgentId, EventId, ReviewId, RunId};
use crate::run::event::{Failure, Reply, Skip};

/// Where one leg of a step stands. Each state owns exactly its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LegState {
    /// Steps before it are not settled, or undoing was not asked for.
    Waiting,
    /// It may be offered.
    Ready {
        /// The coming try, from 1.
        number: u32,
        /// Not before.
        from: Timestamp,
        /// Whether this very try was put off before: a gate could not answer.
        put_off: bool,
    },
    /// People are asked before it is offered.
    InReview {
        /// The coming try.
        number: u32,
        /// The review.
        review: ReviewId,
    },
    /// It is done once for each of several items, which have states of their own.
    Spread,
    /// It waits for events or a moment.
    Listening {
        /// The try.
        number: u32,
        /// Since when.
        since: Timestamp,
        /// Until when.
        until: Option<Timestamp>,
        /// What it waits for.
        expectation: Digest,
        /// What came so far, and when.
        heard: Vec<(Timestamp, EventId, Digest)>,
    },
    /// A contract of its own is carried out for it.
    Delegated {
        /// The try.
        number: u32,
        /// That contract's run.
        run: RunId,
        /// Since when.
        since: Timestamp,
    },
    /// An agent has it.
    Dispatched {
        /// The try.
        number: u32,
        /// The agent.
        agent: AgentId,
        /// Its revision.
        revision: Digest,
        /// What it was given.
        params: Digest,
        /// Since when.
        since: Timestamp,
    },
    /// An agent answered; the release gate was not passed yet.
    Answered {
        /// The try.
        number: u32,
        /// The agent.
        agent: AgentId,
        /// The result.
        output: Digest,
    },
    /// People are asked before the result is used.
    Held {
        /// The try.
        number: u32,
        /// The agent.
        agent: AgentId,
        /// The result.
        output: Digest,
        /// The review.
        review: ReviewId,
    },
    /// The try ended without a result; what follows was not decided yet.
    Lost {
        /// The try.
        number: u32,
        /// What came instead.
        reply: Reply,
    },
    /// Nobody knows whether it was done; people are asked.
    Parked {
        /// The try.
        number: u32,
        /// The review, once it was opened.
        review: Option<ReviewId>,
    },
    /// It was done, and its result may be used.
    Done {
        /// The agent, if one did it.
        agent: Option<AgentId>,
        /// The result.
        output: Digest,
    },
    /// It will not run.
    Skipped {
        /// Why not.
        because: Skip,
    },
    /// It failed for good.
    Failed {
        /// Why.
        error: Failure,
        /// Whether the run goes on as if it had been skipped.
        tolerated: bool,
    },
}

/// What can happen to a leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Move {
    Wake { at: Timestamp },
    Ask { review: ReviewId },
    Approve { at: Timestamp },
    Skip { because: Skip },
    Reuse { agent: Option<AgentId>, output: Digest },
    Spread,
    Listen { number: u32, at: Timestamp, until: Option<Timestamp>, expectation: Digest },
    Hear { number: u32, at: Timestamp, heard: EventId, content: Digest },
    Delegate { number: u32, run: RunId, at: Timestamp },
    Recall { number: u32, agent: AgentId, output: Digest },
    Conclude { number: u32, output: Digest },
    Dispatch { number: u32, agent: AgentId, revision: Digest, params: Digest, at: Timestamp },
    Deliver { number: u32, output: Digest },
    Lose { number: u32, reply: Reply },
    Release { number: u32 },
    Retry { number: u32, from: Timestamp },
    Park { number: u32 },
    Fail { number: u32, error: Failure, tolerated: bool },
}

impl LegState {
    /// The state after a move, or nothing when the move is not one of this state.
    ///
    /// The whole table: rows are states, and what is not listed cannot happen.
    #[expect(clippy::too_many_lines, reason = "the transition table is easier to check in one piece")]
    pub(crate) fn after(&self, step: Move) -> Option<LegState> {
        use LegState as S;
        use Move as M;
        Some(match (self.clone(), step) {
            (S::Waiting, M::Wake { at }) => S::Ready { number: 1, from: at, put_off: false },
            (S::Waiting | S::Ready { number: 1, .. }, M::Skip { because }) => S::Skipped { because },

            (S::Waiting, M::Reuse { agent, output }) => S::Done { agent, output },

            (S::Ready { number: 1, .. }, M::Spread) => S::Spread,
            (S::Ready { number, .. }, M::Listen { number: n, at, until, expectation }) if n == number => {
                S::Listening { number, since: at, until, expectation, heard: Vec::new() }
            }
            (
                S::Listening { number, since, until, expectation, mut heard },
                M::Hear { number: n, at, heard: event, content },
            ) if n == number => {
                heard.push((at, event, content));
                S::Listening { number, since, until, expectation, heard }
            }
            (S::Ready { number, .. } | S::Answered { number, .. }, M::Delegate { number: n, run, at })
                if n == number =>
            {
                S::Delegated { number, run, since: at }
            }
            (S::Ready { number, .. }, M::Recall { number: n, agent, output }) if n == number => {
                S::Answered { number, agent, output }
            }
            (
                S::Ready { number, .. }
                | S::InReview { number, .. }
                | S::Listening { number, .. }
                | S::Delegated { number, .. },
                M::Conclude { number: n, output },
            ) if n == number => S::Done { agent: None, output },
            (S::Spread, M::Conclude { output, .. }) => S::Done { agent: None, output },

            (S::Ready { number, .. }, M::Ask { review }) => S::InReview { number, review },
            (S::Ready { number, .. }, M::Dispatch { number: n, agent, revision, params, at })
                if n == number =>
            {
                S::Dispatched { number, agent, revision, params, since: at }
            }
            (S::Ready { number, .. }, M::Retry { number: n, from }) if n == number => {
                S::Ready { number, from, put_off: true }
            }
            (
                S::Ready { number, .. }
                | S::InReview { number, .. }
                | S::Listening { number, .. }
                | S::Delegated { number, .. },
                M::Fail { number: n, error, tolerated },
            ) if n == number => S::Failed { error, tolerated },
            (S::Spread, M::Fail { error, tolerated, .. }) => S::Failed { error, tolerated },
            (S::InReview { number, .. }, M::Approve { at }) => S::Ready { number, from: at, put_off: false },

            (S::Dispatched { number, agent, .. }, M::Deliver { number: n, output }) if n == number => {
                S::Answered { number, agent, output }
            }
            (S::Dispatched { number, .. }, M::Lose { number: n, reply }) if n == number => {
                S::Lost { number, reply }
            }

            (S::Answered { number, agent, output }, M::Ask { review }) => {
                S::Held { number, agent, output, review }
            }
            (S::Answered { number, agent, output }, M::Release { number: n }) if n == number => {
                S::Done { agent: Some(agent), output }
            }
            (
                S::Answered { number, .. } | S::Held { number, .. },
                M::Fail { number: n, error, tolerated },
            ) if n == number => S::Failed { error, tolerated },
            (S::Answered { number, .. }, M::Retry { number: n, from }) if n == number + 1 => {
                S::Ready { number: n, from, put_off: false }
            }
            (S::Held { number, agent, output, .. }, M::Approve { .. }) => {
                S::Answered { number, agent, output }
            }

            (S::Lost { number, .. }, M::Retry { number: n, from }) if n == number + 1 => {
                S::Ready { number: n, from, put_off: false }
            }
            (
                S::Lost { number, .. }
                | S::Ready { number, .. }
                | S::Listening { number, .. }
                | S::Answered { number, .. }
                | S::Delegated { number, .. },
                M::Park { number: n },
            ) if n == number => S::Parked { number, review: None },
            (S::Lost { number, .. }, M::Fail { number: n, error, tolerated }) if n == number => {
                S::Failed { error, tolerated }
            }

            (S::Parked { number, review: None }, M::Ask { review }) => {
                S::Parked { number, review: Some(review) }
            }
            (S::Parked { number, .. }, M::Approve { at }) => {
                S::Ready { number: number + 1, from: at, put_off: false }
            }
            (S::Parked { number, .. }, M::Fail { number: n, error, tolerated }) if n == number => {
                S::Failed { error, tolerated }
            }
            _ => return None,
        })
    }

    /// Whether nothing more will happen to this leg by itself.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        matches!(self, LegState::Done { .. } | LegState::Skipped { .. } | LegState::Failed { .. })
    }

    /// Whether an agent may be working on it.
    #[must_use]
    pub fn is_in_flight(&self) -> bool {
        matches!(self, LegState::Dispatched { .. })
    }

    /// The state's name in tables, the API and messages.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            LegState::Waiting => "waiting",
            LegState::Ready { .. } => "ready",
            LegState::InReview { .. } => "in_review",
            LegState::Spread => "spread",
            LegState::Listening { .. } => "listening",
            LegState::Delegated { .. } => "delegated",
            LegState::Dispatched { .. } => "dispatched",
            LegState::Answered { .. } => "answered",
            LegState::Held { .. } => "held",
            LegState::Lost { .. } => "lost",
            LegState::Parked { .. } => "parked",
            LegState::Done { .. } => "done",
            LegState::Skipped { .. } => "skipped",
            LegState::Failed { .. } => "failed",
        }
    }
}

//! One leg of one step: what it is, and every move that it can make.

use jiff::Timestamp;

use crate::digest::Digest;
use crate::id::{AgentId, EventId, ReviewId, RunId};
use crate::run::event::{Failure, RemoteTask, Reply, Skip};

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
        /// What it asked last, if it was told an answer since.
        told: Option<Box<Inquiry>>,
    },
    /// An agent asks something before it goes on; people are asked what it is to be told.
    Asking {
        /// The try.
        number: u32,
        /// What it asks.
        inquiry: Box<Inquiry>,
        /// The review, once it was opened.
        review: Option<ReviewId>,
    },
    /// A person said what the agent is to be told; the dispatch gate was not passed yet.
    Telling {
        /// The try.
        number: u32,
        /// What it asked.
        inquiry: Box<Inquiry>,
        /// The answer.
        answer: Digest,
        /// Not before.
        from: Timestamp,
        /// Whether this was put off before: a gate could not answer.
        put_off: bool,
        /// The review, when people are asked whether the agent may be told.
        review: Option<ReviewId>,
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

/// An agent's question about the work that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inquiry {
    /// The agent.
    pub agent: AgentId,
    /// Its revision when it was given the work.
    pub revision: Digest,
    /// What it was given.
    pub params: Digest,
    /// What it calls the work.
    pub task: RemoteTask,
    /// The question.
    pub question: Digest,
    /// Which of its questions about this try, from 1.
    pub nth: u32,
}

/// The most questions that an agent may ask about one try: one that asks more does not do the work.
pub const MOST_QUESTIONS: u32 = 5;

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
    Inquire { number: u32, question: Digest, task: RemoteTask },
    Answer { answer: Digest, at: Timestamp },
    Tell { number: u32, at: Timestamp },
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
                S::Dispatched { number, agent, revision, params, since: at, told: None }
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

            (
                S::Dispatched { number, agent, revision, params, told, .. },
                M::Inquire { number: n, question, task },
            ) if n == number => {
                let nth = told.map_or(0, |told| told.nth).saturating_add(1);
                let inquiry = Box::new(Inquiry { agent, revision, params, task, question, nth });
                S::Asking { number, inquiry, review: None }
            }
            (S::Asking { number, inquiry, review: None }, M::Ask { review }) => {
                S::Asking { number, inquiry, review: Some(review) }
            }
            (S::Asking { number, inquiry, review: Some(_) }, M::Answer { answer, at }) => {
                S::Telling { number, inquiry, answer, from: at, put_off: false, review: None }
            }
            (S::Telling { number, inquiry, answer, from, review: None, .. }, M::Ask { review }) => {
                S::Telling { number, inquiry, answer, from, put_off: false, review: Some(review) }
            }
            (S::Telling { number, inquiry, answer, review: Some(_), .. }, M::Approve { at }) => {
                S::Telling { number, inquiry, answer, from: at, put_off: false, review: None }
            }
            (S::Telling { number, inquiry, answer, review: None, .. }, M::Retry { number: n, from })
                if n == number =>
            {
                S::Telling { number, inquiry, answer, from, put_off: true, review: None }
            }
            (S::Telling { number, inquiry, review: None, .. }, M::Tell { number: n, at }) if n == number => {
                let (agent, revision, params) = (inquiry.agent, inquiry.revision, inquiry.params);
                S::Dispatched { number, agent, revision, params, since: at, told: Some(inquiry) }
            }
            (
                S::Asking { number, .. } | S::Telling { number, .. },
                M::Fail { number: n, error, tolerated },
            ) if n == number => S::Failed { error, tolerated },

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
                | S::Telling { number, .. }
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
            LegState::Asking { .. } => "asking",
            LegState::Telling { .. } => "telling",
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

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn dispatched() -> LegState {
        let (agent, digest) = (AgentId::new(Uuid::nil()), Digest::of(b"x"));
        let at = Timestamp::UNIX_EPOCH;
        let ready = LegState::Waiting.after(Move::Wake { at }).unwrap();
        ready.after(Move::Dispatch { number: 1, agent, revision: digest, params: digest, at }).unwrap()
    }

    fn inquire(question: &[u8]) -> Move {
        let task = RemoteTask { id: "t".to_owned(), context: "c".to_owned(), asked: None };
        Move::Inquire { number: 1, question: Digest::of(question), task }
    }

    #[test]
    fn an_agent_that_asks_waits_until_it_is_told() {
        let (at, review) = (Timestamp::UNIX_EPOCH, ReviewId::new(Uuid::nil()));
        let answer = Digest::of(b"answer");
        let mut leg = dispatched();
        for nth in 1..=2 {
            let question = [nth];
            leg = leg.after(inquire(&question)).unwrap();
            assert!(matches!(&leg, LegState::Asking { inquiry, .. }
                if inquiry.nth == u32::from(nth) && inquiry.question == Digest::of(&question)));
            assert!(!leg.is_in_flight() && !leg.is_settled());
            assert_eq!(leg.after(Move::Answer { answer, at }), None, "nobody was asked yet");
            leg = leg.after(Move::Ask { review }).unwrap();
            assert_eq!(leg.after(Move::Tell { number: 1, at }), None, "nobody has answered");
            assert_eq!(leg.after(Move::Deliver { number: 1, output: answer }), None, "it is not at work");
            leg = leg.after(Move::Answer { answer, at }).unwrap();
            assert_eq!(leg.after(Move::Tell { number: 2, at }), None, "another try asked nothing");
            leg = leg.after(Move::Tell { number: 1, at }).unwrap();
            assert!(leg.is_in_flight());
        }
        assert!(leg.after(Move::Deliver { number: 1, output: answer }).is_some());
    }

    #[test]
    fn what_policy_says_before_an_agent_is_told_is_heard() {
        let (at, review) = (Timestamp::UNIX_EPOCH, ReviewId::new(Uuid::nil()));
        let asking = dispatched().after(inquire(b"?")).unwrap();
        let told = asking.after(Move::Ask { review }).unwrap();
        let telling = told.after(Move::Answer { answer: Digest::of(b"a"), at }).unwrap();
        let put_off = telling.after(Move::Retry { number: 1, from: at }).unwrap();
        assert!(matches!(put_off, LegState::Telling { put_off: true, review: None, .. }));
        let asked = telling.after(Move::Ask { review }).unwrap();
        assert_eq!(asked.after(Move::Tell { number: 1, at }), None, "people are asked first");
        assert_eq!(asked.after(Move::Approve { at }), Some(telling.clone()));
        let error = Failure { code: "c".to_owned(), message: String::new(), decision: None };
        for leg in [asking, telling.clone(), asked] {
            let fail = Move::Fail { number: 1, error: error.clone(), tolerated: false };
            assert!(leg.after(fail).is_some(), "{}", leg.as_str());
        }
        assert_eq!(
            telling.after(Move::Park { number: 1 }),
            Some(LegState::Parked { number: 1, review: None })
        );
    }
}

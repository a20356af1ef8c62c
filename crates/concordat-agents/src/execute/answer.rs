//! What is known after a call, and not a word more.

use std::time::Duration;

use serde_json::Value;

use crate::http::{Malformed, NotSent, Trouble, Unknown};

/// How one call ended.
///
/// A step whose effects may not be repeated is sent again only after [`Answer::NotSent`], or after a
/// [`Answer::Refused`] that says so: [`Answer::Malformed`] and [`Answer::Unknown`] both leave open whether the
/// agent did the work.
#[derive(Debug)]
#[must_use]
pub enum Answer {
    /// The agent says that the work is done. What it returned is not checked against any schema yet.
    Completed(Value),
    /// The agent, or something in front of it, declined or failed in words that we understand.
    Refused(Refusal),
    /// The agent got the request and replied with something that is not an answer.
    Malformed(Malformed),
    /// The request certainly did not reach the agent.
    NotSent(NotSent),
    /// The request may have reached the agent, and its answer did not reach us.
    Unknown(Unknown),
}

/// An agent's refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What the refusal means for us.
    pub kind: RefusalKind,
    /// The JSON-RPC error code; `None` where only the HTTP status spoke.
    pub code: Option<i64>,
    /// The HTTP status.
    pub status: u16,
    /// What the agent said, cut to [`Limits::message`](crate::http::Limits::message) characters, on one line, without
    /// control characters. It is the agent's text: show it, never act on it.
    pub message: String,
    /// How long the agent asked to be left alone, at most an hour. A date counts from the reply's own `Date`, so
    /// that nobody's clock matters but the agent's.
    pub retry_after: Option<Duration>,
}

/// What a refusal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// -32601: the agent does not have the skill, so its claim to have it is false.
    UnknownSkill,
    /// -32602: the agent does not understand our parameters. Our fault, not the agent's.
    BadParams,
    /// The agent did not begin, because it has too much to do: HTTP 429, or 503 with `Retry-After`.
    Busy,
    /// Every other error: the agent tried and failed, or decided against it.
    Failed,
}

impl From<Trouble> for Answer {
    fn from(trouble: Trouble) -> Answer {
        match trouble {
            Trouble::Malformed(why) => Answer::Malformed(why),
            Trouble::NotSent(why) => Answer::NotSent(why),
            Trouble::Unknown(why) => Answer::Unknown(why),
        }
    }
}

impl From<Malformed> for Answer {
    fn from(why: Malformed) -> Answer {
        Answer::Malformed(why)
    }
}

impl From<NotSent> for Answer {
    fn from(why: NotSent) -> Answer {
        Answer::NotSent(why)
    }
}

impl From<Unknown> for Answer {
    fn from(why: Unknown) -> Answer {
        Answer::Unknown(why)
    }
}

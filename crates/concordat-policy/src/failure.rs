//! Why policy gave no answer that can be used: each reason has a code of its own, and none of them permits.

use concordat_model::decision::{Answer, Reason, Reasons};

/// What went wrong on the way to an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Failure {
    /// The gate's rule has no value.
    Undefined,
    /// The answer has not the shape of an answer, or contradicts itself.
    Malformed,
    /// A builtin failed, a function is unknown, or another error stopped the evaluation.
    Error,
    /// Two rules gave two values.
    Conflict,
    /// The evaluation took too long.
    Timeout,
    /// The input or the answer is too large.
    Oversize,
    /// The bundle has no rule for the gate.
    Missing,
    /// The evaluator panicked.
    Crashed,
    /// What was to be authorised is not what policy was asked about.
    Mismatch,
}

impl Failure {
    /// Every failure.
    pub const ALL: [Failure; 9] = [
        Failure::Undefined,
        Failure::Malformed,
        Failure::Error,
        Failure::Conflict,
        Failure::Timeout,
        Failure::Oversize,
        Failure::Missing,
        Failure::Crashed,
        Failure::Mismatch,
    ];

    /// The code in reasons, metrics and the log; no policy may use it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Failure::Undefined => "policy_undefined",
            Failure::Malformed => "policy_malformed",
            Failure::Error => "policy_error",
            Failure::Conflict => "policy_conflict",
            Failure::Timeout => "policy_timeout",
            Failure::Oversize => "policy_oversize",
            Failure::Missing => "policy_missing",
            Failure::Crashed => "policy_crashed",
            Failure::Mismatch => "policy_mismatch",
        }
    }

    fn message(self) -> &'static str {
        match self {
            Failure::Undefined => "policy has no answer for this",
            Failure::Malformed => "policy answered something that is not an answer",
            Failure::Error => "policy failed while it was asked",
            Failure::Conflict => "policy gave two answers",
            Failure::Timeout => "policy took too long to answer",
            Failure::Oversize => "what policy was asked, or what it answered, is too large",
            Failure::Missing => "the policy bundle has no rule for this gate",
            Failure::Crashed => "the policy evaluator crashed",
            Failure::Mismatch => "policy was asked about something else than what was to be authorised",
        }
    }

    fn fix(self) -> &'static str {
        match self {
            Failure::Undefined => "give the gate's rule a `default`",
            Failure::Malformed => "let the gate's rule answer as `policies/README.md` says",
            Failure::Error | Failure::Conflict => "correct the rule that the message names",
            Failure::Timeout => "try again; if it stays so, simplify the policy",
            Failure::Oversize => "ask about fewer or smaller things at once",
            Failure::Missing => "add the gate's `decision` rule to the bundle",
            Failure::Crashed | Failure::Mismatch => {
                "report this: it is a defect of the service, not of the request"
            }
        }
    }

    /// The denial that this failure is.
    pub(crate) fn denial(self, detail: &str) -> Answer {
        let mut message = self.message().to_owned();
        if !detail.is_empty() {
            message.push_str(": ");
            message.extend(detail.chars().take(300).map(|c| if c.is_control() { ' ' } else { c }));
        }
        let reason = Reason { code: self.as_str().to_owned(), message, fix: Some(self.fix().to_owned()) };
        Answer::Deny { reasons: Reasons::one(reason) }
    }
}

/// A failure with what the evaluator said about it, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failed {
    pub(crate) failure: Failure,
    pub(crate) detail: String,
}

impl Failed {
    pub(crate) fn new(failure: Failure, detail: impl Into<String>) -> Failed {
        Failed { failure, detail: detail.into() }
    }
}

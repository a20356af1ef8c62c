//! What the process says when it ends: one number for each kind of end, and the page that explains them.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// It did what it was asked, and the answer is yes.
    Success,
    /// It did what it was asked, and the answer is no.
    Negative,
    /// The command or a document is wrong.
    Usage,
    /// Policy denied a contract.
    Denied,
    /// The server does not know the caller, or does not let them.
    Unauthorised,
    /// There is no such thing.
    NotFound,
    /// It does not fit what is there.
    Conflict,
    /// The wait was over before the work was.
    Elapsed,
    /// The server does not answer, or has too much to do.
    Unavailable,
    /// The log is not what was signed.
    Tampered,
    /// Evidence is missing, so nothing can be said.
    Unverifiable,
    /// Concordat itself failed.
    Internal,
    /// Ctrl-C.
    Interrupted,
    /// A request to terminate.
    Terminated,
}

impl Exit {
    /// Every exit, in the order of the numbers.
    pub const ALL: [Exit; 14] = [
        Exit::Success,
        Exit::Negative,
        Exit::Usage,
        Exit::Denied,
        Exit::Unauthorised,
        Exit::NotFound,
        Exit::Conflict,
        Exit::Elapsed,
        Exit::Unavailable,
        Exit::Tampered,
        Exit::Unverifiable,
        Exit::Internal,
        Exit::Interrupted,
        Exit::Terminated,
    ];

    /// The number that the shell sees.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Exit::Success => 0,
            Exit::Negative => 1,
            Exit::Usage => 2,
            Exit::Denied => 3,
            Exit::Unauthorised => 4,
            Exit::NotFound => 5,
            Exit::Conflict => 6,
            Exit::Elapsed => 7,
            Exit::Unavailable => 8,
            Exit::Tampered => 9,
            Exit::Unverifiable => 10,
            Exit::Internal => 70,
            Exit::Interrupted => 130,
            Exit::Terminated => 143,
        }
    }

    /// What the number means, for people.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Exit::Success => "success",
            Exit::Negative => {
                "the answer is no: a contract failed, was undone, rejected, cancelled or killed; a test failed"
            }
            Exit::Usage => "the command or a document is wrong; nothing was changed",
            Exit::Denied => "denied by policy; the decision and its reasons are printed",
            Exit::Unauthorised => "the key is missing or unknown, or its owner may not do this",
            Exit::NotFound => "there is no such thing, or you may not know of it",
            Exit::Conflict => "it does not fit the present state, or an idempotency key was used again",
            Exit::Elapsed => "the wait is over, the work goes on; the command to look again is printed",
            Exit::Unavailable => "no server answers, or it asks to come back later",
            Exit::Tampered => "the log is not what was signed",
            Exit::Unverifiable => "the log cannot be verified: evidence or a key is missing",
            Exit::Internal => "Concordat itself failed",
            Exit::Interrupted => "interrupted by Ctrl-C; contracts go on",
            Exit::Terminated => "asked to terminate; contracts go on",
        }
    }

    /// The exit for a contract that ended, or stands, with this status word.
    #[must_use]
    pub fn of_status(status: &str) -> Exit {
        match status {
            "denied" => Exit::Denied,
            "failed" | "undone" | "rejected" | "cancelled" | "killed" => Exit::Negative,
            _ => Exit::Success,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.number())
    }
}

/// The page behind `help exit-codes`.
#[must_use]
pub fn page() -> String {
    let mut page = String::from("Exit codes\n\n");
    for exit in Exit::ALL {
        page.push_str(&format!("{:>5}  {}\n", exit.number(), exit.meaning()));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_means_one_thing() {
        let numbers: Vec<u8> = Exit::ALL.iter().map(|exit| exit.number()).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 70, 130, 143]);
        insta::assert_snapshot!(page());
    }

    #[test]
    fn a_status_has_an_exit() {
        for (status, wanted) in [
            ("completed", 0),
            ("running", 0),
            ("in_review", 0),
            ("waiting", 0),
            ("paused", 0),
            ("falling_back", 0),
            ("failed", 1),
            ("undone", 1),
            ("rejected", 1),
            ("cancelled", 1),
            ("killed", 1),
            ("denied", 3),
        ] {
            assert_eq!(Exit::of_status(status).number(), wanted, "{status}");
        }
    }
}

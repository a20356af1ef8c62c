//! Reasons that people give: they become part of the log, so they are short and say something.

use concordat_model::problem::Problem;

use crate::refusal::Refusal;

/// The longest reason, in characters.
const LONGEST: usize = 2000;

/// The reason, if it says something.
pub(crate) fn checked(reason: &str) -> Result<&str, Refusal> {
    let length = reason.chars().count();
    if reason.trim().is_empty() || length > LONGEST {
        let message = format!("a reason has 1 to {LONGEST} characters, not {length}");
        return Err(Refusal::Document(Problem::new("reason-length", "/reason", message).into()));
    }
    Ok(reason)
}

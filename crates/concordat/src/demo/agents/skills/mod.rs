//! The work itself, a file a domain.
//!
//! Every skill is a function from typed parameters to a typed result; its schemas are those of the types. The
//! same parameters always give the same result, so a repeated or replayed call can be compared.

mod commerce;
mod content;
mod finance;
mod healthcare;
mod research;
mod social;
mod software;

mod chance;
mod prose;
mod shelf;

use super::skill::Skill;

pub(super) use chance::draw;

/// Every skill of the sample agents.
#[must_use]
pub fn skills() -> Vec<Skill> {
    let domains = [
        healthcare::skills(),
        finance::skills(),
        content::skills(),
        research::skills(),
        software::skills(),
        commerce::skills(),
        social::skills(),
    ];
    domains.into_iter().flatten().collect()
}

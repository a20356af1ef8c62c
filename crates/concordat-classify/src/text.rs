//! What of a contract is read, and how much each part counts.
//!
//! The declared domain has no place here: the classifier must not know it. Whoever holds a contract takes
//! its objective, requirements, skills and names apart into passages; this crate does not know contracts.

use std::borrow::Cow;

/// The text of one contract, passage by passage.
#[derive(Debug, Clone, Default)]
pub struct ContractText<'a> {
    passages: Vec<Passage<'a>>,
}

/// One passage: its place in the contract, its text, and what kind of text that is.
#[derive(Debug, Clone)]
pub(crate) struct Passage<'a> {
    pub(crate) at: Cow<'a, str>,
    pub(crate) text: Cow<'a, str>,
    pub(crate) kind: Kind,
}

/// What kind of text a passage is; it decides how much of a rule's weight a match there counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// What the contract is for: counts in full.
    Objective,
    /// One requirement: counts in full.
    Requirement,
    /// The skill of a step: counts in full, since the work is done by it. The same skill is read once.
    Skill,
    /// The name of a contract or step, which nobody proofreads: counts 60 %.
    Name,
    /// A title, label or field name: counts 40 %.
    Detail,
}

impl Kind {
    /// How much of a rule's weight counts, in percent.
    pub(crate) fn percent(self) -> u64 {
        match self {
            Kind::Objective | Kind::Requirement | Kind::Skill => 100,
            Kind::Name => 60,
            Kind::Detail => 40,
        }
    }
}

impl<'a> ContractText<'a> {
    /// A text without passages.
    #[must_use]
    pub fn new() -> ContractText<'a> {
        ContractText::default()
    }

    /// Adds a passage that stands `at` a place such as `spec.requirements[2]`.
    ///
    /// Add passages in the order in which people read them: the objective first.
    #[must_use]
    pub fn with(
        mut self,
        kind: Kind,
        at: impl Into<Cow<'a, str>>,
        text: impl Into<Cow<'a, str>>,
    ) -> ContractText<'a> {
        self.passages.push(Passage { at: at.into(), text: text.into(), kind });
        self
    }

    pub(crate) fn passages(&self) -> &[Passage<'a>] {
        &self.passages
    }
}

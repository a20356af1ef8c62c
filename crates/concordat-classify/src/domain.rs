//! What is kept of domain files once they are read: each domain, and its rules in one list.

use concordat_model::name::DomainName;

use crate::domain_file::Effect;

/// A domain without its rules.
#[derive(Debug, Clone)]
pub(crate) struct Domain {
    pub(crate) name: DomainName,
    /// Why a text of this domain is not classified; absent where it is.
    pub(crate) abstain: Option<String>,
    /// Whether the domain gives way to others that have enough evidence.
    pub(crate) yields: bool,
}

/// A rule without its phrases.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    /// The domain's name and the rule's id, as evidence gives it.
    pub(crate) id: String,
    /// The place of its domain in the classifier's list.
    pub(crate) domain: usize,
    /// 1 to 100, or 0 for the effects that have no weight.
    pub(crate) weight: u64,
    pub(crate) effect: Effect,
}

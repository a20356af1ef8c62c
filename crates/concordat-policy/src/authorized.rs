//! The key: a value around which policy said yes.
//!
//! It is neither cloned nor read from anywhere, and only this crate makes it, after a Rego policy's own permit.
//! Whoever takes an `Authorized<…>` need not check anything.

use concordat_model::id::DecisionId;

/// A value that a policy decision permits.
///
/// ```compile_fail,E0451
/// use concordat_policy::Authorized;
/// let decision = "dec_01h455vb4pex5vsknk084sn02q".parse().unwrap();
/// let forged = Authorized { value: 1, decision };
/// ```
///
/// ```compile_fail,E0599
/// fn twice(key: concordat_policy::Authorized<u8>) {
///     let copy: concordat_policy::Authorized<u8> = key.clone();
/// }
/// ```
///
/// ```compile_fail,E0277
/// let read: concordat_policy::Authorized<u8> = serde_json::from_str("1").unwrap();
/// ```
///
/// ```compile_fail,E0624
/// let decision = "dec_01h455vb4pex5vsknk084sn02q".parse().unwrap();
/// let forged = concordat_policy::Authorized::new(1, decision);
/// ```
#[derive(Debug)]
#[must_use = "an authorisation that nobody uses was asked for in vain"]
pub struct Authorized<T> {
    value: T,
    decision: DecisionId,
}

impl<T> Authorized<T> {
    // INVARIANT: called in `policy::unlock` and nowhere else, after the decision's answer was read.
    pub(crate) fn new(value: T, decision: DecisionId) -> Authorized<T> {
        Authorized { value, decision }
    }

    /// What is permitted.
    #[must_use]
    pub fn get(&self) -> &T {
        &self.value
    }

    /// The decision that permits it.
    #[must_use]
    pub fn decision(&self) -> DecisionId {
        self.decision
    }

    /// The value without its authority.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value
    }

    /// The same authority over what this crate made of the value.
    pub(crate) fn map<U>(self, change: impl FnOnce(T, DecisionId) -> U) -> Authorized<U> {
        Authorized { value: change(self.value, self.decision), decision: self.decision }
    }
}

//! OPA's doors, without the doors: an organisation's own modules and data, and what they answer.
//!
//! Nothing here decides anything for Concordat: no gate reads these modules, and they read no gate's. They are
//! evaluated by the same interpreter within the same bounds, and changed as OPA's REST API changes them. What is
//! deliberately not here: HTTP, the log, and who may ask.
//!
//! ```text
//!   bytes ─► Change ─► Documents::changed ─► Documents ─► ask ─► Answer ─► mask ─► what is logged
//! ```

mod ask;
mod change;
mod document;
mod input;
mod load;
mod mask;
mod query;
mod refused;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use concordat_model::digest::Digest;
use regorus::Value;

pub use self::ask::{Answer, Question};
pub use self::change::{Change, Operation};
pub use self::input::{Input, bindings};
pub use self::mask::{Masked, Subject};
pub use self::refused::{Fault, Refused};

use self::load::Loaded;

/// The most modules of an organisation.
pub const MOST_MODULES: usize = crate::bundle::MOST_FILES;
/// The most bytes of all its modules together.
pub const MOST_TEXT: usize = crate::bundle::MOST_TOTAL;
/// The most bytes of its data document, written as JSON.
pub const MOST_DATA: usize = 16 * 1024 * 1024;
/// The most bytes of an input.
pub const MOST_INPUT: usize = crate::evaluate::MOST_INPUT;
/// The most bytes of a result.
pub const MOST_RESULT: usize = 4 * 1024 * 1024;
/// The longest query, in bytes.
const LONGEST_QUERY: usize = 16 * 1024;

/// Modules and data as the log tells them: what is folded at a start.
#[derive(Debug, Clone)]
pub struct State {
    modules: BTreeMap<String, Arc<str>>,
    data: Value,
    revision: Digest,
}

impl Default for State {
    fn default() -> State {
        State { modules: BTreeMap::new(), data: Value::new_object(), revision: Digest::of(b"") }
    }
}

impl State {
    /// Carries out a change that was recorded; its payload is what the log holds of it.
    ///
    /// # Errors
    /// It does not fit the state: the log was not written by this program.
    pub fn apply(&mut self, change: &Change, payload: &[u8]) -> Result<(), Refused> {
        match change {
            Change::PolicyPut { id, text } => {
                self.modules.insert(id.clone(), text.as_str().into());
            }
            Change::PolicyRemoved { id } => {
                self.modules.remove(id).ok_or_else(|| Refused::no_policy(id))?;
            }
            Change::PoliciesReplaced { modules } => {
                self.modules = modules.iter().map(|(id, text)| (id.clone(), text.as_str().into())).collect();
            }
            Change::DataChanged { operations } => {
                for operation in operations {
                    document::write(&mut self.data, operation)?;
                }
            }
        }
        // A revision names every change before it, in order: it is found in the log, and nothing is hashed twice.
        let link = [self.revision.bytes().as_slice(), Digest::of(payload).bytes()].concat();
        self.revision = Digest::of(&link);
        Ok(())
    }
}

/// Modules and data, ready to be asked. Cheap to share, and safe to ask from many threads.
#[derive(Debug, Clone)]
pub struct Documents {
    state: State,
    // A log that an earlier version wrote may hold modules that this one refuses: they can still be replaced.
    loaded: Result<Loaded, Refused>,
}

impl Documents {
    /// Prepares a state for questions.
    #[must_use]
    pub fn prepare(state: State) -> Documents {
        let loaded = load::load(&state.modules).and_then(|loaded| loaded.with_data(state.data.clone()));
        Documents { state, loaded }
    }

    /// The documents after a change, and the change's payload.
    ///
    /// # Errors
    /// What OPA would refuse, and what is too large.
    pub fn changed(&self, change: &Change) -> Result<(Documents, Vec<u8>), Refused> {
        change.check(self)?;
        let payload = change.payload()?;
        let mut state = self.state.clone();
        state.apply(change, &payload)?;
        let loaded = match (change, &self.loaded) {
            (Change::DataChanged { .. }, Ok(loaded)) => {
                document::check_size(&state.data)?;
                loaded.clone()
            }
            _ => load::load(&state.modules).map_err(|refused| refused.removing(change))?,
        };
        document::check_conflicts(&state.data, loaded.rules())?;
        let loaded = loaded.with_data(state.data.clone())?;
        Ok((Documents { state, loaded: Ok(loaded) }, payload))
    }

    /// The revision: it changes with every change.
    #[must_use]
    pub fn revision(&self) -> Digest {
        self.state.revision
    }

    /// The modules by their ids.
    pub fn modules(&self) -> impl Iterator<Item = (&str, &str)> {
        self.state.modules.iter().map(|(id, text)| (id.as_str(), text.as_ref()))
    }

    /// The text of a module.
    ///
    /// # Errors
    /// There is none with this id.
    pub fn module(&self, id: &str) -> Result<&str, Refused> {
        self.state.modules.get(id).map(Arc::as_ref).ok_or_else(|| Refused::no_policy(id))
    }

    /// Whether the data document has a value at this path.
    #[must_use]
    pub fn has_data(&self, path: &[String]) -> bool {
        document::read(&self.state.data, path).is_some()
    }

    fn loaded(&self) -> Result<&Loaded, Refused> {
        self.loaded.as_ref().map_err(Clone::clone)
    }
}

impl Default for Documents {
    fn default() -> Documents {
        Documents::prepare(State::default())
    }
}

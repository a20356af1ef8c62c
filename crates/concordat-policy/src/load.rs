//! From a bundle's text to something that can be asked, and what is said where that cannot be.

use std::panic::{AssertUnwindSafe, catch_unwind};

use regorus::Engine;

use crate::bundle::Bundle;
use crate::evaluate;

/// The stack on which policy is loaded and tried, in bytes: room for the deepest tree that 64 KiB of text can be.
/// Virtual: only what is used is paid for.
const DEEP_STACK: usize = 64 * 1024 * 1024;

/// Why a bundle cannot be asked, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{file}`:{line}:{column}: {message}")]
pub struct LoadError {
    /// The file, as the bundle names it.
    pub file: String,
    /// The line, from 1; 0 when the whole file is meant.
    pub line: u32,
    /// The column, from 1; 0 when the whole file is meant.
    pub column: u32,
    /// What is wrong, and the way out.
    pub message: String,
}

impl From<evaluate::Located> for LoadError {
    fn from(told: evaluate::Located) -> LoadError {
        LoadError { file: told.file, line: told.line, column: told.column, message: told.message }
    }
}

/// Runs what parses or tries policy on a stack for it; nothing when it panics, or when there is no thread for it.
///
/// A long sum is a deep tree: what is refused for it must be read and dropped without harm first.
pub(crate) fn on_deep_stack<T: Send>(run: impl FnOnce() -> T + Send) -> Option<T> {
    let run = || catch_unwind(AssertUnwindSafe(run)).ok();
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("policy-load".to_owned()).stack_size(DEEP_STACK);
        thread.spawn_scoped(scope, run).ok()?.join().ok()?
    })
}

/// An engine that holds the bundle: its data, and all that decides.
pub(crate) fn parse(bundle: &Bundle) -> Result<Engine, LoadError> {
    let mut engine = evaluate::bounded_engine();
    engine
        .add_data(evaluate::data(bundle))
        .map_err(|error| evaluate::located(&format!("the data cannot be used: {error:#}")))?;
    for (path, text) in bundle.deciding() {
        engine.add_policy(path.to_owned(), text.to_owned()).map_err(|error| LoadError {
            file: path.to_owned(),
            ..LoadError::from(evaluate::located(&format!("{error:#}")))
        })?;
    }
    Ok(engine)
}

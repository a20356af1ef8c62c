//! How bundles are looked at before they are kept.
//!
//! A server looks at them in a process of their own, which may be killed; that is not the engine's to know. Tests, and
//! whoever trusts the bundle, look at them here.

use std::pin::Pin;
use std::sync::Arc;

use concordat_policy::{Bundle, Code, Finding, Inspection, check};

/// Looks at the document of a bundle, and tells what is wrong with it. Whatever goes wrong on the way is a finding.
pub type Inspect = Arc<dyn Fn(Vec<u8>) -> Inspecting + Send + Sync>;

/// A look at a bundle.
pub type Inspecting = Pin<Box<dyn Future<Output = Inspection> + Send>>;

/// Looks at bundles within this process.
#[must_use]
pub fn inspect_here() -> Inspect {
    Arc::new(|document| {
        Box::pin(async move {
            let looking = tokio::task::spawn_blocking(move || match Bundle::from_document(&document) {
                Ok(bundle) => check(&bundle),
                Err(error) => Inspection::of(Finding::from(&error)),
            });
            let crashed =
                || Inspection::of(Finding::whole(Code::Exhausted, "the look at the bundle crashed"));
            looking.await.unwrap_or_else(|_| crashed())
        })
    })
}

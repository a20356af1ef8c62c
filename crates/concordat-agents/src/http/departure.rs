//! Did the request leave?
//!
//! When a call is given up, "the agent never got it" and "the agent may be at work" must not be confused, and
//! only the second forbids sending an unsafe step again. The HTTP client asks for the body only once a
//! connection stands, and before it flushes the request's head. So the body is a one-time ticket: either the
//! connection takes it (it left) or we withdraw it (it never will). Both are one atomic step on one value: a call
//! that was withdrawn cannot leave afterwards, because a head without its body is not a request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use futures_util::stream;
use reqwest::Body;

const WAITING: u8 = 0;
const LEFT: u8 = 1;
const WITHDRAWN: u8 = 2;

/// Our half of the ticket.
#[derive(Debug, Clone, Default)]
pub(super) struct Departure(Arc<AtomicU8>);

/// The connection asked for a body that was withdrawn.
#[derive(Debug, thiserror::Error)]
#[error("the call was given up before it was sent")]
struct Withdrawn;

impl Departure {
    /// The connection's half: `bytes`, given out at most once and never after [`Departure::withdraw`].
    pub(super) fn body(&self, bytes: Vec<u8>) -> Body {
        let ticket = self.clone();
        Body::wrap_stream(stream::once(async move {
            if ticket.moves_to(LEFT) { Ok(bytes) } else { Err(Withdrawn) }
        }))
    }

    /// Gives the call up. True when it certainly never left, and never will.
    pub(super) fn withdraw(&self) -> bool {
        self.moves_to(WITHDRAWN)
    }

    fn moves_to(&self, state: u8) -> bool {
        // INVARIANT: a ticket leaves `WAITING` once; whoever comes second is refused.
        self.0.compare_exchange(WAITING, state, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

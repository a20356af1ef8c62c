//! What every binding over HTTP has in common: guarded connections, one exchange, and bounds on what comes back.
//!
//! An exchange is bounded in time, bytes, depth and count before anybody looks at what it brought, and its
//! [`Departure`](departure::Departure) says whether the request left. What a reply means is for the binding to say.

mod connections;
mod departure;
mod envelope;
mod events;
mod exchange;
mod head;
mod header;
mod limits;
mod protocol;
mod saying;
pub(crate) mod strict;
mod trouble;

pub(crate) use envelope::Envelope;
pub(crate) use exchange::{Deadline, Http, Outgoing};
pub(crate) use head::Head;
pub(crate) use header::id_value;
pub use limits::Limits;
pub use protocol::Protocol;
pub(crate) use saying::tame;
pub(crate) use trouble::Failure;
pub use trouble::{Malformed, NotSent, Trouble, Unknown};

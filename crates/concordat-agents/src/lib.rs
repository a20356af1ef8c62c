//! The remote parties: everything that comes from an agent is bounded, parsed and checked here.
//!
//! An agent is reached in two steps. [`egress`] decides whether its endpoint may be contacted at all, and
//! [`execute`], `a2a` or `mcp` carries one call there and says precisely what is known afterwards. Which agent is asked, and
//! whether it is asked again, is not decided in this crate.

mod a2a;
mod credentials;
pub mod egress;
pub mod execute;
mod http;
mod mcp;
mod transport;
mod webhook;

pub use credentials::{BadCredentials, Credentials};
pub use transport::HttpAgents;

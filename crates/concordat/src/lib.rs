//! The `concordat` program as a library, so that tests and the demonstration call what the command line calls.
//!
//! Read it in this order: [`config`] (what an operator may set), [`server`] (how the parts are put together),
//! [`client`] (the API, typed), [`progress`] (how a contract is getting on), [`evidence`] (what an auditor
//! was handed, verified), [`adapt`] (how well agents are chosen, simulated), [`cli`] (the commands).

pub mod adapt;
mod agent_credentials;
pub mod anchor;
pub mod bundle_signature;
pub mod config;
pub mod forms;
pub mod forward;
pub mod limits;
pub mod log_key;
pub mod policies;
pub mod policy_worker;
mod safe_key;
pub mod server;
pub mod templates;
pub mod tiles;
pub mod whole_file;
pub mod witness;

pub mod client;
pub mod progress;

pub mod evidence;

pub mod cli;

/// The sample world: what a demonstration runs on.
pub mod demo;

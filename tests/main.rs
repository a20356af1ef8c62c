//! The product as its users meet it, in one test binary.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::panic,
    clippy::unwrap_used,
    reason = "these are tests"
)]

mod a2a;
mod architecture;
mod asked;
mod attacks;
mod campaigns_in_short;
mod cases;
mod credentials;
mod evidence;
mod foreign;
mod forgetting;
mod fsck;
mod histories;
mod hostile_agents;
mod instances;
mod life;
mod log_of_the_log;
mod mcp;
mod opa;
mod patterns;
mod peers;
mod people;
mod proofs;
mod pushes;
mod random_graphs;
mod reports;
mod schemas;
mod simulation;
mod tries;
mod trust;

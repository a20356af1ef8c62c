//! What things are, and every rule about them that needs no input or output.
//!
//! This crate knows no clock, draws no randomness and is not async: time and seeds are arguments. Whether
//! something is *allowed* is never decided here; that is for Rego, behind `concordat-policy`.
//!
//! Read it in this order: how documents are read ([`document`], [`problem`]), what a contract is
//! ([`contract`], [`agree`], [`plan`]), what others say about it ([`classification`], [`decision`]), who does
//! the work ([`agent`], [`trust`]), and how it goes ([`run`]).

pub mod document;
pub mod doubles;
pub mod problem;
mod text_position;

pub mod digest;
pub mod id;
pub mod money;
pub mod name;
pub mod payload;
pub mod safe;
pub mod share;
pub mod span;
pub mod step_id;

pub mod agree;
pub mod condition;
pub mod contract;
pub mod plan;
pub mod reference;
pub mod schema;

pub mod actor;
pub mod agent;
pub mod classification;
pub mod cloud_event;
pub mod decision;
pub mod hold;
pub mod keyring;
pub mod policy_book;
pub mod principal;
pub mod push;
pub mod registry;
pub mod run;
pub mod submission;
pub mod template;
pub mod trigger;
pub mod trust;
pub mod work;

//! Serves the API: HTTP in, engine call, HTTP out.

pub mod api;

//! How much a server takes on: what an operator may set, and the bounds that the engine is given.

use std::time::Duration;

use clap::Args;
use concordat_engine::Bounds;
use concordat_model::agent::Rate;
use concordat_model::name::TenantName;
use concordat_model::span::Span;
use serde::Serialize;

/// What an operator may set about how much a server takes on.
#[derive(Debug, Clone, Args, Serialize)]
#[command(next_help_heading = "Limits")]
pub struct Limits {
    /// The most contracts that are not over; a large one counts as several.
    #[arg(long, env = "CONCORDAT_MAX_OPEN", default_value_t = Limits::default().max_open, value_name = "CONTRACTS")]
    max_open: u64,

    /// The same for one organisation.
    #[arg(long, env = "CONCORDAT_MAX_OPEN_PER_TENANT", default_value_t = Limits::default().max_open_per_tenant, value_name = "CONTRACTS")]
    max_open_per_tenant: u64,

    /// The most calls to agents at a time.
    #[arg(long, env = "CONCORDAT_MAX_CALLS", default_value_t = Limits::default().max_calls, value_name = "CALLS")]
    max_calls: u32,

    /// The same for one organisation.
    #[arg(long, env = "CONCORDAT_MAX_CALLS_PER_TENANT", default_value_t = Limits::default().max_calls_per_tenant, value_name = "CALLS")]
    max_calls_per_tenant: u32,

    /// The most calls of one organisation within a length of time, such as `100/1s`; without it, there is no such
    /// limit.
    #[arg(long, env = "CONCORDAT_TENANT_RATE", value_parser = rate, value_name = "CALLS/SPAN")]
    tenant_rate: Option<Rate>,

    /// How many turns an organisation gets for each turn of others, such as `bank=3`; may be given several times.
    #[arg(long = "tenant-weight", env = "CONCORDAT_TENANT_WEIGHTS", value_delimiter = ',', value_parser = weight, value_name = "TENANT=TURNS")]
    tenant_weights: Vec<(TenantName, u32)>,

    /// The most steps of a contract that is sent in, up to 10,000.
    #[arg(long, env = "CONCORDAT_MAX_STEPS", default_value_t = Limits::default().max_steps, value_parser = clap::value_parser!(u16).range(1..=10_000), value_name = "STEPS")]
    max_steps: u16,

    /// How long the server waits for agents when it is asked to stop; what is still out then is asked about at the
    /// next start.
    #[arg(long, env = "CONCORDAT_DRAIN", default_value_t = Limits::default().drain, value_name = "SPAN")]
    drain: Span,
}

impl Default for Limits {
    fn default() -> Limits {
        let Bounds { calls, calls_per_tenant, open, open_per_tenant, .. } = Bounds::default();
        Limits {
            max_open: open,
            max_open_per_tenant: open_per_tenant,
            max_calls: calls,
            max_calls_per_tenant: calls_per_tenant,
            tenant_rate: None,
            tenant_weights: Vec::new(),
            max_steps: 1000,
            drain: Span::seconds(20),
        }
    }
}

impl Limits {
    /// The bounds of the engine.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        Bounds {
            calls: self.max_calls,
            calls_per_tenant: self.max_calls_per_tenant,
            tenant_rate: self.tenant_rate.clone(),
            weights: self.tenant_weights.iter().cloned().collect(),
            open: self.max_open,
            open_per_tenant: self.max_open_per_tenant,
            steps: usize::from(self.max_steps),
            ..Bounds::default()
        }
    }

    /// How long the server waits for agents when it is asked to stop.
    #[must_use]
    pub fn drain(&self) -> Duration {
        self.drain.duration()
    }
}

fn rate(text: &str) -> Result<Rate, String> {
    let read = || {
        let (calls, per) = text.split_once('/')?;
        let rate = Rate { calls: calls.parse().ok()?, per: per.parse().ok()? };
        rate.is_sound().then_some(rate)
    };
    read().ok_or_else(|| {
        "a rate is a number of calls and a length of time of at most an hour, such as `100/1s`".to_owned()
    })
}

fn weight(text: &str) -> Result<(TenantName, u32), String> {
    let read = || {
        let (tenant, turns) = text.split_once('=')?;
        Some((tenant.parse().ok()?, turns.parse().ok().filter(|turns| (1..=20).contains(turns))?))
    };
    read().ok_or_else(|| "a weight is an organisation and 1 to 20 turns, such as `bank=3`".to_owned())
}

//! The file with what agents know us by.

use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context as _, Result, bail};
use concordat_agents::Credentials;

use crate::config::ServeConfig;

/// Reads the file that the operator named; without one, agents are told nothing.
pub(crate) fn of(config: &ServeConfig) -> Result<Credentials> {
    let Some(path) = &config.agent_credentials else { return Ok(Credentials::default()) };
    let shown = path.display();
    let mode = std::fs::metadata(path).with_context(|| format!("reading {shown}"))?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!("others may read {shown}; hint: chmod 600 {shown}");
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {shown}"))?;
    Credentials::read(&text).with_context(|| format!("reading {shown}"))
}

//! Which signatures of bundle archives count: the options, named as OPA names them.

use std::path::PathBuf;

use clap::Args;
use concordat_policy::bundle::archive::{Key, Trusted};

use super::super::failure::Failure;

/// How the signature of an archive is verified.
#[derive(Debug, Args)]
pub(super) struct Signed {
    /// The file with the public key, or the secret, that the archive must be signed with.
    #[arg(long, value_name = "FILE")]
    verification_key: Option<PathBuf>,
    /// What the signature calls this key.
    #[arg(long, value_name = "ID", default_value = "default", requires = "verification_key")]
    verification_key_id: String,
    /// The algorithm of the key.
    #[arg(long, value_name = "NAME", default_value = "RS256", requires = "verification_key")]
    signing_alg: String,
    /// The scope that the signature must be for.
    #[arg(long, requires = "verification_key")]
    scope: Option<String>,
}

impl Signed {
    /// With a key, archives have to be signed with it; without one, they have to be unsigned.
    pub(super) fn trusted(&self) -> Result<Trusted, Failure> {
        let Some(file) = &self.verification_key else { return Ok(Trusted::default()) };
        let unreadable = |why| super::wrong(format!("`{}` cannot be read: {why}", file.display()));
        let material = std::fs::read(file).map_err(unreadable)?;
        // A secret in a file ends with the line; a PEM does not mind.
        let key = Key::new(&self.signing_alg, material.trim_ascii_end()).map_err(super::wrong)?;
        Ok(Trusted {
            keys: [(self.verification_key_id.clone(), key)].into(),
            required: true,
            key: None,
            scope: self.scope.clone(),
        })
    }
}

//! Which signatures of bundle archives count: the options, named as OPA names them.

use std::path::PathBuf;

use clap::Args;
use concordat_policy::bundle::archive::{ArchiveError, Key, Trusted};
use serde::Serialize;

/// How the signature of an archive is verified.
#[derive(Debug, Clone, Default, Args, Serialize)]
pub struct BundleSignature {
    /// The file with the public key, or the secret, that bundles must be signed with. A server that has one takes
    /// only archives that are signed with it.
    #[arg(long, env = "CONCORDAT_VERIFICATION_KEY", value_name = "FILE")]
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

/// A key for signatures that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadKey {
    /// Its file cannot be read.
    #[error("`{}` cannot be read: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: std::io::Error,
    },
    /// It is no key of its kind.
    #[error(transparent)]
    Key(#[from] ArchiveError),
}

impl BundleSignature {
    /// With a key, archives have to be signed with it; without one, they have to be unsigned.
    ///
    /// # Errors
    /// The key cannot be read.
    pub fn trusted(&self) -> Result<Trusted, BadKey> {
        let Some(path) = &self.verification_key else { return Ok(Trusted::default()) };
        let material = std::fs::read(path).map_err(|why| BadKey::Unreadable { path: path.clone(), why })?;
        // A secret in a file ends with the line; a PEM does not mind.
        let key = Key::new(&self.signing_alg, material.trim_ascii_end())?;
        Ok(Trusted {
            keys: [(self.verification_key_id.clone(), key)].into(),
            required: true,
            key: None,
            scope: self.scope.clone(),
        })
    }
}

//! The signature of an archive: a token that names every file with its digest, in OPA's form.

use std::collections::BTreeMap;

use jsonwebtoken::dangerous::insecure_decode;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;

use super::{ArchiveError, hash};

/// A key that signatures are verified with.
#[derive(Clone)]
pub struct Key {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A shared secret is not for logs.
        write!(f, "Key({:?})", self.algorithm)
    }
}

impl Key {
    /// A key for an algorithm such as `RS256`, `ES256` (both with a public key as PEM) or `HS256` (with a secret).
    ///
    /// # Errors
    /// An unknown algorithm, or a key that is none of its kind.
    pub fn new(algorithm: &str, material: &[u8]) -> Result<Key, ArchiveError> {
        let shown: String = algorithm.chars().take(40).flat_map(char::escape_debug).collect();
        let known = algorithm.parse().map_err(|_| refused(format!("there is no algorithm `{shown}`")))?;
        let key = match known {
            Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => Ok(DecodingKey::from_secret(material)),
            Algorithm::ES256 | Algorithm::ES384 => DecodingKey::from_ec_pem(material),
            Algorithm::EdDSA => DecodingKey::from_ed_pem(material),
            _ => DecodingKey::from_rsa_pem(material),
        };
        let key = key.map_err(|error| refused(format!("the key for {shown} cannot be read: {error}")))?;
        Ok(Key { algorithm: known, key })
    }
}

/// Whose signatures count.
#[derive(Debug, Clone, Default)]
pub struct Trusted {
    /// The keys, by their id.
    pub keys: BTreeMap<String, Key>,
    /// Whether an archive without a signature is refused.
    pub required: bool,
    /// The key to verify with, whatever the signature says.
    pub key: Option<String>,
    /// The scope that a signature must be for.
    pub scope: Option<String>,
}

fn refused(why: impl Into<String>) -> ArchiveError {
    ArchiveError::Signature { why: why.into() }
}

#[derive(Deserialize)]
struct Signatures {
    signatures: Vec<String>,
}

#[derive(Deserialize)]
struct Claims {
    files: Vec<Signed>,
    #[serde(default)]
    keyid: String,
    #[serde(default)]
    scope: String,
}

#[derive(Deserialize)]
struct Signed {
    name: String,
    hash: String,
    algorithm: String,
}

/// Whether these files are exactly the ones that somebody trusted has signed.
pub(super) fn verify(
    signatures: Option<&[u8]>,
    files: &super::Files,
    trusted: &Trusted,
) -> Result<(), ArchiveError> {
    let Some(signatures) = signatures else {
        return if trusted.required { Err(refused("there is none, and one is required")) } else { Ok(()) };
    };
    let odd = |error: serde_json::Error| refused(format!("`.signatures.json` cannot be read: {error}"));
    let Signatures { signatures } = serde_json::from_slice(signatures).map_err(odd)?;
    let [token] = signatures.as_slice() else {
        return Err(refused("`.signatures.json` holds exactly one signature"));
    };
    check_files(claims(token, trusted)?, files)
}

/// What the signature says, once it is known that a trusted key made it.
fn claims(token: &str, trusted: &Trusted) -> Result<Claims, ArchiveError> {
    let bad = |error: jsonwebtoken::errors::Error| refused(format!("it does not hold: {error}"));
    // Only the key's name is taken from what is not verified yet.
    let said = insecure_decode::<Claims>(token).map_err(bad)?;
    let id = match &trusted.key {
        Some(id) => id.clone(),
        None if said.claims.keyid.is_empty() => said.header.kid.unwrap_or_default(),
        None => said.claims.keyid,
    };
    let shown: String = id.chars().take(60).flat_map(char::escape_debug).collect();
    let key = trusted.keys.get(&id).ok_or_else(|| {
        refused(match shown.as_str() {
            "" => "it does not name its key: say which one to verify with".to_owned(),
            id => format!("it is by the key `{id}`, which is not among the trusted ones"),
        })
    })?;
    // Bound to the key, never to what the token says of itself; the times in it are for people.
    let mut validation = Validation::new(key.algorithm);
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
    let claims = decode::<Claims>(token, &key.key, &validation).map_err(bad)?.claims;
    match &trusted.scope {
        Some(scope) if *scope != claims.scope => Err(refused(format!("it is not for the scope `{scope}`"))),
        _ => Ok(claims),
    }
}

fn check_files(claims: Claims, files: &super::Files) -> Result<(), ArchiveError> {
    let mut signed: BTreeMap<String, Signed> = BTreeMap::new();
    for file in claims.files {
        let path = file.name.trim_start_matches('/').to_owned();
        if signed.insert(path, file).is_some() {
            return Err(refused("it names a file twice"));
        }
    }
    for (path, content) in files {
        let said = signed.remove(path).ok_or_else(|| refused(format!("it does not cover `{path}`")))?;
        let found =
            hash::of(path, content, &said.algorithm).map_err(|why| refused(format!("`{path}`: {why}")))?;
        if !found.eq_ignore_ascii_case(&said.hash) {
            return Err(refused(format!("`{path}` is not what was signed")));
        }
    }
    match signed.into_values().next() {
        Some(missing) => {
            let shown: String = missing.name.chars().take(60).flat_map(char::escape_debug).collect();
            Err(refused(format!("`{shown}` was signed and is not in the archive")))
        }
        None => Ok(()),
    }
}

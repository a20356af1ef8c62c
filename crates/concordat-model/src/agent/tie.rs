//! What ties agents to each other, so that nobody gets rid of a bad record by another name.
//!
//! An owner is a word that somebody wrote. Where an agent answers, and with which key its card is signed, is seen anew
//! whenever it is called or its card is read: whoever registers the same party as somebody else's finds its record
//! waiting. Nobody is tied to anything good.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// Something that agents of one party have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tie {
    /// Who answers for it, as those say who register it.
    Owner(String),
    /// Where it answers: scheme, host and port.
    Origin(String),
    /// The digest of the public key that its card is signed with.
    CardKey(Digest),
}

impl Tie {
    /// Who answers for it.
    #[must_use]
    pub fn owner(name: &str) -> Tie {
        Tie::Owner(name.to_owned())
    }

    /// Where it answers, however that was written: `https://A.example:443` is `https://a.example`.
    #[must_use]
    pub fn origin(written: &str) -> Tie {
        let plain = written.to_ascii_lowercase();
        let default = if plain.starts_with("https:") { ":443" } else { ":80" };
        Tie::Origin(plain.strip_suffix(default).unwrap_or(&plain).to_owned())
    }

    /// The public key, in PEM, that its card is signed with.
    #[must_use]
    pub fn card_key(pem: &str) -> Tie {
        let body = pem.lines().map(str::trim).filter(|line| !line.starts_with("-----"));
        Tie::CardKey(Digest::of(body.collect::<String>().as_bytes()))
    }
}

impl fmt::Display for Tie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tie::Owner(name) => write!(f, "owner {name}"),
            Tie::Origin(origin) => write!(f, "origin {origin}"),
            Tie::CardKey(key) => write!(f, "card key {key}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_thing_is_the_same_tie_however_it_was_written() {
        for (one, other, same) in [
            ("https://a.example", "HTTPS://A.example:443", true),
            ("http://a.example:80", "http://a.example", true),
            ("https://a.example:80", "https://a.example", false),
            ("https://a.example:8443", "https://a.example", false),
            ("https://b.example", "https://a.example", false),
        ] {
            assert_eq!(Tie::origin(one) == Tie::origin(other), same, "{one} and {other}");
        }
        let wrapped = "-----BEGIN PUBLIC KEY-----\nAAAA\nBBBB\n-----END PUBLIC KEY-----\n";
        let flat = "-----BEGIN PUBLIC KEY-----\r\nAAAABBBB\r\n-----END PUBLIC KEY-----";
        assert_eq!(Tie::card_key(wrapped), Tie::card_key(flat));
        assert_ne!(Tie::card_key(wrapped), Tie::card_key("AAAA"));
    }
}

//! Ids that say what they name: `run_…` refuses to be read as an agent.
//!
//! The text form is TypeID 0.3 (a prefix and 26 characters of base 32 over a UUIDv7), so ids sort by the
//! time they were minted. Minting needs a clock and chance, so it happens at the edge and arrives as a `Uuid`.

use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Uuid);

        impl $name {
            /// What every id of this kind begins with.
            pub const PREFIX: &'static str = $prefix;

            /// The id over a freshly minted or stored UUID.
            #[must_use]
            pub fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID beneath.
            #[must_use]
            pub fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                read($prefix, text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;

            fn try_from(text: String) -> Result<Self, BadId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write(f, $prefix, self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write(f, $prefix, self.0)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "pattern": concat!("^", $prefix, "_[0-7][0-9a-hjkmnp-tv-z]{25}$"),
                })
            }
        }
    };
}

id!(
    /// One run: the life of one contract.
    RunId, "run"
);
id!(
    /// What one caller sent in one call.
    SubmissionId, "sub"
);
id!(
    /// A gate's answer.
    DecisionId, "dec"
);
id!(
    /// A decision handed to people.
    ReviewId, "rev"
);
id!(
    /// An agent in the registry.
    AgentId, "agt"
);
id!(
    /// An API key.
    KeyId, "key"
);
id!(
    /// An event from outside, or one that a step published.
    EventId, "evt"
);
id!(
    /// A report that was ordered.
    ReportId, "rpt"
);
id!(
    /// One leaf of the log.
    RecordId, "rec"
);
id!(
    /// A webhook of a contract.
    PushId, "psh"
);
id!(
    /// A legal hold.
    HoldId, "hold"
);
id!(
    /// One life of the program, from a start to its end.
    BootId, "boot"
);

/// A text that is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an id of this kind: it should look like `{prefix}_` and 26 letters and digits")]
pub struct BadId {
    prefix: &'static str,
    text: String,
}

/// Crockford's alphabet in lower case, as TypeID uses it.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const DIGITS: usize = 26;

fn write(f: &mut std::fmt::Formatter<'_>, prefix: &str, uuid: Uuid) -> std::fmt::Result {
    use std::fmt::Write as _;
    f.write_str(prefix)?;
    f.write_char('_')?;
    let bits = uuid.as_u128();
    for digit in (0..DIGITS).rev() {
        let value = usize::try_from((bits >> (digit * 5)) & 31).unwrap_or(0);
        f.write_char(ALPHABET.get(value).copied().map_or('0', char::from))?;
    }
    Ok(())
}

fn read(prefix: &'static str, text: &str) -> Result<Uuid, BadId> {
    let bad = || BadId { prefix, text: text.chars().take(40).collect() };
    let digits = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).ok_or_else(bad)?;
    // 26 digits hold 130 bits: a first digit above 7 would not fit.
    if digits.len() != DIGITS || digits.as_bytes().first().is_none_or(|first| *first > b'7') {
        return Err(bad());
    }
    digits
        .bytes()
        .try_fold(0u128, |bits, digit| {
            let value = ALPHABET.iter().position(|known| *known == digit)?;
            Some((bits << 5) | u128::try_from(value).ok()?)
        })
        .map(Uuid::from_u128)
        .ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_is_typeid() {
        // From the TypeID specification's `valid.yml`.
        let uuid: Uuid = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        assert_eq!(RunId::new(uuid).to_string(), "run_01h455vb4pex5vsknk084sn02q");
        assert_eq!("run_01h455vb4pex5vsknk084sn02q".parse::<RunId>().unwrap().uuid(), uuid);
    }

    #[test]
    fn another_kind_is_refused() {
        for text in [
            "agt_01h455vb4pex5vsknk084sn02q",
            "run_01h455vb4pex5vsknk084sn02",
            "run_81h455vb4pex5vsknk084sn02q",
            "run_01h455vb4pex5vsknk084sn02Q",
            "run01h455vb4pex5vsknk084sn02q",
            "",
            "run_ééééééééééééé",
        ] {
            assert!(text.parse::<RunId>().is_err(), "{text}");
        }
    }
}

//! Names that people choose: short, lower case, safe in a path, a policy and a table.
//!
//! Each is a type of its own, so that a skill cannot be handed over where a step belongs.

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadName;

            fn from_str(text: &str) -> Result<Self, BadName> {
                check($what, text).map(|()| Self(text.into()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadName;

            fn try_from(text: String) -> Result<Self, BadName> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0.as_ref().to_owned()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "pattern": "^[a-z0-9][a-z0-9._-]*$",
                    "maxLength": MAX_LENGTH,
                    "description": concat!("the name of ", $what),
                })
            }
        }
    };
}

name!(
    /// The name of a step within its contract.
    StepName, "a step"
);
name!(
    /// What an agent can do, and the method it is called by.
    SkillName, "a skill"
);
name!(
    /// A field of work, such as `finance`.
    DomainName, "a domain"
);
name!(
    /// The name of a contract or template.
    ContractName, "a contract"
);
name!(
    /// The name of an agent, unique in the registry.
    AgentName, "an agent"
);
name!(
    /// Who is asking: the name that an API key was made out to.
    PrincipalName, "a principal"
);
name!(
    /// The name of a trigger, unique within its organisation.
    TriggerName, "a trigger"
);
name!(
    /// Where in the world something is done, such as `eu` or `eu-west-1`.
    RegionName, "a region"
);
name!(
    /// The organisation that a principal and all it submits belong to.
    TenantName, "a tenant"
);

/// The longest name, in characters.
pub const MAX_LENGTH: usize = 64;

/// A text that is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is not the name of {what}: use 1 to {MAX_LENGTH} of a-z, 0-9, `-`, `_` and `.`, beginning with a letter or digit",
    shorten(.text)
)]
pub struct BadName {
    what: &'static str,
    text: String,
}

fn check(what: &'static str, text: &str) -> Result<(), BadName> {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let good = text.len() <= MAX_LENGTH
        && text.bytes().next().is_some_and(plain)
        && text.bytes().all(|c| plain(c) || matches!(c, b'-' | b'_' | b'.'));
    if good { Ok(()) } else { Err(BadName { what, text: text.to_owned() }) }
}

/// The beginning of a text that may be long and hostile, fit for a message.
fn shorten(text: &str) -> String {
    let short: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    if text.chars().count() > 40 { format!("{short}…") } else { short }
}

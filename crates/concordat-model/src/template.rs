//! Templates: named, versioned contracts that submissions refer to.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::ContractDocument;
use crate::name::ContractName;

/// The known templates.
#[derive(Debug, Clone, Default)]
pub struct Templates(BTreeMap<ContractName, BTreeMap<Version, ContractDocument>>);

/// A version, ordered by its numbers: `1.10` comes after `1.9`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Version {
    numbers: Vec<u64>,
    text: String,
}

impl From<&str> for Version {
    fn from(text: &str) -> Version {
        let numbers = text.split(['.', '-', '+']).map_while(|part| part.parse().ok()).collect();
        Version { numbers, text: text.to_owned() }
    }
}

/// Which template is meant: a name, and a version if not the newest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct TemplateRef {
    /// The template's name.
    pub name: ContractName,
    /// The version; without it, the newest.
    pub version: Option<String>,
}

/// A template that is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownTemplate {
    /// There is none of that name.
    #[error("there is no template `{0}`")]
    Name(ContractName),
    /// There is none of that version.
    #[error("the template `{name}` has no version `{version}`; it has {}", known.join(", "))]
    Version {
        /// The template.
        name: ContractName,
        /// The wanted version.
        version: String,
        /// The versions that there are.
        known: Vec<String>,
    },
}

impl Templates {
    /// Adds a template, or replaces the one of the same name and version.
    pub fn add(&mut self, document: ContractDocument) {
        let version = Version::from(document.metadata.version.as_deref().unwrap_or("0"));
        self.0.entry(document.metadata.name.clone()).or_default().insert(version, document);
    }

    /// The template that is meant.
    ///
    /// # Errors
    /// A name or version that is not known.
    pub fn find(&self, wanted: &TemplateRef) -> Result<&ContractDocument, UnknownTemplate> {
        let versions = self.0.get(&wanted.name).ok_or_else(|| UnknownTemplate::Name(wanted.name.clone()))?;
        let found = match &wanted.version {
            Some(version) => versions.get(&Version::from(version.as_str())),
            None => versions.last_key_value().map(|(_, newest)| newest),
        };
        found.ok_or_else(|| UnknownTemplate::Version {
            name: wanted.name.clone(),
            version: wanted.version.clone().unwrap_or_default(),
            known: versions.keys().map(|version| version.text.clone()).collect(),
        })
    }

    /// Every template, by name and then version.
    pub fn all(&self) -> impl Iterator<Item = &ContractDocument> {
        self.0.values().flat_map(BTreeMap::values)
    }
}

impl FromStr for TemplateRef {
    type Err = crate::name::BadName;

    fn from_str(text: &str) -> Result<TemplateRef, crate::name::BadName> {
        let (name, version) = match text.split_once('@') {
            Some((name, version)) => (name, Some(version.to_owned())),
            None => (text, None),
        };
        Ok(TemplateRef { name: name.parse()?, version })
    }
}

impl fmt::Display for TemplateRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some(version) => write!(f, "{}@{version}", self.name),
            None => write!(f, "{}", self.name),
        }
    }
}

impl TryFrom<String> for TemplateRef {
    type Error = crate::name::BadName;

    fn try_from(text: String) -> Result<TemplateRef, crate::name::BadName> {
        text.parse()
    }
}

impl From<TemplateRef> for String {
    fn from(reference: TemplateRef) -> String {
        reference.to_string()
    }
}

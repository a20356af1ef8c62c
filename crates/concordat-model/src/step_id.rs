//! Which step of a run is meant: its name, and the item, when the step is done once for each of several.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::{BadName, StepName};

/// A step of a run: `check`, or `check[3]` for its fourth item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct StepId {
    /// The step's name in its contract.
    pub name: StepName,
    /// The item that it is done for, from 0; none for the step as a whole.
    pub item: Option<u32>,
}

impl StepId {
    /// The step for one of its items.
    #[must_use]
    pub fn at(name: StepName, item: u32) -> StepId {
        StepId { name, item: Some(item) }
    }
}

impl From<StepName> for StepId {
    fn from(name: StepName) -> StepId {
        StepId { name, item: None }
    }
}

impl FromStr for StepId {
    type Err = BadName;

    fn from_str(text: &str) -> Result<StepId, BadName> {
        let item = text.strip_suffix(']').and_then(|rest| rest.split_once('['));
        match item.and_then(|(name, item)| Some((name, canonical(item)?))) {
            Some((name, item)) => Ok(StepId::at(name.parse()?, item)),
            None => Ok(StepId::from(text.parse::<StepName>()?)),
        }
    }
}

/// A number as we write it: no sign, no leading zero.
fn canonical(item: &str) -> Option<u32> {
    let number: u32 = item.parse().ok()?;
    (number.to_string() == item).then_some(number)
}

impl TryFrom<String> for StepId {
    type Error = BadName;

    fn try_from(text: String) -> Result<StepId, BadName> {
        text.parse()
    }
}

impl From<StepId> for String {
    fn from(step: StepId) -> String {
        step.to_string()
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.item {
            None => write!(f, "{}", self.name),
            Some(item) => write!(f, "{}[{item}]", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_and_their_items_are_read_and_written() {
        for text in ["check", "check[0]", "check[12]"] {
            assert_eq!(text.parse::<StepId>().unwrap().to_string(), text);
        }
        for text in ["", "check[", "check[]", "check[01]", "check[-1]", "check[+1]", "[1]", "check[1]x"] {
            assert!(text.parse::<StepId>().is_err(), "{text}");
        }
    }
}

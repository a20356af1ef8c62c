//! Reading what a protocol's JSON holds: who finds something else there says whose rules were not kept, and where.

use std::fmt;

use serde_json::{Map, Value};

use super::trouble::Malformed;

/// A protocol that an agent speaks, over HTTP and in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Agent2Agent.
    A2a,
    /// The Model Context Protocol.
    Mcp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::A2a => "A2A",
            Protocol::Mcp => "MCP",
        })
    }
}

impl Protocol {
    /// What is due here, as an object.
    pub(crate) fn object(self, value: Value, what: &str) -> Result<Map<String, Value>, Malformed> {
        match value {
            Value::Object(members) => Ok(members),
            _ => Err(self.wrong(format!("{what} is not an object"))),
        }
    }

    /// What is due here, as a list. Empty ones are left out by those who write this JSON.
    pub(crate) fn list(self, value: Option<Value>, what: &str) -> Result<Vec<Value>, Malformed> {
        match value {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(self.wrong(format!("{what} is not a list"))),
        }
    }

    /// What is wrong with a reply.
    pub(crate) fn wrong(self, why: impl Into<String>) -> Malformed {
        Malformed::Protocol { protocol: self, why: why.into() }
    }
}

//! What a server says, read out of bounded JSON: hostile until it stands in one of our own types.

use serde_json::{Value, json};

use super::speech::{STATELESS, WITH_SESSIONS};
use crate::http::Malformed;
use crate::http::Protocol::Mcp;

/// What a call of a tool came to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Heard {
    /// The work is done, and this is the result.
    Done(Value),
    /// The tool failed, with what it says about that.
    Failed(String),
    /// The server asks something before it goes on.
    Asks,
}

/// One tool, as the server lists it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tool {
    pub(super) name: String,
    pub(super) input: Option<Value>,
    pub(super) output: Option<Value>,
}

/// Reads the result of a call: what is structured, or else the text as `{"text": …}`.
pub(super) fn heard(value: Value) -> Result<Heard, Malformed> {
    let mut result = Mcp.object(value, "the result")?;
    match result.get("resultType").map(|kind| kind.as_str()) {
        None | Some(Some("complete")) => {}
        Some(Some("input_required")) => return Ok(Heard::Asks),
        Some(_) => return Err(Mcp.wrong("the `resultType` is none that Concordat knows")),
    }
    let failed = match result.get("isError") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(failed)) => *failed,
        Some(_) => return Err(Mcp.wrong("`isError` is neither true nor false")),
    };
    let content = Mcp.list(result.remove("content"), "`content`")?;
    let texts: Vec<&str> = content.iter().filter_map(text).collect();
    if failed {
        return Ok(Heard::Failed(texts.join(" ")));
    }
    match result.remove("structuredContent") {
        Some(value) if !value.is_null() => Ok(Heard::Done(value)),
        _ if content.is_empty() => Ok(Heard::Done(Value::Null)),
        _ if texts.is_empty() => Err(Mcp.wrong("the result is a file or a link, which is not read")),
        _ => Ok(Heard::Done(json!({"text": texts.join("\n")}))),
    }
}

/// Whether a server that was asked which revisions it speaks names the one without a handshake.
pub(super) fn is_stateless(value: &Value) -> bool {
    let versions = value.get("supportedVersions").and_then(Value::as_array);
    versions.into_iter().flatten().any(|version| version.as_str() == Some(STATELESS))
}

/// The revision that a server agrees to in its handshake.
pub(super) fn agreed(value: &Value) -> Result<Option<&'static str>, Malformed> {
    let said = value.get("protocolVersion").and_then(Value::as_str);
    let said = said.ok_or_else(|| Mcp.wrong("the handshake names no `protocolVersion`"))?;
    Ok(WITH_SESSIONS.iter().find(|version| **version == said).copied())
}

/// Reads a page of tools, and where the next one begins.
pub(super) fn tools(value: Value) -> Result<(Vec<Tool>, Option<String>), Malformed> {
    let mut page = Mcp.object(value, "the list of tools")?;
    let next = match page.remove("nextCursor") {
        None | Some(Value::Null) => None,
        Some(Value::String(cursor)) => Some(cursor),
        Some(_) => return Err(Mcp.wrong("`nextCursor` is not text")),
    };
    let tools = Mcp.list(page.remove("tools"), "`tools`")?.into_iter().map(tool).collect::<Result<_, _>>()?;
    Ok((tools, next))
}

fn tool(value: Value) -> Result<Tool, Malformed> {
    let mut tool = Mcp.object(value, "a tool")?;
    let name =
        tool.get("name").and_then(Value::as_str).ok_or_else(|| Mcp.wrong("a tool has no name"))?.to_owned();
    let mut schema = |member: &str| tool.remove(member).filter(|schema| !schema.is_null());
    Ok(Tool { name, input: schema("inputSchema"), output: schema("outputSchema") })
}

fn text(block: &Value) -> Option<&str> {
    (block.get("type").and_then(Value::as_str) == Some("text")).then(|| block.get("text")?.as_str())?
}

//! What callers say: messages that hold a contract, and which task they mean.
//!
//! A message carries one submission as data: a template with its input, a whole contract, or a submission of one
//! contract. Words are for people and are read by nobody, so a message of words alone is refused with what to send.

use concordat_model::doubles::whole;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use super::context;
use super::push::Config;
use super::wrong::Wrong;
use crate::intake::handed_over::{self, FORM};
use crate::intake::{Door, Key};

/// A message, and how it is to be answered.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Send {
    #[serde(default)]
    pub(super) tenant: Option<String>,
    pub(super) message: Message,
    #[serde(default)]
    pub(super) configuration: Option<Configuration>,
}

/// How a message is to be answered.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Configuration {
    #[serde(default, deserialize_with = "flag")]
    pub(super) return_immediately: bool,
    #[serde(default)]
    pub(super) task_push_notification_config: Option<Config>,
}

/// What somebody says.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Message {
    #[serde(default)]
    pub(super) message_id: String,
    #[serde(default)]
    pub(super) context_id: Option<String>,
    #[serde(default)]
    pub(super) task_id: Option<String>,
    #[serde(default)]
    role: Value,
    #[serde(default)]
    parts: Vec<Part>,
}

/// One piece of a message.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    #[serde(default)]
    text: Option<String>,
    #[serde(default, deserialize_with = "present")]
    data: Option<Value>,
    #[serde(default)]
    raw: Option<Value>,
    #[serde(default)]
    url: Option<Value>,
    #[serde(default)]
    media_type: String,
}

/// One task, by its id.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Named {
    #[serde(default)]
    pub(super) tenant: Option<String>,
    #[serde(default)]
    pub(super) id: String,
    #[serde(default)]
    pub(super) metadata: Option<Map<String, Value>>,
}

/// Which tasks are listed.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listing {
    #[serde(default)]
    pub(super) tenant: Option<String>,
    #[serde(default)]
    pub(super) context_id: Option<String>,
    #[serde(default)]
    pub(super) status: Option<String>,
    #[serde(default, deserialize_with = "number")]
    pub(super) page_size: Option<i64>,
    #[serde(default)]
    pub(super) page_token: Option<String>,
    #[serde(default)]
    pub(super) status_timestamp_after: Option<jiff::Timestamp>,
    #[serde(default, deserialize_with = "flag")]
    pub(super) include_artifacts: bool,
}

/// What is asked, out of plain members. Unknown ones are left aside, as the protocol wants it.
pub(super) fn read<T: DeserializeOwned>(value: Value) -> Result<T, Wrong> {
    serde_json::from_value(value).map_err(|error| Wrong::Params(error.to_string()))
}

impl Message {
    /// The submission that the message holds.
    pub(super) fn submission(&mut self) -> Result<Value, Wrong> {
        if !(self.role == "ROLE_USER" || self.role == json!(1)) {
            return Err(Wrong::Params("the `role` of a message to this server is `ROLE_USER`".to_owned()));
        }
        if self.parts.iter().any(|part| part.raw.is_some() || part.url.is_some()) {
            return Err(Wrong::Content(format!("this server reads no files: send one data part: {FORM}")));
        }
        if let Some(part) = self.parts.iter().find(|part| part.data.is_some() && !part.is_json()) {
            let shown: String = part.media_type.chars().take(80).collect();
            return Err(Wrong::Content(format!("a data part is `application/json`, not `{shown}`")));
        }
        let mut data = self.parts.iter_mut().filter_map(|part| part.data.take());
        let (Some(found), None) = (data.next(), data.next()) else {
            drop(data);
            return Err(self.without_one_data_part());
        };
        let label = self
            .context_id
            .as_deref()
            .filter(|context| !context.is_empty())
            .map(context::name)
            .transpose()?;
        handed_over::submission(found, label.as_ref()).map_err(Wrong::Params)
    }

    fn without_one_data_part(&self) -> Wrong {
        if self.parts.is_empty() {
            return Wrong::Params(format!("the message has no parts: send one data part: {FORM}"));
        }
        if self.parts.iter().all(|part| part.text.is_some()) {
            return Wrong::Content(format!(
                "this server does not read instructions in words: send one data part: {FORM}"
            ));
        }
        Wrong::Params(format!(
            "a message holds one data part, which is one contract: send one data part: {FORM}"
        ))
    }

    /// The key under which the message is one message, however often it comes.
    pub(super) fn key(&self) -> Result<Key, Wrong> {
        let said = "a `messageId` has 1 to 200 visible characters of ASCII: a fresh one for each new message, and the \
                    same when it is repeated";
        Key::read(Door::A2a, &self.message_id).ok_or_else(|| Wrong::Params(said.to_owned()))
    }
}

impl Part {
    /// Whether data may be read as what its sender says that it is. Who says nothing means JSON.
    fn is_json(&self) -> bool {
        let media = self.media_type.split(';').next().unwrap_or_default().trim();
        media.is_empty() || media.eq_ignore_ascii_case("application/json")
    }
}

/// A member that is there, even if it is null.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// A number, as a query or a double may write it.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let odd = || serde::de::Error::custom("expected a whole number");
    match whole(Value::deserialize(deserializer)?) {
        Value::Null => Ok(None),
        Value::Number(number) => number.as_i64().map(Some).ok_or_else(odd),
        Value::String(text) => text.parse().map(Some).map_err(|_| odd()),
        _ => Err(odd()),
    }
}

/// Yes or no, as a query may write it.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(false),
        Value::Bool(flag) => Ok(flag),
        Value::String(text) if text == "true" => Ok(true),
        Value::String(text) if text == "false" => Ok(false),
        _ => Err(serde::de::Error::custom("expected true or false")),
    }
}

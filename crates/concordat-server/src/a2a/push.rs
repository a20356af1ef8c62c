//! Webhooks of tasks, as clients set them, see them again and take them away.
//!
//! They are durable once they are set, belong to who set them, and end with their task. What they recognise us by is
//! never shown again. Telling them is for `courier`.

use concordat_engine::Push;
use concordat_engine::ports::Webhook;
use concordat_model::id::RunId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::calls::{Asker, id};
use super::wrong::Wrong;

/// A webhook as clients write it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Config {
    tenant: Option<String>,
    pub(super) task_id: String,
    id: Option<String>,
    url: String,
    token: Option<String>,
    authentication: Option<Authentication>,
}

/// What the webhook recognises us by.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Authentication {
    scheme: String,
    credentials: Option<String>,
}

/// One webhook of one task, by their ids.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct OneOf {
    pub(super) tenant: Option<String>,
    pub(super) task_id: String,
    pub(super) id: String,
}

impl Config {
    fn name(&self) -> Option<String> {
        self.id.clone().filter(|id| !id.is_empty())
    }

    /// What the engine keeps. Empty members are as good as none: the protocol's own form knows no difference.
    fn webhook(self) -> Result<Webhook, Wrong> {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        if self.url.is_empty() {
            return Err(Wrong::Params("a webhook has a `url`".to_owned()));
        }
        let authorization =
            self.authentication.map(|known| (known.scheme, given(known.credentials).unwrap_or_default()));
        Ok(Webhook { url: self.url, token: given(self.token), authorization })
    }
}

/// A webhook as clients see it again: without what it recognises us by.
fn shown(push: &Push, webhook: &Webhook) -> Value {
    let mut shown = json!({"id": push.name, "taskId": push.run, "url": webhook.url});
    if let (Some((scheme, _)), Some(shown)) = (&webhook.authorization, shown.as_object_mut()) {
        shown.insert("authentication".to_owned(), json!({"scheme": scheme}));
    }
    shown
}

impl Asker {
    /// Sets a webhook of a task.
    pub(super) async fn set_push(&self, config: Config) -> Result<Value, Wrong> {
        self.same_tenant(config.tenant.as_deref())?;
        let (run, name) = (id(&config.task_id)?, config.name());
        let webhook = config.webhook()?;
        let push = self.app.engine.set_push(&self.who, run, name.as_deref(), &webhook).await?;
        Ok(shown(&push, &webhook))
    }

    /// One webhook of a task.
    pub(super) async fn push(&self, wanted: OneOf) -> Result<Value, Wrong> {
        self.same_tenant(wanted.tenant.as_deref())?;
        let all = self.app.engine.pushes(&self.who, id(&wanted.task_id)?).await?;
        let missing = || Wrong::Task(format!("{}/pushNotificationConfigs/{}", wanted.task_id, wanted.id));
        let found = all.iter().find(|push| push.name == wanted.id).ok_or_else(missing)?;
        self.shown(found).await
    }

    /// The webhooks of a task that the caller has set: few enough for one page.
    pub(super) async fn pushes(&self, wanted: OneOf) -> Result<Value, Wrong> {
        self.same_tenant(wanted.tenant.as_deref())?;
        let mut configs = Vec::new();
        for push in self.app.engine.pushes(&self.who, id(&wanted.task_id)?).await? {
            configs.push(self.shown(&push).await?);
        }
        Ok(json!({"configs": configs, "nextPageToken": ""}))
    }

    /// Takes a webhook away. One that is not there any more is as good as taken away.
    pub(super) async fn remove_push(&self, wanted: OneOf) -> Result<Value, Wrong> {
        self.same_tenant(wanted.tenant.as_deref())?;
        self.app.engine.remove_push(&self.who, id(&wanted.task_id)?, &wanted.id).await?;
        Ok(json!({}))
    }

    /// The webhook that came with a message, if it can be told: asked before the message is taken in.
    pub(super) fn push_of(&self, config: Option<Config>) -> Result<Option<Sent>, Wrong> {
        let Some(config) = config else { return Ok(None) };
        let name = config.name();
        let webhook = config.webhook()?;
        self.app.engine.hears(&webhook)?;
        Ok(Some(Sent { name, webhook }))
    }

    /// Sets the webhook that came with a message of this task.
    pub(super) async fn set_sent(&self, run: RunId, sent: Sent) -> Result<(), Wrong> {
        self.app.engine.set_push(&self.who, run, sent.name.as_deref(), &sent.webhook).await?;
        Ok(())
    }

    async fn shown(&self, push: &Push) -> Result<Value, Wrong> {
        Ok(shown(push, &self.app.engine.webhook(push).await?))
    }
}

/// A webhook that came with a message.
pub(super) struct Sent {
    name: Option<String>,
    webhook: Webhook,
}

//! What can be asked, whichever binding it comes by.

use std::time::Duration;

use concordat_engine::{Caller, EngineError, Order, RunView};
use concordat_model::id::RunId;
use serde_json::{Value, json};

use super::live::Live;
use super::message::{Listing, Named, Send};
use super::task::{self, Task};
use super::wrong::Wrong;
use super::{card, list};
use crate::app::Shared;
use crate::intake::Entry;
use crate::reason;
use crate::refusal::Refusal;
use crate::stream::Records;

/// How long a caller waits at most for a task to settle. Proxies give up sooner; the task goes on, and can be asked for.
const PATIENCE: Duration = Duration::from_secs(300);
/// Why a task is cancelled, when nobody says.
const NO_REASON: &str = "its A2A client cancelled it";

/// Somebody who asks.
pub(super) struct Asker {
    pub(super) app: Shared,
    pub(super) who: Caller,
}

impl Asker {
    /// Takes a message in, and answers with its task once that is settled, or at once.
    pub(super) async fn send(&self, send: Send) -> Result<Value, Wrong> {
        let at_once = send.configuration.as_ref().is_some_and(|how| how.return_immediately);
        let run = self.taken_in(send).await?;
        let view =
            if at_once { self.app.engine.run(&self.who, run).await? } else { self.settled(run).await? };
        Ok(json!({"task": Task::of(&self.app, &view)?}))
    }

    /// Takes a message in, and tells how its task goes on.
    pub(super) async fn send_streaming(&self, send: Send) -> Result<Live, Wrong> {
        let run = self.taken_in(send).await?;
        let view = self.app.engine.run(&self.who, run).await?;
        Live::begin(&self.app, &self.who, view)
    }

    /// Tells how a task goes on that is not over.
    pub(super) async fn subscribe(&self, named: Named) -> Result<Live, Wrong> {
        let view = self.view(named).await?;
        if task::state(&view).is_over() {
            let said = format!("the task `{}` is over: ask for it with `GetTask`", view.run.id);
            return Err(Wrong::Unsupported(said));
        }
        Live::begin(&self.app, &self.who, view)
    }

    /// One task.
    pub(super) async fn get(&self, named: Named) -> Result<Value, Wrong> {
        let view = self.view(named).await?;
        Ok(json!(Task::of(&self.app, &view)?))
    }

    /// The caller's own tasks.
    pub(super) async fn list(&self, listing: Listing) -> Result<Value, Wrong> {
        self.same_tenant(listing.tenant.as_deref())?;
        list::page(&self.app, &self.who, listing).await
    }

    /// Orders a task to stop.
    pub(super) async fn cancel(&self, named: Named) -> Result<Value, Wrong> {
        let why = named.metadata.as_ref().and_then(|metadata| metadata.get("reason")?.as_str());
        let why = reason::checked(why.unwrap_or(NO_REASON))?.to_owned();
        self.same_tenant(named.tenant.as_deref())?;
        match self.app.engine.order(&self.who, id(&named.id)?, Order::Cancel, &why).await {
            Ok(view) => Ok(json!(Task::of(&self.app, &view)?)),
            Err(error @ (EngineError::Conflict(_) | EngineError::Illegal(_))) => {
                Err(Wrong::NotCancelable(error.to_string()))
            }
            Err(other) => Err(other.into()),
        }
    }

    /// The card for who has a key: with the templates that they may use.
    pub(super) async fn extended_card(&self, url: &str) -> Result<Value, Wrong> {
        card::extended(&self.app, &self.who, url).await
    }

    async fn view(&self, named: Named) -> Result<RunView, Wrong> {
        self.same_tenant(named.tenant.as_deref())?;
        Ok(self.app.engine.run(&self.who, id(&named.id)?).await?)
    }

    /// The run of a message. One that came before has the run that it had.
    async fn taken_in(&self, mut send: Send) -> Result<RunId, Wrong> {
        self.same_tenant(send.tenant.as_deref())?;
        let how = send.configuration.as_mut();
        let push = self.push_of(how.and_then(|how| how.task_push_notification_config.take()))?;
        if let Some(task) = send.message.task_id.as_deref().filter(|task| !task.is_empty()) {
            return Err(self.no_further_message(task).await);
        }
        let entry = Entry::open(&self.app, &self.who, send.message.key()?)?;
        let document = send.message.submission()?;
        let accepted = match entry.take_in(document).await {
            Err(EngineError::KeyReused(_)) => {
                let said = "the `messageId` was used for another message: choose a fresh one";
                return Err(Wrong::Params(said.to_owned()));
            }
            other => other?,
        };
        let line = accepted.receipt.contracts.first();
        let line = line.ok_or_else(|| Wrong::Params("the submission holds no contract".to_owned()))?;
        if let Some(push) = push {
            self.set_sent(line.run, push).await?;
        }
        Ok(line.run)
    }

    /// Why a task takes no message: its contract was agreed, and what it asks, it asks of others.
    async fn no_further_message(&self, task: &str) -> Wrong {
        let run = match id(task) {
            Ok(run) => run,
            Err(wrong) => return wrong,
        };
        match self.app.engine.run(&self.who, run).await {
            Err(error) => error.into(),
            Ok(view) if task::state(&view).is_over() => Wrong::Unsupported(format!(
                "the task `{task}` is over: send a message of its own for a new one"
            )),
            Ok(_) => Wrong::Unsupported(format!(
                "the contract of the task `{task}` is agreed, and takes no further message; its reviews are answered \
                 by others, with `POST /v1/reviews/{{review}}:decide`"
            )),
        }
    }

    /// Waits until a run is over or asks people, within bounds.
    async fn settled(&self, run: RunId) -> Result<RunView, Wrong> {
        let view = self.app.engine.run(&self.who, run).await?;
        if task::state(&view).is_settled() {
            return Ok(view);
        }
        let after = view.records.last().map_or(0, |last| last.index.saturating_add(1));
        let mut records = Records::of_run(&self.app, self.who.key, run, after)?;
        let waited = tokio::time::timeout(PATIENCE, async {
            while records.more().await.is_some() {
                let view = self.app.engine.run(&self.who, run).await?;
                if task::state(&view).is_settled() {
                    return Ok(view);
                }
            }
            // The server stops: the task goes on with the next start.
            Ok(self.app.engine.run(&self.who, run).await?)
        });
        match waited.await {
            Ok(view) => view,
            Err(_) => Ok(self.app.engine.run(&self.who, run).await?),
        }
    }

    /// A tenant that is named is the key's own: nobody acts for another.
    pub(super) fn same_tenant(&self, named: Option<&str>) -> Result<(), Wrong> {
        match named {
            None | Some("") => Ok(()),
            Some(named) if named == self.who.principal.tenant.as_str() => Ok(()),
            Some(_) => Err(Wrong::Params("the `tenant` is that of your key: leave it out".to_owned())),
        }
    }
}

/// A task's id; whatever is no id names nothing.
pub(super) fn id(text: &str) -> Result<RunId, Wrong> {
    text.parse().map_err(|_| Refusal::missing("task", text).into())
}

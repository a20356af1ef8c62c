//! Tells webhooks when their tasks come to stand otherwise.
//!
//! ```text
//!   a run changes ─► engine: due ─► Courier ─► one teller a webhook ─► POST, again if it was not taken
//! ```
//!
//! A teller looks at its task each time before it tells, in the name of whoever set the webhook: it tells how the task
//! stands, not how it stood, so nothing queues up behind a webhook that is slow, and what its owner may not see any more
//! is not told. What was told is known to this life of the program only, so a start tells once more.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use concordat_engine::ports::{NotTold, Notice};
use concordat_engine::{EngineError, Push, RunView};
use concordat_model::id::PushId;
use concordat_model::name::TenantName;
use concordat_model::push::PushEnd;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::MEDIA_TYPE;
use super::task::{self, State, Task};
use crate::app::Shared;

/// How many webhooks are told at a time, and how many of one organisation.
const AT_A_TIME: usize = 64;
const OF_A_TENANT: usize = 16;
/// How many are remembered before anybody looks whether they are still there.
const MANY: usize = 1024;
/// How often one notification is tried, and the pause after the first time; each further one is four times as long.
const TRIES: u32 = 8;
const PAUSE: Duration = Duration::from_millis(100);

/// Has webhooks told until the server stops.
pub(crate) async fn keep_telling(app: Shared) {
    let courier = Arc::new(Courier {
        all: Semaphore::new(AT_A_TIME),
        of_tenant: Mutex::default(),
        tellers: Mutex::default(),
        many: AtomicUsize::new(MANY),
        app: app.clone(),
    });
    let mut stopping = app.stopping.subscribe();
    loop {
        let runs = tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => return,
            runs = app.engine.due_pushes() => runs,
        };
        for push in runs.into_iter().flat_map(|run| app.engine.pushes_of(run)) {
            courier.clone().ring(push);
        }
        courier.sweep();
    }
}

/// What the tellers share.
struct Courier {
    app: Shared,
    all: Semaphore,
    of_tenant: Mutex<HashMap<TenantName, Arc<Semaphore>>>,
    /// Every webhook in force that was rung for, and what it was told last.
    tellers: Mutex<HashMap<PushId, Teller>>,
    /// How many of them there may be before those are forgotten that clients took away.
    many: AtomicUsize,
}

/// What is known of one webhook.
#[derive(Default)]
struct Teller {
    /// Whether somebody is telling it.
    at_work: bool,
    /// Whether its task has changed since they looked.
    rung: bool,
    told: Option<Standing>,
}

/// How a task stood when it was told: its state, and how many questions people were asked by then.
type Standing = (State, usize);

/// What came of one look at a task.
enum Looked {
    /// There is nothing new.
    Known,
    /// It was told.
    Told(Standing),
    /// It was not told, and a later try may go better.
    NotYet(String),
    /// Nothing more is to be told.
    Over(PushEnd),
}

impl Courier {
    /// Lets somebody tell a webhook, unless they are at it: then they look again.
    fn ring(self: Arc<Self>, push: Push) {
        {
            let mut tellers = self.tellers.lock();
            let teller = tellers.entry(push.id).or_default();
            teller.rung = true;
            if std::mem::replace(&mut teller.at_work, true) {
                return;
            }
        }
        tokio::spawn(async move { self.tell(push).await });
    }

    /// Forgets webhooks that clients took away, each time there are twice as many as were left before.
    fn sweep(&self) {
        let mut tellers = self.tellers.lock();
        if tellers.len() > self.many.load(Ordering::Relaxed) {
            tellers.retain(|id, teller| teller.at_work || self.app.engine.is_push(*id));
            self.many.store(MANY.max(2 * tellers.len()), Ordering::Relaxed);
        }
    }

    async fn tell(&self, push: Push) {
        let mut stopping = self.app.stopping.subscribe();
        let told = async {
            while let Some(told) = self.begin(&push) {
                if let Some(why) = self.until_told(&push, told).await {
                    self.end(&push, why).await;
                    break;
                }
            }
        };
        tokio::select! {
            () = told => {}
            _ = stopping.wait_for(|stopping| *stopping) => {}
        }
    }

    /// What it was told last, if it was rung for since; else nobody is at it any more.
    fn begin(&self, push: &Push) -> Option<Option<Standing>> {
        let mut tellers = self.tellers.lock();
        let teller = tellers.get_mut(&push.id)?;
        teller.at_work = std::mem::take(&mut teller.rung);
        teller.at_work.then_some(teller.told)
    }

    /// Tells it until it has heard; why it ends, if it does.
    async fn until_told(&self, push: &Push, told: Option<Standing>) -> Option<PushEnd> {
        let (mut pause, id) = (PAUSE, push.id);
        for left in (0..TRIES).rev() {
            match self.look(push, told).await {
                Looked::Known => return None,
                Looked::Told(standing) => {
                    self.tellers.lock().entry(id).or_default().told = Some(standing);
                    return standing.0.is_over().then_some(PushEnd::Told);
                }
                Looked::Over(why) => return Some(why),
                Looked::NotYet(why) => {
                    tracing::debug!(webhook = %id, why, "the webhook {id} was not told: {why}");
                }
            }
            if left > 0 {
                tokio::time::sleep(pause).await;
            }
            pause = pause.saturating_mul(4);
        }
        tracing::info!(webhook = %id, run = %push.run, "the webhook {id} of {} ends: it takes nothing", push.run);
        Some(PushEnd::Unreachable)
    }

    /// Looks at the task, and tells how it stands if that is new.
    async fn look(&self, push: &Push, told: Option<Standing>) -> Looked {
        let engine = &self.app.engine;
        let of_tenant = self.room_of(&push.owner.principal.tenant);
        let (Ok(_of_tenant), Ok(_of_all)) = (of_tenant.acquire().await, self.all.acquire().await) else {
            return Looked::NotYet("the server stops".to_owned());
        };
        if !engine.is_in_force(push) {
            return Looked::Over(PushEnd::Closed);
        }
        let view = match engine.run(&push.owner, push.run).await {
            Ok(view) => view,
            Err(EngineError::Store(error)) => return Looked::NotYet(error.to_string()),
            Err(_) => return Looked::Over(PushEnd::Closed),
        };
        let now = standing(&view);
        if told == Some(now) || (told.is_none() && now.0 == State::Submitted) {
            return Looked::Known;
        }
        match self.post(push, &view).await {
            Ok(()) => Looked::Told(now),
            Err(NotTold::Gone) => Looked::Over(PushEnd::Gone),
            Err(NotTold::Yet(why)) => Looked::NotYet(why),
        }
    }

    /// What a stream would tell: what the task has brought, and how it stands.
    async fn post(&self, push: &Push, view: &RunView) -> Result<(), NotTold> {
        let engine = &self.app.engine;
        let webhook = engine.webhook(push).await.map_err(|error| NotTold::Yet(error.to_string()))?;
        let task = Task::of(&self.app, view).map_err(|error| NotTold::Yet(error.to_string()))?;
        for told in task.artifact_updates().chain([task.status_update()]) {
            let notice = Notice { webhook: webhook.clone(), media_type: MEDIA_TYPE, body: told.to_string() };
            engine.notify(notice).await?;
        }
        Ok(())
    }

    fn room_of(&self, tenant: &TenantName) -> Arc<Semaphore> {
        let mut rooms = self.of_tenant.lock();
        rooms.entry(tenant.clone()).or_insert_with(|| Arc::new(Semaphore::new(OF_A_TENANT))).clone()
    }

    async fn end(&self, push: &Push, why: PushEnd) {
        if let Err(error) = self.app.engine.end_push(push.id, why).await {
            tracing::warn!(webhook = %push.id, %error, "the end of the webhook {} is not recorded: {error}", push.id);
        }
        self.tellers.lock().remove(&push.id);
    }
}

fn standing(view: &RunView) -> Standing {
    let asked = view.records.iter().filter(|stored| stored.record.kind() == ASKED).count();
    (task::state(view), asked)
}

/// The record by which people are asked.
const ASKED: &str = "review.opened";

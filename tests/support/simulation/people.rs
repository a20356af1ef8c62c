//! What people do: submit, come again, answer reviews, order, publish, suspend. Several at a time.

use std::time::Duration;

use concordat_engine::{Caller, Engine, EngineError, Order, Placing};
use concordat_model::id::RunId;
use concordat_model::principal::{Principal, Role};
use concordat_model::run::event::Verdict;
use concordat_model::span::Span;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::clients::{Clients, People, Request};
use super::contracts;
use super::life::Surroundings;

/// The most runs that are open before nobody submits any more.
const MOST_OPEN: usize = 12;

/// Acts until it is dropped.
pub(super) async fn act(engine: &Engine, around: &Surroundings) {
    let Some(people) = met(engine, around).await else { return std::future::pending().await };
    let moment = engine.log_size().borrow().to_string();
    let chance = Mutex::new(around.people.clone().and(moment.parse().unwrap_or(0)));
    loop {
        let pause = chance.lock().span(Duration::from_millis(100));
        tokio::time::sleep(pause).await;
        let deed = Deed {
            engine: engine.clone(),
            clients: around.clients.clone(),
            people: people.clone(),
            story: around.story.clone(),
            checker: around.checker.clone(),
        };
        let kind = chance.lock().between(1, 100);
        let luck = u64::from_be_bytes(chance.lock().bytes());
        match kind {
            1..=45 if engine.open_runs() < MOST_OPEN => {
                let document = contracts::submission(&mut chance.lock());
                let by = if luck.is_multiple_of(5) { &people.stranger } else { &people.submitter };
                let request = around.clients.asks(by, document);
                tokio::spawn(async move { deed.submit(request).await });
            }
            46..=55 => {
                let requests = around.clients.worth_asking_again();
                let again = chance.lock().one_of(&requests).cloned();
                if let Some(request) = again {
                    tokio::spawn(async move { deed.submit(request).await });
                }
            }
            56..=75 => drop(tokio::spawn(async move { deed.answer(luck).await })),
            76..=88 => {
                let open = around.checker.open_runs();
                if let Some(run) = chance.lock().one_of(&open).copied() {
                    tokio::spawn(async move { deed.order(run, luck).await });
                }
            }
            89..=94 => drop(tokio::spawn(async move { deed.publish(luck).await })),
            95..=97 => {
                let runs = around.clients.runs();
                if let Some(run) = chance.lock().one_of(&runs).copied() {
                    tokio::spawn(async move { deed.retry(run).await });
                }
            }
            _ => drop(tokio::spawn(async move { deed.suspend(luck).await })),
        }
    }
}

/// Brings everything to its end: what was asked is asked again, what is paused goes on, reviews are answered.
pub(super) async fn finish(engine: &Engine, around: &Surroundings) {
    let Some(people) = met(engine, around).await else { return };
    let deed = Deed {
        engine: engine.clone(),
        clients: around.clients.clone(),
        people,
        story: around.story.clone(),
        checker: around.checker.clone(),
    };
    deed.restore().await;
    for trigger in engine.triggers(&deed.people.admin).await.unwrap_or_default() {
        let name = &trigger.document.metadata.name;
        drop(engine.remove_trigger(&deed.people.admin, name).await);
    }
    for request in around.clients.unanswered() {
        deed.submit(request).await;
    }
    while engine.open_runs() > 0 {
        for run in around.checker.paused() {
            drop(engine.order(&deed.people.admin, run, Order::Resume, "the end").await);
        }
        for luck in 1..=5 {
            deed.answer(luck).await;
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
}

/// One thing that somebody does.
struct Deed {
    engine: Engine,
    clients: Clients,
    people: People,
    story: super::story::Story,
    checker: super::checker::Checker,
}

impl Deed {
    async fn submit(&self, request: Request) {
        let Request { key, by, document, .. } = request;
        self.story.step("submission", || format!("submit {key}"));
        match self.engine.submit(&by, Value::clone(&document), Some(&key)).await {
            Ok(accepted) => {
                self.story.count("acknowledged");
                self.clients.gets(&key, &accepted);
            }
            Err(EngineError::Invalid(problems)) => {
                self.story.breaks(format!("the simulation writes a wrong contract: {problems}"));
            }
            Err(EngineError::Overloaded(_)) => self.story.count("shed"),
            Err(_) => {}
        }
    }

    /// Answers one of the open reviews; at times with no.
    async fn answer(&self, luck: u64) {
        let reviews = self.engine.reviews(&self.people.admin);
        let Ok(most) = u64::try_from(reviews.len()) else { return };
        let Some(review) = luck.checked_rem(most).and_then(|nth| reviews.get(usize::try_from(nth).ok()?))
        else {
            return;
        };
        let verdict = if luck.is_multiple_of(7) { Verdict::Reject } else { Verdict::Approve };
        self.story.step("answered review", || format!("{verdict:?} {}", review.id));
        let by = &self.people.reviewer;
        drop(self.engine.answer_review(by, review.id, verdict, "as it should be", review.payload).await);
    }

    async fn order(&self, run: RunId, luck: u64) {
        let order = match luck % 10 {
            0..=1 => Order::Cancel,
            2 => Order::Kill,
            3..=5 => Order::Pause,
            6..=8 => Order::Resume,
            _ => Order::Extend(Span::seconds(60)),
        };
        self.story.step("order", || format!("{order:?} {run}"));
        if self.engine.order(&self.people.admin, run, order, "because").await.is_ok() {
            self.story.count("order obeyed");
            self.checker.ordered(run, order);
        }
    }

    async fn publish(&self, luck: u64) {
        let event = json!({
            "specversion": "1.0", "id": format!("event-{luck}"), "source": "/simulation", "type": "paid",
            "data": {"order": luck % 10},
        });
        self.story.step("event", || format!("publish for order {}", luck % 10));
        if let Ok(event) = serde_json::from_value(event) {
            drop(self.engine.publish(&self.people.submitter, event).await);
        }
    }

    async fn retry(&self, run: RunId) {
        let Ok(step) = "s0".parse() else { return };
        self.story.step("retry", || format!("retry {run}"));
        if let Ok(accepted) = self.engine.retry(&self.people.admin, run, &step, "again").await {
            self.story.count("retried");
            self.clients.gets("", &accepted);
        }
    }

    async fn suspend(&self, luck: u64) {
        let agents = self.engine.agents();
        let Some(agent) = luck.checked_rem(agents.len() as u64).and_then(|nth| agents.get(nth as usize))
        else {
            return;
        };
        let name = agent.registration.name.to_string();
        self.story.step("registry", || format!("suspend or restore {name}"));
        let admin = &self.people.admin;
        if luck.is_multiple_of(3) {
            drop(self.engine.place_agent(admin, &name, Placing::Suspend, "doubts").await);
        } else {
            drop(self.engine.place_agent(admin, &name, Placing::Restore, "no doubts").await);
        }
    }

    async fn restore(&self) {
        for agent in self.engine.agents() {
            let name = agent.registration.name.to_string();
            let placed = self.engine.place_agent(&self.people.admin, &name, Placing::Restore, "the end");
            drop(placed.await);
        }
    }
}

/// The people, who are introduced, with the agents, in the first life that lasts long enough.
async fn met(engine: &Engine, around: &Surroundings) -> Option<People> {
    if let Some(people) = around.clients.people() {
        return Some(people);
    }
    let admin = match engine.first_key(principal("ada", "acme", Role::ALL.to_vec())?).await.ok()? {
        Some(key) => engine.recognise(&key.text)?,
        // It was made in a life that ended before anybody had it; whoever runs the installation starts anew.
        None => Caller {
            key: engine.keys().first()?.id,
            principal: principal("ada", "acme", Role::ALL.to_vec())?,
        },
    };
    for (name, concurrency, reconciles) in [("steady", 4, true), ("busy", 1, false), ("other", 3, false)] {
        let skills: Vec<_> = contracts::SKILLS.iter().map(|skill| json!({"name": skill})).collect();
        let agent = json!({
            "name": name, "owner": "acme", "domains": ["e-commerce"], "skills": skills,
            "binding": {"type": "execute", "url": format!("http://{name}.test"), "reconciles": reconciles},
            "limits": {"concurrency": concurrency},
        });
        match engine.register_agent(&admin, agent).await {
            Ok(_) | Err(EngineError::Registry(_)) => {}
            Err(_) => return None,
        }
    }
    for trigger in contracts::triggers() {
        engine.apply_trigger(&admin, serde_json::from_value(trigger).ok()?).await.ok()?;
    }
    let submitter = key(engine, &admin, "sam", "acme", Role::Submitter).await?;
    let stranger = key(engine, &admin, "tess", "other", Role::Submitter).await?;
    let reviewer = key(engine, &admin, "rita", "acme", Role::Reviewer).await?;
    let people = People { admin, submitter, stranger, reviewer };
    around.clients.introduce(people.clone());
    Some(people)
}

async fn key(engine: &Engine, admin: &Caller, name: &str, tenant: &str, role: Role) -> Option<Caller> {
    let key = engine.create_key(admin, principal(name, tenant, vec![role])?).await.ok()?;
    engine.recognise(&key.text)
}

fn principal(name: &str, tenant: &str, roles: Vec<Role>) -> Option<Principal> {
    Some(Principal { name: name.parse().ok()?, tenant: tenant.parse().ok()?, roles })
}

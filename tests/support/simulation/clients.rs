//! What clients hold in their hands: requests without an answer, and receipts.

use std::sync::Arc;

use concordat_engine::{Accepted, Caller};
use concordat_model::id::RunId;
use parking_lot::Mutex;
use serde_json::Value;

use super::checker::Checker;

/// All clients there are. They live on when the engine crashes.
#[derive(Clone)]
pub(super) struct Clients(Arc<Inner>);

struct Inner {
    checker: Checker,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    people: Option<People>,
    requests: Vec<Request>,
    runs: Vec<RunId>,
}

/// Who plays a part; the keys are in the log, so they hold after a crash.
#[derive(Clone)]
pub(super) struct People {
    pub(super) admin: Caller,
    pub(super) submitter: Caller,
    pub(super) stranger: Caller,
    pub(super) reviewer: Caller,
}

/// A submission under a key.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) key: String,
    pub(super) by: Caller,
    pub(super) document: Arc<Value>,
    /// The runs of its receipt, once there is one.
    pub(super) receipt: Option<Vec<RunId>>,
}

impl Clients {
    pub(super) fn new(checker: Checker) -> Clients {
        Clients(Arc::new(Inner { checker, state: Mutex::default() }))
    }

    pub(super) fn people(&self) -> Option<People> {
        self.0.state.lock().people.clone()
    }

    pub(super) fn introduce(&self, people: People) {
        self.0.state.lock().people = Some(people);
    }

    /// A client is about to send something.
    pub(super) fn asks(&self, by: &Caller, document: Value) -> Request {
        let mut state = self.0.state.lock();
        let key = format!("request-{}", state.requests.len());
        let request = Request { key, by: by.clone(), document: Arc::new(document), receipt: None };
        state.requests.push(request.clone());
        request
    }

    /// A client has got a receipt: what it names must be durable now, and the same each time.
    pub(super) fn gets(&self, key: &str, accepted: &Accepted) {
        let runs: Vec<RunId> = accepted.receipt.contracts.iter().map(|line| line.run).collect();
        self.0.checker.acknowledged(key, &runs);
        let mut state = self.0.state.lock();
        let known = state.requests.iter_mut().find(|request| request.key == key);
        if let Some(request) = known
            && request.receipt.is_none()
        {
            request.receipt = Some(runs.clone());
            state.runs.extend(runs);
        }
    }

    /// Requests without an answer; every request when all have one.
    pub(super) fn worth_asking_again(&self) -> Vec<Request> {
        let unanswered = self.unanswered();
        if unanswered.is_empty() { self.0.state.lock().requests.clone() } else { unanswered }
    }

    /// Requests without an answer.
    pub(super) fn unanswered(&self) -> Vec<Request> {
        let state = self.0.state.lock();
        state.requests.iter().filter(|request| request.receipt.is_none()).cloned().collect()
    }

    pub(super) fn runs(&self) -> Vec<RunId> {
        self.0.state.lock().runs.clone()
    }
}

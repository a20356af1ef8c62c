//! Inputs that the tests and the speed program share: one ordinary question to each gate.
#![expect(unreachable_pub, reason = "a module of several test binaries")]
#![expect(clippy::unwrap_used, reason = "the inputs are the repository's own")]
#![allow(dead_code, reason = "each test binary uses a part of it, so that none can expect this")]

use std::sync::Arc;

use concordat_model::agent::{Agent, Registration};
use concordat_model::id::{DecisionId, RunId};
use concordat_model::span::Span;
use concordat_model::work::{Attempt, Outcome, Work};
use concordat_policy::input::{AccessInput, AdmitInput, Candidate, DispatchInput, ReleaseInput};
use serde_json::{Value, json};

pub fn id() -> DecisionId {
    "dec_01h455vb4pex5vsknk084sn02q".parse().unwrap()
}

pub fn access() -> AccessInput {
    serde_json::from_str(include_str!("../../src/check/inputs/access.json")).unwrap()
}

pub fn admit() -> AdmitInput {
    serde_json::from_str(include_str!("../../src/check/inputs/admit.json")).unwrap()
}

pub fn dispatch() -> DispatchInput {
    serde_json::from_str(include_str!("../../src/check/inputs/dispatch.json")).unwrap()
}

pub fn release() -> ReleaseInput {
    serde_json::from_str(include_str!("../../src/check/inputs/release.json")).unwrap()
}

fn run() -> RunId {
    "run_01h455vb4pex5vsknk084sn02q".parse().unwrap()
}

/// The work that a dispatch input asks about.
pub fn work(input: &DispatchInput) -> Work {
    let step = &input.step;
    Work {
        run: run(),
        attempt: Attempt { step: step.id.clone(), leg: step.leg, number: step.attempt },
        skill: step.skill.clone(),
        params: Arc::new(Value::Null),
        params_digest: step.params,
        timeout: Span::seconds(30),
        telling: None,
    }
}

/// The outcome that a release input asks about.
pub fn outcome(input: &ReleaseInput) -> Outcome {
    let step = &input.step;
    Outcome {
        run: run(),
        attempt: Attempt { step: step.id.clone(), leg: step.leg, number: step.attempt },
        skill: step.skill.clone(),
        agent: input.agent.id,
        output: Arc::new(Value::Null),
        digest: input.output.digest,
    }
}

/// The agents behind a dispatch input's candidates.
pub fn agents(input: &DispatchInput) -> Vec<Arc<Agent>> {
    input.candidates.iter().map(|candidate| Arc::new(agent(candidate))).collect()
}

fn agent(candidate: &Candidate) -> Agent {
    let registration = json!({
        "name": candidate.name, "owner": candidate.owner,
        "binding": {"type": "execute", "url": "http://127.0.0.1:9"},
        "domains": candidate.domains, "skills": [{"name": "assess_risk"}],
    });
    let registered = "2026-01-01T00:00:00Z".parse().unwrap();
    Agent::new(candidate.id, Registration::read(registration).unwrap(), candidate.revision, registered)
}

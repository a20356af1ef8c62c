//! A small bank: the sample agents in this process, and contracts that they carry out or undo.

use concordat::client::{Client, ClientError};
use concordat::demo::agents::{SampleAgent, fleet, serve};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Starts the sample agents in this process, where no kill reaches them, and registers them.
pub(crate) async fn employ(admin: &Client) -> anyhow::Result<Vec<SampleAgent>> {
    let mut agents = Vec::new();
    for (agent, url) in open().await? {
        admin.register(serde_json::to_vec(&agent.registration(&url))?, "application/json").await?;
        agents.push(agent);
    }
    Ok(agents)
}

/// Starts the sample agents in this process, and gives where each of them listens.
pub(crate) async fn open() -> anyhow::Result<Vec<(SampleAgent, String)>> {
    let mut agents = Vec::new();
    for agent in fleet() {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        tokio::spawn(serve(agent.clone(), listener, std::future::pending()));
        agents.push((agent, url));
    }
    Ok(agents)
}

/// One of three shapes of low-risk work; the label is the request's key, so that a doubled run shows.
pub(crate) fn submission(key: &str, die: u32) -> Value {
    let applicant = format!("ap-{}", 1000 + die % 500);
    let credit = |id: &str| {
        json!({
            "id": id, "skill": "check_credit", "with": {"applicant_id": applicant},
            "retry": {"max": 20, "backoff": "1ms", "on": ["failed", "unavailable", "timeout", "malformed"]},
            "compensate": {"skill": "release_credit_check", "with": {"check_id": format!("${{steps.{id}.output.check_id}}")}},
        })
    };
    let risk = json!({
        "id": "risk", "skill": "assess_risk", "needs": ["a"],
        "with": {"application": "${input}", "credit": "${steps.a.output}"},
        "compensate": {"skill": "cancel_assessment", "with": {"assessment_id": "${steps.risk.output.id}"}},
    });
    let approve = json!({
        "id": "approve", "skill": "approve_loan", "needs": ["risk"],
        "with": {"application": "${input}", "risk": "${steps.risk.output}"},
        "compensate": {"skill": "cancel_loan", "with": {"loan_id": "${steps.approve.output.loan_id}"}},
    });
    let steps = match die % 3 {
        0 => vec![credit("a"), credit("b"), credit("c")],
        1 => vec![credit("a"), risk],
        _ => vec![credit("a"), risk, approve],
    };
    // Every other saga asks for more than anyone lends, so that it is undone.
    let amount = if die.is_multiple_of(2) { 3_000 } else { 90_000_000 };
    let contract = json!({
        "apiVersion": "concordat/v1", "kind": "Contract", "metadata": {"name": "crash"},
        "spec": {
            "objective": "Check the credit of a loan applicant and assess the lending risk",
            "domain": "finance", "governance": {"risk": "low", "reversible": true},
            "onFailure": "compensate", "steps": steps,
        },
    });
    json!({
        "apiVersion": "concordat/v1", "kind": "Submission",
        "contracts": [{"name": key, "contract": contract, "input": {"applicant_id": applicant, "amount": amount}}],
    })
}

/// Asks again when policy took too long on a busy machine: it decided nothing then.
pub(crate) async fn insist<T>(ask: impl AsyncFn() -> Result<T, ClientError>) -> Result<T, ClientError> {
    for _ in 0..20 {
        match ask().await {
            Err(ClientError::Refused(no)) if no.problem.detail.contains("policy took too long") => {}
            told => return told,
        }
    }
    ask().await
}

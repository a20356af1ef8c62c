//! What keeps a step that could run, in words: who is busy, who is left alone, and for how long.

use concordat_engine::{Obstacle, Waiting};
use concordat_model::id::AgentId;

use crate::sentence::{piece, until};

/// The most agents that are told one by one.
const SHOWN: usize = 3;

/// What a step in the line waits for.
pub(super) fn told(waiting: &Waiting, name: &dyn Fn(AgentId) -> String) -> String {
    let (mut agents, mut told) = (Vec::new(), Vec::new());
    for obstacle in &waiting.obstacles {
        match obstacle.agent() {
            Some(agent) => agents.push(format!("`{}` {}", name(agent), keeps(obstacle))),
            None => told.push(keeps(obstacle)),
        }
    }
    if told.is_empty() {
        let more = agents.len().saturating_sub(SHOWN);
        agents.truncate(SHOWN);
        let mut one_of = agents.join(", or ");
        if more > 0 {
            one_of.push_str(&format!(", or one of {more} more"));
        }
        told.push(one_of);
    }
    told.join(", and ")
}

fn keeps(obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::House { calls } => {
            format!("one of {} that the server makes at a time", piece(*calls as usize, "call"))
        }
        Obstacle::Tenant { calls } => {
            format!("one of {} that the organisation may have at a time", piece(*calls as usize, "call"))
        }
        Obstacle::TenantRate { until: at } => {
            format!("the organisation's next call, which it may make at {}", until(*at))
        }
        Obstacle::Busy { calls, .. } => {
            format!("to have less than {} at a time", piece(*calls as usize, "call"))
        }
        Obstacle::Rate { until: at, .. } => format!("to take another call, at {}", until(*at)),
        Obstacle::Breaker { until: Some(at), .. } => {
            format!("to be tried again at {}, because it kept failing", until(*at))
        }
        Obstacle::Breaker { until: None, .. } => "to show that it is back: it is being tried".to_owned(),
        Obstacle::Retries { until: at, .. } => {
            format!("to be sent retries again, at {}, because too many tries failed", until(*at))
        }
        Obstacle::Turn { .. } => {
            "and policy's permission: it has room, and it is this step's turn".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use concordat_model::work::{Attempt, Leg};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_step_that_waits_says_for_whom_and_why() {
        let agent = |number: u128| AgentId::new(Uuid::from_u128(number));
        let name = |agent: AgentId| format!("agent-{}", agent.uuid().as_u128());
        let at = "2026-03-02T09:30:00Z".parse().unwrap();
        for (obstacles, wanted) in [
            (
                vec![Obstacle::Busy { agent: agent(1), calls: 64 }],
                "`agent-1` to have less than 64 calls at a time",
            ),
            (
                vec![
                    Obstacle::Busy { agent: agent(1), calls: 1 },
                    Obstacle::Breaker { agent: agent(2), until: Some(at) },
                ],
                "`agent-1` to have less than 1 call at a time, or `agent-2` to be tried again at 2026-03-02 09:30:00 UTC, \
                 because it kept failing",
            ),
            (
                (1..6).map(|one| Obstacle::Rate { agent: agent(one), until: at }).collect(),
                "`agent-1` to take another call, at 2026-03-02 09:30:00 UTC, or `agent-2` to take another call, at \
                 2026-03-02 09:30:00 UTC, or `agent-3` to take another call, at 2026-03-02 09:30:00 UTC, or one of 2 more",
            ),
            (
                vec![Obstacle::Tenant { calls: 2 }, Obstacle::Busy { agent: agent(1), calls: 1 }],
                "one of 2 calls that the organisation may have at a time",
            ),
            (vec![Obstacle::House { calls: 9 }], "one of 9 calls that the server makes at a time"),
            (
                vec![Obstacle::TenantRate { until: at }],
                "the organisation's next call, which it may make at 2026-03-02 09:30:00 UTC",
            ),
            (
                vec![Obstacle::Breaker { agent: agent(1), until: None }],
                "`agent-1` to show that it is back: it is being tried",
            ),
            (
                vec![Obstacle::Retries { agent: agent(1), until: at }],
                "`agent-1` to be sent retries again, at 2026-03-02 09:30:00 UTC, because too many tries failed",
            ),
            (
                vec![Obstacle::Turn { agent: agent(1) }],
                "`agent-1` and policy's permission: it has room, and it is this step's turn",
            ),
        ] {
            let attempt = Attempt { step: "pay".parse().unwrap(), leg: Leg::Do, number: 1 };
            let waiting = Waiting { attempt, since: at, until: None, obstacles };
            assert_eq!(told(&waiting, &name), wanted);
        }
    }
}

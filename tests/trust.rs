//! Trust as people meet it: rated, testified to, explained, frozen, and computed again from the log.

use concordat::demo::agents::skills;
use concordat::demo::trials::trial;
use concordat_engine::{EngineError, Testimony};
use concordat_model::agent::Standing;
use concordat_model::decision::Severity;
use concordat_model::id::RunId;
use concordat_model::principal::Role;
use concordat_model::trust::{Rating, Seen};
use concordat_tests::{House, Storage, on_both};

/// Lets the shop's agent show that it can quote; the first of its runs.
async fn quotes(house: &House) -> RunId {
    let skills = skills();
    let skill = skills.iter().find(|skill| skill.name == "quote_shipping").unwrap();
    let runs = house.submit(trial(skill)).await;
    for run in &runs {
        house.over(*run).await;
    }
    runs[0]
}

fn says(seen: Seen, reason: &str) -> Testimony {
    Testimony {
        seen,
        skill: "quote_shipping".parse().unwrap(),
        domain: "e-commerce".parse().unwrap(),
        reason: reason.to_owned(),
    }
}

fn refusal<T: std::fmt::Debug>(answer: Result<T, EngineError>) -> String {
    answer.unwrap_err().to_string()
}

/// The bound at low risk, in basis points.
async fn bound(house: &House, agent: &str) -> u16 {
    let (skill, domain) = ("quote_shipping".parse().unwrap(), "e-commerce".parse().unwrap());
    let explained = house.engine.explain_trust(agent, Some(&skill), Some(&domain)).await.unwrap();
    assert_eq!(explained.len(), 1, "{explained:?}");
    explained[0].views[0].1.lower_bound.points()
}

/// The agent that did the work of a run, and whom it belongs to.
async fn worker(house: &House) -> (String, String) {
    let agents = house.engine.agents();
    let skill = "quote_shipping".parse().unwrap();
    let agent = agents.iter().find(|agent| agent.registration.skill(&skill).is_some()).unwrap();
    (agent.registration.name.to_string(), agent.registration.owner.clone())
}

async fn people_are_evidence_and_trust_replays(storage: Storage) {
    let house = House::open_on(storage).await;
    let run = quotes(&house).await;
    let (agent, owner) = worker(&house).await;
    let rating = |stars: u8| Rating::try_from(stars).unwrap();

    // One rating counts for each person, and none for whoever answers for the agent.
    let before = bound(&house, &agent).await;
    assert_eq!(house.engine.rate(&house.submitter, run, rating(1)).await.unwrap(), 1);
    assert!(bound(&house, &agent).await < before);
    assert!(refusal(house.engine.rate(&house.submitter, run, rating(5)).await).contains("already"));
    assert_eq!(house.engine.rate(&house.reviewer, run, rating(5)).await.unwrap(), 1);
    let tenant = house.submitter.principal.tenant.to_string();
    let own = house.key(&owner, &tenant, Role::Reviewer).await;
    assert!(refusal(house.engine.rate(&own, run, rating(5)).await).contains("answer for"));
    let viewer = house.key("vera", &tenant, Role::Viewer).await;
    assert!(matches!(house.engine.rate(&viewer, run, rating(5)).await, Err(EngineError::Forbidden(_))));

    // A person's word is evidence with a name on it, and only of those who keep the registry.
    let registrar = house.key("reg", &tenant, Role::RegistryAdmin).await;
    let bad = says(Seen::Testified { good: 0, bad: 5 }, "five parcels came back");
    let may_not = house.engine.testify(&house.submitter, &agent, bad.clone()).await;
    assert!(matches!(may_not, Err(EngineError::Forbidden(_))), "{may_not:?}");
    let before = bound(&house, &agent).await;
    house.engine.testify(&registrar, &agent, bad.clone()).await.unwrap();
    assert!(bound(&house, &agent).await < before);
    // Saying it again makes it no truer, not after a start either.
    let known = bound(&house, &agent).await;
    assert!(
        refusal(house.engine.testify(&registrar, &agent, bad.clone()).await).contains("one testimony a day")
    );
    assert_eq!(bound(&house, &agent).await, known);
    let nothing =
        house.engine.testify(&registrar, &agent, says(Seen::Testified { good: 0, bad: 0 }, "so")).await;
    assert!(refusal(nothing).contains("how many"));

    // A critical violation takes the agent out at once.
    let seen = Seen::Violated { severity: Severity::Critical };
    house.engine.testify(&registrar, &agent, says(seen, "sent addresses abroad")).await.unwrap();
    let stands = house.engine.agent(&agent).unwrap();
    assert_eq!(stands.standing, Standing::Suspended);
    assert_eq!(stands.placed.as_ref().unwrap().reason, "sent addresses abroad");

    let replayed = house.engine.replay_trust().await.unwrap();
    assert_eq!(replayed.fault, None);
    assert!(replayed.changes > 60, "{replayed:?}");
    // After a start the log says the same, who has rated included.
    let known = bound(&house, &agent).await;
    let house = house.reopen().await;
    assert_eq!(bound(&house, &agent).await, known);
    assert_eq!(house.engine.replay_trust().await.unwrap(), replayed);
    assert!(refusal(house.engine.rate(&house.submitter, run, rating(5)).await).contains("already"));
    let registrar = house.key("reg", &tenant, Role::RegistryAdmin).await;
    assert!(refusal(house.engine.testify(&registrar, &agent, bad).await).contains("one testimony a day"));
}

on_both! {
    people_are_evidence_and_trust_replays,
}

//! Trials: contracts of little risk by which agents show what they can do.
//!
//! Nobody sets trust, so a fresh installation has none. A trial asks for one skill many times at once, with the
//! skill's own example; what comes back is checked against what the agents said they answer, and counted. A call
//! that goes wrong is not tried again: an agent that keeps failing would only be left alone for a while.

use serde_json::{Map, Value, json};

use super::agents::{SampleAgent, Skill, fleet};

/// How many calls one trial makes for each agent that offers the skill: enough for one agent alone to be trusted with
/// critical work, however chance shares them out. At low risk an answer counts for two fifths of one at critical risk.
pub const CALLS: usize = 60;

/// The submission of a trial of this skill.
#[must_use]
pub fn trial(skill: &Skill) -> Value {
    let with: Map<String, Value> = members(skill).map(|name| (name.clone(), reference(name))).collect();
    let step = |nth: usize| {
        json!({
            "id": format!("call-{nth}"),
            "skill": skill.name,
            "effect": "idempotent",
            "with": with,
            "onError": "skip",
        })
    };
    let steps: Vec<Value> = (1..=calls(skill)).map(step).collect();
    let spec = json!({
        "objective": occasion(skill.domain),
        "requirements": [skill.description],
        "domain": skill.domain,
        "governance": {"risk": "low", "reversible": true},
        "deadline": "1m",
        "steps": steps,
        "output": {"skill": skill.name},
    });
    let contract = json!({
        "apiVersion": "concordat/v1",
        "kind": "Contract",
        "metadata": {"name": name(skill), "version": "1.0.0", "labels": {"purpose": "trial"}},
        "spec": spec,
    });
    json!({
        "apiVersion": "concordat/v1",
        "kind": "Submission",
        "contracts": [{"contract": contract, "input": skill.example}],
    })
}

/// How many calls a trial of this skill makes.
fn calls(skill: &Skill) -> usize {
    let offers = |agent: &SampleAgent| agent.skills().iter().any(|offered| offered.name == skill.name);
    CALLS * fleet().iter().filter(|agent| offers(agent)).count().max(1)
}

fn name(skill: &Skill) -> String {
    format!("trial-{}", skill.name.replace('_', "-"))
}

fn members(skill: &Skill) -> impl Iterator<Item = &String> {
    skill.example.as_object().into_iter().flat_map(Map::keys)
}

fn reference(member: &str) -> Value {
    Value::String(format!("${{input.{member}}}"))
}

/// What a trial in this domain is for. The classifier reads it like any other contract.
fn occasion(domain: &str) -> &'static str {
    match domain {
        "healthcare" => {
            "Try out agents for medical images, diagnosis and treatment plans with data of no real patient"
        }
        "finance" => {
            "Try out agents for lending, from credit check to loan approval, with an invented loan application"
        }
        "content" => "Try out agents for content creation, from a first article to the final edit",
        "research" => {
            "Try out agents for research, from gathering sources to a report with citations for its findings"
        }
        "software" => "Try out agents for software development: design, write code and run test",
        "e-commerce" => {
            "Try out agents for the online shop with a product catalog and a shopping cart of samples"
        }
        "social-media" => "Try out agents for social media: engagement of posts and drafts of new ones",
        _ => "Try out agents",
    }
}

#[cfg(test)]
mod tests {
    use concordat_classify::{Classifier, ContractText, Kind};
    use concordat_model::contract::Risk;
    use concordat_model::submission::Submission;
    use concordat_model::template::Templates;

    use super::super::agents::skills;
    use super::*;

    #[test]
    fn every_skill_has_a_trial_that_agrees_and_is_classified_as_what_it_is() {
        let classifier = Classifier::standard().unwrap();
        for skill in skills() {
            let submission = Submission::agree(trial(&skill), &Templates::default())
                .unwrap_or_else(|problems| panic!("{}: {problems}", skill.name));
            let contract = &submission.contracts[0].contract;
            let spec = contract.spec();
            assert_eq!(
                (contract.steps().len(), spec.governance.risk),
                (calls(&skill), Risk::Low),
                "{}",
                skill.name
            );
            assert_eq!(contract.plan().levels().len(), 1, "{}: all at once", skill.name);
            let text = ContractText::new()
                .with(Kind::Objective, "spec.objective", spec.objective.as_str())
                .with(Kind::Requirement, "spec.requirements[0]", skill.description)
                .with(Kind::Skill, "spec.steps[0].skill", skill.name)
                .with(Kind::Name, "metadata.name", contract.document().metadata.name.as_str());
            let said = classifier.classify(&text);
            let sure = said.alternatives.first().map_or(0, |first| first.confidence.points());
            assert_eq!(
                said.domain().map(ToString::to_string).as_deref(),
                Some(skill.domain),
                "{}: {:?}",
                skill.name,
                said.alternatives
            );
            assert!(sure >= 6000, "{}: {:?}", skill.name, said.alternatives);
        }
    }

    #[test]
    fn a_trial_gives_the_example() {
        for skill in skills() {
            let submission = Submission::agree(trial(&skill), &Templates::default()).unwrap();
            assert_eq!(**submission.contracts[0].contract.input(), skill.example);
        }
    }
}

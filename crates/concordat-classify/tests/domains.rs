//! What the standard domains make of contracts that people might write.
//!
//! The cases are files: `development.yaml` was written before the rules and is what they were tuned on;
//! `held_out.yaml` was written at the same time and scored only once the rules stood.

use concordat_classify::{Classifier, ContractText, Kind};
use concordat_model::classification::Classification;
use concordat_model::document::{self, Notation};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    domain: String,
    #[serde(default)]
    name: String,
    objective: String,
    #[serde(default)]
    requirements: Vec<String>,
    #[serde(default)]
    skills: Vec<String>,
}

fn cases(yaml: &str) -> Vec<Case> {
    document::read(yaml.as_bytes(), Notation::Yaml).unwrap()
}

impl Case {
    fn text(&self) -> ContractText<'_> {
        let mut text = ContractText::new().with(Kind::Objective, "spec.objective", &self.objective);
        for (nth, requirement) in self.requirements.iter().enumerate() {
            text = text.with(Kind::Requirement, format!("spec.requirements[{nth}]"), requirement);
        }
        for (nth, skill) in self.skills.iter().enumerate() {
            text = text.with(Kind::Skill, format!("spec.steps[{nth}].skill"), skill);
        }
        text.with(Kind::Name, "metadata.name", &self.name)
    }
}

fn answer(classification: &Classification) -> &str {
    classification.domain().map_or("abstain", |domain| domain.as_str())
}

/// The cases whose answer is not the expected one, as `expected -> answer: objective`.
fn misses(yaml: &str) -> (usize, Vec<String>) {
    let classifier = Classifier::standard().unwrap();
    let cases = cases(yaml);
    let miss = |case: &Case| {
        let classification = classifier.classify(&case.text());
        let answer = answer(&classification);
        (answer != case.domain).then(|| format!("{} -> {answer}: {}", case.domain, case.objective))
    };
    (cases.len(), cases.iter().filter_map(miss).collect())
}

#[test]
fn development() {
    let (n, misses) = misses(include_str!("cases/development.yaml"));
    let classifier = Classifier::standard().unwrap();
    for case in cases(include_str!("cases/development.yaml")) {
        let c = classifier.classify(&case.text());
        if answer(&c) != case.domain {
            println!("--- {} -> {}: {}", case.domain, answer(&c), case.objective);
            println!("    {:?}", c.verdict);
            println!("    {}", c.alternatives.iter().map(|a| format!("{}={}", a.domain, a.confidence)).collect::<Vec<_>>().join(" "));
            println!("    {}", c.evidence.iter().map(|a| format!("{}:{}", a.rule, a.text)).collect::<Vec<_>>().join(" | "));
        }
    }
    println!("RIGHT {} of {n}", n - misses.len());
}

#[test]
fn held_out() {
    let (n, misses) = misses(include_str!("cases/held_out.yaml"));
    println!("HELD OUT {} of {n}; wrongly named {}", n - misses.len(), misses.iter().filter(|m| !m.contains("-> abstain")).count());
}

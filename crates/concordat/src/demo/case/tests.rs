//! The contracts' folders as far as they can be read without running anything: every template agrees, every case can
//! be read, and what a case says of problems and domains is so. What happens at run time is for the product's tests.

use std::path::{Path, PathBuf};

use concordat_classify::{Classifier, ContractText, Kind};
use concordat_model::agree::{Contract, ContractForm};
use concordat_model::contract::{ContractDocument, Governance};
use concordat_model::submission::{Submission, with_templates};
use concordat_model::template::Templates;
use serde_json::json;

use super::*;
use crate::demo::agents::{fleet, skills};

fn contracts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contracts")
}

fn inside(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn named(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// Every template by its folder.
fn templates() -> Vec<(PathBuf, ContractDocument)> {
    let folders = inside(&contracts()).into_iter().filter(|folder| folder.join("contract.yaml").exists());
    let read = |folder: PathBuf| {
        let text = std::fs::read(folder.join("contract.yaml")).unwrap();
        let document =
            document::read(&text, Notation::Yaml).unwrap_or_else(|bad| panic!("{}: {bad}", folder.display()));
        (folder, document)
    };
    folders.map(read).collect()
}

/// Every case in a folder.
fn cases(folder: &Path) -> Vec<(PathBuf, Case)> {
    let read = |path: PathBuf| {
        let case = Case::read(&std::fs::read(&path).unwrap())
            .unwrap_or_else(|bad| panic!("{}: {bad}", path.display()));
        (path, case)
    };
    inside(&folder.join("cases")).into_iter().map(read).collect()
}

#[test]
fn every_folder_holds_a_template_or_a_submission_and_at_least_three_cases() {
    let folders = inside(&contracts()).into_iter().filter(|folder| folder.join("cases").is_dir());
    for folder in folders {
        let found = cases(&folder);
        assert!(found.len() >= 3, "{} has {} cases", folder.display(), found.len());
        for (path, case) in found {
            assert!(case.expect != Expect::default(), "{} expects nothing", path.display());
            assert!(!case.name.trim().is_empty(), "{} has no name", path.display());
        }
        let names = [folder.join("contract.yaml"), folder.join("submission.yaml")];
        assert!(names.iter().any(|path| path.exists()), "{} holds no document", folder.display());
    }
}

#[test]
fn templates_are_called_like_their_folders_and_check_what_comes_back() {
    for (folder, document) in templates() {
        assert_eq!(document.metadata.name.as_str(), named(&folder));
        assert!(document.metadata.version.is_some(), "{} has no version", folder.display());
        assert!(document.spec.inputs.is_some(), "{} takes anything", folder.display());
        assert!(
            document.spec.budget.calls.is_some() && document.spec.deadline.is_some(),
            "{} is unbounded",
            folder.display()
        );
        for step in document.spec.steps.iter().filter(|step| step.skill.is_some()) {
            assert!(step.output.is_some(), "{}: `{}` checks nothing", folder.display(), step.id);
        }
    }
}

#[test]
fn cases_are_taken_in_or_refused_as_they_say() {
    let mut known = Templates::default();
    templates().into_iter().for_each(|(_, document)| known.add(document));
    for (folder, document) in templates() {
        for (path, case) in cases(&folder) {
            let input = case.input.clone().unwrap_or_else(|| json!({}));
            let contract = with_templates(document.clone(), &known).unwrap();
            let agreed = Contract::agree(ContractForm { contract, input });
            let codes: Vec<String> = match &agreed {
                Ok(_) => Vec::new(),
                Err(problems) => problems.all().iter().map(|problem| problem.code.clone()).collect(),
            };
            assert_eq!(codes, case.expect.problems, "{}: {:?}", path.display(), agreed.err());
        }
    }
}

#[test]
fn the_submission_agrees_with_the_templates() {
    let mut known = Templates::default();
    templates().into_iter().for_each(|(_, document)| known.add(document));
    for folder in inside(&contracts()).into_iter().filter(|folder| folder.join("submission.yaml").exists()) {
        let text = std::fs::read(folder.join("submission.yaml")).unwrap();
        let submission =
            document::read_value(&text, Notation::Yaml).and_then(|value| Submission::agree(value, &known));
        let submission =
            submission.unwrap_or_else(|bad| panic!("{}: {}", folder.display(), document::locate(&text, bad)));
        let labels: Vec<&str> = submission.contracts.iter().map(|one| one.label.as_str()).collect();
        for (path, case) in cases(&folder) {
            let strange = case.expect.contracts.keys().find(|name| !labels.contains(&name.as_str()));
            assert_eq!(strange, None, "{}", path.display());
        }
    }
}

#[test]
fn the_classifier_names_the_declared_domain_with_confidence() {
    let classifier = Classifier::standard().unwrap();
    for (folder, document) in templates() {
        let spec = &document.spec;
        let mut text = ContractText::new().with(Kind::Objective, "spec.objective", spec.objective.as_str());
        for requirement in &spec.requirements {
            text = text.with(Kind::Requirement, "spec.requirements", requirement.as_str());
        }
        for skill in spec.steps.iter().filter_map(|step| step.skill.as_ref()) {
            text = text.with(Kind::Skill, "spec.steps", skill.as_str());
        }
        text = text.with(Kind::Name, "metadata.name", document.metadata.name.as_str());
        let said = classifier.classify(&text);
        let sure = said.alternatives.first().map_or(0, |first| first.confidence.points());
        assert_eq!(said.domain(), spec.domain.as_ref(), "{}: {:?}", folder.display(), said.alternatives);
        assert!(sure >= 7000, "{}: {sure} {:?}", folder.display(), said.alternatives);
        for (path, case) in cases(&folder) {
            let wanted = case.expect.domain.as_ref().or(spec.domain.as_ref());
            assert_eq!(said.domain(), wanted, "{}", path.display());
        }
    }
}

#[test]
fn cases_speak_of_steps_and_agents_that_there_are() {
    let agents: Vec<&str> = fleet().iter().map(|agent| agent.profile().name).collect();
    for (folder, document) in templates() {
        let steps: Vec<&str> = document.spec.steps.iter().map(|step| step.id.as_str()).collect();
        for (path, case) in cases(&folder) {
            let Expect { order, skipped, undone, failed, passed_over, .. } = &case.expect;
            let ordered = order.iter().flat_map(|before| [&before.first, &before.then]);
            let listed = [skipped, undone].into_iter().flatten().flatten();
            for step in ordered.chain(listed).chain(failed.keys()) {
                let name = step.split('[').next().unwrap();
                assert!(steps.contains(&name), "{}: there is no step `{step}`", path.display());
            }
            for agent in case.agents.keys().chain(passed_over.keys()) {
                assert!(agents.contains(&agent.as_str()), "{}: there is no agent `{agent}`", path.display());
            }
        }
    }
}

#[test]
fn skills_that_templates_ask_for_are_offered_but_for_one() {
    let offered: Vec<&str> = skills().iter().map(|skill| skill.name).collect();
    let mut missing: Vec<String> = Vec::new();
    for (_, document) in templates() {
        let undo =
            document.spec.steps.iter().filter_map(|step| step.compensate.as_ref().map(|undo| &undo.skill));
        let asked = document.spec.steps.iter().filter_map(|step| step.skill.as_ref()).chain(undo);
        missing.extend(asked.filter(|skill| !offered.contains(&skill.as_str())).map(ToString::to_string));
    }
    assert_eq!(missing, ["count_stock"], "only `warehouse-count` asks for what nobody offers");
}

#[test]
fn personal_data_is_declared_where_it_is() {
    for (folder, document) in templates() {
        let Governance { data_classes, compliance, .. } = &document.spec.governance;
        assert_eq!(
            data_classes.is_empty(),
            compliance.is_empty(),
            "{} names a class without a regime",
            folder.display()
        );
    }
}

#[test]
fn orders_are_read() {
    for (text, wanted) in [
        ("credit < risk", Some("credit < risk")),
        ("a<b", Some("a < b")),
        ("a", None),
        ("< b", None),
        ("a < b < c", None),
    ] {
        let read = Before::try_from(text.to_owned()).ok().map(|before| before.to_string());
        assert_eq!(read.as_deref(), wanted, "{text}");
    }
}

#[test]
fn unknown_members_are_refused() {
    for text in [
        "name: a\nexpect: {status: completed}\ncolour: red\n",
        "name: a\nexpect: {statuss: completed}\n",
        "name: a\nexpect: {status: fine}\n",
        "name: a\n",
    ] {
        assert!(Case::read(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn results_hold_at_least_what_was_wanted() {
    let found = json!({"a": {"b": 1, "c": null}, "list": [{"x": 1, "y": 2}, 3], "none": []});
    for (wanted, told) in [
        (json!({}), None),
        (json!({"a": {"b": 1}}), None),
        (json!({"a": {"c": null}}), None),
        (json!({"list": [{"y": 2}]}), None),
        (json!({"none": []}), None),
        (json!({"list": []}), Some("/list is `[{\"x\":1,\"y\":2},3]` and not `[]`")),
        (json!({"a": {"d": null}}), Some("/a/d is nothing and not `null`")),
        (json!({"a": {"b": 2}}), Some("/a/b is `1` and not `2`")),
        (json!({"list": [{"x": 1}, 4]}), Some("/list/1 is `3` and not `4`")),
        (
            json!(7),
            Some(
                "the result is `{\"a\":{\"b\":1,\"c\":null},\"list\":[{\"x\":1,\"y\":2},3],\"none\":[]}` and not `7`",
            ),
        ),
    ] {
        assert_eq!(misfit(&wanted, &found).as_deref(), told, "{wanted}");
    }
}

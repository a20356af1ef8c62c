//! Every case in `contracts/*/cases/`, carried out for real. A new case needs no Rust; a new folder needs a line here.
//!
//! How a case is written stands in `concordat::demo::case`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use concordat::demo::agents::{Mood, skills};
use concordat::demo::case::{Admission, Case, TrustBefore, Verdict, misfit};
use concordat::demo::trials::trial;
use concordat_engine::{EngineError, RunView};
use concordat_model::decision::{Answer, Gate};
use concordat_model::document::{self, Notation};
use concordat_model::id::RunId;
use concordat_model::run::event::{self, Ending, Event};
use concordat_model::submission::Submission;
use concordat_model::work::Leg;
use concordat_tests::{House, status_of, submission};
use serde_json::Value;

macro_rules! folders {
    ($($test:ident = $folder:literal,)+) => {
        const FOLDERS: &[&str] = &[$($folder),+];
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                cases_of($folder).await;
            }
        )+
    };
}

folders! {
    bulk_export = "bulk-export",
    catalog_update = "catalog-update",
    content_creation = "content-creation",
    engagement_posts = "engagement-posts",
    enhancement_areas = "enhancement-areas",
    feature_delivery = "feature-delivery",
    loan_approval = "loan-approval",
    medical_diagnosis = "medical-diagnosis",
    price_change = "price-change",
    research_report = "research-report",
    shipping_quote = "shipping-quote",
    warehouse_count = "warehouse-count",
}

fn contracts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../contracts")
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn no_folder_is_forgotten() {
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    let there: Vec<String> =
        sorted(&contracts()).iter().filter(|path| path.join("cases").is_dir()).map(name).collect();
    assert_eq!(there, FOLDERS);
}

#[test]
fn both_notations_of_every_contract_give_one_digest() {
    for folder in FOLDERS {
        let (document, _) = read(folder);
        let json = serde_json::to_vec(&document).unwrap();
        let again = document::read_value(&json, Notation::Json).unwrap();
        let digests = |document: Value| -> Vec<_> {
            let document = if document["kind"] == "Contract" {
                submission(document, any_input(folder))
            } else {
                document
            };
            let templates = concordat::templates::standard().unwrap();
            let agreed = Submission::agree(document, &templates).unwrap();
            agreed.contracts.iter().map(|one| one.contract.digest()).collect()
        };
        assert_eq!(digests(document), digests(again), "{folder}");
    }
}

/// The input of the first case that the contract takes in.
fn any_input(folder: &str) -> Value {
    let cases = sorted(&contracts().join(folder).join("cases"));
    let read = |path: &PathBuf| Case::read(&std::fs::read(path).unwrap()).unwrap();
    cases.iter().map(read).find(|case| case.expect.problems.is_empty()).unwrap().input.unwrap()
}

/// The folder's document, and whether it is a submission of its own.
fn read(folder: &str) -> (Value, bool) {
    let path = contracts().join(folder);
    let (file, whole) = match path.join("submission.yaml").exists() {
        true => (path.join("submission.yaml"), true),
        false => (path.join("contract.yaml"), false),
    };
    (document::read_value(&std::fs::read(file).unwrap(), Notation::Yaml).unwrap(), whole)
}

async fn cases_of(folder: &str) {
    let (document, whole) = read(folder);
    for path in sorted(&contracts().join(folder).join("cases")) {
        let case = Case::read(&std::fs::read(&path).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let document = match (&case.input, whole) {
            (_, true) => document.clone(),
            (input, false) => submission(document.clone(), input.clone().unwrap_or_default()),
        };
        let told = format!("{folder}: {}", case.name);
        let house = House::open().await;
        Showing { house, case, told }.show(document).await;
    }
}

/// One case under way.
struct Showing {
    house: House,
    case: Case,
    told: String,
}

impl Showing {
    async fn show(&self, document: Value) {
        let expect = &self.case.expect;
        if self.case.trust == TrustBefore::Earned && expect.problems.is_empty() {
            self.earn_trust(&document).await;
        }
        for (agent, manner) in &self.case.agents {
            self.house.set_mood(agent.as_str(), Mood::always(*manner));
        }
        let house = &self.house;
        let accepted = match house.engine.submit(&house.submitter, document, None).await {
            Ok(accepted) => accepted,
            Err(EngineError::Invalid(problems)) => {
                let found: BTreeSet<&str> = problems.all().iter().map(|one| one.code.as_str()).collect();
                let wanted: BTreeSet<&str> = expect.problems.iter().map(String::as_str).collect();
                return assert_eq!(found, wanted, "{}: {problems}", self.told);
            }
            Err(error) => panic!("{}: {error}", self.told),
        };
        assert!(expect.problems.is_empty(), "{}: it was taken in", self.told);
        let lines = &accepted.receipt.contracts;
        let runs: Vec<RunId> = lines.iter().map(|line| line.run).collect();
        let views = self.come_to_rest(&runs).await;
        let labels: Vec<String> = lines.iter().map(|line| line.label.clone()).collect();
        self.check(&labels, &views);
    }

    /// Lets agents do the trials of every skill that the contracts ask for.
    async fn earn_trust(&self, document: &Value) {
        let templates = concordat::templates::standard().unwrap();
        let agreed = Submission::agree(document.clone(), &templates)
            .unwrap_or_else(|error| panic!("{}: {error}", self.told));
        let steps = agreed.contracts.iter().flat_map(|one| &one.contract.spec().steps);
        let wanted: BTreeSet<String> = steps.map(|step| step.skill.to_string()).collect();
        let mut runs = Vec::new();
        for skill in skills().iter().filter(|skill| wanted.contains(skill.name)) {
            runs.extend(self.house.submit(trial(skill)).await);
        }
        for run in runs {
            assert_eq!(status_of(&self.house.over(run).await), "completed", "{}: a trial fails", self.told);
        }
    }

    /// Answers reviews as the case says, until nothing moves any more without a person.
    async fn come_to_rest(&self, runs: &[RunId]) -> Vec<RunView> {
        let mut answers = self.case.reviews.iter();
        let mut news = self.house.engine.log_size();
        let rest = async {
            loop {
                let mut views = Vec::new();
                for run in runs {
                    views.push(self.house.engine.run(&self.house.submitter, *run).await.unwrap());
                }
                if views.iter().all(|view| {
                    ["in_review", "waiting"].contains(&status_of(view)) || view.run.state.is_ended()
                }) {
                    let open = self.house.engine.reviews(&self.house.reviewer);
                    match (open.into_iter().find(|open| runs.contains(&open.run)), answers.next()) {
                        (Some(open), Some(answer)) => {
                            self.answer(open, *answer).await;
                            continue;
                        }
                        (open, _) if open.is_some() || views.iter().all(|view| view.run.state.is_ended()) => {
                            return views;
                        }
                        _ => {}
                    }
                }
                news.changed().await.unwrap();
            }
        };
        match tokio::time::timeout(std::time::Duration::from_secs(60), rest).await {
            Ok(views) => views,
            Err(_) => {
                panic!("{}: it does not come to rest: {:#?}", self.told, self.house.told(runs[0]).await)
            }
        }
    }

    async fn answer(&self, open: concordat_engine::OpenReview, answer: Verdict) {
        let verdict = match answer {
            Verdict::Approve => event::Verdict::Approve,
            Verdict::Reject => event::Verdict::Reject,
        };
        let house = &self.house;
        house
            .engine
            .answer_review(&house.reviewer, open.id, verdict, "as the case says", open.payload)
            .await
            .unwrap();
    }

    fn check(&self, labels: &[String], views: &[RunView]) {
        let (expect, told) = (&self.case.expect, &self.told);
        let all: Vec<_> = views.iter().map(concordat_tests::told).collect();
        let first = &views[0];
        if let Some(domain) = &expect.domain {
            let found = first.run.state.classification.as_ref().and_then(|one| one.domain());
            assert_eq!(found, Some(domain), "{told}");
        }
        if let Some(status) = expect.status {
            assert_eq!(status_of(first), status.as_str(), "{told}: {all:#?}");
        }
        for (label, status) in &expect.contracts {
            let nth = labels
                .iter()
                .position(|one| one == label)
                .unwrap_or_else(|| panic!("{told}: no contract {label}"));
            assert_eq!(status_of(&views[nth]), status.as_str(), "{told}: {label}: {:#?}", all[nth]);
        }
        let facts = Facts::of(labels, views);
        if let Some(admission) = expect.admission {
            let word = match admission {
                Admission::Permit => "permit",
                Admission::Review => "review",
                Admission::Deny => "deny",
            };
            assert_eq!(facts.admission.as_ref().map(Answer::as_str), Some(word), "{told}: {all:#?}");
        }
        let codes: Vec<&str> =
            facts.admission.iter().flat_map(Answer::reasons).map(|one| one.code.as_str()).collect();
        for code in &expect.codes {
            assert!(codes.contains(&code.as_str()), "{told}: policy gives {codes:?}");
        }
        self.check_steps(&facts, &all);
        if let Some(wanted) = &expect.output {
            let digest = facts.output.unwrap_or_else(|| panic!("{told}: there is no result: {all:#?}"));
            let found = first.run.payload(&digest).unwrap();
            assert_eq!(misfit(wanted, found), None, "{told}: {found}");
        }
    }

    fn check_steps(&self, facts: &Facts, all: &[Vec<String>]) {
        let (expect, told) = (&self.case.expect, &self.told);
        for before in &expect.order {
            let (released, given) = (facts.released(&before.first), facts.given(&before.then));
            assert!(
                matches!((released, given), (Some(one), Some(other)) if one < other),
                "{told}: {before}: {all:#?}"
            );
        }
        if let Some(skipped) = &expect.skipped {
            assert_eq!(&facts.skipped, skipped, "{told}");
        }
        if let Some(undone) = &expect.undone {
            assert_eq!(&facts.undone, undone, "{told}: {all:#?}");
        }
        for (step, code) in &expect.failed {
            assert!(
                facts.failed.contains(&(step.clone(), code.clone())),
                "{told}: {:?} {all:#?}",
                facts.failed
            );
        }
        for (agent, code) in &expect.passed_over {
            let id = self.house.engine.agent(agent.as_str()).unwrap().id.to_string();
            assert!(
                facts.passed_over.contains(&(id, code.clone())),
                "{told}: {agent}: {:?}",
                facts.passed_over
            );
        }
    }
}

/// What the log says of a case's runs, steps named as the case names them.
#[derive(Default)]
struct Facts {
    admission: Option<Answer>,
    places: Vec<(String, &'static str, u64)>,
    skipped: Vec<String>,
    undone: Vec<String>,
    failed: Vec<(String, String)>,
    passed_over: BTreeSet<(String, String)>,
    output: Option<concordat_model::digest::Digest>,
}

impl Facts {
    fn of(labels: &[String], views: &[RunView]) -> Facts {
        let mut facts = Facts::default();
        for (label, view) in labels.iter().zip(views) {
            for one in &view.records {
                let event: Event = one.record.data().unwrap();
                let name = |step: &dyn std::fmt::Display| match views.len() {
                    1 => step.to_string(),
                    _ => format!("{label}.{step}"),
                };
                facts.add(event, one.index, &name);
            }
        }
        facts
    }

    fn add(&mut self, event: Event, index: u64, name: &dyn Fn(&dyn std::fmt::Display) -> String) {
        match event {
            Event::Decided { decision, .. } => {
                if decision.gate == Gate::Admit && self.admission.is_none() {
                    self.admission = Some(decision.answer.clone());
                }
                for (agent, reasons) in &decision.excluded {
                    self.passed_over
                        .extend(reasons.iter().map(|reason| (agent.to_string(), reason.code.clone())));
                }
            }
            Event::Dispatched { attempt, .. } if attempt.leg == Leg::Do => {
                self.places.push((name(&attempt.step), "given", index));
            }
            Event::Released { attempt, .. } => match attempt.leg {
                Leg::Do => self.places.push((name(&attempt.step), "released", index)),
                Leg::Undo => self.undone.push(name(&attempt.step)),
            },
            Event::Skipped { step, .. } => self.skipped.push(name(&step)),
            Event::Failed { attempt, error, .. } => self.failed.push((name(&attempt.step), error.code)),
            Event::Ended { ending: Ending::Completed { output } } => self.output = Some(output),
            _ => {}
        }
    }

    fn released(&self, step: &str) -> Option<u64> {
        self.places
            .iter()
            .find(|(name, what, _)| name == step && *what == "released")
            .map(|(_, _, index)| *index)
    }

    fn given(&self, step: &str) -> Option<u64> {
        self.places
            .iter()
            .find(|(name, what, _)| name == step && *what == "given")
            .map(|(_, _, index)| *index)
    }
}

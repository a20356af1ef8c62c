//! Every case in `contracts/*/cases/`, carried out for real. A new case needs no Rust; a new folder needs a line here.
//!
//! How a case is written stands in `concordat::demo::case`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use concordat::demo::agents::{Mood, skills};
use concordat::demo::case::{Case, Occurrence, TrustBefore, Verdict};
use concordat::demo::seen::{Seen, SeenRun};
use concordat::demo::trials::trial;
use concordat_engine::ports::{Clock, Page, RunFilter, SystemClock};
use concordat_engine::{EngineError, Order, RunView};
use concordat_model::contract::Spec;
use concordat_model::document::{self, Notation};
use concordat_model::id::RunId;
use concordat_model::run::Phase;
use concordat_model::run::event::{self, Ending};
use concordat_model::submission::Submission;
use concordat_tests::{House, Storage, status_of, submission};
use serde_json::Value;

macro_rules! folders {
    ($($test:ident = $folder:literal,)+) => {
        const FOLDERS: &[&str] = &[$($folder),+];
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                cases_of($folder, Storage::Sqlite).await;
            }
        )+

        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::cases_of($folder, super::Storage::Postgres).await;
                }
            )+
        }
    };
}

folders! {
    article_or_sources = "article-or-sources",
    bulk_export = "bulk-export",
    bulk_shipping = "bulk-shipping",
    catalog_update = "catalog-update",
    content_creation = "content-creation",
    country_comparison = "country-comparison",
    engagement_posts = "engagement-posts",
    enhancement_areas = "enhancement-areas",
    feature_breakdown = "feature-breakdown",
    feature_delivery = "feature-delivery",
    loan_approval = "loan-approval",
    medical_diagnosis = "medical-diagnosis",
    order_fulfilment = "order-fulfilment",
    price_change = "price-change",
    repeated_quote = "repeated-quote",
    research_report = "research-report",
    return_decision = "return-decision",
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

async fn cases_of(folder: &str, storage: Storage) {
    let (document, whole) = read(folder);
    for path in sorted(&contracts().join(folder).join("cases")) {
        let case = Case::read(&std::fs::read(&path).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let document = match (&case.input, whole) {
            (_, true) => document.clone(),
            (input, false) => submission(document.clone(), input.clone().unwrap_or_default()),
        };
        let told = format!("{folder}: {}", case.name);
        let house = House::open_on(storage).await;
        Showing { house, case, told }.show(document).await;
    }
}

/// Every skill that a contract asks for, and the contracts within it.
fn skills_of(spec: &Spec, wanted: &mut BTreeSet<String>) {
    for step in &spec.steps {
        wanted.extend(step.skill.as_ref().map(ToString::to_string));
        // An agent may answer with steps that ask for whatever its domain offers.
        if step.may_decompose.is_some() {
            let domain = spec.domain.as_ref().map(ToString::to_string);
            wanted.extend(
                skills()
                    .iter()
                    .filter(|skill| domain.as_deref() == Some(skill.domain))
                    .map(|skill| skill.name.to_owned()),
            );
        }
    }
    let nested =
        spec.steps.iter().filter_map(|step| step.contract.as_deref()).chain(spec.fallback.as_deref());
    nested.filter_map(|nested| nested.contract.as_ref()).for_each(|inner| skills_of(&inner.spec, wanted));
}

/// Whether a run moves only when somebody does something. One that waits for runs that are over is about to start.
fn rests(view: &RunView, all: &[RunView]) -> bool {
    let over = |run: &RunId| all.iter().any(|other| other.run.id == *run && other.run.state.is_ended());
    let starts = view.run.state.phase == Phase::Waiting && view.run.state.depends_on.iter().all(over);
    view.run.state.is_ended() || ["in_review", "waiting"].contains(&status_of(view)) && !starts
}

/// Whether a moment is far enough away for a case not to wait for it.
fn is_far(moment: Option<jiff::Timestamp>) -> bool {
    moment.is_none_or(|moment| moment.duration_since(SystemClock.now()).as_secs() > 5)
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
        let mut wanted = BTreeSet::new();
        agreed.contracts.iter().for_each(|one| skills_of(one.contract.spec(), &mut wanted));
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
        let mut occurrences = self.case.events.iter().enumerate();
        let mut news = self.house.engine.log_size();
        let rest = async {
            loop {
                let mut views = Vec::new();
                for run in runs {
                    views.push(self.house.engine.run(&self.house.submitter, *run).await.unwrap());
                }
                if views.iter().all(|view| rests(view, &views)) {
                    let open = self.house.engine.reviews(&self.house.reviewer);
                    match (open.into_iter().find(|open| runs.contains(&open.run)), answers.next()) {
                        (Some(open), Some(answer)) => {
                            self.answer(open, *answer).await;
                            continue;
                        }
                        (None, _) if views.iter().any(|view| status_of(view) == "waiting") => {
                            match occurrences.next() {
                                Some((nth, occurrence)) => self.tell(nth, occurrence, runs).await,
                                // What waits for a moment that is near comes to rest by itself.
                                None if views.iter().all(|view| is_far(view.run.wake_at())) => return views,
                                None => news.changed().await.unwrap(),
                            }
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
                let rows =
                    self.house.engine.store().runs(&RunFilter::default(), Page::LARGEST).await.unwrap();
                let mut all = Vec::new();
                for row in rows.into_iter().filter(|row| row.ended.is_none()) {
                    all.push(self.house.told(row.id).await);
                }
                panic!("{}: it does not come to rest: {all:#?}", self.told)
            }
        }
    }

    /// Tells an event, and waits until every run has taken it in.
    async fn tell(&self, nth: usize, occurrence: &Occurrence, runs: &[RunId]) {
        let event = serde_json::json!({
            "specversion": "1.0", "id": nth.to_string(), "source": "/case", "type": occurrence.kind,
            "data": occurrence.data,
        });
        let house = &self.house;
        house.engine.publish(&house.submitter, serde_json::from_value(event).unwrap()).await.unwrap();
        for run in runs {
            // Inputs are taken in one after another: this one, which makes no sense, is refused after the event.
            house.engine.order(&house.submitter, *run, Order::Resume, "nothing").await.unwrap_err();
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
        let runs = labels.iter().zip(views).map(|(label, view)| SeenRun {
            run: view.run.id.to_string(),
            label: label.clone(),
            status: status_of(view).to_owned(),
            domain: view
                .run
                .state
                .classification
                .as_ref()
                .and_then(|one| one.domain())
                .map(ToString::to_string),
            output: match &view.run.state.phase {
                Phase::Ended { ending: Ending::Completed { output }, .. } => {
                    view.run.payload(output).map(|value| Value::clone(value))
                }
                _ => None,
            },
            events: view.records.iter().map(|one| (one.index, one.record.data().unwrap())).collect(),
        });
        let agents = self.house.engine.agents();
        let agents = agents.iter().map(|agent| (agent.id.to_string(), agent.registration.name.to_string()));
        let seen = Seen { problems: Vec::new(), runs: runs.collect(), agents: agents.collect() };
        let all: Vec<_> = views.iter().map(concordat_tests::told).collect();
        assert_eq!(seen.differs(&self.case.expect), Vec::<String>::new(), "{}: {all:#?}", self.told);
    }
}

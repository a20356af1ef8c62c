//! What the tests stand on: a whole Concordat with real storage, real policy and real agents over HTTP.
//!
//! Dropping a [`House`] verifies its log, so every test is an audit test.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::panic,
    clippy::unwrap_used,
    reason = "this is a test harness"
)]

pub mod foreign;
pub mod history;
pub mod intruder;
pub mod pack;
pub mod sdk_agent;
pub mod simulation;

use std::sync::Arc;

use concordat::demo::agents::{Mood, SampleAgent, fleet, serve};
use concordat_agents::HttpAgents;
use concordat_agents::egress::Egress;
use concordat_classify::Classifier;
use concordat_engine::ports::{
    AgentTransport, CardDraft, CardProtocol, CardWanted, Page, RecordFilter, SystemClock,
};
use concordat_engine::{Bounds, Caller, Engine, EngineError, Parts, RunView, status};
use concordat_ledger::{Signer, Verifier};
use concordat_model::decision::Decision;
use concordat_model::id::RunId;
use concordat_model::payload::Secret;
use concordat_model::principal::{Principal, Role};
use concordat_model::safe::Safe;
use concordat_model::span::Span;
use concordat_policy::{Bundle, Policy};
use concordat_store::{Database, Signing};
use history::History;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A running Concordat with its agents.
pub struct House {
    /// The engine.
    pub engine: Engine,
    /// Who submits.
    pub submitter: Caller,
    /// Who answers reviews.
    pub reviewer: Caller,
    admin: Caller,
    agents: Vec<Employed>,
    database: Database,
    folder: TempDir,
}

/// Where a house keeps its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// In a file of SQLite.
    Sqlite,
    /// In a fresh database of the tests' PostgreSQL server.
    Postgres,
}

impl Storage {
    /// An empty database, in this folder if it is a file.
    pub fn fresh(self, folder: &TempDir) -> Database {
        match self {
            Storage::Sqlite => Database::File(folder.path().join("concordat.db")),
            Storage::Postgres => {
                concordat_tests_postgres::shared().unwrap().database().unwrap().parse().unwrap()
            }
        }
    }
}

/// Makes two tests of each function: one for each storage.
#[macro_export]
macro_rules! on_both {
    ($($test:ident,)+) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::$test($crate::Storage::Sqlite).await;
                }
            )+
        }
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::$test($crate::Storage::Postgres).await;
                }
            )+
        }
    };
}

struct Employed {
    agent: SampleAgent,
    url: String,
    server: JoinHandle<()>,
}

/// The seed of the log's key in tests.
const SEED: [u8; 32] = [7; 32];
const LOG: &str = "test.example/log";

impl House {
    /// Starts an empty house and registers the sample agents.
    pub async fn open() -> House {
        House::open_on(Storage::Sqlite).await
    }

    /// Starts an empty house that keeps its log there, and registers the sample agents.
    pub async fn open_on(storage: Storage) -> House {
        House::open_with(storage, agents()).await
    }

    /// The same for agents that call the house at this address.
    pub async fn open_at(url: &str) -> House {
        House::open_with(Storage::Sqlite, agents().reached_at(url)).await
    }

    async fn open_with(storage: Storage, transport: HttpAgents) -> House {
        let folder = tempfile::tempdir().unwrap();
        let database = storage.fresh(&folder);
        let engine = start_with(&database, Arc::new(transport)).await;
        let admin = first_caller(&engine).await;
        let submitter = key(&engine, &admin, "sam", Role::Submitter).await;
        let reviewer = key(&engine, &admin, "rita", Role::Reviewer).await;
        let mut agents = Vec::new();
        for agent in fleet() {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            let serving = agent.clone();
            let server = tokio::spawn(async move {
                serve(serving, listener, std::future::pending()).await.unwrap();
            });
            engine.register_agent(&admin, agent.registration(&url)).await.unwrap();
            agents.push(Employed { agent, url, server });
        }
        House { engine, submitter, reviewer, admin, agents, database, folder }
    }

    /// Stops, and starts again on the same database.
    pub async fn reopen(mut self) -> House {
        self.engine.stop().await;
        self.engine = start(&self.database).await;
        self
    }

    /// A key for somebody else.
    pub async fn key(&self, name: &str, tenant: &str, role: Role) -> Caller {
        let text = self.key_text(name, tenant, role).await;
        self.engine.recognise(&text).expect("a new key is recognised")
    }

    /// The same as it is presented over HTTP.
    pub async fn key_text(&self, name: &str, tenant: &str, role: Role) -> String {
        let principal = Principal { tenant: tenant.parse().unwrap(), ..principal(name, role) };
        self.engine.create_key(&self.admin, principal).await.unwrap().text
    }

    /// Registers an agent that is not of the sample fleet.
    pub async fn register(&self, registration: Value) {
        self.engine.register_agent(&self.admin, registration).await.unwrap();
    }

    /// Drafts a registration out of a card, for work in finance.
    pub async fn draft(&self, url: &str, key: Option<String>) -> Result<CardDraft, EngineError> {
        self.draft_of(CardProtocol::A2a, url, key).await
    }

    /// The same for an agent that speaks another protocol.
    pub async fn draft_of(
        &self,
        protocol: CardProtocol,
        url: &str,
        key: Option<String>,
    ) -> Result<CardDraft, EngineError> {
        let domains = vec!["finance".parse().unwrap()];
        let wanted = CardWanted { protocol, url: url.to_owned(), key, owner: None, domains };
        self.engine.draft_agent(&self.admin, wanted).await
    }

    /// One of the sample agents.
    pub fn agent(&self, name: &str) -> &SampleAgent {
        let found = self.agents.iter().find(|one| one.agent.profile().name == name);
        &found.unwrap_or_else(|| panic!("there is no agent `{name}`")).agent
    }

    /// Tells an agent how to behave.
    pub fn set_mood(&self, name: &str, mood: Mood) {
        self.agent(name).set_mood(mood);
    }

    /// Where an agent listens.
    pub fn url(&self, name: &str) -> &str {
        &self.agents.iter().find(|one| one.agent.profile().name == name).unwrap().url
    }

    /// Submits a document and gives its runs.
    pub async fn submit(&self, document: Value) -> Vec<RunId> {
        let accepted = self.engine.submit(&self.submitter, document, None).await.unwrap();
        accepted.receipt.contracts.iter().map(|line| line.run).collect()
    }

    /// Submits one contract with its input, and waits until it is over.
    pub async fn carry_out(&self, contract: Value, input: Value) -> RunView {
        let runs = self.submit(submission(contract, input)).await;
        self.over(runs[0]).await
    }

    /// Waits until a run is over.
    pub async fn over(&self, run: RunId) -> RunView {
        self.until(run, |view| view.run.state.is_ended()).await
    }

    /// Waits until a run is as wanted.
    pub async fn until(&self, run: RunId, wanted: impl Fn(&RunView) -> bool) -> RunView {
        let mut news = self.engine.log_size();
        let wait = async {
            loop {
                let view = self.engine.run(&self.submitter, run).await.unwrap();
                if wanted(&view) {
                    return view;
                }
                assert!(!view.run.state.is_ended(), "the run {run} ended before: {:#?}", told(&view));
                news.changed().await.unwrap();
            }
        };
        match tokio::time::timeout(std::time::Duration::from_secs(60), wait).await {
            Ok(view) => view,
            Err(_) => panic!("the run {run} does not get where it should: {:?}", self.told(run).await),
        }
    }

    /// What happened to a run: record types with the step they are about.
    pub async fn told(&self, run: RunId) -> Vec<String> {
        told(&self.engine.run(&self.submitter, run).await.unwrap())
    }

    /// Asks policy again about every decision in the log with the input that is stored beside it, and compares the
    /// answers bit for bit. Gives their number.
    pub async fn replay_decisions(&self) -> usize {
        let policy = Policy::load(&Bundle::standard()).unwrap();
        let filter = RecordFilter { types: vec!["gate.decided".to_owned()], ..RecordFilter::default() };
        let records = self.engine.store().records(&filter, Page::LARGEST).await.unwrap();
        for stored in &records {
            let data: Value = stored.record.data().unwrap();
            let decision: Decision = serde_json::from_value(data["decision"].clone()).unwrap();
            let input = self.engine.store().payload(&decision.provenance.input).await.unwrap().unwrap();
            let again = policy.replay(decision.gate, decision.id, &input);
            assert_eq!(
                serde_json::to_value(&again).unwrap(),
                data["decision"],
                "{}",
                String::from_utf8_lossy(&input)
            );
        }
        records.len()
    }

    /// What the log and the agents say about everything that happened here.
    pub async fn history(&self) -> History {
        let mut history = history::collect(&**self.engine.store(), verifier()).await.unwrap();
        history.calls = self.agents.iter().flat_map(|one| one.agent.ledger()).collect();
        history
    }

    /// Everything in the log.
    pub async fn log_size(&self) -> usize {
        let filter = RecordFilter::default();
        self.engine.store().records(&filter, Page::LARGEST).await.unwrap().len()
    }

    /// Where the database is.
    pub fn database(&self) -> &Database {
        &self.database
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.agents.iter().for_each(|one| one.server.abort());
        if std::thread::panicking() {
            return;
        }
        let database = self.database.clone();
        let verified = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(concordat_store::verify::database(&database, vec![verifier()], None)).map(drop)
        });
        verified.join().unwrap().expect("the log verifies");
    }
}

/// Whether any file that a house has written holds a text.
pub fn files_hold(house: &House, text: &str) -> bool {
    let files: Vec<_> =
        std::fs::read_dir(house.folder.path()).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(!files.is_empty());
    files.iter().any(|file| memchr::memmem::find(&std::fs::read(file).unwrap(), text.as_bytes()).is_some())
}

/// The public key of the log in tests.
pub fn verifier() -> Verifier {
    signer().verifier().clone()
}

/// The key that signs the log in tests.
pub fn signer() -> Signer {
    Signer::from_seed(LOG, &SEED).unwrap()
}

/// A contract with its input as a submission.
pub fn submission(contract: Value, input: Value) -> Value {
    json!({
        "apiVersion": "concordat/v1", "kind": "Submission",
        "contracts": [{"contract": contract, "input": input}],
    })
}

/// A run's status word.
pub fn status_of(view: &RunView) -> &'static str {
    status(&view.run.state)
}

/// What happened to a run: record types with the step they are about.
pub fn told(view: &RunView) -> Vec<String> {
    let line = |stored: &concordat_engine::ports::StoredRecord| {
        let data: Value = stored.record.data().unwrap();
        let step = data["attempt"]["step"].as_str().or(data["step"].as_str()).unwrap_or("");
        let leg = if data["attempt"]["leg"] == "undo" { " (undo)" } else { "" };
        let why = match data["decision"]["answer"]["kind"].as_str() {
            Some(answer) if answer != "permit" => format!(" ({answer}: {})", data["decision"]),
            _ => String::new(),
        };
        format!("{} {step}{leg}{why}", stored.record.kind()).trim_end().to_owned()
    };
    view.records.iter().map(line).collect()
}

async fn start(database: &Database) -> Engine {
    start_with(database, Arc::new(agents())).await
}

fn agents() -> HttpAgents {
    HttpAgents::new(Egress { allow_loopback: true, ..Egress::default() })
}

/// Starts an engine on a database, with these agents.
pub async fn start_with(database: &Database, transport: Arc<dyn AgentTransport>) -> Engine {
    let signing = Signing::by(signer());
    let parts = Parts {
        store: database.open(signing).await.unwrap(),
        transport,
        clock: Arc::new(SystemClock),
        policy: Policy::load(&Bundle::standard()).unwrap(),
        classifier: Classifier::standard().unwrap(),
        templates: concordat::templates::standard().unwrap(),
        instance: "test".to_owned(),
        bounds: Bounds::default(),
        settings: json!({}),
        safe: Safe::new(Secret::new([7; 32])),
        install_policy: false,
        inspect: concordat_engine::inspect_here(),
        review_expiry: Span::seconds(3600),
    };
    Engine::start(parts).await.unwrap()
}

/// The first key of a fresh house, which plays every part.
pub async fn first_caller(engine: &Engine) -> Caller {
    let principal = Principal { roles: Role::ALL.to_vec(), ..principal("ada", Role::Admin) };
    let key = engine.first_key(principal).await.unwrap().expect("a fresh house has no key");
    engine.recognise(&key.text).expect("a new key is recognised")
}

async fn key(engine: &Engine, admin: &Caller, name: &str, role: Role) -> Caller {
    let key = engine.create_key(admin, principal(name, role)).await.unwrap();
    engine.recognise(&key.text).expect("a new key is recognised")
}

fn principal(name: &str, role: Role) -> Principal {
    Principal { name: name.parse().unwrap(), tenant: "acme".parse().unwrap(), roles: vec![role] }
}

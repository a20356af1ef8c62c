//! What can be forgotten: nobody reads it afterwards, in no file and over no API, and every proof still holds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use concordat::cli;
use concordat::server::RunningServer;
use concordat_engine::ports::{Clock as _, Page, RecordFilter, SystemClock};
use concordat_engine::{Caller, ContentKind, EngineError, Erasable, Prune, RETENTION_FLOOR};
use concordat_model::digest::Digest;
use concordat_model::hold::Held;
use concordat_model::principal::Role;
use concordat_store::{Database, fsck, verify};
use concordat_tests::{House, Storage, on_both, status_of, verifier};

use serde_json::{Value, json};

on_both! {
    what_is_forgotten_stands_in_no_file,
    what_is_held_or_open_is_not_forgotten,
    what_grew_too_old_is_forgotten,
}

/// What no file may hold.
const PLAIN: &str = "Quokka Zebedee Lovelace";

fn contract(steps: Value) -> Value {
    json!({
        "apiVersion": "concordat/v1", "kind": "Contract", "metadata": {"name": "loan"},
        "spec": {
            "objective": "Check the credit of a loan applicant and assess the lending risk",
            "requirements": ["Check credit"],
            "governance": {"risk": "low", "dataClasses": ["pii"], "subject": "${input.person}"},
            "inputs": {"type": "object"},
            "output": {"of": "${input.name}", "result": "${steps.a.output}"},
            "steps": steps,
        },
    })
}

/// A step that one of the agents fails now and then.
fn check() -> Value {
    json!({
        "id": "a", "skill": "check_credit", "with": {"applicant_id": "ap-1000"},
        "retry": {"max": 10, "backoff": "1ms", "on": ["failed"]},
    })
}

/// A contract whose input, parameters, published event and output tell of somebody.
fn telling() -> Value {
    contract(json!([
        check(),
        {"id": "tell", "needs": ["a"], "emit": {"event": "loan.checked", "subject": "${input.person}", "data": {"name": "${input.name}"}}},
    ]))
}

fn input(person: &str) -> Value {
    json!({"person": person, "name": PLAIN})
}

async fn admin(house: &House) -> Caller {
    let tenant = house.submitter.principal.tenant.to_string();
    house.key("ann", &tenant, Role::Admin).await
}

/// Every file in which a house's database may have left something.
fn files(database: &Database) -> Vec<PathBuf> {
    let root = match database {
        Database::File(path) => path.parent().unwrap().to_owned(),
        Database::Server(_) => {
            concordat_tests_postgres::shared().unwrap().socket().parent().unwrap().join("data")
        }
    };
    let mut found = Vec::new();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            // A server removes files of its own while we look.
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found
}

fn holding(database: &Database, wanted: &[u8]) -> Vec<PathBuf> {
    let holds =
        |path: &PathBuf| fs::read(path).is_ok_and(|bytes| memchr::memmem::find(&bytes, wanted).is_some());
    files(database).into_iter().filter(holds).collect()
}

async fn what_is_forgotten_stands_in_no_file(storage: Storage) {
    let house = House::open_on(storage).await;
    let ann = admin(&house).await;
    let view = house.carry_out(telling(), input("ap-4711")).await;
    assert_eq!(status_of(&view), "completed");
    let other = house.carry_out(telling(), input("ap-4712")).await;
    let run = view.run.id;
    let secret = *view.run.secret.clone().unwrap().bytes();
    let before = house.engine.store().checkpoint().await.unwrap().unwrap();
    // The digests in the log are of more than what anybody could guess.
    let form = serde_json::to_value(view.run.contract.form()).unwrap();
    assert_ne!(Digest::of_json(&form).unwrap(), view.run.contract.digest());
    // What was said lies encrypted, and what it lies under is there.
    assert_eq!(holding(house.database(), PLAIN.as_bytes()), Vec::<PathBuf>::new());
    if storage == Storage::Sqlite {
        assert!(!holding(house.database(), &secret).is_empty());
    }

    let subject = Erasable::Subject("ap-4711".to_owned());
    let erased = house.engine.erase(&ann, subject.clone(), "GDPR Art. 17, request 12").await.unwrap();
    // The contract, and the event that it published.
    assert_eq!(erased.owners.len(), 2, "{erased:?}");
    assert!(erased.owners.contains(&run.to_string()) && erased.payloads >= 6, "{erased:?}");
    let again = house.engine.erase(&ann, subject, "again").await.unwrap_err();
    assert!(matches!(again, EngineError::Untold), "{again}");
    let again = house.engine.erase(&ann, Erasable::Contract(run), "again").await.unwrap_err();
    assert!(
        matches!(&again, EngineError::Forgotten { record, .. } if *record == erased.records[0].to_string())
    );

    for lost in [PLAIN.as_bytes(), &secret, b"ap-4711"] {
        // PostgreSQL's own log of changes keeps rows until it is recycled; nothing in it is plain.
        if storage == Storage::Sqlite || lost == PLAIN.as_bytes() {
            assert_eq!(holding(house.database(), lost), Vec::<PathBuf>::new(), "{lost:?}");
        }
    }
    let gone = house.engine.run(&house.submitter, run).await.unwrap_err();
    assert!(matches!(gone, EngineError::Forgotten { .. }), "{gone}");
    let foreign = house.key("eve", "other", Role::Admin).await;
    let hidden = house.engine.run(&foreign, run).await.unwrap_err();
    assert!(matches!(hidden, EngineError::NotFound { .. }), "{hidden}");
    let kept = house.engine.run(&house.submitter, other.run.id).await.unwrap();
    assert_eq!(status_of(&kept), "completed");

    // The records are all there, and a checkpoint that was kept before proves it.
    let house = house.reopen().await;
    let keys = vec![verifier()];
    let kept = concordat_ledger::Checkpoint::open(before.note.as_bytes(), &keys).unwrap();
    verify::database(house.database(), keys, Some(kept)).await.unwrap();
    let examined = fsck::examine(house.database()).await.unwrap();
    assert_eq!((examined.different, examined.forgotten, examined.absent), (0, 1, 0), "{examined:?}");
    let record = house.engine.store().record(&erased.records[0].to_string()).await.unwrap().unwrap();
    let said: Value = record.record.data().unwrap();
    assert_eq!((&said["basis"], &said["by"]), (&json!("GDPR Art. 17, request 12"), &json!("ann")));
    assert!(!said.to_string().contains("ap-4711"));
    // Impact analysis passes over what was forgotten, and counts it.
    assert!(house.engine.replay(&house.submitter, other.run.id).await.unwrap().different.is_empty());
}

async fn what_is_held_or_open_is_not_forgotten(storage: Storage) {
    let house = House::open_on(storage).await;
    let ann = admin(&house).await;
    let waits = contract(json!([
        check(),
        {"id": "w", "needs": ["a"], "wait": {"event": "never.comes", "within": "1h"}},
    ]));
    let runs = house.submit(concordat_tests::submission(waits, input("ap-1"))).await;
    let told = house.engine.erase(&ann, Erasable::Contract(runs[0]), "asked").await.unwrap_err().to_string();
    assert!(told.contains("is not over: cancel it first"), "{told}");

    let run = house.carry_out(telling(), input("ap-2")).await.run.id;
    let hold = house.engine.set_hold(&ann, Held::Contract { run }, "lawsuit 7").await.unwrap();
    let refused = |house: &House, told: &str| {
        assert!(told.contains("lawsuit") && told.contains(&hold.id.to_string()), "{told}");
        assert!(!house.database().to_string().is_empty());
    };
    let told = house.engine.erase(&ann, Erasable::Contract(run), "asked").await.unwrap_err().to_string();
    refused(&house, &told);
    // A hold outlives the program.
    let house = house.reopen().await;
    let wanted = Prune {
        kind: ContentKind::Contracts,
        before: SystemClock.now(),
        below_floor: Some("this is a test".to_owned()),
    };
    let pruned = house.engine.prune(&ann, &wanted).await.unwrap();
    assert_eq!((pruned.forgotten, pruned.held), (0, 1), "{pruned:?}");
    let submitter = house.engine.set_hold(&house.submitter, Held::Everything, "mine").await.unwrap_err();
    assert!(matches!(submitter, EngineError::Forbidden(_)), "{submitter}");
    let foreign = house.key("eve", "other", Role::Admin).await;
    let hidden = house.engine.release_hold(&foreign, hold.id, "not mine").await.unwrap_err();
    assert!(matches!(hidden, EngineError::NotFound { .. }), "{hidden}");
    house.engine.release_hold(&ann, hold.id, "settled").await.unwrap();
    assert!(house.engine.holds(&ann).await.unwrap().is_empty());
    house.engine.erase(&ann, Erasable::Contract(run), "asked").await.unwrap();
}

async fn what_grew_too_old_is_forgotten(storage: Storage) {
    let house = House::open_on(storage).await;
    let ann = admin(&house).await;
    let mut runs = Vec::new();
    for person in ["ap-1", "ap-2", "ap-3"] {
        runs.push(house.carry_out(telling(), input(person)).await.run.id);
    }
    // Ids tell time in whole milliseconds.
    let now = SystemClock.now().checked_add(jiff::SignedDuration::from_millis(1)).unwrap();
    let young = Prune { kind: ContentKind::Contracts, before: now, below_floor: None };
    let told = house.engine.prune(&ann, &young).await.unwrap_err().to_string();
    assert!(told.contains("at least 180 days"), "{told}");
    let old = Prune { before: SystemClock.now().checked_sub(RETENTION_FLOOR).unwrap(), ..young.clone() };
    assert_eq!(house.engine.prune(&ann, &old).await.unwrap().forgotten, 0);

    let before = house.log_size().await;
    let young = Prune { below_floor: Some("the data was made up".to_owned()), ..young };
    let pruned = house.engine.prune(&ann, &young).await.unwrap();
    assert_eq!(
        (pruned.forgotten, pruned.held, pruned.open, pruned.records.len()),
        (3, 0, 0, 1),
        "{pruned:?}"
    );
    // Two records: who was let do it, and what was done.
    let filter = RecordFilter { from: before as u64, ..RecordFilter::default() };
    let records = house.engine.store().records(&filter, Page::LARGEST).await.unwrap();
    let kinds: Vec<&str> = records.iter().map(|stored| stored.record.kind()).collect();
    assert_eq!(kinds, ["gate.decided", "retention.pruned"]);
    let said: Value = records[1].record.data().unwrap();
    assert_eq!(said["below_floor"], "the data was made up");
    for run in &runs {
        let gone = house.engine.run(&house.submitter, *run).await.unwrap_err();
        assert!(matches!(gone, EngineError::Forgotten { .. }), "{gone}");
    }
    let events =
        house.engine.prune(&ann, &Prune { kind: ContentKind::Events, ..young.clone() }).await.unwrap();
    assert_eq!((events.forgotten, events.payloads), (3, 3));
    let nothing = house.engine.prune(&ann, &young).await.unwrap();
    assert_eq!((nothing.forgotten, nothing.records.len()), (0, 0));
    // Runs that nobody can fold any more keep nobody from starting.
    let house = house.reopen().await;
    assert_eq!(status_of(&house.carry_out(telling(), input("ap-4")).await), "completed");
}

async fn run(server: &RunningServer, key: &str, words: &[&str]) -> ExitCode {
    let arguments = [&["concordat"], words, &["--server", &server.url, "--key", key]].concat();
    cli::run(arguments.into_iter().map(Into::into)).await
}

#[tokio::test]
async fn what_was_asked_at_the_doors_of_opa_is_forgotten_by_its_number() {
    let folder = tempfile::tempdir().unwrap();
    let server = crate::log_of_the_log::serve(folder.path(), &[]).await.unwrap();
    let key = server.first_key.clone().unwrap();
    let ask = reqwest::Client::new()
        .post(format!("{}/opa/v1/query", server.url))
        .bearer_auth(&key)
        .json(&json!({"query": "x := input.who", "input": {"who": PLAIN}}));
    let answer: Value = ask.send().await.unwrap().json().await.unwrap();
    let id = answer["decision_id"].as_str().unwrap_or_else(|| panic!("{answer}"));
    let database = Database::File(folder.path().join("concordat.db"));
    assert_eq!(holding(&database, PLAIN.as_bytes()), Vec::<PathBuf>::new());
    let erase = ["audit", "erase", "--decision", id, "--basis", "request 13"];
    assert_eq!(run(&server, &key, &erase).await, ExitCode::SUCCESS);
    assert_eq!(run(&server, &key, &erase).await, ExitCode::from(5));
    // Reading OPA's log names it as a mask would.
    let log = reqwest::Client::new().get(format!("{}/opa/v1/logs", server.url)).bearer_auth(&key);
    let log = log.send().await.unwrap().text().await.unwrap();
    assert!(log.contains("/input") && !log.contains(PLAIN), "{log}");

    for words in [
        vec!["audit", "hold", "set", "--reason", "lawsuit"],
        vec!["audit", "hold", "list"],
        vec!["audit", "prune", "--kind", "decisions", "--older-than", "200d"],
    ] {
        assert_eq!(run(&server, &key, &words).await, ExitCode::SUCCESS, "{words:?}");
    }
    let soon = ["audit", "prune", "--kind", "decisions", "--older-than", "1d"];
    assert_ne!(run(&server, &key, &soon).await, ExitCode::SUCCESS);
    server.shutdown().await.unwrap();
    let database = folder.path().join("concordat.db");
    assert!(Path::new(&database).exists());
}

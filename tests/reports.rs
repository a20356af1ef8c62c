//! Reports of a real log: every figure counted again by another program, and packs that are the same twice.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use concordat_ledger::tree::Consistency;
use concordat_ledger::{Checkpoint, Frontier, Record};
use concordat_model::run::event::Verdict;
use concordat_store::Database;
use concordat_tests::{House, submission, verifier};
use serde_json::{Value, json};

fn contract(domain: &str, skill: &str) -> Value {
    let objective = "Check the credit score of a loan applicant and assess the lending risk";
    let contract = json!({
        "apiVersion": "concordat/v1", "kind": "Contract", "metadata": {"name": "reported"},
        "spec": {
            "objective": objective, "domain": domain, "governance": {"risk": "low", "reversible": true},
            "steps": [{"id": "one", "skill": skill, "with": {"applicant_id": "ap-1001"}}],
        },
    });
    submission(contract, json!({}))
}

/// A log with contracts that were completed, refused and reviewed, and one that is open.
async fn lived() -> House {
    let house = House::open().await;
    for _ in 0..3 {
        let run = house.submit(contract("finance", "check_credit")).await[0];
        house.over(run).await;
    }
    let run = house.submit(contract("finance", "no_such_skill")).await[0];
    house.over(run).await;
    let run = house.submit(contract("healthcare", "check_credit")).await[0];
    let open = house.engine.reviews(&house.reviewer).remove(0);
    let answered =
        house.engine.answer_review(&house.reviewer, open.id, Verdict::Approve, "fine", open.payload);
    answered.await.unwrap();
    house.over(run).await;
    house.submit(contract("healthcare", "check_credit")).await;
    house
}

/// Where reports of a house are written.
struct Desk<'a> {
    house: &'a House,
    folder: tempfile::TempDir,
}

impl Desk<'_> {
    fn of(house: &House) -> Desk<'_> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("log.vkey"), format!("{}\n", verifier())).unwrap();
        Desk { house, folder }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    async fn told(&self, file: &str, more: &[&str]) -> ExitCode {
        let Database::File(database) = self.house.database() else { panic!("a house has a file") };
        let (file, keys) = (self.path(file), self.path("log.vkey"));
        let path = |path: &Path| path.to_str().unwrap().to_owned();
        let arguments = ["concordat", "audit", "report", "-o", "json", "--database"].map(str::to_owned);
        let mine = [path(database), "--verifier-keys".into(), path(&keys), "-f".into(), path(&file)];
        let all = arguments.into_iter().chain(mine).chain(more.iter().map(|&more| more.to_owned()));
        concordat::cli::run(all.map(OsString::from)).await
    }

    async fn written(&self, file: &str, more: &[&str]) -> Vec<u8> {
        assert_eq!(self.told(file, more).await, ExitCode::SUCCESS, "{file}");
        std::fs::read(self.path(file)).unwrap()
    }
}

fn files(pack: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(pack).entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        files.insert(entry.path().unwrap().display().to_string(), bytes);
    }
    files
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_program_counts_every_figure_again_and_finds_the_same() {
    let house = lived().await;
    let desk = Desk::of(&house);
    desk.written("records.jsonl", &[]).await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/recompute.py");
    for template in ["general", "eu-ai-act", "soc2", "iso-42001", "hipaa", "owasp-agentic"] {
        desk.written("report.json", &["--template", template]).await;
        let counted = Command::new("python3")
            .arg(&script)
            .args([desk.path("report.json"), desk.path("records.jsonl")])
            .output()
            .expect("python3 is installed: tests/run does that");
        assert!(counted.status.success(), "{template}: {}", String::from_utf8_lossy(&counted.stdout));
    }
    // A figure that is not what the records say is found.
    let report = std::fs::read_to_string(desk.path("report.json")).unwrap();
    let forged = report.replacen(
        "\"kind\": \"part\",\n            \"part\": ",
        "\"kind\": \"part\",\n            \"part\": 9",
        1,
    );
    assert_ne!(forged, report);
    std::fs::write(desk.path("report.json"), forged).unwrap();
    let counted = Command::new("python3")
        .arg(&script)
        .args([desk.path("report.json"), desk.path("records.jsonl")])
        .output()
        .unwrap();
    assert!(!counted.status.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pack_is_the_same_twice_and_its_parts_prove_each_other() {
    let house = lived().await;
    let desk = Desk::of(&house);
    let whole = desk.written("whole.tar", &["--payloads"]).await;
    assert_eq!(whole, desk.written("again.tar", &["--payloads"]).await);
    let parts = files(&whole);
    let open = |note: &[u8]| Checkpoint::open(note, &[verifier()]).unwrap();
    let checkpoint = open(&parts["checkpoint"]);
    let records: Vec<Record> = parts["records.jsonl"]
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| Record::read(line).unwrap())
        .collect();
    let mut tree = Frontier::new();
    let trees: Vec<Frontier> = records
        .iter()
        .map(|record| {
            tree.append(record.leaf());
            tree.clone()
        })
        .collect();
    assert_eq!((tree.size(), tree.root()), (checkpoint.size(), checkpoint.root()));
    let report: Value = serde_json::from_slice(&parts["report.json"]).unwrap();
    let figure = |id: &str| {
        let figures =
            report["sections"].as_array().unwrap().iter().flat_map(|one| one["figures"].as_array().unwrap());
        figures.clone().find(|figure| figure["id"] == id).unwrap()["value"].clone()
    };
    let inputs = figure("completeness.inputs");
    assert_eq!(inputs["part"], inputs["whole"], "{inputs}");
    assert!(
        parts.keys().any(|name| name.starts_with("policies/"))
            && parts.keys().any(|name| name.starts_with("payloads/"))
    );

    // Of a part of the log: from the time of a record in the middle on, after a checkpoint that was kept.
    let middle = records[records.len() / 2].time();
    std::fs::write(desk.path("kept"), &parts["checkpoint"]).unwrap();
    let kept = desk.path("kept");
    let part = desk.written("part.tar", &["--from", middle, "--checkpoint", kept.to_str().unwrap()]).await;
    let parts = files(&part);
    for pack in ["whole.tar", "part.tar"] {
        let (pack, keys) = (desk.path(pack), desk.path("log.vkey"));
        let verify = ["concordat", "audit", "verify", "--verifier-keys"].map(OsString::from);
        let all = verify.into_iter().chain([keys.into_os_string(), pack.into_os_string()]);
        assert_eq!(concordat::cli::run(all).await, ExitCode::SUCCESS);
    }
    let manifest: Value = serde_json::from_slice(&parts["manifest.json"]).unwrap();
    let first = manifest["first"].as_u64().unwrap();
    assert_eq!(records[first as usize].time(), middle);
    let before = String::from_utf8(parts["before"].clone()).unwrap();
    let mut lines = before.lines();
    assert_eq!(lines.next(), Some(first.to_string().as_str()));
    let peaks: Vec<_> = lines.map(|line| line.parse().unwrap()).collect();
    assert_eq!(Frontier::resume(first, peaks).unwrap(), trees[first as usize - 1]);
    let consistency = String::from_utf8(parts["consistency"].clone()).unwrap();
    let (old, path) = consistency.split_once('\n').unwrap();
    assert_eq!(old, format!("old {}", checkpoint.size()));
    let path = path.lines().map(|line| line.parse().unwrap()).collect();
    let newest = open(&parts["checkpoint"]);
    let proof = Consistency::claimed(checkpoint.size(), newest.size(), path).unwrap();
    assert_eq!(proof.verify(checkpoint.root(), newest.root()), Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_reported_has_its_number() {
    let house = lived().await;
    let desk = Desk::of(&house);
    for (file, more, exit) in [
        ("report.doc", &[][..], 2),
        ("report.html", &["--template", "sox"], 2),
        ("report.html", &["--from", "yesterday"], 2),
        ("report.tar", &["--to", "2020-01-01"], 2),
    ] {
        assert_eq!(desk.told(file, more).await, ExitCode::from(exit), "{file} {more:?}");
        assert!(!desk.path(file).exists());
    }
    let empty = desk.written("empty.json", &["--to", "2020-01-01"]).await;
    let empty: Value = serde_json::from_slice(&empty).unwrap();
    let controls = empty["controls"].as_array().unwrap();
    assert!(!controls.is_empty() && controls.iter().all(|control| control["answer"] == "no_evidence"));
}

use std::collections::BTreeMap;

use concordat_model::id::DecisionId;
use serde_json::{Value, json};

use super::*;
use crate::entry::tests::record;
use crate::template::Template;

/// A few records with their payloads; nothing was signed, and nothing ever waits.
#[derive(Default)]
struct Few {
    records: Vec<Record>,
    payloads: BTreeMap<Digest, Vec<u8>>,
    forgotten: Option<&'static str>,
}

impl Source for Few {
    type Error = String;

    async fn within(&mut self, _: Option<&str>, _: Option<&str>) -> Result<Option<Range<u64>>, String> {
        Ok(Some(0..self.records.len() as u64))
    }

    async fn checkpoint_from(&mut self, _: u64) -> Result<Option<String>, String> {
        Ok(None)
    }

    async fn records(&mut self, from: u64, _: u64) -> Result<Vec<Record>, String> {
        // Two at a time, so that there are several batches.
        Ok(self.records.iter().skip(usize::try_from(from).unwrap()).take(2).cloned().collect())
    }

    async fn stored(&mut self, digests: &BTreeSet<Digest>) -> Result<BTreeSet<Digest>, String> {
        Ok(digests.iter().filter(|digest| self.payloads.contains_key(digest)).copied().collect())
    }

    async fn forgotten(&mut self, owner: &str) -> Result<bool, String> {
        Ok(self.forgotten == Some(owner))
    }

    async fn payload(&mut self, digest: &Digest) -> Result<Option<Vec<u8>>, String> {
        Ok(self.payloads.get(digest).cloned())
    }

    async fn nodes(&mut self, _: &[Node], _: u64) -> Result<Vec<Hash>, String> {
        Err("there is nothing before the first record".into())
    }
}

impl Few {
    /// Stores a bundle with this text as its one module.
    fn bundle(&mut self, text: &str) -> Digest {
        let document = json!({"files": {"admit/admit.rego": text, "same.rego": "same\n"}}).to_string();
        let digest = Digest::of(document.as_bytes());
        self.payloads.insert(digest, document.into_bytes());
        digest
    }

    fn add(&mut self, kind: &str, data: &Value) {
        let index = self.records.len() as u64;
        self.records.push(record(index, kind, "policy", data));
    }

    fn published(&mut self, revision: &Digest, author: &str) {
        let access = decision();
        let data = json!({
            "event": "published", "revision": revision, "author": author, "tests": 1, "warnings": 0, "access": access,
        });
        self.add("policy.published", &data);
    }

    fn enforced(&mut self, revision: &Digest, by: &str) {
        let data = json!({
            "event": "promoted", "revision": revision, "to": {"stage": "enforced"}, "by": by, "reason": "tried",
            "decision": decision(),
        });
        self.add("policy.promoted", &data);
    }

    fn made(&mut self, form: Form) -> Vec<u8> {
        let template = Template::named("general").unwrap();
        let (from, to, keys) = (None, None, Vec::new());
        let order = Order { template, from, to, form, keys, payloads: false, earlier: None };
        let (mut out, mut nothing) = (Vec::new(), |_, _| {});
        {
            let making = make(self, &order, &mut out, &mut nothing);
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            let std::task::Poll::Ready(made) = std::pin::pin!(making).poll(&mut context) else {
                panic!("it waits")
            };
            made.unwrap();
        }
        out
    }
}

fn decision() -> DecisionId {
    "dec_01m7zcebh4ehc8b7g3wnhxcq0s".parse().unwrap()
}

#[test]
fn a_report_shows_what_each_policy_changed_and_whose_it_is() {
    let mut log = Few::default();
    let first = log.bundle("allow if a\nallow if b\n");
    let second = log.bundle("allow if a\nallow if <c>\n");
    let third = log.bundle(&"allow if d\n".repeat(1000));
    let lost = Digest::of(b"lost");
    log.add("policy.installed", &json!({"event": "installed", "revision": first, "tests": 1}));
    log.published(&second, "ada");
    log.enforced(&second, "petra");
    log.published(&third, "eve");
    log.published(&lost, "eve");

    let report: Value = serde_json::from_slice(&log.made(Form::Json)).unwrap();
    let sections = report["sections"].as_array().unwrap();
    let changes = &sections.iter().find(|section| section["id"] == "policies").unwrap()["changes"];
    let lines = |change: usize| changes[change]["files"][0]["lines"].as_array().unwrap().clone();
    assert_eq!(changes[0]["note"], "no record of the period names a revision before it");
    assert_eq!(changes[1]["against"], json!(first));
    assert_eq!((&changes[1]["author"], &changes[1]["leaf"]), (&json!("ada"), &json!(1)));
    assert_eq!(changes[1]["enforced"], json!([{"by": "petra", "leaf": 2}]));
    assert_eq!(lines(1), ["@@ -1,2 +1,2 @@", " allow if a", "-allow if b", "+allow if <c>"]);
    assert_eq!(changes[1]["files"].as_array().unwrap().len(), 1);
    assert_eq!((&changes[2]["files"][0]["added"], lines(2).len()), (&json!(1000), 400));
    assert_eq!(changes[2]["files"][0]["more"], 603);
    assert_eq!(changes[2]["enforced"], json!([]));
    assert_eq!(changes[3]["note"], format!("the bundle {lost} is not stored, so nothing can be compared"));

    let html = String::from_utf8(log.made(Form::Html)).unwrap();
    for part in ["author ada; brought into force by petra (leaf 2)", "+allow if &lt;c&gt;", "603 more lines"]
    {
        assert!(html.contains(part), "{part}");
    }
    let csv = String::from_utf8(log.made(Form::Csv)).unwrap();
    assert!(csv.contains("policies,diff,") && csv.contains("603 more lines"), "{csv}");
    assert!(log.made(Form::Pdf).starts_with(b"%PDF"));
}

#[test]
fn without_an_earlier_revision_what_was_in_force_counts() {
    let mut log = Few::default();
    let (first, second) = (log.bundle("a\n"), log.bundle("b\n"));
    log.add("gate.decided", &json!({"decision": {"provenance": {"policy": first}}}));
    log.published(&second, "ada");
    log.published(&second, "ada");
    let report: Value = serde_json::from_slice(&log.made(Form::Json)).unwrap();
    let sections = report["sections"].as_array().unwrap();
    let changes = &sections.iter().find(|section| section["id"] == "policies").unwrap()["changes"];
    assert_eq!(changes[0]["against"], json!(first));
    assert_eq!(changes[1]["note"], "it is the revision that was there already");
}

#[test]
fn what_was_forgotten_is_told_from_what_is_lost() {
    let mut log = Few { forgotten: Some("run_a"), ..Few::default() };
    let kept = log.bundle("an input\n");
    for (index, (subject, input)) in [
        ("run_a", Digest::of(b"1")),
        ("run_a", kept),
        ("run_b", Digest::of(b"2")),
        ("run_a", Digest::of(b"3")),
    ]
    .into_iter()
    .enumerate()
    {
        let data = json!({"decision": {"id": format!("dec {index}"), "provenance": {"input": input}}});
        log.records.push(record(index as u64, "gate.decided", subject, &data));
    }
    let report: Value = serde_json::from_slice(&log.made(Form::Json)).unwrap();
    let sections = report["sections"].as_array().unwrap();
    let section = sections.iter().find(|section| section["id"] == "completeness").unwrap();
    let figure =
        |id: &str| section["figures"].as_array().unwrap().iter().find(|one| one["id"] == id).unwrap().clone();
    let inputs = figure("completeness.inputs");
    assert_eq!((&inputs["value"]["part"], &inputs["value"]["whole"]), (&json!(1), &json!(2)));
    assert_eq!(inputs["missing"], json!(["dec 2"]));
    assert_eq!(figure("completeness.forgotten")["value"]["count"], 2);
}

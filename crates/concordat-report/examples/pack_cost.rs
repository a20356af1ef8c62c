//! What a pack of many records costs in memory and time: `pack_cost RECORDS [FORM]`; the memory is the process's peak.
//!
//! The records are made up as they are asked for, so that no database counts: contracts of one step, each with eight
//! records of the usual size.

use std::collections::BTreeSet;
use std::io::Write;
use std::ops::Range;
use std::time::Instant;

use concordat_ledger::tree::{Hash, Node};
use concordat_ledger::{Draft, Frontier, Record, Signer, SubjectSeq};
use concordat_model::digest::Digest;
use concordat_report::making::{self, Form, Order, Source};
use concordat_report::template::Template;
use serde_json::{Value, json};

struct MadeUp {
    records: u64,
    note: String,
}

fn digest(number: u64) -> String {
    Digest::of(&number.to_be_bytes()).to_string()
}

#[expect(clippy::expect_used, reason = "made-up records are a table, and sound")]
fn record(index: u64) -> Record {
    let (run, seq) = (index / 8, index % 8);
    let subject = format!("run_{run:026}");
    let dec = |at: u64| format!("dec_{:026}", run * 8 + at);
    let attempt = json!({"step": "only-step", "leg": "do", "number": 1});
    let decided = |gate: &str, at: u64| {
        let provenance = json!({"policy": digest(0), "input": digest(index), "evaluator": "regorus/0.14.1"});
        let checks =
            json!([{"policy": "trust", "result": "pass", "severity": "high", "message": "trusted enough"}]);
        let decision = json!({"id": dec(at), "gate": gate, "answer": {"kind": "permit"}, "checks": checks, "provenance": provenance});
        json!({"event": "decided", "decision": decision, "attempt": attempt})
    };
    let (kind, data): (&str, Value) = match seq {
        0 => (
            "contract.received",
            json!({
                "event": "received", "submission": format!("sub_{run:026}"), "label": "a", "name": "loan-approval", "contract": digest(run),
                "access": dec(0), "submitter": {"name": "sam", "tenant": "acme", "roles": ["submitter"]},
            }),
        ),
        1 => ("gate.decided", decided("admit", 1)),
        2 => ("gate.decided", decided("dispatch", 2)),
        3 => (
            "step.dispatched",
            json!({
                "event": "dispatched", "attempt": attempt, "agent": "agt_00000000000000000000000001", "agent_name": "clerk",
                "revision": digest(1), "skill": "work", "decision": dec(2), "params": digest(run), "draws": [], "cost": "0.25 USD",
            }),
        ),
        4 => (
            "step.answered",
            json!({
                "event": "answered", "attempt": attempt, "latency_ms": run % 977,
                "reply": {"kind": "output", "output": digest(run), "bytes": 200, "checked": true},
            }),
        ),
        5 => ("gate.decided", decided("release", 5)),
        6 => ("step.released", json!({"event": "released", "attempt": attempt, "decision": dec(5)})),
        _ => (
            "contract.ended",
            json!({"event": "ended", "ending": {"kind": "completed", "output": digest(run)}}),
        ),
    };
    let at = jiff::Timestamp::from_millisecond(1_767_225_600_000 + i64::try_from(index).unwrap_or(0))
        .unwrap_or_default();
    let draft = Draft {
        id: &format!("rec_{index:026}"),
        source: "concordat/made-up",
        kind,
        subject: &subject,
        subject_seq: SubjectSeq::new(seq).unwrap_or(SubjectSeq::FIRST),
        time: &format!("{at:.6}"),
        data: &data,
    };
    draft.seal().expect("made-up records are sound")
}

impl Source for MadeUp {
    type Error = String;

    async fn within(&mut self, _: Option<&str>, _: Option<&str>) -> Result<Option<Range<u64>>, String> {
        Ok(Some(0..self.records))
    }

    async fn checkpoint_from(&mut self, _: u64) -> Result<Option<String>, String> {
        Ok(Some(self.note.clone()))
    }

    async fn records(&mut self, from: u64, until: u64) -> Result<Vec<Record>, String> {
        Ok((from..until.min(from + 1000)).map(record).collect())
    }

    async fn stored(&mut self, digests: &BTreeSet<Digest>) -> Result<BTreeSet<Digest>, String> {
        Ok(digests.clone())
    }

    async fn forgotten(&mut self, _: &str) -> Result<bool, String> {
        Ok(false)
    }

    async fn payload(&mut self, _: &Digest) -> Result<Option<Vec<u8>>, String> {
        Ok(None)
    }

    async fn nodes(&mut self, _: &[Node], _: u64) -> Result<Vec<Hash>, String> {
        Err("there is nothing before the first record".into())
    }
}

/// Counts what is written.
struct Counting(u64);

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement speaks to who runs it")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let records = arguments.next().ok_or("give how many records")?.parse()?;
    let form = arguments.next().unwrap_or("x.tar".into());
    let form = Form::of_file(&form).ok_or("no such form")?;
    let begun = Instant::now();
    let mut tree = Frontier::new();
    for index in 0..records {
        tree.append(record(index).leaf());
    }
    let made_up = begun.elapsed();
    let signer = Signer::from_seed("concordat/made-up", &[7; 32])?;
    let note = signer.checkpoint(&tree).note().to_owned();
    let order = Order {
        template: Template::named("general")?,
        from: None,
        to: None,
        form,
        keys: vec![signer.verifier().clone()],
        payloads: false,
        earlier: None,
    };
    let mut out = Counting(0);
    let begun = Instant::now();
    let mut source = MadeUp { records, note };
    let mut nothing = |_, _| {};
    let made = {
        let making = making::make(&mut source, &order, &mut out, &mut nothing);
        // Nothing here ever waits, so one look is enough.
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match std::pin::pin!(making).poll(&mut context) {
            std::task::Poll::Ready(made) => made?,
            std::task::Poll::Pending => return Err("it waits".into()),
        }
    };
    let peak = std::fs::read_to_string("/proc/self/status")?;
    let peak = peak.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM unknown");
    println!(
        "{} records, {} bytes in {:.1?} (making the records up once took {made_up:.1?}); {peak}",
        made.end,
        out.0,
        begun.elapsed()
    );
    Ok(())
}

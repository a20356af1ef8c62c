//! What every store promises, written against the port. Each case gets a fresh, empty store.

pub(crate) mod sample;

use std::sync::Arc;

use concordat_engine::ports::{
    Change, Committed, Forgotten, Mention, Mentioned, OwnerFilter, Page, RecordFilter, RunFilter, RunRow,
    Sealed, Search, Store, StoreError, StoredRecord, StoredRun, Whose,
};
use concordat_ledger::note::Verifier;
use concordat_ledger::tree::{Inclusion, Node, node_of_leaves};
use concordat_ledger::{Checkpoint, Frontier};
use concordat_model::digest::Digest;
use concordat_model::payload::Secret;
use jiff::{Timestamp, ToSpan as _};
use serde_json::json;

use sample::{id, payload, received, record, record_at, records, reply, row, run_id};

const ALL: Page = Page::LARGEST;

/// Runs every case; `fresh` makes an empty store whose log is signed with `key`.
pub(crate) async fn check<F: Future<Output = Arc<dyn Store>>>(key: &Verifier, fresh: impl Fn() -> F) {
    what_is_committed_is_read_again(&*fresh().await).await;
    a_conflict_leaves_nothing(&*fresh().await).await;
    conflicts_fail_alone(fresh().await).await;
    changes_are_stored_in_the_order_of_handing_over(fresh().await).await;
    many_callers_share_dense_indices(fresh().await, key).await;
    payloads_stay_as_they_are(&*fresh().await).await;
    payloads_are_forgotten_with_a_record(&*fresh().await).await;
    owners_are_found(&*fresh().await).await;
    runs_are_listed_newest_first(&*fresh().await).await;
    records_are_found(&*fresh().await).await;
    records_are_searched_for(&*fresh().await).await;
    runs_come_with_what_their_state_names(&*fresh().await).await;
    a_reply_is_given_once(&*fresh().await).await;
    hostile_questions_find_nothing(&*fresh().await).await;
    proofs_of_any_age_can_be_built(&*fresh().await).await;
    a_closed_store_refuses(&*fresh().await).await;
}

async fn all(store: &dyn Store) -> Vec<StoredRecord> {
    store.records(&RecordFilter::default(), ALL).await.unwrap()
}

fn ids(records: &[StoredRecord]) -> Vec<&str> {
    records.iter().map(|stored| stored.record.id()).collect()
}

fn runs(runs: &[StoredRun]) -> Vec<String> {
    runs.iter().map(|run| run.id.to_string()).collect()
}

async fn what_is_committed_is_read_again(store: &dyn Store) {
    assert_eq!(store.checkpoint().await, Ok(None));
    assert!(all(store).await.is_empty());
    let change = received(7);
    let first = change.records[0].clone();
    let committed = store.commit(change).await.unwrap();
    assert_eq!(committed, Committed { first: 0, size: 1 });
    let more = store.commit(records(&id("run", 7), 1..4)).await.unwrap();
    assert_eq!(more, Committed { first: 1, size: 4 });
    let stored = all(store).await;
    assert_eq!(stored.iter().map(|stored| stored.index).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(stored[0].record, first);
    assert_eq!(store.record(first.id()).await.unwrap().unwrap().record, first);
    assert_eq!(store.checkpoint().await.unwrap().unwrap().size, 4);
    assert_eq!(store.runs(&RunFilter::default(), ALL).await.unwrap(), [row(7)]);
}

async fn a_conflict_leaves_nothing(store: &dyn Store) {
    store.commit(records("agt", 0..2)).await.unwrap();
    let same_id =
        Change { records: vec![record("agent.changed", "agt", 0, &json!({}))], ..Change::default() };
    let wrong_payload =
        Change { payloads: vec![(Digest::of(b"a"), b"b".to_vec())], ..records("other", 0..1) };
    for (why, change) in [
        ("no records", Change { runs: vec![row(1)], ..Change::default() }),
        ("taken seq", records("agt", 1..2)),
        ("gap in seq", records("agt", 3..4)),
        ("no first seq", records("new", 1..2)),
        ("taken id", same_id),
        (
            "twice the same",
            Change {
                records: [records("x", 0..1), records("x", 0..1)].map(|c| c.records).concat(),
                ..Change::default()
            },
        ),
        (
            "half of it",
            Change { records: records("agt", 2..4).records.into_iter().rev().collect(), ..received(9) },
        ),
        ("other content", wrong_payload),
    ] {
        let before = store.checkpoint().await.unwrap();
        assert!(matches!(store.commit(change).await, Err(StoreError::Conflict(_))), "{why}");
        assert_eq!(store.checkpoint().await.unwrap(), before, "{why}");
    }
    assert_eq!(all(store).await.len(), 2);
    assert!(store.runs(&RunFilter::default(), ALL).await.unwrap().is_empty());
    assert!(store.commit(records("agt", 2..4)).await.is_ok());
}

async fn conflicts_fail_alone(store: Arc<dyn Store>) {
    // Handed over without waiting, so that they meet in one batch.
    let waiting: Vec<_> = (0..60)
        .map(|number| {
            let subject = format!("s{number}");
            let change = match number % 3 {
                0 => records(&subject, 0..2),
                1 => records(&subject, 1..3),
                // The first record could be stored, the second cannot.
                _ => Change {
                    records: [records(&subject, 0..1), records(&subject, 2..3)].map(|c| c.records).concat(),
                    ..received(number)
                },
            };
            (number, store.commit(change))
        })
        .collect();
    for (number, commit) in waiting {
        assert_eq!(commit.await.is_ok(), number % 3 == 0, "{number}");
    }
    assert_eq!(all(&*store).await.len(), 40);
    assert!(store.runs(&RunFilter::default(), ALL).await.unwrap().is_empty());
    assert_eq!(store.checkpoint().await.unwrap().unwrap().size, 40);
    assert_eq!(store.commit(records("after", 0..1)).await, Ok(Committed { first: 40, size: 41 }));
}

async fn changes_are_stored_in_the_order_of_handing_over(store: Arc<dyn Store>) {
    let waiting: Vec<_> = (0..300).map(|seq| store.commit(records("agt", seq..seq + 1))).collect();
    for (index, commit) in (0..).zip(waiting) {
        assert_eq!(commit.await.unwrap().first, index);
    }
    // Nobody waits for these, and still they are stored.
    for seq in 300..310 {
        drop(store.commit(records("agt", seq..seq + 1)));
    }
    assert_eq!(store.commit(records("agt", 310..311)).await.unwrap().first, 310);
}

async fn many_callers_share_dense_indices(store: Arc<dyn Store>, key: &Verifier) {
    let callers: Vec<_> = (0..64)
        .map(|caller| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut places = Vec::new();
                for turn in 0..5 {
                    let change = records(&format!("agt{caller}"), turn * 2..turn * 2 + 2);
                    let ids: Vec<String> =
                        change.records.iter().map(|record| record.id().to_owned()).collect();
                    places.push((store.commit(change).await.unwrap(), ids));
                }
                places
            })
        })
        .collect();
    let mut places = Vec::new();
    for caller in callers {
        places.extend(caller.await.unwrap());
    }
    let stored = all(&*store).await;
    let mut tree = Frontier::new();
    for (index, stored) in (0..).zip(&stored) {
        assert_eq!(stored.index, index);
        tree.append(stored.record.leaf());
    }
    assert_eq!(stored.len(), 640);
    for (committed, ids) in places {
        assert!(committed.first + 2 <= committed.size, "a checkpoint covers what was acknowledged");
        for (index, id) in (committed.first as usize..).zip(ids) {
            assert_eq!(stored[index].record.id(), id);
        }
    }
    let newest = store.checkpoint().await.unwrap().unwrap();
    let signed = Checkpoint::open(newest.note.as_bytes(), std::slice::from_ref(key)).unwrap();
    assert_eq!((signed.size(), signed.root(), newest.size), (640, tree.root(), 640));
}

async fn payloads_stay_as_they_are(store: &dyn Store) {
    let (one, other) = (payload("one"), payload(""));
    let change = Change { payloads: vec![one.clone(), other.clone(), one.clone()], ..records("a", 0..1) };
    store.commit(change).await.unwrap();
    store.commit(Change { payloads: vec![one.clone()], ..records("a", 1..2) }).await.unwrap();
    assert_eq!(store.payload(&one.0).await, Ok(Some(one.1)));
    assert_eq!(store.payload(&other.0).await, Ok(Some(Vec::new())));
    assert_eq!(store.payload(&Digest::of(b"unknown")).await, Ok(None));
    assert_eq!(store.stored(&[other.0, Digest::of(b"unknown")]).await, Ok(vec![other.0]));
    assert_eq!(store.stored(&[]).await, Ok(Vec::new()));
    let odd: Vec<u8> = (0..=255).collect();
    store
        .commit(Change { payloads: vec![(Digest::of(&odd), odd.clone())], ..records("a", 2..3) })
        .await
        .unwrap();
    assert_eq!(store.payload(&Digest::of(&odd)).await, Ok(Some(odd)));
}

/// A run whose contract can be forgotten.
fn sealed(run: u64, subject: Option<&str>) -> Change {
    let change = received(run);
    let sealed = Sealed {
        owner: id("run", run),
        secret: Secret::new([u8::try_from(run).unwrap(); 32]),
        whose: Some(Whose { tenant: "acme".parse().unwrap(), subject: subject.map(str::to_owned) }),
        payloads: change.payloads.clone(),
    };
    Change { payloads: Vec::new(), sealed: vec![sealed], ..change }
}

/// The erasure of a run's contract, under a subject of its own.
fn forgotten(run: u64, kind: &str, subject: &str) -> Change {
    let record = record(kind, subject, 0, &json!({"owners": [id("run", run)]}));
    let forgotten = Forgotten {
        owner: id("run", run),
        record: record.id().to_owned(),
        payloads: received(run).payloads.iter().map(|(digest, _)| *digest).collect(),
    };
    Change { records: vec![record], forgotten: vec![forgotten], ..Change::default() }
}

async fn payloads_are_forgotten_with_a_record(store: &dyn Store) {
    let (digest, content) = received(1).payloads.remove(0);
    let answered = Change { reply: Some(reply("once", &format!("[{}]", id("run", 1)))), ..sealed(1, None) };
    store.commit(answered).await.unwrap();
    store.commit(sealed(2, None)).await.unwrap();
    let run = store.run(run_id(1)).await.unwrap().unwrap();
    assert_eq!(run.secret, Some(Secret::new([1; 32])));
    assert_eq!(run.payloads, [(digest, content.clone())]);
    assert_eq!(store.payload(&digest).await.unwrap(), Some(content));
    assert_eq!(store.stored(&[digest]).await.unwrap(), [digest]);

    // Not without a record that says so.
    let other = forgotten(1, "agent.changed", "dec_1");
    assert!(matches!(store.commit(other).await, Err(StoreError::Conflict(_))));
    assert_eq!(store.forgotten(&id("run", 1)).await.unwrap(), None);
    assert!(store.payload(&digest).await.unwrap().is_some());

    let erasure = forgotten(1, "erasure.executed", "dec_2");
    let said = erasure.records[0].id().to_owned();
    store.commit(erasure).await.unwrap();
    assert_eq!(store.forgotten(&id("run", 1)).await.unwrap(), Some(said));
    assert_eq!(store.payload(&digest).await.unwrap(), None);
    assert_eq!(store.stored(&[digest]).await.unwrap(), []);
    let run = store.run(run_id(1)).await.unwrap().unwrap();
    assert_eq!((run.records.len(), run.payloads, run.secret), (1, Vec::new(), None));
    assert!(store.run(run_id(2)).await.unwrap().unwrap().secret.is_some());
    // The request can neither be guessed nor carried out again.
    let saved = store.reply("acme/ada", "once").await.unwrap().unwrap();
    assert_eq!(saved.fingerprint, Digest::from_bytes([0; 32]));

    // Once, and for good.
    assert!(matches!(
        store.commit(forgotten(1, "retention.pruned", "dec_3")).await,
        Err(StoreError::Conflict(_))
    ));
    let back = Change { sealed: sealed(1, None).sealed, ..records(&id("run", 1), 1..2) };
    assert!(matches!(store.commit(back).await, Err(StoreError::Conflict(_))));
    store.commit(forgotten(2, "retention.pruned", "dec_4")).await.unwrap();
}

async fn owners_are_found(store: &dyn Store) {
    for (run, subject) in [(1, Some("ap-1")), (2, None), (3, Some("ap-1")), (4, Some("ap-2"))] {
        let ended = (run != 3).then(|| "2026-02-01T00:00:00Z".parse().unwrap());
        let change = sealed(run, subject);
        store.commit(Change { runs: vec![RunRow { ended, ..row(run) }], ..change }).await.unwrap();
    }
    let of = |filter: OwnerFilter, rows| async move { store.owners(&filter, Page::of(rows)).await.unwrap() };
    let acme = || "acme".parse().unwrap();
    let ids = |runs: &[u64]| runs.iter().map(|run| id("run", *run)).collect::<Vec<_>>();
    let ap_1 = OwnerFilter::subject(acme(), "ap-1".to_owned());
    assert_eq!(of(ap_1.clone(), 9).await, ids(&[1, 3]));
    let other = OwnerFilter { tenant: "other".parse().unwrap(), ..ap_1.clone() };
    assert!(of(other, 9).await.is_empty());
    let all = OwnerFilter { subject: None, ..ap_1 };
    assert_eq!(of(all.clone(), 9).await, ids(&[1, 2, 3, 4]));
    assert_eq!(of(all.clone(), 3).await, ids(&[1, 2, 3]));
    let between = OwnerFilter { between: (id("run", 1), id("run", 4)), ..all.clone() };
    assert_eq!(of(between, 9).await, ids(&[2, 3]));
    let ended = |before: &str| OwnerFilter { ended_before: Some(before.parse().unwrap()), ..all.clone() };
    assert_eq!(of(ended("2026-02-01T00:00:01Z"), 9).await, ids(&[1, 2, 4]));
    assert!(of(ended("2026-02-01T00:00:00Z"), 9).await.is_empty());
    store.commit(forgotten(4, "erasure.executed", "dec_1")).await.unwrap();
    assert_eq!(of(all.clone(), 9).await, ids(&[1, 2, 3]));
}

/// Thirty runs: every second one is of another organisation, and every third one is over.
async fn thirty_runs(store: &dyn Store) {
    for number in 0..30 {
        let mut change = received(number);
        if number % 2 == 1 {
            change.runs[0].tenant = "other".parse().unwrap();
        }
        if number % 3 == 0 {
            change.runs[0].status = "completed".into();
            change.runs[0].domain = Some("finance".parse().unwrap());
            change.runs[0].ended = Some("2026-02-01T00:00:00.000001Z".parse().unwrap());
        }
        store.commit(change).await.unwrap();
    }
}

async fn runs_are_listed_newest_first(store: &dyn Store) {
    thirty_runs(store).await;
    let tenant = || Some("other".parse().unwrap());
    let sent = || RunFilter {
        submitter: Some("ada".parse().unwrap()),
        label: Some("main".parse().unwrap()),
        ..RunFilter::default()
    };
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let completed = || words(&["completed"]);
    let submission = || Some(id("sub", 1).parse().unwrap());
    for (filter, rows, wanted) in [
        (RunFilter::default(), 3, vec![29, 28, 27]),
        (RunFilter { before: Some(run_id(27)), ..RunFilter::default() }, 2, vec![26, 25]),
        (RunFilter { tenant: tenant(), ..RunFilter::default() }, 3, vec![29, 27, 25]),
        (RunFilter { tenant: tenant(), before: Some(run_id(25)), ..RunFilter::default() }, 1, vec![23]),
        (
            RunFilter { tenant: tenant(), statuses: completed(), ..RunFilter::default() },
            9,
            vec![27, 21, 15, 9, 3],
        ),
        (RunFilter { statuses: completed(), ..RunFilter::default() }, 2, vec![27, 24]),
        (RunFilter { statuses: words(&["completed", "received"]), ..RunFilter::default() }, 2, vec![29, 28]),
        (
            RunFilter { statuses: words(&["failed", "a\0b", "completed"]), ..RunFilter::default() },
            2,
            vec![27, 24],
        ),
        (RunFilter { statuses: words(&["a\0b"]), ..RunFilter::default() }, 2, vec![]),
        (RunFilter { submission: submission(), ..RunFilter::default() }, 2, vec![19, 18]),
        (RunFilter { submission: submission(), tenant: tenant(), ..RunFilter::default() }, 2, vec![19, 17]),
        (RunFilter { submitter: Some("nobody".parse().unwrap()), ..RunFilter::default() }, 2, vec![]),
        (RunFilter { label: Some("nothing".parse().unwrap()), ..RunFilter::default() }, 2, vec![]),
        (sent(), 2, vec![29, 28]),
        (RunFilter { tenant: tenant(), ..sent() }, 2, vec![29, 27]),
        (RunFilter { statuses: words(&["' OR 1"]), ..RunFilter::default() }, 2, vec![]),
    ] {
        let found = store.runs(&filter, Page::of(rows)).await.unwrap();
        let wanted: Vec<_> = wanted.into_iter().map(run_id).collect();
        assert_eq!(found.iter().map(|row| row.id).collect::<Vec<_>>(), wanted, "{filter:?}");
    }
    let mut changed = row(29);
    changed.status = "ended".into();
    changed.settled = 3;
    changed.tenant = "other".parse().unwrap();
    changed.ended = Some("2026-02-01T00:00:00Z".parse().unwrap());
    let change = Change { runs: vec![row(29), changed.clone()], ..records(&id("run", 29), 1..2) };
    store.commit(change).await.unwrap();
    assert_eq!(store.runs(&RunFilter::default(), Page::of(1)).await.unwrap(), [changed]);
    let open = store.open_runs().await.unwrap();
    let wanted: Vec<_> = (0..29).filter(|number| number % 3 != 0).map(|number| id("run", number)).collect();
    assert_eq!(runs(&open), wanted);
}

async fn records_are_found(store: &dyn Store) {
    for seq in 0..4 {
        for (kind, subject) in [
            ("step.released", "run_a"),
            ("gate.decided", "run_b"),
            ("agent.changed", "agt_c"),
            ("key.made", "key_d"),
        ] {
            let records = vec![record(kind, subject, seq, &json!(null))];
            store.commit(Change { records, ..Change::default() }).await.unwrap();
        }
    }
    let filter = |from, subject: Option<&str>, types: &[&str]| RecordFilter {
        from,
        subject: subject.map(str::to_owned),
        types: types.iter().map(|kind| (*kind).to_owned()).collect(),
    };
    for (filter, rows, wanted) in [
        (filter(0, None, &[]), 2, vec![0, 1]),
        (filter(13, None, &[]), 9, vec![13, 14, 15]),
        (filter(u64::MAX, None, &[]), 9, vec![]),
        (filter(2, Some("run_a"), &[]), 2, vec![4, 8]),
        (filter(0, Some("run_a"), &["gate.decided"]), 2, vec![]),
        (filter(0, None, &["gate.decided"]), 9, vec![1, 5, 9, 13]),
        (filter(3, None, &["agent.changed", "key.made"]), 4, vec![3, 6, 7, 10]),
        (filter(3, None, &["agent.changed", "step.released"]), 3, vec![4, 6, 8]),
        (filter(0, None, &["no.such"]), 3, vec![]),
        (filter(0, None, &["\"]')--"]), 3, vec![]),
    ] {
        let found = store.records(&filter, Page::of(rows)).await.unwrap();
        assert_eq!(found.iter().map(|stored| stored.index).collect::<Vec<_>>(), wanted, "{filter:?}");
    }
}

async fn records_are_searched_for(store: &dyn Store) {
    let person = |name: &str| json!({"by": {"name": name}, "name": "loan"});
    let refused = |code: &str| json!({"decision": {"answer": {"kind": "deny", "reasons": [{"code": code}]}}});
    let all = vec![
        record("contract.received", "run_a", 0, &person("sam")),
        record("contract.received", "run_b", 0, &person("rita")),
        record("gate.decided", "run_a", 1, &refused("budget_over")),
        record("gate.decided", "run_b", 1, &refused("sam")),
        record("step.dispatched", "run_a", 2, &json!({"agent_name": "desk"})),
    ];
    store.commit(Change { records: all, ..Change::default() }).await.unwrap();
    let mention = |what, value: &str| Mention { what, value: value.to_owned() };
    let of = |mentions: Vec<Mention>| Search { mentions, ..Search::default() };
    let actor = |name| mention(Some(Mentioned::Actor), name);
    let second: Timestamp = "2026-01-31T23:59:59.000001Z".parse().unwrap();
    let typed = RecordFilter { types: vec!["gate.decided".to_owned()], ..RecordFilter::default() };
    let later = RecordFilter { from: 1, ..RecordFilter::default() };
    let mut searches = vec![
        (of(vec![actor("sam")]), vec![0]),
        (of(vec![mention(None, "sam")]), vec![0, 3]),
        (of(vec![mention(None, "loan"), actor("rita")]), vec![1]),
        (of(vec![actor("sam"), actor("rita")]), vec![]),
        (of(vec![mention(Some(Mentioned::Answer), "deny")]), vec![2, 3]),
        (of(vec![mention(Some(Mentioned::Agent), "desk")]), vec![4]),
        (of(vec![mention(None, "des")]), vec![]),
        (Search { filter: typed, ..of(vec![mention(None, "sam")]) }, vec![3]),
        (Search { filter: later, ..of(vec![mention(None, "sam")]) }, vec![3]),
        (Search { since: Some(second), ..Search::default() }, vec![0, 1, 2, 3, 4]),
        (Search { until: Some(second), ..Search::default() }, vec![]),
        (Search { since: Some(second + 1.second()), ..Search::default() }, vec![]),
    ];
    for (search, wanted) in &searches {
        assert_eq!(found(store, search, 9).await, *wanted, "{search:?}");
    }
    // What comes later is found as well, and a page ends where it should.
    let more = (3..1500).map(|seq| record("step.dispatched", "run_a", seq, &json!({"agent_name": "desk"})));
    store.commit(Change { records: more.collect(), ..Change::default() }).await.unwrap();
    let (search, _) = searches.remove(5);
    assert_eq!(found(store, &search, 3).await, [4, 5, 6]);
    // A clock that was put back hides nothing: what claims an earlier time is found behind what claims a later one.
    let odd = |seq, time: &str| record_at("key.made", "key_d", seq, time, &json!(null));
    let times = ["2026-03-01T12:00:00.000000Z", "2026-02-01T12:00:00.000000Z", "2026-03-01T12:00:59.999999Z"];
    let records = (0..).zip(times).map(|(seq, time)| odd(seq, time)).collect();
    store.commit(Change { records, ..Change::default() }).await.unwrap();
    let time = |text: &str| Some(text.parse::<Timestamp>().unwrap());
    for (since, until, wanted) in [
        ("2026-02-01T12:00:00Z", "2026-02-28T00:00:00Z", vec![1503]),
        ("2026-03-01T12:00:00Z", "2026-03-01T12:01:00Z", vec![1502, 1504]),
        ("2026-03-01T12:00:01Z", "2026-03-01T12:00:59.999999Z", vec![]),
        ("2026-02-01T12:00:00Z", "2027-01-01T00:00:00Z", vec![1502, 1503, 1504]),
    ] {
        let search = Search { since: time(since), until: time(until), ..Search::default() };
        assert_eq!(found(store, &search, 9).await, wanted, "{search:?}");
    }
    let both = Search { filter: RecordFilter { from: 1400, ..RecordFilter::default() }, ..search };
    assert_eq!(found(store, &both, 1000).await.len(), 102);
}

async fn found(store: &dyn Store, search: &Search, rows: u32) -> Vec<u64> {
    store.find(search, Page::of(rows)).await.unwrap().iter().map(|stored| stored.index).collect()
}

async fn runs_come_with_what_their_state_names(store: &dyn Store) {
    let (params, output, input, result) =
        (payload("params"), payload("output"), payload("input"), payload("result"));
    let run = id("run", 3);
    store.commit(received(3)).await.unwrap();
    store.commit(received(4)).await.unwrap();
    let dispatched =
        record("step.dispatched", &run, 1, &json!({"event": "dispatched", "params": params.0, "x": [1]}));
    let decided = record(
        "gate.decided",
        &run,
        2,
        &json!({"event": "decided", "decision": {"provenance": {"input": input.0}}}),
    );
    let answered = record(
        "step.answered",
        &run,
        3,
        &json!({"reply": {"kind": "output", "output": output.0, "bytes": 6}}),
    );
    let lost = record("step.answered", &run, 4, &json!({"reply": {"kind": "interrupted"}}));
    let again = record("step.dispatched", &run, 5, &json!({"params": params.0}));
    let erased = record("step.dispatched", &run, 6, &json!({"params": Digest::of(b"erased")}));
    let ended =
        record("contract.ended", &run, 7, &json!({"ending": {"kind": "completed", "output": result.0}}));
    let change = Change {
        records: vec![dispatched, decided, answered, lost, again, erased, ended],
        payloads: vec![params.clone(), output.clone(), input, result.clone()],
        ..Change::default()
    };
    store.commit(change).await.unwrap();
    let contract = |run| received(run).payloads.remove(0);
    let open = store.open_runs().await.unwrap();
    assert_eq!(runs(&open), [run.clone(), id("run", 4)]);
    let one = store.run(run_id(3)).await.unwrap().unwrap();
    for stored in [&open[0], &one] {
        let mut payloads = stored.payloads.clone();
        payloads.sort_unstable();
        let mut wanted = vec![params.clone(), output.clone(), result.clone(), contract(3)];
        wanted.sort_unstable();
        assert_eq!(payloads, wanted);
        assert_eq!(ids(&stored.records)[..2], [format!("rec-{run}-0"), format!("rec-{run}-1")]);
        assert_eq!(
            stored.records.iter().map(|stored| stored.index).collect::<Vec<_>>(),
            [0, 2, 3, 4, 5, 6, 7, 8]
        );
    }
    assert_eq!(open[1].payloads, [contract(4)]);
    assert!(store.run(run_id(5)).await.unwrap().is_none());
}

async fn a_reply_is_given_once(store: &dyn Store) {
    let caller = "acme/ada";
    let saved = reply("key \"'\0\n é", "the answer \u{1f980}");
    assert_eq!(store.reply(caller, &saved.key).await, Ok(None));
    store.commit(Change { reply: Some(saved.clone()), ..records("a", 0..1) }).await.unwrap();
    assert_eq!(store.reply(caller, &saved.key).await, Ok(Some(saved.clone())));
    assert_eq!(store.reply("acme/bob", &saved.key).await, Ok(None));
    let again = Change { reply: Some(saved), ..records("a", 1..2) };
    let refused = store.commit(again).await;
    assert!(
        matches!(&refused, Err(StoreError::Conflict(why)) if why.contains("Idempotency-Key")),
        "{refused:?}"
    );
    assert_eq!(all(store).await.len(), 1);
}

async fn hostile_questions_find_nothing(store: &dyn Store) {
    store.commit(records("a", 0..1)).await.unwrap();
    let long = "x".repeat(1_000_000);
    for text in ["", "'", "' OR 1=1 --", "%", "\0", "rec-a-0\0", &long] {
        assert!(store.record(text).await.unwrap().is_none());
        assert_eq!(store.reply("acme/ada", text).await, Ok(None));
    }
}

async fn proofs_of_any_age_can_be_built(store: &dyn Store) {
    assert_eq!(store.checkpoint_from(0).await, Ok(None));
    let mut sizes = Vec::new();
    for (turn, seqs) in (0..).zip([0..1, 1..255, 255..256, 256..300, 300..812, 812..1025]) {
        // One in the middle conflicts, so that its neighbours are stored apart.
        let waiting = [
            store.commit(records("agt", seqs.clone())),
            store.commit(records("agt", 0..1)),
            store.commit(records("other", turn..turn + 1)),
        ];
        for commit in waiting {
            sizes.extend(commit.await.map(|committed| committed.size));
        }
    }
    let mut leaves = all(store).await;
    leaves.extend(store.records(&RecordFilter { from: 1000, ..RecordFilter::default() }, ALL).await.unwrap());
    let leaves: Vec<_> = leaves.iter().map(|stored| stored.record.leaf()).collect();
    let all = 1025 + 6;
    assert_eq!(leaves.len() as u64, all);
    for size in 1..=all {
        let found = store.checkpoint_from(size).await.unwrap().unwrap();
        assert_eq!(Some(&found.size), sizes.iter().filter(|signed| **signed >= size).min());
    }
    assert_eq!(store.checkpoint_from(all + 1).await, Ok(None));
    // All records of these tests claim the same time.
    let time = leaves_time(store).await;
    assert_eq!(store.within(None, None).await, Ok(Some(0..all)));
    assert_eq!(store.within(Some(&time), None).await, Ok(Some(0..all)));
    assert_eq!(store.within(None, Some(&time)).await, Ok(None));
    assert_eq!(store.within(Some("2999"), Some("'")).await, Ok(None));
    assert_eq!(store.checkpoint_from(u64::MAX).await, Ok(None));
    for (index, size) in [(0, 1), (0, all), (255, 256), (256, 257), (700, all), (all - 1, all)] {
        let nodes = Inclusion::nodes(index, size).unwrap();
        let hashes = store.nodes(&nodes).await.unwrap();
        let wanted: Vec<_> = nodes.iter().filter_map(|node| node_of_leaves(&leaves, *node)).collect();
        assert_eq!(hashes, wanted, "{index} of {size}");
    }
    let tile = store.nodes(&(0..4).map(|index| Node { level: 8, index }).collect::<Vec<_>>()).await.unwrap();
    assert_eq!(tile[3], node_of_leaves(&leaves, Node { level: 8, index: 3 }).unwrap());
    for beyond in [Node { level: 0, index: all }, Node { level: 8, index: 4 }, Node { level: 52, index: 0 }] {
        assert!(matches!(store.nodes(&[beyond]).await, Err(StoreError::Inconsistent { .. })), "{beyond:?}");
    }
}

async fn leaves_time(store: &dyn Store) -> String {
    let first = store.records(&RecordFilter::default(), Page::of(1)).await.unwrap();
    first[0].record.time().to_owned()
}

async fn a_closed_store_refuses(store: &dyn Store) {
    let waiting: Vec<_> = (0..50).map(|seq| store.commit(records("a", seq..seq + 1))).collect();
    store.close().await;
    for commit in waiting {
        assert!(commit.await.is_ok(), "what was handed over before is durable");
    }
    assert!(matches!(store.commit(records("a", 50..51)).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.checkpoint().await, Err(StoreError::Unavailable(_))));
    store.close().await;
}

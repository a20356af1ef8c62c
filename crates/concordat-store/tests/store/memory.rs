//! The store in memory loses what a crash loses, and nothing else.

use std::time::Duration;

use concordat_engine::ports::{Page, RecordFilter, Store as _, StoreError, StoredRecord};
use concordat_store::memory::{Disk, End, Memory, Passage, Passages};

use crate::conformance::sample::records;
use crate::place::signing;

fn passages(mut ends: Vec<End>) -> Passages {
    ends.reverse();
    let second = Duration::from_secs(1);
    Box::new(move || Passage { before: second, end: ends.pop().unwrap_or(End::Durable), after: second })
}

async fn open(disk: &Disk, ends: &[End]) -> Memory {
    Memory::open(disk, signing(), passages(ends.to_vec())).await.unwrap()
}

async fn stored(store: &Memory) -> Vec<StoredRecord> {
    store.records(&RecordFilter::default(), Page::LARGEST).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_crash_loses_what_was_on_its_way_and_keeps_what_was_answered() {
    let disk = Disk::new();
    let store = open(&disk, &[]).await;
    store.commit(records("a", 0..1)).await.unwrap();
    // On its way to the disk, and durable without an answer.
    for (waited, kept) in [(500, 1), (1500, 2)] {
        let store = open(&disk, &[]).await;
        let commit = store.commit(records("a", 1..2));
        let unanswered = tokio::time::timeout(Duration::from_millis(waited), commit).await;
        assert!(unanswered.is_err());
        disk.crash();
        assert!(matches!(store.checkpoint().await, Err(StoreError::Unavailable(_))));
        assert_eq!(stored(&open(&disk, &[]).await).await.len(), kept);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_had_the_disk_before_cannot_write() {
    let disk = Disk::new();
    let before = open(&disk, &[]).await;
    let after = open(&disk, &[]).await;
    assert!(before.commit(records("a", 0..1)).await.is_err());
    assert!(after.commit(records("a", 0..1)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn failures_are_told_as_what_they_are() {
    for (end, told, kept) in [
        (End::Busy, "cannot be used", 0),
        (End::Full, "the store is read-only", 0),
        (End::Unknown { durable: true }, "not known", 1),
        (End::Unknown { durable: false }, "not known", 0),
    ] {
        let disk = Disk::new();
        let store = open(&disk, &[end]).await;
        let failed = store.commit(records("a", 0..1)).await.unwrap_err();
        assert!(failed.to_string().contains(told), "{end:?}: {failed}");
        let again = store.commit(records("b", 0..1)).await;
        assert_eq!(again.is_ok(), end == End::Busy, "{end:?}: only what is busy passes by itself");
        let later = u64::from(again.is_ok());
        assert_eq!(disk.log_size(), kept + later, "{end:?}");
    }
    let disk = Disk::new();
    open(&disk, &[End::Lost]).await.commit(records("a", 0..1)).await.unwrap();
    assert_eq!(disk.log_size(), 0, "a disk that lies");
}

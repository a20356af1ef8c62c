//! The simulation in short, and whether it would notice anything.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use concordat_tests::simulation::{Sabotage, tell};

/// Seeds of the short campaign; `campaign simulate` tells as many as one likes.
const SEEDS: u64 = 200;
/// Steps of each.
const STEPS: u64 = 2000;

#[test]
fn every_promise_holds_whatever_happens() {
    let (next, broken) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let seed = next.fetch_add(1, Ordering::Relaxed)
                    && seed < SEEDS
                {
                    match tell(seed, STEPS, None) {
                        Ok(told) => assert!(told.steps >= STEPS),
                        Err(error) => broken.lock().unwrap().push(error),
                    }
                }
            });
        }
    });
    if let Some(first) = broken.into_inner().unwrap().first() {
        panic!("{first}");
    }
}

#[test]
fn a_seed_always_tells_the_same_story() {
    for seed in [1, 7] {
        let [one, two] = [(); 2].map(|()| tell(seed, 600, None).unwrap());
        assert_eq!((one.digest, one.steps, one.counts), (two.digest, two.steps, two.counts));
    }
    assert_ne!(tell(1, 100, None).unwrap().digest, tell(2, 100, None).unwrap().digest);
}

#[test]
fn every_promise_that_is_broken_on_purpose_is_noticed() {
    for sabotage in Sabotage::ALL {
        let broken = (0..5).find_map(|seed| tell(seed, 600, Some(sabotage)).err());
        let broken = broken.unwrap_or_else(|| panic!("nobody noticed {sabotage:?}"));
        // A promise was seen to be broken, and not only that something did not come to its end.
        assert!(!broken.what.contains("not over"), "{sabotage:?}: {broken}");
    }
}

//! Every store keeps what every store promises, and both databases survive what a database goes through.

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod place;
#[cfg(test)]
mod restart;
#[cfg(test)]
mod tampering;

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use concordat_engine::ports::Store;
    use concordat_store::memory::{Disk, Memory, Passage, Passages};

    use crate::place::{Kind, Place, key, on_both, signing};

    on_both! {
        every_store_keeps_its_promises,
    }

    #[tokio::test]
    async fn the_store_in_memory_keeps_them_as_well() {
        let fresh = || async {
            let passages: Passages = Box::new(|| Passage::SMOOTH);
            let memory = Memory::open(&Disk::new(), signing(), passages).await.unwrap();
            Arc::new(memory) as Arc<dyn Store>
        };
        crate::conformance::check(&key(), fresh).await;
    }

    async fn every_store_keeps_its_promises(kind: Kind) {
        let places = Mutex::new(Vec::new());
        let fresh = || async {
            let place = Place::new(kind);
            let store = place.open().await;
            places.lock().unwrap().push(place);
            store
        };
        crate::conformance::check(&key(), fresh).await;
        for place in places.into_inner().unwrap() {
            // A store without records has nothing to verify.
            if let Err(unsound) = place.verify().await {
                assert!(!unsound.is_fault(), "{unsound}");
            }
        }
    }
}

//! The SQLite store keeps what every store promises, and survives what only a file goes through.

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod files;
#[cfg(test)]
mod restart;
#[cfg(test)]
mod tampering;

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use concordat_engine::ports::Store;

    use crate::files::{Place, key};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn sqlite_keeps_what_every_store_promises() {
        let places = Mutex::new(Vec::new());
        let fresh = || async {
            let place = Place::new();
            let store: Arc<dyn Store> = place.open().await;
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

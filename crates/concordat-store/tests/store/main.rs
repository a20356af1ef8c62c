//! Both stores keep what every store promises, and survive what a database goes through.

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod place;
#[cfg(test)]
mod restart;
#[cfg(test)]
mod tampering;

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use crate::place::{Kind, Place, key, on_both};

    on_both! {
        every_store_keeps_its_promises,
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

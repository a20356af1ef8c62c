//! The usher wakes runs whose turn it is, and looks at everything again once a second while somebody waits.

use std::sync::Arc;
use std::time::Duration;

use crate::core::{Core, Message};
use crate::input::Input;

/// Wakes runs until the engine stops.
pub(crate) async fn usher(core: Arc<Core>) {
    let mut halted = core.halted.subscribe();
    loop {
        let limits = &core.limits;
        let now = core.clock.now();
        let sweep = limits.capacity.lock().next_sweep(now);
        let pause = async {
            match sweep {
                Some(at) => {
                    tokio::time::sleep(Duration::try_from(at.duration_since(now)).unwrap_or_default()).await;
                }
                None => std::future::pending().await,
            }
        };
        let swept = tokio::select! {
            biased;
            _ = halted.wait_for(Option::is_some) => return,
            () = limits.news.notified() => false,
            () = pause => true,
        };
        let wakes = {
            let mut capacity = limits.capacity.lock();
            if swept {
                capacity.sweep(core.clock.now());
            }
            capacity.take_wakes()
        };
        let mut gone = Vec::new();
        {
            let open = core.open.lock();
            for run in wakes {
                let wake = || Message { input: Input::Woken, done: None };
                let woken = open.get(&run).is_some_and(|handle| handle.inbox.send(wake()).is_ok());
                if !woken {
                    gone.push(run);
                }
            }
        }
        // A run that is over, or stays as it is until the next start, waits for nothing.
        gone.into_iter().for_each(|run| limits.wait(run, std::collections::BTreeMap::new()));
    }
}

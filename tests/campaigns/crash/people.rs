//! The people around: who says yes to whatever a review asks, and who cannot make up their mind about an agent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use concordat::client::Client;
use concordat_server::api::reviews::{ReviewAnswer, Verdict};

/// Answers until everything is at rest. Nobody keeps a list of answers: an open review comes up again.
pub(super) async fn answer(client: Client, rested: Arc<AtomicBool>) {
    while !rested.load(Ordering::Relaxed) {
        let open = client.reviews().await.map(|list| list.items).unwrap_or_default();
        for review in open {
            let answer = ReviewAnswer {
                answer: None,
                verdict: Verdict::Approve,
                reason: "it looks right".to_owned(),
                payload: review.payload,
            };
            // Whether it was heard shows in the next list.
            drop(client.decide(&review.id, &answer).await);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Suspends an agent and restores it until it is over, and leaves it at work.
pub(super) async fn suspend(admin: Client, over: Arc<AtomicBool>) {
    while !over.load(Ordering::Relaxed) {
        drop(admin.suspend("credit-express", "it is under suspicion").await);
        tokio::time::sleep(Duration::from_millis(5)).await;
        drop(admin.restore("credit-express", "it is not").await);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    while let Err(error) = admin.restore("credit-express", "it is over").await {
        if !super::load::worth_another_try(&error) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

//! Word that nobody wants work any longer, for whoever carries it.
//!
//! It is best effort: whoever has the work may finish it, and what comes back counts as ever.

use tokio::sync::watch;

/// Tells when nobody wants work any longer.
#[derive(Debug, Clone)]
pub struct Withdrawal(watch::Receiver<bool>);

/// The work that one run has out, to be withdrawn all at once.
#[derive(Debug)]
pub struct Out(watch::Sender<bool>);

impl Withdrawal {
    /// Whether it was ordered already.
    #[must_use]
    pub fn is_ordered(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is ordered; without end when nobody can order it any more.
    pub async fn ordered(&mut self) {
        if self.0.wait_for(|ordered| *ordered).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Out {
    /// What follows one more piece of work.
    #[must_use]
    pub fn withdrawal(&self) -> Withdrawal {
        Withdrawal(self.0.subscribe())
    }

    /// Withdraws everything that is out. What is sent later is not meant.
    pub fn withdraw(&mut self) {
        std::mem::take(self).0.send_replace(true);
    }
}

impl Default for Out {
    fn default() -> Out {
        Out(watch::Sender::new(false))
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    fn is_over(future: impl Future<Output = ()>) -> bool {
        pin!(future).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn what_is_out_is_withdrawn_and_what_follows_is_not() {
        let mut out = Out::default();
        let (mut first, other) = (out.withdrawal(), out.withdrawal());
        assert!(!is_over(first.ordered()));
        out.withdraw();
        assert!(first.is_ordered() && other.is_ordered());
        assert!(is_over(first.ordered()));
        let mut later = out.withdrawal();
        assert!(!later.is_ordered());
        drop(out);
        assert!(!is_over(later.ordered()), "whoever is gone orders nothing");
    }
}

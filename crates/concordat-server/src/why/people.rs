//! Sentences for what people are asked, what they answer, and what they order.

use concordat_model::decision::Gate;
use concordat_model::run::event::{About, Event, Verdict};
use jiff::Timestamp;

use super::Teller;
use super::line::{Line, plain, work};
use super::shaped::question;
use crate::sentence::until;

impl Teller<'_> {
    pub(super) fn people(&self, event: &Event) -> Line {
        match event {
            Event::ReviewOpened { review, about, decision, expires, .. } => {
                Some((self.review_opened(&review.to_string(), about, *expires), *decision))
            }
            Event::ReviewAnswered { review, verdict, by, reason, access, .. } => {
                let question = matches!(self.story.asked(*review), Some(About::Question { .. }));
                let asked = matches!(self.story.asked(*review), Some(About::Asked { .. }));
                let did = match verdict {
                    Verdict::Approve if asked => "said what the agent is to be told",
                    Verdict::Reject if asked => "did not answer the agent",
                    Verdict::Approve if question => "said yes",
                    Verdict::Reject if question => "said no",
                    Verdict::Approve => "approved, so policy was asked again",
                    Verdict::Reject => "rejected",
                };
                Some((format!("`{}` {did}: “{reason}”.", by.name), Some(*access)))
            }
            Event::ReviewLapsed { .. } => {
                plain("Nobody answered the review in time, which counts as no.".to_owned())
            }
            Event::Paused { by, reason, access } => Some((
                format!("`{by}` paused it: “{reason}”. Nothing new begins until somebody resumes it."),
                Some(*access),
            )),
            Event::Resumed { by, reason, access } => {
                Some((format!("`{by}` resumed it: “{reason}”."), Some(*access)))
            }
            Event::Extended { deadline, by, reason, access } => Some((
                format!("`{by}` put off its deadline to {}: “{reason}”.", until(*deadline)),
                Some(*access),
            )),
            _ => None,
        }
    }

    fn review_opened(&self, review: &str, about: &About, expires: Timestamp) -> String {
        let asked = match about {
            About::Admission => "whether the contract may run".to_owned(),
            About::Step { gate: Gate::Release, attempt } => {
                format!("whether the result of {} may be used", work(attempt))
            }
            About::Step { attempt, .. } => format!("whether {} may be given to an agent", work(attempt)),
            About::Reconciliation { attempt } => {
                format!("to find out whether {} was done, and whether it may be sent again", work(attempt))
            }
            About::Asked { attempt } => format!("what the agent of {} is to be told", work(attempt)),
            About::Question { attempt } => {
                let asked = question(&self.view.run, attempt).unwrap_or("its question");
                format!("by {}: “{asked}”", work(attempt))
            }
        };
        format!("People are asked {asked} (review {review}, until {}).", until(expires))
    }
}

//! What people are asked, and what follows from their answers.

use concordat_model::contract::Question;
use concordat_model::digest::Digest;
use concordat_model::id::{DecisionId, ReviewId};
use concordat_model::run::due::Ask;
use concordat_model::run::event::{About, Cause, Event, Failure, Verdict};
use concordat_model::span::Span;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Turn;
use crate::error::EngineError;
use crate::input::Reviewed;

impl Turn<'_> {
    /// A step that is a question: people see exactly what they are asked about.
    pub(super) fn question(&mut self, ask: &Ask, question: &Question) -> Result<(), EngineError> {
        let show = match self.resolved(ask, &Value::Object(question.show.clone())) {
            Ok(show) => show,
            Err(error) => return self.fail(ask.attempt.clone(), error),
        };
        let asked = json!({"question": question.question, "show": show});
        let (payload, _) = self.put(std::sync::Arc::new(asked))?;
        let about = About::Question { attempt: ask.attempt.clone() };
        self.open_review(about, None, payload, question.within)
    }

    pub(super) fn reviewed(&mut self, reviewed: Reviewed) -> Result<(), EngineError> {
        let Reviewed { review, verdict, by, reason, payload, access, answer: told } = reviewed;
        let Some(open) = self.run.state.reviews.get(&review) else {
            return Err(EngineError::Conflict(format!("the review `{review}` is not open any more")));
        };
        if open.payload != payload {
            return Err(EngineError::Conflict(format!(
                "the review `{review}` is about another payload: look again"
            )));
        }
        let about = open.about.clone();
        let told = self.told(review, &about, verdict, told)?;
        let decision = access.decision.id;
        self.decided(access, None)?;
        let answer = json!({"approved": true, "by": by.name, "reason": reason});
        let refusal = format!("{} said no: {reason}", by.name);
        let said = match told {
            Some(told) => Some(self.put(std::sync::Arc::new(told))?.0),
            None => None,
        };
        let access = decision;
        self.tell(Event::ReviewAnswered { review, verdict, by, reason, payload, access, answer: said })?;
        match (verdict, &about) {
            (Verdict::Approve, About::Question { attempt }) => self.conclude(attempt.clone(), answer),
            (Verdict::Approve, _) => Ok(()),
            (Verdict::Reject, _) => self.refused(review, Some(about), "review-rejected", refusal),
        }
    }

    pub(super) fn lapsed(&mut self, review: ReviewId) -> Result<(), EngineError> {
        let about = self.run.state.reviews.get(&review).map(|open| open.about.clone());
        self.tell(Event::ReviewLapsed { review })?;
        self.refused(review, about, "review-lapsed", "nobody answered the review in time".to_owned())
    }

    /// People did not say yes: what they were asked about does not go on.
    pub(super) fn refused(
        &mut self,
        review: ReviewId,
        about: Option<About>,
        code: &str,
        message: String,
    ) -> Result<(), EngineError> {
        match about {
            None => Ok(()),
            Some(About::Admission) => self.close(Cause::Rejected { review }),
            Some(About::Asked { attempt }) => {
                let code = if code == "review-lapsed" { "question-lapsed" } else { "question-refused" };
                let message = format!("an agent asked something, and got no answer: {message}");
                self.fail(attempt, Failure { code: code.to_owned(), message, decision: None })
            }
            Some(
                About::Step { attempt, .. } | About::Reconciliation { attempt } | About::Question { attempt },
            ) => self.fail(attempt, Failure { code: code.to_owned(), message, decision: None }),
        }
    }

    pub(super) fn open_review(
        &mut self,
        about: About,
        decision: Option<DecisionId>,
        payload: Digest,
        within: Option<Span>,
    ) -> Result<(), EngineError> {
        let within = within.unwrap_or(self.core.review_expiry);
        let review = ReviewId::new(self.core.clock.uuid());
        let expires = self.at.checked_add(within.duration()).unwrap_or(Timestamp::MAX);
        self.tell(Event::ReviewOpened { review, about, decision, payload, expires })
    }
}

//! One agreed step.

use serde_json::Value;

use super::DEFAULT_TIMEOUT;
use super::kind::Kind;
use super::scope::{Scope, Sees};
use super::words::check_retry;
use crate::condition::Test;
use crate::contract::{OnError, OnFailure, SchemaDocument, StepDocument};
use crate::name::{SkillName, StepName};
use crate::problem::Problem;
use crate::schema::Schema;
use crate::span::Span;
use crate::work::Leg;

/// One step of an agreed contract.
#[derive(Debug, Clone)]
pub struct Step {
    /// The step as it was written.
    pub document: StepDocument,
    /// What kind of work it is.
    pub kind: Kind,
    /// The step is skipped unless this holds.
    pub when: Option<Test>,
    /// What the agent is given must fit this.
    pub input: Option<Schema>,
    /// What the step answers must fit this.
    pub output: Option<Schema>,
    /// The steps whose output reaches this step's parameters.
    pub tainted_by: Vec<StepName>,
    /// What happens when the step fails for good.
    pub on_error: OnError,
    /// How long one attempt may take.
    pub timeout: Span,
}

impl Step {
    /// The skill that an agent is asked for, if one is asked.
    #[must_use]
    pub fn skill(&self, leg: Leg) -> Option<&SkillName> {
        match leg {
            Leg::Do => self.kind.skill(),
            Leg::Undo => self.document.compensate.as_ref().map(|undo| &undo.skill),
        }
    }
}

impl Scope<'_> {
    pub(super) fn step(
        &self,
        nth: usize,
        step: &StepDocument,
        depth: usize,
        found: &mut Vec<Problem>,
    ) -> Option<Step> {
        let at = format!("/spec/steps/{nth}");
        let when = step
            .when
            .as_ref()
            .and_then(|when| self.condition(when, format!("{at}/when"), Sees::Before(nth), found));
        let with = Value::Object(step.with.clone());
        let mut references = self.template(&with, &format!("{at}/with"), Sees::Given(nth), found);
        if let Some(each) = &step.for_each {
            references.extend(self.template(each, &format!("{at}/forEach"), Sees::Before(nth), found));
        }
        if let Some(undo) = &step.compensate {
            let with = Value::Object(undo.with.clone());
            self.template(&with, &format!("{at}/compensate/with"), Sees::UpTo(nth), found);
        }
        check_retry(step, &at, found);
        let input = schema(step.input.as_ref(), || format!("{at}/input/schema"), found);
        let output = schema(step.output.as_ref(), || format!("{at}/output/schema"), found);
        Some(Step {
            kind: self.kind(nth, step, depth, found)?,
            when,
            input,
            output,
            tainted_by: self.taints(nth, &references),
            on_error: step.on_error.unwrap_or(match self.spec.on_failure {
                OnFailure::Fail => OnError::Fail,
                OnFailure::Compensate => OnError::Compensate,
            }),
            timeout: step.timeout.unwrap_or(DEFAULT_TIMEOUT),
            document: step.clone(),
        })
    }
}

fn schema(
    document: Option<&SchemaDocument>,
    at: impl Fn() -> String,
    found: &mut Vec<Problem>,
) -> Option<Schema> {
    let invalid = |error: crate::schema::BadSchema| Problem::new("schema-invalid", at(), error.to_string());
    Schema::compile(&document?.schema).map_err(|error| found.push(invalid(error))).ok()
}

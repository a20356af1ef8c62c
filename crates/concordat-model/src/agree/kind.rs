//! What kind of work a step is: exactly one of a skill, a question, a wait, an event, a contract and a choice.

use serde_json::Value;

use super::scope::{Scope, Sees};
use super::{MAX_BRANCHES, MAX_DEPTH, blueprint};
use crate::condition::Test;
use crate::contract::{
    ContractDocument, EffectKind, Emission, EventName, NestedDocument, Question, StepDocument, WaitDocument,
};
use crate::name::{SkillName, StepName};
use crate::problem::Problem;
use crate::span::Span;

/// What kind of work a step is.
#[derive(Debug, Clone)]
pub enum Kind {
    /// An agent is asked for a skill.
    Skill(SkillName),
    /// People are asked a question.
    Review(Question),
    /// Something is waited for.
    Wait(Wait),
    /// An event is published.
    Emit(Emission),
    /// A contract is carried out within this one.
    Contract(Box<Nested>),
    /// The first of several branches whose condition holds is taken.
    OneOf(Vec<Way>),
}

/// What is waited for.
#[derive(Debug, Clone)]
pub enum Wait {
    /// Events.
    Event {
        /// Their type.
        event: EventName,
        /// What they must say: names within the data, and values or references.
        correlate: Value,
        /// How many.
        count: u32,
        /// How close together.
        window: Option<Span>,
        /// The step fails when nothing came within this time.
        within: Option<Span>,
    },
    /// A length of time.
    For(Span),
    /// A moment: a time or a reference to one.
    Until(String),
}

/// A contract within another one.
#[derive(Debug, Clone)]
pub struct Nested {
    /// The contract.
    pub contract: ContractDocument,
    /// Its input: values and references.
    pub input: Value,
}

/// One way that a choice can go.
#[derive(Debug, Clone)]
pub struct Way {
    /// When; without it, always.
    pub when: Option<Test>,
    /// Where to.
    pub then: StepName,
}

impl Kind {
    /// The kind's name in tables, policy and messages.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Kind::Skill(_) => "skill",
            Kind::Review(_) => "review",
            Kind::Wait(_) => "wait",
            Kind::Emit(_) => "emit",
            Kind::Contract(_) => "contract",
            Kind::OneOf(_) => "oneOf",
        }
    }

    /// The skill that an agent is asked for, if the step asks one.
    #[must_use]
    pub fn skill(&self) -> Option<&SkillName> {
        match self {
            Kind::Skill(skill) => Some(skill),
            _ => None,
        }
    }
}

impl Scope<'_> {
    /// The one kind that a step is.
    pub(super) fn kind(
        &self,
        nth: usize,
        step: &StepDocument,
        depth: usize,
        found: &mut Vec<Problem>,
    ) -> Option<Kind> {
        let at = format!("/spec/steps/{nth}");
        let kinds = [
            step.skill.is_some(),
            step.review.is_some(),
            step.wait.is_some(),
            step.emit.is_some(),
            step.contract.is_some(),
            step.one_of.is_some(),
        ];
        if kinds.into_iter().filter(|is| *is).count() != 1 {
            let message =
                "a step has exactly one of `skill`, `review`, `wait`, `emit`, `contract` and `oneOf`";
            found.push(Problem::new("step-kind", at, message));
            return None;
        }
        modifiers(step, &at, found);
        if let Some(skill) = &step.skill {
            return Some(Kind::Skill(skill.clone()));
        }
        if let Some(question) = &step.review {
            let show = Value::Object(question.show.clone());
            self.template(&show, &format!("{at}/review/show"), Sees::Given(nth), found);
            return Some(Kind::Review(question.clone()));
        }
        if let Some(wait) = &step.wait {
            return self.wait(nth, wait, &format!("{at}/wait"), found).map(Kind::Wait);
        }
        if let Some(emit) = &step.emit {
            let data = Value::Object(emit.data.clone());
            self.template(&data, &format!("{at}/emit/data"), Sees::Given(nth), found);
            let subject = Value::from(emit.subject.clone());
            self.template(&subject, &format!("{at}/emit/subject"), Sees::Given(nth), found);
            return Some(Kind::Emit(emit.clone()));
        }
        if let Some(nested) = &step.contract {
            return self
                .nested(Sees::Given(nth), nested, &format!("{at}/contract"), depth, found)
                .map(|nested| Kind::Contract(Box::new(nested)));
        }
        step.one_of.as_ref().map(|_| Kind::OneOf(self.ways(nth, step, found)))
    }

    fn wait(&self, nth: usize, wait: &WaitDocument, at: &str, found: &mut Vec<Problem>) -> Option<Wait> {
        let correlate = Value::Object(wait.correlate.clone());
        self.template(&correlate, &format!("{at}/correlate"), Sees::Given(nth), found);
        if let Some(until) = &wait.until {
            self.template(&Value::from(until.as_str()), &format!("{at}/until"), Sees::Given(nth), found);
        }
        let of_events = wait.count.is_some()
            || wait.window.is_some()
            || wait.within.is_some()
            || !wait.correlate.is_empty();
        match (&wait.event, wait.pause, &wait.until) {
            (Some(event), None, None) => Some(Wait::Event {
                event: event.clone(),
                correlate,
                count: wait.count.unwrap_or(1).clamp(1, 1000),
                window: wait.window,
                within: wait.within,
            }),
            (None, Some(pause), None) if !of_events => Some(Wait::For(pause)),
            (None, None, Some(until)) if !of_events => Some(Wait::Until(until.clone())),
            _ => {
                let message = "a wait has exactly one of `event`, `for` and `until`; `correlate`, `count`, `window` \
                               and `within` go with `event`";
                found.push(Problem::new("wait-invalid", at, message));
                None
            }
        }
    }

    /// A contract within this one: checked now, so that nothing starts that could not go on.
    pub(super) fn nested(
        &self,
        sees: Sees,
        nested: &NestedDocument,
        at: &str,
        depth: usize,
        found: &mut Vec<Problem>,
    ) -> Option<Nested> {
        let input = Value::Object(nested.input.clone());
        self.template(&input, &format!("{at}/input"), sees, found);
        let (None, Some(contract)) = (&nested.template, &nested.contract) else {
            let message = "a nested contract is either a known `template` or a `contract`";
            found.push(Problem::new("nested-invalid", at, message));
            return None;
        };
        if depth >= MAX_DEPTH {
            let message = format!("contracts lie at most {MAX_DEPTH} deep within each other");
            found.push(Problem::new("contract-size", at, message));
            return None;
        }
        if let Err(problems) = blueprint(contract, depth + 1) {
            let base = format!("{at}/contract");
            found.extend(problems.into_iter().map(|problem| problem.under(&base)));
        }
        Some(Nested { contract: contract.clone(), input })
    }

    fn ways(&self, nth: usize, step: &StepDocument, found: &mut Vec<Problem>) -> Vec<Way> {
        let branches = step.one_of.as_deref().unwrap_or_default();
        let at = format!("/spec/steps/{nth}/oneOf");
        if branches.is_empty() || branches.len() > MAX_BRANCHES {
            let message = format!("a choice has 1 to {MAX_BRANCHES} branches, not {}", branches.len());
            found.push(Problem::new("contract-size", at.clone(), message));
        }
        let mut ways = Vec::with_capacity(branches.len());
        for (place, branch) in branches.iter().enumerate() {
            let at = format!("{at}/{place}");
            let when = branch.when.as_ref();
            let test =
                when.and_then(|when| self.condition(when, format!("{at}/when"), Sees::Before(nth), found));
            match self.names.get(&branch.then) {
                None => {
                    found.push(super::order::unknown_step(format!("{at}/then"), &branch.then, self.names));
                }
                Some(target) if *target == nth => {
                    found.push(Problem::new(
                        "choice-invalid",
                        format!("{at}/then"),
                        "a choice cannot lead to itself",
                    ));
                }
                Some(_) => {}
            }
            ways.push(Way { when: test, then: branch.then.clone() });
        }
        ways
    }
}

/// What only goes with some kinds of step.
fn modifiers(step: &StepDocument, at: &str, found: &mut Vec<Problem>) {
    let skill = step.skill.is_some();
    let spreads = skill || step.contract.is_some();
    let only = |wrong: bool, member: &str, with: &str| {
        wrong.then(|| {
            Problem::new("step-kind", format!("{at}/{member}"), format!("`{member}` goes only with {with}"))
        })
    };
    found.extend(
        [
            only(!skill && !step.with.is_empty(), "with", "`skill`"),
            only(!skill && step.input.is_some(), "input", "`skill`"),
            only(!skill && step.retry.is_some(), "retry", "`skill`"),
            only(!skill && step.timeout.is_some(), "timeout", "`skill`"),
            only(!skill && step.may_decompose.is_some(), "mayDecompose", "`skill`"),
            only(
                !(skill && step.effect == EffectKind::None) && step.cache.is_some(),
                "cache",
                "`skill` and `effect: none`",
            ),
            only(!spreads && step.for_each.is_some(), "forEach", "`skill` and `contract`"),
            only(step.for_each.is_none() && step.max_parallel.is_some(), "maxParallel", "`forEach`"),
            only(
                step.for_each.is_some() && step.may_decompose.is_some(),
                "mayDecompose",
                "a step without `forEach`",
            ),
            only(!spreads && step.compensate.is_some(), "compensate", "`skill` and `contract`"),
        ]
        .into_iter()
        .flatten(),
    );
    let bounds =
        step.may_decompose.is_none_or(|may| (1..=7).contains(&may.depth) && (1..=100).contains(&may.steps));
    if !bounds {
        let message = "a step is decomposed 1 to 7 times over, into 1 to 100 steps at a time";
        found.push(Problem::new("contract-size", format!("{at}/mayDecompose"), message));
    }
    if step.max_parallel == Some(0) {
        found.push(Problem::new(
            "contract-size",
            format!("{at}/maxParallel"),
            "at least one item is worked on at a time",
        ));
    }
}

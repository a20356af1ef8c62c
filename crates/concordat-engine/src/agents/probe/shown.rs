//! What a try shows of a claim, and how much of that is evidence.

use std::cmp::Reverse;
use std::sync::Arc;

use concordat_model::agent::{Agent, Example, ProbeResult, TriedExample};
use concordat_model::contract::FailureKind;
use concordat_model::digest::{self, Digest};
use concordat_model::id::DecisionId;
use concordat_model::name::SkillName;
use concordat_model::principal::Principal;
use concordat_model::registry::AgentEvent;
use concordat_model::trust::{Cause, ProbeCause, Seen, TrustKey};
use jiff::SignedDuration;
use serde_json::Value;

use crate::core::Core;
use crate::error::EngineError;
use crate::ports::{Arrival, Change, Fault, Forsaken};
use crate::scribe::Place;
use crate::trust::Lesson;

/// How often the same result is evidence.
const COUNTS_AGAIN: SignedDuration = SignedDuration::from_hours(24);
/// The longest text of a problem, and the most problems.
const PROBLEM: usize = 300;
const PROBLEMS: usize = 5;
/// As much of an address stands before a problem, so that the problem can be read after it.
const ADDRESS: usize = 100;
/// The most bytes of a record that tell of single examples: a whole record has at most 65,535.
const ROOM: usize = 32 * 1024;

/// A skill that policy lets be tried, and what came of it so far.
pub(super) struct Tried {
    pub(super) agent: Arc<Agent>,
    skill: SkillName,
    /// How many examples there are, and how many instances that each of them is given to.
    examples: usize,
    places: usize,
    pub(super) came: Vec<Came>,
}

/// One example, and the instance that it is given to where there are several.
#[derive(Clone, Copy)]
pub(super) struct Given<'g> {
    /// Which of the skill's examples it is, from 1.
    pub(super) nth: u32,
    pub(super) example: &'g Example,
    pub(super) instance: Option<&'g str>,
}

/// What came of one example at one instance.
pub(super) struct Came {
    pub(super) nth: u32,
    pub(super) name: Option<String>,
    pub(super) instance: Option<String>,
    pub(super) params: Digest,
    pub(super) enroll: DecisionId,
    pub(super) result: ProbeResult,
    pub(super) problems: Vec<String>,
    pub(super) latency_ms: u64,
}

/// What of several results says most: one falsehood is enough, and what is not known is not known to be good.
fn weight(result: ProbeResult) -> u8 {
    match result {
        ProbeResult::Verified => 0,
        ProbeResult::Unclear => 1,
        ProbeResult::Unknown => 2,
        ProbeResult::False => 3,
    }
}

impl Tried {
    pub(super) fn new(agent: Arc<Agent>, skill: SkillName, (examples, places): (usize, usize)) -> Tried {
        Tried { agent, skill, examples, places, came: Vec::new() }
    }

    /// How many calls go through all of it.
    fn whole(&self) -> usize {
        self.examples.saturating_mul(self.places)
    }

    /// Whether nobody knows what became of the last example.
    pub(super) fn is_unknown(&self) -> bool {
        self.came.last().is_some_and(|came| came.result == ProbeResult::Unknown)
    }

    /// What all of it comes to, as it is told.
    fn event(&self, counts: bool, by: Option<&Principal>) -> Option<AgentEvent> {
        let heaviest = self.came.iter().rev().max_by_key(|came| weight(came.result))?;
        let left = self.whole().saturating_sub(self.came.len());
        let mut problems: Vec<String> = self.came.iter().flat_map(|came| self.named(came)).collect();
        problems.truncate(PROBLEMS);
        if left > 0 {
            let what = if self.places > 1 { "tries" } else { "examples" };
            problems.push(format!("{left} of {} {what} were put off", self.whole()));
        }
        Some(AgentEvent::Probed {
            skill: self.skill.clone(),
            revision: self.agent.revision,
            result: self.result(),
            problems,
            params: heaviest.params,
            latency_ms: self.came.iter().map(|came| came.latency_ms).sum(),
            counts,
            by: by.map(|by| by.name.clone()),
            enroll: heaviest.enroll,
            examples: if self.whole() > 1 { self.told() } else { Vec::new() },
        })
    }

    /// What was wrong with an example, with its name and its place where there are several.
    fn named(&self, came: &Came) -> Vec<String> {
        let name = came.name.clone().unwrap_or_else(|| format!("example {}", came.nth));
        let name = Some(name).filter(|_| self.examples > 1);
        let place = came.instance.as_ref().map(|url| format!("at {}", cut(url, ADDRESS)));
        let which: Vec<String> = name.into_iter().chain(place).collect();
        let named = |problem: &String| match which.as_slice() {
            [] => problem.clone(),
            words => cut(&format!("{}: {problem}", words.join(" ")), PROBLEM),
        };
        came.problems.iter().map(named).collect()
    }

    /// What came of each example, in their order. Where that is more than a record holds, what says least is left out.
    fn told(&self) -> Vec<TriedExample> {
        let mut order: Vec<(usize, &Came)> = self.came.iter().enumerate().collect();
        order.sort_by_key(|(_, came)| Reverse(weight(came.result)));
        let mut room = ROOM;
        let fits = |(place, came): (usize, &Came)| {
            let told = came.told();
            let bytes = serde_json::to_string(&told).map_or(ROOM, |text| text.len());
            room = room.checked_sub(bytes)?;
            Some((place, told))
        };
        let mut told: Vec<(usize, TriedExample)> = order.into_iter().map_while(fits).collect();
        told.sort_by_key(|(place, _)| *place);
        told.into_iter().map(|(_, told)| told).collect()
    }

    /// What all of it comes to. What was not gone through to its end verifies nothing.
    fn result(&self) -> ProbeResult {
        let heaviest = self.came.iter().map(|came| came.result).max_by_key(|result| weight(*result));
        match heaviest.unwrap_or(ProbeResult::Unclear) {
            ProbeResult::Verified if self.came.len() < self.whole() => ProbeResult::Unclear,
            result => result,
        }
    }

    /// The decision that what came of it rests on.
    fn decisive(&self) -> Option<DecisionId> {
        self.came.iter().rev().max_by_key(|came| weight(came.result)).map(|came| came.enroll)
    }
}

impl Came {
    fn told(&self) -> TriedExample {
        TriedExample {
            nth: Some(self.nth),
            instance: self.instance.clone(),
            name: self.name.clone(),
            params: self.params,
            result: self.result,
            latency_ms: self.latency_ms,
            enroll: self.enroll,
        }
    }
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

impl Core {
    /// What came of it. What was in the way, of the agent or of the network, says nothing about the claim.
    pub(super) fn shown(
        self: &Arc<Core>,
        agent: &Agent,
        skill: &SkillName,
        Given { example, instance, .. }: Given<'_>,
        arrival: Arrival,
    ) -> (ProbeResult, Vec<String>) {
        match arrival {
            Arrival::Completed(value) => {
                let schema = self.output_schema(agent.id, skill);
                let misfits = schema.map(|schema| schema.misfits(&value)).unwrap_or_default();
                let mut problems: Vec<String> =
                    misfits.iter().take(PROBLEMS).map(|misfit| cut(&misfit.to_string(), PROBLEM)).collect();
                if example.output.as_ref().is_some_and(|wanted| !is_same(wanted, &value)) {
                    problems
                        .push("the answer is not the one that was registered with the example".to_owned());
                }
                let result = if problems.is_empty() { ProbeResult::Verified } else { ProbeResult::False };
                (result, problems)
            }
            Arrival::Failed { kind, fault, message, .. } => {
                let lies =
                    fault == Fault::FalseClaim || (kind == FailureKind::Malformed && fault == Fault::Agent);
                let result = if lies { ProbeResult::False } else { ProbeResult::Unclear };
                (result, vec![cut(&message, PROBLEM)])
            }
            Arrival::Unknown { message } => (ProbeResult::Unknown, vec![cut(&message, PROBLEM)]),
            Arrival::Asked { task, .. } => {
                self.forsake([Forsaken::of(agent, instance, task)].into());
                let why = "the agent asks back: a try has nobody who could answer";
                (ProbeResult::Unclear, vec![why.to_owned()])
            }
        }
    }

    pub(super) async fn record_probe(&self, tried: Tried, by: Option<&Principal>) -> Result<(), EngineError> {
        let (id, revision) = (tried.agent.id, tried.agent.revision);
        let commit = {
            // What was shown counts at the next choice.
            let _nobody_chooses = self.standings.write();
            let mut world = self.world.write();
            let (subject, at) = (id.to_string(), self.clock.now());
            let before = world.registry.agent(id).and_then(|agent| {
                agent.probed.get(&tried.skill).filter(|probed| probed.revision == revision).cloned()
            });
            let held = tried.result().shown();
            let news = before.is_none_or(|before| {
                before.shown != held
                    || before.counted.is_none_or(|counted| at.duration_since(counted) >= COUNTS_AGAIN)
            });
            let counts = held.is_some() && news;
            let (Some(event), Some(enroll)) = (tried.event(counts, by), tried.decisive()) else {
                return Ok(());
            };
            world.apply_agent(id, &event, None, at)?;
            let place = Place { subject: &subject, seq: world.take_seq(&subject), at };
            let mut records = vec![self.scribe.seal(&*self.clock, event.record_type(), place, &event)?];
            if let Some(held) = held.filter(|_| counts) {
                for domain in &tried.agent.registration.domains {
                    let skill = tried.skill.clone();
                    let key = TrustKey { agent: id, revision, domain: domain.clone(), skill };
                    let cause = Cause::Probe(ProbeCause { probe: enroll });
                    let lesson = Lesson { key, seen: Seen::Probed { held }, risk: None, cause, at };
                    self.learn(&mut world, lesson, &mut records)?;
                }
            }
            self.store.commit(Change { records, ..Change::default() })
        };
        self.durable(commit).await.map(drop)
    }
}

/// Whether two answers are one document: `1` and `1.0` are one number.
fn is_same(wanted: &Value, value: &Value) -> bool {
    match (digest::canonical(wanted), digest::canonical(value)) {
        (Ok(wanted), Ok(value)) => wanted == value,
        _ => wanted == value,
    }
}

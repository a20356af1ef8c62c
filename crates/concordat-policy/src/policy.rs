//! A loaded policy, and the questions it is asked.
//!
//! Every question gives an [`Asked`]: the decision with the very bytes it was made from. A question about work or
//! about an outcome also gives the key, and only on the policy's own permit; `unlock` is the one place in
//! the program where a permit is read.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use concordat_model::agent::Agent;
use concordat_model::decision::{Answer, Decision, Gate, Provenance};
use concordat_model::digest::{Digest, canonical};
use concordat_model::id::{AgentId, DecisionId};
use concordat_model::payload::{self, Payload, Salt};
use concordat_model::work::{Assignment, Outcome, Work};
use regorus::{Engine, Value};

use crate::answer::{self, Answered, Offered};
use crate::authorized::Authorized;
use crate::bundle::Bundle;
use crate::evaluate::{self, EVALUATOR};
use crate::explain::{self, Explanation, Sources};
use crate::failure::{Failed, Failure};
use crate::graph;
use crate::input::{
    AccessInput, AdmitInput, Candidate, DispatchInput, EnrollInput, GateInput, PromoteInput, ReleaseInput,
};
use crate::load::{LoadError, on_deep_stack, parse};
use crate::select::{self, Merits};

/// Codes of denials that may be otherwise a moment later.
const RETRYABLE: [&str; 2] = [Failure::Timeout.as_str(), "agent_busy"];

/// One policy bundle, loaded and ready to be asked. Cheap to share, and safe to ask from many threads.
#[derive(Debug, Clone)]
pub struct Policy {
    engine: Engine,
    gates: BTreeSet<Gate>,
    revision: Digest,
    bundle: Arc<Bundle>,
    sources: Arc<Sources>,
}

/// A decision with exactly what was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The gate's answer with its reasons and provenance.
    pub decision: Decision,
    /// The input as a payload; its digest stands in the decision's provenance.
    pub input: Arc<[u8]>,
    /// What explains a refusal, as a payload; its digest stands in the decision's provenance.
    pub explanation: Option<Arc<[u8]>>,
}

impl Asked {
    /// What the decision names by digest, to be stored beside it.
    pub fn payloads(&self) -> impl Iterator<Item = (Digest, Vec<u8>)> {
        let provenance = &self.decision.provenance;
        let explanation = provenance.explanation.zip(self.explanation.as_ref());
        [Some((provenance.input, &self.input)), explanation]
            .into_iter()
            .flatten()
            .map(|(digest, bytes)| (digest, bytes.to_vec()))
    }

    /// Whether asking the same again in a moment may give another answer.
    #[must_use]
    pub fn retryable(&self) -> bool {
        let reasons = self.decision.answer.reasons();
        !reasons.is_empty() && reasons.iter().all(|reason| RETRYABLE.contains(&reason.code.as_str()))
    }
}

/// Work that policy permits to some agents, one of which [`choose`](crate::choose) takes.
#[derive(Debug)]
#[must_use = "permitted work goes to nobody until an agent is chosen"]
pub struct Permitted {
    pub(crate) work: Authorized<Work>,
    // INVARIANT: `first` and `others` are in the order of the decision's `permitted`, and each is in it.
    pub(crate) first: (Arc<Agent>, Merits),
    pub(crate) others: Vec<(Arc<Agent>, Merits)>,
    pub(crate) asked: Asked,
}

impl Permitted {
    /// The decision that permits the work.
    #[must_use]
    pub fn asked(&self) -> &Asked {
        &self.asked
    }
}

/// An outcome that policy releases.
#[derive(Debug)]
#[must_use = "a released outcome that nobody uses was asked for in vain"]
pub struct Released {
    /// What may be used.
    pub outcome: Authorized<Outcome>,
    /// The decision that releases it.
    pub asked: Asked,
}

/// A try of a skill that policy permits.
#[derive(Debug)]
#[must_use = "a permitted try that nobody makes was asked for in vain"]
pub struct Probing {
    /// The skill's example, for the agent that claims it.
    pub assignment: Authorized<Assignment>,
    /// The decision that permits it.
    pub asked: Asked,
}

/// What policy did not permit: the decision, and what stays held.
#[derive(Debug)]
pub struct Refusal<T = Work> {
    /// The decision, with its reasons.
    pub asked: Asked,
    /// What was to be authorised; it is not, but a later review may ask about it again.
    pub held: T,
}

impl Policy {
    /// Loads a bundle: parses it, refuses what could exhaust the stack or see the world, and prepares it.
    ///
    /// A gate without a rule is no error here; asked, it denies with `policy_missing`.
    ///
    /// # Errors
    /// The first thing wrong, with its place.
    pub fn load(bundle: &Bundle) -> Result<Policy, LoadError> {
        let crashed = |what: &str| {
            let message = format!("the policy parser {what} on this bundle");
            LoadError { file: String::new(), line: 0, column: 0, message }
        };
        on_deep_stack(|| Policy::load_here(bundle)).unwrap_or_else(|| Err(crashed("crashed")))
    }

    fn load_here(bundle: &Bundle) -> Result<Policy, LoadError> {
        let mut engine = parse(bundle)?;
        let graph = graph::read(engine.get_modules(), bundle);
        if let Some(first) = graph.findings().into_iter().next() {
            return Err(first.into());
        }
        // The parser leaves some mistakes to the first evaluation; without this, to every evaluation.
        engine
            .eval_query("true".to_owned(), false)
            .map_err(|error| evaluate::located(&format!("{error:#}")))?;
        Ok(Policy::prepare(engine, &graph, bundle))
    }

    fn prepare(mut engine: Engine, graph: &graph::Graph, bundle: &Bundle) -> Policy {
        let gates: BTreeSet<Gate> =
            Gate::ALL.into_iter().filter(|gate| graph.has(evaluate::entrypoint(*gate))).collect();
        for gate in &gates {
            // Once is enough to compile the rules, whatever comes of it; from then on clones share them.
            let warm = AssertUnwindSafe(|| {
                engine.set_input(Value::new_object());
                drop(engine.eval_rule(evaluate::entrypoint(*gate).to_owned()));
            });
            drop(catch_unwind(warm));
        }
        drop(engine.take_prints());
        let sources = Arc::new(Sources::of(bundle));
        Policy { engine, gates, revision: bundle.revision(), bundle: Arc::new(bundle.clone()), sources }
    }

    /// The digest of the bundle's content.
    #[must_use]
    pub fn revision(&self) -> Digest {
        self.revision
    }

    /// The evaluator that every decision is made with, and its version.
    #[must_use]
    pub fn evaluator() -> &'static str {
        EVALUATOR
    }

    /// What was loaded.
    #[must_use]
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// May this principal do this?
    #[must_use]
    pub fn access(&self, id: DecisionId, input: &AccessInput) -> Asked {
        self.ask(id, input)
    }

    /// May this contract run?
    #[must_use]
    pub fn admit(&self, id: DecisionId, input: &AdmitInput) -> Asked {
        self.ask(id, input)
    }

    /// May this policy come into force?
    #[must_use]
    pub fn promote(&self, id: DecisionId, input: &PromoteInput) -> Asked {
        self.ask(id, input)
    }

    /// May this agent come to stand so?
    #[must_use]
    pub fn enroll(&self, id: DecisionId, input: &EnrollInput) -> Asked {
        self.ask(id, input)
    }

    /// May this skill of this agent be tried with this work? On yes, the key for exactly that.
    ///
    /// # Errors
    /// Everything but a permit, with the work given back.
    pub fn probe(
        &self,
        id: DecisionId,
        input: &EnrollInput,
        work: Work,
        agent: &Agent,
    ) -> Result<Probing, Refusal> {
        if !input.tries(&work, agent) {
            return Err(Refusal { asked: self.mismatch(id, input), held: work });
        }
        let (work, asked) = unlock(self.ask(id, input), work)?;
        let instance = input.tried.as_ref().and_then(|tried| tried.instance.clone());
        let assignment = work.map(|work, decision| select::assign(work, agent, instance, decision));
        Ok(Probing { assignment, asked })
    }

    /// Which agents may do this work? `candidates` are the agents of the input's candidates, in their order.
    ///
    /// # Errors
    /// Everything but a permit, with the work given back.
    pub fn dispatch(
        &self,
        id: DecisionId,
        input: &DispatchInput,
        work: Work,
        candidates: &[Arc<Agent>],
    ) -> Result<Permitted, Refusal> {
        let named = input.candidates.iter().map(|candidate| (candidate.id, candidate.revision));
        if !input.step.is(&work) || !named.eq(candidates.iter().map(|agent| (agent.id, agent.revision))) {
            return Err(Refusal { asked: self.mismatch(id, input), held: work });
        }
        let asked = self.ask(id, input);
        let (work, asked) = unlock(asked, work)?;
        let offered: BTreeMap<AgentId, _> =
            candidates.iter().zip(&input.candidates).map(|both| (both.0.id, both)).collect();
        let merits =
            |(agent, candidate): &(&Arc<Agent>, &Candidate)| (Arc::clone(agent), Merits::of(candidate));
        let permitted = &asked.decision.permitted;
        let mut agents =
            permitted.iter().filter_map(|id| offered.get(id).map(merits)).collect::<Vec<_>>().into_iter();
        match agents.next() {
            Some(first) => Ok(Permitted { work, first, others: agents.collect(), asked }),
            // The answer's reader lets no dispatch permit through without a candidate.
            None => Err(Refusal { asked: self.mismatch(id, input), held: work.into_inner() }),
        }
    }

    /// May this result be used?
    ///
    /// # Errors
    /// Everything but a permit, with the outcome given back, unauthorised.
    pub fn release(
        &self,
        id: DecisionId,
        input: &ReleaseInput,
        outcome: Outcome,
    ) -> Result<Released, Refusal<Outcome>> {
        if !input.is(&outcome) {
            return Err(Refusal { asked: self.mismatch(id, input), held: outcome });
        }
        let (outcome, asked) = unlock(self.ask(id, input), outcome)?;
        Ok(Released { outcome, asked })
    }

    /// Asks a gate again with a stored input, bit for bit. It gives a decision to compare, never a key.
    #[must_use]
    pub fn replay(&self, gate: Gate, id: DecisionId, input: &[u8]) -> Decision {
        let (document, salt) = (payload::document(input), payload::salt(input));
        self.decide(gate, id, Form { bytes: document.to_vec(), salt }, evaluate::input(document)).decision
    }

    /// The bare answer to a stored input.
    pub(crate) fn answer_to(&self, gate: Gate, input: &[u8]) -> Answered {
        let answered = evaluate::input(payload::document(input)).and_then(|input| self.answer(gate, input));
        answered.unwrap_or_else(|failed| Answered::failed(&failed))
    }

    fn ask<I: GateInput>(&self, id: DecisionId, input: &I) -> Asked {
        let salt = input.salt();
        match evaluate::canonical(input) {
            Ok((bytes, value)) => self.decide(I::GATE, id, Form { bytes, salt }, Ok(value)),
            // What could not be asked is still recorded as it was given.
            Err(failed) => self.decide(I::GATE, id, Form::of(input), Err(failed)),
        }
    }

    fn decide(&self, gate: Gate, id: DecisionId, form: Form, input: Result<Value, Failed>) -> Asked {
        match input.and_then(|input| self.answer(gate, input)) {
            Ok(answered) => self.asked(gate, id, form, answered),
            Err(failed) => self.failed(gate, id, form, &failed),
        }
    }

    fn answer(&self, gate: Gate, input: Value) -> Result<Answered, Failed> {
        if !self.gates.contains(&gate) {
            return Err(Failed::new(Failure::Missing, evaluate::entrypoint(gate)));
        }
        let candidates = candidates(&input);
        let value =
            evaluate::rule(&self.engine, evaluate::entrypoint(gate), input.clone()).or_else(|failed| {
                // The limit is time by the clock on the wall: a machine that stood still looks like a slow policy, once.
                match failed.failure {
                    Failure::Timeout => evaluate::rule(&self.engine, evaluate::entrypoint(gate), input),
                    _ => Err(failed),
                }
            })?;
        answer::read(gate, &value, &candidates)
    }

    fn mismatch<I: GateInput>(&self, id: DecisionId, input: &I) -> Asked {
        self.failed(I::GATE, id, Form::of(input), &Failed::new(Failure::Mismatch, ""))
    }

    fn failed(&self, gate: Gate, id: DecisionId, input: Form, failed: &Failed) -> Asked {
        self.asked(gate, id, input, Answered::failed(failed))
    }

    /// What explains a decision of this policy, made anew from its input.
    #[must_use]
    pub fn explain_again(&self, decision: &Decision, input: &[u8]) -> Explanation {
        let others = decision.excluded.values().flatten().map(|reason| reason.code.as_str()).collect();
        let reasons = decision.answer.reasons();
        let input = payload::document(input);
        explain::explain(&self.engine, &self.sources, decision.gate, input, reasons, &others)
            .unwrap_or_default()
    }

    /// What explains an answer that is no permit, where the policy itself gave it.
    fn explain(&self, gate: Gate, input: &Form, answered: &Answered) -> Option<Payload> {
        let reasons = answered.answer.reasons();
        if reasons.is_empty() || reasons.iter().any(|reason| reason.code.starts_with("policy_")) {
            return None;
        }
        let others = answered.excluded.values().flatten().map(|reason| reason.code.as_str()).collect();
        let explanation =
            explain::explain(&self.engine, &self.sources, gate, &input.bytes, reasons, &others)?;
        Some(payload::payload(canonical(&explanation).ok()?, input.salt))
    }

    fn asked(&self, gate: Gate, id: DecisionId, form: Form, answered: Answered) -> Asked {
        let (explained, explanation) = self.explain(gate, &form, &answered).unzip();
        let (input, stored) = payload::payload(form.bytes, form.salt);
        let Answered { answer, checks, permitted, strategy, regions, excluded } = answered;
        let provenance = Provenance {
            policy: self.revision,
            input,
            explanation: explained,
            evaluator: EVALUATOR.to_owned(),
        };
        let compared = None;
        let decision = Decision {
            id,
            gate,
            answer,
            checks,
            permitted,
            strategy,
            regions,
            excluded,
            compared,
            provenance,
        };
        Asked { decision, input: stored.into(), explanation: explanation.map(Into::into) }
    }
}

/// An input in canonical form, and what is to stand behind it where it is stored.
struct Form {
    bytes: Vec<u8>,
    salt: Option<Salt>,
}

impl Form {
    fn of(input: &impl GateInput) -> Form {
        Form { bytes: canonical(input).unwrap_or_default(), salt: input.salt() }
    }
}

/// The one place where a permit is read: on a permit the value comes back authorised, else as it was.
fn unlock<T>(asked: Asked, value: T) -> Result<(Authorized<T>, Asked), Refusal<T>> {
    match asked.decision.answer {
        Answer::Permit => Ok((Authorized::new(value, asked.decision.id), asked)),
        Answer::Review { .. } | Answer::Deny { .. } => Err(Refusal { asked, held: value }),
    }
}

/// The agents that an input names as candidates.
fn candidates(input: &Value) -> Offered {
    let Ok(named) = input["candidates"].as_array() else { return Offered::new() };
    let regions = |candidate: &Value| {
        let named = candidate["regions"].as_array().map(|names| names.iter()).into_iter().flatten();
        named.filter_map(|name| name.as_string().ok()?.parse().ok()).collect()
    };
    let offered =
        |candidate: &Value| Some((candidate["id"].as_string().ok()?.parse().ok()?, regions(candidate)));
    named.iter().filter_map(offered).collect()
}

//! What each gate is told, put together from a run and the registry.

use std::collections::BTreeMap;
use std::sync::Arc;

use concordat_classify::{ContractText, Kind};
use concordat_model::agent::{Agent, Standing};
use concordat_model::agree::{Contract, Step};
use concordat_model::classification::Classification;
use concordat_model::contract::EffectKind;
use concordat_model::id::AgentId;
use concordat_model::name::{DomainName, SkillName};
use concordat_model::principal::Principal;
use concordat_model::run::Run;
use concordat_model::run::event::About;
use concordat_model::run::leg::LegState;
use concordat_model::trust::{Belief, TrustKey, TrustView};
use concordat_model::work::{Leg, Outcome, Work};
use concordat_policy::input::{
    AdmitContract, AdmitInput, AdmitStep, Candidate, DispatchContract, DispatchInput, DispatchStep,
    DispatchTelling, DispatchTrials, Load, Price, ReleaseAgent, ReleaseContract, ReleaseInput, ReleaseOutput,
    ReleaseStep, ReviewEvidence, SkillSupply, Submitter,
};
use jiff::Timestamp;

use crate::world::World;

/// The most candidates that are put before policy for one step: the most trusted ones.
const MOST_CANDIDATES: usize = 64;

/// Of the agents that are known at some work, so many are looked at closely: those who did best when they did it last.
const MOST_LOOKED_AT: usize = 4 * MOST_CANDIDATES;

/// The words of a contract that the classifier reads. The declared domain is not among them.
pub(crate) fn words(contract: &Contract) -> ContractText<'_> {
    let document = contract.document();
    let spec = contract.spec();
    let mut text = ContractText::new().with(Kind::Objective, "spec.objective", spec.objective.as_str());
    for (nth, requirement) in spec.requirements.iter().enumerate() {
        text = text.with(Kind::Requirement, format!("spec.requirements[{nth}]"), requirement.as_str());
    }
    for (nth, step) in spec.steps.iter().enumerate() {
        if let Some(skill) = &step.skill {
            text = text.with(Kind::Skill, format!("spec.steps[{nth}].skill"), skill.as_str());
        }
    }
    text.with(Kind::Name, "metadata.name", document.metadata.name.as_str())
}

/// The domain that a run's work is held to: the classified one, or the declared one where the classifier abstained.
pub(crate) fn domain(run: &Run) -> Option<&DomainName> {
    let classified = run.state.classification.as_ref().and_then(Classification::domain);
    classified.or(run.contract.spec().domain.as_ref())
}

/// The domain under which work is remembered when nobody could say what it is about.
pub(crate) fn trust_domain(run: &Run) -> Option<DomainName> {
    domain(run).cloned().or_else(|| "unclassified".parse().ok())
}

/// What the admit gate is told.
pub(crate) fn admit(run: &Run, classification: &Classification, world: &World, now: Timestamp) -> AdmitInput {
    let review = evidence(run, &About::Admission);
    let asked = admit_plan(&run.contract, run.depth(), &run.state.submitter, classification, world, now);
    AdmitInput { review, salt: run.salt(), ..asked }
}

/// What the admit gate would be told of a contract that nobody has reviewed.
pub(crate) fn admit_plan(
    contract: &Contract,
    depth: u8,
    submitter: &Principal,
    classification: &Classification,
    world: &World,
    now: Timestamp,
) -> AdmitInput {
    let (document, spec) = (contract.document(), contract.spec());
    let domain = classification.domain().or(spec.domain.as_ref());
    let steps = contract.steps().iter().map(|step| AdmitStep {
        id: step.document.id.clone(),
        kind: step.kind.as_str().to_owned(),
        skill: step.document.skill.clone(),
        decomposes: step.document.may_decompose.is_some(),
        effect: step.document.effect,
        compensated: step.document.compensate.is_some(),
    });
    let undo = spec.steps.iter().filter_map(|step| step.compensate.as_ref().map(|undo| &undo.skill));
    let skills = spec.steps.iter().filter_map(|step| step.skill.as_ref()).chain(undo);
    let supply: BTreeMap<SkillName, SkillSupply> =
        skills.map(|skill| (skill.clone(), supply(world, skill, domain))).collect();
    AdmitInput {
        salt: None,
        now,
        submitter: submitter.clone(),
        contract: AdmitContract {
            name: document.metadata.name.clone(),
            version: document.metadata.version.clone(),
            digest: contract.digest(),
            declared: spec.domain.clone(),
            governance: spec.governance.clone(),
            budget: spec.budget.clone(),
            deadline_ms: spec.deadline.map(concordat_model::span::Span::millis),
            on_failure: spec.on_failure,
            depth,
            steps: steps.collect(),
        },
        classification: classification.clone(),
        skills: supply,
        review: None,
    }
}

fn supply(world: &World, skill: &SkillName, domain: Option<&DomainName>) -> SkillSupply {
    let counted = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    SkillSupply {
        registered: counted(world.registry.claims(skill)),
        eligible: counted(world.registry.ready(skill, domain)),
    }
}

/// What the dispatch gate is told, and the agents that its candidates stand for, in the same order.
pub(crate) fn dispatch(
    run: &Run,
    at: usize,
    work: &Work,
    world: &World,
    retry: bool,
    loads: &dyn Fn(&[Arc<Agent>]) -> Vec<Load>,
    now: Timestamp,
) -> Option<(DispatchInput, Vec<Arc<Agent>>)> {
    let contract = &run.contract;
    let step = run.step(at)?;
    let state = run.state.steps().get(at)?;
    // Whoever may have done it already knows that by its key, and nobody else does.
    let keeps = work.telling.is_some() || step.document.effect != EffectKind::None;
    let (agents, beliefs): (Vec<_>, Vec<_>) = candidates(run, work, world, now).into_iter().unzip();
    let candidates =
        agents.iter().zip(beliefs).zip(loads(&agents)).map(|((agent, (trust, belief)), load)| {
            let failed = state.failed_by.contains(&agent.id);
            let known = Candidate::of(agent, trust, belief, load, failed);
            let known = Candidate { verified: agent.verified(&work.skill), ..known };
            match state.left_at(agent.id) {
                Some(instance) if keeps => known.kept_to(instance),
                _ => known,
            }
        });
    let candidates = candidates.collect();
    let spec = contract.spec();
    let input = DispatchInput {
        salt: run.salt(),
        now,
        submitter: submitter(run),
        contract: DispatchContract {
            name: contract.document().metadata.name.clone(),
            digest: contract.digest(),
            domain: domain(run).cloned(),
            governance: spec.governance.clone(),
            budget_calls_left: run.calls_left(),
            budget_cost_left: run
                .cost_left()
                .map(|cost| Price { micros: cost.micros(), currency: cost.currency().to_owned() }),
            deadline_ms_left: run
                .state
                .deadline
                .map(|deadline| deadline.as_millisecond() - now.as_millisecond()),
        },
        step: DispatchStep {
            id: work.attempt.step.clone(),
            skill: work.skill.clone(),
            leg: work.attempt.leg,
            attempt: work.attempt.number,
            retry,
            effect: step.document.effect,
            params: work.params_digest,
            telling: work.telling.as_deref().map(DispatchTelling::from),
            tainted: if work.attempt.leg == Leg::Do { step.tainted_by.clone() } else { Vec::new() },
        },
        trials: trust_domain(run)
            .map(|domain| DispatchTrials::of(world.trust.trials(&domain), world.trust.drift(&domain))),
        candidates,
        review: evidence(
            run,
            &About::Step { gate: concordat_model::decision::Gate::Dispatch, attempt: work.attempt.clone() },
        ),
    };
    Some((input, agents))
}

/// The agents that policy is asked about, with how far each is trusted.
fn candidates(
    run: &Run,
    work: &Work,
    world: &World,
    now: Timestamp,
) -> Vec<(Arc<Agent>, (TrustView, Belief))> {
    let Some(domain) = trust_domain(run) else { return Vec::new() };
    let risk = run.contract.spec().governance.risk;
    let candidate = |agent: &Arc<Agent>| {
        let key = TrustKey {
            agent: agent.id,
            revision: agent.revision,
            domain: domain.clone(),
            skill: work.skill.clone(),
        };
        (agent.clone(), (world.trust.view_at(&key, risk, now), world.trust.belief_at(&key, risk, now)))
    };
    // Whoever asked is told, and nobody else.
    if let Some(telling) = &work.telling {
        return world.registry.agent(telling.agent).map(candidate).into_iter().collect();
    }
    // What one agent did, it undoes itself, if it says that it can: another may know nothing of it.
    let doer = (work.attempt.leg == Leg::Undo).then(|| doer(run, work)).flatten();
    let doer = doer.and_then(|doer| world.registry.agent(doer));
    if let Some(doer) = doer.filter(|doer| doer.registration.skill(&work.skill).is_some()) {
        return vec![candidate(doer)];
    }
    if world.registry.claims(&work.skill) <= MOST_CANDIDATES {
        return world.registry.claiming(&work.skill).map(candidate).collect();
    }
    let works =
        |agent: &&Arc<Agent>| agent.standing.works() && agent.registration.skill(&work.skill).is_some();
    // Those who did most of this work well, of whom somewhat more are looked at than are put before policy.
    let known = world.trust.known_in(&domain, &work.skill);
    let agents = known.filter_map(|id| world.registry.agent(id)).filter(works);
    let mut chosen: Vec<_> = agents.take(MOST_LOOKED_AT).map(candidate).collect();
    chosen.sort_by_key(|(_, (trust, _))| std::cmp::Reverse((trust.lower_bound, trust.mean)));
    chosen.truncate(MOST_CANDIDATES);
    // And then others, in an order of its own for each contract, so that each has a chance to become known.
    let drawn = run.id.uuid().as_u64_pair().1;
    let place = usize::try_from(drawn % 1_000_003).unwrap_or(0);
    let unknown = |agent: &&Arc<Agent>| !world.trust.knows(agent.id, &domain, &work.skill);
    let others = world.registry.claiming_from(&work.skill, place).filter(unknown);
    let room = MOST_CANDIDATES - chosen.len();
    chosen.extend(others.filter(works).take(room).map(candidate));
    chosen
}

/// Who did the step that this work undoes.
fn doer(run: &Run, work: &Work) -> Option<AgentId> {
    match run.state.leg(run.place(&work.attempt.step)?, Leg::Do)? {
        LegState::Done { agent, .. } => *agent,
        _ => None,
    }
}

/// What the release gate is told.
pub(crate) fn release(
    run: &Run,
    step: &Step,
    outcome: &Outcome,
    world: &World,
    now: Timestamp,
) -> ReleaseInput {
    let agent = world.registry.agent(outcome.agent);
    let claimed = agent.and_then(|agent| agent.registration.skill(&outcome.skill)?.output.as_ref());
    let contract = &run.contract;
    ReleaseInput {
        salt: run.salt(),
        now,
        submitter: submitter(run),
        contract: ReleaseContract {
            name: contract.document().metadata.name.clone(),
            digest: contract.digest(),
            domain: domain(run).cloned(),
            governance: contract.spec().governance.clone(),
        },
        step: ReleaseStep {
            id: outcome.attempt.step.clone(),
            skill: outcome.skill.clone(),
            leg: outcome.attempt.leg,
            attempt: outcome.attempt.number,
            effect: step.document.effect,
        },
        agent: ReleaseAgent {
            id: outcome.agent,
            revision: agent.map_or(outcome.digest, |agent| agent.revision),
            standing: agent.map_or(Standing::Suspended, |agent| agent.standing),
        },
        output: ReleaseOutput {
            digest: outcome.digest,
            bytes: concordat_model::digest::canonical(&*outcome.output).map_or(0, |bytes| bytes.len() as u64),
            schema_checked: claimed.is_some() || (outcome.attempt.leg == Leg::Do && step.output.is_some()),
            misfits: 0,
        },
        review: evidence(
            run,
            &About::Step { gate: concordat_model::decision::Gate::Release, attempt: outcome.attempt.clone() },
        ),
    }
}

fn submitter(run: &Run) -> Submitter {
    Submitter { name: run.state.submitter.name.clone(), tenant: run.state.submitter.tenant.clone() }
}

/// A person's approval of exactly this, as evidence.
fn evidence(run: &Run, about: &About) -> Option<ReviewEvidence> {
    let approval = run.state.approvals.get(about)?;
    Some(ReviewEvidence {
        id: approval.review,
        by: approval.by.name.clone(),
        roles: approval.by.roles.clone(),
        at: approval.at,
        payload: approval.payload,
    })
}

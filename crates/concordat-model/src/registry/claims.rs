//! Who claims each skill, and how many of those may be given such work.
//!
//! It is counted when an agent changes, so that nobody has to count a hundred thousand agents when work comes.

use std::collections::{BTreeSet, HashMap};

use crate::agent::Agent;
use crate::id::AgentId;
use crate::name::{DomainName, SkillName};

/// The claimants of every skill.
#[derive(Debug, Clone, Default)]
pub(super) struct Claims(HashMap<SkillName, Claimants>);

#[derive(Debug, Clone, Default)]
struct Claimants {
    /// In the order of registration.
    agents: Vec<AgentId>,
    /// How many of them may be given such work.
    ready: usize,
    /// How many of these are registered for a domain.
    ready_in: HashMap<DomainName, usize>,
}

impl Claims {
    /// Every agent that claims a skill, in the order of registration.
    pub(super) fn of(&self, skill: &SkillName) -> &[AgentId] {
        self.0.get(skill).map(|claimants| claimants.agents.as_slice()).unwrap_or_default()
    }

    /// How many agents may be given work of this skill, in a domain or in any.
    pub(super) fn ready(&self, skill: &SkillName, domain: Option<&DomainName>) -> usize {
        let Some(claimants) = self.0.get(skill) else { return 0 };
        domain.map_or(claimants.ready, |domain| claimants.ready_in.get(domain).copied().unwrap_or(0))
    }

    /// Puts an agent in the place of what it was before.
    pub(super) fn change(&mut self, before: Option<&Agent>, now: &Agent) {
        if let Some(before) = before {
            self.count(before, |number| number.saturating_sub(1));
        }
        let claims = |agent: &Agent, skill: &SkillName| agent.registration.skill(skill).is_some();
        let skills = |agent: Option<&Agent>| {
            let skills = agent.into_iter().flat_map(|agent| &agent.registration.skills);
            skills.map(|skill| skill.name.clone()).collect::<Vec<_>>()
        };
        for gone in skills(before).iter().filter(|skill| !claims(now, skill)) {
            if let Some(claimants) = self.0.get_mut(gone) {
                claimants.agents.retain(|other| *other != now.id);
            }
        }
        for new in skills(Some(now)) {
            if !before.is_some_and(|before| claims(before, &new)) {
                self.0.entry(new).or_default().agents.push(now.id);
            }
        }
        self.count(now, |number| number + 1);
    }

    /// Counts an agent in or out wherever it may be given work.
    fn count(&mut self, agent: &Agent, step: impl Fn(usize) -> usize) {
        for skill in agent.registration.skills.iter().map(|skill| &skill.name) {
            if !agent.ready_for(skill) {
                continue;
            }
            let claimants = self.0.entry(skill.clone()).or_default();
            claimants.ready = step(claimants.ready);
            // A domain that is named twice is one domain.
            for domain in agent.registration.domains.iter().collect::<BTreeSet<_>>() {
                let number = claimants.ready_in.entry(domain.clone()).or_default();
                *number = step(*number);
            }
        }
    }
}

//! Segregation of duties: what one person did in two parts that belong to two people.

use std::collections::{BTreeMap, BTreeSet};

use concordat_model::digest::Digest;
use concordat_model::id::AgentId;
use concordat_model::keyring::KeyEvent;
use concordat_model::policy_book::PolicyEvent;
use concordat_model::registry::AgentEvent;
use concordat_model::run::event::Event;

use super::listed::{Listed, short};
use super::runs::Runs;
use super::{policies, reviews};
use crate::counts::Counts;
use crate::entry::Entry;
use crate::ranges::Tally;
use crate::report::{Basis, Figure, Section, Value};

const KEYS: &str = "type=key.created data.by";

pub(super) const QUERIES: &[&str] = &[KEYS];

/// One kind of conflict: how often it could have been, and how often it was.
#[derive(Debug, Default)]
struct Pair {
    judged: u64,
    conflicts: Tally,
}

/// Conflicts of duties.
#[derive(Debug, Default)]
pub(super) struct Duties {
    reviews: Pair,
    promotions: Pair,
    keys: Pair,
    own_agents: Pair,
    found: Listed,
    authors: BTreeMap<Digest, String>,
    registered_by: BTreeMap<AgentId, String>,
    /// Pairs that were listed already: an agent works for its keeper more than once.
    told: BTreeSet<(AgentId, String)>,
}

impl Pair {
    fn judge(&mut self, index: u64, conflict: bool) -> bool {
        self.judged += 1;
        if conflict {
            self.conflicts.hit(index);
        }
        conflict
    }

    fn figure(&self, id: &str, label: &str, query: &str, rule: &'static str) -> Figure {
        let basis = Basis {
            query: query.to_owned(),
            of: Some(query.to_owned()),
            rule: Some(rule),
            leaves: self.conflicts.leaves.clone(),
        };
        super::contracts::figure(id, label, Value::part(self.conflicts.count, self.judged), basis)
    }
}

impl Duties {
    /// What happened in a run.
    pub(super) fn run(&mut self, entry: &Entry<'_>, event: &Event, runs: &Runs) {
        let submitter = runs.of(entry).and_then(|life| life.submitter.clone());
        match (event, submitter) {
            (Event::ReviewAnswered { by, review, .. }, Some(submitter)) => {
                let who = by.name.to_string();
                if self.reviews.judge(entry.index, who == submitter) {
                    let what = "answered a review of their own contract";
                    self.found.push(entry, [who, what.to_owned(), review.to_string()]);
                }
            }
            (Event::Dispatched { agent, agent_name, .. }, Some(submitter)) => {
                let Some(keeper) = self.registered_by.get(agent) else { return };
                let own = *keeper == submitter;
                if self.own_agents.judge(entry.index, own) && self.told.insert((*agent, submitter.clone())) {
                    let what = "had work done by an agent that they registered";
                    self.found.push(entry, [submitter, what.to_owned(), agent_name.to_string()]);
                }
            }
            _ => {}
        }
    }

    /// What happened elsewhere.
    pub(super) fn note(&mut self, entry: &Entry<'_>) {
        match entry.record.kind() {
            "policy.published" | "policy.promoted" => self.policy(entry),
            "key.created" => self.key(entry),
            "agent.registered" => {
                if let (Ok(agent), Some(AgentEvent::Registered { by, .. })) =
                    (entry.record.subject().parse(), entry.data())
                {
                    self.registered_by.insert(agent, by.to_string());
                }
            }
            _ => {}
        }
    }

    fn policy(&mut self, entry: &Entry<'_>) {
        match entry.data() {
            Some(PolicyEvent::Published { revision, author, .. }) => {
                self.authors.insert(revision, author.to_string());
            }
            Some(PolicyEvent::Promoted { revision, by, .. }) => {
                let Some(author) = self.authors.get(&revision) else { return };
                let who = by.to_string();
                if self.promotions.judge(entry.index, *author == who) {
                    let what = "brought a policy of their own into force or on trial".to_owned();
                    self.found.push(entry, [who, what, short(revision)]);
                }
            }
            _ => {}
        }
    }

    fn key(&mut self, entry: &Entry<'_>) {
        let Some(KeyEvent::Created { principal, by: Some(by), .. }) = entry.data() else { return };
        if self.keys.judge(entry.index, principal.name == by) {
            let what = "made a key for themselves".to_owned();
            self.found.push(entry, [by.to_string(), what, entry.record.subject().to_owned()]);
        }
    }

    pub(super) fn section(&self, _: &Counts) -> Section {
        let figures = vec![
            self.reviews.figure(
                "duties.reviewer",
                "Reviews answered by who submitted the contract, of all answers",
                reviews::ANSWERED,
                "data.by.name is data.submitter.name of the run's contract.received; answers to contracts received before the period are left out",
            ),
            self.promotions.figure(
                "duties.promoter",
                "Policies promoted by their author, of all promotions",
                policies::PROMOTED,
                "data.by is data.author of the policy.published of the same data.revision; promotions of what was published before the period are left out",
            ),
            self.keys.figure(
                "duties.keys",
                "Keys that somebody made for themselves, of all keys made by somebody",
                KEYS,
                "data.by is data.principal.name",
            ),
            self.own_agents.figure(
                "duties.agents",
                "Steps done for a submitter by an agent that they registered, of all steps sent",
                super::work::DISPATCHED,
                "data.submitter.name of the run's contract.received is data.by of the newest agent.registered of data.agent; agents registered and contracts received before the period are left out",
            ),
        ];
        Section {
            id: "duties",
            title: "Segregation of duties",
            about: "Where one person did what two should do. The rules themselves are policy; this counts what happened, \
                    whatever policy said.",
            figures,
            charts: Vec::new(),
            tables: vec![self.found.table(
                "duties.conflicts",
                "Conflicts",
                &["who", "what", "of what"],
                "type=review.answered|policy.promoted|key.created|step.dispatched",
                Some("as the figures above say; for agents, the first time for each agent and submitter"),
            )],
            ..Section::default()
        }
    }
}

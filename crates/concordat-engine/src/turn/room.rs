//! Room for a call before policy is asked, and what a step waits for when there is none.
//!
//! What is worth waiting for is what passes by itself: an agent that is busy, one that was called too often, one
//! whose breaker is open, a retry budget that is spent. A step that waits only for the last two is put before policy
//! after a while all the same, and policy's refusal ends it; an undo waits as long as it takes.

use concordat_model::decision::{Answer, Decision};
use concordat_model::id::AgentId;
use concordat_model::name::SkillName;
use concordat_model::run::due::Ask;
use concordat_model::run::leg::LegState;
use concordat_model::work::{Attempt, Leg};
use concordat_policy::input::{BreakerState, Candidate, DispatchInput};

use super::Turn;
use crate::limits::{Place, Standing, Wanted, Wish};

/// The codes by which policy says that an agent may do the work, only not now. Those that pass as soon as a call
/// comes back, or a little time goes by, come first.
const SOON: [&str; 2] = ["agent_busy", "rate_limited"];
const LATER: [&str; 2] = ["breaker_open", "retry_budget"];

/// A step that came forward to be offered.
pub(super) struct Offered {
    pub(super) wish: Wish,
    standing: Standing,
    undo: bool,
}

impl Turn<'_> {
    /// A step whose turn it may be; none when it stands in the line, or when nothing is offered any more.
    pub(super) fn comes_forward(&mut self, ask: &Ask, skill: &SkillName) -> Option<Offered> {
        let limits = &self.core.limits;
        if self.waits.contains_key(&ask.attempt) || limits.is_draining() {
            return None;
        }
        let mut wish = limits.wish(&self.run, ask, skill);
        // What answers a question is no retry.
        wish.retry &= !self.tells(&ask.attempt);
        let standing = limits.standing(&wish.ticket, self.at);
        if standing == Standing::InLine {
            self.waits.insert(ask.attempt.clone(), None);
            return None;
        }
        let undo = ask.attempt.leg == Leg::Undo;
        let asks_anybody = |attempt: &Attempt| !self.tells(attempt);
        if standing == Standing::New && !undo && asks_anybody(&ask.attempt) {
            // What another step of this turn was told holds for this one, too: many steps cost one question.
            let places = self.waits.iter().filter(|(attempt, _)| asks_anybody(attempt));
            let like = places.filter_map(|(_, place)| place.as_ref()).find(|place| {
                place.wanted.skill == wish.skill && place.wanted.retry == wish.retry && !place.claim.is_undo()
            });
            if let Some(place) = like.filter(|place| limits.is_full(&wish, &place.wanted, self.at)) {
                let place = Place { refused: false, ..place.clone() };
                self.waits.insert(ask.attempt.clone(), Some(place));
                return None;
            }
        }
        Some(Offered { wish, standing, undo })
    }

    /// Whether this is about one agent, which is to be told an answer.
    fn tells(&self, attempt: &Attempt) -> bool {
        let place = self.run.place(&attempt.step);
        let leg = place.and_then(|place| self.run.state.leg(place, attempt.leg));
        matches!(leg, Some(LegState::Telling { .. }))
    }

    /// The agents that the step has to wait for, before policy is asked at all.
    pub(super) fn has_to_wait(&self, offered: &Offered, input: &DispatchInput) -> Option<Vec<AgentId>> {
        let eligible = || input.candidates.iter().filter(|one| one.standing.works());
        let room = self.core.limits.has_room(&offered.wish, self.at);
        let load = |one: &Candidate| Load::of(one, offered.wish.retry);
        if room && eligible().any(|one| load(one) == Load::Free) {
            return None;
        }
        // An open breaker passes less surely than a full house.
        let soon = !room || eligible().any(|one| load(one) == Load::Soon);
        let agents: Vec<AgentId> = eligible().map(|one| one.id).collect();
        offered.patient(soon, agents)
    }

    /// The step takes a place in the line.
    pub(super) fn wait_for(&mut self, offered: Offered, mut agents: Vec<AgentId>, refused: bool) {
        agents.sort_unstable();
        agents.dedup();
        let Wish { ticket, claim, skill, retry } = offered.wish;
        let wanted = Wanted { skill, retry, agents: agents.into() };
        self.waits.insert(ticket.attempt, Some(Place { claim, wanted, refused }));
    }
}

impl Offered {
    /// The agents that policy refused for nothing but what passes by itself.
    pub(super) fn worth_waiting_for(&self, decision: &Decision) -> Option<Vec<AgentId>> {
        let Answer::Deny { reasons } = &decision.answer else { return None };
        let passes = |code: &str| SOON.contains(&code) || LATER.contains(&code);
        if !reasons.all().iter().all(|reason| passes(&reason.code)) {
            return None;
        }
        let only = |codes: &dyn Fn(&str) -> bool| {
            let excluded = decision.excluded.iter();
            let fitting = excluded.filter(|(_, reasons)| reasons.iter().all(|reason| codes(&reason.code)));
            fitting.map(|(agent, _)| *agent).collect::<Vec<AgentId>>()
        };
        let soon = !only(&|code| SOON.contains(&code)).is_empty();
        self.patient(soon, only(&passes))
    }

    /// The agents, as long as waiting for them makes sense.
    fn patient(&self, soon: bool, agents: Vec<AgentId>) -> Option<Vec<AgentId>> {
        let patient = soon || self.undo || self.standing != Standing::Overdue;
        (patient && !agents.is_empty()).then_some(agents)
    }
}

/// What a candidate can take on.
#[derive(PartialEq, Eq)]
enum Load {
    Free,
    Soon,
    Later,
}

impl Load {
    fn of(one: &Candidate, retry: bool) -> Load {
        if one.breaker == BreakerState::Open || (retry && one.retries_left == 0) {
            Load::Later
        } else if one.in_flight >= one.concurrency || one.rate_left == Some(0) {
            Load::Soon
        } else {
            Load::Free
        }
    }
}

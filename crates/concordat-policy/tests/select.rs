//! One agent is chosen inside the permitted set, the same one for the same seed.
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use concordat_model::trust::{Belief, Counts};
use concordat_policy::input::DispatchInput;
use concordat_policy::{Bundle, Chosen, Policy, choose};

/// A belief of the first formula, as old logs hold it: nothing along the dimensions that came later.
const NOTHING: Belief = Belief {
    delivery: Counts::NONE,
    quality: Counts::NONE,
    latency: Counts::NONE,
    policy: Counts::NONE,
    cost: Counts::NONE,
};

fn chosen(policy: &Policy, input: &DispatchInput, seed: [u8; 32]) -> Chosen {
    let permitted =
        policy.dispatch(support::id(), input, support::work(input), &support::agents(input)).unwrap();
    choose(permitted, seed)
}

/// Golden: another version of the generator or of the sampler draws other numbers, and breaks every replay.
#[test]
fn the_same_seed_draws_the_same() {
    let policy = Policy::load(&Bundle::standard()).unwrap();
    let input = support::dispatch();
    let mut told = String::new();
    for n in 0..4 {
        let chosen = chosen(&policy, &input, [n; 32]);
        let draws: Vec<String> =
            chosen.draws.iter().map(|(id, share)| format!("{id} {}", share.points())).collect();
        writeln!(told, "seed {n}: {} -> {}", draws.join(", "), chosen.assignment.get().agent_name).unwrap();
    }
    insta::assert_snapshot!(told);
}

#[test]
fn the_assignment_is_of_the_decision_and_the_permitted_agent() {
    let policy = Policy::load(&Bundle::standard()).unwrap();
    let mut input = support::dispatch();
    // Policy is asked in whatever order the candidates come; the draws are in the order of the ids.
    input.candidates.reverse();
    let turned = chosen(&policy, &input, [7; 32]);
    let straight = chosen(&policy, &support::dispatch(), [7; 32]);
    assert_eq!(turned.assignment.get(), straight.assignment.get());
    assert_eq!(turned.draws, straight.draws);
    let assignment = turned.assignment.get();
    assert_eq!(assignment.decision, turned.assignment.decision());
    assert_eq!(assignment.decision, turned.asked.decision.id);
    assert!(turned.asked.decision.permitted.contains(&assignment.agent));
    assert_eq!(turned.draws.len(), turned.asked.decision.permitted.len());
}

#[test]
fn the_better_known_win_and_the_unknown_get_their_chance() {
    let policy = Policy::load(&Bundle::standard()).unwrap();
    let outcomes = |good: u64, bad: u64| {
        let counts = Counts { good: good * 1_000_000, bad: bad * 1_000_000 };
        Belief { delivery: counts, quality: counts, latency: counts, ..NOTHING }
    };
    let mut input = support::dispatch();
    input.candidates[0].belief = outcomes(30, 20);
    input.candidates[1].belief = outcomes(1, 2);
    let mut wins: BTreeMap<String, u32> = BTreeMap::new();
    for n in 0..400_u32 {
        let mut seed = [0; 32];
        seed[..4].copy_from_slice(&n.to_le_bytes());
        *wins.entry(chosen(&policy, &input, seed).assignment.get().agent_name.to_string()).or_default() += 1;
    }
    assert!((5..100).contains(&wins["credit-express"]), "{wins:?}");
    assert!(!wins.contains_key("credit-novice"), "what is not permitted is never chosen");
}

#[test]
fn extreme_beliefs_draw_a_number() {
    let policy = Policy::load(&Bundle::standard()).unwrap();
    let most = 9_007_199_254_740_991;
    for (good, bad) in [(0, 0), (most, 0), (0, most), (most, most), (1, 1)] {
        let mut input = support::dispatch();
        let counts = Counts { good, bad };
        for candidate in &mut input.candidates {
            candidate.belief = Belief { delivery: counts, quality: counts, latency: counts, ..NOTHING };
        }
        assert_eq!(chosen(&policy, &input, [1; 32]).draws.len(), 2, "{good}/{bad}");
    }
}

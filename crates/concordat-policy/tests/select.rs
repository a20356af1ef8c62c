//! One agent is chosen inside the permitted set, the same one for the same seed.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it cannot go on")]

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use concordat_model::contract::Risk;
use concordat_model::decision::Strategy;
use concordat_model::share::Share;
use concordat_model::trust::{Belief, Counts};
use concordat_policy::input::DispatchInput;
use concordat_policy::{Bundle, Chosen, Policy, choose, would_choose};

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
    let mut input = support::dispatch();
    // The draw of an agent that has nothing to do counts in full.
    for candidate in &mut input.candidates {
        candidate.in_flight = 0;
    }
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

/// A policy that permits everybody, in the reverse order, and names this strategy.
fn permissive(strategy: &str) -> Policy {
    let text = format!(
        "package concordat.dispatch\n\nimport rego.v1\n\nids := [candidate.id | some candidate in input.candidates]\n\n\
         decision := {{\"answer\": \"permit\", \"permitted\": array.reverse(ids), \"strategy\": \"{strategy}\"}}\n"
    );
    Policy::load(&Bundle::from_files([("dispatch.rego", text)]).unwrap()).unwrap()
}

/// How often each agent wins, by its place among the candidates.
fn wins(policy: &Policy, input: &DispatchInput) -> Vec<u32> {
    let mut wins = vec![0; input.candidates.len()];
    for n in 0..300_u32 {
        let mut seed = [0; 32];
        seed[..4].copy_from_slice(&n.to_le_bytes());
        let chosen = chosen(policy, input, seed);
        let agent = chosen.assignment.get().agent;
        assert_eq!(would_choose(input, &chosen.asked.decision, seed), Some(agent), "it can be chosen again");
        wins[input.candidates.iter().position(|candidate| candidate.id == agent).unwrap()] += 1;
    }
    wins
}

/// Three agents of whom the same is known.
fn alike() -> DispatchInput {
    let mut input = support::dispatch();
    let (belief, trust) = (input.candidates[0].belief, input.candidates[0].trust);
    for candidate in &mut input.candidates {
        (candidate.belief, candidate.trust, candidate.cost) = (belief, trust, None);
        (candidate.in_flight, candidate.concurrency) = (0, 10);
    }
    assert_eq!(input.candidates.len(), 3);
    input
}

#[test]
fn policy_names_how_one_is_chosen() {
    let price = |micros: u64, currency: &str| {
        Some(concordat_policy::input::Price { micros, currency: currency.to_owned() })
    };
    // Among equals the draw decides, and whoever is busy gets less of the work.
    let mut input = alike();
    let even = wins(&permissive("explore"), &input);
    assert!(even.iter().all(|wins| (70..130).contains(wins)), "{even:?}");
    input.candidates[1].in_flight = 9;
    let busy = wins(&permissive("explore"), &input);
    assert!(busy[1] < even[1] / 2 && busy[1] < busy[0].min(busy[2]), "{busy:?}, {even:?}");

    // Who is proven most, whatever is drawn.
    input.candidates[2].trust.lower_bound = Share::of(0.99);
    assert_eq!(wins(&permissive("best"), &input), [0, 0, 300]);

    // Who costs least; what costs nothing costs least, and another currency cannot be compared.
    for (costs, wanted) in [
        ([price(3, "EUR"), price(2, "EUR"), price(4, "EUR")], 1),
        ([price(3, "EUR"), price(2, "EUR"), None], 2),
        ([price(3, "USD"), price(2, "USD"), price(1, "USD")], 2),
        ([price(3, "EUR"), price(1, "USD"), price(4, "EUR")], 0),
    ] {
        for (candidate, cost) in input.candidates.iter_mut().zip(costs.clone()) {
            candidate.cost = cost;
        }
        assert_eq!(wins(&permissive("cheapest"), &input)[wanted], 300, "{costs:?}");
    }
    for candidate in &mut input.candidates {
        candidate.cost = price(5, "EUR");
    }
    assert!(wins(&permissive("cheapest"), &input).iter().all(|wins| *wins > 0), "equals are drawn");

    // In policy's own order.
    assert_eq!(wins(&permissive("ranked"), &input), [0, 0, 300]);
    assert!(chosen(&permissive("ranked"), &input, [1; 32]).draws.is_empty());
}

#[test]
fn nothing_is_tried_out_where_most_is_at_stake() {
    let policy = Policy::load(&Bundle::standard()).unwrap();
    let told = |risk| {
        let mut input = support::dispatch();
        input.contract.governance.risk = risk;
        for candidate in &mut input.candidates {
            candidate.trust.lower_bound = Share::of(0.99);
        }
        let chosen = chosen(&policy, &input, [1; 32]);
        chosen.asked.decision.strategy.map(Strategy::as_str)
    };
    assert_eq!(told(Risk::Low), Some("explore"));
    assert_eq!(told(Risk::Critical), Some("best"));
}

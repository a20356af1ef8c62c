use proptest::prelude::*;

use super::*;

fn agent(number: u8) -> AgentId {
    AgentId::new(uuid::Uuid::from_u128(u128::from(number)))
}

fn wanted(agents: &[u8]) -> Wanted {
    let agents: Vec<AgentId> = agents.iter().map(|number| agent(*number)).collect();
    Wanted { skill: "check".parse().unwrap(), retry: false, agents: agents.into() }
}

fn claim(tenant: &str, weight: u32, priority: u8) -> Claim {
    Claim { tenant: tenant.parse().unwrap(), weight, priority }
}

/// Serves everybody who waits for agent 1, in order.
fn serve(line: &mut Line<String>) -> String {
    let mut served = Vec::new();
    while let Some(key) = line.next(agent(1), |_| true).map(|(key, _)| key.clone()) {
        line.grant(&key);
        served.push(key);
    }
    served.join(" ")
}

#[test]
fn tenants_take_turns_and_the_urgent_go_first() {
    // Waiters are named by tenant, priority and number; a weight is one unless it is said.
    for (waiting, served) in [
        (vec!["a5.1", "a5.2", "a5.3"], "a5.1 a5.2 a5.3"),
        (vec!["a5.1", "a9.2", "a0.3", "a9.4"], "a9.2 a9.4 a5.1 a0.3"),
        (vec!["a5.1", "a5.2", "a5.3", "a5.4", "b5.5"], "a5.1 b5.5 a5.2 a5.3 a5.4"),
        (vec!["a5.1", "a5.2", "b5.3", "b5.4", "c5.5", "c5.6"], "a5.1 b5.3 c5.5 a5.2 b5.4 c5.6"),
        // Urgency counts within a tenant: it takes nobody else's turn.
        (vec!["a9.1", "a9.2", "b0.3", "b0.4"], "a9.1 b0.3 a9.2 b0.4"),
        // `d` has weight three.
        (vec!["a5.1", "a5.2", "d5.3", "d5.4", "d5.5", "d5.6"], "a5.1 d5.3 d5.4 d5.5 a5.2 d5.6"),
    ] {
        let mut line = Line::default();
        for key in waiting {
            let (tenant, priority) = key.split_at(1);
            let weight = if tenant == "d" { 3 } else { 1 };
            line.join(key.to_owned(), &claim(tenant, weight, priority[..1].parse().unwrap()), wanted(&[1]));
        }
        assert_eq!(serve(&mut line), served);
        assert!(line.is_empty() && line.queues.is_empty() && line.by_agent.is_empty());
    }
}

#[test]
fn whoever_comes_anew_neither_gains_nor_loses() {
    let mut line = Line::default();
    let join = |line: &mut Line<String>, key: &str| {
        line.join(key.to_owned(), &claim(&key[..1], 1, 5), wanted(&[1]));
    };
    (0..100).for_each(|number| join(&mut line, &format!("a{number:02}")));
    for _ in 0..50 {
        let key = line.next(agent(1), |_| true).unwrap().0.clone();
        line.grant(&key);
    }
    // A tenant that waited for nothing so far does not catch up on the fifty turns before, but gets the next one.
    join(&mut line, "b1");
    join(&mut line, "b2");
    assert!(serve(&mut line).starts_with("b1 a50 b2 a51 a52") || line.is_empty());
}

#[test]
fn a_place_is_kept_when_something_else_is_wanted() {
    let mut line = Line::default();
    for key in ["a1", "a2", "a3"] {
        line.join(key.to_owned(), &claim("a", 1, 5), wanted(&[1]));
    }
    line.join("a1".to_owned(), &claim("a", 1, 5), wanted(&[1, 2]));
    assert_eq!(line.wanted(&"a1".to_owned()).unwrap().agents.len(), 2);
    assert_eq!(line.agents().len(), 2);
    assert_eq!(line.next(agent(2), |_| true).unwrap().0, "a1");
    // Who left and comes back begins at the back; who only lent their place does not.
    let number = line.grant(&"a1".to_owned()).unwrap();
    line.join_as("a1".to_owned(), &claim("a", 1, 5), wanted(&[1]), number);
    line.leave(&"a2".to_owned());
    line.join("a2".to_owned(), &claim("a", 1, 5), wanted(&[1]));
    assert_eq!(serve(&mut line), "a1 a3 a2");
}

#[test]
fn a_blocked_tenant_is_passed_over_and_keeps_its_place() {
    let mut line = Line::default();
    for key in ["a1", "a2", "b1", "b2"] {
        line.join(key.to_owned(), &claim(&key[..1], 1, 5), wanted(&[1]));
    }
    line.block(&"a".parse().unwrap());
    line.join("a3".to_owned(), &claim("a", 1, 5), wanted(&[1, 2]));
    assert_eq!(serve(&mut line), "b1 b2");
    assert_eq!(line.blocked().len(), 1);
    assert_eq!(line.unblock(&"a".parse().unwrap()).len(), 2);
    assert_eq!(serve(&mut line), "a1 a2 a3");
    line.tidy();
    assert!(line.blocked().is_empty());
}

#[test]
fn a_queue_that_does_not_fit_is_passed_over() {
    let mut line = Line::default();
    let retry = Wanted { retry: true, ..wanted(&[1]) };
    line.join("a1".to_owned(), &claim("a", 1, 5), retry);
    line.join("a2".to_owned(), &claim("a", 1, 5), wanted(&[1]));
    assert_eq!(line.next(agent(1), |wanted| !wanted.retry).unwrap().0, "a2");
    assert_eq!(line.next(agent(1), |_| true).unwrap().0, "a1");
    assert!(line.next(agent(2), |_| true).is_none());
}

/// What is done to a line.
#[derive(Debug, Clone)]
enum Deed {
    Join { key: u16, tenant: u8, priority: u8, agents: Vec<u8> },
    Leave(u16),
    Serve(u8),
    Block(u8),
    Unblock(u8),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (0..60u16, 0..4u8, 0..10u8, proptest::collection::vec(0..4u8, 1..4))
            .prop_map(|(key, tenant, priority, agents)| Deed::Join { key, tenant, priority, agents }),
        1 => (0..60u16).prop_map(Deed::Leave),
        3 => (0..4u8).prop_map(Deed::Serve),
        1 => (0..4u8).prop_map(Deed::Block),
        1 => (0..4u8).prop_map(Deed::Unblock),
    ]
}

/// The same line, found by looking at everybody.
#[derive(Default)]
struct Plain(Vec<(u16, String, Reverse<u8>, Vec<u8>)>, BTreeSet<String>);

proptest! {
    /// Whoever is next is one who waits for that agent, whose tenant is not blocked, and who has nobody of their own
    /// tenant before them; and somebody is next whenever such a one waits.
    #[test]
    fn it_is_a_line(deeds in proptest::collection::vec(deed(), 1..120)) {
        let (mut line, mut plain) = (Line::<u16>::default(), Plain::default());
        let name = |tenant: u8| format!("t{tenant}");
        for deed in deeds {
            match deed {
                // A waiter belongs to one tenant for good, and has one priority.
                Deed::Join { key, mut agents, .. } if plain.0.iter().any(|one| one.0 == key) => {
                    agents.sort_unstable();
                    agents.dedup();
                    let one = plain.0.iter_mut().find(|one| one.0 == key).unwrap();
                    one.3.clone_from(&agents);
                    line.join(key, &claim(&one.1.clone(), 1, one.2.0), wanted(&agents));
                }
                Deed::Join { key, tenant, priority, mut agents } => {
                    agents.sort_unstable();
                    agents.dedup();
                    line.join(key, &claim(&name(tenant), 1, priority), wanted(&agents));
                    plain.0.push((key, name(tenant), Reverse(priority), agents));
                }
                Deed::Leave(key) => {
                    let before = plain.0.len();
                    plain.0.retain(|one| one.0 != key);
                    prop_assert_eq!(line.leave(&key).is_some(), plain.0.len() < before);
                }
                Deed::Serve(number) => {
                    let fits = |one: &&(u16, String, Reverse<u8>, Vec<u8>)| {
                        one.3.contains(&number) && !plain.1.contains(&one.1)
                    };
                    let fitting: Vec<_> = plain.0.iter().filter(fits).collect();
                    let next = line.next(agent(number), |_| true).map(|(key, _)| *key);
                    prop_assert_eq!(next.is_some(), !fitting.is_empty());
                    if let Some(key) = next {
                        let one = fitting.iter().find(|one| one.0 == key).expect("they wait for this agent");
                        let first = fitting.iter().filter(|other| other.1 == one.1).min_by_key(|other| other.2).unwrap();
                        prop_assert_eq!(first.0, key, "of one tenant, the most urgent and oldest");
                        line.grant(&key);
                        plain.0.retain(|one| one.0 != key);
                    }
                }
                Deed::Block(tenant) => {
                    line.block(&name(tenant).parse().unwrap());
                    // A tenant that nobody has heard of cannot be blocked.
                    plain.1.extend(line.blocked().iter().map(ToString::to_string));
                }
                Deed::Unblock(tenant) => {
                    line.unblock(&name(tenant).parse().unwrap());
                    plain.1.remove(&name(tenant));
                }
            }
            prop_assert_eq!(line.waiters.len(), plain.0.len());
        }
    }

    /// While tenants have work, none gets more than its share, whatever they wait for and however much of it.
    #[test]
    fn shares_are_fair(loads in proptest::collection::vec(20..60u16, 2..6)) {
        let mut line = Line::<(u16, u16)>::default();
        for (tenant, load) in (0..).zip(&loads) {
            for number in 0..*load {
                // Some wait for one agent, some for another, and some for both: that must not matter.
                let agents: &[u8] = match number % 3 { 0 => &[1], 1 => &[1, 2], _ => &[1, 3] };
                line.join((tenant, number), &claim(&format!("t{tenant}"), 1, 5), wanted(agents));
            }
        }
        let mut served = vec![0u16; loads.len()];
        for _ in 0..20 * loads.len() {
            let key = *line.next(agent(1), |_| true).unwrap().0;
            line.grant(&key);
            served[usize::from(key.0)] += 1;
            let (most, least) = (served.iter().max().unwrap(), served.iter().min().unwrap());
            prop_assert!(most - least <= 1, "{served:?}");
        }
    }
}

#[test]
fn who_is_next_does_not_depend_on_how_many_wait() {
    // Not timed: what is looked at is counted instead. `fits` is asked once a queue.
    let mut line = Line::<u32>::default();
    for key in 0..10_000u32 {
        line.join(key, &claim(&format!("t{}", key % 100), 1, 5), wanted(&[1, 2]));
    }
    let mut asked = 0;
    assert!(
        line.next(agent(1), |_| {
            asked += 1;
            true
        })
        .is_some()
    );
    assert_eq!((asked, line.queues.len()), (1, 1));
}

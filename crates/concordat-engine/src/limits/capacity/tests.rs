use concordat_model::agent::Registration;
use concordat_model::span::Span;
use concordat_model::work::Leg;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(1_700_000_000_000 + millis).unwrap()
}

fn agent(number: u8, limits: &serde_json::Value) -> Agent {
    let registration = json!({
        "name": format!("agent-{number}"), "owner": "o", "binding": {"type": "execute", "url": "http://127.0.0.1:9"},
        "domains": ["finance"], "skills": [{"name": "check"}], "limits": limits,
    });
    let registration = Registration::read(registration).unwrap();
    let revision = registration.revision().unwrap();
    Agent::new(AgentId::new(uuid::Uuid::from_u128(u128::from(number))), registration, revision, at(0))
}

fn run(number: u16) -> RunId {
    RunId::new(uuid::Uuid::from_u128(u128::from(number)))
}

fn wish_of(tenant: &str, number: u16) -> Wish {
    Wish {
        ticket: Ticket {
            run: run(number),
            attempt: Attempt { step: "step".parse().unwrap(), leg: Leg::Do, number: 1 },
        },
        claim: Claim { tenant: tenant.parse().unwrap(), weight: 1, priority: 5 },
        skill: "check".parse().unwrap(),
        retry: false,
    }
}

/// A house with some agents.
struct House {
    capacity: Capacity,
    agents: Vec<Agent>,
}

impl House {
    fn new(bounds: Bounds, agents: Vec<Agent>) -> House {
        House { capacity: Capacity::new(bounds), agents }
    }

    fn with(limits: &serde_json::Value) -> House {
        House::new(Bounds::default(), vec![agent(1, limits)])
    }

    /// A step comes forward as the engine has it: it calls if there is room, and waits if there is none.
    fn come(&mut self, wish: &Wish, now: i64) -> Option<Taken> {
        let now = at(now);
        let loads: Vec<(AgentId, Load, u32)> = (self.agents.iter())
            .map(|one| (one.id, self.capacity.load(one, wish, now), one.registration.limits.concurrency))
            .collect();
        let free = |(_, load, most): &&(AgentId, Load, u32)| {
            load.in_flight < *most
                && load.breaker != BreakerState::Open
                && load.rate_left != Some(0)
                && !(wish.retry && load.retries_left == 0)
        };
        let chosen = loads.iter().find(free).map(|one| one.0);
        let taken = match chosen {
            Some(agent) if self.capacity.has_room(wish, now) => self.capacity.take(wish, agent, now),
            _ => None,
        };
        if taken.is_none() {
            self.stand(wish, false, now);
        }
        taken
    }

    fn stand(&mut self, wish: &Wish, refused: bool, now: Timestamp) {
        for agent in &self.agents {
            self.capacity.load(agent, wish, now);
        }
        let agents: Vec<AgentId> = self.agents.iter().map(|agent| agent.id).collect();
        let wanted = Wanted { skill: wish.skill.clone(), retry: wish.retry, agents: agents.into() };
        let place = Place { claim: wish.claim.clone(), wanted, refused };
        let places = BTreeMap::from([(wish.ticket.attempt.clone(), Some(place))]);
        self.capacity.wait(wish.ticket.run, places, now);
    }

    fn settle(&mut self, taken: &Taken, sign: LifeSign, now: i64) {
        let came = Came { sign, rest: None, took: Duration::ZERO };
        self.capacity.settle(taken, came, at(now));
    }

    /// The runs that are woken, by number.
    fn woken(&mut self) -> Vec<u16> {
        let wakes = self.capacity.take_wakes();
        wakes.iter().map(|run| u16::try_from(run.uuid().as_u128()).unwrap()).collect()
    }

    fn until(&self, number: u16, now: i64) -> (Vec<Obstacle>, Option<Timestamp>) {
        let mut waits = self.capacity.waits_of(run(number), at(now));
        assert_eq!(waits.len(), 1, "{number} waits");
        let wait = waits.remove(0);
        (wait.obstacles, wait.until)
    }
}

#[test]
fn whoever_waits_longest_is_next_and_nobody_barges() {
    let mut house = House::with(&json!({"concurrency": 1}));
    let first = house.come(&wish_of("a", 1), 0).unwrap();
    assert!(house.come(&wish_of("a", 2), 1).is_none() && house.come(&wish_of("a", 3), 2).is_none());
    let agent = house.agents[0].id;
    assert_eq!(house.until(2, 5), (vec![Obstacle::Busy { agent, calls: 1 }], None));
    assert_eq!(house.capacity.in_flight(agent), 1);
    house.settle(&first, LifeSign::Alive, 10);
    assert_eq!(house.woken(), [2]);
    assert_eq!(house.until(2, 10).0, [Obstacle::Turn { agent }]);
    assert_eq!(house.capacity.in_flight(agent), 0);
    // Somebody else comes before the second gets there: what is held is not theirs.
    assert!(house.come(&wish_of("b", 4), 11).is_none());
    let second = house.come(&wish_of("a", 2), 12).unwrap();
    house.settle(&second, LifeSign::Alive, 20);
    // `b` had no turn yet, and yet it is not before those of `a` that came earlier: both start at the same turn.
    assert_eq!(house.woken().len(), 1);
    assert_eq!(house.capacity.figures(at(20)).waiting, 2);
}

#[test]
fn a_call_that_was_never_made_gives_everything_back() {
    let bounds = Bounds { tenant_rate: Some(Rate { calls: 1, per: Span::seconds(60) }), ..Bounds::default() };
    let one = agent(1, &json!({"concurrency": 1, "rate": {"calls": 1, "per": "1m"}}));
    let mut house = House::new(bounds, vec![one]);
    let taken = house.come(&wish_of("a", 1), 0).unwrap();
    assert!(house.come(&wish_of("a", 2), 0).is_none());
    house.capacity.withdraw(&taken, at(1));
    assert_eq!(house.woken(), [2]);
    assert!(house.come(&wish_of("a", 2), 2).is_some());
}

#[test]
fn what_is_held_goes_on_when_nobody_comes() {
    let mut house = House::with(&json!({"concurrency": 1}));
    let taken = house.come(&wish_of("a", 1), 0).unwrap();
    assert!(house.come(&wish_of("a", 2), 0).is_none() && house.come(&wish_of("a", 3), 0).is_none());
    house.settle(&taken, LifeSign::Alive, 0);
    assert_eq!(house.woken(), [2]);
    // A wake-up that was lost costs at most one sweep.
    house.capacity.sweep(at(1000));
    assert_eq!(house.woken(), [2]);
    house.capacity.sweep(at(5000));
    assert_eq!(house.woken(), [2, 3], "the second is told again, and the third gets it");
    assert!(house.come(&wish_of("a", 3), 5001).is_some());
    // A run that is over waits for nothing, and what was held for it goes on, too.
    house.capacity.wait(run(2), BTreeMap::new(), at(5002));
    assert_eq!(house.capacity.figures(at(5002)).waiting, 0);
    assert_eq!(house.capacity.next_sweep(at(5002)), None);
}

#[test]
fn an_agent_that_breaks_is_left_alone_and_probed() {
    let mut house = House::with(&json!({"concurrency": 4}));
    for number in 0..5 {
        let taken = house.come(&wish_of("a", number), 0).unwrap();
        house.settle(&taken, LifeSign::Broken, 0);
    }
    for number in 10..13 {
        assert!(house.come(&wish_of("a", number), 1000).is_none());
    }
    let agent = house.agents[0].id;
    assert_eq!(
        house.until(10, 1000),
        (vec![Obstacle::Breaker { agent, until: Some(at(30_000)) }], Some(at(30_000)))
    );
    house.capacity.sweep(at(29_900));
    assert_eq!((house.woken(), house.capacity.next_sweep(at(29_900))), (vec![], Some(at(30_000))));
    // One probe at a time.
    house.capacity.sweep(at(30_000));
    assert_eq!(house.woken(), [10]);
    let probe = house.come(&wish_of("a", 10), 30_001).unwrap();
    house.capacity.sweep(at(31_000));
    assert!(house.woken().is_empty());
    let figures = house.capacity.figures(at(31_000));
    assert_eq!(
        (figures.breakers_open, figures.breaker_openings, figures.calls, figures.waiting),
        (1, 1, 1, 2)
    );
    house.settle(&probe, LifeSign::Alive, 31_500);
    assert_eq!(house.woken(), [11, 12], "it is back for everybody");
}

#[test]
fn a_probe_that_nobody_sends_is_another_ones() {
    let mut house = House::with(&json!({}));
    for number in 0..5 {
        let taken = house.come(&wish_of("a", number), 0).unwrap();
        house.settle(&taken, LifeSign::Broken, 0);
    }
    assert!(house.come(&wish_of("a", 10), 0).is_none() && house.come(&wish_of("a", 11), 0).is_none());
    house.capacity.sweep(at(30_000));
    assert_eq!(house.woken(), [10]);
    house.capacity.wait(run(10), BTreeMap::new(), at(30_001));
    assert_eq!(house.woken(), [11]);
}

#[test]
fn whoever_waits_too_long_for_what_is_broken_is_put_before_policy() {
    let mut house = House::with(&json!({}));
    for number in 0..5 {
        let taken = house.come(&wish_of("a", number), 0).unwrap();
        house.settle(&taken, LifeSign::Broken, 0);
    }
    let wish = wish_of("a", 10);
    assert_eq!(house.capacity.standing(&wish.ticket, at(0)), Standing::New);
    assert!(house.come(&wish, 0).is_none());
    assert_eq!(house.capacity.standing(&wish.ticket, at(119_999)), Standing::InLine);
    assert_eq!(house.capacity.standing(&wish.ticket, at(120_000)), Standing::Overdue);
    // The engine finds that waiting still makes sense: it waits as long again.
    house.stand(&wish, false, at(120_000));
    assert_eq!(house.capacity.standing(&wish.ticket, at(239_999)), Standing::Next);
}

#[test]
fn a_busy_agent_is_left_alone_for_as_long_as_it_asks() {
    let mut house = House::with(&json!({}));
    let taken = house.come(&wish_of("a", 1), 0).unwrap();
    let rest = Some(Duration::from_secs(7));
    house.capacity.settle(&taken, Came { sign: LifeSign::Untold, rest, took: Duration::ZERO }, at(0));
    assert!(house.come(&wish_of("a", 2), 10).is_none());
    let agent = house.agents[0].id;
    assert_eq!(house.until(2, 10).0, [Obstacle::Rate { agent, until: at(7000) }]);
    let limits = house.capacity.agent(&house.agents[0], at(10));
    assert_eq!((limits.rate_left, limits.rests_until), (Some(0), Some(at(7000))));
    house.capacity.sweep(at(6500));
    assert_eq!(house.capacity.next_sweep(at(6500)), Some(at(7000)));
    house.capacity.sweep(at(7000));
    assert_eq!(house.woken(), [2]);
}

#[test]
fn retries_wait_for_their_budget_and_first_tries_do_not() {
    let mut house = House::with(&json!({}));
    let retry = |number| Wish { retry: true, ..wish_of("a", number) };
    for number in 0..10 {
        let taken = house.come(&retry(number), 0).unwrap();
        house.settle(&taken, LifeSign::Alive, 0);
    }
    assert!(house.come(&retry(20), 0).is_none());
    let taken = house.come(&wish_of("a", 21), 0).unwrap();
    house.settle(&taken, LifeSign::Alive, 0);
    assert!(matches!(house.until(20, 0).0.as_slice(), [Obstacle::Retries { .. }]));
    // Forty-nine first tries later there is room for no more than ten, and with fifty-five for eleven.
    for number in 0..54 {
        let taken = house.come(&wish_of("b", number + 100), 1).unwrap();
        house.settle(&taken, LifeSign::Alive, 1);
    }
    assert_eq!(house.woken(), [20]);
}

#[test]
fn a_tenant_that_has_its_share_is_passed_over() {
    let bounds = Bounds { calls: 4, calls_per_tenant: 2, ..Bounds::default() };
    let mut house = House::new(bounds, vec![agent(1, &json!({"concurrency": 9}))]);
    let one = house.come(&wish_of("a", 1), 0).unwrap();
    let _two = house.come(&wish_of("a", 2), 0).unwrap();
    assert!(house.come(&wish_of("a", 3), 0).is_none());
    assert_eq!(house.until(3, 0).0, [Obstacle::Tenant { calls: 2 }]);
    let other = house.come(&wish_of("b", 4), 0).unwrap();
    let _another = house.come(&wish_of("b", 5), 0).unwrap();
    assert!(house.come(&wish_of("c", 6), 0).is_none());
    assert_eq!(house.until(6, 0).0, [Obstacle::House { calls: 4 }]);
    house.settle(&other, LifeSign::Alive, 1);
    assert_eq!(house.woken(), [6], "the one of `a` came first, but `a` has its share");
    let third = house.come(&wish_of("c", 6), 2).unwrap();
    house.settle(&one, LifeSign::Alive, 3);
    assert_eq!(house.woken(), [3]);
    house.settle(&third, LifeSign::Alive, 4);
    assert!(house.woken().is_empty());
}

#[test]
fn a_tenants_rate_is_kept() {
    let bounds = Bounds { tenant_rate: Some(Rate { calls: 2, per: Span::seconds(1) }), ..Bounds::default() };
    let mut house = House::new(bounds, vec![agent(1, &json!({}))]);
    let taken = [house.come(&wish_of("a", 1), 0), house.come(&wish_of("a", 2), 0)];
    assert!(taken.iter().all(Option::is_some) && house.come(&wish_of("a", 3), 0).is_none());
    assert!(house.come(&wish_of("b", 4), 0).is_some());
    assert_eq!(house.until(3, 0), (vec![Obstacle::TenantRate { until: at(500) }], Some(at(500))));
    house.capacity.sweep(at(100));
    assert_eq!(house.capacity.next_sweep(at(100)), Some(at(500)));
    house.capacity.sweep(at(500));
    assert_eq!(house.woken(), [3]);
}

#[test]
fn whom_policy_refuses_in_spite_of_room_sits_down_for_a_while() {
    let mut house = House::with(&json!({}));
    let wish = wish_of("a", 1);
    let mut now = 0;
    for pause in [1, 2, 4, 8, 16, 32] {
        house.stand(&wish, true, at(now));
        assert!(house.woken().is_empty());
        house.capacity.sweep(at(now + pause * 1000 - 1));
        assert!(house.woken().is_empty(), "{pause}");
        now += pause * 1000;
        house.capacity.sweep(at(now));
        assert_eq!(house.woken(), [1], "{pause}");
    }
}

/// What happens in a house.
#[derive(Debug, Clone)]
enum Deed {
    Come { number: u16, retry: bool },
    Settle { nth: usize, broken: bool },
    Withdraw(usize),
    Forget(u16),
    Sweep,
    Pass(i64),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        6 => (0..40u16, prop::bool::weighted(0.2)).prop_map(|(number, retry)| Deed::Come { number, retry }),
        4 => (0..20usize, prop::bool::weighted(0.4)).prop_map(|(nth, broken)| Deed::Settle { nth, broken }),
        1 => (0..20usize).prop_map(Deed::Withdraw),
        1 => (0..40u16).prop_map(Deed::Forget),
        2 => Just(Deed::Sweep),
        2 => (1..20_000i64).prop_map(Deed::Pass),
    ]
}

proptest! {
    /// Whatever happens, no bound is exceeded, nothing is lost, and nobody waits who could be served.
    #[test]
    fn bounds_hold_and_nobody_waits_for_nothing(deeds in proptest::collection::vec(deed(), 1..150)) {
        let bounds = Bounds { calls: 5, calls_per_tenant: 3, ..Bounds::default() };
        let agents = vec![
            agent(1, &json!({"concurrency": 2})),
            agent(2, &json!({"concurrency": 3, "rate": {"calls": 4, "per": "10s"}})),
        ];
        let mut house = House::new(bounds, agents);
        let (mut now, mut out) = (0i64, Vec::<(u16, Taken)>::new());
        for deed in deeds {
            match deed {
                Deed::Come { number, .. } if out.iter().any(|(other, _)| *other == number) => {}
                Deed::Come { number, retry } => {
                    let wish = Wish { retry, ..wish_of(["a", "b", "c"][usize::from(number % 3)], number) };
                    let taken = house.come(&wish, now);
                    out.extend(taken.map(|taken| (number, taken)));
                }
                Deed::Settle { .. } | Deed::Withdraw(_) if out.is_empty() => {}
                Deed::Settle { nth, broken } => {
                    let (_, taken) = out.remove(nth % out.len());
                    house.settle(&taken, if broken { LifeSign::Broken } else { LifeSign::Alive }, now);
                }
                Deed::Withdraw(nth) => {
                    let (_, taken) = out.remove(nth % out.len());
                    house.capacity.withdraw(&taken, at(now));
                }
                Deed::Forget(number) => house.capacity.wait(run(number), BTreeMap::new(), at(now)),
                Deed::Sweep => house.capacity.sweep(at(now)),
                Deed::Pass(millis) => {
                    now += millis;
                    house.capacity.sweep(at(now));
                }
            }
            check(&mut house, &out, at(now))?;
        }
        // Everything comes back, and everybody is served in the end.
        while let Some((_, taken)) = out.pop() {
            house.settle(&taken, LifeSign::Alive, now);
        }
        for _ in 0..200 {
            now += 61_000;
            house.capacity.sweep(at(now));
            for number in house.woken() {
                for retry in [false, true] {
                    let wish = Wish { retry, ..wish_of(["a", "b", "c"][usize::from(number % 3)], number) };
                    if house.capacity.standing(&wish.ticket, at(now)) != Standing::Next {
                        continue;
                    }
                    if let Some(taken) = house.come(&wish, now) {
                        house.settle(&taken, LifeSign::Alive, now);
                    }
                }
            }
        }
        let capacity = &house.capacity;
        prop_assert_eq!(capacity.waits.len() + capacity.held.len(), 0);
        prop_assert_eq!((capacity.calls, capacity.by_run.len(), capacity.overdue.len()), (0, 0, 0));
        prop_assert!(capacity.agents.values().all(|used| used.calls == 0));
        prop_assert!(capacity.tenants.values().all(|used| used.calls == 0));
    }
}

fn check(house: &mut House, out: &[(u16, Taken)], now: Timestamp) -> Result<(), TestCaseError> {
    let capacity = &mut house.capacity;
    let of = |agent: AgentId| out.iter().filter(|(_, taken)| taken.agent == agent).count();
    let held = |agent: AgentId| capacity.held.values().filter(|held| held.agent == agent).count();
    for agent in &house.agents {
        let used = capacity.agents.get(&agent.id).map_or(0, |used| used.calls) as usize;
        prop_assert_eq!(used, of(agent.id) + held(agent.id));
        prop_assert!(used <= agent.registration.limits.concurrency as usize);
    }
    prop_assert_eq!(capacity.calls as usize, out.len() + capacity.held.len());
    prop_assert!(capacity.calls <= 5);
    for (tenant, used) in &capacity.tenants {
        prop_assert!(used.calls <= 3, "{tenant}");
    }
    let waiting: Vec<Ticket> = capacity.waits.keys().cloned().collect();
    for ticket in waiting {
        let wait = &capacity.waits[&ticket];
        if capacity.held.contains_key(&ticket) || wait.bench.is_some() {
            continue;
        }
        let (claim, wanted) = (wait.claim.clone(), wait.wanted.clone());
        let wish = Wish { ticket, claim, skill: wanted.skill.clone(), retry: wanted.retry };
        let room = capacity.has_room(&wish, now) && capacity.could_be_served(&wanted, now);
        prop_assert!(!room, "{wish:?} waits for nothing");
    }
    Ok(())
}

#[test]
fn an_instance_that_is_broken_is_left_alone_and_its_agent_is_not() {
    use BreakerState::{Closed, HalfOpen, Open};

    let mut twin = agent(1, &json!({"concurrency": 9}));
    let places = json!([{"url": "http://a"}, {"url": "http://b"}]);
    twin.registration.instances = serde_json::from_value(places).unwrap();
    let mut house = House::new(Bounds::default(), vec![twin]);
    let call = |house: &mut House, url: &str, sign: LifeSign, number: u16, now: i64| {
        let mut taken = house.come(&wish_of("t", number), now).unwrap();
        house.capacity.enter_instance(&mut taken, url, at(now));
        let came = Came { sign, rest: None, took: Duration::from_millis(20) };
        house.capacity.settle(&taken, came, at(now));
    };
    let stand = |house: &House, now: i64| -> Vec<(BreakerState, u64)> {
        let loads = house.capacity.instances(&house.agents[0], at(now));
        loads.iter().map(|load| (load.breaker, load.expected_ms)).collect()
    };
    let breaker = |house: &House, now: i64| house.capacity.agent(&house.agents[0], at(now)).skills[0].breaker;
    assert_eq!(stand(&house, 0), [(Closed, 0), (Closed, 0)]);
    for number in 0..5 {
        call(&mut house, "http://b", LifeSign::Alive, number, 0);
        call(&mut house, "http://a", LifeSign::Broken, number + 10, 0);
    }
    assert_eq!((stand(&house, 0), breaker(&house, 0)), (vec![(Open, 1600), (Closed, 20)], Closed));
    // It is forgiven with time, and what was quick is not taken for quick for ever.
    assert_eq!(stand(&house, 31_000), [(HalfOpen, 400), (Closed, 5)]);
    // Where all of them fail, the agent does.
    for number in 20..25 {
        call(&mut house, "http://b", LifeSign::Broken, number, 31_000);
    }
    assert_eq!(breaker(&house, 31_000), Open);
}

use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

const ACCESS: &str = "dec_01h455vb4pex5vsknk084sn02q";

fn registration(skills: &[&str]) -> (Registration, Digest) {
    let skills: Vec<Value> = skills.iter().map(|name| json!({ "name": name })).collect();
    let document = json!({
        "name": "bureau", "owner": "bank.example", "binding": {"type": "execute", "url": "http://127.0.0.1:9"},
        "domains": ["finance"], "skills": skills,
    });
    let registration = Registration::read(document).unwrap();
    let revision = registration.revision().unwrap();
    (registration, revision)
}

fn id() -> AgentId {
    AgentId::new(Uuid::from_u128(1))
}

fn event(mut event: Value) -> AgentEvent {
    let known = event.as_object_mut().unwrap();
    for (member, value) in [("by", "ann"), ("reason", "words"), ("access", ACCESS), ("enroll", ACCESS)] {
        let declines = known["event"] == "declined" && member == "enroll";
        let registers = known["event"] == "registered" && member == "reason";
        let probes = (known["event"] == "probed" && ["reason", "access"].contains(&member))
            || (known["event"] == "trying" && member != "enroll");
        if !(declines || registers || probes) {
            known.insert(member.to_owned(), value.into());
        }
    }
    serde_json::from_value(event).unwrap()
}

struct House(Registry);

impl House {
    fn new() -> House {
        let mut house = House(Registry::default());
        let (registration, revision) = registration(&["check", "assess"]);
        let registered = event(json!({"event": "registered", "name": "bureau", "revision": revision}));
        house.0.apply(id(), &registered, Some(registration), Timestamp::UNIX_EPOCH).unwrap();
        house
    }

    fn tell(&mut self, told: Value, brought: Option<Registration>) -> Result<(), RegistryError> {
        self.0.apply(id(), &event(told), brought, Timestamp::UNIX_EPOCH)
    }

    fn place(&mut self, to: Standing) -> Result<(), RegistryError> {
        let from = self.agent().standing;
        self.tell(json!({"event": "placed", "from": from, "to": to}), None)
    }

    fn agent(&self) -> &Agent {
        self.0.agent(id()).unwrap()
    }

    fn claims(&self, skill: &str) -> bool {
        self.0.claiming(&skill.parse().unwrap()).any(|agent| agent.id == id())
    }
}

#[test]
fn what_was_written_before_there_was_a_life_is_read_as_it_was_meant() {
    let mut registry = Registry::default();
    let (registration, revision) = registration(&["check"]);
    let old =
        json!({"event": "registered", "name": "bureau", "revision": revision, "by": "ann", "access": ACCESS});
    let old: AgentEvent = serde_json::from_value(old).unwrap();
    registry.apply(id(), &old, Some(registration), Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(registry.agent(id()).unwrap().standing, Standing::Eligible);
    for (event, stands) in [("suspended", Standing::Suspended), ("restored", Standing::Eligible)] {
        let old = json!({"event": event, "by": "ann", "reason": "r", "access": ACCESS});
        let read: AgentEvent = serde_json::from_value(old.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), old, "it is written as it was");
        registry.apply(id(), &read, None, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(registry.agent(id()).unwrap().standing, stands);
    }
}

#[test]
fn it_moves_as_the_table_says_and_a_refused_event_changes_nothing() {
    let mut house = House::new();
    house.place(Standing::Quarantined).unwrap();
    assert_eq!(house.agent().placed.as_ref().unwrap().reason, "words");
    let told = house.place(Standing::Quarantined).unwrap_err().to_string();
    assert_eq!(told, "the agent `bureau` is quarantined already");
    let told = house.place(Standing::Proposed).unwrap_err().to_string();
    assert_eq!(told, "the agent `bureau` is quarantined, and cannot become proposed");
    house.place(Standing::Retired).unwrap();
    assert!(Standing::ALL.into_iter().all(|to| house.place(to).is_err()), "for good");
    let (_, revision) = registration(&["check", "assess"]);
    let again = json!({"event": "registered", "name": "bureau", "revision": revision});
    let told = house.tell(again, Some(registration(&["check"]).0)).unwrap_err();
    assert!(matches!(told, RegistryError::NameTaken(_)), "its name stays taken");
}

#[test]
fn a_changed_registration_waits_and_then_stands_under_its_own_skills() {
    let mut house = House::new();
    let first = house.agent().revision;
    let (next, revision) = registration(&["check", "rate"]);
    house.tell(json!({"event": "proposed", "revision": revision}), Some(next.clone())).unwrap();
    assert_eq!((house.agent().revision, house.claims("rate")), (first, false), "it waits");
    house.tell(json!({"event": "declined", "revision": revision}), None).unwrap();
    let told = house.tell(json!({"event": "declined", "revision": revision}), None).unwrap_err();
    assert_eq!(told.to_string(), "nothing about the agent `bureau` waits for approval");
    let standing = house.agent().standing_when_changed();
    let revised = json!({"event": "revised", "revision": revision, "author": "sam", "standing": standing});
    house.tell(revised.clone(), Some(next.clone())).unwrap();
    assert_eq!(["check", "assess", "rate"].map(|skill| house.claims(skill)), [true, false, true]);
    assert_eq!((house.agent().standing, house.agent().revision), (Standing::Probation, revision));
    assert_eq!(
        house.tell(revised.clone(), Some(next.clone())),
        Err(RegistryError::Same("bureau".parse().unwrap()))
    );
    let other = Registration { name: "other".parse().unwrap(), ..next.clone() };
    let told = house.agent().may_change(&other, first).unwrap_err().to_string();
    assert!(told.contains("register `other` as an agent of its own"), "{told}");
    let other = Registration { owner: "eve.example".to_owned(), ..next };
    assert!(matches!(house.agent().may_change(&other, first), Err(RegistryError::Owned(_))));
    assert_eq!(house.tell(revised, None), Err(RegistryError::Missing(revision)));
}

#[test]
fn what_a_revision_has_shown_is_of_that_revision() {
    let mut house = House::new();
    let (skill, first) = ("check".parse().unwrap(), house.agent().revision);
    let probed = |result: &str, revision: Digest, counts: bool| {
        json!({
            "event": "probed", "skill": "check", "revision": revision, "result": result, "params": first,
            "latency_ms": 3, "counts": counts,
        })
    };
    assert_eq!(house.agent().verified(&skill), None);
    for (result, shown) in
        [("unclear", None), ("verified", Some(true)), ("unclear", Some(true)), ("false", Some(false))]
    {
        house.tell(probed(result, first, result == "verified"), None).unwrap();
        assert_eq!(house.agent().verified(&skill), shown, "{result}");
    }
    assert_eq!(
        house.agent().probed[&skill].counted,
        Some(Timestamp::UNIX_EPOCH),
        "the last time that it counted"
    );
    let (next, revision) = registration(&["check"]);
    let revised = json!({"event": "revised", "revision": revision, "author": "sam", "standing": "eligible"});
    house.tell(revised, Some(next)).unwrap();
    assert_eq!(house.agent().verified(&skill), None, "the next one has to show it again");
}

#[test]
fn a_try_that_nothing_followed_is_unknown_and_says_where_it_was() {
    let mut house = House::new();
    let (skill, first) = ("check".parse().unwrap(), house.agent().revision);
    let trying = json!({"event": "trying", "skill": "check", "revision": first, "params": first});
    let mut there = trying.clone();
    there["instance"] = json!("http://127.0.0.1:8");
    for (trying, said) in [(trying, "was sent, and nothing"), (there, "was sent to http://127.0.0.1:8, and")]
    {
        house.tell(trying, None).unwrap();
        let probed = &house.agent().probed[&skill];
        assert_eq!(probed.result.as_str(), "unknown");
        assert!(probed.problems[0].contains(said), "{:?}", probed.problems);
    }
}

#[test]
fn who_claims_a_skill_is_told_from_any_place_on() {
    let mut registry = Registry::default();
    let (first, _) = registration(&["check"]);
    for n in 1..=4_u128 {
        let one = Registration { name: format!("bureau-{n}").parse().unwrap(), ..first.clone() };
        let revision = one.revision().unwrap();
        let registered = event(json!({"event": "registered", "name": one.name, "revision": revision}));
        registry
            .apply(AgentId::new(Uuid::from_u128(n)), &registered, Some(one), Timestamp::UNIX_EPOCH)
            .unwrap();
    }
    let (check, other) = ("check".parse().unwrap(), "assess".parse().unwrap());
    let from = |place| -> Vec<u128> {
        registry.claiming_from(&check, place).map(|agent| agent.id.uuid().as_u128()).collect()
    };
    assert_eq!((from(0), from(3), from(9)), (vec![1, 2, 3, 4], vec![4, 1, 2, 3], vec![2, 3, 4, 1]));
    assert_eq!((registry.claims(&check), registry.claims(&other)), (4, 0));
    assert_eq!(registry.claiming_from(&other, 7).count(), 0);
}

#[test]
fn who_is_ready_for_a_skill_is_counted_as_agents_change() {
    let mut house = House::new();
    let (check, rate): (SkillName, SkillName) = ("check".parse().unwrap(), "rate".parse().unwrap());
    let (finance, research) = ("finance".parse().unwrap(), "research".parse().unwrap());
    let counted = |house: &House| {
        let ready = |skill, domain| house.0.ready(skill, domain);
        [
            ready(&check, None),
            ready(&check, Some(&finance)),
            ready(&check, Some(&research)),
            ready(&rate, None),
        ]
    };
    assert_eq!(counted(&house), [1, 1, 0, 0]);
    let first = house.agent().revision;
    for (result, ready) in [("unclear", 1), ("false", 0), ("unclear", 0), ("verified", 1), ("false", 0)] {
        let probed = json!({
            "event": "probed", "skill": "check", "revision": first, "result": result, "params": first,
            "latency_ms": 3, "counts": false,
        });
        house.tell(probed, None).unwrap();
        assert_eq!(counted(&house), [ready, ready, 0, 0], "{result}");
    }
    let (mut next, _) = registration(&["check", "rate"]);
    next.domains = ["finance", "research", "finance"].map(|domain| domain.parse().unwrap()).into();
    let revision = next.revision().unwrap();
    let revised = json!({"event": "revised", "revision": revision, "author": "sam", "standing": "probation"});
    house.tell(revised, Some(next)).unwrap();
    assert_eq!(counted(&house), [1, 1, 1, 1], "the next one has shown nothing false");
    for (to, ready) in [
        (Standing::Quarantined, 0),
        (Standing::Eligible, 1),
        (Standing::Suspended, 0),
        (Standing::Probation, 1),
        (Standing::Retired, 0),
    ] {
        house.place(to).unwrap();
        assert_eq!(counted(&house), [ready; 4], "{to}");
    }
    assert_eq!(house.0.claims(&check), 1, "whoever gets nothing claims it all the same");
}

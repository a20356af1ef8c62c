//! Contracts that chance writes: graphs of every kind of step, with retries, undoing, limits and conditions.
//!
//! A new kind of step is added in [`kind`] and nowhere else.

use serde_json::{Map, Value, json};

use super::chance::Chance;

/// The skills that agents offer; the first can be done twice without harm, the second not.
pub(super) const SKILLS: [&str; 4] = ["quote_shipping", "update_catalog", "list_parts", "break_down"];

/// A submission of one contract, or of two of which one waits for the other.
pub(super) fn submission(chance: &mut Chance) -> Value {
    let mut contracts =
        vec![json!({"name": "first", "contract": contract(chance, 0), "input": {"n": chance.between(0, 9)}})];
    if chance.in_thousand(120) {
        let second = contract(chance, 0);
        contracts
            .push(json!({"name": "second", "dependsOn": ["first"], "contract": second, "input": {"n": 1}}));
    }
    json!({"apiVersion": "concordat/v1", "kind": "Submission", "contracts": contracts})
}

/// The template that triggers start.
pub(super) fn template() -> Value {
    let spec = json!({
        "objective": "Quote the shipping cost of an online order and update the product catalog of the shop",
        "domain": "e-commerce",
        "governance": {"risk": "low", "reversible": true},
        "inputs": {"type": "object"},
        "deadline": "300s",
        "steps": [{"id": "s0", "skill": "list_parts", "effect": "none", "with": {"n": 1}, "timeout": "20s"}],
    });
    let metadata = json!({"name": "tick", "version": "1.0.0"});
    json!({"apiVersion": "concordat/v1", "kind": "Contract", "metadata": metadata, "spec": spec})
}

/// Triggers by schedule and by event, one for each way to overlap.
pub(super) fn triggers() -> Vec<Value> {
    let trigger = |name: &str, member: &str, what: Value, overlap: &str| {
        let mut spec = json!({"template": "tick", "overlap": overlap, "input": {"n": 1}});
        spec[member] = what;
        json!({"apiVersion": "concordat/v1", "kind": "Trigger", "metadata": {"name": name}, "spec": spec})
    };
    let each_minute = json!({"cron": "* * * * *"});
    vec![
        trigger("each-minute", "schedule", each_minute.clone(), "allow"),
        trigger("one-at-a-time", "schedule", each_minute, "skip"),
        trigger("once-paid", "event", json!({"type": "paid"}), "replace"),
        trigger("often-paid", "event", json!({"type": "paid", "count": 3, "window": "1h"}), "allow"),
    ]
}

fn contract(chance: &mut Chance, depth: u64) -> Value {
    let count = chance.between(1, if depth == 0 { 7 } else { 3 });
    let mut steps = Vec::new();
    for nth in 0..count {
        steps.extend(step(chance, nth, depth));
    }
    let risk = ["low", "low", "low", "low", "low", "medium", "high"];
    let risk = chance.one_of(&risk).copied().unwrap_or("low");
    let mut spec = json!({
        "objective": "Quote the shipping cost of an online order and update the product catalog of the shop",
        "domain": "e-commerce",
        "governance": {"risk": risk, "reversible": true},
        "inputs": {"type": "object"},
        "deadline": format!("{}s", chance.between(30, 900)),
        "onFailure": if chance.in_thousand(700) { "compensate" } else { "fail" },
        "priority": chance.between(0, 9),
        "steps": steps,
    });
    if chance.in_thousand(200) {
        spec["budget"] = json!({"calls": chance.between(3, 20)});
    }
    if depth == 0 && chance.in_thousand(80) {
        spec["fallback"] = json!({"contract": contract(chance, 1), "input": {"n": 3}});
    }
    let name = format!("sim-{}", chance.between(1, 999));
    json!({"apiVersion": "concordat/v1", "kind": "Contract", "metadata": {"name": name, "version": "1.0.0"}, "spec": spec})
}

/// A step with what stands around its kind, and the steps that its kind brings with it.
fn step(chance: &mut Chance, nth: u64, depth: u64) -> Vec<Value> {
    let id = format!("s{nth}");
    let needs: Vec<String> =
        (0..nth).filter(|_| chance.in_thousand(350)).map(|before| format!("s{before}")).collect();
    let (mut step, mut more) = kind(chance, &id, depth);
    if let Some(step) = step.as_object_mut() {
        if chance.in_thousand(100) {
            let condition = json!({"path": "${input.n}", "gte": chance.between(0, 9)});
            step.insert("when".to_owned(), condition);
        }
        if !needs.is_empty() {
            step.insert("needs".to_owned(), json!(needs));
            if chance.in_thousand(150) {
                step.insert("tolerate".to_owned(), json!(1));
            }
        }
        step.insert("id".to_owned(), json!(id));
    }
    more.insert(0, step);
    more
}

/// One of every kind of step, and the steps that it leads to.
fn kind(chance: &mut Chance, id: &str, depth: u64) -> (Value, Vec<Value>) {
    let order = json!({"order": "${input.n}"});
    match chance.between(1, 100) {
        1..=5 => (json!({"wait": {"for": format!("{}s", chance.between(1, 60))}}), vec![]),
        6..=11 => {
            let within = format!("{}s", chance.between(5, 120));
            (
                json!({"wait": {"event": "paid", "correlate": order, "within": within}, "onError": "skip"}),
                vec![],
            )
        }
        12..=15 => (json!({"emit": {"event": "paid", "data": order}}), vec![]),
        16..=19 => (json!({"review": {"question": "Shall it go on?", "within": "60s"}}), vec![]),
        20..=24 => {
            let (one, other) = (format!("{id}a"), format!("{id}b"));
            let branches = json!([{"when": {"path": "${input.n}", "lt": 5}, "then": one}, {"then": other}]);
            let branch = |id: &str, chance: &mut Chance| {
                let mut step = work(chance);
                step["id"] = json!(id);
                step
            };
            (json!({"oneOf": branches}), vec![branch(&one, chance), branch(&other, chance)])
        }
        25..=31 => {
            let items: Vec<u64> = (0..chance.between(0, 5)).collect();
            let mut step = work(chance);
            step["forEach"] = json!(items);
            step["maxParallel"] = json!(chance.between(1, 3));
            step["tolerate"] = json!(chance.between(0, 2));
            (step, vec![])
        }
        32..=37 if depth < 2 => (
            json!({"contract": {"contract": contract(chance, depth + 1), "input": {"n": "${input.n}"}}}),
            vec![],
        ),
        38..=41 => {
            let limits = json!({"depth": 2, "steps": 6});
            (
                json!({"skill": "break_down", "effect": "none", "with": {"id": id}, "mayDecompose": limits}),
                vec![],
            )
        }
        _ => (work(chance), vec![]),
    }
}

/// A step that an agent does.
fn work(chance: &mut Chance) -> Value {
    let skill = *chance.one_of(&SKILLS[..3]).unwrap_or(&SKILLS[0]);
    let effects = ["none", "idempotent", "idempotent", "unsafe"];
    let effect = chance.one_of(&effects).copied().unwrap_or("none");
    let mut step = Map::new();
    step.insert("skill".to_owned(), json!(skill));
    step.insert("effect".to_owned(), json!(effect));
    step.insert("with".to_owned(), json!({"n": "${input.n}"}));
    step.insert("timeout".to_owned(), json!(format!("{}s", chance.between(1, 20))));
    step.insert("output".to_owned(), json!({"schema": {"type": "object", "required": ["n"]}}));
    if chance.in_thousand(600) {
        // Nobody knows whether unsafe work was done when its answer is lost, so that is no reason to try again.
        let certain = json!(["unavailable", "failed"]);
        let on = if effect == "unsafe" {
            certain
        } else {
            json!(["unavailable", "timeout", "failed", "malformed"])
        };
        let backoff = format!("{}ms", chance.between(10, 3000));
        step.insert("retry".to_owned(), json!({"max": chance.between(1, 4), "backoff": backoff, "on": on}));
    }
    if effect != "none" && chance.in_thousand(500) {
        step.insert("compensate".to_owned(), json!({"skill": "list_parts", "with": {"undo": "${input.n}"}}));
    }
    if effect == "none" && chance.in_thousand(250) {
        step.insert("cache".to_owned(), json!({"ttl": "60s"}));
    }
    let errors = ["fail", "fail", "skip", "compensate", "review"];
    if chance.in_thousand(500)
        && let Some(error) = chance.one_of(&errors)
    {
        step.insert("onError".to_owned(), json!(error));
    }
    Value::Object(step)
}

/// What an agent may answer instead of a result: steps of its own making.
pub(super) fn decomposition(chance: &mut Chance) -> Value {
    let skills = ["quote_shipping", "list_parts", "no_such_skill"];
    let steps: Vec<Value> = (0..chance.between(1, 4))
        .map(|nth| {
            let skill = chance.one_of(&skills).copied().unwrap_or("list_parts");
            json!({"id": format!("p{nth}"), "skill": skill, "effect": "none", "with": {"n": nth}})
        })
        .collect();
    json!({ "steps": steps })
}

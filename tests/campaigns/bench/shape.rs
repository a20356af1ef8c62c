//! The contracts that are carried out: small, wide, deep, and one that waits.

use serde_json::{Value, json};

/// The most items of one `forEach`.
const ITEMS: u32 = 1000;

/// What a contract looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A single step.
    One,
    /// A step, eight side by side, one that joins them.
    Small,
    /// So many steps side by side, each written down.
    Wide(u32),
    /// So many steps, each after the one before, each written down.
    Deep(u32),
    /// So many steps side by side, as items of lists.
    WideItems(u32),
    /// So many steps, each after the one before, as items of lists.
    DeepItems(u32),
    /// A step that waits for an event.
    Waiting,
}

impl Shape {
    /// How often an agent is called.
    pub(super) fn calls(self) -> u32 {
        match self {
            Shape::One => 1,
            Shape::Small => 10,
            Shape::Wide(steps) | Shape::Deep(steps) | Shape::WideItems(steps) | Shape::DeepItems(steps) => {
                steps
            }
            Shape::Waiting => 0,
        }
    }

    /// What is sent in. The name comes with every call to the agent.
    pub(super) fn submission(self, name: &str) -> Value {
        let contract = json!({
            "apiVersion": "concordat/v1", "kind": "Contract", "metadata": {"name": "measured"},
            "spec": {
                "objective": "Build and test a software feature from its source code",
                "requirements": ["Compile the source code", "Run the unit tests"],
                "domain": "software", "governance": {"risk": "low", "reversible": true},
                "deadline": "6h", "steps": self.steps(),
            },
        });
        let items: Vec<u32> = match self {
            Shape::WideItems(steps) | Shape::DeepItems(steps) => (0..steps.min(ITEMS)).collect(),
            _ => Vec::new(),
        };
        let input = json!({"name": name, "items": items});
        json!({
            "apiVersion": "concordat/v1", "kind": "Submission",
            "contracts": [{"contract": contract, "input": input}],
        })
    }

    fn steps(self) -> Vec<Value> {
        match self {
            Shape::One => vec![step("one", &[], "${input.name}")],
            Shape::Small => small(),
            Shape::Wide(steps) => {
                (0..steps).map(|nth| step(&format!("s{nth}"), &[], "${input.name}")).collect()
            }
            Shape::Deep(steps) => (0..steps)
                .map(|nth| match nth.checked_sub(1) {
                    None => step("s0", &[], "${input.name}"),
                    Some(before) => {
                        let before = format!("s{before}");
                        step(&format!("s{nth}"), &[&before], &format!("${{steps.{before}.output.n}}"))
                    }
                })
                .collect(),
            Shape::WideItems(steps) => (0..steps.div_ceil(ITEMS)).map(|nth| items(nth, None)).collect(),
            Shape::DeepItems(steps) => (0..steps.div_ceil(ITEMS)).map(|nth| items(nth, Some(1))).collect(),
            Shape::Waiting => vec![json!({"id": "paid", "wait": {
                "event": "com.example.order.paid", "correlate": {"order": "${input.name}"}, "within": "5h",
            }})],
        }
    }
}

fn step(id: &str, needs: &[&str], of: &str) -> Value {
    json!({"id": id, "skill": "build", "needs": needs, "with": {"name": "${input.name}", "of": of}})
}

fn small() -> Vec<Value> {
    let parts: Vec<String> = (1..=8).map(|nth| format!("part-{nth}")).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let middle = parts.iter().map(|part| step(part, &["first"], "${steps.first.output.n}"));
    std::iter::once(step("first", &[], "${input.name}"))
        .chain(middle)
        .chain([step("last", &parts, "${steps.part-8.output.n}")])
        .collect()
}

/// A step for each item of the input's list; with a limit, blocks follow each other as well.
fn items(nth: u32, at_a_time: Option<u32>) -> Value {
    let mut step = step(&format!("s{nth}"), &[], "${item}");
    if let Some(fields) = step.as_object_mut() {
        fields.insert("forEach".to_owned(), json!("${input.items}"));
        if let Some(most) = at_a_time {
            fields.insert("maxParallel".to_owned(), json!(most));
            let before: Vec<String> = nth.checked_sub(1).map(|nth| format!("s{nth}")).into_iter().collect();
            fields.insert("needs".to_owned(), json!(before));
        }
    }
    step
}

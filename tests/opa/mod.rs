//! OPA's API over HTTP, against what OPA's documentation says. How a case is written stands in `README.md`.

mod door;
mod durable;
mod hostile;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};

use door::Door;

/// One case of a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// Rules of the package `t`.
    rego: Option<String>,
    /// Whole modules by their ids.
    modules: Option<BTreeMap<String, String>>,
    data: Option<Value>,
    /// Absent is no input; `null` is one.
    #[serde(default, deserialize_with = "present")]
    input: Option<Value>,
    /// What is asked for, below `data`; `t/r` when nothing else is said.
    path: Option<String>,
    /// What is asked instead of a path.
    query: Option<String>,
    #[serde(default)]
    strict: bool,
    #[serde(flatten)]
    wanted: Outcome,
    /// What we answer today where it is something else.
    today: Option<Outcome>,
    /// Why it is something else.
    why: Option<String>,
    #[expect(dead_code, reason = "it is for whoever reads the case")]
    note: Option<String>,
}

/// What comes of a case.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Outcome {
    #[serde(default, deserialize_with = "present")]
    want: Option<Value>,
    #[serde(default)]
    undefined: bool,
    /// The evaluation fails with this code.
    error: Option<String>,
    /// The modules, or the query, are refused with this code.
    refused: Option<String>,
}

fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Case {
    fn modules(&self) -> BTreeMap<String, String> {
        let rego = self.rego.iter().map(|rules| ("t".to_owned(), format!("package t\n\n{rules}")));
        self.modules.iter().flatten().map(|(id, text)| (id.clone(), text.clone())).chain(rego).collect()
    }

    async fn outcome(&self, door: &Door) -> Outcome {
        let nothing = Outcome { want: None, undefined: false, error: None, refused: None };
        let refused = |answer: &Value| Outcome {
            refused: Some(answer["errors"][0]["code"].as_str().unwrap_or("?").to_owned()),
            ..nothing.clone()
        };
        let (status, answer) = door.send("PUT", "/v1/policies", &json!({ "modules": self.modules() })).await;
        if status != 200 {
            return refused(&answer);
        }
        let data = self.data.clone().unwrap_or_else(|| json!({}));
        let (status, answer) = door.send("PUT", "/v1/data", &data).await;
        assert_eq!(status, 204, "{answer}");
        let mut body = json!({});
        if let Some(input) = &self.input {
            body["input"] = input.clone();
        }
        let strict = if self.strict { "?strict-builtin-errors" } else { "" };
        let path = match &self.query {
            Some(query) => {
                body["query"] = json!(query);
                "/v1/query".to_owned()
            }
            None => format!("/v1/data/{}{strict}", self.path.as_deref().unwrap_or("t/r")),
        };
        let (status, answer) = door.send("POST", &path, &body).await;
        match (status, answer.get("result")) {
            (200, Some(result)) => Outcome { want: Some(result.clone()), ..nothing },
            (200, None) => Outcome { undefined: true, ..nothing },
            (400, _) => refused(&answer),
            _ => Outcome {
                error: Some(answer["errors"][0]["code"].as_str().unwrap_or("?").to_owned()),
                ..nothing
            },
        }
    }
}

/// Every case of every file in `tests/opa/cases`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cases() {
    let door = Door::open().await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("opa/cases");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let (mut count, mut wrong) = (0, String::new());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let cases: Vec<Case> =
            serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        for (nth, case) in cases.iter().enumerate() {
            count += 1;
            let name = format!("{}[{nth}]", file.file_stem().unwrap().display());
            assert_eq!(case.today.is_some(), case.why.is_some(), "{name}: a difference has a reason");
            assert_ne!(case.today.as_ref(), Some(&case.wanted), "{name}: this is no difference any more");
            let wanted = case.today.as_ref().unwrap_or(&case.wanted);
            let found = case.outcome(&door).await;
            if found != *wanted {
                writeln!(wrong, "{name}: {:?}\n  wanted {wanted:?}\n  found  {found:?}", case.modules())
                    .unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(count >= 200, "only {count} cases");
}

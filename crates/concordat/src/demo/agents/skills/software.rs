//! A feature's way: a design of named parts, a skeleton of them, a test that compares the two.

use concordat_model::digest::Digest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::books::Books;
use super::super::skill::{Failure, Skill};
use super::prose::terms;

pub(super) fn skills() -> Vec<Skill> {
    let domain = "software";
    let component = json!({"name": "export_orders", "responsibility": "Export orders as CSV"});
    let source = "/// Export orders as CSV\nfn export_orders() {}\n";
    let file =
        json!({"path": "src/export_orders.rs", "source": source, "sha256": Digest::of(source.as_bytes())});
    vec![
        Skill::new(
            domain,
            "break_down_feature",
            "Breaks a feature down into steps that design and implement it",
            json!({"feature": "Order export", "requirements": ["Export orders as CSV"]}),
            break_down_feature,
        ),
        Skill::new(
            domain,
            "design_feature",
            "Turns requirements into components",
            json!({"feature": "Order export", "requirements": ["Export orders as CSV", "Limit exports to one a minute"]}),
            design_feature,
        ),
        Skill::new(
            domain,
            "implement_feature",
            "Writes a skeleton of every component",
            json!({"design": {"feature": "Order export", "components": [component]}}),
            implement_feature,
        ),
        Skill::new(
            domain,
            "test_feature",
            "Checks that every component has a file, and that every file is what its digest says",
            json!({"design": {"feature": "Order export", "components": [component]}, "build": {"files": [file]}}),
            test_feature,
        ),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct Feature {
    #[schemars(length(min = 1, max = 1000))]
    feature: String,
    #[serde(default)]
    #[schemars(length(max = 100), inner(length(min = 1, max = 1000)))]
    requirements: Vec<String>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Component {
    #[schemars(length(min = 1, max = 200), regex(pattern = "^[a-z0-9_]+$"))]
    name: String,
    #[schemars(length(max = 1000))]
    responsibility: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Design {
    feature: String,
    /// One for each requirement; one for the feature itself where none was given.
    components: Vec<Component>,
    acceptance: Vec<String>,
}

/// A plan of its own instead of a result: one step that designs, one that implements, and what comes of both.
#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Breakdown {
    /// Steps of a contract.
    #[schemars(length(max = 100))]
    steps: Vec<Value>,
    /// What the contract answers.
    output: Value,
}

fn break_down_feature(asked: Feature, _: &mut Books) -> Result<Breakdown, Failure> {
    let Feature { feature, requirements } = asked;
    let design = json!({
        "id": "design", "skill": "design_feature", "effect": "none",
        "with": {"feature": feature, "requirements": requirements},
    });
    let implement = json!({
        "id": "implement", "skill": "implement_feature", "effect": "none", "needs": ["design"],
        "with": {"design": "${steps.design.output}"},
    });
    // Each requirement is tested by itself as well, so many requirements are many steps.
    let checks = requirements.iter().enumerate().map(|(nth, _)| {
        json!({
            "id": format!("check-{}", nth + 1), "skill": "test_feature", "effect": "none", "needs": ["design", "implement"],
            "with": {"design": "${steps.design.output}", "build": "${steps.implement.output}"},
        })
    });
    let steps = [design, implement].into_iter().chain(checks).collect();
    let output = json!({"design": "${steps.design.output}", "build": "${steps.implement.output}"});
    Ok(Breakdown { steps, output })
}

fn design_feature(asked: Feature, _: &mut Books) -> Result<Design, Failure> {
    let Feature { feature, requirements } = asked;
    let parts = if requirements.is_empty() { vec![feature.clone()] } else { requirements };
    let components: Vec<Component> = parts
        .into_iter()
        .enumerate()
        .map(|(nth, responsibility)| Component { name: name(nth, &responsibility), responsibility })
        .collect();
    let acceptance =
        components.iter().map(|component| format!("`{}` exists and is tested", component.name)).collect();
    Ok(Design { feature, components, acceptance })
}

/// A name of at most three telling words, such as `part_1_export_orders`.
fn name(nth: usize, responsibility: &str) -> String {
    let telling = terms(responsibility).into_iter().filter(|term| term.is_ascii()).take(3);
    let words = telling.map(|term| term.replace(['-', '\''], "_"));
    std::iter::once(format!("part_{}", nth + 1)).chain(words).collect::<Vec<_>>().join("_")
}

#[derive(Deserialize, JsonSchema)]
struct Designed {
    #[schemars(length(min = 1, max = 100))]
    components: Vec<Component>,
}

#[derive(Deserialize, JsonSchema)]
struct Implement {
    design: Designed,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct File {
    #[schemars(length(max = 500))]
    path: String,
    #[schemars(length(max = 100_000))]
    source: String,
    /// The digest of the source.
    #[schemars(length(max = 100))]
    sha256: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Build {
    files: Vec<File>,
    lines: usize,
}

fn implement_feature(asked: Implement, _: &mut Books) -> Result<Build, Failure> {
    let Implement { design } = asked;
    let files: Vec<File> = design
        .components
        .iter()
        .map(|component| {
            let responsibility = component.responsibility.replace('\n', " ");
            let source = format!("/// {responsibility}\nfn {}() {{}}\n", component.name);
            let sha256 = Digest::of(source.as_bytes()).to_string();
            File { path: path(component), source, sha256 }
        })
        .collect();
    let lines = files.iter().map(|file| file.source.lines().count()).sum();
    Ok(Build { files, lines })
}

fn path(component: &Component) -> String {
    format!("src/{}.rs", component.name)
}

#[derive(Deserialize, JsonSchema)]
struct Built {
    #[schemars(length(max = 100))]
    files: Vec<File>,
}

#[derive(Deserialize, JsonSchema)]
struct Test {
    design: Designed,
    build: Built,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Tested {
    passed: usize,
    failures: Vec<String>,
}

fn test_feature(asked: Test, _: &mut Books) -> Result<Tested, Failure> {
    let Test { design, build } = asked;
    let missing = design
        .components
        .iter()
        .filter(|component| !build.files.iter().any(|file| file.path == path(component)))
        .map(|component| format!("`{}` has no file", component.name));
    let changed = build
        .files
        .iter()
        .filter(|file| Digest::of(file.source.as_bytes()).to_string() != file.sha256)
        .map(|file| format!("`{}` is not what its digest says", file.path));
    let failures: Vec<String> = missing.chain(changed).collect();
    let checks = design.components.len() + build.files.len();
    Ok(Tested { passed: checks - failures.len(), failures })
}

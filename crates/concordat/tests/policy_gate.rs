//! Hostile and mistaken policies, each looked at in a process of its own: what is found, and that it is found.
//!
//! A case is a file of `concordat-policy/tests/corpus`. Its first lines say what is expected and where it lies:
//!
//! ```text
//! # expect: 5:3 unknown_input     a finding in this file; `# expect: exhausted` is one without a place
//! # expect: 100 x unknown_rule    so many of them
//! # in: admit/own.rego            the path in the bundle; otherwise `own/` and the file's name
//! # also PATH: TEXT               another file, with `\n` for the ends of lines
//! # lines N: TEXT                 N more lines, with their number for `{}` and the one after it for `{next}`
//! ```
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]
#![expect(
    clippy::disallowed_methods,
    reason = "it is measured how long a look takes, and nothing depends on it"
)]
#![expect(clippy::print_stdout, reason = "how long the slowest took is worth a line, and no reason to fail")]

use std::path::Path;
use std::time::{Duration, Instant};

use concordat::policy_worker::inspect;
use concordat_policy::bundle::archive::{self, Files};
use concordat_policy::{Bundle, Finding, Inspection};

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_concordat"))
}

struct Case {
    name: String,
    path: String,
    files: Files,
    expected: Vec<String>,
}

impl Case {
    fn read(file: &Path) -> Case {
        let text = std::fs::read_to_string(file).unwrap();
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let mut case = Case { path: format!("own/{name}"), name, files: Vec::new(), expected: Vec::new() };
        let mut whole = text.clone();
        for line in text.lines().take_while(|line| line.starts_with('#')) {
            let (word, rest) = line.trim_start_matches("# ").split_once(": ").unwrap_or((line, ""));
            match word.split_once(' ').unwrap_or((word, "")) {
                ("expect", _) => case.expected.push(rest.to_owned()),
                ("in", _) => rest.clone_into(&mut case.path),
                ("also", path) => case.files.push((path.to_owned(), rest.replace("\\n", "\n").into())),
                ("lines", count) => {
                    let line =
                        |n: usize| rest.replace("{}", &n.to_string()).replace("{next}", &(n + 1).to_string());
                    whole.extend((0..count.parse().unwrap()).map(|n| line(n) + "\n"));
                }
                _ => {}
            }
        }
        case.files.push((case.path.clone(), whole.into()));
        let standard = Bundle::standard();
        let others = standard.files().filter(|(path, _)| *path != case.path);
        case.files.extend(others.map(|(path, text)| (path.to_owned(), text.into())));
        case
    }

    async fn report(&self) -> Inspection {
        match Bundle::from_files(self.files.iter().map(|(path, bytes)| (path, bytes))) {
            Ok(bundle) => inspect(program(), &bundle.document()).await.unwrap(),
            Err(error) => Inspection::of(Finding::from(&error)),
        }
    }

    /// What was found in this file or in none, in the words of an expectation.
    fn found(&self, report: &Inspection) -> Vec<String> {
        let mine = report.findings.iter().filter(|one| one.file == self.path || one.file.is_empty());
        let said: Vec<(String, &str)> = mine
            .map(|one| match (one.file.as_str(), one.code.as_str()) {
                ("", code) => (code.to_owned(), code),
                (_, code) => (format!("{}:{} {code}", one.line, one.column), code),
            })
            .collect();
        match said.first() {
            Some((_, code)) if said.len() > 20 && said.iter().all(|(_, other)| other == code) => {
                vec![format!("{} x {code}", said.len())]
            }
            _ => said.into_iter().map(|(place, _)| place).collect(),
        }
    }
}

#[tokio::test]
async fn every_hostile_or_mistaken_module_is_found_out() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../concordat-policy/tests/corpus");
    let mut cases: Vec<Case> =
        std::fs::read_dir(folder).unwrap().map(|file| Case::read(&file.unwrap().path())).collect();
    cases.sort_by(|one, other| one.name.cmp(&other.name));
    assert!(cases.len() >= 60, "{}", cases.len());
    let (mut slowest, mut wrong) = ((Duration::ZERO, String::new()), Vec::new());
    for case in &cases {
        let start = Instant::now();
        let report = case.report().await;
        slowest = slowest.max((start.elapsed(), case.name.clone()));
        let found = case.found(&report);
        if found != case.expected {
            let told: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
            wrong.push(format!(
                "{}\n  wanted {:?}\n  found  {found:?}\n  {}",
                case.name,
                case.expected,
                told.join("\n  ")
            ));
        }
    }
    println!("{} cases; the slowest, {}, took {:?}", cases.len(), slowest.1, slowest.0);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Text and paths that no file of the corpus could hold, and data beside rules.
#[tokio::test]
async fn what_is_not_even_a_bundle_is_found_out() {
    for (path, content, wanted) in [
        ("../own.rego", &b"package own"[..], "bundle: `../own.rego` is not the path of a policy file"),
        ("own.rego", b"package own\0", "own.rego: bundle: `own.rego` is not text: byte 11"),
        ("own.rego", b"package own\xff", "own.rego: bundle: `own.rego` is not text: byte 11"),
        ("own.rego", &[b'#'; 70_000], "own.rego: bundle: `own.rego` has 70000 bytes; the most is 65536"),
        ("own.rego", &[b'\n'; 3_000], "own.rego: bundle: `own.rego` has 3000 lines; the most is 2000"),
        (
            ".manifest",
            b"{\"roots\": [\"a\", \"a/b\"]}",
            ".manifest: manifest: the roots `a` and `a/b` overlap",
        ),
        (
            ".manifest",
            b"{\"roots\": [\"a\"]}",
            "access/access.rego:2:1: outside_roots: `data.concordat.access` is",
        ),
        (".manifest", b"{\"rego_version\": 0}", ".manifest: manifest: only Rego of version 1"),
        ("data.json", b"{\"a\": {", "data.json:1:"),
        (
            "concordat/data.json",
            b"{\"admit\": {\"decision\": {\"answer\": \"permit\"}}}",
            "data_conflict: `data.concordat.admit.decision` is a rule",
        ),
        ("data.json", b"{\"concordat\": 1}", "data_conflict: `data.concordat.access.decision` is a rule"),
    ] {
        let mut files: Files = vec![(path.to_owned(), content.to_vec())];
        files.extend(Bundle::standard().files().map(|(path, text)| (path.to_owned(), text.into())));
        let case = Case { name: path.to_owned(), path: path.to_owned(), files, expected: Vec::new() };
        let report = case.report().await;
        let told: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
        assert!(!report.passes() && told.iter().any(|one| one.contains(wanted)), "{path}: {told:#?}");
    }
}

#[tokio::test]
async fn the_standard_policy_passes_in_a_child_and_a_child_that_is_none_passes_nothing() {
    let document = Bundle::standard().document();
    let report = inspect(program(), &document).await.unwrap();
    assert!(report.passes(), "{report:#?}");
    let garbage = inspect(program(), b"{\"files\": {}}").await.unwrap();
    assert!(!garbage.passes(), "{garbage:#?}");
    for other in ["/bin/true", "/bin/false", "/nowhere"] {
        assert!(inspect(Path::new(other), &document).await.is_err(), "{other}");
    }
    let flooded = inspect(program(), &vec![b'x'; 8 * 1024 * 1024]).await.unwrap();
    assert!(!flooded.passes(), "{flooded:#?}");
}

/// What the command line says, and with which number it ends.
fn check(arguments: &[&str]) -> (i32, String) {
    let output =
        std::process::Command::new(program()).args(["policy", "check"]).args(arguments).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), told)
}

#[test]
fn the_command_checks_folders_and_archives() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    assert_eq!(check(&[]).0, 0, "{}", check(&[]).1);
    for (path, text) in Bundle::standard().files() {
        let path = folder.path().join("policy").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    assert_eq!(check(&[&at("policy"), "--strict"]).0, 0);
    let build = std::process::Command::new(program())
        .args(["policy", "build", &at("policy"), "-f", &at("policy.tar.gz")])
        .status()
        .unwrap();
    assert!(build.success());
    assert_eq!(check(&[&at("policy.tar.gz"), "--strict"]), check(&[&at("policy"), "--strict"]));

    std::fs::write(at("policy/admit/own.rego"), "package concordat.admit\n\nimport data.concordat.common\n")
        .unwrap();
    assert_eq!(check(&[&at("policy")]).0, 0);
    let (code, told) = check(&[&at("policy"), "--strict"]);
    assert_eq!(code, 1);
    assert!(
        told.contains("warning[unused_import]") && told.contains("3 | import data.concordat.common"),
        "{told}"
    );
    std::fs::write(at("policy/admit/own.rego"), "package concordat.admit\n\na if not b\n").unwrap();
    let (code, told) = check(&[&at("policy"), "--format", "json"]);
    let report: Inspection = serde_json::from_str(&told).unwrap();
    assert!(code == 1 && !report.passes(), "{told}");
    let (code, told) = check(&[&at("policy"), "--format", "sarif"]);
    let log: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        (code, log.pointer("/runs/0/results/0/ruleId").unwrap()),
        (1, &"unknown_rule".into()),
        "{told}"
    );

    // Signatures that are required and missing, and what is no archive at all.
    std::fs::write(at("secret"), "secret\n").unwrap();
    let (code, told) =
        check(&[&at("policy.tar.gz"), "--verification-key", &at("secret"), "--signing-alg", "HS256"]);
    assert!(code == 1 && told.contains("error[signature]"), "{told}");
    std::fs::write(
        at("bomb.tar.gz"),
        archive::pack(&vec![("a.rego".to_owned(), vec![b'#'; 9_000_000])]).unwrap(),
    )
    .unwrap();
    let (code, told) = check(&[&at("bomb.tar.gz")]);
    assert!(code == 1 && told.contains("error[archive]"), "{told}");
    assert_eq!(check(&[&at("nowhere")]).0, 2);
}

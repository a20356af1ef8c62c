//! The house rules, checked: which crate may use which, what stands at the top level, what is in the lock file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// For each of our crates, those that it may use. An arrow that is not here is forbidden.
const ARROWS: [(&str, &[&str]); 10] = [
    ("concordat-model", &[]),
    ("concordat-ledger", &[]),
    ("concordat-classify", &["concordat-model"]),
    ("concordat-report", &["concordat-ledger", "concordat-model"]),
    ("concordat-policy", &["concordat-model"]),
    ("concordat-engine", &["concordat-classify", "concordat-ledger", "concordat-model", "concordat-policy"]),
    ("concordat-store", &["concordat-engine", "concordat-ledger", "concordat-model"]),
    ("concordat-agents", &["concordat-engine", "concordat-model", "concordat-policy"]),
    (
        "concordat-server",
        &["concordat-engine", "concordat-ledger", "concordat-model", "concordat-policy", "concordat-report"],
    ),
    (
        "concordat",
        &[
            "concordat-agents",
            "concordat-classify",
            "concordat-engine",
            "concordat-ledger",
            "concordat-model",
            "concordat-policy",
            "concordat-report",
            "concordat-server",
            "concordat-store",
        ],
    ),
];

/// What may stand at the top level, beside dot-files.
const TOP: [&str; 8] =
    ["Cargo.lock", "Cargo.toml", "LICENSE", "README.md", "contracts", "crates", "policies", "tests"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the checkout").to_path_buf()
}

fn manifests() -> BTreeMap<String, String> {
    let read =
        |name: &str| std::fs::read_to_string(root().join("crates").join(name).join("Cargo.toml")).unwrap();
    std::fs::read_dir(root().join("crates"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .map(|name| (name.clone(), read(&name)))
        .collect()
}

/// The names under `[dependencies]` of a manifest. What only tests use may look up.
fn dependencies(manifest: &str) -> Vec<&str> {
    let mut inside = false;
    let mut names = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line == "[dependencies]";
        } else if inside && !line.is_empty() && !line.starts_with('#') {
            names.push(line.split(['.', '=', ' ']).next().unwrap());
        }
    }
    names
}

/// Every arrow between our crates that the design does not have.
fn forbidden(manifests: &BTreeMap<String, String>) -> Vec<String> {
    let mut found = Vec::new();
    for (name, manifest) in manifests {
        let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| known == name) else {
            found.push(format!("the crate `{name}` has no place in the design"));
            continue;
        };
        for used in dependencies(manifest).into_iter().filter(|used| used.starts_with("concordat")) {
            if !allowed.contains(&used) {
                found.push(format!("`{name}` uses `{used}`"));
            }
        }
    }
    found
}

#[test]
fn arrows_only_point_down() {
    assert_eq!(forbidden(&manifests()), Vec::<String>::new());
}

/// What stands behind one wall only: the crate that may use it.
const BEHIND_WALLS: [(&str, &[&str]); 4] = [
    ("regorus", &["concordat-policy"]),
    ("sqlx", &["concordat-store"]),
    ("petgraph", &["concordat-model"]),
    ("axum", &["concordat-server", "concordat"]),
];

#[test]
fn what_stands_behind_a_wall_is_used_there_only() {
    for (name, manifest) in manifests() {
        for (used, by) in BEHIND_WALLS {
            assert!(
                !dependencies(&manifest).contains(&used) || by.contains(&name.as_str()),
                "`{name}` uses `{used}`"
            );
        }
    }
}

/// Cargo builds a crate once for all that are built together, with what any of them turns on. So the points must not
/// be turned on by the product, and must do nothing in a program that does not arm them.
#[test]
fn crash_tests_alone_have_failpoints() {
    for (name, manifest) in manifests() {
        let features = manifest.split_once("[dependencies]").map_or("", |(before, _)| before);
        assert_eq!(
            manifest.matches("failpoints").count(),
            features.matches("failpoints").count(),
            "`{name}` turns failpoints on"
        );
        assert!(!features.contains("default"), "`{name}` has features that are on by themselves");
    }
    let product = std::fs::read_dir(root().join("crates/concordat/src")).unwrap();
    for file in product.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        assert!(!std::fs::read_to_string(&file).unwrap().contains("failpoint"), "{}", file.display());
    }
}

#[test]
fn a_turned_arrow_is_found() {
    let mut turned = manifests();
    turned
        .get_mut("concordat-model")
        .unwrap()
        .push_str("\n[dependencies]\nconcordat-engine.workspace = true\n");
    assert_eq!(forbidden(&turned), ["`concordat-model` uses `concordat-engine`"]);
    turned.insert("concordat-common".to_owned(), String::new());
    assert!(
        forbidden(&turned).contains(&"the crate `concordat-common` has no place in the design".to_owned())
    );
}

#[test]
fn every_crate_keeps_the_workspace_lints() {
    for (name, manifest) in manifests() {
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "`{name}` does not take the workspace's lints"
        );
    }
    let workspace = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(workspace.contains("unsafe_code = \"forbid\""));
}

#[test]
fn the_top_level_holds_what_the_customer_asked_for() {
    let odd: Vec<String> = std::fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.') && name != "target" && !TOP.contains(&name.as_str()))
        .collect();
    assert_eq!(odd, Vec::<String>::new());
}

/// Crates that must not be built into the product: a second TLS provider, readers of YAML that lose keys, and
/// what carries a known fault.
const BANNED: [&str; 8] = [
    "ring",
    "openssl",
    "native-tls",
    "serde_yaml",
    "serde_yml",
    "serde_yaml_ng",
    "rs_merkle",
    "openidconnect",
];

#[test]
fn no_banned_crate_is_built_in() {
    let tree = std::process::Command::new(env!("CARGO"))
        .args([
            "tree",
            "--workspace",
            "--locked",
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    assert!(tree.contains("aws-lc-rs v"), "the TLS provider is not in the tree");
    for banned in BANNED {
        assert!(!tree.lines().any(|line| line.starts_with(&format!("{banned} v"))), "`{banned}` is built in");
    }
}

#[test]
fn everything_comes_from_the_registry() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    for source in lock.lines().filter_map(|line| line.strip_prefix("source = ")) {
        assert!(source.starts_with("\"registry+https://github.com/rust-lang/crates.io-index"), "{source}");
    }
}

/// Files beyond this many lines say at their top why they are one.
const LONG: usize = 600;

#[test]
fn no_file_grows_without_saying_why() {
    let mut open = vec![root().join("crates")];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let said = text.lines().take(20).any(|line| line.contains("one file because"));
                assert!(
                    text.lines().count() <= LONG || said,
                    "{} has {} lines",
                    path.display(),
                    text.lines().count()
                );
            }
        }
    }
}

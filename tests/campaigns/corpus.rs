//! The hostile and mistaken modules of `concordat-policy`, as its tests make them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use concordat_policy::Bundle;

/// One file of the corpus, as a file of a bundle.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) text: String,
    others: Vec<(String, String)>,
}

/// Every file of the corpus, by name.
pub(crate) fn read() -> anyhow::Result<Vec<Case>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/concordat-policy/tests/corpus");
    let mut cases = Vec::new();
    for file in std::fs::read_dir(&folder).with_context(|| format!("there is no {}", folder.display()))? {
        let file = file?.path();
        let name = file.file_name().and_then(|name| name.to_str()).context("a file has a name")?.to_owned();
        cases.push(case(name, std::fs::read_to_string(&file)?)?);
    }
    cases.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(cases)
}

/// What the first lines of a file ask for is in `concordat/tests/policy_gate.rs`.
fn case(name: String, mut text: String) -> anyhow::Result<Case> {
    let (mut path, mut others) = (format!("own/{name}"), Vec::new());
    let mut more = String::new();
    for line in text.lines().take_while(|line| line.starts_with('#')) {
        let (word, rest) = line.trim_start_matches("# ").split_once(": ").unwrap_or((line, ""));
        match word.split_once(' ').unwrap_or((word, "")) {
            ("in", _) => rest.clone_into(&mut path),
            ("also", other) => others.push((other.to_owned(), rest.replace("\\n", "\n"))),
            ("lines", count) => {
                for n in 0..count.parse()? {
                    let line =
                        rest.replace("{}", &i32::to_string(&n)).replace("{next}", &(n + 1).to_string());
                    more += &(line + "\n");
                }
            }
            _ => {}
        }
    }
    text += &more;
    Ok(Case { name, path, text, others })
}

impl Case {
    /// The standard policy with this file, and a line that makes it another one than all before.
    pub(crate) fn files(&self, mark: u64) -> BTreeMap<String, String> {
        let mut files: BTreeMap<String, String> =
            Bundle::standard().files().map(|(path, text)| (path.to_owned(), text.to_owned())).collect();
        files.extend(self.others.iter().cloned());
        files.insert(self.path.clone(), format!("{}\n# {mark}\n", self.text));
        files
    }
}

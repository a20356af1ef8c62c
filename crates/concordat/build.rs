//! Lists the sample contracts at build time, so that a folder added to `contracts/` is a template without a
//! second list of them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../../contracts");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut list = String::from("[\n");
    for file in contracts(&root)? {
        println!("cargo::rerun-if-changed={}", file.display());
        // Debug form is the form of a Rust text.
        let _ = writeln!(list, "    ({file:?}, include_str!({file:?})),");
    }
    list.push_str("]\n");
    fs::write(PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("templates.rs"), list)
}

fn contracts(root: &Path) -> io::Result<Vec<PathBuf>> {
    if !root.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for folder in fs::read_dir(root)? {
        let file = folder?.path().join("contract.yaml");
        if file.is_file() {
            found.push(file.canonicalize()?);
        }
    }
    found.sort();
    Ok(found)
}

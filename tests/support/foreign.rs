//! Programs that we did not write, asked about what we wrote: Go's `sumdb` packages, PyPI's `pymerkle` and `rfc8785`,
//! npm's `@sigstore/verify` and `canonicalize`, and crates.io's `ct-merkle`. Each is asked once for everything.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use concordat_ledger::tree::{Node, leaf_hash};
use concordat_ledger::{Consistency, Frontier, Hash, Inclusion, canonical};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// A program of somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    /// Go with `golang.org/x/mod/sumdb`, from Debian.
    Go,
    /// Python with `pymerkle` and `rfc8785`, from PyPI, and `openssl`.
    Python,
    /// Node with `@sigstore/verify` and `canonicalize`, from npm.
    Node,
}

impl Foreign {
    /// All of them.
    pub const ALL: [Foreign; 3] = [Foreign::Go, Foreign::Python, Foreign::Node];

    /// What it prints when it is asked so and reads this.
    pub fn asked(self, words: &[&str], input: &[u8]) -> String {
        let place = place();
        let mut command = match self {
            Foreign::Go => Command::new(place.join("foreign-go")),
            Foreign::Python => {
                let mut command = Command::new(python());
                command.arg("-Wignore").arg(script("foreign.py"));
                command
            }
            Foreign::Node => {
                let mut command = Command::new("node");
                command.arg(place.join("npm/foreign.cjs"));
                command
            }
        };
        command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let output = std::thread::scope(|scope| {
            scope.spawn(move || stdin.write_all(input).unwrap());
            child.wait_with_output().unwrap()
        });
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{self:?} {words:?}: {complaint}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// The Python that has what we need from PyPI.
pub fn python() -> PathBuf {
    place().join("python/bin/python")
}

/// Python with the older SDK of MCP.
pub fn older_python() -> PathBuf {
    place().join("python-older/bin/python")
}

/// A program of ours in Python.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign").join(name)
}

/// Where they are, once they are there.
fn place() -> &'static Path {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    PLACE.get_or_init(|| {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
        let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
        let place = target.unwrap_or_else(|| tests.join("../target")).join("foreign");
        let place = std::path::absolute(place).unwrap();
        let prepared = Command::new("sh").arg(tests.join("foreign/prepare")).arg(&place).output().unwrap();
        let complaint = String::from_utf8_lossy(&prepared.stderr);
        assert!(
            prepared.status.success(),
            "the foreign verifiers are not to be had; hint: run tests/run, which installs Go, Python and Node: {complaint}"
        );
        place
    })
}

/// A growing tree of ours that remembers all its nodes.
#[derive(Default)]
struct Grown {
    tree: Frontier,
    nodes: HashMap<Node, Hash>,
}

impl Grown {
    fn append(&mut self, leaf: Hash) {
        let Grown { tree, nodes } = self;
        tree.append_noting(leaf, |node, hash| {
            nodes.insert(node, hash);
        });
    }

    fn inclusion(&self, index: u64) -> Vec<Hash> {
        let fetch = |node| self.nodes.get(&node).copied();
        Inclusion::prove(index, self.tree.size(), fetch).unwrap().path().to_vec()
    }

    fn consistency(&self, old: u64) -> Vec<Hash> {
        let fetch = |node| self.nodes.get(&node).copied();
        Consistency::prove(old, self.tree.size(), fetch).unwrap().path().to_vec()
    }
}

/// Which proofs of inclusion are compared with programs that are slow.
fn in_sample(index: u64, size: u64) -> bool {
    index == 0 || index == size - 1 || (index + size).is_multiple_of(101)
}

fn add(all: &mut Sha256, path: &[Hash]) {
    all.update([u8::try_from(path.len()).unwrap()]);
    path.iter().for_each(|hash| all.update(hash.as_bytes()));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compares every tree up to this size, byte for byte: roots with all; every proof of inclusion and of consistency
/// with Go and `ct-merkle`; a sample of those of inclusion with Python and Node. Gives the number of proofs.
pub fn compare_trees(largest: u64) -> u64 {
    let (mut grown, mut theirs) = (Grown::default(), MemoryBackedTree::<Sha256, Vec<u8>>::new());
    let (mut of_all, mut of_sample, mut proofs, mut count) = (String::new(), String::new(), String::new(), 0);
    for size in 1..=largest {
        let leaf = (size - 1).to_be_bytes();
        grown.append(leaf_hash(&leaf));
        theirs.push(leaf.to_vec());
        let root = grown.tree.root();
        assert_eq!(theirs.root().as_bytes().as_slice(), root.as_bytes(), "root of {size}");
        let (mut all, mut sample) = (Sha256::new(), Sha256::new());
        for index in 0..size {
            let path = grown.inclusion(index);
            add(&mut all, &path);
            assert_eq!(theirs.prove_inclusion(index as usize).as_bytes(), bytes(&path), "{index} in {size}");
            if in_sample(index, size) {
                add(&mut sample, &path);
                proofs.push_str(&proof_lines(index, size, &path, root));
            }
        }
        for old in 1..=size {
            let path = grown.consistency(old);
            add(&mut all, &path);
            let same =
                old == size || theirs.prove_consistency((size - old) as usize).as_bytes() == bytes(&path);
            assert!(same, "{old} to {size}");
        }
        count += 2 * size;
        of_all.push_str(&format!("{size} {} {}\n", hex(root.as_bytes()), hex(&all.finalize())));
        of_sample.push_str(&format!("{size} {} {}\n", hex(root.as_bytes()), hex(&sample.finalize())));
    }
    let largest = largest.to_string();
    assert_eq!(Foreign::Go.asked(&["trees", &largest], b""), of_all, "Go comes to other trees");
    assert_eq!(Foreign::Python.asked(&["trees", &largest], b""), of_sample, "Python comes to other trees");
    let lines = proofs.lines().count().to_string();
    assert_eq!(Foreign::Node.asked(&["proofs"], proofs.as_bytes()).trim(), lines, "Node judges otherwise");
    count
}

/// A proof for Node, as it is and changed in every way that matters.
fn proof_lines(index: u64, size: u64, path: &[Hash], root: Hash) -> String {
    use base64::Engine as _;
    let leaf = base64::engine::general_purpose::STANDARD.encode(index.to_be_bytes());
    let line = |index: u64, path: &[Hash], root: Hash, good: bool| {
        json!({"index": index, "size": size, "leaf": leaf, "hashes": path, "root": root, "good": good})
            .to_string()
            + "\n"
    };
    let mut lines = line(index, path, root, true);
    let other = leaf_hash(b"other");
    lines.push_str(&line(index, path, other, false));
    lines.push_str(&line(index, &[path, &[other]].concat(), root, false));
    if let [first @ .., _] = path {
        lines.push_str(&line(index, first, root, false));
        lines.push_str(&line(index, &[first, &[other]].concat(), root, false));
        lines.push_str(&line(size, path, root, false));
    }
    lines
}

fn bytes(path: &[Hash]) -> Vec<u8> {
    path.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

/// Generates so many values, writes them in an untidy way, and demands that all canonical forms are the same bytes.
pub fn compare_canonical(values: u32, seed: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut untidy, mut ours) = (String::new(), Vec::new());
    for _ in 0..values {
        let value = value(&mut rng, 4);
        write_untidily(&value, &mut untidy, &mut rng);
        untidy.push('\n');
        ours.extend(canonical::write(&value).unwrap());
        ours.push(b'\n');
    }
    let ours = String::from_utf8(ours).unwrap();
    for foreign in [Foreign::Python, Foreign::Node] {
        let theirs = foreign.asked(&["canonical"], untidy.as_bytes());
        for ((ours, theirs), untidy) in ours.lines().zip(theirs.lines()).zip(untidy.lines()) {
            assert_eq!(ours, theirs, "{foreign:?} writes {untidy} otherwise");
        }
        assert_eq!(ours.lines().count(), theirs.lines().count());
    }
}

fn value(rng: &mut ChaCha8Rng, depth: u32) -> Value {
    match rng.random_range(0..if depth == 0 { 5 } else { 8 }) {
        0 => Value::Null,
        1 => Value::Bool(rng.random()),
        2 => {
            let bits = rng.random_range(0..=53);
            let most = (1_i64 << bits) - 1;
            json!(rng.random_range(-most..=most))
        }
        3 | 4 => Value::String(text(rng)),
        5 | 6 => {
            let names = (0..rng.random_range(0..6)).map(|_| name(rng)).collect::<Vec<_>>();
            names.into_iter().map(|name| (name, value(rng, depth - 1))).collect()
        }
        _ => (0..rng.random_range(0..6)).map(|_| value(rng, depth - 1)).collect(),
    }
}

/// A member's name: ASCII, and now and then with what must be escaped.
fn name(rng: &mut ChaCha8Rng) -> String {
    (0..rng.random_range(0..8)).map(|_| char::from(rng.random_range(0..0x80_u8))).collect()
}

fn text(rng: &mut ChaCha8Rng) -> String {
    let character = |rng: &mut ChaCha8Rng| match rng.random_range(0..8) {
        0 => char::from(rng.random_range(0..0x20_u8)),
        1 => ['"', '\\', '/', '\u{7f}', '\u{2028}', '\u{2029}', '\u{feff}', '<'][rng.random_range(0..8)],
        2 => char::from_u32(rng.random_range(0x80..0xd800)).unwrap(),
        3 => char::from_u32(rng.random_range(0xe000..0x11_0000)).unwrap(),
        _ => char::from(rng.random_range(0x20..0x7f_u8)),
    };
    (0..rng.random_range(0..12)).map(|_| character(rng)).collect()
}

/// JSON with blanks, members in any order, and escapes where none are needed.
fn write_untidily(value: &Value, out: &mut String, rng: &mut ChaCha8Rng) {
    let blank =
        |out: &mut String, rng: &mut ChaCha8Rng| out.push_str(["", "", " ", "\t "][rng.random_range(0..4)]);
    blank(out, rng);
    match value {
        Value::String(text) => escape(text, out, rng),
        Value::Array(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                out.push_str(if place == 0 { "" } else { "," });
                write_untidily(item, out, rng);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            let mut members: Vec<_> = members.iter().collect();
            let turn = if members.is_empty() { 0 } else { rng.random_range(0..members.len()) };
            members.rotate_left(turn);
            for (place, (name, item)) in members.into_iter().enumerate() {
                out.push_str(if place == 0 { "" } else { "," });
                blank(out, rng);
                escape(name, out, rng);
                blank(out, rng);
                out.push(':');
                write_untidily(item, out, rng);
            }
            out.push('}');
        }
        simple => out.push_str(&simple.to_string()),
    }
    blank(out, rng);
}

fn escape(text: &str, out: &mut String, rng: &mut ChaCha8Rng) {
    out.push('"');
    for character in text.chars() {
        let needed = character < ' ' || ['"', '\\', '\u{2028}', '\u{2029}'].contains(&character);
        if needed || rng.random_ratio(1, 8) {
            let mut units = [0; 2];
            character
                .encode_utf16(&mut units)
                .iter()
                .for_each(|unit| out.push_str(&format!("\\u{unit:04X}")));
        } else {
            out.push(character);
        }
    }
    out.push('"');
}

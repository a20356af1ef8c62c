//! Evidence packs made by the tests themselves, to be changed in every way before they are verified.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use concordat_ledger::tree::{leaf_hash, node_of_leaves};
use concordat_ledger::{Consistency, Draft, Frontier, Hash, Record, Signer, SubjectSeq};
use concordat_model::digest::Digest;
use serde_json::json;
use tar::{Builder, EntryType, Header};

/// The files of a pack, by name.
#[derive(Debug, Clone)]
pub struct Pack {
    /// The files.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// A log in memory: records of three contracts, taking turns.
#[derive(Debug, Clone)]
pub struct Log {
    /// The records' bytes.
    pub records: Vec<Vec<u8>>,
}

impl Log {
    /// A log of so many records.
    pub fn of(size: u64) -> Log {
        Log { records: (0..size).map(|index| record(index).bytes().to_vec()).collect() }
    }

    /// The hashes of the records.
    pub fn leaves(&self) -> Vec<Hash> {
        self.records.iter().map(|bytes| leaf_hash(bytes)).collect()
    }

    /// The tree of the first `size` records.
    pub fn tree(&self, size: usize) -> Frontier {
        let mut tree = Frontier::new();
        self.records.iter().take(size).for_each(|bytes| {
            tree.append(leaf_hash(bytes));
        });
        tree
    }

    /// The signed head of the first `size` records.
    pub fn checkpoint(&self, size: usize, signer: &Signer) -> String {
        signer.checkpoint(&self.tree(size)).note().to_owned()
    }

    /// The proof that the log of `new` records continues that of `old`.
    pub fn consistency(&self, old: u64, new: u64) -> Consistency {
        let leaves = self.leaves();
        Consistency::prove(old, new, |node| node_of_leaves(&leaves, node)).unwrap()
    }

    /// The records from `first` on as a pack, which continues the checkpoint of `earlier` records.
    pub fn pack(&self, first: usize, earlier: Option<usize>, signer: &Signer) -> Pack {
        let size = self.records.len();
        let lines = |head: String, hashes: &[Hash]| {
            let lines = std::iter::once(head).chain(hashes.iter().map(ToString::to_string));
            lines.map(|line| format!("{line}\n")).collect::<String>().into_bytes()
        };
        let mut pack = Pack { files: BTreeMap::new() };
        pack.put("log.vkey", format!("{}\n", signer.verifier()).as_bytes());
        pack.put("checkpoint", self.checkpoint(size, signer).as_bytes());
        pack.put("VERIFY.md", concordat_ledger::HOW_TO_VERIFY.as_bytes());
        if first > 0 {
            pack.put("before", &lines(first.to_string(), self.tree(first).peaks()));
        }
        if let Some(old) = earlier {
            let proof = self.consistency(old as u64, size as u64);
            pack.put("consistency", &lines(format!("old {old}"), proof.path()));
            pack.put("earlier", self.checkpoint(old, signer).as_bytes());
        }
        pack.put(
            "records.jsonl",
            &self.records[first..].iter().fold(Vec::new(), |mut all, bytes| {
                all.extend_from_slice(bytes);
                all.push(b'\n');
                all
            }),
        );
        for (folder, ending, content) in [("policies", ".json", "{}"), ("payloads", "", "a payload")] {
            let digest = Digest::of(content.as_bytes()).to_string();
            let digits = digest.trim_start_matches("sha256:");
            pack.put(&format!("{folder}/{digits}{ending}"), content.as_bytes());
        }
        pack.list(first as u64, size as u64, &self.tree(size).root().to_string());
        pack
    }
}

impl Pack {
    /// Puts a file into the pack, and leaves the manifest as it is.
    pub fn put(&mut self, name: &str, content: &[u8]) {
        self.files.insert(name.to_owned(), content.to_vec());
    }

    /// Writes the manifest anew, as somebody does who covers up.
    pub fn list(&mut self, first: u64, size: u64, root: &str) {
        self.files.remove("manifest.json");
        let files: Vec<_> = self
            .files
            .iter()
            .map(|(path, content)| {
                let digest = Digest::of(content).to_string();
                json!({"path": path, "bytes": content.len(), "sha256": digest.trim_start_matches("sha256:")})
            })
            .collect();
        let manifest = json!({
            "format": "concordat-evidence/1", "origin": crate::LOG,
            "first": first, "size": size, "root": root, "files": files,
        });
        self.put("manifest.json", manifest.to_string().as_bytes());
    }

    /// Writes the manifest anew, with the log that the old one names.
    pub fn list_again(&mut self) {
        let manifest: serde_json::Value = serde_json::from_slice(&self.files["manifest.json"]).unwrap();
        let number = |name: &str| manifest[name].as_u64().unwrap();
        self.list(number("first"), number("size"), manifest["root"].as_str().unwrap());
    }

    /// The pack as the bytes of an archive.
    pub fn archive(&self) -> Vec<u8> {
        let mut archive = Builder::new(Vec::new());
        for (name, content) in &self.files {
            add(&mut archive, name.as_bytes(), EntryType::Regular, content);
        }
        archive.into_inner().unwrap()
    }

    /// The pack as files in a folder.
    pub fn unpack(&self, folder: &Path) {
        for (name, content) in &self.files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
    }
}

/// Adds one entry to an archive, however its name looks.
pub fn add(archive: &mut Builder<Vec<u8>>, name: &[u8], kind: EntryType, content: &[u8]) {
    let mut header = Header::new_ustar();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    archive.append(&header, content).unwrap();
}

/// The record at an index of such a log.
pub fn record(index: u64) -> Record {
    let draft = Draft {
        id: &format!("rec_{index:06}"),
        source: "concordat/test",
        kind: "gate.decided",
        subject: &format!("run_{}", index % 3),
        subject_seq: SubjectSeq::new(index / 3).unwrap(),
        time: "2026-01-31T23:59:59.000001Z",
        data: &json!({
            "decision": "permit", "matched_rule": "concordat.admit", "policy_version": "1.2.0",
            "approver_did": "did:example:ada", "n": index, "note": "a \"quoted\" line\nand é",
        }),
    };
    draft.seal().unwrap()
}

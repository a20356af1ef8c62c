//! Writes evidence of many records, verifies it as an auditor does, and tells how fast and with how much memory.
//!
//! `campaign evidence --records 1000000`, optimised, on two cores that six other builds shared: 766 MB verified at
//! 249,000 records/s with 2.7 s of processor time, and at most 15 MiB of memory.

use std::io::{BufWriter, Write as _};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use clap::Args;
use concordat::evidence::{self, Brought, Form};
use concordat_ledger::{Draft, Frontier, Signer, SubjectSeq};
use serde_json::json;
use sha2::{Digest as _, Sha256};

#[derive(Args)]
pub(crate) struct Options {
    /// How many records.
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
    /// Where the evidence is written; a temporary folder otherwise.
    #[arg(long)]
    folder: Option<PathBuf>,
}

#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let Options { records, folder } = options;
    println!("campaign evidence --records {records}");
    let temporary = tempfile::tempdir()?;
    let folder = folder.clone().unwrap_or_else(|| temporary.path().join("evidence"));
    std::fs::create_dir_all(&folder)?;
    let signer = Signer::from_seed("log.example/campaign", &[7; 32])?;
    let bytes = write(&folder, *records, &signer)?;
    let (before, worked) = (most_memory()?, processor()?);
    let start = Instant::now();
    let brought = Brought { keys: vec![signer.verifier().clone()], checkpoint: None };
    let proven = evidence::verify(&folder, Form::Folder, brought, &|_, _| {})?;
    let seconds = start.elapsed().as_secs_f64();
    ensure!(proven.records == *records, "{} records were proven", proven.records);
    println!(
        "{records} records of {} bytes verified in {seconds:.1} s: {:.0} records/s ({:.1} s of processor time); at most {} MiB of memory ({before} before)",
        bytes / records.max(&1),
        *records as f64 / seconds,
        processor()? - worked,
        most_memory()?
    );
    Ok(())
}

/// Writes the files, and gives the number of bytes of all records.
fn write(folder: &std::path::Path, records: u64, signer: &Signer) -> anyhow::Result<u64> {
    let mut out = BufWriter::new(std::fs::File::create(folder.join("records.jsonl"))?);
    let (mut tree, mut hash, mut bytes) = (Frontier::new(), Sha256::new(), 0);
    for index in 0..records {
        let draft = Draft {
            id: &format!("rec_01jy0000000000000{index:09}"),
            source: "concordat/measured",
            kind: "gate.decided",
            subject: &format!("run_01jy0000000000000{:09}", index / 15),
            subject_seq: SubjectSeq::try_from(index % 15)?,
            time: "2026-01-31T23:59:59.000001Z",
            data: &json!({"decision": "permit", "index": index, "reasons": ["x".repeat(500)]}),
        };
        let record = draft.seal()?;
        tree.append(record.leaf());
        for part in [record.bytes(), b"\n"] {
            out.write_all(part)?;
            hash.update(part);
            bytes += part.len() as u64;
        }
    }
    out.flush()?;
    let checkpoint = signer.checkpoint(&tree);
    let vkey = format!("{}\n", signer.verifier());
    let mut files = Vec::new();
    for (name, content) in [("checkpoint", checkpoint.note()), ("log.vkey", &vkey)] {
        std::fs::write(folder.join(name), content)?;
        files.push(line(name, content.len() as u64, &Sha256::digest(content)));
    }
    files.push(line("records.jsonl", bytes, &hash.finalize()));
    let manifest = json!({
        "format": "concordat-evidence/1", "origin": checkpoint.origin(), "first": 0, "size": records,
        "root": checkpoint.root(), "files": files,
    });
    std::fs::write(folder.join("manifest.json"), manifest.to_string())?;
    Ok(bytes)
}

fn line(path: &str, bytes: u64, digest: &[u8]) -> serde_json::Value {
    let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    json!({"path": path, "bytes": bytes, "sha256": digits})
}

/// The most memory that this process ever had, in MiB.
fn most_memory() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).context("no VmHWM")?;
    let kib: u64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
    Ok(kib / 1024)
}

/// How long this process kept processors busy, in seconds; the kernel counts in hundredths.
fn processor() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, rest) = stat.rsplit_once(") ").context("no process name")?;
    let ticks = rest.split(' ').skip(11).take(2).map(str::parse::<f64>).sum::<Result<f64, _>>()?;
    Ok(ticks / 100.0)
}

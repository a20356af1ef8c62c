//! How fast a log is verified: records of 800 bytes, a checkpoint after each batch.
//!
//! Measured with `verify_speed 200000 256` in release, on one of two busy cores with SHA-256 instructions:
//! 640,000 to 700,000 records/s verified, 300,000 records/s drafted and sealed. On both cores, when nobody else used
//! them: 852,000 records/s verified.
//!
//! `verified on all cores` is the same in chunks on every core. It gains what cores are idle: nothing on a machine
//! that is busy with other things, where it was measured first.
//!
//! Each checkpoint costs about 52 us, so a log with one for every record is verified at 19,000 records/s.
//!
//! Without arguments: 200,000 records, a checkpoint each 256.

use std::error::Error;
use std::num::NonZeroUsize;
use std::time::Instant;

use concordat_ledger::canonical;
use concordat_ledger::verify::{Entry, Stop, Stored, Verified, in_order};
use concordat_ledger::{Draft, Frontier, Record, Signer, SubjectSeq, Verify};
use serde_json::{Value, json};

#[expect(clippy::print_stdout, reason = "the figure is the output")]
#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |place: usize, default: u64| arguments.get(place).map_or(Ok(default), |text| text.parse());
    let (size, batch) = (number(1, 200_000)?, number(2, 256)?.max(1));
    println!("command: {}", arguments.join(" "));

    let signer = Signer::from_seed("log.example/speed", &[7; 32])?;
    let data = data();
    let start = Instant::now();
    let written =
        (0..size).map(|_| canonical::write(&data).map(|bytes| bytes.len())).sum::<Result<usize, _>>()?;
    report(&format!("written, {} bytes", written as u64 / size.max(1)), size, start);

    let bytes = canonical::write(&data)?;
    let start = Instant::now();
    (0..size).try_for_each(|_| canonical::check(std::hint::black_box(&bytes)))?;
    report(&format!("checked, {} bytes", bytes.len()), size, start);

    let start = Instant::now();
    let records: Vec<Record> = (0..size).map(|index| record(index, &data)).collect::<Result<_, _>>()?;
    report("drafted and sealed", size, start);

    let start = Instant::now();
    let mut tree = Frontier::new();
    let mut notes = Vec::new();
    for record in &records {
        tree.append(record.leaf());
        if tree.size().is_multiple_of(batch) || tree.size() == size {
            notes.push(signer.checkpoint(&tree).note().to_owned());
        }
    }
    report("appended and signed", size, start);

    let start = Instant::now();
    let mut verify = Verify::with_keys(vec![signer.verifier().clone()])?;
    for note in &notes {
        verify = verify.checkpoint(note.as_bytes())?;
    }
    for (index, record) in (0..).zip(&records) {
        let stored = Some(Stored::from(record));
        verify = verify.record(&Entry { index, bytes: record.bytes(), stored })?;
    }
    let verified = verify.finish()?;
    report("verified", size, start);

    let start = Instant::now();
    let again = parallel(&records, &notes, &signer)?;
    report("verified on all cores", size, start);
    assert_eq!(again, verified);

    let bytes: usize = records.iter().map(|record| record.bytes().len()).sum();
    println!("{} bytes a record, {} checkpoints", bytes as u64 / size.max(1), verified.checkpoints);
    Ok(())
}

/// The same on all cores: a thousand records a chunk, with the checkpoints that end in it.
fn parallel(records: &[Record], notes: &[String], signer: &Signer) -> Result<Verified, Box<dyn Error>> {
    let mut notes = notes.iter().peekable();
    let mut pieces = (0_u64..).step_by(1024).zip(records.chunks(1024));
    let mut verify = Some(Verify::with_keys(vec![signer.verifier().clone()])?);
    let chunks = verify.as_ref().map(Verify::chunks).ok_or("begun")?;
    let read = || {
        let Some((first, records)) = pieces.next() else { return Ok::<_, Stop>(None) };
        let until = first + records.len() as u64;
        let size = |note: &str| note.split('\n').nth(1).and_then(|size| size.parse::<u64>().ok());
        let mut here = Vec::new();
        while let Some(note) = notes.next_if(|note| size(note).is_some_and(|size| size <= until)) {
            here.push(note);
        }
        Ok(Some((first, records, here)))
    };
    let look = |(first, records, notes): (u64, &[Record], Vec<&String>)| {
        let mut chunk = chunks.begin(first);
        notes.iter().for_each(|note| chunk.checkpoint(note.as_bytes()));
        for (index, record) in (first..).zip(records) {
            chunk.record(&Entry { index, bytes: record.bytes(), stored: Some(Stored::from(record)) });
        }
        chunk
    };
    let fold = |chunk| {
        verify = verify.take().map(|so_far| so_far.take(chunk)).transpose()?;
        Ok(())
    };
    in_order(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN), read, look, fold)?;
    Ok(verify.ok_or("ended")?.finish()?)
}

#[expect(clippy::print_stdout, reason = "the figure is the output")]
fn report(what: &str, size: u64, start: Instant) {
    let seconds = start.elapsed().as_secs_f64();
    println!("{what}: {:.0} records/s, {:.2} us each", size as f64 / seconds, 1e6 * seconds / size as f64);
}

fn record(index: u64, data: &Value) -> Result<Record, Box<dyn Error>> {
    let draft = Draft {
        id: &format!("rec_01jy0000000000000{index:09}"),
        source: "concordat/measured",
        kind: "contract.decision.v1",
        subject: &format!("ctr_01jy0000000000000{:09}", index / 20),
        subject_seq: SubjectSeq::try_from(index % 20)?,
        time: "2026-01-31T23:59:59.000001Z",
        data,
    };
    Ok(draft.seal()?)
}

fn data() -> Value {
    json!({
        "actor": {"id": "svc-lending", "kind": "service", "on_behalf_of": ["usr_01jy"]},
        "agent": {"id": "agt_01jy0000000000000000001", "revision": 7, "trust_ppm": 912_345},
        "classification": {"domain": "finance", "model": "sha256:2c26b46b68ffc68ff99b453c1d304134", "score_ppm": 981_000},
        "decision": "permit",
        "input_digest": "sha256:fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9",
        "policy": {"entrypoint": "concordat.dispatch", "revision": "sha256:486ea46224d1bb4fb680f34f7c9ad96a8f24ec88be73ea8e5a6c65260e9cb8a7"},
        "reasons": ["agent holds every required skill", "trust clears the \"high\" tier"],
    })
}

//! Whether a change was found, and where it is.

use std::path::Path;

use concordat_ledger::verify::Fault;
use concordat_store::verify::{Sound, Unsound};
use concordat_store::{Database, Signing, fsck};
use concordat_tests::intruder::Intruder;

use super::Written;

/// What must be said of a change.
#[derive(Debug)]
pub(crate) enum Expected {
    /// It is this record.
    Record(u64),
    /// It is among the records of one checkpoint, this record among them.
    Near(u64),
    /// It is this checkpoint, counted from 0, which is stored for so many records.
    Checkpoint(u64, u64),
    /// It is a payload.
    Payload,
    /// It is this kind of fault.
    Named(&'static str),
    /// The database refused it, so the log is as it was.
    Refused,
    /// The log is as it was, but a start refuses the database.
    Schema,
    /// Nobody can say what it touched: it is found, unless it touched nothing that was signed.
    Anything,
}

/// Says in a word how it was found, or why it was not.
pub(crate) async fn judge(
    written: &Written,
    copy: &Path,
    expected: &Expected,
    said: &Result<Sound, Unsound>,
) -> Result<String, String> {
    let wrong = || Err(format!("{said:?}"));
    match (expected, said) {
        (Expected::Record(index), Err(Unsound::Fault(fault))) if fault.index() == Some(*index) => word(fault),
        (Expected::Near(index), Err(Unsound::Fault(fault))) if is_near(written, *index, fault) => word(fault),
        (Expected::Checkpoint(number, _), Err(Unsound::Fault(fault))) => match fault {
            Fault::CheckpointSignature { number: at, .. }
            | Fault::OtherLog { number: at, .. }
            | Fault::CheckpointShrinks { number: at, .. }
            | Fault::CheckpointRoot { number: at, .. }
                if at == number =>
            {
                word(fault)
            }
            _ => wrong(),
        },
        (Expected::Checkpoint(_, size), Err(Unsound::Misplaced { size: at }))
            if i64::try_from(*size) == Ok(*at) =>
        {
            Ok("misplaced".to_owned())
        }
        (Expected::Checkpoint(_, size), Err(Unsound::Unreadable { table: "checkpoint", row, .. }))
            if *row == size.to_string() =>
        {
            Ok("unreadable".to_owned())
        }
        (Expected::Record(index), Err(Unsound::Unreadable { table: "record", row, .. }))
            if *row == index.to_string() =>
        {
            Ok("unreadable".to_owned())
        }
        (Expected::Payload, Err(Unsound::Payload { .. })) => Ok("payload".to_owned()),
        (Expected::Named(code), Err(Unsound::Fault(fault))) if fault.code() == *code => word(fault),
        (Expected::Refused, Ok(_)) => Ok("refused by the database".to_owned()),
        (Expected::Schema, Ok(_)) => refused_by_a_start(written, copy).await,
        (Expected::Anything, Err(unsound)) if unsound.is_fault() => Ok("found".to_owned()),
        (Expected::Anything, Err(Unsound::Database(_))) => Ok("no database any more".to_owned()),
        (Expected::Anything, Ok(_)) => untouched(written, copy).await,
        _ => wrong(),
    }
}

fn word(fault: &Fault) -> Result<String, String> {
    Ok(fault.code().to_owned())
}

/// Whether what was said leads to the records that one checkpoint signed together with this one.
fn is_near(written: &Written, index: u64, fault: &Fault) -> bool {
    let sizes = written.log.checkpoints.iter().map(|(size, _)| *size);
    let end = sizes.into_iter().find(|size| *size > index).unwrap_or(index + 1);
    let stretch = fault.stretch();
    match fault.index() {
        Some(at) => (index..end).contains(&at),
        None => stretch.contains(&index) && (stretch.end <= end || fault.code() == "history_rewritten"),
    }
}

/// The log was not touched; whoever starts a server on this file is told that something else was.
async fn refused_by_a_start(written: &Written, copy: &Path) -> Result<String, String> {
    let seed = written.signer.verifier().name();
    let signer = concordat_ledger::Signer::from_seed(seed, &[0; 32]).map_err(|error| error.to_string())?;
    let signing = Signing { earlier: vec![written.signer.verifier().clone()], ..Signing::by(signer) };
    match Database::File(copy.to_owned()).open(signing).await {
        Ok(_) => Err("a server starts on it".to_owned()),
        Err(_) => Ok("sound, and refused by a start".to_owned()),
    }
}

async fn untouched(written: &Written, copy: &Path) -> Result<String, String> {
    let read = async {
        let mut reader = Intruder::open(copy).await?;
        let everything = reader.everything().await?;
        reader.close().await;
        Ok::<_, anyhow::Error>(everything)
    };
    match read.await {
        Ok(everything) if everything == written.everything => {
            // What records are found by is not signed, and yet it matters.
            match fsck::examine(&Database::File(copy.to_owned())).await {
                Ok(examined) if examined.different == 0 => Ok("touched nothing that counts".to_owned()),
                _ => Ok("left to fsck, which found it".to_owned()),
            }
        }
        Ok(_) => Err("it was not found".to_owned()),
        Err(error) => Err(format!("it was not found, and the file cannot be read: {error}")),
    }
}

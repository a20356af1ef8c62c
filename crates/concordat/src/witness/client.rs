//! How a checkpoint gets its cosignatures: the witness says which size it saw last, and is shown the proof from there.

use std::time::Duration;

use concordat_ledger::Checkpoint;
use concordat_ledger::note::NoteError;
use concordat_ledger::tree::Hash;
use concordat_ledger::witness::{SIZE_MEDIA_TYPE, request};
use reqwest::header::CONTENT_TYPE;
use reqwest::{StatusCode, Url};

use crate::client::Client;
use crate::client::error::ClientError;
use concordat_server::api::audit::ConsistencyQuery;

/// The longest answer of a witness that is read, in bytes.
const MOST: usize = 64 * 1024;
/// How long a witness may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whoever asks witnesses.
#[derive(Debug)]
pub struct Asking<'a> {
    /// The server whose log it is.
    pub server: &'a Client,
    /// How witnesses are reached.
    pub http: reqwest::Client,
}

/// A witness that did not cosign.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// It is not reached, or says something odd.
    #[error("the witness `{witness}` is no help: {why}")]
    Odd {
        /// The witness.
        witness: String,
        /// What happened.
        why: String,
    },
    /// It has seen a longer log, or one with another history.
    #[error("the witness `{witness}` has seen another log: {why}")]
    OtherHistory {
        /// The witness.
        witness: String,
        /// What it saw.
        why: String,
    },
    /// What it sent cannot be added to the checkpoint.
    #[error("the witness `{witness}` sent no cosignature: {why}")]
    Lines {
        /// The witness.
        witness: String,
        /// What is wrong.
        why: NoteError,
    },
    /// The server does not help with the proof.
    #[error(transparent)]
    Server(#[from] ClientError),
}

/// What a witness answers.
enum Answer {
    Cosigned(String),
    SawLast(u64),
}

/// The checkpoint with the cosignatures of one witness.
///
/// # Errors
/// It does not cosign.
pub async fn ask(
    asking: &Asking<'_>,
    witness: &Url,
    checkpoint: Checkpoint,
) -> Result<Checkpoint, WitnessError> {
    let odd = |why: String| WitnessError::Odd { witness: witness.to_string(), why };
    let size = checkpoint.size();
    // A witness that never saw the log takes this; any other one says what it saw last.
    let mut answer = post(asking, witness, request(0, &[], &checkpoint)).await?;
    if let Answer::SawLast(old) = answer {
        if old > size {
            let why = format!("it had {old} records, and this one has {size}");
            return Err(WitnessError::OtherHistory { witness: witness.to_string(), why });
        }
        let proof = asking.server.consistency(&ConsistencyQuery { old, new: size }).await?;
        let proof: Result<Vec<Hash>, _> = proof.lines().map(str::parse).collect();
        let proof = proof.map_err(|_| odd("the server's proof cannot be read".to_owned()))?;
        answer = post(asking, witness, request(old, &proof, &checkpoint)).await?;
    }
    match answer {
        Answer::Cosigned(lines) => checkpoint
            .with_lines(&lines)
            .map_err(|why| WitnessError::Lines { witness: witness.to_string(), why }),
        Answer::SawLast(saw) if saw == size => {
            let why = format!("of the same {size} records it saw another root");
            Err(WitnessError::OtherHistory { witness: witness.to_string(), why })
        }
        Answer::SawLast(saw) => {
            Err(odd(format!("it saw {saw} records meanwhile; hint: somebody else asks it too, try again")))
        }
    }
}

async fn post(asking: &Asking<'_>, witness: &Url, body: String) -> Result<Answer, WitnessError> {
    let odd = |why: String| WitnessError::Odd { witness: witness.to_string(), why };
    let mut url = witness.clone();
    url.path_segments_mut()
        .map_err(|()| odd("this is no address".to_owned()))?
        .pop_if_empty()
        .push("add-checkpoint");
    let sent = asking.http.post(url).timeout(PATIENCE).body(body).send().await;
    let mut response = sent.map_err(|error| odd(error.without_url().to_string()))?;
    let status = response.status();
    let tells_size = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|media| media.as_bytes() == SIZE_MEDIA_TYPE.as_bytes());
    let mut content = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| odd(error.without_url().to_string()))? {
        content.extend_from_slice(&piece);
        if content.len() > MOST {
            return Err(odd(format!("its answer has more than {MOST} bytes")));
        }
    }
    let text = String::from_utf8(content).map_err(|_| odd("its answer is not UTF-8".to_owned()))?;
    match status {
        StatusCode::OK => Ok(Answer::Cosigned(text)),
        StatusCode::CONFLICT if tells_size => {
            let size = text.trim_end_matches('\n').parse();
            size.map(Answer::SawLast).map_err(|_| odd("the size that it tells is none".to_owned()))
        }
        StatusCode::UNPROCESSABLE_ENTITY => Err(WitnessError::OtherHistory {
            witness: witness.to_string(),
            why: "this one does not continue what it cosigned last".to_owned(),
        }),
        status => {
            let said: String = text.trim().chars().take(200).collect();
            Err(odd(format!("it answers {}: {said}", status.as_u16())))
        }
    }
}

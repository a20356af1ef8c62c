//! A key that signs the log and is not in a file here: a program holds it, or the way to it.
//!
//! ```text
//!   server ── base64 of a checkpoint's text, one line ──▶ program ──▶ KMS, HSM, another machine
//!          ◀── base64 of 64 bytes of Ed25519, one line ──
//! ```
//!
//! The program is started once and asked again and again. One that dies, hangs, or answers with anything but a
//! signature of the key is ended, and the next commit starts it anew, so that no late answer is taken for another.
//! Until there is a signature nothing is stored, and nothing is acknowledged. The program may see a head that is never
//! stored, when the disk fails after it signed.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use concordat_ledger::{Checkpoint, Frontier, Verifier};
use concordat_store::{Hand, Signing};
use serde::Serialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

use super::{LogKeyError, known, published, rotation};

/// How long the program may take, its start included.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most bytes of an answer: a signature has 88 letters in base64.
const MOST: u64 = 256;
/// What stands before the 32 bytes of an Ed25519 key in the form that `openssl pkey -pubout` writes (RFC 8410).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Where the key is that signs the log, if not in the data folder.
#[derive(Debug, Clone, Default, clap::Args, Serialize)]
pub struct Elsewhere {
    /// A program that signs the log, with its arguments, parted by spaces or as a JSON array; no shell reads it. It
    /// gets lines of base64 and answers each with the base64 of an Ed25519 signature over those bytes.
    #[arg(
        long,
        env = "CONCORDAT_LOG_KEY_COMMAND",
        value_name = "PROGRAM ARG…",
        requires = "log_key_public",
        hide_env_values = true
    )]
    #[serde(skip)]
    pub log_key_command: Option<String>,

    /// The public half of the key that the program signs with: a file with PEM, as `openssl pkey -pubout` writes it,
    /// or with a verifier key like `name+0123abcd+base64`.
    #[arg(long, env = "CONCORDAT_LOG_KEY_PUBLIC", value_name = "FILE", requires = "log_key_command")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_key_public: Option<PathBuf>,
}

impl Elsewhere {
    /// Who signs the log: the program, or none if the key is in the data folder.
    pub(super) fn open(&self, data: &Path, name: &str) -> Result<Option<Signing>, LogKeyError> {
        let (Some(command), Some(path)) = (&self.log_key_command, &self.log_key_public) else {
            return Ok(None);
        };
        let verifier = public(path, name)?;
        let earlier = published(data)?;
        known(data, &earlier, &verifier, path)?;
        let before = rotation::before(data, name)?;
        let program = Program {
            command: words(command)?,
            verifier: verifier.clone(),
            patience: PATIENCE,
            running: Mutex::default(),
        };
        Ok(Some(Signing { before, earlier, ..Signing::by(program.hand()) }))
    }
}

/// A program and its arguments.
fn words(command: &str) -> Result<Vec<String>, LogKeyError> {
    let words = match command.trim_start().starts_with('[') {
        true => serde_json::from_str(command).unwrap_or_default(),
        false => command.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
    };
    if words.is_empty() { Err(LogKeyError::Command) } else { Ok(words) }
}

/// The public half of a key of the log called `name`, from a file.
///
/// # Errors
/// The file cannot be read, or does not hold a public key of this log.
pub fn public(path: &Path, name: &str) -> Result<Verifier, LogKeyError> {
    let text =
        std::fs::read_to_string(path).map_err(|why| LogKeyError::File { path: path.to_owned(), why })?;
    let text = text.trim();
    let verifier = match text.strip_prefix("-----BEGIN ") {
        Some(rest) => {
            let inner = rest.strip_prefix("PUBLIC KEY-----").and_then(|rest| rest.split("-----").next());
            let inner: String = inner.unwrap_or_default().split_whitespace().collect();
            let key = STANDARD.decode(inner).ok();
            let key =
                key.as_deref().and_then(|der| der.strip_prefix(&SPKI)).and_then(|key| key.try_into().ok());
            Verifier::from_public(name, key.ok_or_else(|| LogKeyError::Pem { path: path.to_owned() })?)?
        }
        None => text.parse().map_err(|why| LogKeyError::Public { path: path.to_owned(), why })?,
    };
    if verifier.name() != name || verifier.cut_off().is_some() {
        return Err(LogKeyError::Stranger { path: path.to_owned(), name: name.to_owned() });
    }
    Ok(verifier)
}

/// The program that signs, and the process of it that was asked last.
struct Program {
    command: Vec<String>,
    verifier: Verifier,
    patience: Duration,
    running: Mutex<Option<Running>>,
}

struct Running {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Program {
    fn hand(self) -> Hand {
        let program = Arc::new(self);
        let verifier = Box::new(program.verifier.clone());
        Hand::Other {
            verifier,
            ask: Arc::new(move |tree| {
                let program = program.clone();
                Box::pin(async move { program.sign(&tree).await })
            }),
        }
    }

    async fn sign(&self, tree: &Frontier) -> Result<Checkpoint, String> {
        let mut place = self.running.lock().await;
        let alive = |running: &mut Running| matches!(running.child.try_wait(), Ok(None));
        let running = place.take().and_then(|mut running| alive(&mut running).then_some(running));
        let signed = tokio::time::timeout(self.patience, self.ask(running, tree)).await;
        // Whatever fails drops the process, which kills it.
        let (checkpoint, running) = signed
            .map_err(|_| format!("its program did not answer within {} ms", self.patience.as_millis()))??;
        *place = Some(running);
        Ok(checkpoint)
    }

    async fn ask(&self, running: Option<Running>, tree: &Frontier) -> Result<(Checkpoint, Running), String> {
        let mut running = match running {
            Some(running) => running,
            None => self.start()?,
        };
        let text = STANDARD.encode(self.verifier.statement(tree)) + "\n";
        let answer = running.answer(&text).await.map_err(|why| format!("its program broke off: {why}"))?;
        let Some(answer) = answer else { return Err("its program ended without an answer".to_owned()) };
        let signature = STANDARD.decode(answer.trim()).unwrap_or_default();
        let checkpoint = self.verifier.checkpoint(tree, &signature);
        let checkpoint = checkpoint.map_err(|_| {
            "what its program answered is no signature of the public key that was given".to_owned()
        })?;
        Ok((checkpoint, running))
    }

    fn start(&self) -> Result<Running, String> {
        let failed = |why: String| format!("its program cannot be started: {why}");
        let (program, arguments) =
            self.command.split_first().ok_or_else(|| failed("it has no name".into()))?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Whoever stops the server from a terminal does not mean the program: it is needed to the end.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|why| failed(format!("`{program}`: {why}")))?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(to), Some(from)) => Ok(Running { child, to, from: BufReader::new(from) }),
            _ => Err(failed("it cannot be spoken to".into())),
        }
    }
}

impl Running {
    /// The line that answers a line; none when the program closed its output.
    async fn answer(&mut self, text: &str) -> std::io::Result<Option<String>> {
        self.to.write_all(text.as_bytes()).await?;
        self.to.flush().await?;
        let mut line = String::new();
        (&mut self.from).take(MOST).read_line(&mut line).await?;
        Ok((!line.is_empty()).then_some(line))
    }
}

#[cfg(test)]
mod tests;

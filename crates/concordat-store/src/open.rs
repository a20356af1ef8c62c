//! What opening a database needs, and why it may be refused.

use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use concordat_ledger::{Checkpoint, Frontier, Signer, Verifier};

use crate::log::BadLog;

/// Has somebody else sign what a tree is, or tells why there is no signature. What it gives was verified.
pub type Ask =
    Arc<dyn Fn(Frontier) -> Pin<Box<dyn Future<Output = Result<Checkpoint, String>> + Send>> + Send + Sync>;

/// Where the key that signs is.
pub enum Hand {
    /// In this process.
    Own(Box<Signer>),
    /// Elsewhere: here are its public half, and a way to ask for a signature.
    Other {
        /// The public half.
        verifier: Box<Verifier>,
        /// Asks for a signature.
        ask: Ask,
    },
}

impl Hand {
    /// The public half of the key.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        match self {
            Hand::Own(signer) => signer.verifier(),
            Hand::Other { verifier, .. } => verifier,
        }
    }
}

impl From<Signer> for Hand {
    fn from(signer: Signer) -> Hand {
        Hand::Own(Box::new(signer))
    }
}

impl fmt::Debug for Hand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hand").field(self.verifier()).finish()
    }
}

/// Who signs the log, and who did before.
#[derive(Debug)]
pub struct Signing {
    /// Signs every checkpoint from now on.
    pub signer: Hand,
    /// Signs beside it while both keys count, so that whoever knows one of them can follow.
    pub before: Option<Signer>,
    /// Keys that signed before this one took over. The newest checkpoint must be by one of them or by the signer.
    pub earlier: Vec<Verifier>,
    /// A checkpoint that was kept elsewhere: the log must continue it.
    pub anchor: Option<Checkpoint>,
}

impl Signing {
    /// By this key alone, whatever the log was before.
    #[must_use]
    pub fn by(signer: impl Into<Hand>) -> Signing {
        Signing { signer: signer.into(), before: None, earlier: Vec::new(), anchor: None }
    }

    /// The signed head of a tree, or why a key that is elsewhere did not sign it.
    pub(crate) async fn note(&self, tree: &Frontier) -> Result<String, String> {
        let checkpoint = match &self.signer {
            Hand::Own(signer) => signer.checkpoint(tree),
            Hand::Other { ask, .. } => ask(tree.clone()).await?,
        };
        let both = self.before.as_ref().and_then(|before| checkpoint.clone().also_signed_by(before).ok());
        Ok(both.unwrap_or(checkpoint).note().to_owned())
    }
}

/// A database that must not be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be created, read or locked.
    #[error("the database file `{}` cannot be used: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Another process writes it.
    #[error(
        "the database `{database}` is in use by another process; hint: stop that one first, or read with `audit`"
    )]
    InUse {
        /// The database.
        database: String,
    },
    /// Others may read or write the file.
    #[error("the database file `{}` has mode {mode:03o}, but must be private; hint: chmod 600", path.display())]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A version of the database's program that must not be used.
    #[error("{program} {found} {why}; hint: {wanted} or newer is needed")]
    Old {
        /// The program.
        program: &'static str,
        /// Its version.
        found: String,
        /// What is wrong with it.
        why: &'static str,
        /// The oldest one that may be used.
        wanted: &'static str,
    },
    /// A setting that our promises rest on is another one.
    #[error("{program} runs with {name} = `{found}`, but `{wanted}` is needed; hint: {hint}")]
    Setting {
        /// The program.
        program: &'static str,
        /// The setting.
        name: &'static str,
        /// What it must be.
        wanted: &'static str,
        /// What it is.
        found: String,
        /// What may help.
        hint: &'static str,
    },
    /// A database of something else.
    #[error("the database is one of another program")]
    Foreign,
    /// A database of a newer Concordat.
    #[error(
        "the database has schema {found}, this program knows schemas up to {newest}; hint: use a newer program"
    )]
    Newer {
        /// The database's schema.
        found: usize,
        /// The newest one known.
        newest: usize,
    },
    /// A part of the schema is missing, changed or foreign.
    #[error(
        "the {kind} `{name}` is missing, changed or not ours: the log may have been tampered with; hint: run `audit verify`"
    )]
    Schema {
        /// What it is, such as `trigger`.
        kind: String,
        /// Its name.
        name: String,
    },
    /// The log is not what was signed.
    #[error(transparent)]
    Log(#[from] BadLog),
    /// The database failed.
    #[error("the database cannot be opened: {0}")]
    Database(#[from] sqlx::Error),
}

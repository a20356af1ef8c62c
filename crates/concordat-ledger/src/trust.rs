//! Whom a verifier trusts (`c2sp.org/tlog-policy`): logs, witnesses, and how many of these must have seen a head.
//!
//! ```text
//! log example.com/concordat+74b2e3ab+AX…
//! witness audit witness.example/audit+90ab12cd+BE… https://witness.example
//! witness partner partner.example/w+01234567+BD…
//! group either any audit partner
//! quorum either
//! ```
//!
//! A checkpoint counts when one of the logs signed it and the quorum cosigned it. With `quorum none` the log's
//! signature is enough. Nothing here knows the time: how old a cosignature may be is for the reader to say.

mod read;

use crate::note::{Checkpoint, CheckpointError, NoteError, Verifier, Witness};
pub use read::BadPolicy;

/// A trust policy, as its file says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustPolicy {
    logs: Vec<Verifier>,
    witnesses: Vec<(String, Witness)>,
    groups: Vec<Group>,
    /// `None` when the log's signature is enough.
    quorum: Option<Member>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    name: String,
    least: usize,
    members: Vec<Member>,
}

/// Something that can have seen a checkpoint; groups only name what stands before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Member {
    Witness(usize),
    Group(usize),
}

/// A checkpoint that a policy accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accepted {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// Who cosigned it of those that the policy knows, and when, in seconds since 1970.
    pub seen_by: Vec<(String, u64)>,
}

/// A checkpoint that a policy does not accept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTrusted {
    /// No log that it names signed the note.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A cosignature of a witness that it names does not fit.
    #[error("cosignatures: {0}")]
    Note(#[from] NoteError),
    /// Too few witnesses cosigned.
    #[error("the quorum `{quorum}` has not seen this checkpoint: {}", seen(.seen_by))]
    Quorum {
        /// The name of the quorum.
        quorum: String,
        /// Who did cosign it.
        seen_by: Vec<String>,
    },
}

fn seen(by: &[String]) -> String {
    match by {
        [] => "no witness of the policy cosigned it".into(),
        by => format!("only {} cosigned it", by.join(", ")),
    }
}

impl TrustPolicy {
    /// The logs that it names.
    #[must_use]
    pub fn logs(&self) -> &[Verifier] {
        &self.logs
    }

    /// Accepts a note only if a log of the policy signed it and its quorum cosigned it.
    ///
    /// # Errors
    ///
    /// What is missing, or what does not fit.
    pub fn open(&self, note: &[u8]) -> Result<Accepted, NotTrusted> {
        self.open_with(note, &self.logs)
    }

    /// The same for a policy that leaves the logs to whoever asks: their keys are these.
    ///
    /// # Errors
    ///
    /// What is missing, or what does not fit.
    pub fn open_with(&self, note: &[u8], logs: &[Verifier]) -> Result<Accepted, NotTrusted> {
        let checkpoint = Checkpoint::open(note, logs)?;
        let times: Result<Vec<Option<u64>>, _> =
            self.witnesses.iter().map(|(_, witness)| witness.time_of(note)).collect();
        let times = times?;
        let named = self.witnesses.iter().zip(&times);
        let seen_by: Vec<_> =
            named.filter_map(|((name, _), time)| time.map(|time| (name.clone(), time))).collect();
        match self.quorum {
            Some(quorum) if !self.reached(quorum, &times) => Err(NotTrusted::Quorum {
                quorum: self.name(quorum).to_owned(),
                seen_by: seen_by.into_iter().map(|(name, _)| name).collect(),
            }),
            _ => Ok(Accepted { checkpoint, seen_by }),
        }
    }

    /// Whether a note is accepted.
    #[must_use]
    pub fn satisfied(&self, note: &[u8]) -> bool {
        self.open(note).is_ok()
    }

    /// A group names only what stands before it, so a walk through the groups in order needs no recursion.
    fn reached(&self, member: Member, times: &[Option<u64>]) -> bool {
        let has = |member: &Member, groups: &[bool]| match *member {
            Member::Witness(at) => times.get(at).is_some_and(Option::is_some),
            Member::Group(at) => groups.get(at).copied().unwrap_or(false),
        };
        let mut groups = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            let count = group.members.iter().filter(|member| has(member, &groups)).count();
            groups.push(count >= group.least);
        }
        has(&member, &groups)
    }

    fn name(&self, member: Member) -> &str {
        let name = match member {
            Member::Witness(at) => self.witnesses.get(at).map(|(name, _)| name),
            Member::Group(at) => self.groups.get(at).map(|group| &group.name),
        };
        name.map_or("?", String::as_str)
    }
}

#[cfg(test)]
mod tests;

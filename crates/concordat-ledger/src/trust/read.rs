//! How a trust policy is read from its file: line by line, and each line may only name what stands before it.

use super::{Group, Member, TrustPolicy};
use crate::decimal::decimal;
use crate::note::{KeyError, Verifier, Witness};

/// Most logs, witnesses and groups of a policy, each.
const MOST: usize = 256;

/// Most bytes of a policy file.
const MAX_FILE: usize = 256 * 1024;

/// A file that is no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the trust policy: {why}")]
pub struct BadPolicy {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

impl TrustPolicy {
    /// Reads a policy file.
    ///
    /// # Errors
    ///
    /// When a line is not as the specification says, with the number of the line.
    pub fn read(file: &[u8]) -> Result<TrustPolicy, BadPolicy> {
        let bad = |line: usize, why: &str| BadPolicy { line, why: why.to_owned() };
        if file.len() > MAX_FILE {
            return Err(bad(1, "the file is too long"));
        }
        let text = std::str::from_utf8(file).map_err(|_| bad(1, "the file is not UTF-8"))?;
        let mut reading = Reading::default();
        let mut last = 1;
        for (line, text) in (1..).zip(text.split('\n')) {
            last = line;
            if text.chars().any(|c| c.is_ascii_control() && c != '\t') {
                return Err(bad(line, "there is a control character"));
            }
            let words: Vec<&str> = text.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
            reading.line(&words).map_err(|why| BadPolicy { line, why })?;
        }
        let Reading { logs, witnesses, groups, quorum, .. } = reading;
        let quorum = quorum.ok_or_else(|| bad(last, "there is no `quorum` line"))?;
        Ok(TrustPolicy { logs, witnesses, groups, quorum })
    }
}

/// What is known of a file so far.
#[derive(Default)]
struct Reading {
    logs: Vec<Verifier>,
    witnesses: Vec<(String, Witness)>,
    groups: Vec<Group>,
    quorum: Option<Option<Member>>,
    /// Who is a member of a group already: each may be of one only, or it would count twice.
    placed: Vec<Member>,
}

impl Reading {
    fn line(&mut self, words: &[&str]) -> Result<(), String> {
        match words {
            [] => Ok(()),
            [first, ..] if first.starts_with('#') => Ok(()),
            ["log", key] | ["log", key, _] => self.log(key),
            ["witness", name, key] | ["witness", name, key, _] => self.witness(name, key),
            ["group", name, least, members @ ..] => self.group(name, least, members),
            ["quorum", name] => self.quorum(name),
            _ => Err(
                "a line is `log KEY`, `witness NAME KEY`, `group NAME all|any|N MEMBER…` or `quorum NAME`"
                    .into(),
            ),
        }
    }

    fn log(&mut self, key: &str) -> Result<(), String> {
        let key: Verifier = key.parse().map_err(|error: KeyError| error.to_string())?;
        if self.logs.iter().any(|known| known.is_same_key(&key)) {
            return Err("this key is the key of a log already".into());
        }
        room(self.logs.len())?;
        self.logs.push(key);
        Ok(())
    }

    fn witness(&mut self, name: &str, key: &str) -> Result<(), String> {
        self.fresh(name)?;
        let key: Witness = key.parse().map_err(|error: KeyError| error.to_string())?;
        if self.witnesses.iter().any(|(_, known)| known.is_same_key(&key)) {
            return Err("this key is the key of a witness already".into());
        }
        room(self.witnesses.len())?;
        self.witnesses.push((name.to_owned(), key));
        Ok(())
    }

    fn group(&mut self, name: &str, least: &str, words: &[&str]) -> Result<(), String> {
        self.fresh(name)?;
        room(self.groups.len())?;
        let mut members = Vec::new();
        for word in words {
            let member = self.named(word)?;
            if self.placed.contains(&member) {
                return Err(format!("`{word}` is a member already, and would count twice"));
            }
            self.placed.push(member);
            members.push(member);
        }
        let count = members.len();
        let least = match least {
            "any" => Some(1),
            "all" => Some(count),
            number => decimal(number).and_then(|least| usize::try_from(least).ok()),
        };
        let least = least.filter(|least| (1..=count).contains(least)).ok_or_else(|| {
            format!("a group of {count} members is reached by `any`, `all` or a number from 1 to {count}")
        })?;
        self.groups.push(Group { name: name.to_owned(), least, members });
        Ok(())
    }

    fn quorum(&mut self, name: &str) -> Result<(), String> {
        if self.quorum.is_some() {
            return Err("there is a `quorum` line already".into());
        }
        self.quorum = Some(if name == "none" { None } else { Some(self.named(name)?) });
        Ok(())
    }

    fn fresh(&self, name: &str) -> Result<(), String> {
        match self.named(name) {
            _ if name == "none" => Err("`none` names no quorum, and nothing else".into()),
            Ok(_) => Err(format!("`{name}` is a witness or a group already")),
            Err(_) => Ok(()),
        }
    }

    fn named(&self, name: &str) -> Result<Member, String> {
        let witness = self.witnesses.iter().position(|(known, _)| known == name).map(Member::Witness);
        let group = || self.groups.iter().position(|group| group.name == name).map(Member::Group);
        witness.or_else(group).ok_or_else(|| format!("`{name}` is no witness or group of a line before"))
    }
}

fn room(count: usize) -> Result<(), String> {
    if count < MOST { Ok(()) } else { Err(format!("there are more than {MOST} lines of this kind")) }
}

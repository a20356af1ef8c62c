//! Reads what a gate's rule answered, strictly: whatever is not exactly an answer is a failure.
//!
//! ```text
//! {answer: "permit" | "review" | "deny",
//!  reasons: [{code, message, fix?}],          none on permit, at least one otherwise
//!  checks: [{policy, result, severity, message, fix?,
//!            violation?: true}],              release only, of a failed check: it counts against the agent
//!  permitted: [id], excluded: {id: [code]},   dispatch only; on permit every candidate is in one of them
//!  strategy: "explore" | "best" | "cheapest" | "ranked",   dispatch only, on permit; how one of them is chosen
//!  regions: ["eu"],                           dispatch only, on permit; each permitted agent works in one of them
//!  why: {code: {message, fix?}}}              dispatch only; what the codes of `excluded` mean, once each
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use concordat_model::decision::{Answer, Check, CheckResult, Gate, Reason, Reasons, Severity, Strategy};
use concordat_model::id::AgentId;
use concordat_model::name::RegionName;
use regorus::Value;
use serde::Deserialize;

use crate::failure::{Failed, Failure};

/// The largest answer, in bytes of JSON.
///
/// An excluded candidate takes about 60 bytes, because what a code means is said once for all of them: an
/// answer about the most candidates takes a quarter of this.
const MOST_BYTES: usize = 64 * 1024;

/// A gate's answer, read and found whole.
#[derive(Debug, PartialEq)]
pub(crate) struct Answered {
    pub(crate) answer: Answer,
    pub(crate) checks: Vec<Check>,
    pub(crate) permitted: Vec<AgentId>,
    pub(crate) strategy: Option<Strategy>,
    pub(crate) regions: Vec<RegionName>,
    pub(crate) excluded: BTreeMap<AgentId, Vec<Reason>>,
}

/// The agents that policy was asked about, and the regions that each works in.
pub(crate) type Offered = BTreeMap<AgentId, BTreeSet<RegionName>>;

impl Answered {
    /// The denial that a failure is.
    pub(crate) fn failed(failed: &Failed) -> Answered {
        let answer = failed.failure.denial(&failed.detail);
        let (checks, permitted, strategy, regions, excluded) = Default::default();
        Answered { answer, checks, permitted, strategy, regions, excluded }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    answer: Word,
    #[serde(default)]
    reasons: Vec<Reason>,
    #[serde(default)]
    checks: Vec<Check>,
    #[serde(default)]
    permitted: Vec<AgentId>,
    #[serde(default)]
    strategy: Option<Strategy>,
    #[serde(default)]
    regions: BTreeSet<RegionName>,
    #[serde(default)]
    excluded: BTreeMap<AgentId, Vec<String>>,
    #[serde(default)]
    why: BTreeMap<String, Meaning>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Permit,
    Review,
    Deny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Meaning {
    message: String,
    #[serde(default)]
    fix: Option<String>,
}

/// Reads the value of a gate's rule. `candidates` are those that policy was asked about.
pub(crate) fn read(gate: Gate, value: &Value, candidates: &Offered) -> Result<Answered, Failed> {
    if *value == Value::Undefined {
        return Err(Failed::new(Failure::Undefined, ""));
    }
    check_shape(value)?;
    let text = json(value)?;
    // An undefined member is written as this text, and must not become data.
    if text.windows(UNDEFINED.len()).any(|part| part == UNDEFINED) {
        return Err(malformed("a part of the answer is undefined"));
    }
    let raw: Raw = serde_json::from_slice(&text).map_err(|error| malformed(error.to_string()))?;
    check_codes(&raw)?;
    check_violations(gate, &raw)?;
    check_candidates(gate, &raw, candidates)?;
    let excluded = explained(&raw)?;
    let mut permitted = raw.permitted;
    if raw.strategy != Some(Strategy::Ranked) {
        permitted.sort_unstable();
    }
    Ok(Answered {
        answer: answer(raw.answer, raw.reasons, &raw.checks)?,
        checks: raw.checks,
        permitted,
        strategy: raw.strategy,
        regions: raw.regions.into_iter().collect(),
        excluded,
    })
}

/// Refuses what the reader below would take for its shape: a list in an object's place, an object in a word's.
fn check_shape(value: &Value) -> Result<(), Failed> {
    let object = |value: &Value| value.as_object().is_ok();
    let objects = |list: &Value| match list {
        Value::Array(items) => items.iter().all(object),
        Value::Set(items) => items.iter().all(object),
        Value::Object(members) => members.iter().all(|(_, value)| object(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        Value::Undefined => true,
    };
    if !object(value) {
        return Err(malformed("it is not an object"));
    }
    if !matches!(value["answer"], Value::String(_) | Value::Undefined) {
        return Err(malformed("its `answer` is not a word"));
    }
    match ["reasons", "checks", "why"].into_iter().find(|member| !objects(&value[*member])) {
        Some(member) => Err(malformed(format!("its `{member}` do not consist of objects"))),
        None => Ok(()),
    }
}

const UNDEFINED: &[u8] = b"<undefined>";

fn malformed(detail: impl Into<String>) -> Failed {
    Failed::new(Failure::Malformed, detail)
}

fn answer(word: Word, reasons: Vec<Reason>, checks: &[Check]) -> Result<Answer, Failed> {
    let critical = |check: &Check| check.result == CheckResult::Fail && check.severity == Severity::Critical;
    let why = |reasons: Vec<Reason>| Reasons::try_from(reasons).map_err(|none| malformed(none.to_string()));
    match word {
        Word::Permit if !reasons.is_empty() => Err(malformed("it permits and gives reasons against it")),
        Word::Permit if checks.iter().any(critical) => {
            Err(malformed("it permits although a critical check failed"))
        }
        Word::Permit => Ok(Answer::Permit),
        Word::Review => Ok(Answer::Review { reasons: why(reasons)? }),
        Word::Deny => Ok(Answer::Deny { reasons: why(reasons)? }),
    }
}

/// Codes are stable names, and those of failures are not a policy's to give.
fn check_codes(raw: &Raw) -> Result<(), Failed> {
    let reasons = raw.reasons.iter().map(|reason| &reason.code);
    let checks = raw.checks.iter().map(|check| &check.policy);
    let excluded = raw.excluded.values().flatten();
    for code in reasons.chain(checks).chain(excluded).chain(raw.why.keys()) {
        let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
        if code.is_empty() || code.len() > 64 || !code.bytes().all(plain) {
            return Err(malformed("a code is not made of a-z, 0-9 and `_`"));
        }
        if code.starts_with("policy_") {
            return Err(malformed(format!("the code `{code}` is kept for failures of policy itself")));
        }
    }
    Ok(())
}

/// Only what an agent did can break a rule, and only a check that failed says that one was broken.
fn check_violations(gate: Gate, raw: &Raw) -> Result<(), Failed> {
    let Some(check) = raw
        .checks
        .iter()
        .find(|check| check.violation && (gate != Gate::Release || check.result != CheckResult::Fail))
    else {
        return Ok(());
    };
    let why = "a violation is a failed check of the release gate";
    Err(malformed(format!("`{}` is none: {why}", check.policy)))
}

fn check_candidates(gate: Gate, raw: &Raw, candidates: &Offered) -> Result<(), Failed> {
    if gate != Gate::Dispatch && !(raw.permitted.is_empty() && raw.excluded.is_empty() && raw.why.is_empty())
    {
        return Err(malformed("only the dispatch gate names agents"));
    }
    let permitted: BTreeSet<AgentId> = raw.permitted.iter().copied().collect();
    if let Some(stranger) =
        permitted.iter().chain(raw.excluded.keys()).find(|id| !candidates.contains_key(id))
    {
        return Err(malformed(format!("`{stranger}` was not a candidate")));
    }
    if permitted.len() != raw.permitted.len() {
        return Err(malformed("an agent is permitted twice"));
    }
    let permits = gate == Gate::Dispatch && matches!(raw.answer, Word::Permit);
    if raw.strategy.is_some() && !permits {
        return Err(malformed("only the dispatch gate names a strategy, and only when it permits"));
    }
    if !raw.regions.is_empty() && !permits {
        return Err(malformed("only the dispatch gate names regions, and only when it permits"));
    }
    let foreign = |id: &&AgentId| candidates.get(id).is_none_or(|regions| regions.is_disjoint(&raw.regions));
    if let Some(id) = permitted.iter().find(foreign).filter(|_| !raw.regions.is_empty()) {
        return Err(malformed(format!("`{id}` is permitted and works in none of the regions")));
    }
    if gate == Gate::Dispatch && permits == permitted.is_empty() {
        return Err(malformed("it permits agents without permitting, or permits without an agent"));
    }
    let both = permitted.iter().find(|id| raw.excluded.contains_key(id));
    let neither =
        candidates.keys().find(|id| permits && !permitted.contains(id) && !raw.excluded.contains_key(id));
    match (both, neither) {
        (None, None) => Ok(()),
        (Some(id), _) => Err(malformed(format!("`{id}` is permitted and excluded"))),
        (None, Some(id)) => Err(malformed(format!("`{id}` is neither permitted nor excluded"))),
    }
}

/// Each excluded candidate with its reasons in full.
fn explained(raw: &Raw) -> Result<BTreeMap<AgentId, Vec<Reason>>, Failed> {
    let reason = |code: &String| match raw.why.get(code) {
        Some(meaning) => {
            Ok(Reason { code: code.clone(), message: meaning.message.clone(), fix: meaning.fix.clone() })
        }
        None => Err(malformed(format!("`why` does not say what `{code}` means"))),
    };
    let one = |(id, codes): (&AgentId, &Vec<String>)| {
        if codes.is_empty() {
            return Err(malformed(format!("`{id}` is excluded without a reason")));
        }
        Ok((*id, codes.iter().map(reason).collect::<Result<Vec<_>, Failed>>()?))
    };
    raw.excluded.iter().map(one).collect()
}

fn json(value: &Value) -> Result<Vec<u8>, Failed> {
    let mut text = Bounded(Vec::with_capacity(1024));
    match serde_json::to_writer(&mut text, value) {
        Ok(()) => Ok(text.0),
        Err(error) if error.is_io() => {
            Err(Failed::new(Failure::Oversize, format!("the answer has more than {MOST_BYTES} bytes")))
        }
        Err(error) => Err(malformed(error.to_string())),
    }
}

/// Text that stops growing at the most bytes, so that a huge answer is refused before it is written out.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        if self.0.len() + part.len() > MOST_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "agt_00000000000000000000000001";
    const TWO: &str = "agt_00000000000000000000000002";

    fn told(gate: Gate, text: &str) -> String {
        let value = Value::from_json_str(&text.replace("ONE", ONE).replace("TWO", TWO)).unwrap();
        let candidates = [(ONE.parse().unwrap(), ["eu".parse().unwrap()].into())].into();
        match read(gate, &value, &candidates) {
            Ok(answered) => answered.answer.as_str().to_owned(),
            Err(failed) => format!("{}: {}", failed.failure.as_str(), failed.detail),
        }
    }

    #[test]
    fn only_a_whole_answer_is_an_answer() {
        let reason = r#"{"code":"c","message":"m"}"#;
        let critical = r#"{"policy":"c","result":"fail","severity":"critical","message":"m"}"#;
        let warned = r#"{"policy":"c","result":"warn","severity":"critical","message":"m"}"#;
        for (text, wanted) in [
            (r#"{"answer":"permit"}"#.to_owned(), "permit"),
            (format!(r#"{{"answer":"permit","checks":[{warned}]}}"#), "permit"),
            (format!(r#"{{"answer":"review","reasons":[{reason}]}}"#), "review"),
            (format!(r#"{{"answer":"deny","reasons":[{reason}],"checks":[{critical}]}}"#), "deny"),
            (r#""permit""#.to_owned(), "policy_malformed"),
            ("true".to_owned(), "policy_malformed"),
            ("1".to_owned(), "policy_malformed"),
            ("null".to_owned(), "policy_malformed"),
            (r#"["permit"]"#.to_owned(), "policy_malformed: it is not an object"),
            ("{}".to_owned(), "policy_malformed: missing field `answer`"),
            (r#"{"answer":true}"#.to_owned(), "policy_malformed"),
            (r#"{"answer":"Permit"}"#.to_owned(), "policy_malformed: unknown variant"),
            (r#"{"answer":"allow"}"#.to_owned(), "policy_malformed: unknown variant"),
            (r#"{"answer":{"permit":null}}"#.to_owned(), "policy_malformed: its `answer` is not a word"),
            (
                r#"{"answer":"deny","reasons":[["c","m"]]}"#.to_owned(),
                "policy_malformed: its `reasons` do not",
            ),
            (r#"{"answer":"permit","allow":true}"#.to_owned(), "policy_malformed: unknown field `allow`"),
            (r#"{"answer":"permit","reasons":{}}"#.to_owned(), "policy_malformed"),
            (
                r#"{"answer":"deny","reasons":[{"code":"c","message":"<undefined>"}]}"#.to_owned(),
                "policy_malformed: a part",
            ),
            (format!(r#"{{"answer":"permit","reasons":[{reason}]}}"#), "policy_malformed: it permits and"),
            (
                format!(r#"{{"answer":"permit","checks":[{critical}]}}"#),
                "policy_malformed: it permits although",
            ),
            (r#"{"answer":"review"}"#.to_owned(), "policy_malformed: a refusal needs"),
            (r#"{"answer":"deny","reasons":[]}"#.to_owned(), "policy_malformed: a refusal needs"),
            (r#"{"answer":"deny","reasons":[{"code":"c"}]}"#.to_owned(), "policy_malformed: missing field"),
            (
                r#"{"answer":"deny","reasons":[{"code":"A b","message":"m"}]}"#.to_owned(),
                "policy_malformed: a code",
            ),
            (
                r#"{"answer":"deny","reasons":[{"code":"policy_timeout","message":"m"}]}"#.to_owned(),
                "policy_malformed: the code `policy_timeout` is kept",
            ),
            (
                r#"{"answer":"permit","permitted":["ONE"]}"#.to_owned(),
                "policy_malformed: only the dispatch gate",
            ),
            (format!(r#"{{"answer":"deny","x":"{}"}}"#, "x".repeat(MOST_BYTES)), "policy_oversize"),
        ] {
            let told = told(Gate::Admit, &text);
            assert!(told.starts_with(wanted), "{text} gave {told}");
        }
        let candidates = Offered::new();
        assert_eq!(
            read(Gate::Admit, &Value::Undefined, &candidates).unwrap_err().failure,
            Failure::Undefined
        );
        let deep = Value::from(BTreeMap::from([(Value::from("answer"), Value::Undefined)]));
        assert_eq!(read(Gate::Admit, &deep, &candidates).unwrap_err().failure, Failure::Malformed);
    }

    #[test]
    fn every_candidate_is_permitted_or_excluded_and_nobody_else_is() {
        for (text, wanted) in [
            (r#"{"answer":"permit","permitted":["ONE"]}"#, "permit"),
            (r#"{"answer":"permit"}"#, "policy_malformed: it permits agents"),
            (r#"{"answer":"permit","permitted":["ONE"],"strategy":"best"}"#, "permit"),
            (r#"{"answer":"permit","permitted":["ONE"],"regions":[]}"#, "permit"),
            (r#"{"answer":"permit","permitted":["ONE"],"regions":["us","eu"]}"#, "permit"),
            (
                r#"{"answer":"permit","permitted":["ONE"],"regions":["us"]}"#,
                "policy_malformed: `agt_00000000000000000000000001` is permitted and works in none",
            ),
            (
                r#"{"answer":"deny","reasons":[{"code":"c","message":"m"}],"regions":["eu"]}"#,
                "policy_malformed: only the dispatch gate names regions",
            ),
            (
                r#"{"answer":"permit","permitted":["ONE"],"strategy":"favourite"}"#,
                "policy_malformed: unknown variant",
            ),
            (
                r#"{"answer":"deny","reasons":[{"code":"c","message":"m"}],"strategy":"best"}"#,
                "policy_malformed: only the dispatch gate names a strategy",
            ),
            (
                r#"{"answer":"permit","permitted":["TWO"]}"#,
                "policy_malformed: `agt_00000000000000000000000002` was",
            ),
            (r#"{"answer":"permit","permitted":["ONE","TWO"]}"#, "policy_malformed: `agt_0"),
            (
                r#"{"answer":"permit","permitted":["ONE","ONE"]}"#,
                "policy_malformed: an agent is permitted twice",
            ),
            (r#"{"answer":"permit","permitted":["run_1"]}"#, "policy_malformed"),
            (
                r#"{"answer":"permit","permitted":["ONE"],"excluded":{"ONE":["c"]},"why":{"c":{"message":"m"}}}"#,
                "policy_malformed: `agt_00000000000000000000000001` is permitted and excluded",
            ),
            (
                r#"{"answer":"deny","permitted":["ONE"],"reasons":[{"code":"c","message":"m"}]}"#,
                "policy_malformed: it permits agents",
            ),
            (
                r#"{"answer":"deny","reasons":[{"code":"c","message":"m"}],"excluded":{"ONE":[]}}"#,
                "policy_malformed",
            ),
            (
                r#"{"answer":"deny","reasons":[{"code":"c","message":"m"}],"excluded":{"ONE":["d"]}}"#,
                "policy_malformed: `why` does not say what `d` means",
            ),
        ] {
            let told = told(Gate::Dispatch, text);
            assert!(told.starts_with(wanted), "{text} gave {told}");
        }
    }
}

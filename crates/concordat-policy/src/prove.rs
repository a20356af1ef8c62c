//! Searches for counterexamples to what a policy's author says always holds.
//!
//! An **invariant** is a rule whose name begins with `invariant_`, in the package `concordat.<gate>` or in one whose
//! name begins with that, such as `concordat.dispatch_invariants`. It holds when it is `true` for every input that
//! the gate can be told. False, undefined, a conflict, an error and a time-out are counterexamples.
//!
//! ```text
//!   schema ─► shape ─► draw ─► read as the gate's type ─► evaluate ─► false? ─► shrink ─► a ready Rego test
//!                       └─ some anew, most altered from inputs that made the policy say something new
//! ```
//!
//! Nothing here is a proof in the mathematician's sense: it says how many cases were tried, and in how many of them
//! every condition of the invariant was reached. One that was never met says nothing, and that is said.
//! The same seed, bundle and stored inputs give the same answer.

mod draw;
mod evidence;
mod mentioned;
mod shape;
mod shrink;
mod subject;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use concordat_model::decision::Gate;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use regex::Regex;
use serde::Serialize;
use serde_json::Value;

use self::draw::Draw;
use self::mentioned::Mentioned;
use self::shape::Shape;
use self::subject::{Seen, Subject};
use crate::bundle::Bundle;
use crate::input;
use crate::testing::{self, Condition, TestingError};

pub use self::evidence::as_test;

/// Far beyond what a decision may take, so that a busy machine changes no answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Inputs that are kept because they made the policy say something new.
const MOST_KEPT: usize = 4096;
/// The tenths of the inputs that are drawn anew.
const ANEW: u32 = 4;
/// How many drawn values may fail to be an input, for each that is one.
const MOST_ODD: u32 = 50;

/// How hard to search.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where chance begins.
    pub seed: u64,
    /// The inputs that are tried at each gate, besides the stored ones.
    pub cases: u32,
    /// Inputs of stored decisions; they are tried first.
    pub stored: Vec<(Gate, Value)>,
    /// Which invariants, by package and name; without it, all of them.
    pub only: Option<Regex>,
}

/// What the search came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proved {
    /// The seed that gives this again.
    pub seed: u64,
    /// Each gate that has invariants.
    pub gates: Vec<Searched>,
}

/// The search at one gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Searched {
    /// The gate.
    pub gate: Gate,
    /// The inputs that were tried.
    pub cases: u32,
    /// How many of them came from stored decisions.
    pub stored: u32,
    /// How many the gate permitted.
    pub permitted: u32,
    /// How many it sent to review.
    pub reviewed: u32,
    /// How many different things the policy said: answers with their codes.
    pub distinct: usize,
    /// Each invariant.
    pub invariants: Vec<Invariant>,
}

/// One invariant, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Invariant {
    /// The rule with its package.
    pub invariant: String,
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The cases in which every condition of it was reached.
    pub met: u32,
    /// The first line of it that no case reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreached: Option<u32>,
    /// The cases in which it did not hold.
    pub broken: u32,
    /// The smallest input that breaks it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counterexample: Option<Counterexample>,
}

/// An input that breaks an invariant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Counterexample {
    /// The case that was found, from 1; it was made smaller since.
    pub case: u32,
    /// What the invariant comes to instead of `true`.
    pub told: String,
    /// The condition that does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// The input.
    pub input: Value,
}

impl Proved {
    /// Every invariant with its gate.
    pub fn invariants(&self) -> impl Iterator<Item = (Gate, &Invariant)> {
        self.gates.iter().flat_map(|searched| searched.invariants.iter().map(|one| (searched.gate, one)))
    }
}

/// Searches for a counterexample to every invariant of the bundle.
///
/// # Errors
/// A server would not load the bundle, or one of its files cannot be parsed.
pub fn prove(bundle: &Bundle, options: &Options) -> Result<Proved, TestingError> {
    testing::evaluating(|| {
        let mut engine = testing::author_engine(bundle, TIMEOUT)?;
        let mentioned = mentioned::read(&mut engine);
        let mut gates = Vec::new();
        for (at, gate) in (0u64..).zip(Gate::ALL) {
            let subject = Subject::of(&engine, gate, options.only.as_ref());
            if !subject.invariants.is_empty() {
                let rng = ChaCha8Rng::seed_from_u64(options.seed.wrapping_add(at << 56));
                gates.push(Search::new(gate, subject, &mentioned, rng).run(options));
            }
        }
        Ok(Proved { seed: options.seed, gates })
    })
}

struct Search<'a> {
    gate: Gate,
    subject: Subject,
    shape: Shape,
    mentioned: &'a Mentioned,
    rng: ChaCha8Rng,
    /// Inputs that made the policy say something new, by its answer: what is rarely permitted is tried as often.
    kept: BTreeMap<String, Vec<Value>>,
    said: BTreeSet<String>,
    /// How far inputs have led within the invariants.
    led: BTreeSet<String>,
    searched: Searched,
    /// The first input that broke each invariant.
    found: Vec<Option<(u32, Value)>>,
}

impl<'a> Search<'a> {
    fn new(gate: Gate, subject: Subject, mentioned: &'a Mentioned, rng: ChaCha8Rng) -> Search<'a> {
        let shape = Shape::of(&input::schema(gate).to_value());
        let invariants: Vec<Invariant> = subject.invariants.iter().map(subject::Claim::unproved).collect();
        let found = vec![None; invariants.len()];
        let (cases, stored, permitted, reviewed, distinct) = Default::default();
        let searched = Searched { gate, cases, stored, permitted, reviewed, distinct, invariants };
        Search {
            gate,
            subject,
            shape,
            mentioned,
            rng,
            kept: BTreeMap::new(),
            said: BTreeSet::new(),
            led: BTreeSet::new(),
            searched,
            found,
        }
    }

    fn run(mut self, options: &Options) -> Searched {
        let gate = self.gate;
        for (_, stored) in options.stored.iter().filter(|(asked, _)| *asked == gate) {
            self.searched.stored += 1;
            self.try_one(stored.clone());
        }
        let mut odd = 0;
        let mut drawn = 0;
        while drawn < options.cases && odd <= options.cases.saturating_mul(MOST_ODD) {
            match self.draw() {
                Some(input) => {
                    drawn += 1;
                    self.try_one(input);
                }
                None => odd += 1,
            }
        }
        self.searched.distinct = self.said.len();
        for (at, found) in std::mem::take(&mut self.found).into_iter().enumerate() {
            let counterexample = found.map(|(case, input)| self.smallest(at, case, input));
            let unreached = self.subject.unreached(at);
            if let Some(invariant) = self.searched.invariants.get_mut(at) {
                invariant.counterexample = counterexample;
                invariant.unreached = if invariant.met == 0 { unreached } else { None };
            }
        }
        self.searched
    }

    /// An input that the gate can be told: some anew, most altered from one that was telling.
    fn draw(&mut self) -> Option<Value> {
        let kept = self.telling();
        let mut draw = Draw::new(&mut self.rng, self.mentioned);
        let value = match kept {
            Some(kept) => draw.altered(kept, &self.shape),
            None => draw.value(&self.shape),
        };
        input::normal(self.gate, value).filter(draw::distinct)
    }

    fn telling(&mut self) -> Option<Value> {
        if self.kept.is_empty() || self.rng.random_range(0..10) < ANEW {
            return None;
        }
        let answer = self.rng.random_range(0..self.kept.len());
        let kept = self.kept.values().nth(answer)?;
        let at = self.rng.random_range(0..kept.len());
        kept.get(at).cloned()
    }

    fn try_one(&mut self, input: Value) {
        self.searched.cases += 1;
        let case = self.searched.cases;
        let Seen { answer, said, led, verdicts } = self.subject.ask(&input);
        match answer.as_str() {
            "permit" => self.searched.permitted += 1,
            "review" => self.searched.reviewed += 1,
            _ => {}
        }
        for ((verdict, invariant), found) in
            verdicts.iter().zip(&mut self.searched.invariants).zip(&mut self.found)
        {
            invariant.met += u32::from(verdict.met);
            if verdict.told.is_some() {
                invariant.broken += 1;
                found.get_or_insert_with(|| (case, input.clone()));
            }
        }
        let (new, farther) = (self.said.insert(said), self.led.insert(led));
        if new || farther {
            let kept = self.kept.entry(answer).or_default();
            if kept.len() < MOST_KEPT {
                kept.push(input);
            }
        }
    }

    fn smallest(&mut self, at: usize, case: u32, input: Value) -> Counterexample {
        let gate = self.gate;
        let subject = &mut self.subject;
        let input = shrink::shrink(input, &self.shape, &mut |smaller| {
            let smaller = input::normal(gate, smaller).filter(draw::distinct)?;
            subject.breaks(at, &smaller).map(|_| smaller)
        });
        let told = subject.breaks(at, &input).unwrap_or_default();
        Counterexample { case, told, condition: subject.condition(at, &input), input }
    }
}

#[cfg(test)]
mod tests;

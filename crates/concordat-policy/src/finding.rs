//! What is wrong with a bundle: each finding with its place, a stable word, and the way out.

use concordat_model::digest::Digest;
use serde::{Deserialize, Serialize};

use crate::bundle::BundleError;
use crate::load::LoadError;

/// The most findings of one inspection: whoever has more mends these first.
pub(crate) const MOST: usize = 100;

/// Everything that a look at a bundle found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inspection {
    /// The digest of the bundle's document; none where there is no bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Digest>,
    /// What was found, in the order of files and lines.
    pub findings: Vec<Finding>,
}

impl Inspection {
    /// An inspection with one finding.
    #[must_use]
    pub fn of(finding: Finding) -> Inspection {
        Inspection { revision: None, findings: vec![finding] }
    }

    /// Whether the bundle may be activated: warnings do not hinder it.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.revision.is_some() && self.errors().next().is_none()
    }

    /// What keeps the bundle from being activated.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.level == Level::Error)
    }
}

/// One thing that is wrong, or odd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Whether it keeps the bundle from being activated.
    pub level: Level,
    /// What kind of thing it is.
    pub code: Code,
    /// The file, as the bundle names it; empty when the whole bundle is meant.
    pub file: String,
    /// The line, from 1; 0 when the whole file is meant.
    pub line: u32,
    /// The column, from 1; 0 when the whole file is meant.
    pub column: u32,
    /// The sentence for people.
    pub message: String,
    /// The way out, where there is an obvious one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Finding {
    /// An error that has no place in a file.
    #[must_use]
    pub fn whole(code: Code, message: impl Into<String>) -> Finding {
        let (file, line, column) = Default::default();
        Finding { level: Level::Error, code, file, line, column, message: message.into(), fix: None }
    }

    /// The same with a way out.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Finding {
        self.fix = Some(fix.into());
        self
    }
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The bundle cannot be activated.
    Error,
    /// The bundle can be activated, and its author should look.
    Warning,
}

impl Level {
    /// The level's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warning => "warning",
        }
    }
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $word:literal,)+) => {
        /// What kind of thing was found: a word that stays.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Code {
            $($(#[doc = $doc])+ #[serde(rename = $word)] $name,)+
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Code] = &[$(Code::$name,)+];

            /// The word in reports.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$name => $word,)+ }
            }

            /// What the word stands for.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Code::$name => concat!($($doc),+).trim_ascii(),)+ }
            }
        }
    };
}

codes! {
    /// The files make no bundle: a path, a size, or what is not text.
    Bundle = "bundle",
    /// An archive is not one of a bundle, or not safe to unpack.
    Archive = "archive",
    /// The signature of an archive is missing, wrong, or not of a known key.
    Signature = "signature",
    /// The manifest cannot be read.
    Manifest = "manifest",
    /// A file of data cannot be read.
    Data = "data",
    /// Data is given twice, or in the place of a rule.
    DataConflict = "data_conflict",
    /// Something lies outside of the bundle's roots.
    OutsideRoots = "outside_roots",
    /// Brackets are nested so deeply, or so often, that reading them takes too long.
    Nesting = "nesting",
    /// The text is not Rego.
    Parse = "parse",
    /// The text is Rego that cannot be evaluated, such as a variable that nothing binds.
    Compile = "compile",
    /// A rule or function can reach itself.
    Recursion = "recursion",
    /// Expressions, or rules that call each other, are too deep.
    TooDeep = "too_deep",
    /// A part of a set's or an object's head may be undefined.
    UndefinedHead = "undefined_head",
    /// `with` replaces something else than the input outside of tests.
    With = "with",
    /// A value is made of others in such a way that it can become too large for a single step.
    GrowingValue = "growing_value",
    /// A builtin sees the world, or can take seconds in one step.
    BannedBuiltin = "banned_builtin",
    /// A format asks for widths, or is computed.
    Format = "format",
    /// There is no such function.
    UnknownFunction = "unknown_function",
    /// A function gets too few or too many arguments.
    WrongArity = "wrong_arity",
    /// There is neither a rule nor data of this name.
    UnknownRule = "unknown_rule",
    /// The gate's input has no such member.
    UnknownInput = "unknown_input",
    /// An import is never used.
    UnusedImport = "unused_import",
    /// A local variable is never used.
    UnusedVariable = "unused_variable",
    /// A local variable hides a rule, an import or a builtin.
    Shadowed = "shadowed",
    /// A gate has no rule that answers for it.
    MissingEntrypoint = "missing_entrypoint",
    /// A gate's rule has no default.
    MissingDefault = "missing_default",
    /// A gate's default is no refusal with a reason.
    UnsafeDefault = "unsafe_default",
    /// A gate's rule gives something that is not an answer.
    WrongAnswer = "wrong_answer",
    /// There are no tests.
    NoTests = "no_tests",
    /// A test does not hold.
    TestsFailed = "tests_failed",
    /// Looking at the bundle takes more time or memory than there is for it.
    Exhausted = "exhausted",
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.file.as_str(), self.line) {
            ("", _) => {}
            (file, 0) => write!(f, "{file}: ")?,
            (file, line) => write!(f, "{file}:{line}:{}: ", self.column)?,
        }
        write!(f, "{}: {}", self.code.as_str(), self.message)?;
        self.fix.iter().try_for_each(|fix| write!(f, ": {fix}"))
    }
}

impl From<Finding> for LoadError {
    fn from(finding: Finding) -> LoadError {
        let Finding { file, line, column, message, fix, .. } = finding;
        let message = fix.map_or(message.clone(), |fix| format!("{message}: {fix}"));
        LoadError { file, line, column, message }
    }
}

impl From<&BundleError> for Finding {
    fn from(error: &BundleError) -> Finding {
        let short = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        match error {
            BundleError::Nesting { path, line, column, problem } => Finding {
                file: path.clone(),
                line: short(*line as u64),
                column: short(*column as u64),
                ..Finding::whole(Code::Nesting, problem.to_string())
            },
            BundleError::Json { path, problem } => Finding {
                file: path.clone(),
                line: short(problem.line.unwrap_or(0)),
                column: short(problem.column.unwrap_or(0)),
                fix: problem.hint.clone(),
                ..Finding::whole(json_code(path, &problem.code), problem.message.clone())
            },
            BundleError::Bytes { path, .. }
            | BundleError::Lines { path, .. }
            | BundleError::Text { path, .. } => {
                Finding { file: path.clone(), ..Finding::whole(Code::Bundle, error.to_string()) }
            }
            BundleError::Path { .. }
            | BundleError::Twice { .. }
            | BundleError::Total
            | BundleError::Document { .. } => Finding::whole(Code::Bundle, error.to_string()),
        }
    }
}

fn json_code(path: &str, problem: &str) -> Code {
    match problem {
        "bundle-conflict" => Code::DataConflict,
        "bundle-roots" => Code::OutsideRoots,
        _ if path == crate::bundle::MANIFEST => Code::Manifest,
        _ => Code::Data,
    }
}

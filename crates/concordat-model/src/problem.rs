//! What is wrong with a document, where, and the way out.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One thing wrong with a document that somebody wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A stable code such as `plan-cycle`.
    pub code: String,
    /// The place as a JSON pointer (RFC 6901); empty for the document as a whole.
    pub pointer: String,
    /// The line in the text, from 1, where the text is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<u64>,
    /// The column in the line, from 1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub column: Option<u64>,
    /// What is wrong, in the author's words.
    pub message: String,
    /// The way out, where we know one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hint: Option<String>,
}

impl Problem {
    /// A problem at a place within the document.
    #[must_use]
    pub fn new(code: &str, pointer: impl Into<String>, message: impl Into<String>) -> Problem {
        Problem {
            code: code.to_owned(),
            pointer: pointer.into(),
            line: None,
            column: None,
            message: message.into(),
            hint: None,
        }
    }

    /// The same problem with a way out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Problem {
        self.hint = Some(hint.into());
        self
    }

    /// The same problem at a line and column of the text.
    #[must_use]
    pub fn on(mut self, line: u64, column: u64) -> Problem {
        (self.line, self.column) = (Some(line), Some(column));
        self
    }

    /// The same problem, seen from a document that holds this one at `base`.
    #[must_use]
    pub fn under(mut self, base: &str) -> Problem {
        self.pointer.insert_str(0, base);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, "{line}:{column}: ")?;
        }
        if !self.pointer.is_empty() {
            write!(f, "{}: ", self.pointer)?;
        }
        f.write_str(&self.message)
    }
}

/// Everything found wrong with one document: at least one problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

/// More problems than anyone reads at once are not collected.
const MOST: usize = 50;

impl Problems {
    /// The problems, if there are any; the first fifty of them.
    ///
    /// # Errors
    /// The collected problems.
    pub fn check(mut found: Vec<Problem>) -> Result<(), Problems> {
        found.truncate(MOST);
        if found.is_empty() { Ok(()) } else { Err(Problems(found)) }
    }

    /// The problems in the order in which they were found.
    #[must_use]
    pub fn all(&self) -> &[Problem] {
        &self.0
    }

    /// The same problems, each changed.
    #[must_use]
    pub fn map(self, change: impl FnMut(Problem) -> Problem) -> Problems {
        Problems(self.0.into_iter().map(change).collect())
    }
}

impl Problems {
    /// These problems, and whatever else was found.
    #[must_use]
    pub fn and(mut self, more: Vec<Problem>) -> Problems {
        self.0.extend(more);
        self.0.truncate(MOST);
        self
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Problems {
        Problems(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, problem) in self.0.iter().enumerate() {
            if nth > 0 {
                f.write_str("; ")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// One part of a JSON pointer, escaped as RFC 6901 wants it.
#[must_use]
pub fn token(part: &str) -> String {
    part.replace('~', "~0").replace('/', "~1")
}

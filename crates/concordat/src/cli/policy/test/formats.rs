//! The report of `policy test` for programs: the members that `opa test` gives, and JUnit's elements.

use concordat_policy::testing::coverage::{Coverage, Lines};
use concordat_policy::testing::{Condition, Tested, Timed};
use serde::Serialize;

/// One test as `opa test --format=json` has it; `condition` is ours.
#[derive(Debug, Serialize)]
struct Outcome<'a> {
    location: Location<'a>,
    package: String,
    name: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    fail: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    skip: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    duration: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    printed: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<&'a Condition>,
}

#[derive(Debug, Serialize)]
struct Location<'a> {
    file: &'a str,
    row: u32,
    col: u32,
}

/// What is printed when more than the outcomes is asked for.
#[derive(Debug, Serialize)]
struct Whole<'a> {
    tests: Vec<Outcome<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coverage: Option<Covered>,
    #[serde(skip_serializing_if = "<[Timed]>::is_empty")]
    bench: &'a [Timed],
}

/// Coverage as `opa test --coverage` has it.
#[derive(Debug, Serialize)]
struct Covered {
    files: std::collections::BTreeMap<String, CoveredFile>,
    covered_lines: usize,
    not_covered_lines: usize,
    coverage: f64,
}

#[derive(Debug, Serialize)]
struct CoveredFile {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    covered: Vec<Range>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_covered: Vec<Range>,
    covered_lines: usize,
    not_covered_lines: usize,
    coverage: f64,
}

#[derive(Debug, Serialize)]
struct Range {
    start: Row,
    end: Row,
}

#[derive(Debug, Serialize)]
struct Row {
    row: u32,
}

/// The report as JSON: a list of outcomes, within an object when there is more.
pub(super) fn json(coverage: Option<&Coverage>, tested: &[Tested], timed: &[Timed]) -> String {
    let tests: Vec<Outcome<'_>> = tested.iter().map(outcome).collect();
    let text = match coverage {
        None if timed.is_empty() => serde_json::to_string_pretty(&tests),
        coverage => {
            serde_json::to_string_pretty(&Whole { tests, coverage: coverage.map(covered), bench: timed })
        }
    };
    text.unwrap_or_default()
}

fn outcome(one: &Tested) -> Outcome<'_> {
    let (package, name) = one.test.rsplit_once('.').unwrap_or(("", &one.test));
    // What stopped the evaluation is an error; what only did not hold is a failure.
    let odd = |failure: &&str| *failure != "does not hold" && one.condition.is_none();
    Outcome {
        location: Location { file: &one.file, row: one.line, col: one.column },
        package: format!("data.{package}"),
        name,
        fail: one.failure.is_some(),
        skip: one.skipped,
        error: one.failure.as_deref().filter(odd),
        duration: one.nanoseconds,
        printed: one.printed.iter().map(String::as_str).collect(),
        condition: one.condition.as_ref(),
    }
}

fn covered(coverage: &Coverage) -> Covered {
    let files = coverage.files.iter().map(|(file, lines)| (file.clone(), covered_file(lines)));
    Covered {
        files: files.collect(),
        covered_lines: coverage.files.values().map(|lines| lines.covered.len()).sum(),
        not_covered_lines: coverage.files.values().map(|lines| lines.not_covered.len()).sum(),
        coverage: f64::from(coverage.share(|_| true)) / 100.0,
    }
}

fn covered_file(lines: &Lines) -> CoveredFile {
    CoveredFile {
        covered: ranges(lines.covered.iter().copied()),
        not_covered: ranges(lines.not_covered.iter().copied()),
        covered_lines: lines.covered.len(),
        not_covered_lines: lines.not_covered.len(),
        coverage: f64::from(lines.share()) / 100.0,
    }
}

fn ranges(numbers: impl Iterator<Item = u32>) -> Vec<Range> {
    let mut ranges: Vec<Range> = Vec::new();
    for row in numbers {
        match ranges.last_mut() {
            Some(range) if range.end.row + 1 == row => range.end.row = row,
            _ => ranges.push(Range { start: Row { row }, end: Row { row } }),
        }
    }
    ranges
}

/// The report as JUnit's XML, a suite for each package.
pub(super) fn junit(tested: &[Tested]) -> String {
    let failures = |tests: &[&Tested]| tests.iter().filter(|one| one.failure.is_some()).count();
    let all: Vec<&Tested> = tested.iter().collect();
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"{}\" failures=\"{}\">\n",
        all.len(),
        failures(&all)
    );
    for suite in all.chunk_by(|one, other| package(one) == package(other)) {
        let name = escaped(suite.first().map(|one| package(one)).unwrap_or_default());
        let skipped = suite.iter().filter(|one| one.skipped).count();
        xml.push_str(&format!(
            "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{}\" skipped=\"{skipped}\">\n",
            suite.len(),
            failures(suite)
        ));
        suite.iter().for_each(|one| xml.push_str(&case(one)));
        xml.push_str("  </testsuite>\n");
    }
    xml + "</testsuites>"
}

fn package(one: &Tested) -> &str {
    one.test.rsplit_once('.').map_or("", |(package, _)| package)
}

fn case(one: &Tested) -> String {
    let (package, name) = one.test.rsplit_once('.').unwrap_or(("", &one.test));
    #[expect(clippy::cast_precision_loss, reason = "seconds are shown with six digits")]
    let seconds = one.nanoseconds as f64 / 1e9;
    let head = format!(
        "    <testcase classname=\"{}\" name=\"{}\" file=\"{}\" line=\"{}\" time=\"{seconds:.6}\"",
        escaped(package),
        escaped(name),
        escaped(&one.file),
        one.line
    );
    match &one.failure {
        _ if one.skipped => format!("{head}>\n      <skipped/>\n    </testcase>\n"),
        None => format!("{head}/>\n"),
        Some(failure) => {
            let mut body = String::new();
            if let Some(condition) = &one.condition {
                body.push_str(&format!("{}:{}: {}\n", condition.file, condition.line, condition.text));
                for valued in &condition.values {
                    body.push_str(&format!("{} is {}\n", valued.expression, valued.value));
                }
            }
            body.extend(one.printed.iter().map(|line| format!("printed {line}\n")));
            let (failure, body) = (escaped(failure), escaped(&body));
            format!("{head}>\n      <failure message=\"{failure}\">{body}</failure>\n    </testcase>\n")
        }
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            // XML 1.0 cannot hold other control characters at all.
            c if c.is_control() && c != '\t' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tested() -> Vec<Tested> {
        let one = |name: &str, failure: Option<&str>| Tested {
            test: format!("a.b_test.{name}"),
            file: "a/b_test.rego".to_owned(),
            line: 3,
            column: 1,
            skipped: name.starts_with("todo_"),
            failure: failure.map(str::to_owned),
            condition: None,
            printed: Vec::new(),
            nanoseconds: 1500,
        };
        vec![
            one("test_x", None),
            one("test_y", Some("does not hold")),
            one("test_z", Some("a<b & \"c\"")),
            one("todo_test_w", None),
        ]
    }

    #[test]
    fn programs_read_what_opa_prints() {
        insta::assert_snapshot!(json(None, &tested(), &[]));
        let mut coverage = Coverage::default();
        coverage
            .files
            .insert("a.rego".to_owned(), Lines { covered: [1, 2, 3, 7].into(), not_covered: [5].into() });
        insta::assert_snapshot!(json(Some(&coverage), &[], &[]));
    }

    #[test]
    fn build_servers_read_junit() {
        insta::assert_snapshot!(junit(&tested()));
    }
}

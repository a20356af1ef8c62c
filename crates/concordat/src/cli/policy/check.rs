//! `policy check`: everything that is wrong with a policy, found in a process of its own.

mod sarif;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use concordat_policy::finding::Level;
use concordat_policy::{Bundle, Finding, Inspection};

use super::super::caret::{excerpt, visible};
use super::super::exit::Exit;
use super::super::failure::Failure;
use super::super::session::Session;
use crate::bundle_signature::BundleSignature;
use crate::policies::{self, PoliciesError};
use crate::policy_worker::inspect;

#[derive(Debug, Args)]
pub(in super::super) struct Check {
    /// The folder, or the archive of a bundle; without it, the standard policy.
    path: Option<PathBuf>,
    #[command(flatten)]
    signature: BundleSignature,
    /// The form of what is found; without it, that of `--output`.
    #[arg(long)]
    format: Option<Format>,
    /// Let warnings fail too.
    #[arg(long)]
    strict: bool,
}

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Sentences with the lines that they are about.
    Human,
    /// The report as it is.
    Json,
    /// SARIF 2.1.0, for programs that show findings beside code.
    Sarif,
}

/// The files that a report is about, by the paths that it names.
type Files = Vec<(String, Vec<u8>)>;

pub(super) async fn run(session: &Session, command: &Check) -> Result<Exit, Failure> {
    let (report, files) = match &command.path {
        Some(path) => match policies::files_at(path, &command.signature.trusted().map_err(super::wrong)?) {
            Ok(files) => looked_at(files).await?,
            Err(PoliciesError::Archive(error)) => (Inspection::of(Finding::from(&error)), Files::new()),
            Err(error) => return Err(super::wrong(error)),
        },
        None => looked_at(standard()).await?,
    };
    let json = if session.output.is_json() { Format::Json } else { Format::Human };
    match command.format.unwrap_or(json) {
        Format::Human => session.output.data(&human(&report, &files)),
        Format::Json => session.output.data(&serde_json::to_string_pretty(&report).unwrap_or_default()),
        Format::Sarif => session.output.data(&sarif::of(&report, command.path.as_deref())),
    }
    let fine = report.passes() && (report.findings.is_empty() || !command.strict);
    Ok(if fine { Exit::Success } else { Exit::Negative })
}

fn standard() -> Files {
    Bundle::standard().files().map(|(path, text)| (path.to_owned(), text.into())).collect()
}

async fn looked_at(files: Files) -> Result<(Inspection, Files), Failure> {
    let report = match Bundle::from_files(files.iter().map(|(path, bytes)| (path, bytes))) {
        Ok(bundle) => {
            let program = std::env::current_exe().map_err(super::wrong)?;
            inspect(&program, &bundle.document()).await.map_err(super::wrong)?
        }
        Err(error) => Inspection::of(Finding::from(&error)),
    };
    Ok((report, files))
}

/// Every finding with the line that it is about, and what they come to.
fn human(report: &Inspection, files: &Files) -> String {
    let shown: String = report.findings.iter().map(|finding| one(finding, files) + "\n").collect();
    let count = |level| report.findings.iter().filter(|finding| finding.level == level).count();
    let sum = format!("{}, {}", piece(count(Level::Error), "error"), piece(count(Level::Warning), "warning"));
    match report.revision {
        Some(revision) => format!("{shown}{sum}; {revision}"),
        None => format!("{shown}{sum}"),
    }
}

fn piece(count: usize, what: &str) -> String {
    if count == 1 { format!("one {what}") } else { format!("{count} {what}s") }
}

fn one(finding: &Finding, files: &Files) -> String {
    let (level, code) = (finding.level.as_str(), finding.code.as_str());
    let mut shown = format!("{level}[{code}]: {}\n", visible(&finding.message));
    if !finding.file.is_empty() {
        let place = match finding.line {
            0 => String::new(),
            line => format!(":{line}:{}", finding.column),
        };
        shown.push_str(&format!("  --> {}{place}\n", visible(&finding.file)));
        let text = files.iter().find(|(path, _)| *path == finding.file);
        let text = text.map(|(_, bytes)| String::from_utf8_lossy(bytes)).unwrap_or_default();
        shown.extend(excerpt(&text, finding.line.into(), finding.column.into()));
    }
    shown.extend(finding.fix.iter().map(|fix| format!("  fix: {}\n", visible(fix))));
    shown
}

#[cfg(test)]
mod tests {
    use concordat_policy::check;

    use super::*;

    #[test]
    fn findings_are_shown_where_they_are() {
        let rego =
            "package concordat.admit\n\nhasty if not input.contract.governence.reversible\n\nodd := f(1)\n";
        let mut files = standard();
        files.push(("admit/hasty.rego".to_owned(), rego.into()));
        let bundle = Bundle::from_files(files.iter().map(|(path, bytes)| (path, bytes))).unwrap();
        let shown = human(&Inspection { revision: None, ..check(&bundle) }, &files);
        insta::assert_snapshot!(shown, @"
        error[unknown_input]: the input of `admit` has no `input.contract.governence`: it is undefined, and `not` of it is true
          --> admit/hasty.rego:3:29
            |
          3 | hasty if not input.contract.governence.reversible
            |                             ^
          fix: did you mean `governance`?

        error[unknown_function]: there is no function `f`
          --> admit/hasty.rego:5:8
            |
          5 | odd := f(1)
            |        ^

        2 errors, 0 warnings
        ");
    }
}

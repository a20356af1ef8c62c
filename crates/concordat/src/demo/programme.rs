//! What is shown, in which order: cases of the sample contracts, as they stand in `contracts/`.

use concordat_model::document::{self, Notation};
use concordat_model::problem::Problems;
use serde_json::Value;

use super::case::Case;
use super::play::submission;

/// One contract that is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// The folder in `contracts/`.
    pub folder: &'static str,
    /// What is sent.
    pub document: Value,
    /// What goes in, and what must come out.
    pub case: Case,
}

/// A case file of a folder.
macro_rules! case {
    ($folder:literal, $case:literal) => {
        ($folder, include_str!(concat!("../../../../contracts/", $folder, "/cases/", $case, ".yaml")))
    };
}

/// Folders and the text of the cases that are shown.
const CASES: [(&str, &str); 9] = [
    case!("medical-diagnosis", "both-images-agree"),
    case!("loan-approval", "good-applicant"),
    case!("loan-approval", "beyond-the-limit"),
    case!("content-creation", "article"),
    case!("research-report", "cited-report"),
    case!("enhancement-areas", "all-areas"),
    case!("bulk-export", "refused"),
    case!("warehouse-count", "nobody-offers-it"),
    case!("price-change", "approved"),
];

/// The one folder that holds a submission of its own.
const AREAS: (&str, &str) =
    ("enhancement-areas", include_str!("../../../../contracts/enhancement-areas/submission.yaml"));

/// Everything that is shown, in order.
///
/// # Errors
/// None: a test proves that the files compiled in can be read.
pub fn programme() -> Result<Vec<Scene>, Problems> {
    CASES.iter().map(|(folder, text)| scene(folder, text)).collect()
}

fn scene(folder: &'static str, text: &str) -> Result<Scene, Problems> {
    let case = Case::read(text.as_bytes())?;
    let document = if folder == AREAS.0 {
        document::read_value(AREAS.1.as_bytes(), Notation::Yaml)?
    } else {
        submission(folder, &case)
    };
    Ok(Scene { folder, document, case })
}

#[cfg(test)]
mod tests {
    use super::super::case::{Admission, Status};
    use super::*;

    #[test]
    fn the_programme_shows_every_kind_of_end() {
        let scenes = programme().unwrap();
        let ends: Vec<Option<Status>> = scenes.iter().map(|scene| scene.case.expect.status).collect();
        for wanted in [Status::Completed, Status::Undone, Status::Failed, Status::Denied] {
            assert!(ends.contains(&Some(wanted)), "{wanted:?}");
        }
        assert!(scenes.iter().any(|scene| scene.case.expect.admission == Some(Admission::Review)));
        assert!(
            scenes.iter().any(|scene| scene
                .case
                .expect
                .passed_over
                .keys()
                .any(|name| name.as_str() == "credit-express"))
        );
        assert!(scenes.iter().any(|scene| !scene.case.expect.contracts.is_empty()));
    }
}

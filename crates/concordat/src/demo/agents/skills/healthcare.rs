//! Images, findings, what to do next. Arithmetic on densities: a demonstration, and no medicine.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::books::Books;
use super::super::skill::{Failure, Skill};
use super::chance::{bytes, reference};
use super::prose::percent;

pub(super) fn skills() -> Vec<Skill> {
    let domain = "healthcare";
    let image = json!({"image": {"image_id": "scan-17", "region": "chest", "densities": [40, 52, 61, 230, 241, 70, 48, 66]}});
    let report = |region: &str, severity: u64| {
        let finding = json!({"code": "opacity", "region": region, "severity": severity});
        json!({"image_id": "scan-17", "findings": [finding]})
    };
    vec![
        Skill::new(domain, "analyze_xray", "Finds opacities in an X-ray image", image.clone(), analyze_xray),
        Skill::new(domain, "analyze_mri", "Finds bright runs in an MRI image", image, analyze_mri),
        Skill::new(
            domain,
            "generate_diagnosis",
            "Puts the findings of two images together",
            json!({"xray_results": report("chest", 25), "mri_results": report("chest", 40)}),
            generate_diagnosis,
        ),
        Skill::new(
            domain,
            "create_treatment_plan",
            "Proposes what to do next; a physician decides",
            json!({"diagnosis": {"code": "opacity", "severity": 40, "confidence": 80}}),
            create_treatment_plan,
        ),
    ]
}

/// An image, or only its name.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Image {
    Named(#[schemars(length(min = 1, max = 200))] String),
    Measured {
        #[schemars(length(min = 1, max = 200))]
        image_id: String,
        #[schemars(length(max = 100))]
        region: Option<String>,
        /// From 0 (dark) to 255 (bright), row by row.
        #[schemars(length(max = 65_536), inner(range(max = 255)))]
        densities: Option<Vec<u64>>,
    },
}

#[derive(Deserialize, JsonSchema)]
struct Analyze {
    image: Image,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Finding {
    code: String,
    region: String,
    /// From 0 to 100.
    #[schemars(range(max = 100))]
    severity: u64,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ImageReport {
    image_id: String,
    modality: &'static str,
    findings: Vec<Finding>,
    /// The mean density, 0 to 255.
    #[schemars(range(max = 255))]
    mean: u64,
    measured: usize,
}

/// Values from here on count as bright.
const BRIGHT: u64 = 200;

fn analyze_xray(asked: Analyze, _: &mut Books) -> Result<ImageReport, Failure> {
    let (image_id, region, densities) = asked.image.read();
    let bright = densities.iter().filter(|density| **density >= BRIGHT).count();
    Ok(report(image_id, "xray", &region, &densities, ("opacity", percent(bright, densities.len()))))
}

fn analyze_mri(asked: Analyze, _: &mut Books) -> Result<ImageReport, Failure> {
    let (image_id, region, densities) = asked.image.read();
    let longest = densities.split(|density| *density < BRIGHT).map(<[u64]>::len).max().unwrap_or_default();
    Ok(report(image_id, "mri", &region, &densities, ("lesion", percent(longest, densities.len()))))
}

impl Image {
    fn read(self) -> (String, String, Vec<u64>) {
        match self {
            Image::Named(name) => (name.clone(), "unknown".to_owned(), bytes(&name)),
            Image::Measured { image_id, region, densities } => {
                let densities =
                    densities.filter(|found| !found.is_empty()).unwrap_or_else(|| bytes(&image_id));
                (image_id, region.unwrap_or_else(|| "unknown".to_owned()), densities)
            }
        }
    }
}

/// A report; what takes less than a tenth of the image is no finding.
fn report(
    image_id: String,
    modality: &'static str,
    region: &str,
    densities: &[u64],
    (code, severity): (&str, u64),
) -> ImageReport {
    let count = u64::try_from(densities.len()).unwrap_or(u64::MAX);
    let mean = densities.iter().sum::<u64>().checked_div(count).unwrap_or_default();
    let finding = Finding { code: code.to_owned(), region: region.to_owned(), severity };
    let findings = if severity >= 10 { vec![finding] } else { vec![] };
    ImageReport { image_id, modality, findings, mean, measured: densities.len() }
}

#[derive(Deserialize, JsonSchema)]
struct Findings {
    #[schemars(length(max = 1000))]
    findings: Vec<Finding>,
}

#[derive(Deserialize, JsonSchema)]
struct Diagnose {
    xray_results: Findings,
    mri_results: Findings,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Diagnosis {
    /// The code of the gravest finding, or `unremarkable`.
    code: String,
    #[schemars(range(max = 100))]
    severity: u64,
    /// Higher when both images say the same region, 0 to 100.
    #[schemars(range(max = 100))]
    confidence: u64,
    supporting: Vec<Finding>,
}

fn generate_diagnosis(asked: Diagnose, _: &mut Books) -> Result<Diagnosis, Failure> {
    let both = asked
        .xray_results
        .findings
        .iter()
        .any(|one| asked.mri_results.findings.iter().any(|other| one.region == other.region));
    let supporting: Vec<Finding> =
        asked.xray_results.findings.into_iter().chain(asked.mri_results.findings).collect();
    let gravest = supporting.iter().max_by_key(|finding| finding.severity);
    let (code, severity) =
        gravest.map_or(("unremarkable".to_owned(), 0), |finding| (finding.code.clone(), finding.severity));
    let confidence = match (supporting.is_empty(), both) {
        (true, _) => 60,
        (false, false) => 55,
        (false, true) => 80,
    };
    Ok(Diagnosis { code, severity, confidence, supporting })
}

#[derive(Deserialize, JsonSchema)]
struct Diagnosed {
    #[schemars(length(min = 1, max = 200))]
    code: String,
    #[schemars(range(max = 100))]
    severity: u64,
    #[schemars(range(max = 100))]
    confidence: u64,
}

#[derive(Deserialize, JsonSchema)]
struct Plan {
    diagnosis: Diagnosed,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct TreatmentPlan {
    plan_id: String,
    actions: Vec<String>,
    follow_up_days: u64,
    /// Always true: no plan is carried out without one.
    requires_physician: bool,
}

fn create_treatment_plan(asked: Plan, _: &mut Books) -> Result<TreatmentPlan, Failure> {
    let Diagnosed { code, severity, confidence } = asked.diagnosis;
    let mut actions = vec![];
    if confidence < 70 {
        actions.push("take a second image".to_owned());
    }
    let follow_up_days = match severity {
        ..10 => 180,
        10..40 => 30,
        40.. => 3,
    };
    if severity >= 40 {
        actions.push(format!("see a specialist about {code}"));
    } else if severity >= 10 {
        actions.push(format!("watch {code}"));
    }
    let plan_id = reference("tp", &[&code, &severity.to_string(), &confidence.to_string()]);
    Ok(TreatmentPlan { plan_id, actions, follow_up_days, requires_physician: true })
}

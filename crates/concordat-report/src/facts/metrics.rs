//! The figures that a reader asks for first, taken from the sections that say where they come from.

use crate::report::{Basis, Figure, Section, Value};

/// Figure by figure: its name here, what it is called, and the figure that it is.
const FIRST: &[(&str, &str, Option<&str>)] = &[
    ("metrics.throughput", "Throughput: contracts processed", Some("contracts.throughput")),
    ("metrics.latency", "Latency: end to end", Some("contracts.latency")),
    ("metrics.success", "Success rate: contracts completed, of all that ended", Some("contracts.completed")),
    ("metrics.errors", "Error rate: steps that failed for good (categories under Work)", Some("work.failed")),
    (
        "metrics.compliance",
        "Policy compliance: steps sent with their permit in the log",
        Some("completeness.dispatches"),
    ),
    (
        "metrics.compliance_results",
        "Policy compliance: results used with their permit in the log",
        Some("completeness.releases"),
    ),
    (
        "metrics.agents",
        "Agent satisfaction: attempts seen to succeed, of all that moved trust",
        Some("trust.good"),
    ),
    ("metrics.users", "User satisfaction: ratings of outcomes", None),
    (
        "metrics.audit",
        "Audit completeness: steps sent that have an outcome in the log",
        Some("completeness.outcomes"),
    ),
    ("metrics.reliability", "Reliability: starts that were never stopped", Some("health.unclean")),
    ("metrics.resources", "Resource utilisation: processor and memory", None),
];

/// The section.
pub(super) fn section(sections: &[Section]) -> Section {
    let all = || sections.iter().flat_map(|section| &section.figures);
    let mut figures: Vec<Figure> = FIRST
        .iter()
        .map(|(id, label, same)| {
            let found = same.and_then(|same| all().find(|figure| figure.id == same));
            let none = Basis { rule: Some("no record says anything about it"), ..Basis::default() };
            Figure {
                id: (*id).to_owned(),
                label: (*label).to_owned(),
                value: found.map_or(Value::NoEvidence, |figure| figure.value.clone()),
                basis: found.map_or(none, |figure| figure.basis.clone()),
                missing: found.map(|figure| figure.missing.clone()).unwrap_or_default(),
            }
        })
        .collect();
    let costs = all().filter(|figure| figure.id.starts_with("contracts.cost"));
    figures.extend(
        costs.map(|figure| Figure {
            id: figure.id.replace("contracts.cost", "metrics.cost"),
            ..figure.clone()
        }),
    );
    Section {
        id: "metrics",
        title: "At a glance",
        about: "The figures that are asked for first. Each is explained, and can be followed to its records, in the \
                section that it comes from.",
        figures,
        charts: Vec::new(),
        tables: Vec::new(),
        ..Section::default()
    }
}

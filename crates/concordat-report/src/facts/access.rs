//! Who read the log, who took it away, and who may: reads, exports and keys.

use concordat_model::actor::actor;

use super::contracts::grouped;
use super::listed::{Listed, cut};
use crate::counts::Counts;
use crate::entry::Entry;
use crate::report::Section;

const READ: &str = "type=audit.read";
const EXPORTED: &str = "type=audit.exported";
const CREATED: &str = "type=key.created";
const REVOKED: &str = "type=key.revoked";
const ASKED: &str = "type=gate.decided data.decision.gate=access";
const REFUSED: &str = "type=gate.decided data.decision.gate=access data.decision.answer.kind=deny";

pub(super) const QUERIES: &[&str] = &[READ, EXPORTED, CREATED, REVOKED, ASKED, REFUSED];

pub(super) const GROUPS: &[(&str, &str, &[&str])] = &[
    ("access.by_role", CREATED, &["data.principal.roles"]),
    ("access.by_person", CREATED, &["data.principal.tenant", "data.principal.name"]),
];

/// Exports of the log, and the retention of what is in it.
#[derive(Debug, Default)]
pub(super) struct Reads {
    kept: Listed,
}

impl Reads {
    pub(super) fn note(&mut self, entry: &Entry<'_>) {
        let kind = entry.record.kind();
        let listed = ["audit.exported", "retention.", "erasure.", "legal_hold."];
        if listed.iter().any(|start| kind.starts_with(start)) {
            let by = actor(&entry.data).unwrap_or_default().to_owned();
            self.kept.push(entry, [kind.to_owned(), by, cut(entry.record.data_text())]);
        }
    }

    pub(super) fn section(&self, counts: &Counts) -> Section {
        let figures = vec![
            counts.part(
                "access.refused",
                "Requests that the access gate refused, of all it was asked about",
                REFUSED,
                ASKED,
            ),
            counts.figure("access.read", "Reads of the log", READ, ""),
            counts.figure("access.exported", "Exports of the log", EXPORTED, ""),
            counts.figure("access.keys_created", "Keys made", CREATED, ""),
            counts.figure("access.keys_revoked", "Keys taken back", REVOKED, ""),
        ];
        Section {
            id: "access",
            title: "Access, exports and retention",
            about: "Who was given keys with which roles, who read or exported the log, and what was pruned, erased or held.",
            figures,
            charts: Vec::new(),
            tables: vec![
                grouped(counts, "access.by_role", "Keys made, by role", vec!["role", "keys"], CREATED),
                grouped(
                    counts,
                    "access.by_person",
                    "Keys made, by person",
                    vec!["organisation", "name", "keys"],
                    CREATED,
                ),
                self.kept.table(
                    "access.kept",
                    "Exports, retention, erasure and holds",
                    &["what", "by", "data"],
                    "type=audit.exported|retention.*|erasure.*|legal_hold.*",
                    None,
                ),
            ],
            ..Section::default()
        }
    }
}

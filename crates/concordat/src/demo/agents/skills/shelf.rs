//! The library's shelf: a few statements, each with where it stands.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::prose::{overlap, terms};

/// A source and what it says.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(super) struct Source {
    /// Its reference on the shelf.
    pub(super) id: String,
    /// Its title.
    pub(super) title: String,
    /// What it says, in a sentence.
    pub(super) statement: String,
}

const SHELF: &[(&str, &str, &str)] = &[
    ("s1", "Solar power at home", "Solar panels on homes produce the most power around noon."),
    ("s2", "Solar power and storage", "Home batteries store solar power from noon for the evening."),
    ("s3", "Panels and heat", "Solar panels lose some of their power when they become hot."),
    ("s4", "Remote teams", "Remote teams write more down than teams that share an office."),
    ("s5", "Remote meetings", "Remote meetings with a written agenda end sooner."),
    ("s6", "Small models", "Small language models answer narrow questions at low cost."),
    ("s7", "Agents under policy", "Agents that work under a written policy are easier to audit."),
    ("s8", "Audit trails", "An audit trail that can be verified offline needs no trust in its keeper."),
    ("s9", "City cycling", "Protected cycle lanes bring more people to cycling in a city."),
    ("s10", "Cycling and health", "Cycling to work lowers the risk of heart disease."),
    ("s11", "Reading prices", "Clear prices with shipping included raise the trust of customers."),
    ("s12", "Posts and pictures", "Posts with pictures are shared more often than posts without."),
];

/// The sources that share the most words with `about`, at most five; without any in common, the first three.
pub(super) fn about(about: &str) -> Vec<Source> {
    let wanted = terms(about);
    let mut ranked: Vec<(u64, Source)> = SHELF
        .iter()
        .map(|(id, title, statement)| Source {
            id: (*id).to_owned(),
            title: (*title).to_owned(),
            statement: (*statement).to_owned(),
        })
        .map(|source| (overlap(&wanted, &terms(&format!("{} {}", source.title, source.statement))), source))
        .collect();
    // Stable, so equals stay in the shelf's order.
    ranked.sort_by_key(|(shared, _)| std::cmp::Reverse(*shared));
    let close: Vec<Source> =
        ranked.iter().filter(|(shared, _)| *shared > 0).take(5).map(|(_, source)| source.clone()).collect();
    if close.is_empty() { ranked.into_iter().take(3).map(|(_, source)| source).collect() } else { close }
}

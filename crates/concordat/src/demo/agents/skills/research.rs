//! Research: sources, what they have in common, a report, a review of it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::books::Books;
use super::super::skill::{Failure, Skill};
use super::prose::{Prose, percent, sentences, terms, undoubled, words};
use super::shelf::{self, Source};

pub(super) fn skills() -> Vec<Skill> {
    let domain = "research";
    let source = json!({"id": "s10", "title": "Cycling and health", "statement": "Cycling to work lowers the risk of heart disease."});
    vec![
        Skill::new(
            domain,
            "gather_sources",
            "Finds sources for a question",
            json!({"question": "Does cycling in a city improve health?"}),
            gather_sources,
        ),
        Skill::new(
            domain,
            "analyze_findings",
            "Says what sources have in common",
            json!({"question": "Does cycling improve health?", "sources": [source]}),
            analyze_findings,
        ),
        Skill::new(
            domain,
            "write_report",
            "Writes a report of findings",
            json!({"analysis": {"question": "Does cycling improve health?", "findings": ["Cycling lowers risk. [s10]"], "themes": ["cycling"]}}),
            write_report,
        ),
        Skill::new(
            domain,
            "review_report",
            "Reviews a report: does it cite, is it long enough, is it cleanly written?",
            json!({"report": {"text": "Cycling lowers the risk of heart disease. [s10]"}}),
            review_report,
        ),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct Question {
    #[schemars(length(min = 1, max = 1000))]
    question: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Gathered {
    question: String,
    sources: Vec<Source>,
}

fn gather_sources(asked: Question, _: &mut Books) -> Result<Gathered, Failure> {
    let sources = shelf::about(&asked.question);
    Ok(Gathered { question: asked.question, sources })
}

#[derive(Deserialize, JsonSchema)]
struct Analyze {
    #[schemars(length(max = 1000))]
    question: Option<String>,
    #[schemars(length(min = 1, max = 100))]
    sources: Vec<Source>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Analysis {
    question: String,
    /// Each source's statement with its reference.
    findings: Vec<String>,
    /// Words that more than one source uses, most common first, at most five.
    themes: Vec<String>,
    /// The share of sources that touch the first theme, 0 to 100.
    #[schemars(range(max = 100))]
    agreement: u64,
}

fn analyze_findings(asked: Analyze, _: &mut Books) -> Result<Analysis, Failure> {
    let mut used: BTreeMap<String, usize> = BTreeMap::new();
    for term in asked.sources.iter().flat_map(|source| terms(&source.statement)) {
        *used.entry(term).or_default() += 1;
    }
    let mut themes: Vec<(String, usize)> = used.into_iter().filter(|(_, count)| *count > 1).collect();
    themes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let agreement = themes.first().map_or(0, |(_, count)| percent(*count, asked.sources.len()));
    Ok(Analysis {
        question: asked.question.unwrap_or_else(|| "What do the sources say?".to_owned()),
        findings: asked
            .sources
            .iter()
            .map(|source| format!("{} [{}]", source.statement, source.id))
            .collect(),
        themes: themes.into_iter().take(5).map(|(theme, _)| theme).collect(),
        agreement,
    })
}

#[derive(Deserialize, JsonSchema)]
struct Analyzed {
    #[schemars(length(min = 1, max = 1000))]
    question: String,
    #[schemars(length(min = 1, max = 100))]
    findings: Vec<String>,
    #[schemars(length(max = 100))]
    themes: Vec<String>,
}

#[derive(Deserialize, JsonSchema)]
struct Write {
    analysis: Analyzed,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Report {
    title: String,
    text: String,
    words: usize,
}

fn write_report(asked: Write, _: &mut Books) -> Result<Report, Failure> {
    let Analyzed { question, findings, themes } = asked.analysis;
    let common = if themes.is_empty() {
        "The sources share no theme.".to_owned()
    } else {
        format!("The sources share these themes: {}.", themes.join(", "))
    };
    let text = format!("{common} {}", findings.join(" "));
    Ok(Report { title: question, words: words(&text).len(), text })
}

#[derive(Deserialize, JsonSchema)]
struct Review {
    report: Prose,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Reviewed {
    accepted: bool,
    remarks: Vec<String>,
    /// The number of distinct sources that the report cites.
    cited: usize,
}

fn review_report(asked: Review, _: &mut Books) -> Result<Reviewed, Failure> {
    let Review { report } = asked;
    let text = report.text();
    let mut cited: Vec<&str> = text
        .split('[')
        .skip(1)
        .filter_map(|rest| rest.split_once(']'))
        .map(|(reference, _)| reference)
        .collect();
    cited.sort_unstable();
    cited.dedup();
    let checks = [
        (cited.is_empty(), "it cites no source".to_owned()),
        (sentences(text).len() < 2, "it has fewer than two sentences".to_owned()),
        (!undoubled(text).1.is_empty(), format!("it doubles words: {}", undoubled(text).1.join(", "))),
    ];
    let remarks: Vec<String> =
        checks.into_iter().filter(|(found, _)| *found).map(|(_, remark)| remark).collect();
    Ok(Reviewed { accepted: remarks.is_empty(), remarks, cited: cited.len() })
}

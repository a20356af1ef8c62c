//! An article's way: look the topic up, write, check, edit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::books::Books;
use super::super::skill::{Failure, Skill};
use super::prose::{Prose, overlap, percent, sentences, terms, undoubled, words};
use super::shelf::{self, Source};

pub(super) fn skills() -> Vec<Skill> {
    let domain = "content";
    let source = json!({"id": "s1", "title": "Solar power at home", "statement": "Solar panels produce power around noon."});
    let text = "Solar panels produce power around noon. The the moon is made of cheese.";
    vec![
        Skill::new(
            domain,
            "research_topic",
            "Finds sources about a topic",
            json!({"topic": "solar power at home"}),
            research_topic,
        ),
        Skill::new(
            domain,
            "write_article",
            "Writes an article of what the sources say",
            json!({"research": {"topic": "solar power", "sources": [source]}, "style": "plain", "length": 200}),
            write_article,
        ),
        Skill::new(
            domain,
            "check_grammar",
            "Counts sentences, finds doubled words and sentences that are too long",
            json!({"text": text}),
            check_grammar,
        ),
        Skill::new(
            domain,
            "verify_facts",
            "Compares every sentence with what the sources say",
            json!({"text": text, "sources": [source]}),
            verify_facts,
        ),
        Skill::new(
            domain,
            "optimize_seo",
            "Counts keywords and proposes a description",
            json!({"text": text, "keywords": ["solar", "battery"]}),
            optimize_seo,
        ),
        Skill::new(
            domain,
            "final_edit",
            "Removes doubled words and what no source supports",
            json!({"content": text, "fact_report": {"unsupported": ["The the moon is made of cheese."]}}),
            final_edit,
        ),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct Topic {
    #[schemars(length(min = 1, max = 1000))]
    topic: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Research {
    topic: String,
    sources: Vec<Source>,
}

fn research_topic(asked: Topic, _: &mut Books) -> Result<Research, Failure> {
    let sources = shelf::about(&asked.topic);
    Ok(Research { topic: asked.topic, sources })
}

#[derive(Deserialize, JsonSchema)]
struct Researched {
    #[schemars(length(min = 1, max = 1000))]
    topic: String,
    #[schemars(length(min = 1, max = 100))]
    sources: Vec<Source>,
}

#[derive(Deserialize, JsonSchema)]
struct Write {
    research: Researched,
    /// `plain` or `list`.
    #[schemars(length(max = 100))]
    style: Option<String>,
    /// The most words.
    #[schemars(range(min = 1, max = 10_000))]
    #[serde(default = "usual_length")]
    length: usize,
}

fn usual_length() -> usize {
    400
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Article {
    title: String,
    text: String,
    words: usize,
    /// The references of the sources that were used.
    sources: Vec<String>,
}

fn write_article(asked: Write, _: &mut Books) -> Result<Article, Failure> {
    let Researched { topic, sources } = asked.research;
    let list = asked.style.as_deref() == Some("list");
    let mut text = String::new();
    let mut used = Vec::new();
    for source in sources {
        let line = if list { format!("- {}\n", source.statement) } else { format!("{} ", source.statement) };
        if words(&text).len() + words(&line).len() > asked.length {
            break;
        }
        text.push_str(&line);
        used.push(source.id);
    }
    let text = text.trim().to_owned();
    Ok(Article { title: format!("About {topic}"), words: words(&text).len(), text, sources: used })
}

#[derive(Deserialize, JsonSchema)]
struct Check {
    text: Prose,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct GrammarReport {
    sentences: usize,
    words: usize,
    doubled: Vec<String>,
    /// Sentences of more than thirty words.
    long_sentences: Vec<String>,
    /// The share of sentences without a remark, 0 to 100.
    #[schemars(range(max = 100))]
    score: u64,
}

fn check_grammar(asked: Check, _: &mut Books) -> Result<GrammarReport, Failure> {
    let Check { text } = asked;
    let text = text.text();
    let all = sentences(text);
    let long: Vec<String> =
        all.iter().filter(|sentence| words(sentence).len() > 30).map(ToString::to_string).collect();
    let faulty =
        all.iter().filter(|sentence| words(sentence).len() > 30 || !undoubled(sentence).1.is_empty()).count();
    Ok(GrammarReport {
        sentences: all.len(),
        words: words(text).len(),
        doubled: undoubled(text).1,
        long_sentences: long,
        score: percent(all.len() - faulty, all.len()),
    })
}

#[derive(Deserialize, JsonSchema)]
struct Verify {
    text: Prose,
    #[schemars(length(max = 100))]
    sources: Vec<Source>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct FactReport {
    claims: usize,
    supported: usize,
    /// The sentences of which no source says at least half.
    unsupported: Vec<String>,
}

fn verify_facts(asked: Verify, _: &mut Books) -> Result<FactReport, Failure> {
    let Verify { text, sources } = asked;
    let said: Vec<_> = sources.iter().map(|source| terms(&source.statement)).collect();
    let all = sentences(text.text());
    let unsupported: Vec<String> = all
        .iter()
        .filter(|claim| !said.iter().any(|statement| overlap(&terms(claim), statement) >= 50))
        .map(ToString::to_string)
        .collect();
    Ok(FactReport { claims: all.len(), supported: all.len() - unsupported.len(), unsupported })
}

#[derive(Deserialize, JsonSchema)]
struct Optimize {
    text: Prose,
    #[schemars(length(max = 100), inner(length(min = 1, max = 100)))]
    keywords: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
struct Keyword {
    keyword: String,
    count: usize,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct SeoReport {
    keywords: Vec<Keyword>,
    missing: Vec<String>,
    /// At most 155 characters, as search engines show them.
    description: String,
}

fn optimize_seo(asked: Optimize, _: &mut Books) -> Result<SeoReport, Failure> {
    let Optimize { text, keywords } = asked;
    let text = text.text();
    let lower = text.to_lowercase();
    let count = |keyword: &String| lower.matches(&keyword.to_lowercase()).count();
    let missing = keywords.iter().filter(|keyword| count(keyword) == 0).cloned().collect();
    let keywords = keywords.into_iter().map(|keyword| Keyword { count: count(&keyword), keyword }).collect();
    let first = sentences(text).first().copied().unwrap_or_default();
    Ok(SeoReport { keywords, missing, description: first.chars().take(155).collect() })
}

#[derive(Deserialize, JsonSchema)]
struct Unsupported {
    #[schemars(length(max = 1000))]
    unsupported: Vec<String>,
}

#[derive(Deserialize, JsonSchema)]
struct Edit {
    content: Prose,
    fact_report: Option<Unsupported>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Edited {
    text: String,
    /// What was changed, in the order of the text.
    changes: Vec<String>,
    words: usize,
    /// Whether anything is left to publish.
    publishable: bool,
}

fn final_edit(asked: Edit, _: &mut Books) -> Result<Edited, Failure> {
    let removed = asked.fact_report.map(|report| report.unsupported).unwrap_or_default();
    let (dropped, kept): (Vec<&str>, Vec<&str>) = sentences(asked.content.text())
        .into_iter()
        .partition(|sentence| removed.iter().any(|other| other == sentence));
    let (text, doubled) = undoubled(&kept.join(" "));
    let changes = dropped
        .iter()
        .map(|sentence| format!("removed, because no source supports it: {sentence}"))
        .chain(doubled.iter().map(|word| format!("removed a doubled `{word}`")))
        .collect();
    Ok(Edited { words: words(&text).len(), publishable: !text.is_empty(), text, changes })
}

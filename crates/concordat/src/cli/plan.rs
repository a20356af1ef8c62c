//! `plan`: what would happen to contracts, from the server or, with less to say, without one.

use concordat_model::document::{self, Notation};
use concordat_model::submission::{Submission, Submitted};
use concordat_server::api::contracts::{Plan as Planned, PlannedContract, PlannedStep};
use concordat_server::api::decisions::{AnswerKind, Classification};
use serde::Serialize;

use super::exit::Exit;
use super::failure::{Failure, in_documents, reasons, shown};
use super::output::{percent, word};
use super::session::Session;
use super::submit::What;
use super::wrap::Wrapped;
use crate::templates;

#[derive(Debug, clap::Args)]
pub(super) struct Plan {
    #[command(flatten)]
    what: What,

    /// Ask no server: check the documents, and order their steps. Classifier and policy are not asked.
    #[arg(long)]
    offline: bool,
}

pub(super) async fn run(session: &Session, plan: Plan) -> Result<Exit, Failure> {
    let wrapped = plan.what.read()?;
    if plan.offline {
        let planned = offline(&wrapped)?;
        session.output.show(&planned, |planned| {
            let blocks: Vec<String> = planned.iter().map(Offline::text).collect();
            blocks.join("\n")
        });
        return Ok(Exit::Success);
    }
    let client = session.client()?;
    let planned = client.plan(wrapped.body.clone(), wrapped.media_type).await;
    let planned = planned.map_err(|error| in_documents(error, &wrapped))?;
    session.output.show(&planned, |planned| online(session, planned));
    let denied = planned.contracts.iter().any(|one| one.decision.answer.kind == AnswerKind::Deny);
    Ok(if denied { Exit::Denied } else { Exit::Success })
}

fn online(session: &Session, planned: &Planned) -> String {
    let blocks: Vec<String> = planned.contracts.iter().map(|one| block(session, one)).collect();
    blocks.join("\n")
}

fn block(session: &Session, one: &PlannedContract) -> String {
    let version = one.version.as_ref().map_or_else(String::new, |version| format!("@{version}"));
    let answer = match one.decision.answer.kind {
        AnswerKind::Permit => "policy would admit it",
        AnswerKind::Review => "policy would ask a person first",
        AnswerKind::Deny => "policy would deny it",
    };
    let mut text = format!("{}  {}{version}\n", one.label, one.contract);
    text.push_str(&format!("  {}\n", classified(&one.classification)));
    text.push_str(&format!("  {answer}"));
    text.push_str(&reasons(&one.decision.answer.reasons).replace("\n  ", "\n    "));
    text.push_str(&format!("\n  {}\n", order(&one.levels)));
    let rows = one.steps.iter().map(|step| {
        let undone = step.compensate.clone().unwrap_or_default();
        let when = if step.when { "yes" } else { "" }.to_owned();
        [step.id.clone(), work(step), step.needs.join(", "), word(&step.effect), when, undone]
    });
    let table = session.output.table(["step", "work", "needs", "effect", "condition", "undone by"], rows);
    text.push_str(&indent(&table));
    text
}

/// What a step asks for: a skill, or what kind of work it is.
fn work(step: &PlannedStep) -> String {
    let work = step.skill.clone().unwrap_or_else(|| format!("({})", word(&step.kind)));
    if step.for_each { format!("{work}, each") } else { work }
}

fn classified(class: &Classification) -> String {
    match (&class.domain, &class.abstained) {
        (Some(domain), _) => format!("classified as {domain} ({})", percent(class.confidence.unwrap_or(0))),
        (None, because) => {
            format!("not classified: {}", because.as_deref().unwrap_or("the classifier abstained"))
        }
    }
}

fn order(levels: &[Vec<String>]) -> String {
    let levels: Vec<String> = levels.iter().map(|level| level.join(" + ")).collect();
    format!("in order: {}", levels.join(" → "))
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

/// What can be said of a contract without a server.
#[derive(Debug, Serialize)]
struct Offline {
    label: String,
    contract: String,
    digest: String,
    levels: Vec<Vec<String>>,
}

impl Offline {
    fn text(&self) -> String {
        let Offline { label, contract, digest, levels } = self;
        format!("{label}  {contract}\n  {digest}\n  {}\n", order(levels))
    }
}

fn offline(wrapped: &Wrapped) -> Result<Vec<Offline>, Failure> {
    let notation = if wrapped.media_type == "application/json" { Notation::Json } else { Notation::Yaml };
    let problems = |problems: concordat_model::problem::Problems| shown(wrapped, problems.all());
    let value = document::read_value(&wrapped.body, notation).map_err(problems)?;
    let templates = templates::standard().map_err(anyhow::Error::from)?;
    let submission = Submission::agree(value, &templates).map_err(problems)?;
    Ok(submission.contracts.into_iter().map(of).collect())
}

fn of(one: Submitted) -> Offline {
    let contract = one.contract;
    let name = |nth: &usize| contract.steps().get(*nth).map(|step| step.document.id.to_string());
    let levels =
        contract.plan().levels().iter().map(|level| level.iter().filter_map(name).collect()).collect();
    Offline {
        label: one.label.to_string(),
        contract: contract.document().metadata.name.to_string(),
        digest: contract.digest().to_string(),
        levels,
    }
}

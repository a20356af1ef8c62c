//! `review`: what policy will not decide alone and what contracts ask, answered by people who have seen it.

use clap::Subcommand;
use concordat_server::api::reviews::{About, AboutKind, Review as Question, ReviewAnswer, Verdict};
use serde_json::Value;

use super::caret::visible;
use super::contract;
use super::exit::Exit;
use super::failure::{Failure, reasons};
use super::session::Session;
use crate::client::Client;

#[derive(Debug, Subcommand)]
pub(super) enum Review {
    /// List the open reviews.
    List,
    /// Show exactly what is asked.
    Show {
        /// The review.
        review: String,
    },
    /// Say yes: policy is asked again with your answer as evidence. An agent that asks is told what you say.
    Approve(Approval),
    /// Say no.
    Reject(Answer),
}

#[derive(Debug, clap::Args)]
pub(super) struct Answer {
    /// The review.
    review: String,
    /// Why; it becomes part of the log.
    #[arg(long, value_name = "REASON")]
    reason: String,
    /// The digest that `review show` printed. Without it, you answer whatever is asked now.
    #[arg(long, value_name = "DIGEST")]
    payload: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Approval {
    #[command(flatten)]
    answer: Answer,
    /// What an agent that asks is to be told, as text. Never a secret.
    #[arg(long, value_name = "TEXT", conflicts_with = "answer_json")]
    answer_text: Option<String>,
    /// The same as data: one JSON document.
    #[arg(long, value_name = "JSON")]
    answer_json: Option<String>,
}

impl Approval {
    /// What an agent is to be told, if anything.
    fn told(&self) -> Result<Option<Value>, Failure> {
        match (&self.answer_text, &self.answer_json) {
            (Some(text), _) => Ok(Some(Value::from(text.as_str()))),
            (None, Some(json)) => serde_json::from_str(json).map(Some).map_err(|error| {
                Failure::Usage(format!(
                    "`--answer-json` is not JSON: {error}; for text there is `--answer-text`"
                ))
            }),
            (None, None) => Ok(None),
        }
    }
}

pub(super) async fn run(session: &Session, command: Review) -> Result<Exit, Failure> {
    let client = session.client()?;
    match command {
        Review::List => {
            let list = client.reviews().await?;
            session.output.show(&list, |list| table(session, &list.items));
            if list.items.is_empty() {
                session.output.say("nothing waits for a person");
            }
        }
        Review::Show { review } => {
            session.output.show(&find(&client, &review).await?, |one| text(session, one));
        }
        Review::Approve(approval) => {
            let told = approval.told()?;
            decide(session, &client, approval.answer, (Verdict::Approve, told)).await?;
        }
        Review::Reject(answer) => decide(session, &client, answer, (Verdict::Reject, None)).await?,
    }
    Ok(Exit::Success)
}

async fn find(client: &Client, review: &str) -> Result<Question, Failure> {
    let open = client.reviews().await?.items;
    open.into_iter().find(|one| one.id == review).ok_or_else(|| {
        Failure::NotFound(format!(
            "there is no open review `{}`: it may have been answered, or it lapsed",
            visible(review)
        ))
    })
}

async fn decide(
    session: &Session,
    client: &Client,
    answer: Answer,
    (verdict, told): (Verdict, Option<Value>),
) -> Result<(), Failure> {
    let payload = match answer.payload {
        Some(payload) => payload,
        None => find(client, &answer.review).await?.payload,
    };
    let body = ReviewAnswer { verdict, reason: answer.reason, payload, answer: told };
    let contract = client.decide(&answer.review, &body).await?;
    session.output.show(&contract, |one| contract::detail(session, one));
    Ok(())
}

fn table(session: &Session, reviews: &[Question]) -> String {
    let rows = reviews.iter().map(|one| {
        let first = one.reasons.first().map(|reason| reason.message.clone()).unwrap_or_default();
        [
            one.id.clone(),
            one.contract.clone(),
            about(&one.about),
            one.submitter.clone(),
            session.age(one.opened),
            session.age(one.expires),
            first,
        ]
    });
    session.output.table(["review", "contract", "about", "submitter", "age", "lapses", "why"], rows)
}

fn text(session: &Session, one: &Question) -> String {
    let shown = serde_json::to_string_pretty(&one.shown).unwrap_or_default();
    let mut text = format!("{}  {} of {} ({})\n", one.id, about(&one.about), visible(&one.contract), one.run);
    text.push_str(&format!(
        "  from {}, {} ago, lapses {}",
        one.submitter,
        session.age(one.opened),
        session.age(one.expires)
    ));
    text.push_str(&reasons(&one.reasons));
    if let Some(question) = one.shown.get("question").and_then(Value::as_str)
        && one.about.kind == AboutKind::Question
    {
        text.push_str(&format!("\n\n{}", visible(question)));
    }
    let (asked, told) = match one.about.kind {
        AboutKind::Asked => (
            "an agent asks; these are its words, and no instruction",
            " --answer-text … (or --answer-json …)",
        ),
        _ => ("you are asked to approve", ""),
    };
    text.push_str(&format!("\n\n{asked} ({}):\n{shown}\n", one.payload));
    text.push_str(&format!(
        "\nanswer with `review approve {} --payload {} --reason …{told}`, or `reject`\n",
        one.id, one.payload
    ));
    text
}

fn about(about: &About) -> String {
    let step = about.attempt.as_ref().map_or("", |attempt| attempt.step.as_str());
    match about.kind {
        AboutKind::Admission => "admission".to_owned(),
        AboutKind::Step => format!("step {step}"),
        AboutKind::Question => format!("question of step {step}"),
        AboutKind::Asked => format!("question of the agent of {step}"),
        AboutKind::Reconciliation => format!("unknown outcome of {step}"),
    }
}

//! `why`: explains a contract or a decision in words.

use concordat_server::api::why::{DecisionWhy, Why as Story};

use super::caret::visible;
use super::exit::Exit;
use super::failure::Failure;
use super::session::Session;

#[derive(Debug, clap::Args)]
pub(super) struct Why {
    /// A run (`run_…`) or a decision (`dec_…`).
    pub(super) id: String,
}

pub(super) async fn run(session: &Session, id: &str) -> Result<Exit, Failure> {
    let client = session.client()?;
    match id.split_once('_').map(|(kind, _)| kind) {
        Some("run") => session.output.show(&client.why(id).await?, |why| story(session, why)),
        Some("dec") => session.output.show(&client.why_decided(id).await?, decided),
        _ => {
            let words = format!("`{}` is neither a run (`run_…`) nor a decision (`dec_…`)", visible(id));
            return Err(Failure::Usage(words));
        }
    }
    Ok(Exit::Success)
}

fn story(session: &Session, why: &Story) -> String {
    let mut text = format!("{}\n", visible(&why.headline));
    for line in &why.lines {
        text.push_str(&format!("\n  {:>5} ago  {}", session.age(line.at), visible(&line.text)));
        if let Some(decision) = &line.decision {
            text.push_str(&format!(" [{}]", visible(decision)));
        }
    }
    if !why.waiting.is_empty() {
        text.push_str("\n\nnow waiting:");
        for one in &why.waiting {
            text.push_str(&format!("\n  {} for {}", visible(&one.step), visible(&one.awaited)));
        }
    }
    text
}

/// A decision in words.
fn decided(why: &DecisionWhy) -> String {
    let mut text = format!("{}\n", visible(&why.headline));
    for line in &why.lines {
        text.push_str(&format!("\n  {}", visible(line)));
    }
    if !why.because.is_empty() {
        text.push_str("\n\nin the policy:");
    }
    for one in &why.because {
        let (file, rule) = (visible(&one.file), visible(&one.rule));
        text.push_str(&format!("\n  {}  {file}:{}  {rule}", visible(&one.code), one.line));
    }
    text.push_str(&format!("\n\n{}  under {}", why.decision, why.policy));
    text
}

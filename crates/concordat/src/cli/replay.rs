//! `replay`: makes every decision about a contract again, and says whether they come out the same.

use concordat_server::api::contracts::Replay as Replayed;

use super::caret::visible;
use super::exit::Exit;
use super::failure::Failure;
use super::session::Session;

#[derive(Debug, clap::Args)]
pub(super) struct Replay {
    /// Its run.
    pub(super) run: String,
}

pub(super) async fn run(session: &Session, run: &str) -> Result<Exit, Failure> {
    let replayed = session.client()?.replay(run).await?;
    session.output.show(&replayed, text);
    Ok(exit(&replayed))
}

/// Same is yes; another outcome is no; what cannot be made again says nothing either way.
fn exit(replayed: &Replayed) -> Exit {
    match (replayed.different.is_empty(), replayed.not_replayable.is_empty()) {
        (false, _) => Exit::Negative,
        (true, false) => Exit::Unverifiable,
        (true, true) => Exit::Success,
    }
}

fn text(replayed: &Replayed) -> String {
    let Replayed { run, records, same, different, not_replayable } = replayed;
    let mut text = format!(
        "{}: {records} records; {} decisions came out the same, {} otherwise, {} cannot be made again here",
        visible(run),
        same.len(),
        different.len(),
        not_replayable.len(),
    );
    for (word, decisions) in [("otherwise", different), ("not made again", not_replayable)] {
        for decision in decisions {
            text.push_str(&format!("\n  {word}: {}", visible(decision)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whether_decisions_come_out_the_same_is_the_exit() {
        let replayed = |different: &[&str], not_replayable: &[&str]| Replayed {
            run: "run_1".to_owned(),
            records: 7,
            same: vec!["dec_1".to_owned()],
            different: different.iter().map(ToString::to_string).collect(),
            not_replayable: not_replayable.iter().map(ToString::to_string).collect(),
        };
        assert_eq!(exit(&replayed(&[], &[])), Exit::Success);
        assert_eq!(exit(&replayed(&[], &["dec_3"])), Exit::Unverifiable);
        let both = replayed(&["dec_2"], &["dec_3"]);
        assert_eq!(exit(&both), Exit::Negative);
        assert_eq!(
            text(&both),
            "run_1: 7 records; 1 decisions came out the same, 1 otherwise, 1 cannot be made again here\
             \n  otherwise: dec_2\n  not made again: dec_3"
        );
    }
}

//! Carries a case out: sends it, shows how it is getting on, answers for a second person, and collects what was seen.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use concordat_model::name::AgentName;
use concordat_model::run::event::Event;
use concordat_server::api::agents::AgentsQuery;
use concordat_server::api::contracts::{ContractDetail, EventsQuery};
use concordat_server::api::reviews::{ReviewAnswer, Verdict};
use serde_json::{Value, json};

use super::agents::{Manner, Mood};
use super::case::{self, Case};
use super::seen::{Seen, SeenRun};
use super::stage::{Stage, submit};
use super::stopwatch::Stopwatch;
use crate::client::ClientError;
use crate::progress::{Live, Progress, Told};

/// How long a case may take before something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often records are looked at.
const LOOK: Duration = Duration::from_millis(15);

/// A review that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewed {
    /// Who submitted the contract.
    pub submitter: &'static str,
    /// What they were told when they tried to answer themselves.
    pub submitter_was_told: String,
    /// Who answered.
    pub by: &'static str,
    /// The answer.
    pub verdict: Verdict,
}

/// A case that was carried out.
#[derive(Debug, Default)]
pub struct Played {
    /// What was seen.
    pub seen: Seen,
    /// The contracts as the API tells them in the end.
    pub details: Vec<ContractDetail>,
    /// The reviews that were answered.
    pub reviewed: Vec<Reviewed>,
    /// From sending to the moment when nothing moved any more.
    pub took: Duration,
}

/// A contract that is followed.
struct Followed {
    run: String,
    after: Option<u64>,
    events: Vec<(u64, Event)>,
    detail: ContractDetail,
}

/// The submission that carries a case out: a template with the case's input, or a submission as it stands.
#[must_use]
pub fn submission(template: &str, case: &Case) -> Value {
    json!({
        "apiVersion": "concordat/v1",
        "kind": "Submission",
        "contracts": [{"template": template, "input": case.input}],
    })
}

impl Stage {
    /// Carries a case out. `show` says whether its progress goes to standard error.
    ///
    /// # Errors
    /// The server does not answer, or nothing comes to an end.
    pub async fn play(&self, document: Value, case: &Case, show: bool) -> Result<Played> {
        let moods = self.dispose(&case.agents);
        let played = self.perform(document, case, show).await;
        self.restore(&moods);
        played
    }

    async fn perform(&self, document: Value, case: &Case, show: bool) -> Result<Played> {
        let begun = Stopwatch::start();
        let runs = match submit(&self.people.sam.client, document).await {
            Ok(runs) => runs,
            Err(error) => return refused(error),
        };
        let mut followed = Vec::with_capacity(runs.len());
        for run in runs {
            let detail = self.people.sam.client.contract(&run).await?;
            followed.push(Followed { run, after: None, events: Vec::new(), detail });
        }
        let mut live = show.then(|| Live::new(followed.iter().map(Followed::progress).collect()));
        let mut reviewed = Vec::new();
        let mut answers = case.reviews.iter();
        loop {
            let moved = self.look(&mut followed, live.as_mut()).await?;
            if !moved && settled(&followed) {
                match answers.next() {
                    Some(answer) => reviewed.push(self.answer(&followed, *answer).await?),
                    None => break,
                }
            }
            if begun.elapsed() > PATIENCE {
                bail!("`{}` did not come to an end within {} seconds", case.name, PATIENCE.as_secs());
            }
            if !moved {
                tokio::time::sleep(LOOK).await;
            }
        }
        let took = begun.elapsed();
        // Dropped and not finished, the view clears itself: what is told afterwards says the same.
        drop(live);
        let seen = Seen {
            problems: Vec::new(),
            runs: followed.iter().map(Followed::seen).collect(),
            agents: self.names().await?,
        };
        Ok(Played { seen, details: followed.into_iter().map(|one| one.detail).collect(), reviewed, took })
    }

    /// Takes in what happened since the last look; whether anything did.
    async fn look(&self, followed: &mut [Followed], mut live: Option<&mut Live>) -> Result<bool> {
        let client = &self.people.sam.client;
        let mut moved = false;
        for (nth, one) in followed.iter_mut().enumerate() {
            if one.detail.row.ended.is_some() && one.is_whole() {
                continue;
            }
            // The state is read before the records: what happens between the two is seen the next time.
            one.detail = client.contract(&one.run).await?;
            let query = EventsQuery { after: one.after, limit: Some(1000) };
            for record in client.events(&one.run, &query).await?.items {
                moved = true;
                one.after = Some(record.index);
                let data: Value = serde_json::from_str(record.data.get())?;
                let told = Told { kind: record.kind, time: record.time, data };
                if let Some(live) = live.as_deref_mut() {
                    live.tell(nth, &told);
                }
                let event =
                    told.event().with_context(|| format!("the record {} cannot be read", record.id))?;
                one.events.push((record.index, event));
            }
        }
        Ok(moved)
    }

    /// Answers the oldest open review of these contracts: the submitter tries first, and may not.
    async fn answer(&self, followed: &[Followed], answer: case::Verdict) -> Result<Reviewed> {
        let (sam, rita) = (&self.people.sam, &self.people.rita);
        let open = rita.client.reviews().await?.items;
        let ours = open.into_iter().find(|review| followed.iter().any(|one| one.run == review.run));
        let review = ours.context("no review is open, and the case answers one")?;
        let (verdict, reason) = match answer {
            case::Verdict::Approve => (Verdict::Approve, "Looked at it, and it is as agreed"),
            case::Verdict::Reject => (Verdict::Reject, "This is not what was agreed"),
        };
        let answer =
            ReviewAnswer { verdict, reason: reason.to_owned(), payload: review.payload, answer: None };
        let submitter_was_told = match sam.client.decide(&review.id, &answer).await {
            Ok(_) => bail!("{} answered the review of their own contract", sam.name),
            Err(ClientError::Refused(refused)) => refused.problem.detail,
            Err(other) => return Err(other.into()),
        };
        rita.client.decide(&review.id, &answer).await?;
        Ok(Reviewed { submitter: sam.name, submitter_was_told, by: rita.name, verdict })
    }

    async fn names(&self) -> Result<BTreeMap<String, String>> {
        let rows = self.people.ada.client.agents(&AgentsQuery::default()).await?.items;
        Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
    }

    /// Changes the agents' moods, and gives what they were.
    fn dispose(&self, manners: &BTreeMap<AgentName, Manner>) -> Vec<Mood> {
        let moods = self.agents.iter().map(super::agents::SampleAgent::mood).collect();
        for agent in &self.agents {
            let wanted = manners.iter().find(|(name, _)| name.as_str() == agent.profile().name);
            if let Some((_, manner)) = wanted {
                agent.set_mood(Mood::always(*manner));
            }
        }
        moods
    }

    fn restore(&self, moods: &[Mood]) {
        for (agent, mood) in self.agents.iter().zip(moods) {
            agent.set_mood(*mood);
        }
    }
}

impl Followed {
    fn progress(&self) -> Progress {
        Progress::new(&self.detail.row.label, self.detail.step_list.iter().map(|step| step.id.clone()))
    }

    /// Whether the last record has been read.
    fn is_whole(&self) -> bool {
        self.events.iter().any(|(_, event)| matches!(event, Event::Ended { .. }))
    }

    fn seen(&self) -> SeenRun {
        let row = &self.detail.row;
        SeenRun {
            run: self.run.clone(),
            label: row.label.clone(),
            status: row.status.clone(),
            domain: row.domain.clone(),
            output: self.detail.output.clone(),
            events: self.events.clone(),
        }
    }
}

/// Whether nothing moves any more without a person.
fn settled(followed: &[Followed]) -> bool {
    let ended = |run: &String| followed.iter().any(|one| one.run == *run && one.detail.row.ended.is_some());
    followed.iter().all(|one| match one.detail.row.status.as_str() {
        "in_review" => true,
        "waiting" => !one.detail.depends_on.iter().all(ended),
        _ => one.detail.row.ended.is_some(),
    })
}

/// What is seen of a document that is not taken in.
fn refused(error: anyhow::Error) -> Result<Played> {
    match error.downcast_ref::<ClientError>() {
        Some(ClientError::Refused(refused)) if refused.problem.status == 422 => {
            let problems = refused.problem.errors.iter().map(|one| one.code.clone()).collect();
            Ok(Played { seen: Seen { problems, ..Seen::default() }, ..Played::default() })
        }
        _ => Err(error),
    }
}

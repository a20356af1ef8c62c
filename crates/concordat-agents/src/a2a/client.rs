//! One order, from its message to the end of what the agent made of it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use concordat_engine::ports::Withdrawal;
use concordat_model::agent::{A2aAnswers, A2aVersion};
use concordat_model::work::RemoteTask;
use serde_json::Value;
use tokio::time::sleep_until;

use super::exchange::Line;
use super::push::Invitation;
use super::refusal::{Failure, Reason, Refusal};
use super::speech::{Answer, Ask, Interface, Order};
use super::task::{Heard, State, Task, TaskId, output, question, words};
use crate::http::{Deadline, Http, Malformed, Protocol, Trouble, Unknown, tame};

/// The longest time that is kept to cancel what is not done in time.
const RESERVE: Duration = Duration::from_secs(2);
/// The pause before a task is asked for the first time.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// How long a task may look as if it had not heard what it was told. It may ask the same again after that.
const GRACE: Duration = Duration::from_secs(2);
/// The largest question, in bytes of JSON.
const MOST_QUESTION: usize = 16 * 1024;
/// The longest pause between two questions about a task.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// The same of an agent that calls us: for calls that are lost.
const CALLED_PAUSES: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(30));

/// How an order ended.
#[derive(Debug)]
pub(super) enum Ending {
    /// The work is done, and this is the result.
    Done(Value),
    /// The task stands still without a result, with what the agent says about that.
    Stopped { state: State, said: String },
    /// The time was over, and the agent confirms that it stopped.
    Withdrawn { within: Duration },
    /// Nobody wanted the work any longer, and the agent confirms that it stopped.
    CalledOff,
    /// The agent refused the message.
    Refused(Refusal),
    /// No answer that can be read.
    Trouble(Trouble),
    /// The agent took the work, and what became of it is not known.
    Lost { why: String },
    /// The agent asks something before it goes on.
    Asked(Inquiry),
    /// What the agent asks is larger than anybody reads.
    AskedTooMuch,
}

/// What an agent asks.
#[derive(Debug)]
pub(super) struct Inquiry {
    pub(super) question: Value,
    pub(super) task: RemoteTask,
}

/// What became of a context.
#[derive(Debug)]
pub(super) enum Traced {
    /// Its one task, done.
    Done(Value),
    /// Its one task came to nothing.
    NotDone,
    /// Its one task waits for an answer.
    Asked(Inquiry),
    /// Nothing that answers the question.
    Unknown { why: String },
}

/// Speaks A2A with agents.
#[derive(Debug)]
pub(crate) struct A2aClient {
    http: Arc<Http>,
}

impl A2aClient {
    /// A client that shares its connections with others.
    pub(crate) fn over(http: Arc<Http>) -> A2aClient {
        A2aClient { http }
    }

    /// Has an order carried out, and says what is known at its end. Returns within the order's deadline.
    pub(super) async fn carry_out(&self, at: &Interface, order: &Order) -> Ending {
        let whole = Deadline::of(order.deadline);
        let line = Line::new(&self.http, at, &order.decision);
        let known = order.answer.as_ref().map(|answer| (answer, Deadline::of(GRACE)));
        let (within, push) = (whole.less(RESERVE), order.push.as_deref());
        let talk = Talk { line, at, within, context: &order.context, known, push };
        match talk.begin(order).await {
            Ok(Heard::Message(parts)) => done(output(vec![parts])),
            Ok(Heard::Task(task)) if talk.is_another(&task) => talk.give_it_up(another_task(), whole).await,
            Ok(Heard::Task(task)) => talk.to_its_end(task, whole).await,
            Err(Failure::Refused(refusal)) => Ending::Refused(refusal),
            Err(Failure::Trouble(Trouble::Unknown(lost))) => talk.take_up(order, whole, lost).await,
            Err(Failure::Trouble(Trouble::Malformed(why))) => talk.give_it_up(why, whole).await,
            Err(Failure::Trouble(trouble)) => Ending::Trouble(trouble),
        }
    }

    /// The same until nobody wants the work any longer. Then the agent is told to stop, and what it brings in the end
    /// counts, whatever that is: one that does not stop is waited for as before.
    pub(super) async fn carry_out_until(
        &self,
        at: &Interface,
        order: &Order,
        mut withdrawal: Withdrawal,
    ) -> Ending {
        let mut work = std::pin::pin!(self.carry_out(at, order));
        tokio::select! {
            biased;
            ending = &mut work => return ending,
            () = withdrawal.ordered() => {}
        }
        let told = async {
            self.call_off(at, order).await;
            std::future::pending::<Infallible>().await
        };
        tokio::select! {
            biased;
            ending = &mut work => match ending {
                Ending::Stopped { state: State::Canceled, .. } => Ending::CalledOff,
                other => other,
            },
            never = told => match never {},
        }
    }

    /// Looks for the task of an order until it is found, and tells its agent to stop. 0.3 has nothing to look by.
    async fn call_off(&self, at: &Interface, order: &Order) {
        if at.version == A2aVersion::V03 && order.answer.is_none() {
            return;
        }
        let id = format!("{}/off", order.decision);
        let known = order.answer.as_ref().map(|answer| (answer, Deadline::of(GRACE)));
        let (line, within) = (Line::new(&self.http, at, &id), Deadline::of(order.deadline));
        let talk = Talk { line, at, within, context: &order.context, known, push: None };
        let mut pause = FIRST_PAUSE;
        loop {
            let found = talk.find(talk.within).await;
            if let Ok(Some(task)) = found {
                let told = talk.line.task(Ask::Cancel { task: &task.id }, talk.within).await;
                // One that refuses will not change its mind; one that was not reached is told again.
                if matches!(told, Ok(_) | Err(Failure::Refused(_))) {
                    return;
                }
            }
            sleep_until(talk.within.or_after(pause)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Tells an agent that it need not wait any longer for an answer.
    pub(super) async fn dismiss(&self, at: &Interface, task: &TaskId, id: &str) {
        let line = Line::new(&self.http, at, id);
        // Whether it hears that or not, nobody waits for its work.
        drop(line.task(Ask::Cancel { task }, Deadline::of(RESERVE)).await);
    }

    /// Looks for the task of a context, and waits for its end. Nothing is begun or stopped by that.
    pub(super) async fn trace(&self, at: &Interface, sought: &Sought<'_>, within: Duration) -> Traced {
        let (line, within) = (Line::new(&self.http, at, sought.id), Deadline::of(within));
        let known = sought.answer.map(|answer| (answer, Deadline::of(GRACE)));
        let talk = Talk { line, at, within, context: sought.context, known, push: None };
        let unknown = |why: &str| Traced::Unknown { why: why.to_owned() };
        let task = match talk.find(talk.within).await {
            Ok(Some(task)) => task,
            Ok(None) => return unknown("the agent has no task of ours to show, or shows more than one"),
            Err(failure) => return Traced::Unknown { why: shown(&failure) },
        };
        let Ok(task) = talk.follow(task).await else {
            return unknown("the agent has the task, and does not say how it ended");
        };
        match task.status.state {
            State::Completed => match task.output() {
                Some(value) => Traced::Done(value),
                None => unknown("the agent did the task, and its result is a file, which is not read"),
            },
            State::Failed | State::Canceled | State::Rejected => Traced::NotDone,
            State::InputRequired => match talk.inquiry(task) {
                Some(inquiry) => Traced::Asked(inquiry),
                None => unknown("the agent asks more than anybody reads before it goes on"),
            },
            State::AuthRequired => unknown("the agent waits for credentials before it goes on"),
            State::Submitted | State::Working => unknown("the agent is still at work"),
        }
    }
}

/// What is looked for at an agent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sought<'a> {
    pub(crate) context: &'a str,
    /// What our questions are called.
    pub(crate) id: &'a str,
    /// What the task was told last, when the agent has named it.
    pub(crate) answer: Option<&'a Answer>,
}

/// A conversation about one order.
struct Talk<'a> {
    line: Line<'a>,
    at: &'a Interface,
    /// Until when an end is waited for.
    within: Deadline,
    context: &'a str,
    /// What the agent's task is told, and until when it may look as if it had not heard that.
    known: Option<(&'a Answer, Deadline)>,
    /// How the agent calls us when something has happened.
    push: Option<&'a Invitation>,
}

/// Why a task was not followed to its end.
enum Unfinished {
    /// The time was over.
    Late(TaskId),
    /// The agent spoke nonsense about a task, which may be at work for all that can be told.
    Malformed { task: TaskId, at_work: bool, why: Malformed },
    /// The agent does not know the task any more, or refuses to speak of it.
    Forgotten(String),
}

impl Talk<'_> {
    /// Says the order, once, and takes in the first answer.
    async fn begin(&self, order: &Order) -> Result<Heard, Failure> {
        match self.at.answers {
            A2aAnswers::Blocking => self.line.send(Ask::Send { order, at_once: false }, self.within).await,
            A2aAnswers::Polling | A2aAnswers::Pushing => {
                self.line.send(Ask::Send { order, at_once: true }, self.within).await
            }
            A2aAnswers::Streaming => {
                let known = self.known.map(|(answer, _)| answer.known());
                let heard = self.line.stream(Ask::Stream { order }, known, self.within).await?;
                Ok(self.whole(heard).await)
            }
        }
    }

    /// The first and the longest pause between two questions: an agent that calls us is seldom asked besides.
    fn pauses(&self) -> (Duration, Duration) {
        match self.push {
            Some(_) => CALLED_PAUSES,
            None => (FIRST_PAUSE, LONGEST_PAUSE),
        }
    }

    /// Rests until the next question, or until the agent calls.
    async fn rest(&self, pause: Duration) {
        let called = async {
            match self.push {
                Some(push) => push.rung().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = called => {}
            () = sleep_until(self.within.or_after(pause)) => {}
        }
    }

    /// A stream about a task that had begun tells of nothing that was brought before, so that the task is asked for.
    async fn whole(&self, heard: Heard) -> Heard {
        let Heard::Task(task) = heard else { return heard };
        if self.known.is_none() || !task.is_done() {
            return Heard::Task(task);
        }
        match self.line.task(Ask::Get { task: &task.id }, self.within).await {
            Ok(now) if now.id == task.id && now.is_done() => Heard::Task(now),
            Ok(_) | Err(_) => Heard::Task(task),
        }
    }

    /// Whether this is another task than the one that was told something.
    fn is_another(&self, task: &Task) -> bool {
        self.known.is_some_and(|(answer, _)| answer.task != task.id)
    }

    /// Whether the task does nothing more by itself, for all that can be seen.
    fn stands_still(&self, task: &Task) -> bool {
        let stale = |(answer, grace): (&Answer, Deadline)| !grace.is_over() && answer.known().is_stale(task);
        task.is_over() && !self.known.is_some_and(stale)
    }

    /// What the task asks, unless that is larger than anybody reads.
    fn inquiry(&self, task: Task) -> Option<Inquiry> {
        let asked = task.status.message.map(|id| id.as_str().to_owned());
        let question = question(task.status.said);
        if question.to_string().len() > MOST_QUESTION {
            return None;
        }
        let context = task.context.map_or_else(|| self.context.to_owned(), |id| id.as_str().to_owned());
        let task = RemoteTask { id: task.id.as_str().to_owned(), context, asked };
        Some(Inquiry { question, task })
    }

    async fn to_its_end(&self, task: Task, whole: Deadline) -> Ending {
        match self.follow(task).await {
            Ok(task) => self.settled(task, whole).await,
            Err(Unfinished::Late(task)) => self.give_up(&task, whole).await,
            Err(Unfinished::Malformed { task, at_work, why }) => {
                if at_work {
                    self.cancel(&task, whole).await;
                }
                Ending::Trouble(why.into())
            }
            Err(Unfinished::Forgotten(why)) => Ending::Lost { why },
        }
    }

    /// Asks about the task until it stands still. A question that fails on its way is asked again: it has no effect.
    async fn follow(&self, mut task: Task) -> Result<Task, Unfinished> {
        let (mut pause, longest) = self.pauses();
        while !self.stands_still(&task) {
            self.rest(pause).await;
            if self.within.is_over() {
                return Err(Unfinished::Late(task.id));
            }
            pause = (pause * 2).min(longest);
            match self.line.task(Ask::Get { task: &task.id }, self.within).await {
                Ok(now) if now.id == task.id => task = now,
                Ok(_) => {
                    return Err(Unfinished::Malformed { task: task.id, at_work: true, why: another_task() });
                }
                Err(Failure::Trouble(Trouble::Malformed(why))) => {
                    return Err(Unfinished::Malformed { task: task.id, at_work: true, why });
                }
                Err(Failure::Trouble(Trouble::NotSent(_) | Trouble::Unknown(_))) => {}
                Err(Failure::Refused(refusal)) => match refusal.reason {
                    Reason::Busy => pause = refusal.retry_after.unwrap_or(pause).max(pause),
                    _ => return Err(Unfinished::Forgotten(forgotten(&task.id, &refusal))),
                },
            }
        }
        match task.odd {
            None => Ok(task),
            Some(why) => {
                let at_work = !task.status.state.has_ended();
                Err(Unfinished::Malformed { task: task.id, at_work, why })
            }
        }
    }

    /// The agent spoke nonsense when it was told something: if that was about a task that it had named, nobody waits for
    /// that task any longer.
    async fn give_it_up(&self, why: Malformed, whole: Deadline) -> Ending {
        if let Some((answer, _)) = self.known {
            self.cancel(&answer.task, whole).await;
        }
        Ending::Trouble(why.into())
    }

    /// Tells the agent to stop work that has ended for us. That only spares it the work: whether it hears it or not, it
    /// changes nothing here.
    async fn cancel(&self, task: &TaskId, whole: Deadline) {
        drop(self.line.task(Ask::Cancel { task }, whole.at_most(RESERVE)).await);
    }

    /// What a task that stands still comes to. One that waits for credentials is told that nobody will come.
    async fn settled(&self, task: Task, whole: Deadline) -> Ending {
        let state = task.status.state;
        match state {
            State::Completed => done(task.output()),
            State::InputRequired => {
                let id = task.id.clone();
                let Some(inquiry) = self.inquiry(task) else {
                    self.cancel(&id, whole).await;
                    return Ending::AskedTooMuch;
                };
                Ending::Asked(inquiry)
            }
            State::AuthRequired => {
                let said = words(&task.status.said);
                self.cancel(&task.id, whole).await;
                self.stopped(state, &said)
            }
            State::Failed | State::Canceled | State::Rejected | State::Submitted | State::Working => {
                self.stopped(state, &words(&task.status.said))
            }
        }
    }

    fn stopped(&self, state: State, said: &str) -> Ending {
        Ending::Stopped { state, said: tame(said, self.line.limits().message) }
    }

    /// The time is over: the agent is asked to stop, and what it says counts.
    async fn give_up(&self, task: &TaskId, whole: Deadline) -> Ending {
        let within = self.within.whole;
        match self.line.task(Ask::Cancel { task }, whole).await {
            Ok(now) if now.id != *task => Ending::Trouble(another_task().into()),
            Ok(Task { odd: Some(why), .. }) => self.unconfirmed(&why.to_string()),
            Ok(now) => match now.status.state {
                State::Canceled => Ending::Withdrawn { within },
                State::Completed => done(now.output()),
                State::Failed | State::Rejected => self.stopped(now.status.state, &words(&now.status.said)),
                State::Submitted | State::Working | State::InputRequired | State::AuthRequired => {
                    Ending::Lost {
                        why: format!("the agent did not finish within {within:?}, and does not stop"),
                    }
                }
            },
            Err(failure) => self.unconfirmed(&shown(&failure)),
        }
    }

    fn unconfirmed(&self, said: &str) -> Ending {
        let within = self.within.whole;
        let why =
            format!("the agent did not finish within {within:?}, and does not confirm that it stops: {said}");
        Ending::Lost { why }
    }

    /// The message may have arrived, and no answer has named a task: it is looked for, and taken up from there.
    async fn take_up(&self, order: &Order, whole: Deadline, lost: Unknown) -> Ending {
        if self.at.version == A2aVersion::V03 && order.answer.is_none() {
            return Ending::Trouble(lost.into());
        }
        let late = self.within.is_over();
        match self.find(if late { whole } else { self.within }).await {
            Ok(Some(task)) if late && !task.status.state.is_settled() => self.give_up(&task.id, whole).await,
            Ok(Some(task)) => self.to_its_end(task, whole).await,
            Ok(None) | Err(_) => Ending::Trouble(lost.into()),
        }
    }

    /// The task that the agent has named, or the one task of the context: with two, nobody could say which is meant.
    async fn find(&self, within: Deadline) -> Result<Option<Task>, Failure> {
        if let Some((answer, _)) = self.known {
            let task = self.line.task(Ask::Get { task: &answer.task }, within).await?;
            return Ok(Some(task).filter(|task| task.id == answer.task));
        }
        let mut tasks = self.line.tasks(self.context, within).await?;
        let last = tasks.pop();
        Ok(last.filter(|_| tasks.is_empty()))
    }
}

fn done(output: Option<Value>) -> Ending {
    match output {
        Some(value) => Ending::Done(value),
        None => {
            let why = "the result is a file, which is not read; hint: agents give results as data or text";
            Ending::Trouble(Protocol::A2a.wrong(why).into())
        }
    }
}

fn another_task() -> Malformed {
    Protocol::A2a.wrong("it is about another task than was asked for")
}

fn forgotten(task: &TaskId, refusal: &Refusal) -> String {
    format!("the agent took the work as task `{}`, and now says: {}", task.as_str(), refusal.message)
}

fn shown(failure: &Failure) -> String {
    match failure {
        Failure::Trouble(trouble) => trouble.to_string(),
        Failure::Refused(refusal) => format!("the agent says: {}", refusal.message),
    }
}

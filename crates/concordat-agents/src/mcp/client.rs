//! One order, from the question which revision a server speaks to the end of the call.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use concordat_engine::ports::Withdrawal;

use super::exchange::{Answer, Failure, Line, Refusal};
use super::hearing::{self, Heard};
use super::speech::{Ask, Manner, Notice, Order};
use crate::egress::Endpoint;
use crate::http::{Deadline, Http, Protocol, Trouble, Unknown};

/// The longest time that is kept to cancel a call and to leave a session.
const RESERVE: Duration = Duration::from_secs(1);
/// The most servers whose revision is remembered.
const MOST_KNOWN: usize = 1024;
/// The code by which a server says that it does not speak our revision.
pub(super) const VERSION: i64 = -32022;

/// How an order ended.
#[derive(Debug)]
pub(super) enum Ending {
    /// The server answered the call.
    Heard(Heard),
    /// The server refused the call.
    Refused(Refusal),
    /// No answer to the call that can be read.
    Trouble(Trouble),
    /// Nobody wanted the work any longer. The server was told, and whether it stopped is not known.
    CalledOff,
    /// The call was not sent, because nobody wanted the work any longer by then.
    NotAsked,
    /// The call was not sent, because what comes before it failed.
    NotBegun(Failure),
    /// The call was not sent, because the server agrees to none of our revisions.
    OtherVersion,
}

/// Calls tools of MCP servers.
#[derive(Debug)]
pub(crate) struct McpClient {
    http: Arc<Http>,
    /// Whether a server speaks the revision without a handshake, by its address.
    stateless: Mutex<HashMap<String, bool>>,
}

/// Why a server is not ready for a call.
pub(super) enum NotReady {
    Failure(Failure),
    OtherVersion,
}

impl From<Failure> for NotReady {
    fn from(failure: Failure) -> NotReady {
        NotReady::Failure(failure)
    }
}

impl McpClient {
    /// A client that shares its connections with others.
    pub(crate) fn over(http: Arc<Http>) -> McpClient {
        McpClient { http, stateless: Mutex::default() }
    }

    pub(super) fn line<'a>(&'a self, at: &'a Endpoint, prefix: &'a str) -> Line<'a> {
        Line::new(&self.http, at, prefix)
    }

    /// Has an order carried out, and says what is known at its end, or once nobody wants it any longer.
    /// Returns within the order's deadline.
    pub(super) async fn carry_out(&self, at: &Endpoint, order: &Order, mut withdrawal: Withdrawal) -> Ending {
        let whole = Deadline::of(order.deadline);
        let line = self.line(at, &order.decision);
        let within = whole.less(RESERVE);
        let ready = tokio::select! {
            biased;
            () = withdrawal.ordered() => return Ending::NotAsked,
            ready = self.ready(&line, within) => ready,
        };
        let manner = match ready {
            Ok(manner) => manner,
            Err(NotReady::Failure(failure)) => return Ending::NotBegun(failure),
            Err(NotReady::OtherVersion) => return Ending::OtherVersion,
        };
        let id = line.next_id();
        let answer = tokio::select! {
            biased;
            answer = line.ask(Ask::Call { order }, &manner, within) => answer,
            // The end of the connection tells a server without sessions that nobody waits any longer.
            () = withdrawal.ordered() => {
                self.cancel(&line, &manner, &id, whole).await;
                return Ending::CalledOff;
            }
        };
        self.tidy_up(&line, &manner, &id, &answer, whole).await;
        match answer.map(|answer| hearing::heard(answer.value)) {
            Ok(Ok(heard)) => Ending::Heard(heard),
            Ok(Err(why)) => Ending::Trouble(why.into()),
            Err(Failure::Refused(refusal)) => Ending::Refused(refusal),
            Err(Failure::Trouble(trouble)) => Ending::Trouble(trouble),
        }
    }

    /// Finds out how to speak to a server, and begins a session where it wants one.
    pub(super) async fn ready(&self, line: &Line<'_>, within: Deadline) -> Result<Manner, NotReady> {
        let known = self.stateless().get(line.at.url().as_str()).copied();
        let stateless = match known {
            Some(stateless) => stateless,
            None => self.discover(line, within).await?,
        };
        if stateless {
            return Ok(Manner::Stateless);
        }
        let first = Manner::Session { version: super::speech::WITH_SESSIONS[0], id: None };
        let Answer { value, session } = line.ask(Ask::Initialize, &first, within).await?;
        let version = hearing::agreed(&value).map_err(Failure::from)?;
        let manner = Manner::Session { version: version.ok_or(NotReady::OtherVersion)?, id: session };
        line.tell(Notice::Initialized, &manner, within).await;
        Ok(manner)
    }

    /// Asks which revisions a server speaks: a question without effect, so that no work is sent to find out. One that
    /// does not understand the question is an older one.
    async fn discover(&self, line: &Line<'_>, within: Deadline) -> Result<bool, Failure> {
        let stateless = match line.ask(Ask::Discover, &Manner::Stateless, within).await {
            Ok(answer) => hearing::is_stateless(&answer.value),
            Err(Failure::Refused(refusal)) if refusal.busy || matches!(refusal.status, 401 | 403) => {
                return Err(Failure::Refused(refusal));
            }
            Err(Failure::Refused(_)) => false,
            Err(Failure::Trouble(trouble)) => return Err(Failure::Trouble(trouble)),
        };
        let mut known = self.stateless();
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(line.at.url().to_string(), stateless);
        Ok(stateless)
    }

    /// Forgets what was known of a server that does not hold any more, and ends what was begun with it.
    async fn tidy_up(
        &self,
        line: &Line<'_>,
        manner: &Manner,
        id: &str,
        answer: &Result<Answer, Failure>,
        whole: Deadline,
    ) {
        if let Err(Failure::Refused(Refusal { code: None | Some(VERSION), busy: false, .. })) = answer {
            // It may speak another revision by now.
            self.stateless().remove(line.at.url().as_str());
        }
        match answer {
            Err(Failure::Trouble(Trouble::Unknown(Unknown::Late { .. }))) => {
                self.cancel(line, manner, id, whole).await;
            }
            _ => line.leave(manner, whole.at_most(RESERVE / 2)).await,
        }
    }

    /// Tells a server that keeps a session that nobody waits any longer, and leaves the session.
    async fn cancel(&self, line: &Line<'_>, manner: &Manner, id: &str, whole: Deadline) {
        if let Manner::Session { .. } = manner {
            line.tell(Notice::Cancelled { id }, manner, whole.at_most(RESERVE / 2)).await;
            line.leave(manner, whole.at_most(RESERVE / 2)).await;
        }
    }

    fn stateless(&self) -> std::sync::MutexGuard<'_, HashMap<String, bool>> {
        self.stateless.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that a server lists, page by page.
    pub(super) async fn tools(
        &self,
        line: &Line<'_>,
        manner: &Manner,
        within: Deadline,
        most_pages: usize,
    ) -> Result<Vec<hearing::Tool>, Failure> {
        let (mut tools, mut cursor) = (Vec::new(), None::<String>);
        for _ in 0..most_pages {
            let ask = Ask::Tools { cursor: cursor.as_deref() };
            let (page, next) = hearing::tools(line.ask(ask, manner, within).await?.value)?;
            tools.extend(page);
            cursor = next;
            if cursor.is_none() {
                return Ok(tools);
            }
        }
        Err(Protocol::Mcp.wrong(format!("it lists its tools on more than {most_pages} pages")).into())
    }
}

//! Why an exchange brought no reply that can be read, and what is known nevertheless.

use std::time::Duration;

use super::protocol::Protocol;
use crate::egress::Forbidden;

/// How an exchange failed. Only [`Trouble::NotSent`] says that the agent did nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The agent got the request and replied with something that is not an answer.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The request certainly did not reach the agent.
    #[error(transparent)]
    NotSent(#[from] NotSent),
    /// The request may have reached the agent, and its answer did not reach us.
    #[error(transparent)]
    Unknown(#[from] Unknown),
}

/// Why a reply is not an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The bytes are not HTTP, or its framing is broken.
    #[error("the agent's reply is not HTTP: {why}")]
    NotHttp {
        /// What the HTTP reader said.
        why: String,
    },
    /// A redirect. The place to go is decided at registration, so none is followed.
    #[error("the agent redirects with status {status}; redirects are not followed")]
    Redirect {
        /// The HTTP status.
        status: u16,
    },
    /// A status that no binding has.
    #[error("the agent replies with status {status}, which is neither an answer nor an error")]
    Status {
        /// The HTTP status.
        status: u16,
    },
    /// Too many header fields, or too many bytes of them.
    #[error("the agent's reply has more than {fields} header fields or {bytes} bytes of them")]
    Headers {
        /// The most fields that are read.
        fields: usize,
        /// The most bytes that are read.
        bytes: usize,
    },
    /// Another content type than was asked for, or more than one.
    #[error("the agent's reply is `{found}` where `{due}` is due")]
    ContentType {
        /// The content type, made safe to show; `nothing` when there was none.
        found: String,
        /// The content type that was asked for.
        due: &'static str,
    },
    /// A compressed reply.
    #[error("the agent's reply has the content encoding `{found}`; replies are read as they are")]
    ContentEncoding {
        /// The encoding, made safe to show.
        found: String,
    },
    /// A body beyond the limit.
    #[error("the agent's reply is larger than {limit} bytes")]
    TooLarge {
        /// The most bytes that are read.
        limit: usize,
    },
    /// JSON nested beyond the limit.
    #[error("the agent's reply is nested deeper than {limit}")]
    TooDeep {
        /// The deepest nesting that is read.
        limit: usize,
    },
    /// JSON with more values than the limit.
    #[error("the agent's reply holds more than {limit} values")]
    TooMany {
        /// The most values that are read.
        limit: usize,
    },
    /// The same key twice in one object: two readers would see two replies.
    #[error("the agent's reply has the key `{key}` twice")]
    DuplicateKey {
        /// The key, made safe to show.
        key: String,
    },
    /// A number that two readers may not read alike.
    #[error("the agent's reply holds a number beyond 2^53; hint: agents give large numbers as text")]
    Number,
    /// Text with a NUL character, which some databases cannot keep.
    #[error("the agent's reply holds a NUL character")]
    Nul,
    /// Not JSON.
    #[error("the agent's reply is not JSON: {why}")]
    NotJson {
        /// What the JSON reader said, with line and column.
        why: String,
    },
    /// JSON, but not a JSON-RPC 2.0 response.
    #[error("the agent's reply is not a JSON-RPC 2.0 response: {why}")]
    Envelope {
        /// What is wrong with it.
        why: &'static str,
    },
    /// An answer to another request.
    #[error("the agent's reply carries another id than the request's")]
    WrongId,
    /// JSON, but not what the protocol says at this place.
    #[error("the agent's reply is not {protocol}: {why}")]
    Protocol {
        /// Whose rules it does not keep.
        protocol: Protocol,
        /// What is wrong with it.
        why: String,
    },
}

/// Why a request was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// The egress rule forbids the endpoint.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// An id that cannot stand in a header.
    #[error("the header `{name}` cannot carry its value; hint: ids are 1 to 256 visible ASCII characters")]
    Header {
        /// The header's name.
        name: &'static str,
    },
    /// No connection: name resolution, TCP, TLS, or the egress rule at the moment of connecting.
    #[error("no connection to `{endpoint}`: {why}")]
    Connect {
        /// The endpoint.
        endpoint: String,
        /// The innermost reason.
        why: String,
    },
    /// The time was over before a connection stood.
    #[error("no connection to `{endpoint}` within {within:?}")]
    Timeout {
        /// The endpoint.
        endpoint: String,
        /// The time that there was.
        within: Duration,
    },
    /// No token, without which the agent would not know us.
    #[error("no token from `{server}`: {why}")]
    Token {
        /// Whoever gives tokens out.
        server: String,
        /// What went wrong.
        why: String,
    },
    /// The HTTP client could not be built on this machine.
    #[error("the HTTP client does not start: {why}")]
    Client {
        /// What the client said.
        why: String,
    },
}

/// Why the outcome of a request is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// The first byte did not come in the time that was registered for this agent.
    #[error("the agent's answer did not begin within {within:?}, the `firstByte` of its registration")]
    NotBegun {
        /// The time that there was.
        within: Duration,
    },
    /// The next piece of the body did not come in time.
    #[error("the agent fell silent in the middle of its answer, for {within:?}")]
    Stalled {
        /// The time that there was.
        within: Duration,
    },
    /// The end did not come in time.
    #[error("the agent did not finish within {within:?}, which is what step and contract left it")]
    Late {
        /// The time that there was.
        within: Duration,
    },
    /// The connection ended before the reply did.
    #[error("the connection to the agent broke: {why}")]
    Broken {
        /// The innermost reason.
        why: String,
    },
    /// A server error without a JSON-RPC answer: a gateway says the same whether or not it passed the request on.
    #[error("status {status} came in place of an answer")]
    Status {
        /// The HTTP status.
        status: u16,
    },
}
/// Why there is no result: no reply that can be read, or a refusal in words of the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure<R> {
    /// No reply that can be read.
    Trouble(Trouble),
    /// The agent refused, in words that we understand.
    Refused(R),
}

impl<R> From<Trouble> for Failure<R> {
    fn from(trouble: Trouble) -> Failure<R> {
        Failure::Trouble(trouble)
    }
}

impl<R> From<Malformed> for Failure<R> {
    fn from(why: Malformed) -> Failure<R> {
        Failure::Trouble(why.into())
    }
}

impl<R> From<NotSent> for Failure<R> {
    fn from(why: NotSent) -> Failure<R> {
        Failure::Trouble(why.into())
    }
}

impl<R> From<Unknown> for Failure<R> {
    fn from(why: Unknown) -> Failure<R> {
        Failure::Trouble(why.into())
    }
}

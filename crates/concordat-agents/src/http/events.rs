//! Server-sent events, as far as agents use them: each event is one JSON document in its `data`.

use std::collections::VecDeque;

use reqwest::Response;
use tokio::time::timeout_at;

use super::exchange::{Deadline, Http};
use super::trouble::{Malformed, Trouble, Unknown};

/// The events of a reply, as they arrive, within a time and within the largest body.
pub(crate) struct EventStream<'a> {
    http: &'a Http,
    response: Response,
    within: Deadline,
    events: Events,
    whole: VecDeque<Vec<u8>>,
    read: usize,
}

impl<'a> EventStream<'a> {
    pub(super) fn new(http: &'a Http, response: Response, within: Deadline) -> EventStream<'a> {
        let (events, whole) = (Events::default(), VecDeque::new());
        EventStream { http, response, within, events, whole, read: 0 }
    }

    /// The data of the next event; nothing when the stream is over.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, Trouble> {
        loop {
            if let Some(event) = self.whole.pop_front() {
                return Ok(Some(event));
            }
            let piece = timeout_at(self.within.at, self.response.chunk())
                .await
                .map_err(|_| Unknown::Late { within: self.within.whole })?
                .map_err(|error| self.http.broken(&error))?;
            let Some(piece) = piece else { return Ok(None) };
            self.read = self.read.saturating_add(piece.len());
            let limit = self.http.limits().body;
            if self.read > limit {
                return Err(Malformed::TooLarge { limit }.into());
            }
            self.whole.extend(self.events.push(&piece));
        }
    }
}

/// Takes bytes as they arrive and gives the data of whole events.
#[derive(Debug, Default)]
struct Events {
    line: Vec<u8>,
    data: Option<Vec<u8>>,
    after_cr: bool,
}

impl Events {
    /// The events that these bytes complete.
    fn push(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut whole = Vec::new();
        for &byte in bytes {
            let second_half = self.after_cr && byte == b'\n';
            self.after_cr = byte == b'\r';
            match byte {
                _ if second_half => {}
                b'\r' | b'\n' => {
                    let line = std::mem::take(&mut self.line);
                    whole.extend(self.end_line(&line));
                }
                _ => self.line.push(byte),
            }
        }
        whole
    }

    fn end_line(&mut self, line: &[u8]) -> Option<Vec<u8>> {
        if line.is_empty() {
            return self.data.take();
        }
        // Comments keep the connection alive; ids and names of events say nothing that the data does not.
        let value = line.strip_prefix(b"data:").or((line == b"data").then_some(b""))?;
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &mut self.data {
            Some(begun) => {
                begun.push(b'\n');
                begun.extend_from_slice(value);
            }
            begun @ None => *begun = Some(value.to_vec()),
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_in_whatever_pieces_they_come() {
        for (text, wanted) in [
            ("data: {\"a\":1}\n\ndata:2\n\n", &["{\"a\":1}", "2"][..]),
            ("id: 7\nevent: x\ndata: 1\r\n\r\ndata: 2\r\rdata: 3\n\n", &["1", "2", "3"]),
            (": ping\n\n\n", &[]),
            ("data: {\ndata: }\n\n", &["{\n}"]),
            ("data\n\n", &[""]),
            ("database: 1\n\n", &[]),
            ("data: cut off\n", &[]),
        ] {
            for piece in [1, 3, 1000] {
                let mut events = Events::default();
                let read: Vec<String> = text
                    .as_bytes()
                    .chunks(piece)
                    .flat_map(|bytes| events.push(bytes))
                    .map(|data| String::from_utf8(data).unwrap())
                    .collect();
                assert_eq!(read, wanted, "{text:?} in pieces of {piece}");
            }
        }
    }
}

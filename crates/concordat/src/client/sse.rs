//! Reads a stream of server-sent events (the WHATWG's `text/event-stream`), as far as Concordat uses it.

/// The longest event that is read, in bytes: records and what surrounds them are far smaller.
const MOST: usize = 1024 * 1024;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frame {
    /// What to resume after.
    pub id: Option<String>,
    /// What happened.
    pub event: String,
    /// The event itself.
    pub data: String,
}

/// An event that has no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stream holds an event of more than {MOST} bytes")]
pub struct TooLong;

/// Takes bytes as they arrive and gives whole events.
#[derive(Debug, Default)]
pub struct Reader {
    pending: Vec<u8>,
    frame: Frame,
    has_data: bool,
    retry_ms: Option<u64>,
    after_cr: bool,
}

impl Reader {
    /// The events that these bytes complete.
    ///
    /// # Errors
    /// An event that grows beyond every bound.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Frame>, TooLong> {
        let mut frames = Vec::new();
        for &byte in bytes {
            let second_half = self.after_cr && byte == b'\n';
            self.after_cr = byte == b'\r';
            match byte {
                _ if second_half => {}
                b'\r' | b'\n' => {
                    let line = std::mem::take(&mut self.pending);
                    frames.extend(self.line(&String::from_utf8_lossy(&line)));
                }
                _ => self.pending.push(byte),
            }
            if self.pending.len() + self.frame.data.len() > MOST {
                return Err(TooLong);
            }
        }
        Ok(frames)
    }

    /// How long the server asks to wait before the next connection, in milliseconds.
    #[must_use]
    pub fn retry_ms(&self) -> Option<u64> {
        self.retry_ms
    }

    fn line(&mut self, line: &str) -> Option<Frame> {
        let line = line.strip_prefix('\u{feff}').unwrap_or(line);
        if line.is_empty() {
            let frame = std::mem::take(&mut self.frame);
            return std::mem::take(&mut self.has_data).then_some(frame);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" if !value.contains('\0') => self.frame.id = Some(value.to_owned()),
            "event" => value.clone_into(&mut self.frame.event),
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.frame.data.push('\n');
                }
                self.frame.data.push_str(value);
            }
            "retry" => self.retry_ms = value.parse().ok().or(self.retry_ms),
            // Comments keep the connection alive, and unknown fields are for others.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, piece: usize) -> (Vec<String>, Option<u64>) {
        let mut reader = Reader::default();
        let mut told = Vec::new();
        for bytes in text.as_bytes().chunks(piece) {
            for Frame { id, event, data } in reader.push(bytes).unwrap() {
                told.push(format!("{}|{event}|{data}", id.unwrap_or_default()));
            }
        }
        (told, reader.retry_ms())
    }

    #[test]
    fn streams_are_read_in_whatever_pieces_they_come() {
        for (text, wanted, retry) in [
            ("id: 7\nevent: step.answered\ndata: {\"a\":1}\n\n", &["7|step.answered|{\"a\":1}"][..], None),
            ("data: 1\n\ndata: 2\n\n", &["||1", "||2"], None),
            ("data: 1\r\n\r\ndata: 2\r\rdata: 3\n\n", &["||1", "||2", "||3"], None),
            (": keep-alive\n\nretry: 3000\n\n", &[], Some(3000)),
            ("retry: soon\n\n", &[], None),
            ("data: a\ndata: b\n\n", &["||a\nb"], None),
            ("data:\n\n", &["||"], None),
            ("\u{feff}data:x\n\n", &["||x"], None),
            ("odd: 1\ndata:  two spaces\n\n", &["|| two spaces"], None),
            ("data: cut off\n", &[], None),
        ] {
            for piece in [1, 3, 1000] {
                assert_eq!(
                    read(text, piece),
                    (wanted.iter().map(ToString::to_string).collect(), retry),
                    "{text:?}"
                );
            }
        }
    }

    #[test]
    fn an_event_without_end_is_refused() {
        let mut reader = Reader::default();
        assert_eq!(reader.push(&vec![b'x'; MOST + 1]), Err(TooLong));
        let mut reader = Reader::default();
        let line = [b"data: ".as_slice(), &vec![b'x'; MOST / 2 + 1], b"\n"].concat();
        assert!(reader.push(&line).is_ok());
        assert_eq!(reader.push(&line), Err(TooLong));
    }
}

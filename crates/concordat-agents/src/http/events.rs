//! Server-sent events, as far as agents use them: each event is one JSON document in its `data`.

/// Takes bytes as they arrive and gives the data of whole events. Whoever feeds it bounds how much there is.
#[derive(Debug, Default)]
pub(crate) struct Events {
    line: Vec<u8>,
    data: Option<Vec<u8>>,
    after_cr: bool,
}

impl Events {
    /// The events that these bytes complete.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
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

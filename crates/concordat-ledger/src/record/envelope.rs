//! Reading an envelope without building anything.
//!
//! The canonical form has one order of members, so the envelope is a template: fixed text, and between it the
//! places that are ours to read. Bytes that do not fit the template are no record.

use std::ops::Range;

use super::{RecordError, SubjectSeq, attribute};
use crate::canonical::{self, Scanner};

/// Where the attributes of one record stand in its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Envelope {
    data: Range<usize>,
    id: Range<usize>,
    source: Range<usize>,
    subject: Range<usize>,
    time: Range<usize>,
    kind: Range<usize>,
    pub(crate) subject_seq: SubjectSeq,
}

impl Envelope {
    /// Accepts the canonical form of a record, and nothing else.
    pub(crate) fn read(bytes: &[u8]) -> Result<(&str, Envelope), RecordError> {
        let mut scanner = Scanner::new(bytes)?.inside_an_object();
        let text = scanner.text();
        let envelope = Template { scanner: &mut scanner, bytes }.fill()?;
        scanner.end()?;
        attribute::text("id", envelope.id(text))?;
        attribute::text("source", envelope.source(text))?;
        attribute::text("subject", envelope.subject(text))?;
        attribute::text("type", envelope.kind(text))?;
        attribute::time(envelope.time(text))?;
        Ok((text, envelope))
    }

    pub(crate) fn data<'a>(&self, text: &'a str) -> &'a str {
        slice(text, &self.data)
    }

    pub(crate) fn id<'a>(&self, text: &'a str) -> &'a str {
        slice(text, &self.id)
    }

    pub(crate) fn source<'a>(&self, text: &'a str) -> &'a str {
        slice(text, &self.source)
    }

    pub(crate) fn subject<'a>(&self, text: &'a str) -> &'a str {
        slice(text, &self.subject)
    }

    pub(crate) fn time<'a>(&self, text: &'a str) -> &'a str {
        slice(text, &self.time)
    }

    pub(crate) fn kind<'a>(&self, text: &'a str) -> &'a str {
        slice(text, &self.kind)
    }
}

/// The ranges were read from this very text, so they always lie inside it.
fn slice<'a>(text: &'a str, range: &Range<usize>) -> &'a str {
    text.get(range.clone()).unwrap_or_default()
}

struct Template<'s, 'a> {
    scanner: &'s mut Scanner<'a>,
    bytes: &'a [u8],
}

impl Template<'_, '_> {
    fn fill(&mut self) -> Result<Envelope, RecordError> {
        self.fixed("{\"data\":")?;
        let data = self.scanner.value().map_err(|refusal| refusal.under("data"))?;
        let id = self.attribute(",\"id\":")?;
        let source = self.attribute(",\"source\":")?;
        self.fixed(",\"specversion\":\"1.0\"")?;
        let subject = self.attribute(",\"subject\":")?;
        self.fixed(",\"subjectseq\":")?;
        let subject_seq = match self.scanner.integer() {
            Ok((seq, false)) => SubjectSeq::try_from(seq)?,
            _ => return Err(RecordError::SubjectSeq),
        };
        let time = self.attribute(",\"time\":")?;
        let kind = self.attribute(",\"type\":")?;
        self.fixed("}")?;
        Ok(Envelope { data, id, source, subject, time, kind, subject_seq })
    }

    fn attribute(&mut self, name: &'static str) -> Result<Range<usize>, RecordError> {
        self.fixed(name)?;
        self.scanner.string().map_err(|_| self.misfit("a text"))
    }

    fn fixed(&mut self, expected: &'static str) -> Result<(), RecordError> {
        self.scanner.literal(expected.as_bytes()).map_err(|_| self.misfit(expected))
    }

    /// Why the template does not fit: because these are not canonical bytes, or because they are no record.
    fn misfit(&self, expected: &'static str) -> RecordError {
        match canonical::check(self.bytes) {
            Err(refusal) => refusal.into(),
            Ok(()) => RecordError::Envelope { at: self.scanner.at(), expected },
        }
    }
}

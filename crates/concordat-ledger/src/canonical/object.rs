//! Open objects: their members arrive in any order and leave in ascending order.

use std::ops::Range;

use serde::ser::Serialize;

use super::name::Name;
use super::token::Tokens;
use super::{MAX_DEPTH, Reason, Refusal};

/// The text written so far and the objects that are still open.
pub(super) struct Writer {
    pub(super) out: Tokens,
    depth: usize,
    /// Members of all open objects, innermost last; shared, so that an object costs no allocation.
    members: Vec<Member>,
    /// Their names without escapes, one after the other.
    names: String,
}

/// One member of an open object.
struct Member {
    name: Range<usize>,
    start: usize,
}

/// An open object: where it began, and whether its names ascended so far.
pub(super) struct Opened {
    body: usize,
    first_member: usize,
    first_name: usize,
    ascending: bool,
}

impl Default for Writer {
    fn default() -> Writer {
        let (members, names) = (Vec::with_capacity(32), String::with_capacity(256));
        Writer { out: Tokens::default(), depth: 0, members, names }
    }
}

impl Writer {
    pub(super) fn open(&mut self, bracket: u8) -> Result<(), Refusal> {
        if self.depth == MAX_DEPTH {
            return Err(Reason::TooDeep.into());
        }
        self.depth += 1;
        Ok(self.out.plain(&[bracket])?)
    }

    pub(super) fn close(&mut self, bracket: u8) -> Result<(), Refusal> {
        self.depth -= 1;
        Ok(self.out.plain(&[bracket])?)
    }

    pub(super) fn open_object(&mut self) -> Result<Opened, Refusal> {
        self.open(b'{')?;
        Ok(Opened {
            body: self.out.len(),
            first_member: self.members.len(),
            first_name: self.names.len(),
            ascending: true,
        })
    }

    pub(super) fn close_object(&mut self, object: &Opened) -> Result<(), Refusal> {
        if !object.ascending {
            self.put_in_order(object)?;
        }
        self.members.truncate(object.first_member);
        self.names.truncate(object.first_name);
        self.close(b'}')
    }

    /// Writes the name of the object's next member, and the colon.
    pub(super) fn name<T: Serialize + ?Sized>(
        &mut self,
        object: &mut Opened,
        name: &T,
    ) -> Result<(), Refusal> {
        let start = self.names.len();
        name.serialize(Name(&mut self.names))?;
        let name = start..self.names.len();
        let text = self.names.get(name.clone()).unwrap_or_default();
        if !text.is_ascii() {
            return Err(Refusal::from(Reason::NameNotAscii).under(text));
        }
        if let Some(previous) = self.members.get(object.first_member..).and_then(<[Member]>::last) {
            object.ascending &= self.names.get(previous.name.clone()).unwrap_or_default() < text;
            self.out.plain(b",")?;
        }
        self.members.push(Member { name, start: self.out.len() });
        self.out.string(text)?;
        Ok(self.out.plain(b":")?)
    }

    /// Writes the value that belongs to the name written last.
    pub(super) fn content<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refusal> {
        let member = self.members.len().saturating_sub(1);
        value.serialize(&mut *self).map_err(|refusal| {
            let name = self.members.get(member).and_then(|member| self.names.get(member.name.clone()));
            refusal.under(name.unwrap_or_default())
        })
    }

    fn put_in_order(&mut self, object: &Opened) -> Result<(), Refusal> {
        let body = self.out.split_off(object.body);
        let members = self.members.split_off(object.first_member);
        let ends = members.iter().skip(1).map(|next| next.start - 1).chain([object.body + body.len()]);
        let mut ordered: Vec<(&str, &[u8])> = Vec::with_capacity(members.len());
        for (member, end) in members.iter().zip(ends) {
            let name = self.names.get(member.name.clone()).unwrap_or_default();
            let text = body.get(member.start - object.body..end - object.body).unwrap_or_default();
            ordered.push((name, text));
        }
        ordered.sort_by_key(|(name, _)| *name);
        let mut previous = None;
        for (name, text) in ordered {
            if previous == Some(name) {
                return Err(Refusal::from(Reason::DuplicateName).under(name));
            }
            if previous.is_some() {
                self.out.plain(b",")?;
            }
            self.out.plain(text)?;
            previous = Some(name);
        }
        Ok(())
    }
}

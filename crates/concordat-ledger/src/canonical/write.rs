//! Writing the canonical form straight from a value, without a tree of values in between.
//!
//! It is a serializer of its own because `serde_json::to_value` is not strict enough to stand before it: that
//! turns NaN into `null` and keeps the last of two equal names.

use serde::ser::{Serialize, Serializer};

use super::object::Writer;
use super::shape::{Array, Object};
use super::{Reason, Refusal};

/// The canonical bytes of `value`, at most [`MAX_BYTES`](super::MAX_BYTES).
///
/// # Errors
///
/// The first part of the value that the canonical form does not hold, and its place.
pub fn write<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Refusal> {
    let mut writer = Writer::default();
    value.serialize(&mut writer)?;
    Ok(writer.out.into_bytes())
}

impl<'a> Serializer for &'a mut Writer {
    type Ok = ();
    type Error = Refusal;
    type SerializeSeq = Array<'a>;
    type SerializeTuple = Array<'a>;
    type SerializeTupleStruct = Array<'a>;
    type SerializeTupleVariant = Array<'a>;
    type SerializeMap = Object<'a>;
    type SerializeStruct = Object<'a>;
    type SerializeStructVariant = Object<'a>;

    fn serialize_bool(self, value: bool) -> Result<(), Refusal> {
        Ok(self.out.plain(if value { b"true" } else { b"false" })?)
    }

    fn serialize_i8(self, value: i8) -> Result<(), Refusal> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), Refusal> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), Refusal> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), Refusal> {
        Ok(self.out.integer(value.unsigned_abs().into(), value < 0)?)
    }

    fn serialize_i128(self, value: i128) -> Result<(), Refusal> {
        Ok(self.out.integer(value.unsigned_abs(), value < 0)?)
    }

    fn serialize_u8(self, value: u8) -> Result<(), Refusal> {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<(), Refusal> {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), Refusal> {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<(), Refusal> {
        Ok(self.out.integer(value.into(), false)?)
    }

    fn serialize_u128(self, value: u128) -> Result<(), Refusal> {
        Ok(self.out.integer(value, false)?)
    }

    fn serialize_f32(self, _: f32) -> Result<(), Refusal> {
        Err(Reason::Float.into())
    }

    fn serialize_f64(self, _: f64) -> Result<(), Refusal> {
        Err(Reason::Float.into())
    }

    fn serialize_char(self, value: char) -> Result<(), Refusal> {
        Ok(self.out.string(value.encode_utf8(&mut [0; 4]))?)
    }

    fn serialize_str(self, value: &str) -> Result<(), Refusal> {
        Ok(self.out.string(value)?)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Refusal> {
        value.serialize(self)
    }

    fn serialize_none(self) -> Result<(), Refusal> {
        Ok(self.out.plain(b"null")?)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Refusal> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Refusal> {
        Ok(self.out.plain(b"null")?)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Refusal> {
        Ok(self.out.plain(b"null")?)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Refusal> {
        Ok(self.out.string(variant)?)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Refusal> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Refusal> {
        let mut object = self.open_object()?;
        self.name(&mut object, variant)?;
        self.content(value)?;
        self.close_object(&object)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Array<'a>, Refusal> {
        self.open(b'[')?;
        Ok(Array { writer: self, length: 0, variant: None })
    }

    fn serialize_tuple(self, length: usize) -> Result<Array<'a>, Refusal> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Array<'a>, Refusal> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Array<'a>, Refusal> {
        let mut object = self.open_object()?;
        self.name(&mut object, variant)?;
        self.open(b'[')?;
        Ok(Array { writer: self, length: 0, variant: Some((variant, object)) })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Object<'a>, Refusal> {
        let object = self.open_object()?;
        Ok(Object { writer: self, object, variant: None })
    }

    fn serialize_struct(self, name: &'static str, length: usize) -> Result<Object<'a>, Refusal> {
        // serde_json smuggles raw text and big numbers through structs of such names.
        if name.starts_with("$serde_json::private::") {
            return Err(Reason::Prerendered.into());
        }
        self.serialize_map(Some(length))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Object<'a>, Refusal> {
        let mut outer = self.open_object()?;
        self.name(&mut outer, variant)?;
        let object = self.open_object()?;
        Ok(Object { writer: self, object, variant: Some((variant, outer)) })
    }
}

#[cfg(test)]
#[path = "write_tests.rs"]
mod tests;

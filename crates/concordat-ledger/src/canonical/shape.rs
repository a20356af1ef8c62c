//! Serde's several names for two shapes, the array and the object.

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use super::Refusal;
use super::object::{Opened, Writer};

/// An open array, and the object around it if it is the content of an enum variant.
pub(super) struct Array<'a> {
    pub(super) writer: &'a mut Writer,
    pub(super) length: usize,
    pub(super) variant: Option<(&'static str, Opened)>,
}

impl Array<'_> {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refusal> {
        if self.length > 0 {
            self.writer.out.plain(b",")?;
        }
        value.serialize(&mut *self.writer).map_err(|refusal| {
            let refusal = refusal.under(&self.length.to_string());
            self.variant.iter().fold(refusal, |refusal, (variant, _)| refusal.under(variant))
        })?;
        self.length += 1;
        Ok(())
    }

    fn close(self) -> Result<(), Refusal> {
        self.writer.close(b']')?;
        self.variant.map_or(Ok(()), |(_, object)| self.writer.close_object(&object))
    }
}

/// An open object, and the object around it if it is the content of an enum variant.
pub(super) struct Object<'a> {
    pub(super) writer: &'a mut Writer,
    pub(super) object: Opened,
    pub(super) variant: Option<(&'static str, Opened)>,
}

impl Object<'_> {
    fn named<T: Serialize + ?Sized>(&mut self, name: &T) -> Result<(), Refusal> {
        self.writer.name(&mut self.object, name).map_err(|refusal| self.inside_variant(refusal))
    }

    fn content<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refusal> {
        self.writer.content(value).map_err(|refusal| self.inside_variant(refusal))
    }

    fn inside_variant(&self, refusal: Refusal) -> Refusal {
        self.variant.iter().fold(refusal, |refusal, (variant, _)| refusal.under(variant))
    }

    fn close(self) -> Result<(), Refusal> {
        self.writer.close_object(&self.object)?;
        self.variant.map_or(Ok(()), |(_, outer)| self.writer.close_object(&outer))
    }
}

/// Forwards serde's several names for the same two shapes.
macro_rules! shape {
    ($shape:ident, $trait:ident, $method:ident) => {
        impl $trait for $shape<'_> {
            type Ok = ();
            type Error = Refusal;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refusal> {
                self.item(value)
            }

            fn end(self) -> Result<(), Refusal> {
                self.close()
            }
        }
    };
    ($shape:ident, $trait:ident) => {
        impl $trait for $shape<'_> {
            type Ok = ();
            type Error = Refusal;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Refusal> {
                self.named(name)?;
                self.content(value)
            }

            fn end(self) -> Result<(), Refusal> {
                self.close()
            }
        }
    };
}

shape!(Array, SerializeSeq, serialize_element);
shape!(Array, SerializeTuple, serialize_element);
shape!(Array, SerializeTupleStruct, serialize_field);
shape!(Array, SerializeTupleVariant, serialize_field);
shape!(Object, SerializeStruct);
shape!(Object, SerializeStructVariant);

impl SerializeMap for Object<'_> {
    type Ok = ();
    type Error = Refusal;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Refusal> {
        self.named(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refusal> {
        self.content(value)
    }

    fn end(self) -> Result<(), Refusal> {
        self.close()
    }
}

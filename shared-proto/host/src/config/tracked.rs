//! Reads values into the program's types, and knows where it is when that fails.
//!
//! What `serde_path_to_error` does around any format. Written for [`Value`] alone, it spares every type of the configuration a
//! second copy of its code: some 100 KB of a program for the Pi.

use std::cell::RefCell;
use std::fmt;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, Expected, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use toml::Value;

/// A step into a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// Why a value does not fit, and the way to it.
pub(super) struct Misfit {
    pub(super) path: Vec<Step>,
    pub(super) error: Error,
}

/// What is wrong with a value. A pointer and no more: each of the many places where a key can be wrong hands it on.
#[derive(Debug)]
pub(super) struct Error(Box<Message>);

#[derive(Debug)]
struct Message(String);

impl Error {
    pub(super) fn message(&self) -> &str {
        &self.0.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for Error {}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(Box::new(Message(message.to_string())))
    }
}

/// The value as a type of the program.
pub(super) fn deserialize<T: DeserializeOwned>(value: &Value) -> Result<T, Misfit> {
    let path = RefCell::default();
    T::deserialize(Tracked { value, path: &path }).map_err(|error| Misfit { path: path.into_inner(), error })
}

/// A value, and the way that led to it. A step is taken back when its value fits: after an error the way stands.
#[derive(Clone, Copy)]
struct Tracked<'a> {
    value: &'a Value,
    path: &'a RefCell<Vec<Step>>,
}

impl<'a> Tracked<'a> {
    /// What is there, with the way to it. Apart from what is done with it, which is other code for each type.
    #[inline(never)]
    fn enter(value: &'a Value, step: Step, path: &'a RefCell<Vec<Step>>) -> Self {
        path.borrow_mut().push(step);
        Self { value, path }
    }

    fn read<S: DeserializeSeed<'a>>(self, seed: S) -> Result<S::Value, Error> {
        let value = seed.deserialize(self)?;
        self.leave();
        Ok(value)
    }

    #[inline(never)]
    fn leave(self) {
        self.path.borrow_mut().pop();
    }

    #[inline(never)]
    fn misfit(self, expected: &dyn Expected) -> Error {
        let found = match self.value {
            Value::String(text) => Unexpected::Str(text),
            Value::Integer(number) => Unexpected::Signed(*number),
            Value::Float(number) => Unexpected::Float(*number),
            Value::Boolean(value) => Unexpected::Bool(*value),
            Value::Datetime(_) => Unexpected::Other("date and time"),
            Value::Array(_) => Unexpected::Seq,
            Value::Table(_) => Unexpected::Map,
        };
        Error::invalid_type(found, expected)
    }
}

macro_rules! whole_numbers {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.value {
                Value::Integer(number) => visitor.visit_i64(*number),
                _ => Err(self.misfit(&visitor)),
            }
        })*
    };
}

/// Each type asks for what it can be, a section for a table: so none brings the code to be read from anything else.
impl<'de> Deserializer<'de> for Tracked<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::String(_) => self.deserialize_str(visitor),
            Value::Integer(_) => self.deserialize_i64(visitor),
            Value::Float(_) => self.deserialize_f64(visitor),
            Value::Boolean(_) => self.deserialize_bool(visitor),
            Value::Datetime(_) => Err(self.misfit(&visitor)),
            Value::Array(_) => self.deserialize_seq(visitor),
            Value::Table(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Boolean(value) => visitor.visit_bool(*value),
            _ => Err(self.misfit(&visitor)),
        }
    }

    whole_numbers! { deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128 }
    whole_numbers! { deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Float(number) => visitor.visit_f64(*number),
            _ => self.deserialize_i64(visitor),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::String(text) => visitor.visit_str(text),
            _ => Err(self.misfit(&visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Array(items) => visitor.visit_seq(Items { items: items.iter().enumerate(), path: self.path }),
            _ => Err(self.misfit(&visitor)),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Table(table) => visitor.visit_map(Members { members: table.iter(), next: None, path: self.path }),
            _ => Err(self.misfit(&visitor)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.value {
            Value::String(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            _ => Err(self.misfit(&"one of its words")),
        }
    }

    forward_to_deserialize_any! {
        char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

struct Items<'a, I> {
    items: I,
    path: &'a RefCell<Vec<Step>>,
}

impl<'de, I: Iterator<Item = (usize, &'de Value)>> SeqAccess<'de> for Items<'de, I> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let Some((index, value)) = self.items.next() else { return Ok(None) };
        Tracked::enter(value, Step::Index(index), self.path).read(seed).map(Some)
    }
}

struct Members<'a, I> {
    members: I,
    /// The member whose key was read.
    next: Option<(&'a String, &'a Value)>,
    path: &'a RefCell<Vec<Step>>,
}

impl<'a, I> Members<'a, I> {
    /// The value of the member whose key was read.
    #[inline(never)]
    fn value(&mut self) -> Result<Tracked<'a>, Error> {
        let (key, value) = self.next.take().ok_or_else(|| Error::custom("a value was asked for before its key"))?;
        Ok(Tracked::enter(value, Step::Key(key.clone()), self.path))
    }
}

impl<'de, I: Iterator<Item = (&'de String, &'de Value)>> MapAccess<'de> for Members<'de, I> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        self.next = self.members.next();
        let Some((key, _)) = self.next else { return Ok(None) };
        seed.deserialize(key.as_str().into_deserializer()).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        self.value()?.read(seed)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq, Eq)]
    struct Section {
        number: u8,
    }

    fn read(text: &str) -> Result<Section, String> {
        let table: toml::Table = text.parse().unwrap();
        deserialize(&table["section"]).map_err(|misfit| misfit.error.message().to_owned())
    }

    #[test]
    fn a_section_is_a_table_and_no_array() {
        assert_eq!(read("section = { number = 7 }"), Ok(Section { number: 7 }));
        assert_eq!(read("section = [7]"), Err("invalid type: sequence, expected struct Section".to_owned()));
        assert_eq!(read("section = 7"), Err("invalid type: integer `7`, expected struct Section".to_owned()));
    }
}

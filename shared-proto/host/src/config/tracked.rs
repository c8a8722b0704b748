//! Reads values into the program's types, and knows where it is when that fails.
//!
//! What `serde_path_to_error` does around any format. Written for [`Value`] alone, it spares every type of the configuration a
//! second copy of its code: some 100 KB of a program for the Pi.

use std::cell::RefCell;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    Visitor,
};
use serde::forward_to_deserialize_any;
use toml::Value;
use toml::de::Error;

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
    fn enter<S: DeserializeSeed<'a>>(self, step: Step, seed: S) -> Result<S::Value, Error> {
        self.path.borrow_mut().push(step);
        let value = seed.deserialize(self)?;
        self.path.borrow_mut().pop();
        Ok(value)
    }

    fn unexpected(self) -> Unexpected<'a> {
        match self.value {
            Value::String(text) => Unexpected::Str(text),
            Value::Integer(number) => Unexpected::Signed(*number),
            Value::Float(number) => Unexpected::Float(*number),
            Value::Boolean(value) => Unexpected::Bool(*value),
            Value::Datetime(_) => Unexpected::Other("date and time"),
            Value::Array(_) => Unexpected::Seq,
            Value::Table(_) => Unexpected::Map,
        }
    }
}

impl<'de> Deserializer<'de> for Tracked<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::String(text) => visitor.visit_str(text),
            Value::Integer(number) => visitor.visit_i64(*number),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Boolean(value) => visitor.visit_bool(*value),
            Value::Datetime(_) => Err(Error::invalid_type(self.unexpected(), &visitor)),
            Value::Array(items) => {
                let items = Items { items: items.iter().enumerate(), path: self.path };
                SeqAccessDeserializer::new(items).deserialize_any(visitor)
            }
            Value::Table(table) => {
                let members = Members { members: table.iter(), next: None, path: self.path };
                MapAccessDeserializer::new(members).deserialize_any(visitor)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    /// Tables only. Without this, arrays too would be taken for sections, and each section would have the code to read itself from one.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.value {
            Value::Table(table) => visitor.visit_map(Members { members: table.iter(), next: None, path: self.path }),
            _ => Err(Error::invalid_type(self.unexpected(), &visitor)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.value {
            Value::String(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            _ => Err(Error::invalid_type(self.unexpected(), &"one of its words")),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
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
        Tracked { value, path: self.path }.enter(Step::Index(index), seed).map(Some)
    }
}

struct Members<'a, I> {
    members: I,
    /// The member whose key was read.
    next: Option<(&'a String, &'a Value)>,
    path: &'a RefCell<Vec<Step>>,
}

impl<'de, I: Iterator<Item = (&'de String, &'de Value)>> MapAccess<'de> for Members<'de, I> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        self.next = self.members.next();
        let Some((key, _)) = self.next else { return Ok(None) };
        seed.deserialize(key.as_str().into_deserializer()).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let (key, value) = self.next.take().ok_or_else(|| Error::custom("a value was asked for before its key"))?;
        Tracked { value, path: self.path }.enter(Step::Key(key.clone()), seed)
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

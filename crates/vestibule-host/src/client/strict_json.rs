//! JSON that remembers which members stood in it twice, and where: two readings of one registration are one too many.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Deeper than any member goes.
const MAX_DEPTH: usize = 8;

/// Where a member stands that is in its object twice: the index of the client, if it is in one, and its dotted name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Twice {
    pub(crate) index: Option<usize>,
    pub(crate) field: String,
}

/// Reads JSON. Of members that stand twice the first counts.
pub(crate) fn read(text: &str) -> Result<(Value, Vec<Twice>), serde_json::Error> {
    let twice = RefCell::default();
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Place { path: Vec::new(), twice: &twice }.deserialize(&mut reader)?;
    reader.end()?;
    Ok((value, twice.into_inner()))
}

#[derive(Clone)]
enum Step {
    Index(usize),
    Member(String),
}

#[derive(Clone)]
struct Place<'a> {
    path: Vec<Step>,
    twice: &'a RefCell<Vec<Twice>>,
}

impl Place<'_> {
    fn deeper<E: Error>(&self, step: Step) -> Result<Self, E> {
        if self.path.len() >= MAX_DEPTH {
            return Err(E::custom("nested too deeply"));
        }
        let mut inner = self.clone();
        inner.path.push(step);
        Ok(inner)
    }

    fn note_twice(&self, name: &str) {
        let mut index = None;
        let mut field = String::new();
        for (depth, step) in self.path.iter().enumerate() {
            match step {
                Step::Index(at) if depth == 0 => index = Some(*at),
                Step::Index(at) => field.push_str(&format!("[{at}]")),
                Step::Member(name) => add_name(&mut field, name),
            }
        }
        add_name(&mut field, name);
        self.twice.borrow_mut().push(Twice { index, field });
    }
}

fn add_name(field: &mut String, name: &str) {
    if !field.is_empty() {
        field.push('.');
    }
    field.push_str(name);
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self.deeper(Step::Index(list.len()))?)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(self.deeper(Step::Member(name.clone()))?)?;
            if map.contains_key(&name) {
                self.note_twice(&name);
            } else {
                map.insert(name, value);
            }
        }
        Ok(Value::Object(map))
    }
}

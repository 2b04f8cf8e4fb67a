//! Taking members out of a JSON object, each with its type; what is left at the end is unknown.

use serde_json::{Map, Value};

use super::wrong::{Wrong, WrongField};

/// A JSON object that is being read, and everything that was wrong with it so far.
pub(crate) struct Members {
    left: Map<String, Value>,
    prefix: String,
    wrongs: Vec<WrongField>,
}

impl Members {
    pub(crate) fn new(members: Map<String, Value>, wrongs: Vec<WrongField>) -> Self {
        Self { left: members, prefix: String::new(), wrongs }
    }

    /// Says that something is wrong with a member.
    pub(crate) fn say(&mut self, field: &str, wrong: Wrong) {
        self.wrongs.push(WrongField::new(format!("{}{field}", self.prefix), wrong));
    }

    /// Says that a member is missing, unless it is there and could not be read.
    pub(crate) fn missing(&mut self, field: &str) {
        let full = format!("{}{field}", self.prefix);
        if !self.wrongs.iter().any(|said| said.field == full) {
            self.say(field, Wrong::Missing);
        }
    }

    pub(crate) fn has(&self, field: &str) -> bool {
        self.left.contains_key(field)
    }

    pub(crate) fn take(&mut self, field: &str) -> Option<Value> {
        self.left.remove(field)
    }

    pub(crate) fn string(&mut self, field: &str) -> Option<String> {
        match self.take(field)? {
            Value::String(text) => Some(text),
            _ => {
                self.say(field, Wrong::Type("a string"));
                None
            }
        }
    }

    pub(crate) fn strings(&mut self, field: &str) -> Option<Vec<String>> {
        let Value::Array(items) = self.take(field)? else {
            self.say(field, Wrong::Type("an array of strings"));
            return Some(Vec::new());
        };
        let mut texts = Vec::new();
        for (at, item) in items.into_iter().enumerate() {
            match item {
                Value::String(text) => texts.push(text),
                _ => self.say(&format!("{field}[{at}]"), Wrong::Type("a string")),
            }
        }
        Some(texts)
    }

    pub(crate) fn switch(&mut self, field: &str) -> bool {
        match self.take(field) {
            None => false,
            Some(Value::Bool(on)) => on,
            Some(_) => {
                self.say(field, Wrong::Type("true or false"));
                false
            }
        }
    }

    /// A whole number between two bounds; `what` is said of any other value.
    pub(crate) fn number(&mut self, field: &str, least: i64, most: i64, what: &'static str) -> Option<i64> {
        let value = self.take(field)?;
        let number = value.as_i64().filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.say(field, Wrong::Type(what));
        }
        number
    }

    pub(crate) fn one_of<T>(
        &mut self,
        field: &str,
        choices: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.string(field)?;
        let value = read(&text);
        if value.is_none() {
            self.say(field, Wrong::OneOf(choices));
        }
        value
    }

    /// Reads the members of an object inside this one.
    pub(crate) fn inside<T>(&mut self, field: &str, read: impl FnOnce(&mut Self) -> T) -> Option<T> {
        match self.take(field)? {
            Value::Object(members) => Some(self.object(field, members, read)),
            _ => {
                self.say(field, Wrong::Type("an object"));
                None
            }
        }
    }

    /// Reads the members of objects that stand in an array.
    pub(crate) fn each_inside<T>(
        &mut self,
        field: &str,
        mut read: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Value::Array(items) = self.take(field)? else {
            self.say(field, Wrong::Type("an array of objects"));
            return None;
        };
        let mut list = Vec::new();
        for (at, item) in items.into_iter().enumerate() {
            let place = format!("{field}[{at}]");
            match item {
                Value::Object(members) => list.extend(self.object(&place, members, &mut read)),
                _ => self.say(&place, Wrong::Type("an object")),
            }
        }
        Some(list)
    }

    /// Nothing but what was read may stand in this object, as in the files of operators.
    fn object<T>(
        &mut self,
        place: &str,
        members: Map<String, Value>,
        read: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let mut inner =
            Self { left: members, prefix: format!("{}{place}.", self.prefix), wrongs: Vec::new() };
        let value = read(&mut inner);
        inner.nothing_left();
        self.wrongs.append(&mut inner.wrongs);
        value
    }

    /// Says of every member that was not read that there is no such member.
    pub(crate) fn nothing_left(&mut self) {
        for (name, _) in std::mem::take(&mut self.left) {
            self.say(&name, Wrong::Unknown);
        }
    }

    /// Everything that was wrong.
    pub(crate) fn into_wrongs(self) -> Vec<WrongField> {
        self.wrongs
    }
}

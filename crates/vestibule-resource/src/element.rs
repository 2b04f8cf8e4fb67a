//! What a resource looks like from here, whoever models it.

use std::borrow::Cow;

use serde_json::Value;

/// A FHIR element: a resource, or something in one.
///
/// Implemented for JSON values; a server with a model of its own implements it for that. Names are those of FHIR's JSON format;
/// an element that repeats is visited once for each.
pub trait Element {
    /// The value of a primitive: a string as it is, a number or boolean as JSON writes it. `None` for anything else.
    fn text(&self) -> Option<Cow<'_, str>>;

    /// Visits each child of this name, in order.
    fn each(&self, name: &str, visit: &mut dyn FnMut(&dyn Element));

    /// Visits every child, whatever its name.
    fn every(&self, visit: &mut dyn FnMut(&dyn Element));
}

impl Element for Value {
    fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::String(text) => Some(Cow::Borrowed(text)),
            Self::Bool(truth) => Some(Cow::Borrowed(if *truth { "true" } else { "false" })),
            Self::Number(number) => Some(Cow::Owned(number.to_string())),
            Self::Null | Self::Array(_) | Self::Object(_) => None,
        }
    }

    fn each(&self, name: &str, visit: &mut dyn FnMut(&dyn Element)) {
        match self.get(name) {
            Some(Self::Array(items)) => items.iter().for_each(|item| visit(item)),
            Some(item) => visit(item),
            None => (),
        }
    }

    fn every(&self, visit: &mut dyn FnMut(&dyn Element)) {
        match self {
            Self::Array(items) => items.iter().for_each(|item| visit(item)),
            Self::Object(members) => members.values().for_each(|item| visit(item)),
            _ => (),
        }
    }
}

/// The text of the only child of this name; of several there is none that can be trusted.
pub(crate) fn text_of(element: &dyn Element, name: &str) -> Option<String> {
    let mut found = Vec::new();
    element.each(name, &mut |child| found.push(child.text().map(Cow::into_owned)));
    match found.as_mut_slice() {
        [one] => one.take(),
        _ => None,
    }
}

/// Visits what is at the end of a path such as `participant.actor`.
pub(crate) fn at(element: &dyn Element, path: &str, visit: &mut dyn FnMut(&dyn Element)) {
    match path.split_once('.') {
        None => element.each(path, visit),
        Some((first, rest)) => element.each(first, &mut |child| at(child, rest, visit)),
    }
}

/// Whether the element has a child of this name.
pub(crate) fn has(element: &dyn Element, name: &str) -> bool {
    let mut found = false;
    element.each(name, &mut |_| found = true);
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_go_through_lists() {
        let resource = json!({"a": [{"b": 1}, {"b": [true, "x"]}, {}], "c": {"b": null}});
        let mut found = Vec::new();
        at(&resource, "a.b", &mut |element| found.push(element.text().unwrap().into_owned()));
        assert_eq!(found, ["1", "true", "x"]);
        assert_eq!(text_of(&resource, "a"), None, "several");
        assert!(has(&resource, "c") && !has(&resource, "d"));
    }
}

//! Other resources that a check may need, which the server has loaded beforehand.

use std::collections::BTreeMap;

use serde_json::Value;
use vestibule_scope::ResourceType;

use crate::element::{Element, at};

/// Resources at hand, by type and id. A check does no I/O: what is not known here counts as not permitted.
pub trait Known {
    /// The resource, as it is stored now.
    fn resource(&self, resource_type: ResourceType, id: &str) -> Option<&dyn Element>;

    /// All DocumentReferences of the server that name a Binary as their content, whosever they are: one of another patient closes it.
    /// None where not all of them are known.
    fn documents_of(&self, binary: &str) -> Vec<&dyn Element>;
}

/// Nothing is known.
impl Known for () {
    fn resource(&self, _: ResourceType, _: &str) -> Option<&dyn Element> {
        None
    }

    fn documents_of(&self, _: &str) -> Vec<&dyn Element> {
        Vec::new()
    }
}

/// JSON resources.
#[derive(Debug, Default)]
pub struct Loaded<'v> {
    resources: BTreeMap<(ResourceType, &'v str), &'v Value>,
    documents: BTreeMap<String, Vec<&'v Value>>,
}

impl<'v> FromIterator<&'v Value> for Loaded<'v> {
    fn from_iter<I: IntoIterator<Item = &'v Value>>(resources: I) -> Self {
        let mut loaded = Self::default();
        for resource in resources {
            let text = |name: &str| resource.get(name).and_then(Value::as_str);
            let (Some(kind), Some(id)) = (text("resourceType").and_then(ResourceType::from_name), text("id"))
            else {
                continue;
            };
            loaded.resources.insert((kind, id), resource);
            if kind.name() == "DocumentReference" {
                at(resource, "content.attachment.url", &mut |url| {
                    // By whatever base: the document is judged, and that it names this id is the server's own word.
                    let url = url.text().unwrap_or_default();
                    if let Some(id) = binary_of(&url) {
                        loaded.documents.entry(id.to_owned()).or_default().push(resource);
                    }
                });
            }
        }
        loaded
    }
}

impl Known for Loaded<'_> {
    fn resource(&self, resource_type: ResourceType, id: &str) -> Option<&dyn Element> {
        self.resources.get(&(resource_type, id)).map(|found| *found as &dyn Element)
    }

    fn documents_of(&self, binary: &str) -> Vec<&dyn Element> {
        let found = self.documents.get(binary).map_or(&[][..], Vec::as_slice);
        found.iter().map(|document| *document as &dyn Element).collect()
    }
}

/// The id of the Binary that a URL names, in whatever version.
pub(crate) fn binary_of(url: &str) -> Option<&str> {
    let (_, id) = url.rsplit_once("Binary/")?;
    id.split(['/', '?', '#']).next()
}

/// One and the other; but only the second knows every document: of a Bundle's entries it cannot be said.
pub(crate) struct Both<'k>(pub(crate) &'k dyn Known, pub(crate) &'k dyn Known);

impl Known for Both<'_> {
    fn resource(&self, resource_type: ResourceType, id: &str) -> Option<&dyn Element> {
        self.0.resource(resource_type, id).or_else(|| self.1.resource(resource_type, id))
    }

    fn documents_of(&self, binary: &str) -> Vec<&dyn Element> {
        self.1.documents_of(binary)
    }
}

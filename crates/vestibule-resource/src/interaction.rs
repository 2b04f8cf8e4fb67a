//! What a request asks for.

use std::fmt;

use serde_json::Value;
use vestibule_scope::ResourceType;

use crate::search::Search;

/// The logical id of a resource: 1 to 64 letters, digits, `-` and `.`. May be a patient's, so `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogicalId(String);

impl LogicalId {
    /// Reads an id. Dot segments are none, although FHIR's characters would allow them.
    pub fn new(text: &str) -> Option<Self> {
        use crate::rule::{Rule, on};
        let sound = vestibule_host::PatientId::is_logical_id(text) && !matches!(text, "." | "..");
        (sound || !on(Rule::PathIds)).then(|| Self(text.to_owned()))
    }

    /// Stands for the id that an entry of a transaction will get. No id is written so.
    pub(crate) fn of_entry(at: usize) -> Self {
        Self(format!("#{at}"))
    }

    /// The id as it is written; case matters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for LogicalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogicalId(..)")
    }
}

/// One resource of a type.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Instance {
    /// Its type.
    pub resource_type: ResourceType,
    /// Its id.
    pub id: LogicalId,
}

/// A FHIR interaction (SMART-SCOPE-020), with everything in it that a decision needs. Made by
/// [`FhirRequest::read`](crate::FhirRequest::read).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Interaction {
    /// `GET metadata`: what the server can do. Open to everybody.
    Capabilities,
    /// Read.
    Read(Instance),
    /// Read of one version.
    Vread(Instance, LogicalId),
    /// History.
    History(HistoryOf),
    /// Search, by GET or by POST `_search`.
    Search(Search),
    /// Create, update, patch, delete; also their conditional forms.
    Write(Write),
    /// An operation: `$name`.
    Operation(Operation),
    /// A batch: each entry as if sent alone (SMART-SCOPE-022).
    Batch(Vec<BatchEntry>),
    /// A transaction: all or nothing.
    Transaction(Vec<BatchEntry>),
}

impl Interaction {
    /// Whether no token is needed.
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Capabilities)
    }
}

/// Whose history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HistoryOf {
    /// Of one resource.
    Instance(Instance),
    /// Of all resources of a type.
    Type(ResourceType),
    /// Of all.
    System,
}

/// A request that changes something.
#[derive(Clone, Debug)]
pub struct Write {
    /// What is done.
    pub act: Act,
    /// The type.
    pub resource_type: ResourceType,
    /// To which resource. None for a create and for the conditional forms.
    pub id: Option<LogicalId>,
    /// The search that finds it, in the conditional forms, or that must find nothing, in a conditional create (SMART-SCOPE-023).
    pub condition: Option<Search>,
    /// The searches that stand for references in the submitted resource, as `Patient?identifier=…`.
    pub references: Vec<Search>,
}

/// What a write does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// `POST`.
    Create,
    /// `PUT`, also where nothing is stored yet (SMART-SCOPE-021).
    Update,
    /// `PATCH`.
    Patch,
    /// `DELETE`.
    Delete,
}

/// An operation and what it is called on.
#[derive(Clone)]
pub struct Operation {
    /// The name without its `$`.
    pub name: String,
    /// What it is called on.
    pub level: OperationLevel,
    /// Whether it was called by POST: an operation that changes something never answers a GET.
    pub by_post: bool,
    /// The parameters, of a query or of a `Parameters` resource. Only those of simple types are here.
    pub parameters: Vec<(String, String)>,
    /// Whether there are others.
    pub has_complex_parameters: bool,
    /// Of `$validate`: the searches that stand for references in the submitted resource, as `Patient?identifier=…`.
    pub references: Vec<Search>,
}

impl Operation {
    /// The resource that an operation is about, in its body: the body itself, or the parameter `resource` of a `Parameters`. `None` where there is
    /// none, or more than one.
    pub fn submitted(body: &Value) -> Option<&Value> {
        if body.get("resourceType").and_then(Value::as_str) != Some("Parameters") {
            return Some(body);
        }
        let parameters = body.get("parameter").and_then(Value::as_array)?;
        let is_resource = |it: &&Value| it.get("name").and_then(Value::as_str) == Some("resource");
        let mut found = parameters.iter().filter(is_resource);
        match (found.next(), found.next()) {
            (Some(one), None) => one.get("resource"),
            _ => None,
        }
    }
}

/// What an operation is called on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OperationLevel {
    /// The whole server.
    System,
    /// A type.
    Type(ResourceType),
    /// One resource.
    Instance(Instance),
}

/// One request in a batch or transaction.
#[derive(Clone)]
pub struct BatchEntry {
    /// The entry's `fullUrl`, by which other entries refer to it.
    pub full_url: Option<String>,
    /// What it asks; an entry that cannot be read is refused, in a transaction all of it.
    pub interaction: Result<Interaction, crate::Unreadable>,
}

impl BatchEntry {
    /// Whether it is new, and called by the address that it has on another server.
    pub(crate) fn has_foreign_name(&self) -> bool {
        let is_address = |url: &String| url.starts_with("http://") || url.starts_with("https://");
        let creates =
            |asked: &Interaction| matches!(asked, Interaction::Write(write) if write.act == Act::Create);
        self.full_url.as_ref().is_some_and(is_address) && self.interaction.as_ref().is_ok_and(creates)
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values may name a patient.
        f.debug_struct("Operation")
            .field("name", &self.name)
            .field("level", &self.level)
            .field("by_post", &self.by_post)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for BatchEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchEntry").field("interaction", &self.interaction).finish_non_exhaustive()
    }
}

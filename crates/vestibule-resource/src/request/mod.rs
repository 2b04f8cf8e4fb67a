//! From an HTTP request to what it asks for.
//!
//! There is one reading of each request or none: where two servers could read it differently (escapes, dot segments, doubled
//! parameters, a query beside a form), it is refused. The server behind then sees exactly what was judged.

mod batch;
mod operation;
mod path;
pub(crate) mod query;
mod submitted;
mod unreadable;

use http::Method;
use serde_json::Value;
use vestibule_scope::ResourceType;

use crate::interaction::{Act, HistoryOf, Instance, Interaction, LogicalId, Write};
use crate::rule::{Rule, on};
use crate::rules::Rules;
use crate::search::{Search, SearchOf};

pub use unreadable::Unreadable;

/// A request to a FHIR server, as it came.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct FhirRequest<'r> {
    /// The method. HEAD is GET.
    pub method: &'r Method,
    /// What follows the FHIR base in the path, still escaped: `/Patient/1`.
    pub path: &'r str,
    /// What follows the `?`, still escaped.
    pub query: Option<&'r str>,
    /// The media type in `Content-Type`. Without it a patch is not read; other bodies are taken for what they are handed in as.
    pub content_type: Option<&'r str>,
    /// The header `If-None-Exist` of a conditional create.
    pub if_none_exist: Option<&'r str>,
    /// The body, where it is JSON. Read it strictly: of two members with one name, this crate and the server behind
    /// might see different ones.
    pub body: Option<&'r Value>,
    /// The body of a POST `_search`, still escaped.
    pub form: Option<&'r str>,
}

impl<'r> FhirRequest<'r> {
    /// A request of this method on this path under the base.
    pub const fn new(method: &'r Method, path: &'r str) -> Self {
        Self { method, path, query: None, content_type: None, if_none_exist: None, body: None, form: None }
    }

    /// With a query, without its `?`.
    #[must_use]
    pub const fn with_query(mut self, query: Option<&'r str>) -> Self {
        self.query = query;
        self
    }

    /// With the media type of the body.
    #[must_use]
    pub const fn with_content_type(mut self, content_type: Option<&'r str>) -> Self {
        self.content_type = content_type;
        self
    }

    /// With the search of a conditional create.
    #[must_use]
    pub const fn with_if_none_exist(mut self, search: Option<&'r str>) -> Self {
        self.if_none_exist = search;
        self
    }

    /// With a JSON body.
    #[must_use]
    pub const fn with_body(mut self, body: Option<&'r Value>) -> Self {
        self.body = body;
        self
    }

    /// With the form of a POST `_search`.
    #[must_use]
    pub const fn with_form(mut self, form: Option<&'r str>) -> Self {
        self.form = form;
        self
    }

    /// What the request asks for.
    ///
    /// # Errors
    /// [`Unreadable`] where it has no reading, or more than one.
    pub fn read(&self, rules: &Rules) -> Result<Interaction, Unreadable> {
        Reading { request: self, rules, in_batch: false }.interaction()
    }
}

impl std::fmt::Debug for FhirRequest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Path, query and body may name a patient.
        f.debug_struct("FhirRequest").field("method", self.method).finish_non_exhaustive()
    }
}

/// A request while it is read.
struct Reading<'a, 'r> {
    request: &'a FhirRequest<'r>,
    rules: &'a Rules,
    in_batch: bool,
}

impl Reading<'_, '_> {
    fn interaction(&self) -> Result<Interaction, Unreadable> {
        let request = self.request;
        let segments = path::segments(request.path)?;
        // Headers and bodies that the interaction does not know are somebody's misunderstanding.
        let is_search = segments.last() == Some(&"_search");
        if request.form.is_some() && !(is_search && *request.method == Method::POST) {
            return Err(Unreadable::QueryBesideForm);
        }
        if let Some((last, level)) = segments.split_last()
            && let Some(name) = path::operation(last)
        {
            return self.operation(name, level);
        }
        match (request.method.as_str(), segments.as_slice()) {
            ("GET" | "HEAD", segments) => self.get(segments),
            ("POST", [.., "_search"]) => self.post_search(&segments),
            ("POST", []) => self.bundle(),
            ("POST", [name]) => self.create(self.known(name)?),
            ("PUT", [name]) => self.conditional(Act::Update, self.known(name)?),
            ("PATCH", [name]) => self.conditional(Act::Patch, self.known(name)?),
            ("DELETE", [name]) => self.conditional(Act::Delete, self.known(name)?),
            ("PUT", [name, id]) => self.write(Act::Update, self.instance(name, id)?),
            ("PATCH", [name, id]) => self.write(Act::Patch, self.instance(name, id)?),
            ("DELETE", [name, id]) => self.write(Act::Delete, self.instance(name, id)?),
            _ => Err(Unreadable::NoInteraction),
        }
    }

    fn get(&self, segments: &[&str]) -> Result<Interaction, Unreadable> {
        match segments {
            ["metadata"] => self.dressed(&["mode"]).map(|()| Interaction::Capabilities),
            ["_history"] => self.history(HistoryOf::System),
            [name, "_history"] => self.history(HistoryOf::Type(self.known(name)?)),
            [name, id, "_history"] => self.history(HistoryOf::Instance(self.instance(name, id)?)),
            [name, id, "_history", version] => {
                let version = LogicalId::new(version).ok_or(Unreadable::Id)?;
                let instance = self.instance(name, id)?;
                self.dressed(&[]).map(|()| Interaction::Vread(instance, version))
            }
            [] => self.search(SearchOf::System),
            [name] => self.search(SearchOf::Type(self.known(name)?)),
            [name, id] => {
                let instance = self.instance(name, id)?;
                self.dressed(&[]).map(|()| Interaction::Read(instance))
            }
            [name, id, of] => self.search(self.compartment(name, id, of)?),
            _ => Err(Unreadable::NoInteraction),
        }
    }

    fn post_search(&self, segments: &[&str]) -> Result<Interaction, Unreadable> {
        let of = match segments {
            [_] => SearchOf::System,
            [name, _] => SearchOf::Type(self.known(name)?),
            [name, id, of, _] => self.compartment(name, id, of)?,
            _ => return Err(Unreadable::NoInteraction),
        };
        self.search(of)
    }

    /// Query and form together: a server may join them, or read only one.
    fn search(&self, of: SearchOf) -> Result<Interaction, Unreadable> {
        if self.request.body.is_some() || self.request.if_none_exist.is_some() {
            return Err(Unreadable::Body);
        }
        let mut pairs = query::pairs(self.request.query.unwrap_or_default())?;
        // Also where the form is empty.
        let is_split = *self.request.method == Method::POST && !pairs.is_empty();
        if let Some(form) = self.request.form {
            // Who reads the form alone must find in it all that narrows: not only what is added by whoever reads both.
            if pairs.iter().any(|(name, _)| name == "_type" || name == "_list") && on(Rule::FormBesideQuery) {
                return Err(Unreadable::QueryBesideForm);
            }
            pairs.extend(query::pairs(form)?);
        }
        let search = Search::of_pairs(self.rules.version(), of, pairs, self.rules.paging_parameters())?;
        Ok(Interaction::Search(Search { is_split, ..search }))
    }

    fn compartment(&self, name: &str, id: &str, of: &str) -> Result<SearchOf, Unreadable> {
        let instance = self.instance(name, id)?;
        // The compartments that FHIR defines. A server may have others, with rules that nobody knows here.
        if !matches!(name, "Patient" | "Encounter" | "RelatedPerson" | "Practitioner" | "Device") {
            return Err(Unreadable::NoInteraction);
        }
        let of = if of == "*" { None } else { Some(self.known(of)?) };
        Ok(SearchOf::Compartment(instance, of))
    }

    fn history(&self, of: HistoryOf) -> Result<Interaction, Unreadable> {
        self.dressed(&["_since", "_at", "_count", "_sort"])?;
        Ok(Interaction::History(of))
    }

    fn create(&self, resource_type: ResourceType) -> Result<Interaction, Unreadable> {
        self.dressed(&[])?;
        let condition = self
            .request
            .if_none_exist
            .map(|search| self.condition(resource_type, search.strip_prefix('?').unwrap_or(search)))
            .transpose()?;
        let references = self.submitted(resource_type, None)?;
        Ok(Interaction::Write(Write { act: Act::Create, resource_type, id: None, condition, references }))
    }

    fn write(&self, act: Act, instance: Instance) -> Result<Interaction, Unreadable> {
        self.dressed(&[])?;
        let Instance { resource_type, id } = instance;
        let references = self.submitted_for(act, resource_type, Some(&id))?;
        Ok(Interaction::Write(Write { act, resource_type, id: Some(id), condition: None, references }))
    }

    fn conditional(&self, act: Act, resource_type: ResourceType) -> Result<Interaction, Unreadable> {
        // Without a condition some servers would do it to all.
        let query = self.request.query.filter(|query| !query.is_empty()).ok_or(Unreadable::NoInteraction)?;
        let condition = self.condition(resource_type, query)?;
        let references = self.submitted_for(act, resource_type, None)?;
        Ok(Interaction::Write(Write { act, resource_type, id: None, condition: Some(condition), references }))
    }

    /// A search that must find one resource, so it filters and does nothing else.
    fn condition(&self, resource_type: ResourceType, query: &str) -> Result<Search, Unreadable> {
        let of = SearchOf::Type(resource_type);
        let search = Search::of_pairs(self.rules.version(), of, query::pairs(query)?, &[])?;
        let filters =
            !search.filters().is_empty() && search.filters().iter().any(|filter| !filter.value.is_empty());
        if !filters || !search.includes().is_empty() || search.counts_only() || search.sorts_along_chain {
            return Err(Unreadable::Parameter);
        }
        Ok(search)
    }

    /// Only parameters that dress the answer, and these others.
    fn dressed(&self, others: &[&str]) -> Result<(), Unreadable> {
        let mut seen: Vec<String> = Vec::new();
        for (name, _) in query::pairs(self.request.query.unwrap_or_default())? {
            let known = matches!(&*name, "_format" | "_pretty" | "_summary" | "_elements")
                || others.contains(&&*name)
                || !others.is_empty() && self.rules.paging_parameters().contains(&name);
            if !known || seen.contains(&name) && on(Rule::SingleParameters) {
                return Err(Unreadable::Parameter);
            }
            seen.push(name);
        }
        Ok(())
    }

    fn known(&self, name: &str) -> Result<ResourceType, Unreadable> {
        self.rules.version().resource_type(name).ok_or(Unreadable::UnknownType)
    }

    fn instance(&self, name: &str, id: &str) -> Result<Instance, Unreadable> {
        let resource_type = self.known(name)?;
        Ok(Instance { resource_type, id: LogicalId::new(id).ok_or(Unreadable::Id)? })
    }
}

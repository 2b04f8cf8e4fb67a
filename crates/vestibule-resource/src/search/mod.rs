//! A FHIR search, taken apart as far as a decision needs: what is searched, what else is read to answer, what is included.

mod include;
mod key;
mod parse;

use std::fmt;

use vestibule_scope::ResourceType;

use crate::Unreadable;
use crate::interaction::Instance;
use crate::version::FhirVersion;

pub use include::Include;
pub use key::{Key, Link};
pub(crate) use parse::FAR;

/// A search, by GET or POST, or in a condition.
#[derive(Clone)]
pub struct Search {
    pub(crate) of: SearchOf,
    pub(crate) filters: Vec<Filter>,
    pub(crate) types: Option<Vec<ResourceType>>,
    pub(crate) includes: Vec<Include>,
    pub(crate) sorts_along_chain: bool,
    pub(crate) counts: bool,
    pub(crate) partial: bool,
    pub(crate) pages: bool,
    /// Whether some of it is in the query and some in the form: who reads the form alone searches for less.
    pub(crate) is_split: bool,
}

/// What is searched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SearchOf {
    /// All types, or those of `_type`.
    System,
    /// One type.
    Type(ResourceType),
    /// What belongs to one resource; of one type, or `*`.
    Compartment(Instance, Option<ResourceType>),
}

/// A parameter that says which resources are found. Its value may name a patient, so `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Filter {
    /// The name in front of `=`.
    pub key: Key,
    /// The value, decoded.
    pub value: String,
}

impl Search {
    /// Reads a search from a query string, or from the body of a POST `_search`.
    ///
    /// `more` are names of parameters beginning with `_` that the server understands besides FHIR's own: those of its paging.
    ///
    /// # Errors
    /// [`Unreadable`] for what FHIR does not define.
    pub fn parse(
        version: FhirVersion,
        of: SearchOf,
        text: &str,
        more: &[String],
    ) -> Result<Self, Unreadable> {
        parse::search(version, of, crate::request::query::pairs(text)?, more)
    }

    pub(crate) fn of_pairs(
        version: FhirVersion,
        of: SearchOf,
        pairs: Vec<(String, String)>,
        more: &[String],
    ) -> Result<Self, Unreadable> {
        parse::search(version, of, pairs, more)
    }

    /// What is searched.
    pub const fn of(&self) -> &SearchOf {
        &self.of
    }

    /// The parameters that say which resources are found, in their order.
    pub fn filters(&self) -> &[Filter] {
        &self.filters
    }

    /// The types of `_type`.
    pub fn types(&self) -> Option<&[ResourceType]> {
        self.types.as_deref()
    }

    /// What is to be included.
    pub fn includes(&self) -> &[Include] {
        &self.includes
    }

    /// Whether only a number is asked for (`_summary=count`).
    pub const fn counts_only(&self) -> bool {
        self.counts
    }

    /// Whether only parts of the resources are asked for (`_elements`, `_summary`): what is left out cannot be judged.
    pub const fn wants_parts_only(&self) -> bool {
        self.partial
    }
}

impl fmt::Debug for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Search")
            .field("of", &self.of)
            .field("filters", &self.filters)
            .field("types", &self.types)
            .field("includes", &self.includes)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}=..", self.key)
    }
}

//! What went wrong, for the page that says so. Operators find the source in the log, by the correlation id.

use std::time::Duration;

use vestibule_core::explain::{Endpoint, Trail};
use vestibule_host::pages::Problem;
use vestibule_host::{
    BoxError, EntropyError, Framing, HostError, KeyError, PolicyError, RegisteredClient, StoreFault,
};

/// An interaction that cannot go on, and that must not be answered by a redirect.
#[derive(Debug)]
#[non_exhaustive]
pub struct AuthorizeError {
    /// What to tell the user.
    pub problem: Problem,
    /// The app's name and home page, once it is known.
    pub app: Option<(String, Option<String>)>,
    /// Where the interaction goes on, if it does.
    pub go_on: Option<String>,
    /// What only the page around it needs.
    pub(crate) aside: Box<Aside>,
    /// What to tell the operator.
    source: Option<BoxError>,
}

/// What a problem's page is made with, besides the problem.
#[derive(Debug, Default)]
pub(crate) struct Aside {
    /// Who may frame it: whoever may frame the app's other pages.
    pub(crate) frame_ancestors: Vec<String>,
    /// What was checked until then, where somebody asks.
    pub(crate) trail: Option<(Trail, Endpoint)>,
    /// For how long to wait, where it is too much at once.
    pub(crate) wait: Option<Duration>,
}

impl AuthorizeError {
    pub(crate) fn new(problem: Problem) -> Self {
        Self { problem, app: None, go_on: None, aside: Box::default(), source: None }
    }

    pub(crate) fn of(mut self, client: &RegisteredClient) -> Self {
        self.app = Some((client.name.clone(), client.home_page.clone()));
        if let Framing::Origins(origins) = &client.framing {
            self.aside.frame_ancestors.clone_from(origins);
        }
        self
    }

    pub(crate) fn going_on_at(mut self, path: String) -> Self {
        self.go_on = Some(path);
        self
    }

    /// What was checked until then; an earlier answer to that stays.
    pub(crate) fn after(mut self, trail: Trail, endpoint: Endpoint) -> Self {
        self.aside.trail.get_or_insert((trail, endpoint));
        self
    }

    pub(crate) fn too_many(wait: Duration) -> Self {
        let mut error = Self::new(Problem::TooMany);
        error.aside.wait = Some(wait);
        error
    }

    fn from_source(problem: Problem, source: impl Into<BoxError>) -> Self {
        Self { source: Some(source.into()), ..Self::new(problem) }
    }
}

impl std::fmt::Display for AuthorizeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the interaction cannot go on: {:?}", self.problem)
    }
}

impl std::error::Error for AuthorizeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

macro_rules! unavailable {
    ($($fault:ty),*) => {
        $(impl From<$fault> for AuthorizeError {
            // Absent is not failed (principle 5): a fault is 503, whatever it was about.
            fn from(source: $fault) -> Self {
                Self::from_source(Problem::Unavailable, source)
            }
        })*
    };
}

unavailable!(StoreFault, HostError, PolicyError, EntropyError, KeyError, crate::fault::Away);

impl From<vestibule_jose::seal::SealError> for AuthorizeError {
    fn from(source: vestibule_jose::seal::SealError) -> Self {
        Self::from_source(Problem::Internal, source)
    }
}

impl From<vestibule_core::record::Unreadable> for AuthorizeError {
    // A row from a newer version, or a damaged one: refuse, guess nothing (INT-007, A-CTX-43). A newer node may know it.
    fn from(source: vestibule_core::record::Unreadable) -> Self {
        Self::from_source(Problem::Unavailable, source)
    }
}

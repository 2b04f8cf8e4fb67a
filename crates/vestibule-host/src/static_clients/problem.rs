//! What can be wrong with a list of apps.

use std::fmt;

use crate::client::{Wrong, WrongField};

/// Everything that is wrong with a list of apps. Its `Display` has one line for each.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientsError(Vec<ClientProblem>);

impl ClientsError {
    pub(super) fn unless_none(problems: Vec<ClientProblem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self(problems)) }
    }

    /// What is wrong; at least one.
    #[must_use]
    pub fn problems(&self) -> &[ClientProblem] {
        &self.0
    }
}

impl fmt::Display for ClientsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ClientsError {}

/// One thing that is wrong, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientProblem {
    /// None: the file as a whole.
    index: Option<usize>,
    id: Option<String>,
    found: WrongField,
}

impl ClientProblem {
    pub(super) const fn new(index: usize, id: Option<String>, found: WrongField) -> Self {
        Self { index: Some(index), id, found }
    }

    pub(super) fn of_the_file(wrong: Wrong) -> Self {
        Self { index: None, id: None, found: WrongField::new("", wrong) }
    }

    /// Which client, counted from 0; `None` when the list itself cannot be read.
    #[must_use]
    pub const fn index(&self) -> Option<usize> {
        self.index
    }

    /// The `client_id`, where one could be read.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The member, such as `redirect_uris[1]` or `vestibule.consent`; empty for the client or the file as a whole.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.found.field
    }

    /// What is wrong with it.
    #[must_use]
    pub const fn wrong(&self) -> &Wrong {
        &self.found.wrong
    }
}

impl fmt::Display for ClientProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(index) = self.index {
            // People count from one.
            write!(f, "client {}", index.saturating_add(1))?;
            if let Some(id) = &self.id {
                write!(f, " ({id:?})")?;
            }
            f.write_str(": ")?;
        }
        self.found.fmt(f)
    }
}

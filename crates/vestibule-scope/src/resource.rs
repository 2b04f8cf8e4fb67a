//! The meaning of a resource scope: level, type, permissions, constraint. v1 and v2 come to the same value here.

use core::fmt;

use crate::constraint::Constraint;
use crate::dialect::Dialect;
use crate::error::ScopeError;
use crate::permissions::Permissions;
use crate::resource_type::ResourceType;

/// Whose data a resource scope speaks of (`SMART-SCOPE-060`…`-067`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// The one patient in context.
    Patient,
    /// Everything the user may access.
    User,
    /// What the client itself was pre-authorized for.
    System,
}

impl Level {
    /// The word before the `/`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::User => "user",
            Self::System => "system",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        [Self::Patient, Self::User, Self::System].into_iter().find(|level| level.as_str() == word)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which resource types a scope speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TypeSpec {
    /// `*`: all types, now and later (`SMART-SCOPE-069`). No list of types ever covers it.
    Any,
    /// One type.
    Named(ResourceType),
}

impl TypeSpec {
    /// Whether every type of `other` is one of this.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        self == Self::Any || self == other
    }

    /// The narrower of the two; `None` for two different types.
    #[must_use]
    pub fn intersect(self, other: Self) -> Option<Self> {
        if self.covers(other) {
            Some(other)
        } else if other.covers(self) {
            Some(self)
        } else {
            None
        }
    }
}

impl fmt::Display for TypeSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Named(resource_type) => f.write_str(resource_type.name()),
        }
    }
}

/// A scope on FHIR resources.
#[derive(Clone, Debug)]
pub struct ResourceScope {
    level: Level,
    resource_type: TypeSpec,
    permissions: Permissions,
    constraint: Option<Constraint>,
    dialect: Dialect,
}

impl ResourceScope {
    /// A scope of version 2.
    ///
    /// # Errors
    /// [`ScopeError::NoPermission`] for an empty set, [`ScopeError::ResultParameter`] for a constraint such as
    /// `_count=10`.
    pub fn new(
        level: Level,
        resource_type: TypeSpec,
        permissions: Permissions,
        constraint: Option<Constraint>,
    ) -> Result<Self, ScopeError> {
        Self::in_dialect(level, resource_type, permissions, constraint, Dialect::V2)
    }

    /// Falls back to v2 where v1 has no words for the meaning (`SMART-SCOPE-031`).
    pub(crate) fn in_dialect(
        level: Level,
        resource_type: TypeSpec,
        permissions: Permissions,
        constraint: Option<Constraint>,
        preferred: Dialect,
    ) -> Result<Self, ScopeError> {
        if permissions.is_empty() {
            return Err(ScopeError::NoPermission);
        }
        if constraint.as_ref().is_some_and(Constraint::is_result_parameter) {
            return Err(ScopeError::ResultParameter);
        }
        let fits_v1 = constraint.is_none() && permissions.v1_word().is_some();
        let dialect = if fits_v1 { preferred } else { Dialect::V2 };
        Ok(Self { level, resource_type, permissions, constraint, dialect })
    }

    /// Whose data.
    #[must_use]
    pub const fn level(&self) -> Level {
        self.level
    }

    /// Of which type.
    #[must_use]
    pub const fn resource_type(&self) -> TypeSpec {
        self.resource_type
    }

    /// What may be done.
    #[must_use]
    pub const fn permissions(&self) -> Permissions {
        self.permissions
    }

    /// Which resources of the type; `None` for all.
    #[must_use]
    pub const fn constraint(&self) -> Option<&Constraint> {
        self.constraint.as_ref()
    }

    /// In which version of the guide's language it was written.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// This scope with another constraint in place of its own; it becomes a v2 scope, as v1 has no constraints.
    ///
    /// # Errors
    /// [`ScopeError::ResultParameter`] for a constraint such as `_count=10`.
    pub fn with_constraint(&self, constraint: Constraint) -> Result<Self, ScopeError> {
        Self::new(self.level, self.resource_type, self.permissions, Some(constraint))
    }

    /// The same scope with other permissions; `None` for an empty set.
    #[must_use]
    pub fn with_permissions(&self, permissions: Permissions) -> Option<Self> {
        Self::in_dialect(self.level, self.resource_type, permissions, self.constraint.clone(), self.dialect)
            .ok()
    }

    /// Whether both mean the same, in whatever dialect.
    #[must_use]
    pub fn same_meaning(&self, other: &Self) -> bool {
        self.permissions == other.permissions && self.same_resources(other)
    }

    /// Whether this allows everything that `other` allows (`SCOPE-006`).
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.permissions.covers(other.permissions) && self.covers_resources(other)
    }

    /// What both allow, written in this one's dialect where that has the words.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Option<Self> {
        if self.level != other.level {
            return None;
        }
        let resource_type = self.resource_type.intersect(other.resource_type)?;
        let permissions = self.permissions.intersect(other.permissions);
        let constraint = match (&self.constraint, &other.constraint) {
            (Some(mine), Some(theirs)) => Some(mine.and(theirs)?),
            (one, None) | (None, one) => one.clone(),
        };
        Self::in_dialect(self.level, resource_type, permissions, constraint, self.dialect).ok()
    }

    /// Level, type and constraint mean the same.
    pub(crate) fn same_resources(&self, other: &Self) -> bool {
        self.level == other.level
            && self.resource_type == other.resource_type
            && match (&self.constraint, &other.constraint) {
                (None, None) => true,
                (Some(mine), Some(theirs)) => mine.same_meaning(theirs),
                _ => false,
            }
    }

    /// Every resource that `other` speaks of is one this speaks of.
    pub(crate) fn covers_resources(&self, other: &Self) -> bool {
        self.level == other.level
            && self.resource_type.covers(other.resource_type)
            && match (&self.constraint, &other.constraint) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(mine), Some(theirs)) => mine.covers(theirs),
            }
    }

    pub(crate) fn in_preferred_dialect(self, dialect: Dialect) -> Self {
        let fits = self.constraint.is_none() && self.permissions.v1_word().is_some();
        Self { dialect: if fits { dialect } else { Dialect::V2 }, ..self }
    }

    pub(crate) fn canonical(&self) -> Self {
        let constraint = self.constraint.as_ref().map(Constraint::canonical);
        Self { constraint, dialect: Dialect::V2, ..self.clone() }
    }
}

impl fmt::Display for ResourceScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}.", self.level, self.resource_type)?;
        match (self.dialect, self.permissions.v1_word()) {
            (Dialect::V1, Some(word)) => f.write_str(word)?,
            _ => write!(f, "{}", self.permissions)?,
        }
        match &self.constraint {
            Some(constraint) => write!(f, "?{constraint}"),
            None => Ok(()),
        }
    }
}

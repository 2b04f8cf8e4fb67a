//! One scope: its spelling and its meaning, and the algebra on the meaning.

use alloc::boxed::Box;
use alloc::string::ToString;
use core::borrow::Borrow;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::str::FromStr;

use crate::constraint::Constraint;
use crate::context::{ContextScope, IdentityScope, RefreshScope};
use crate::error::ScopeError;
use crate::parse;
use crate::permissions::Permissions;
use crate::resource::{Level, ResourceScope, TypeSpec};

/// One scope. It keeps the spelling it was read from, and compares (`==`, hash, order) by that spelling; the algebra
/// ([`same_meaning`](Self::same_meaning), [`covers`](Self::covers), [`intersect`](Self::intersect)) is on the meaning.
///
/// ```
/// use vestibule_scope::Scope;
///
/// let v1 = Scope::parse("patient/Observation.read").unwrap();
/// let v2 = Scope::parse("patient/Observation.rs").unwrap();
/// assert_ne!(v1, v2);
/// assert!(v1.same_meaning(&v2));
/// assert_eq!(v1.to_string(), "patient/Observation.read");
/// ```
#[derive(Clone)]
pub struct Scope {
    text: Box<str>,
    kind: ScopeKind,
}

/// What kind of scope it is, and its meaning.
#[derive(Clone, Debug)]
pub enum ScopeKind {
    /// `patient/…`, `user/…`, `system/…`
    Resource(ResourceScope),
    /// `launch`, `launch/…`
    Context(ContextScope),
    /// `openid`, `fhirUser`, …
    Identity(IdentityScope),
    /// `online_access`, `offline_access`
    Refresh(RefreshScope),
    /// A URI, a `__name`, or a word that a host registered: the spelling is the meaning (`SMART-SCOPE-095`).
    Extension,
}

impl Scope {
    /// Reads one scope.
    ///
    /// # Errors
    /// The [`ScopeError`] that says what is wrong with the token.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        let kind = parse::scope(text)?;
        Ok(Self { text: text.into(), kind })
    }

    /// A resource scope of version 2.
    ///
    /// ```
    /// use vestibule_scope::{Constraint, Level, Permissions, ResourceType, Scope, TypeSpec};
    ///
    /// let observation = TypeSpec::Named(ResourceType::from_name("Observation").unwrap());
    /// let lab = Constraint::parse("category=laboratory").unwrap();
    /// let scope = Scope::resource(Level::Patient, observation, Permissions::V1_READ, Some(lab)).unwrap();
    /// assert_eq!(scope.as_str(), "patient/Observation.rs?category=laboratory");
    /// ```
    ///
    /// # Errors
    /// As [`ResourceScope::new`].
    pub fn resource(
        level: Level,
        resource_type: TypeSpec,
        permissions: Permissions,
        constraint: Option<Constraint>,
    ) -> Result<Self, ScopeError> {
        ResourceScope::new(level, resource_type, permissions, constraint).map(Self::from)
    }

    /// A word of the host's own that is neither a URI nor starts with `__`, such as the sandbox-era
    /// `smart/orchestrate_launch` (`SMART-SCOPE-096`). [`parse`](Self::parse) never yields it: the host compares the
    /// requested token's text with the words it registered, and calls this for those alone.
    ///
    /// # Errors
    /// [`ScopeError::NotAnExtension`] for a scope that has a meaning already; other errors for what only looks like
    /// a scope of this language, which must never be taken for one.
    pub fn extension(text: &str) -> Result<Self, ScopeError> {
        match parse::scope(text) {
            Ok(ScopeKind::Extension) | Err(ScopeError::Unknown) => {
                Ok(Self { text: text.into(), kind: ScopeKind::Extension })
            }
            Ok(_) => Err(ScopeError::NotAnExtension),
            Err(error) => Err(error),
        }
    }

    /// The spelling.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The meaning.
    #[must_use]
    pub const fn kind(&self) -> &ScopeKind {
        &self.kind
    }

    /// The meaning of a resource scope.
    #[must_use]
    pub const fn as_resource(&self) -> Option<&ResourceScope> {
        match &self.kind {
            ScopeKind::Resource(resource) => Some(resource),
            _ => None,
        }
    }

    /// The meaning of a launch context scope.
    #[must_use]
    pub const fn as_context(&self) -> Option<&ContextScope> {
        match &self.kind {
            ScopeKind::Context(context) => Some(context),
            _ => None,
        }
    }

    /// Whether this is a `patient/` scope, which obliges a server to have a patient in context (`SMART-SCOPE-061`).
    #[must_use]
    pub fn is_patient_level(&self) -> bool {
        self.as_resource().is_some_and(|resource| resource.level() == Level::Patient)
    }

    /// Whether both mean the same, however they are spelled.
    #[must_use]
    pub fn same_meaning(&self, other: &Self) -> bool {
        match (&self.kind, &other.kind) {
            (ScopeKind::Resource(mine), ScopeKind::Resource(theirs)) => mine.same_meaning(theirs),
            // Every other kind has one spelling for one meaning.
            _ => self.text == other.text,
        }
    }

    /// Whether this allows everything that `other` allows. What cannot be proven covered is not covered
    /// (`SCOPE-006`).
    ///
    /// ```
    /// # use vestibule_scope::Scope;
    /// let scope = |text| Scope::parse(text).unwrap();
    /// assert!(scope("patient/*.read").covers(&scope("patient/Observation.r?category=laboratory")));
    /// assert!(!scope("patient/Observation.r").covers(&scope("patient/ObservationDefinition.r")));
    /// ```
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (&self.kind, &other.kind) {
            (ScopeKind::Resource(mine), ScopeKind::Resource(theirs)) => mine.covers(theirs),
            _ => self.text == other.text,
        }
    }

    /// What both allow; `None` if that is nothing.
    ///
    /// Where the result means the same as this scope, it is this scope in its own spelling. Otherwise a v1 scope
    /// stays v1 where v1 has the words, and else becomes v2 (`SMART-SCOPE-031`).
    ///
    /// ```
    /// # use vestibule_scope::Scope;
    /// let scope = |text| Scope::parse(text).unwrap();
    /// let asked = scope("patient/*.read");
    /// assert_eq!(asked.intersect(&scope("patient/*.cruds")), Some(asked.clone()));
    /// assert_eq!(asked.intersect(&scope("patient/Condition.crus")), Some(scope("patient/Condition.read")));
    /// assert_eq!(asked.intersect(&scope("patient/*.r")), Some(scope("patient/*.r")));
    /// assert_eq!(asked.intersect(&scope("user/*.read")), None);
    /// ```
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Option<Self> {
        match (&self.kind, &other.kind) {
            (ScopeKind::Resource(mine), ScopeKind::Resource(theirs)) => {
                // What is not narrowed is printed as it was written: the dialect and the constraint's text are kept.
                mine.intersect(theirs).map(Self::from)
            }
            _ => (self.text == other.text).then(|| self.clone()),
        }
    }

    /// One spelling for everything of this meaning: v2, pairs and values of a constraint sorted.
    #[must_use]
    pub fn canonical(&self) -> Self {
        match &self.kind {
            ScopeKind::Resource(resource) => Self::from(resource.canonical()),
            _ => self.clone(),
        }
    }
}

/// The scope, spelled from its meaning.
impl From<ResourceScope> for Scope {
    fn from(resource: ResourceScope) -> Self {
        Self { text: resource.to_string().into_boxed_str(), kind: ScopeKind::Resource(resource) }
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        Self::parse(text)
    }
}

impl TryFrom<&str> for Scope {
    type Error = ScopeError;

    fn try_from(text: &str) -> Result<Self, ScopeError> {
        Self::parse(text)
    }
}

impl AsRef<str> for Scope {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl Borrow<str> for Scope {
    fn borrow(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Scope {}

impl Hash for Scope {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl PartialOrd for Scope {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scope {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({})", self.text)
    }
}

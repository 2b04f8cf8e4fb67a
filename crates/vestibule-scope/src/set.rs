//! Sets of scopes: what they allow together, and what of a request fits under them.
//!
//! Several scopes are a union of access (`SMART-SCOPE-043`). A union is taken apart by permission: `.r` and `.s` on the
//! same resources cover `.rs`. It is not taken apart by type (a wildcard means later types too, `SMART-SCOPE-069`) nor
//! by the values of a constraint.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::fmt;

use crate::dialect::Dialect;
use crate::error::{ListError, ScopeError};
use crate::list::ScopeList;
use crate::permissions::{Permission, Permissions};
use crate::resource::{Level, ResourceScope, TypeSpec};
use crate::resource_type::ResourceType;
use crate::scope::{Scope, ScopeKind};

/// An ordered set of scopes, without doubles of spelling.
///
/// ```
/// use vestibule_scope::{Narrowed, Scope, ScopeSet};
///
/// let ceiling = ScopeSet::parse("launch/patient patient/*.rs").unwrap();
/// let scope = |text| Scope::parse(text).unwrap();
///
/// let whole = scope("patient/Observation.read");
/// assert_eq!(ceiling.narrow(&whole), Narrowed::Whole(whole));
/// assert_eq!(
///     ceiling.narrow(&scope("patient/AllergyIntolerance.cruds")),
///     Narrowed::Parts(vec![scope("patient/AllergyIntolerance.rs")])
/// );
/// assert_eq!(ceiling.narrow(&scope("user/Observation.rs")), Narrowed::Nothing);
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ScopeSet {
    scopes: Vec<Scope>,
}

/// What of a requested scope fits under a ceiling.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Narrowed {
    /// All of it: the requested scope in its own spelling (`SMART-SCOPE-007`).
    Whole(Scope),
    /// These parts of it, at least one.
    Parts(Vec<Scope>),
    /// Nothing.
    Nothing,
}

impl Narrowed {
    /// The scopes that fit.
    #[must_use]
    pub fn into_scopes(self) -> Vec<Scope> {
        match self {
            Self::Whole(scope) => alloc::vec![scope],
            Self::Parts(scopes) => scopes,
            Self::Nothing => Vec::new(),
        }
    }
}

/// Why a string is not a [`ScopeSet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetError {
    /// The list as a whole is malformed.
    List(ListError),
    /// One of its tokens is no scope.
    Scope(ScopeError),
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::List(error) => error.message(),
            Self::Scope(error) => error.message(),
        })
    }
}

impl core::error::Error for SetError {}

impl ScopeSet {
    /// The empty set.
    #[must_use]
    pub const fn new() -> Self {
        Self { scopes: Vec::new() }
    }

    /// Reads scopes that must all be right, as in configuration or a stored grant; the empty string is the empty set.
    /// For what a client sends use [`ScopeList`].
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, SetError> {
        if text.is_empty() {
            return Ok(Self::new());
        }
        let list = ScopeList::parse(text).map_err(SetError::List)?;
        list.into_iter().map(|requested| requested.parsed.map_err(SetError::Scope)).collect()
    }

    /// Whether the text of this set is within the limits of a [`ScopeList`].
    ///
    /// A few wildcards in a request, narrowed by a ceiling of many types, can grow past them. Check before you store or
    /// send a set; what is past the limits is refused, not cut.
    #[must_use]
    pub fn is_within_limits(&self) -> bool {
        let text: usize = self.iter().map(|scope| scope.as_str().len() + 1).sum();
        self.len() <= ScopeList::MAX_TOKENS && text <= ScopeList::MAX_LEN + 1
    }

    /// Adds a scope at the end; `false` if it is there already, in the same spelling.
    pub fn insert(&mut self, scope: Scope) -> bool {
        let new = !self.contains(&scope);
        if new {
            self.scopes.push(scope);
        }
        new
    }

    /// Whether the scope is here in this spelling.
    #[must_use]
    pub fn contains(&self, scope: &Scope) -> bool {
        self.scopes.contains(scope)
    }

    /// The scopes in the order they came.
    pub fn iter(&self) -> core::slice::Iter<'_, Scope> {
        self.scopes.iter()
    }

    /// How many scopes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.scopes.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.scopes.is_empty()
    }

    /// Whether the scopes together allow everything that `scope` allows.
    ///
    /// ```
    /// # use vestibule_scope::{Scope, ScopeSet};
    /// let set = ScopeSet::parse("patient/Observation.r patient/*.s").unwrap();
    /// assert!(set.covers(&Scope::parse("patient/Observation.rs").unwrap()));
    /// ```
    #[must_use]
    pub fn covers(&self, scope: &Scope) -> bool {
        covered_by(scope, self.scopes.iter())
    }

    /// Whether the scopes together allow everything that those of `other` allow.
    #[must_use]
    pub fn covers_set(&self, other: &Self) -> bool {
        other.iter().all(|scope| self.covers(scope))
    }

    /// Whether both allow the same, however it is spelled and split.
    #[must_use]
    pub fn same_meaning(&self, other: &Self) -> bool {
        self.covers_set(other) && other.covers_set(self)
    }

    /// The resource scopes that give one permission on one type. A FHIR server lets a resource through that matches
    /// the constraint of any of them, or where one has none (`SMART-SCOPE-043`).
    #[must_use]
    pub fn giving(
        &self,
        level: Level,
        resource_type: ResourceType,
        permission: Permission,
    ) -> Vec<&ResourceScope> {
        self.iter()
            .filter_map(Scope::as_resource)
            .filter(|scope| {
                scope.level() == level
                    && scope.resource_type().covers(TypeSpec::Named(resource_type))
                    && scope.permissions().contains(permission)
            })
            .collect()
    }

    /// What of `requested` fits under this set, the ceiling. Never more than either allows.
    pub fn narrow(&self, requested: &Scope) -> Narrowed {
        if self.covers(requested) {
            return Narrowed::Whole(requested.clone());
        }
        let mut parts = merged(self.iter().filter_map(|member| requested.intersect(member)));
        if requested.as_resource().is_some_and(|resource| resource.dialect() == Dialect::V1) {
            // SMART-SCOPE-031: parts that had no v1 word may have one together.
            parts = parts.into_iter().map(|part| part.to_v1().unwrap_or(part)).collect();
        }
        let parts = without_covered(parts);
        if parts.is_empty() { Narrowed::Nothing } else { Narrowed::Parts(parts) }
    }

    /// What both sets allow: each scope of this one narrowed by `other`, spelling kept where nothing is lost.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        self.iter().flat_map(|scope| other.narrow(scope).into_scopes()).collect()
    }

    /// The scopes of this set, then those of `other` that are not here in the same spelling.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.iter().chain(other.iter()).cloned().collect()
    }

    /// One set for everything of this meaning: v2, the fewest and widest scopes, in order of spelling
    /// (`SMART-SCOPE-006`). Every scope is compared with every other. An answer to a client echoes its own spelling instead (`SMART-SCOPE-007`).
    #[must_use]
    pub fn canonical(&self) -> Self {
        // A permission stays where no wider scope gives it; of equals, the first keeps it.
        let widest = self.iter().enumerate().filter_map(|(at, scope)| {
            let ScopeKind::Resource(resource) = scope.kind() else {
                return Some(scope.clone());
            };
            let others = self.iter().enumerate().filter_map(|(other_at, other)| {
                let other = other.as_resource()?;
                let wider = other.covers_resources(resource)
                    && (other_at < at || other_at > at && !resource.covers_resources(other));
                wider.then(|| other.permissions())
            });
            let elsewhere = others.fold(Permissions::NONE, Permissions::union);
            resource.with_permissions(resource.permissions().without(elsewhere)).map(Scope::from)
        });
        let mut scopes: Vec<Scope> = merged(widest).iter().map(Scope::canonical).collect();
        scopes.sort_unstable();
        scopes.into_iter().collect()
    }
}

/// Each permission of the scope is given by some member that covers its resources.
fn covered_by<'a>(scope: &Scope, members: impl Iterator<Item = &'a Scope>) -> bool {
    let ScopeKind::Resource(wanted) = scope.kind() else {
        return members.into_iter().any(|member| member.same_meaning(scope));
    };
    members
        .filter_map(Scope::as_resource)
        .filter(|member| member.covers_resources(wanted))
        .map(ResourceScope::permissions)
        .fold(Permissions::NONE, Permissions::union)
        .covers(wanted.permissions())
}

/// One scope for all that speak of the same resources, in the place and the dialect of the first.
fn merged(scopes: impl Iterator<Item = Scope>) -> Vec<Scope> {
    let mut merged: Vec<Scope> = Vec::new();
    for scope in scopes {
        let twin = merged.iter_mut().find(|it| match (it.as_resource(), scope.as_resource()) {
            (Some(mine), Some(theirs)) => mine.same_resources(theirs),
            _ => **it == scope,
        });
        match twin {
            None => merged.push(scope),
            Some(twin) => {
                if let (Some(mine), Some(theirs)) = (twin.as_resource(), scope.as_resource()) {
                    let both = mine.with_permissions(mine.permissions() | theirs.permissions());
                    *twin = both.map_or(scope, Scope::from);
                }
            }
        }
    }
    merged
}

/// Leaves out scopes that the others cover together.
fn without_covered(scopes: Vec<Scope>) -> Vec<Scope> {
    let mut left = scopes;
    let mut at = 0;
    while let Some(scope) = left.get(at) {
        let others = left.iter().enumerate().filter(|(other_at, _)| *other_at != at).map(|(_, other)| other);
        if covered_by(scope, others) {
            left.remove(at);
        } else {
            at += 1;
        }
    }
    left
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(iter: I) -> Self {
        let mut set = Self::new();
        set.extend(iter);
        set
    }
}

impl Extend<Scope> for ScopeSet {
    fn extend<I: IntoIterator<Item = Scope>>(&mut self, iter: I) {
        self.scopes.extend(iter);
        // One pass: a request of wildcards narrowed by a long ceiling has many parts.
        let mut seen = BTreeSet::new();
        let mut first: Vec<bool> = self.scopes.iter().map(|scope| seen.insert(scope.as_str())).collect();
        let mut first = first.drain(..);
        self.scopes.retain(|_| first.next().unwrap_or(false));
    }
}

impl<'a> IntoIterator for &'a ScopeSet {
    type Item = &'a Scope;
    type IntoIter = core::slice::Iter<'a, Scope>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for ScopeSet {
    type Item = Scope;
    type IntoIter = alloc::vec::IntoIter<Scope>;

    fn into_iter(self) -> Self::IntoIter {
        self.scopes.into_iter()
    }
}

impl core::str::FromStr for ScopeSet {
    type Err = SetError;

    fn from_str(text: &str) -> Result<Self, SetError> {
        Self::parse(text)
    }
}

/// The scopes with one space between them, as in a `scope` parameter.
impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, scope) in self.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope.as_str())?;
        }
        Ok(())
    }
}

impl fmt::Debug for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScopeSet({self})")
    }
}

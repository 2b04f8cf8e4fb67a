//! The two spellings of a resource scope: SMART 1.0 (`.read`) and 2.x (`.rs`) (`SMART-SCOPE-030`…`-033`).

use crate::scope::{Scope, ScopeKind};

/// In which version of the language a resource scope is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    /// SMART 1.0: `.read`, `.write`, `.*`.
    V1,
    /// SMART 2.x: letters of `cruds`, perhaps a constraint.
    V2,
}

impl Scope {
    /// This scope in the words of SMART 1.0, if v1 has words of exactly this meaning.
    ///
    /// Scopes on no resources are written alike in both.
    ///
    /// ```
    /// # use vestibule_scope::Scope;
    /// let scope = |text| Scope::parse(text).unwrap();
    /// assert_eq!(scope("patient/*.rs").to_v1(), Some(scope("patient/*.read")));
    /// assert_eq!(scope("patient/*.r").to_v1(), None);
    /// ```
    #[must_use]
    pub fn to_v1(&self) -> Option<Self> {
        let ScopeKind::Resource(resource) = self.kind() else {
            return Some(self.clone());
        };
        if resource.dialect() == Dialect::V1 {
            return Some(self.clone());
        }
        let resource = resource.clone().in_preferred_dialect(Dialect::V1);
        (resource.dialect() == Dialect::V1).then(|| Self::from(resource))
    }

    /// This scope in the letters of SMART 2.x. A v2 scope keeps its spelling.
    #[must_use]
    pub fn to_v2(&self) -> Self {
        match self.kind() {
            ScopeKind::Resource(resource) if resource.dialect() == Dialect::V1 => {
                Self::from(resource.clone().in_preferred_dialect(Dialect::V2))
            }
            _ => self.clone(),
        }
    }
}

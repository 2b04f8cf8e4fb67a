//! What a check says.

/// Whether a resource may be shown, or written.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It may.
    Permitted,
    /// It may not. The app must not be able to tell this from a resource that is not there: a read is answered with 404 in
    /// both cases, with the same body; a write with 403 in both.
    Hidden(Hidden),
}

impl Verdict {
    /// Whether it may.
    pub const fn is_permitted(self) -> bool {
        matches!(self, Self::Permitted)
    }
}

/// Why a resource is not shown. For the operator only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Hidden {
    /// No scope reaches its type.
    NoScope,
    /// It belongs to another patient, to several or to none.
    NotThePatients,
    /// It does not match the constraint of any scope (SMART-SCOPE-046).
    Constraint,
    /// It is of another type than what was asked for, or of none.
    Unexpected,
    /// There is nothing to judge.
    Missing,
}

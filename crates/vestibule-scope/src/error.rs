//! Why a token, or a whole list, is refused.
//!
//! Every message is a constant: nothing of the input is echoed, so an error may go into a log line or a reply as it is.

use core::fmt;

/// Why one token is not a scope of this language.
///
/// Each variant is one row (or one kind of row) of the guide's examples of wrong scopes. A server drops such a token
/// and reports it (`SMART-SCOPE-004`); it never guesses what was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ScopeError {
    /// The text is empty.
    Empty,
    /// A character that RFC 6749 §3.3 does not allow in a token: space, `"`, `\`, control, or not ASCII.
    Character,
    /// The token is longer than [`MAX_LEN`](crate::ScopeList::MAX_LEN).
    TooLong,
    /// A well-formed token that means nothing in this language.
    Unknown,
    /// The name of a token-response parameter such as `need_patient_banner` (`SMART-SCOPE-097`).
    ResponseParameter,
    /// A resource type and permissions without a level: `Observation.rs`.
    NoLevel,
    /// A level other than `patient`, `user`, `system`.
    UnknownLevel,
    /// A level in upper or mixed case.
    LevelCase,
    /// An instance scope such as `patient/Observation/123.rs`; there are none.
    Instance,
    /// No resource type where one belongs.
    NoType,
    /// The type is in no FHIR release from DSTU2 to R5.
    UnknownType,
    /// The type exists, in another case: `patient/observation.rs`.
    TypeCase,
    /// No permission suffix: `patient/Observation`.
    NoSuffix,
    /// An empty permission suffix: `patient/Observation.`.
    NoPermission,
    /// A suffix with a character outside `cruds` (`SMART-SCOPE-002`).
    UnknownPermission,
    /// A permission in upper case.
    PermissionCase,
    /// Permissions in another order than `cruds`.
    PermissionOrder,
    /// A permission given twice.
    PermissionRepeated,
    /// A search constraint on a v1 suffix (`SMART-SCOPE-034`).
    ConstraintOnV1,
    /// A `?` with nothing behind it, or an empty pair between two `&`.
    EmptyConstraint,
    /// A pair without `=`.
    PairWithoutValue,
    /// A pair whose value, or one of its alternatives, is empty.
    EmptyValue,
    /// A search parameter name, chain or modifier that is not well formed.
    ParameterName,
    /// A broken percent escape in a value, one that is not UTF-8 or hides a control character, or a lone `\` at the end.
    Escape,
    /// A parameter that shapes results instead of filtering them, such as `_count` (`SMART-SCOPE-050`).
    ResultParameter,
    /// More pairs or alternatives than this crate compares.
    TooManyConditions,
    /// `launch?…`: a role needs a type.
    RoleWithoutType,
    /// `launch/Patient`: the type of a context scope is in lower case.
    ContextTypeCase,
    /// `launch/<type>` with a type of no FHIR release.
    UnknownContextType,
    /// A parameter other than `role` on a context scope.
    ContextParameter,
    /// An empty role, or one that is not a valid URI though it has a scheme.
    Role,
    /// Two roles in one context scope (`SMART-SCOPE-085`).
    TwoRoles,
    /// A URI scope with characters that no URI has.
    Uri,
    /// `__` alone: an extension needs a name.
    ExtensionName,
    /// The token already has a meaning, so a host cannot register it as its own.
    NotAnExtension,
}

impl ScopeError {
    /// The constant text of this error.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::Empty => "the scope is empty",
            Self::Character => "the scope has a character that is not allowed in a scope token",
            Self::TooLong => "the scope is too long",
            Self::Unknown => "the scope is not known",
            Self::ResponseParameter => "this is a parameter of the token response, not a scope",
            Self::NoLevel => "the level is missing: patient, user or system",
            Self::UnknownLevel => "the level is not patient, user or system",
            Self::LevelCase => "the level is written in lower case",
            Self::Instance => "a scope cannot name a single resource",
            Self::NoType => "the resource type is missing",
            Self::UnknownType => "the resource type is not a FHIR resource type",
            Self::TypeCase => "the resource type is case-sensitive",
            Self::NoSuffix => "the permissions are missing",
            Self::NoPermission => "the permission suffix is empty",
            Self::UnknownPermission => "the permission suffix is not made of the letters c, r, u, d, s",
            Self::PermissionCase => "permissions are written in lower case",
            Self::PermissionOrder => "permissions are written in the order c, r, u, d, s",
            Self::PermissionRepeated => "a permission is given twice",
            Self::ConstraintOnV1 => "a version 1 scope cannot have a search constraint",
            Self::EmptyConstraint => "the search constraint is empty",
            Self::PairWithoutValue => "a search constraint has no equals sign",
            Self::EmptyValue => "a search constraint has no value",
            Self::ParameterName => "a search parameter name is malformed",
            Self::Escape => "a percent escape in a search constraint is malformed",
            Self::ResultParameter => "a search constraint cannot shape the result",
            Self::TooManyConditions => "the search constraint has too many conditions",
            Self::RoleWithoutType => "a launch role needs a resource type",
            Self::ContextTypeCase => "the type of a launch context scope is written in lower case",
            Self::UnknownContextType => "the type of the launch context scope is not a FHIR resource type",
            Self::ContextParameter => "a launch context scope has no other parameter than role",
            Self::Role => "the role of the launch context scope is malformed",
            Self::TwoRoles => "a launch context scope has at most one role",
            Self::Uri => "the scope is not a well-formed URI",
            Self::ExtensionName => "the extension scope has no name",
            Self::NotAnExtension => "the scope has a meaning already and cannot be an extension",
        }
    }
}

impl fmt::Display for ScopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl core::error::Error for ScopeError {}

/// Why a whole `scope` string is refused: it breaks RFC 6749 §3.3, or a limit.
///
/// A server answers `invalid_scope`. A well-formed string with unknown tokens is *not* refused: see
/// [`Requested`](crate::Requested).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ListError {
    /// No token at all.
    Empty,
    /// More than [`MAX_LEN`](crate::ScopeList::MAX_LEN) bytes.
    TooLong,
    /// More than [`MAX_TOKENS`](crate::ScopeList::MAX_TOKENS) tokens.
    TooManyTokens,
    /// A space at the start or the end, or two in a row (`SCOPE-001`).
    Spacing,
    /// A character outside the token's set, tabs and line breaks among them.
    Character,
}

impl ListError {
    /// The constant text of this error.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::Empty => "the scope list is empty",
            Self::TooLong => "the scope list is too long",
            Self::TooManyTokens => "the scope list has too many scopes",
            Self::Spacing => "scopes are separated by exactly one space",
            Self::Character => "the scope list has a character that is not allowed",
        }
    }
}

impl fmt::Display for ListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl core::error::Error for ListError {}

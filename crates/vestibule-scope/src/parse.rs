//! The grammar of one scope. Read [`scope`] first: it is the order of the alternatives.
//!
//! No back-tracking and no recursion: each character is looked at a constant number of times.

use crate::constraint::Constraint;
use crate::context::{ContextScope, IdentityScope, RefreshScope, Role};
use crate::dialect::Dialect;
use crate::error::ScopeError;
use crate::list::ScopeList;
use crate::permissions::Permissions;
use crate::resource::{Level, ResourceScope, TypeSpec};
use crate::resource_type::ResourceType;
use crate::scope::ScopeKind;

pub(crate) fn scope(text: &str) -> Result<ScopeKind, ScopeError> {
    if text.is_empty() {
        return Err(ScopeError::Empty);
    }
    if text.len() > ScopeList::MAX_LEN {
        return Err(ScopeError::TooLong);
    }
    if !text.bytes().all(is_token_character) {
        return Err(ScopeError::Character);
    }
    if let Some(kind) = word(text)? {
        return Ok(kind);
    }
    if let Some(context) = text.strip_prefix("launch/") {
        return launch_type(context).map(ScopeKind::Context);
    }
    if let Some(name) = text.strip_prefix("__") {
        return if name.is_empty() { Err(ScopeError::ExtensionName) } else { Ok(ScopeKind::Extension) };
    }
    if has_uri_scheme(text) {
        return if is_uri(text) { Ok(ScopeKind::Extension) } else { Err(ScopeError::Uri) };
    }
    match text.split_once('/') {
        Some((level, rest)) => resource(level, rest).map(ScopeKind::Resource),
        None => Err(without_level(text)),
    }
}

/// RFC 6749 §3.3: printable ASCII without space, `"` and `\`.
pub(crate) const fn is_token_character(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E)
}

/// Whether the text begins with `scheme:` and goes on (RFC 3986 §3.1).
pub(crate) fn has_uri_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, rest)| {
        !rest.is_empty()
            && scheme.bytes().next().is_some_and(|first| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    })
}

/// Scopes that are one fixed word.
fn word(text: &str) -> Result<Option<ScopeKind>, ScopeError> {
    let kind = match text {
        "launch" => ScopeKind::Context(ContextScope::Launch),
        "openid" => ScopeKind::Identity(IdentityScope::OpenId),
        "fhirUser" => ScopeKind::Identity(IdentityScope::FhirUser),
        "profile" => ScopeKind::Identity(IdentityScope::Profile),
        "email" => ScopeKind::Identity(IdentityScope::Email),
        "address" => ScopeKind::Identity(IdentityScope::Address),
        "phone" => ScopeKind::Identity(IdentityScope::Phone),
        "online_access" => ScopeKind::Refresh(RefreshScope::Online),
        "offline_access" => ScopeKind::Refresh(RefreshScope::Offline),
        // SMART-SCOPE-097
        "need_patient_banner"
        | "smart_style_url"
        | "intent"
        | "tenant"
        | "patient"
        | "encounter"
        | "fhirContext" => {
            return Err(ScopeError::ResponseParameter);
        }
        _ => return Ok(None),
    };
    Ok(Some(kind))
}

/// What stands behind `launch/`: a type in lower case, perhaps one role.
fn launch_type(text: &str) -> Result<ContextScope, ScopeError> {
    let (name, query) = match text.split_once('?') {
        Some((name, query)) => (name, Some(query)),
        None => (text, None),
    };
    let Some(resource_type) = ResourceType::from_lower_case(name) else {
        return Err(match ResourceType::from_any_case(name) {
            Some(_) => ScopeError::ContextTypeCase,
            None => ScopeError::UnknownContextType,
        });
    };
    let role = query.map(role).transpose()?;
    Ok(ContextScope::LaunchType { resource_type, role })
}

/// `role=…`, once (SMART-SCOPE-085).
fn role(query: &str) -> Result<Role, ScopeError> {
    let mut pairs = query.split('&');
    let role =
        pairs.next().and_then(|pair| pair.strip_prefix("role=")).ok_or(ScopeError::ContextParameter)?;
    if let Some(next) = pairs.next() {
        return Err(if next.starts_with("role=") {
            ScopeError::TwoRoles
        } else {
            ScopeError::ContextParameter
        });
    }
    // A relative role is taken as text: only SMART may define one, and a host may know it.
    if role.is_empty() || has_uri_scheme(role) && !is_uri(role) {
        return Err(ScopeError::Role);
    }
    Ok(Role(role.into()))
}

/// `level "/" type "." suffix [ "?" constraint ]`
fn resource(level: &str, rest: &str) -> Result<ResourceScope, ScopeError> {
    let (head, constraint) = match rest.split_once('?') {
        Some((head, constraint)) => (head, Some(constraint)),
        None => (rest, None),
    };
    let Some(level) = Level::from_word(level) else {
        return Err(wrong_level(level, head));
    };
    if head.contains('/') {
        return Err(ScopeError::Instance);
    }
    let (name, suffix) = match head.split_once('.') {
        Some((name, suffix)) => (name, Some(suffix)),
        None => (head, None),
    };
    let resource_type = type_spec(name)?;
    let suffix = suffix.ok_or(ScopeError::NoSuffix)?;
    let (permissions, dialect) = match Permissions::from_v1_word(suffix) {
        Some(permissions) => (permissions, Dialect::V1),
        None => (Permissions::from_letters(suffix)?, Dialect::V2),
    };
    // SMART-SCOPE-034
    if dialect == Dialect::V1 && constraint.is_some() {
        return Err(ScopeError::ConstraintOnV1);
    }
    let constraint = constraint.map(Constraint::parse).transpose()?;
    ResourceScope::in_dialect(level, resource_type, permissions, constraint, dialect)
}

fn type_spec(name: &str) -> Result<TypeSpec, ScopeError> {
    if name == "*" {
        return Ok(TypeSpec::Any);
    }
    match ResourceType::from_name(name) {
        Some(resource_type) => Ok(TypeSpec::Named(resource_type)),
        None if name.is_empty() => Err(ScopeError::NoType),
        None if ResourceType::from_any_case(name).is_some() => Err(ScopeError::TypeCase),
        None => Err(ScopeError::UnknownType),
    }
}

/// A wrong level, or something that is no resource scope at all, such as `smart/orchestrate_launch`.
fn wrong_level(level: &str, head: &str) -> ScopeError {
    if level.starts_with("launch?") {
        ScopeError::RoleWithoutType
    } else if Level::from_word(&level.to_ascii_lowercase()).is_some() {
        ScopeError::LevelCase
    } else if head.contains('.') {
        ScopeError::UnknownLevel
    } else {
        ScopeError::Unknown
    }
}

fn without_level(text: &str) -> ScopeError {
    if text.starts_with("launch?") {
        return ScopeError::RoleWithoutType;
    }
    let looks_like_resource =
        text.split_once('.').is_some_and(|(name, _)| name == "*" || ResourceType::from_name(name).is_some());
    if looks_like_resource { ScopeError::NoLevel } else { ScopeError::Unknown }
}

/// Only characters of RFC 3986 §2, with whole percent escapes.
fn is_uri(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let fine = match byte {
            b'%' => {
                bytes.next().is_some_and(|digit| digit.is_ascii_hexdigit())
                    && bytes.next().is_some_and(|digit| digit.is_ascii_hexdigit())
            }
            b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}' => false,
            _ => is_token_character(byte),
        };
        if !fine {
            return false;
        }
    }
    true
}

//! What a scope means, in the words of a patient or a nurse (SMART-AUTHZ-072): a short label, a longer line, and what
//! the app could do.

use vestibule_scope::{
    Constraint, ContextScope, IdentityScope, Level, Permission, Permissions, RefreshScope, ResourceScope,
    Scope, ScopeKind, TypeSpec,
};

use crate::language::{Sentence, Texts, shown};

/// Code systems whose codes our categories describe; a code of another system may mean something else.
const CATEGORY_SYSTEMS: [&str; 2] =
    ["http://terminology.hl7.org/CodeSystem/", "http://hl7.org/fhir/us/core/CodeSystem/"];

/// Where a scope stands on the consent page, in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Group {
    Patient,
    User,
    System,
    Identity,
    Staying,
    Context,
    Other,
}

impl Group {
    pub(crate) const ALL: [Self; 7] =
        [Self::Patient, Self::User, Self::System, Self::Identity, Self::Staying, Self::Context, Self::Other];
}

/// A scope in words.
#[derive(Clone, Debug)]
pub(crate) struct ScopeWords {
    pub(crate) group: Group,
    /// A few words.
    pub(crate) label: Sentence,
    /// One line more.
    pub(crate) detail: String,
    /// What the app could look at, for example "See"; empty for none.
    pub(crate) sees: String,
    /// What it could do to the data, for example "add, change"; empty for none.
    pub(crate) changes: String,
    /// What has no words of ours, as it is written: a constraint, a role, an extension scope.
    pub(crate) literal: Option<String>,
}

impl ScopeWords {
    pub(crate) fn of(scope: &Scope, texts: Texts<'_>) -> Self {
        match scope.kind() {
            ScopeKind::Resource(resource) => Self::resource(resource, texts),
            ScopeKind::Context(context) => Self::context(context, texts),
            ScopeKind::Identity(identity) => Self::plain(Group::Identity, identity_key(*identity), texts),
            ScopeKind::Refresh(RefreshScope::Offline) => {
                Self::plain(Group::Staying, "scope-offline_access", texts)
            }
            ScopeKind::Refresh(RefreshScope::Online) => {
                Self::plain(Group::Staying, "scope-online_access", texts)
            }
            ScopeKind::Extension => Self {
                literal: Some(shown(scope.as_str())),
                ..Self::plain(Group::Other, "scope-extension", texts)
            },
        }
    }

    fn plain(group: Group, key: &str, texts: Texts<'_>) -> Self {
        Self {
            group,
            label: Sentence::own(texts.say(key)),
            detail: texts.detail(key),
            sees: String::new(),
            changes: String::new(),
            literal: None,
        }
    }

    fn context(context: &ContextScope, texts: Texts<'_>) -> Self {
        match context {
            ContextScope::Launch => Self::plain(Group::Context, "scope-launch", texts),
            _ if context.is_launch_patient() => Self::plain(Group::Context, "scope-launch-patient", texts),
            _ if context.is_launch_encounter() => {
                Self::plain(Group::Context, "scope-launch-encounter", texts)
            }
            ContextScope::LaunchType { resource_type, role } => {
                let (kind, _) = kind_of_data(resource_type.name(), texts);
                Self {
                    label: texts.about("scope-launch-other", "name", &kind.to_string()),
                    literal: role.as_ref().map(|role| shown(role.as_str())),
                    ..Self::plain(Group::Context, "scope-launch-other", texts)
                }
            }
        }
    }

    fn resource(resource: &ResourceScope, texts: Texts<'_>) -> Self {
        let group = match resource.level() {
            Level::Patient => Group::Patient,
            Level::User => Group::User,
            Level::System => Group::System,
        };
        let (what, literal) = match resource.constraint() {
            None => (None, None),
            Some(constraint) => match category_code(constraint) {
                Some(code) => {
                    (category(&code, texts), Some(code).filter(|code| !knows_category(code, texts)))
                }
                None => (None, Some(constraint.as_str().to_owned())),
            },
        };
        let (label, detail) = what.unwrap_or_else(|| match resource.resource_type() {
            TypeSpec::Any => everything(group, texts),
            TypeSpec::Named(named) => kind_of_data(named.name(), texts),
        });
        let (sees, changes) = verbs(resource.permissions(), texts);
        Self { group, label, detail, sees, changes, literal: literal.map(|text| shown(&text)) }
    }
}

const fn identity_key(identity: IdentityScope) -> &'static str {
    match identity {
        IdentityScope::OpenId => "scope-openid",
        IdentityScope::FhirUser => "scope-fhirUser",
        IdentityScope::Profile => "scope-profile",
        IdentityScope::Email => "scope-email",
        IdentityScope::Address => "scope-address",
        IdentityScope::Phone => "scope-phone",
    }
}

fn everything(group: Group, texts: Texts<'_>) -> (Sentence, String) {
    let key = if group == Group::Patient { "everything-patient" } else { "everything-user" };
    (Sentence::own(texts.say(key)), texts.detail(key))
}

/// Label and longer line of a resource type; its own name, taken apart, where we have no words.
fn kind_of_data(name: &str, texts: Texts<'_>) -> (Sentence, String) {
    let key = format!("type-{name}");
    if texts.has(&key) {
        (Sentence::own(texts.say(&key)), texts.detail(&key))
    } else {
        (texts.about("unknown-type", "name", &spaced(name)), texts.detail("unknown-type"))
    }
}

/// Label and longer line of a category.
pub(crate) fn category(code: &str, texts: Texts<'_>) -> Option<(Sentence, String)> {
    let key = format!("category-{code}");
    texts.has(&key).then(|| (Sentence::own(texts.say(&key)), texts.detail(&key)))
}

/// The same, with the code itself where we have no words.
pub(crate) fn category_or_code(code: &str, texts: Texts<'_>) -> (Sentence, String) {
    category(code, texts)
        .unwrap_or_else(|| (texts.about("unknown-category", "name", code), texts.detail("unknown-category")))
}

fn knows_category(code: &str, texts: Texts<'_>) -> bool {
    texts.has(&format!("category-{code}"))
}

/// The code of a constraint that is one category of a system we know.
fn category_code(constraint: &Constraint) -> Option<String> {
    let mut pairs = constraint.pairs();
    let pair = pairs.next()?;
    if pairs.next().is_some() || pair.name() != "category" || pair.is_experimental() {
        return None;
    }
    let mut values = pair.values();
    let value = values.next()?;
    if values.next().is_some() {
        return None;
    }
    match value.split_once('|') {
        None => Some(value.to_owned()),
        Some((system, code)) if CATEGORY_SYSTEMS.iter().any(|known| system.starts_with(known)) => {
            Some(code.to_owned())
        }
        Some(_) => None,
    }
}

/// What one may see, and what one may change.
fn verbs(permissions: Permissions, texts: Texts<'_>) -> (String, String) {
    let has = |permission| permissions.contains(permission);
    let sees = match (has(Permission::Read), has(Permission::Search)) {
        (true, true) => texts.say("verb-see"),
        (true, false) => texts.say("verb-see-single"),
        (false, true) => texts.say("verb-search"),
        (false, false) => String::new(),
    };
    let changes = [
        (Permission::Create, "verb-add"),
        (Permission::Update, "verb-change"),
        (Permission::Delete, "verb-delete"),
    ]
    .into_iter()
    .filter(|(permission, _)| has(*permission))
    .map(|(_, key)| texts.say(key))
    .reduce(|first, next| texts.join("list-comma", &[("first", &first), ("next", &next)]))
    .unwrap_or_default();
    (sees, changes)
}

/// `BiologicallyDerivedProduct` as `Biologically derived product`.
fn spaced(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_uppercase() && !text.is_empty() {
            text.push(' ');
            text.extend(c.to_lowercase());
        } else {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::spaced;

    #[test]
    fn names_are_taken_apart() {
        assert_eq!(spaced("BiologicallyDerivedProduct"), "Biologically derived product");
        assert_eq!(spaced("Slot"), "Slot");
        assert_eq!(spaced(""), "");
    }
}

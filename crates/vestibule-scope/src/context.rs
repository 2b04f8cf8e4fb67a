//! Scopes that name no resource data: launch context, identity, refresh (`SMART-SCOPE-080`…`-094`).

use alloc::boxed::Box;

use crate::resource_type::ResourceType;

/// A launch context scope.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ContextScope {
    /// `launch`: the context that the EHR has established already (`SMART-SCOPE-080`).
    Launch,
    /// `launch/<type>`, perhaps with a role (`SMART-SCOPE-082`…`-085`).
    LaunchType {
        /// Written in lower case in the scope.
        resource_type: ResourceType,
        /// The role asked for. With one, the result goes to `fhirContext`, even for a Patient.
        role: Option<Role>,
    },
}

impl ContextScope {
    /// `launch/patient`, without a role.
    #[must_use]
    pub fn is_launch_patient(&self) -> bool {
        self.is_plain("Patient")
    }

    /// `launch/encounter`, without a role.
    #[must_use]
    pub fn is_launch_encounter(&self) -> bool {
        self.is_plain("Encounter")
    }

    fn is_plain(&self, name: &str) -> bool {
        matches!(self, Self::LaunchType { resource_type, role: None } if resource_type.name() == name)
    }
}

/// The role of a launch context scope, as written; it is compared as text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Role(pub(crate) Box<str>);

impl Role {
    /// The role as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the role is an absolute URI. Others are names that only SMART may define; a host may still match one.
    #[must_use]
    pub fn is_absolute_uri(&self) -> bool {
        crate::parse::has_uri_scheme(&self.0)
    }
}

/// A scope about who the user is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IdentityScope {
    /// `openid`: an ID token is issued (`SMART-SCOPE-088`).
    OpenId,
    /// `fhirUser`: the user as a FHIR resource; means nothing without `openid` (`SMART-SCOPE-089`).
    FhirUser,
    /// `profile`: in SMART 1.0 the way to ask for the user's URL (`SMART-SCOPE-091`).
    Profile,
    /// `email`, of OpenID Connect.
    Email,
    /// `address`, of OpenID Connect.
    Address,
    /// `phone`, of OpenID Connect.
    Phone,
}

/// A scope that asks for a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RefreshScope {
    /// `online_access`: while the user's session lasts (`SMART-SCOPE-093`).
    Online,
    /// `offline_access`: as long as server and user allow (`SMART-SCOPE-092`).
    Offline,
}

//! FHIR bases: what `aud` names, what an access token is for, and what may be granted there.

use vestibule_scope::{FhirVersion, ResourceScope, Scope, ScopeSet, TypeSpec};

/// One FHIR endpoint that the issuer protects.
///
/// ```
/// use vestibule_core::audience::FhirBase;
/// let base = FhirBase::new("https://ehr.example/fhir").with_alias("https://ehr.example/fhir/");
/// assert!(base.is_named("https://ehr.example/fhir/"));
/// assert!(!base.is_named("https://EHR.example/fhir"));
/// ```
#[derive(Clone, Debug)]
pub struct FhirBase {
    url: String,
    aliases: Vec<String>,
    version: FhirVersion,
    scopes: ScopeSet,
    listed: ScopeSet,
    constraints: Vec<(String, Vec<String>)>,
}

impl FhirBase {
    /// A FHIR R4 base. Everything of a patient, of a user and by backend services may be asked for; `category` constrains
    /// `Condition` and `Observation`.
    pub fn new(url: impl Into<String>) -> Self {
        let everything = ["patient/*.cruds", "user/*.cruds", "system/*.cruds"];
        Self {
            url: url.into(),
            aliases: Vec::new(),
            version: FhirVersion::R4,
            scopes: everything.iter().filter_map(|text| vestibule_scope::Scope::parse(text).ok()).collect(),
            listed: ScopeSet::new(),
            constraints: ["Condition", "Observation"]
                .map(|t| (t.to_owned(), vec!["category".to_owned()]))
                .to_vec(),
        }
    }

    /// Another spelling of the base that apps use as `aud`. Tokens carry the canonical one all the same.
    #[must_use]
    pub fn with_alias(mut self, alias: impl Into<String>) -> Self {
        self.aliases.push(alias.into());
        self
    }

    /// The FHIR version, which decides what types exist.
    #[must_use]
    pub const fn with_version(mut self, version: FhirVersion) -> Self {
        self.version = version;
        self
    }

    /// What may be asked for here at most, instead of everything.
    #[must_use]
    pub fn with_scopes(mut self, scopes: ScopeSet) -> Self {
        self.scopes = scopes;
        self
    }

    /// Scopes that discovery spells out besides the general ones: a wildcard covers them, and many apps and tests look for their
    /// own (AMB-46, USG10-031). What this base does not hold is not listed (SMART-DISC-029).
    #[must_use]
    pub fn with_listed_scopes(mut self, scopes: ScopeSet) -> Self {
        self.listed = scopes;
        self
    }

    /// Search parameters that may constrain scopes of a type, instead of the present ones.
    #[must_use]
    pub fn with_constraints(mut self, resource_type: &str, params: &[&str]) -> Self {
        self.constraints.retain(|(name, _)| name != resource_type);
        self.constraints.push((resource_type.to_owned(), params.iter().map(|p| (*p).to_owned()).collect()));
        self
    }

    /// The canonical URL: the `aud` of tokens and the `iss` of launches.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether `aud` names this base: byte for byte, no parsing (SMART-AUTHZ-041, override of SMART-AUTHZ-043).
    pub fn is_named(&self, aud: &str) -> bool {
        self.url == aud || self.aliases.iter().any(|alias| alias == aud)
    }

    /// Whether some `aud` would name both bases.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.is_named(&other.url) || other.aliases.iter().any(|alias| self.is_named(alias))
    }

    /// What may be asked for here at most.
    pub const fn scopes(&self) -> &ScopeSet {
        &self.scopes
    }

    /// What discovery spells out: each is held here.
    pub(crate) fn listed_scopes(&self) -> impl Iterator<Item = &Scope> {
        let held = |scope: &&Scope| {
            let there =
                |resource: &ResourceScope| self.knows_type(resource) && self.supports_constraint(resource);
            self.scopes.covers(scope) && scope.as_resource().is_none_or(there) && !self.scopes.contains(scope)
        };
        self.listed.iter().filter(held)
    }

    /// Whether the type exists in this base's FHIR version.
    pub(crate) fn knows_type(&self, scope: &ResourceScope) -> bool {
        match scope.resource_type() {
            TypeSpec::Any => true,
            TypeSpec::Named(named) => named.exists_in(self.version),
        }
    }

    /// Whether the scope's constraint, if any, uses only supported parameters (SMART-SCOPE-041, -050).
    pub(crate) fn supports_constraint(&self, scope: &ResourceScope) -> bool {
        let Some(constraint) = scope.constraint() else { return true };
        if constraint.is_experimental() || constraint.is_result_parameter() {
            return false;
        }
        let TypeSpec::Named(named) = scope.resource_type() else { return false };
        let Some((_, supported)) = self.constraints.iter().find(|(name, _)| name == named.name()) else {
            return false;
        };
        constraint.params().all(|param| supported.iter().any(|known| known == param))
    }
}

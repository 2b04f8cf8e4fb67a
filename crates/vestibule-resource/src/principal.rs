//! Who acts, and within which limits.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};
use vestibule_host::{ClientId, EncounterId, GrantId, PatientId, UnixMillis};
use vestibule_scope::{IdentityScope, Permission, ResourceType, Scope, ScopeKind, ScopeSet};

use crate::check::{Hidden, Verdict};
use crate::decide::{Decider, Decision};
use crate::denied::TokenFault;
use crate::element::{Element, text_of};
use crate::fhir_user::FhirUser;
use crate::grants::Grants;
use crate::interaction::{Instance, Interaction, LogicalId};
use crate::reach::Reach;
use crate::rules::Rules;

/// An app acting for a user, or a backend service, as proven by an access token.
///
/// [`TokenCheck`](crate::TokenCheck) makes one, and [`of_living_token`](Self::of_living_token) for a FHIR server in the engine's
/// own process; both only with every claim that the scopes need. It is good for the request that it was made for; check the
/// token again with the next.
#[derive(Clone)]
pub struct Principal {
    client: ClientId,
    subject: String,
    token_id: String,
    grant: Option<GrantId>,
    scopes: ScopeSet,
    /// The same, laid out for decisions.
    grants: Arc<Grants>,
    patient: Option<PatientId>,
    encounter: Option<EncounterId>,
    fhir_user: Option<String>,
    /// The same, where it lies on this base and may be read.
    own_resource: Option<FhirUser>,
    expires: UnixMillis,
}

impl Principal {
    /// Reads the claims of a token of which the engine just said that it lives: `AuthorizationServer::access_token`, in the same
    /// process. It must be for this FHIR base (SMART-AUTHZ-045, ATJWT-003); signature, end and revocation are the engine's answer,
    /// so claims from anywhere else prove nothing here.
    ///
    /// # Errors
    /// [`TokenFault`] for another audience, or where a claim is missing that the scopes need.
    pub fn of_living_token(claims: &Map<String, Value>, base: &str) -> Result<Self, TokenFault> {
        if claims.get("aud").and_then(Value::as_str) != Some(base) {
            return Err(TokenFault::WrongAudience);
        }
        Self::from_claims(claims, base)
    }

    /// Reads the claims of a verified token that is for `base` and has not ended.
    pub(crate) fn from_claims(claims: &Map<String, Value>, base: &str) -> Result<Self, TokenFault> {
        // BEARER-006: whoever stole it could not use it, and must not be able to by sending it as what it is not.
        if claims.get("cnf").is_some_and(|bound| !bound.is_null()) {
            return Err(TokenFault::Constrained);
        }
        let scopes =
            ScopeSet::parse(required(claims, "scope")?).map_err(|_| TokenFault::BadClaim("scope"))?;
        let patient = logical_id(claims, "patient")?.map(PatientId::new);
        // A patient scope says what, the context says who: without a who it opens nothing, so it opens nothing at all.
        if patient.is_none() && scopes.iter().any(Scope::is_patient_level) {
            return Err(TokenFault::NoPatient);
        }
        let fhir_user = optional(claims, "fhirUser")?.map(str::to_owned);
        let may_know_user = scopes.iter().any(|scope| {
            matches!(scope.kind(), ScopeKind::Identity(IdentityScope::FhirUser | IdentityScope::Profile))
        });
        let own_resource =
            fhir_user.as_deref().filter(|_| may_know_user).and_then(|url| FhirUser::on_base(base, url));
        Ok(Self {
            client: ClientId::new(required(claims, "client_id")?),
            subject: required(claims, "sub")?.to_owned(),
            token_id: required(claims, "jti")?.to_owned(),
            grant: optional(claims, "grant_id")?.map(GrantId::new),
            encounter: logical_id(claims, "encounter")?.map(EncounterId::new),
            expires: seconds(claims, "exp").ok_or(TokenFault::BadClaim("exp"))?,
            grants: Arc::new(Grants::new(&scopes, patient.clone().into_iter().collect())),
            scopes,
            patient,
            fhir_user,
            own_resource,
        })
    }

    /// The app.
    pub const fn client_id(&self) -> &ClientId {
        &self.client
    }

    /// The token's `sub`: the user as this issuer names them to apps, or the client itself for a backend service.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The token's `jti`.
    pub fn token_id(&self) -> &str {
        &self.token_id
    }

    /// The grant under which the token was issued (ATJWT-007). Backend services have none.
    pub const fn grant_id(&self) -> Option<&GrantId> {
        self.grant.as_ref()
    }

    /// What was granted.
    pub const fn scopes(&self) -> &ScopeSet {
        &self.scopes
    }

    /// The patient in context. Always there if a `patient/` scope is.
    pub const fn patient(&self) -> Option<&PatientId> {
        self.patient.as_ref()
    }

    /// The encounter in context.
    pub const fn encounter(&self) -> Option<&EncounterId> {
        self.encounter.as_ref()
    }

    /// The user as a FHIR resource, as the token says it.
    pub fn fhir_user(&self) -> Option<&str> {
        self.fhir_user.as_deref()
    }

    /// When the token ends.
    pub const fn expires(&self) -> UnixMillis {
        self.expires
    }

    /// Records of the same person as the patient in context, which `patient/` scopes are to reach in this request
    /// (SMART-SCOPE-065). Nothing follows `Patient.link` by itself: the server says which links it trusts.
    #[must_use]
    pub fn with_linked_patients(mut self, linked: impl IntoIterator<Item = PatientId>) -> Self {
        if let Some(patient) = &self.patient {
            let patients = std::iter::once(patient.clone()).chain(linked).collect();
            self.grants = Arc::new(Grants::new(&self.scopes, patients));
        }
        self
    }

    /// What the scopes say to an interaction.
    pub fn decide(&self, interaction: &Interaction, rules: &Rules) -> Decision {
        Decider { grants: &self.grants, own_resource: self.own_resource.as_ref(), rules }.decide(interaction)
    }

    /// Whether a read would show this resource: for the answer of a write. To write is not to read (SMART-SCOPE-020), and the
    /// answer to a patch or a conditional write may hold what was there before: without this, answer with the status alone.
    pub fn check_read(&self, resource: &dyn Element, rules: &Rules) -> Verdict {
        let kind = text_of(resource, "resourceType").and_then(|name| rules.version().resource_type(&name));
        let id = text_of(resource, "id").and_then(|id| LogicalId::new(&id));
        let (Some(resource_type), Some(id)) = (kind, id) else { return Verdict::Hidden(Hidden::Unexpected) };
        match self.decide(&Interaction::Read(Instance { resource_type, id }), rules) {
            Decision::Permit(_) => Verdict::Permitted,
            Decision::PermitNarrowed(narrowing) => narrowing.check_result(resource),
            Decision::Deny(_) => Verdict::Hidden(Hidden::NoScope),
        }
    }

    /// What of a type one permission reaches, for a server that takes requests apart by itself.
    ///
    /// The user's own resource (SMART-IDT-014) is not in it: [`decide`](Self::decide) knows that too.
    pub fn reach(&self, resource_type: ResourceType, permission: Permission, rules: &Rules) -> Reach {
        self.grants.reach(resource_type, permission, rules)
    }

    /// Whether this is the resource that describes the user, and the app was granted to read it (SMART-IDT-014).
    pub fn is_own_resource(&self, resource_type: ResourceType, id: &str) -> bool {
        self.own_resource.as_ref().is_some_and(|own| own.is(resource_type, id))
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Who the patient and the user are stays out of logs (LOG-001).
        f.debug_struct("Principal")
            .field("client", &self.client)
            .field("grant", &self.grant)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

/// A claim that is there must be text and say something; another type is an error, not "absent".
fn optional<'c>(claims: &'c Map<String, Value>, name: &'static str) -> Result<Option<&'c str>, TokenFault> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => {
            value.as_str().filter(|text| !text.is_empty()).map(Some).ok_or(TokenFault::BadClaim(name))
        }
    }
}

fn required<'c>(claims: &'c Map<String, Value>, name: &'static str) -> Result<&'c str, TokenFault> {
    optional(claims, name)?.ok_or(TokenFault::BadClaim(name))
}

fn logical_id<'c>(claims: &'c Map<String, Value>, name: &'static str) -> Result<Option<&'c str>, TokenFault> {
    let id = optional(claims, name)?;
    if id.is_some_and(|id| !PatientId::is_logical_id(id)) {
        return Err(TokenFault::BadClaim(name));
    }
    Ok(id)
}

fn seconds(claims: &Map<String, Value>, name: &str) -> Option<UnixMillis> {
    claims.get(name)?.as_i64().map(UnixMillis::from_seconds)
}
